"""The training set of a project: the same from the command and from QuPath's script."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile

from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.results import result_names, write_review
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import pull
from tests.groovy.conftest import SCRIPTS
from tests.groovy.conftest import QuPath as QuPathScripts

pytestmark = pytest.mark.qupath

DRAW = """
import java.awt.image.BufferedImage
import qupath.lib.geom.Point2
import qupath.lib.images.servers.ImageServers
import qupath.lib.objects.PathObjects
import qupath.lib.objects.classes.PathClass
import qupath.lib.projects.Projects
import qupath.lib.regions.ImagePlane
import qupath.lib.roi.ROIs
import qupath.lib.roi.RoiTools

def project = Projects.createProject(new File(args[0]), BufferedImage)
def plane = ImagePlane.getDefaultPlane()
def points = { xy -> xy.collect { new Point2(it[0], it[1]) } }
def box = { x, y, w, h -> ROIs.createRectangleROI(x, y, w, h, plane) }
args.drop(1).each { path ->
    def server = ImageServers.buildServer(new File(path).toURI())
    def entry = project.addImage(server.getBuilder())
    entry.setImageName(new File(path).name)
    def data = entry.readImageData()
    def kinds = [
        'Cortex': box(10, 20, 30.5, 15.25),
        'Cortex: upper': ROIs.createEllipseROI(100, 40, 20, 30, plane),
        'a/b [x]': ROIs.createPolygonROI(
            points([[50.123, 60.5], [70, 61], [60.75, 90.3331]]), plane),
        'Hole': RoiTools.combineROIs(box(120, 100, 40, 40), box(130, 110, 9, 9),
                                     RoiTools.CombineOp.SUBTRACT),
        'Pieces': RoiTools.combineROIs(box(5, 100, 9, 9), box(30, 120, 7, 5.5),
                                       RoiTools.CombineOp.ADD),
        'Edge': box(185, 130, 40, 40),
        'Outside': box(300, 10, 9, 9),
        'Dots': ROIs.createPointsROI(points([[3, 4], [5.5, 6]]), plane),
        'Path': ROIs.createPolylineROI(points([[3, 40], [5.5, 60], [9, 61]]), plane),
        '': ROIs.createRectangleROI(60, 10, 9, 9, plane),
    ]
    kinds.eachWithIndex { name, roi, n ->
        def pathClass = name ? PathClass.fromString(name) : null
        def object = PathObjects.createAnnotationObject(roi, pathClass)
        if (n % 3 == 0) object.setName('called ' + name)
        if (n % 4 == 0) object.setColor(255, 128, n)
        object.setLocked(n % 2 == 0)
        object.getMeasurementList().put('n', n)
        if (n % 2) object.getMeasurementList().put('ratio', n == 3 ? Double.NaN : n / 7)
        data.getHierarchy().addObject(object)
    }
    data.getHierarchy().addObject(PathObjects.createDetectionObject(box(15, 25, 5, 5)))
    entry.saveImageData(data)
}
project.syncChanges()
"""


@pytest.fixture(scope="module")
def drawn(qupath_scripts: QuPathScripts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two images of one name and an RGB image, each with ten annotations."""
    folder = tmp_path_factory.mktemp("training")
    rng = np.random.default_rng(2)
    paths = [folder / "one" / "a.tif", folder / "two" / "a.tif", folder / "colours.ome.tif"]
    for number, path in enumerate(paths[:2], 2):
        path.parent.mkdir()
        tifffile.imwrite(
            path, rng.integers(0, 4000, (number, 150, 200), np.uint16), imagej=True,
            resolution=(2, 4), metadata={"axes": "CYX", "unit": "um"},
        )  # fmt: skip
    tifffile.imwrite(paths[2], rng.integers(0, 255, (150, 200, 3), np.uint8), photometric="rgb")
    script, project = folder / "draw.groovy", folder / "project"
    script.write_text(DRAW, "utf-8")
    project.mkdir()
    done = qupath_scripts.script(script, settings=[str(project), *map(str, paths)])
    assert done.status == 0, done.output
    return project


@pytest.fixture(scope="module")
def exported(
    drawn: Path, qupath_scripts: QuPathScripts, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """What the script wrote, and what it said."""
    out = tmp_path_factory.mktemp("by_script") / "export"
    settings = [f"project={drawn / 'project.qpproj'}", f"folder={out}"]
    done = qupath_scripts.script(SCRIPTS / "export_annotations.groovy", settings=settings)
    assert done.status == 0, done.output
    return out, done.output


@pytest.fixture(scope="module")
def pulled(
    drawn: Path, qupath: QuPath, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """What the command wrote, and its notes."""
    out = tmp_path_factory.mktemp("by_command")
    reviews = pull(qupath, drawn)
    names = result_names(read_project(drawn).images)
    notes: list[str] = []
    for review, name in zip(reviews, names, strict=True):
        notes += write_review(review, name, out, ["csv"], crops=True).notes
    return out / "export", "\n".join(notes)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))


def test_both_write_the_same_files(exported: tuple[Path, str], pulled: tuple[Path, str]) -> None:
    assert files(exported[0]) == files(pulled[0])
    assert len(files(pulled[0])) == 3 * (2 + 7)
    assert "ROIsTif/a [2] (Cortex_ upper)_006.tif" in files(pulled[0])


def test_both_write_the_same_pixels_size_and_outline(
    exported: tuple[Path, str], pulled: tuple[Path, str]
) -> None:
    for name in (file for file in files(pulled[0]) if file.endswith(".tif")):
        found = []
        for folder in (exported[0], pulled[0]):
            with tifffile.TiffFile(folder / name) as tiff:
                assert tiff.imagej_metadata is not None
                roi = roifile.ImagejRoi.frombytes(tiff.imagej_metadata["ROI"])
                tags = tiff.pages.first.tags
                resolution = [
                    tags[axis].value[0] / tags[axis].value[1]
                    for axis in ("XResolution", "YResolution")
                    if axis in tags
                ]
                found.append((tiff.asarray(), resolution, area(roi)))
        (ours, our_size, our_area), (theirs, their_size, their_area) = found
        assert np.array_equal(ours, theirs), name
        assert our_area == pytest.approx(their_area, abs=1.0), name
        if "colours" not in name:
            assert our_size == pytest.approx(their_size), name


def area(roi: roifile.ImagejRoi) -> float:
    """Area of the box of a ROI."""
    if roi.roitype in (roifile.ROI_TYPE.RECT, roifile.ROI_TYPE.OVAL):
        return float((roi.right - roi.left) * (roi.bottom - roi.top))
    xy = np.asarray(roi.coordinates())
    return float(np.prod(np.ceil(xy.max(axis=0)) - np.floor(xy.min(axis=0))))


def test_both_write_the_same_json(exported: tuple[Path, str], pulled: tuple[Path, str]) -> None:
    for name in (file for file in files(pulled[0]) if file.endswith(".geojson")):
        theirs, ours = (
            rounded(json.loads((folder / name).read_text("utf-8")))
            for folder in (exported[0], pulled[0])
        )
        assert [f["id"] for f in theirs["features"]] == [f["id"] for f in ours["features"]]
        assert theirs == ours


def rounded(value: Any) -> Any:
    """Numbers as they compare: a half of the last digit may be rounded up or down."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        assert math.isfinite(value)
        return round(value, 3)
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


def test_both_write_the_same_rois(exported: tuple[Path, str], pulled: tuple[Path, str]) -> None:
    for name in (file for file in files(pulled[0]) if file.endswith(".zip")):
        zips = [zipfile.ZipFile(folder / name) for folder in (exported[0], pulled[0])]
        theirs, ours = (
            {e: roifile.ImagejRoi.frombytes(z.read(e)) for e in z.namelist()} for z in zips
        )
        assert list(theirs) == list(ours)
        for entry, roi in ours.items():
            assert theirs[entry].name == roi.name
            known, said = (
                {line for line in props.splitlines() if "measurement" not in line}
                for props in (theirs[entry].props, roi.props)
            )
            assert {line for line in known if line.startswith("starbridge.id")} <= said


def test_both_say_what_lies_outside(exported: tuple[Path, str], pulled: tuple[Path, str]) -> None:
    for text in (exported[1], pulled[1]):
        assert text.count("outside the image, so without a region: [Outside] 003") == 3
        assert text.count("partly outside the image, and cut to it: [Edge] 010") == 3
