"""Images that are not their file as it lies, in a real QuPath: pushed to, pulled, and cropped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, PixelSize
from bridge.apps.qupath.project_files import ProjectImage, read_project
from bridge.apps.qupath.results import write_review
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.shown_image import open_shown
from bridge.apps.qupath.sync import PushSettings, pull, push
from bridge.review import compare
from tests.groovy.conftest import QuPath as QuPathScripts
from tests.groovy.conftest import launcher

pytestmark = pytest.mark.qupath

WIDTH, HEIGHT = 90, 70

MAKE_PROJECT = """
import ij.io.FileSaver
import java.awt.geom.AffineTransform
import java.awt.image.BufferedImage
import qupath.imagej.tools.IJTools
import qupath.lib.images.servers.ColorTransforms
import qupath.lib.images.servers.ImageServers
import qupath.lib.images.servers.PixelType
import qupath.lib.images.servers.RotatedImageServer.Rotation
import qupath.lib.images.servers.TransformedServerBuilder
import qupath.lib.projects.Projects
import qupath.lib.regions.ImageRegion
import qupath.lib.regions.RegionRequest

def project = Projects.createProject(new File(args[0], 'project'), BufferedImage)
def plain = { ImageServers.buildServer(new File(args[1]).toURI()) }
def built = { new TransformedServerBuilder(plain()) }
def scaled = AffineTransform.getScaleInstance(2, 0.5)
def skewed = new AffineTransform(1.0, 0.25, -0.5, 1.0, 40.0, 3.0)
def region = ImageRegion.createInstance(20, 10, 50, 40, 0, 0)
def servers = [
    plain: plain(),
    'rotated 90': built().rotate(Rotation.ROTATE_90).build(),
    'rotated 180': built().rotate(Rotation.ROTATE_180).build(),
    'rotated 270': built().rotate(Rotation.ROTATE_270).build(),
    cropped: built().crop(region).build(),
    'cropped, rotated': built().crop(region).rotate(Rotation.ROTATE_90).build(),
    'rotated, cropped': built().rotate(Rotation.ROTATE_270).crop(region).build(),
    rescaled: built().transform(scaled).build(),
    skewed: built().transform(skewed).build(),
    'channel 1': built().extractChannels(1).build(),
    float: built().convertType(PixelType.FLOAT32).build(),
    pyramid: ImageServers.pyramidalize(plain(), 1, 4),
]
servers.each { name, server ->
    def entry = project.addImage(server.getBuilder())
    entry.setImageName(name)
    entry.saveImageData(entry.readImageData())
    def shown = IJTools.convertToImagePlus(server, RegionRequest.createInstance(server)).getImage()
    new FileSaver(shown).saveAsTiff(new File(args[0], name + '.tif').path)
}
project.syncChanges()
"""

EXACT = (
    "plain",
    "rotated 90",
    "rotated 180",
    "rotated 270",
    "cropped",
    "cropped, rotated",
    "rotated, cropped",
    "channel 1",
    "pyramid",
)
"""Images whose pixels QuPath shows without any resampling."""

MOVED = (*EXACT, "rescaled", "skewed", "float")


@dataclass(frozen=True)
class Made:
    """A project of one file, shown in many ways.

    Attributes:
        file: the file.
        project: the project.
        nuclei: one object for each bright square of the file.
    """

    file: Path
    project: Path
    nuclei: Detections

    def image(self, name: str) -> ProjectImage:
        return read_project(self.project).image(name)

    def shown(self, name: str) -> NDArray[Any]:
        """Pixels as QuPath itself shows them, channels first."""
        pixels = tifffile.imread(self.project.parent / f"{name}.tif")
        return pixels if pixels.ndim == 3 else pixels[np.newaxis]


@pytest.fixture(scope="module")
def made(qupath: QuPath, tmp_path_factory: pytest.TempPathFactory) -> Made:
    assert qupath.app is not None
    folder = tmp_path_factory.mktemp("transformed")
    file = folder / "my section.tif"
    pixels = np.zeros((2, HEIGHT, WIDTH), np.uint16)
    squares = [(12 * column + 5, 11 * row + 6) for row in range(6) for column in range(7)]
    for number, (x, y) in enumerate(squares, 1):
        pixels[:, y : y + 7, x : x + 8] = number
    pixels[1] += 1000
    tifffile.imwrite(
        file, pixels, imagej=True, resolution=(2, 4), metadata={"axes": "CYX", "unit": "um"}
    )
    (folder / "project").mkdir()
    script = folder / "make.groovy"
    script.write_text(MAKE_PROJECT, "utf-8")
    scripts = QuPathScripts(launcher(qupath.app.path), folder)
    done = scripts.script(script, settings=[str(folder), str(file)])
    assert done.status == 0, done.output
    info = ImageInfo(
        name="my section", width=WIDTH, height=HEIGHT, pixel_size=PixelSize(y=0.25, x=0.5)
    )
    nuclei = Detections.from_polygons(
        [shapely.box(x, y, x + 8, y + 7) for x, y in squares], image=info
    )
    return Made(file, folder / "project", nuclei)


def named(made: Made, name: str) -> Path:
    return made.file.with_name(f"{made.file.name}#{name}")


@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_taken_from_the_file_as_qupath_shows_them(made: Made, name: str) -> None:
    expected = made.shown(name)

    with open_shown(made.image(name)) as image:
        assert (image.height, image.width) == expected.shape[1:]
        assert len(image.channels) == len(expected)
        for channel, pixels in enumerate(expected):
            assert np.array_equal(image.plane(channel), pixels)


@pytest.mark.parametrize("name", MOVED)
def test_nuclei_lie_on_their_pixels_and_come_back(
    qupath: QuPath, made: Made, tmp_path: Path, name: str
) -> None:
    settings = PushSettings(force=True)
    (outcome,) = push(qupath, made.project, [(named(made, name), made.nuclei)], settings)
    assert outcome.error is None
    assert outcome.image == name
    image = made.image(name)

    there = qupath.read(image.id).detections
    pixels = made.shown(name)[-1].astype(int) % 1000
    assert there.image.height is not None
    assert (there.image.height, there.image.width) == pixels.shape
    numbers = dict(zip(made.nuclei.ids, range(1, len(made.nuclei) + 1), strict=True))
    centres = shapely.centroid(there.objects.geometry.to_numpy())
    checked = 0
    for identity, x, y in zip(
        there.ids, shapely.get_x(centres), shapely.get_y(centres), strict=True
    ):
        if 0 <= x < pixels.shape[1] and 0 <= y < pixels.shape[0]:
            assert pixels[int(y), int(x)] == numbers[identity]
            checked += 1
    assert checked >= 10
    assert outcome.added + outcome.left_out == len(made.nuclei)
    assert (outcome.left_out > 0) == ("cropped" in name)

    (review,) = pull(qupath, made.project, [name])
    back = review.detections
    assert (back.image.width, back.image.height) == (WIDTH, HEIGHT)
    if name != "skewed":  # QuPath knows no pixel size of such an image
        assert back.image.pixel_size is not None
        assert back.image.pixel_size.x == pytest.approx(0.5, rel=1e-4)
        assert back.image.pixel_size.y == pytest.approx(0.25, rel=1e-4)
    kept = replace(made.nuclei, objects=made.nuclei.objects.loc[back.ids])
    assert compare(kept, back).counts()["untouched"] == len(back) == outcome.added
    assert review.changes is not None
    assert review.changes.counts()["untouched"] == outcome.added
    written = write_review(review, "a", tmp_path, ["labels"])
    assert tifffile.imread(tmp_path / written.files["labels"]).shape == (HEIGHT, WIDTH)

    (again,) = push(qupath, made.project, [(named(made, name), made.nuclei)], settings)
    assert (again.error, again.added, again.removed) == (None, 0, 0)


@pytest.mark.parametrize("name", [name for name in EXACT if name != "plain"])
def test_crops_show_what_qupath_shows(
    qupath: QuPath, made: Made, tmp_path: Path, name: str
) -> None:
    image = made.image(name)
    region = Detections.from_polygons(
        [shapely.box(5, 8, 25, 20)], columns={"object_type": ["annotation"], "class": ["A"]}
    )
    qupath.open(made.project)
    qupath.write(image.id, add=region, parents=[None], remove=[])
    try:
        (review,) = pull(qupath, made.project, [name])
        files = write_review(review, "a", tmp_path, ["csv"], crops=True).files
    finally:
        qupath.write(image.id, add=replace(region, objects=region.objects.iloc[:0]), parents=[],
                     remove=region.ids)  # fmt: skip

    crop = tifffile.imread(tmp_path / files["crop 1"])
    expected = made.shown(name)[:, 8:20, 5:25]
    assert np.array_equal(crop.reshape(expected.shape), expected)
    outline = Detections.read(tmp_path / files["annotations geojson"]).objects.geometry.iloc[0]
    assert outline.bounds == (5, 8, 25, 20)


def test_the_image_that_shows_the_file_as_it_is_is_taken_where_none_is_named(
    qupath: QuPath, made: Made
) -> None:
    (outcome,) = push(
        qupath, made.project, [(made.file, made.nuclei)], PushSettings(force=True, dry_run=True)
    )

    assert (outcome.error, outcome.image) == (None, "plain")


def test_objects_of_another_size_are_refused(qupath: QuPath, made: Made) -> None:
    turned = replace(made.nuclei, image=replace(made.nuclei.image, width=HEIGHT, height=WIDTH))

    (outcome,) = push(
        qupath, made.project, [(named(made, "rotated 90"), turned)], PushSettings(force=True)
    )

    assert f"found in an image of {HEIGHT} x {WIDTH} px" in str(outcome.error)
    assert f"is made of {WIDTH} x {HEIGHT} px (rotated by 90°)" in str(outcome.error)


ADD_SERIES = """
import java.awt.image.BufferedImage
import qupath.lib.images.servers.ImageServers
import qupath.lib.projects.Projects

def project = Projects.createProject(new File(args[0], 'project'), BufferedImage)
ImageServers.getImageSupport(new File(args[1]).toURI()).getBuilders().each { builder ->
    def server = builder.build()
    def entry = project.addImage(server.getBuilder())
    entry.setImageName(server.getMetadata().getName())
    entry.saveImageData(entry.readImageData())
}
project.syncChanges()
"""


def test_series_of_a_file_are_pushed_to_by_number_name_and_size(
    qupath: QuPath, tmp_path: Path
) -> None:
    file = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(file, ome=True) as tiff:
        tiff.write(np.full((60, 80), 1, np.uint8), metadata={"axes": "YX", "Name": "left"})
        tiff.write(np.full((60, 80), 2, np.uint8), metadata={"axes": "YX", "Name": "right"})
        tiff.write(np.full((50, 90), 3, np.uint8), metadata={"axes": "YX", "Name": "low"})
    (tmp_path / "project").mkdir()
    script = tmp_path / "add.groovy"
    script.write_text(ADD_SERIES, "utf-8")
    assert qupath.app is not None
    done = QuPathScripts(launcher(qupath.app.path), tmp_path).script(
        script, settings=[str(tmp_path), str(file)]
    )
    assert done.status == 0, done.output
    project = tmp_path / "project"
    images = read_project(project).images
    if len(images) != 3:
        pytest.skip("QuPath has no Bio-Formats, which reads files of several images")

    def found(width: int, height: int) -> Detections:
        info = ImageInfo(width=width, height=height)
        return Detections.from_polygons([shapely.box(3, 4, 9, 9)], image=info)

    pairs = [
        (Path(f"{file}#0"), found(80, 60)),
        (Path(f"{file}#right"), found(80, 60)),
        (file, found(90, 50)),
        (file, found(80, 60)),
        (Path(f"{file}#2"), found(80, 60)),
    ]
    outcomes = push(qupath, project, pairs, PushSettings(force=True))

    assert [outcome.error for outcome in outcomes[:3]] == [None] * 3
    assert [outcome.image for outcome in outcomes[:3]] == [image.name for image in images]
    assert "is in the project several times" in str(outcomes[3].error)
    assert "found in an image of 80 x 60 px" in str(outcomes[4].error)
    reviews = pull(qupath, project, ["two.ome.tif#1", "two.ome.tif#2"])
    assert [review.image.id for review in reviews] == [image.id for image in images[1:]]
    for number, image in enumerate(images, 1):
        with open_shown(image) as shown:
            assert (shown.plane(0) == number).all()
