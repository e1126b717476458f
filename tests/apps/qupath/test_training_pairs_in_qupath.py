"""Training pairs of what reviewers finished in a real QuPath."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge.apps.finding import find_qupath
from bridge.apps.training_pairs import kind_of, read_training_pairs
from bridge.errors import BadInputError
from bridge.training.pairs import IGNORED
from bridge.training.sources import ReadOptions
from tests.groovy.conftest import QuPath as QuPathScripts
from tests.training.folders import picture

pytestmark = pytest.mark.qupath

DRAW = """
import java.awt.image.BufferedImage
import qupath.lib.images.servers.ImageServers
import qupath.lib.objects.PathObjects
import qupath.lib.objects.classes.PathClass
import qupath.lib.projects.Projects
import qupath.lib.regions.ImagePlane
import qupath.lib.roi.ROIs

def project = Projects.createProject(new File(args[0]), BufferedImage)
def box = { x, y, w, h -> ROIs.createRectangleROI(x, y, w, h, ImagePlane.getDefaultPlane()) }
args.drop(1).eachWithIndex { path, number ->
    def entry = project.addImage(ImageServers.buildServer(new File(path).toURI()).getBuilder())
    entry.setImageName(new File(path).name)
    def data = entry.readImageData()
    def add = { data.getHierarchy().addObject(it) }
    add(PathObjects.createDetectionObject(box(4, 4, 8, 8), PathClass.fromString('glia')))
    add(PathObjects.createDetectionObject(box(20, 4, 8, 8)))
    add(PathObjects.createDetectionObject(box(28, 20, 8, 8)))
    if (number == 0)
        add(PathObjects.createAnnotationObject(box(0, 0, 30, 40), PathClass.fromString('Done')))
    if (number == 1)
        entry.putMetadataValue('Done', 'yes')
    entry.saveImageData(data)
}
project.syncChanges()
"""


@pytest.fixture(scope="module")
def project(qupath_scripts: QuPathScripts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project: one image with a finished region, one that is marked, one with neither."""
    folder = tmp_path_factory.mktemp("finished")
    paths = [folder / f"{name}.tif" for name in "abc"]
    for seed, path in enumerate(paths):
        tifffile.imwrite(path, picture(seed), imagej=True, resolution=(2, 2))
    script, made = folder / "draw.groovy", folder / "project"
    script.write_text(DRAW, "utf-8")
    made.mkdir()
    done = qupath_scripts.script(script, settings=[str(made), *map(str, paths)])
    assert done.status == 0, done.output
    return made


@pytest.fixture(scope="module", autouse=True)
def _needs_qupath() -> None:
    pytest.importorskip("paquo", reason='needs the qupath part: pip install "starbridge[qupath]"')
    if find_qupath() is None:
        pytest.skip("needs a QuPath: set PAQUO_QUPATH_DIR to its folder")


def test_regions_and_marked_images_are_read(project: Path) -> None:
    notes: list[str] = []

    pairs = list(read_training_pairs(project, ReadOptions(inside=("Done",)), note=notes.append))

    assert kind_of(project) == "QuPath project"
    assert [pair.name for pair in pairs] == ["a", "b"]
    region, whole = pairs
    assert (region.labels[:40, :30] != IGNORED).sum() == 40 * 30 - 2 * 8  # the third is cut off
    assert (region.labels[20:28, 28:36] == IGNORED).all()
    assert region.count == 2
    assert list(region.classes.values()) == ["glia"]
    assert whole.reviewed == 1
    assert whole.count == 3
    assert np.array_equal(whole.image[..., 0], picture(1))
    assert "nothing is finished in c.tif" in notes[-1]


def test_images_are_named_as_finished(project: Path) -> None:
    pairs = list(read_training_pairs(project, ReadOptions(done=("c",))))
    again = list(read_training_pairs(project, ReadOptions(done=("c.tif",))))

    assert [pair.name for pair in again] == ["b", "c"]
    assert [pair.name for pair in pairs] == ["b", "c"]


def test_an_image_that_the_project_lacks_is_refused(project: Path) -> None:
    with pytest.raises(BadInputError, match="has no image 'd'"):
        list(read_training_pairs(project, ReadOptions(done=("d",))))
