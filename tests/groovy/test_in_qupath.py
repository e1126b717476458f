"""The scripts in a real QuPath, started without a window as `QuPath script` (PAQUO_QUPATH_DIR)."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections, Segmenter
from bridge.images import open_image
from tests.discs import TOLERANCE
from tests.groovy.conftest import SCRIPTS, QuPath, Ran
from tests.groovy.qupath_api import CLASSES
from tests.groovy.test_texts import functions_of

NAMES = ("nuclei", "it's [two] $x 100%")
"""Images of the project; the second has two channels, DAPI and GFP."""

PIXEL_SIZE = 0.25
BOX = (100, 120, 300, 330)
"""Left, top, right, bottom of the annotation of class Tumor that each image has."""

MAKE_PROJECT = """
import java.awt.image.BufferedImage
import qupath.lib.images.servers.ImageServers
import qupath.lib.objects.PathObjects
import qupath.lib.objects.classes.PathClass
import qupath.lib.projects.Projects
import qupath.lib.regions.ImagePlane
import qupath.lib.roi.ROIs

def project = Projects.createProject(new File(args[0], 'project'), BufferedImage)
args.drop(1).each { path ->
    def server = ImageServers.buildServer(new File(path).toURI())
    def entry = project.addImage(server.getBuilder())
    entry.setImageName(new File(path).name)
    def data = entry.readImageData()
    def plane = ImagePlane.getDefaultPlane()
    def box = ROIs.createRectangleROI(100, 120, 200, 210, plane)
    def round = ROIs.createEllipseROI(339.5, 339.5, 120, 121, plane)
    def tumor = PathObjects.createAnnotationObject(box, PathClass.fromString('Tumor'))
    data.getHierarchy().addObjects([tumor, PathObjects.createAnnotationObject(round)])
    entry.saveImageData(data)
}
project.syncChanges()
"""

CHECK_NAMES = """
println('imported ' + qupath.lib.gui.scripting.QPEx.methods*.name.unique().join(' '))
args.each { line ->
    def (type, names) = line.split('=', -1) as List
    def known = Class.forName(type).methods*.name as Set
    names.split(';').findAll { it }.each {
        println((it in known ? 'has ' : 'lacks ') + type + ' ' + it)
    }
}
"""


@pytest.fixture(scope="module")
def made(
    qupath: QuPath,
    real_image: tuple[NDArray[Any], NDArray[Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with two images and a project of them."""
    folder = tmp_path_factory.mktemp("qupath")
    image = real_image[0]
    resolution = (1 / PIXEL_SIZE, 1 / PIXEL_SIZE)
    tifffile.imwrite(
        folder / f"{NAMES[0]}.tif", image, imagej=True, resolution=resolution,
        metadata={"axes": "YX", "unit": "um"},
    )  # fmt: skip
    tifffile.imwrite(
        folder / f"{NAMES[1]}.tif", np.stack([image[::-1], image]), imagej=True,
        resolution=resolution, metadata={"axes": "CYX", "unit": "um", "Labels": ["DAPI", "GFP"]},
    )  # fmt: skip
    (folder / "project").mkdir()
    script = folder / "make_project.groovy"
    script.write_text(MAKE_PROJECT, "utf-8")
    paths = [str(folder / f"{name}.tif") for name in NAMES]
    done = qupath.script(script, settings=[str(folder), *paths])
    assert done.status == 0, done.output
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A project of one's own."""
    shutil.copytree(made / "project", tmp_path / "project")
    return tmp_path / "project" / "project.qpproj"


Run = Callable[..., Ran]


@pytest.fixture
def run(qupath: QuPath, project: Path) -> Run:
    """Run one of the scripts on an image of the project, and save."""

    def on_image(script: str, *settings: str, image: str = NAMES[0], status: int = 0) -> Ran:
        done = qupath.script(
            SCRIPTS / f"{script}.groovy",
            *("-p", str(project), "-i", f"{image}.tif", "-s"),
            settings=settings,
        )
        assert done.status == status, done.output
        return done

    return on_image


@pytest.fixture
def reviewed(qupath: QuPath, project: Path, tmp_path: Path) -> Callable[[str], Detections]:
    """What export_review says of an image of the project."""

    def of(name: str) -> Detections:
        out = tmp_path / "reviewed"
        settings = [f"project={project}", f"folder={out}"]
        done = qupath.script(SCRIPTS / "export_review.groovy", settings=settings)
        assert done.status == 0, done.output
        return Detections.read(out / "geojson" / f"{name}.geojson")

    return of


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def of_kind(detections: Detections, kind: str) -> Any:
    return detections.objects[detections.objects["object_type"] == kind]


def test_qupath_has_every_name_that_is_used(qupath: QuPath, tmp_path: Path) -> None:
    script = tmp_path / "check.groovy"
    script.write_text(CHECK_NAMES, "utf-8")
    lines = [f"{name}={';'.join(methods)}" for name, methods in CLASSES.items()]

    done = qupath.script(script, settings=lines)

    assert done.status == 0, done.output
    assert done.output.count("has qupath.") == sum(map(len, CLASSES.values()))
    assert "lacks" not in done.output
    imported = set(re.findall(r"^imported (.*)$", done.output, re.MULTILINE)[0].split())
    assert {"getProject", "addObjects"} <= imported
    for path in SCRIPTS.glob("*.groovy"):
        assert functions_of(path.stem).keys() & imported == set()


# ---- import_detections, export_review ----------------------------------------------------------


@pytest.fixture
def results(real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path) -> Path:
    """A results folder as `starbridge segment` leaves it, with the hand-made outlines."""
    nuclei = Detections.from_labels(real_image[1])
    objects = nuclei.objects.assign(score=np.arange(len(nuclei)) + 0.25)
    objects["ratio"] = np.where(np.arange(len(nuclei)) % 3, 0.5, np.nan)
    objects["class"] = ["Tumor: Positive" if n % 2 else "Tumor" for n in range(len(objects))]
    marked = Detections(objects, nuclei.image)
    file = tmp_path / "results" / "geojson" / f"{NAMES[0]}.geojson"
    marked.write(file)
    # Programs that know no NaN write null.
    file.write_text(file.read_text("utf-8").replace('"ratio":"NaN"', '"ratio":null', 3), "utf-8")
    return tmp_path / "results"


def test_imported_objects_come_back_as_they_were(
    run: Run, reviewed: Callable[[str], Detections], results: Path, tmp_path: Path
) -> None:
    given = Detections.read(results / "geojson" / f"{NAMES[0]}.geojson")

    done = run("import_detections", f"from={results}")
    back = reviewed(NAMES[0])

    assert f"{len(given)} objects imported into {NAMES[0]}.tif" in done.output
    detections = of_kind(back, "detection")
    assert sorted(detections.index) == sorted(given.objects.index)
    same = detections.loc[given.objects.index]
    assert list(same["class"]) == list(given.objects["class"])
    assert list(same["score"]) == list(given.objects["score"])
    assert np.array_equal(same["ratio"], given.objects["ratio"], equal_nan=True)
    exported = (tmp_path / "reviewed" / "geojson" / f"{NAMES[0]}.geojson").read_text("utf-8")
    assert exported.count('"ratio":') == len(given)  # NaN, and not left out
    apart = same.geometry.symmetric_difference(given.objects.geometry).area
    assert float((apart / given.objects.area).max()) < 0.01
    assert (back.image.width, back.image.height) == (512, 512)
    assert back.image.pixel_size is not None
    assert back.image.pixel_size.x == PIXEL_SIZE

    table = rows(tmp_path / "reviewed" / "tables" / f"{NAMES[0]}.tsv")
    assert {row["Object ID"] for row in table} == set(given.objects.index)
    left, top, right, bottom = BOX
    for row in table:
        x, y = (float(row[f"Centroid {axis} µm"]) / PIXEL_SIZE for axis in "XY")
        inside = left < x < right and top < y < bottom
        assert row["Parent"].startswith("Annotation (Tumor)") == inside
    annotations = rows(tmp_path / "reviewed" / "tables" / f"{NAMES[0]}_annotations.tsv")
    assert [row["Classification"] for row in annotations] == ["Tumor", ""]


def test_a_second_import_changes_nothing_and_replaces_when_asked(
    run: Run, reviewed: Callable[[str], Detections], results: Path
) -> None:
    count = len(Detections.read(results / "geojson" / f"{NAMES[0]}.geojson"))
    run("import_detections", f"from={results}")
    before = reviewed(NAMES[0])

    again = run("import_detections", f"from={results}")
    assert f"{count} objects were there already and stay as they are." in again.output
    assert reviewed(NAMES[0]).objects.index.equals(before.objects.index)

    replaced = run("import_detections", f"from={results}", "replace=yes", "importAs=cell")
    assert f"{count} objects of an earlier import were replaced." in replaced.output
    after = reviewed(NAMES[0])
    assert len(of_kind(after, "cell")) == count
    assert len(of_kind(after, "annotation")) == 2


def test_a_file_of_another_image_is_refused(
    run: Run, reviewed: Callable[[str], Detections], results: Path, tmp_path: Path
) -> None:
    file = results / "geojson" / f"{NAMES[0]}.geojson"
    document = json.loads(file.read_text())
    document["starbridge"]["image"].update(name="elsewhere", width=100)
    (tmp_path / "other.geojson").write_text(json.dumps(document))
    (tmp_path / "damaged.geojson").write_text(file.read_text()[:5000])

    other = run("import_detections", f"from={tmp_path / 'other.geojson'}", status=1)
    damaged = run("import_detections", f"from={tmp_path / 'damaged.geojson'}", status=1)

    assert "other.geojson does not belong to" in other.output
    assert "damaged.geojson cannot be read as GeoJSON" in damaged.output
    assert len(reviewed(NAMES[0])) == 2


def test_an_image_that_fails_does_not_stop_the_others(
    qupath: QuPath, made: Path, tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path / "moved")
    project = tmp_path / "moved" / "project" / "project.qpproj"
    for server in (tmp_path / "moved" / "project" / "data").glob("*/server.json"):
        server.write_text(server.read_text().replace("nuclei.tif", "gone.tif"))
    data = json.loads(project.read_text())
    text = json.dumps(data).replace("/nuclei.tif", "/gone.tif")
    project.write_text(text)

    done = qupath.script(SCRIPTS / "export_review.groovy", settings=[f"project={project}"])

    out = tmp_path / "moved" / "project" / "export" / "review" / "geojson"
    assert done.status == 1
    assert "1 of 2 images failed: nuclei (" in done.output
    assert [path.name for path in out.iterdir()] == [f"{NAMES[1]}.geojson"]


UNSAVED = """
import qupath.lib.objects.PathObjects
import qupath.lib.regions.ImagePlane
import qupath.lib.roi.ROIs
import qupath.lib.scripting.QP

// as on the screen: a change that is not saved yet
def plane = ImagePlane.getDefaultPlane()
def points = ROIs.createPointsROI([10.5, 20.5] as double[], [30.5, 40.5] as double[], plane)
QP.getCurrentImageData().getHierarchy().addObject(PathObjects.createAnnotationObject(points))
def binding = new Binding()
if (args.length > 1)
    binding.setVariable('args', args.drop(1))
new GroovyShell(getClass().getClassLoader(), binding).evaluate(new File(args[0]))
"""


@pytest.mark.parametrize("settings", [[], ["images=project"]])
def test_the_open_image_is_exported_as_it_is_on_the_screen(
    qupath: QuPath, project: Path, tmp_path: Path, settings: list[str]
) -> None:
    script = tmp_path / "unsaved.groovy"
    script.write_text(UNSAVED, "utf-8")
    for name in ("export_review", "export_annotations"):
        done = qupath.script(
            script,
            *("-p", str(project), "-i", f"{NAMES[0]}.tif"),
            settings=[str(SCRIPTS / f"{name}.groovy"), *settings],
        )
        assert done.status == 0, done.output

    export = project.parent / "export"
    written = sorted((export / "review" / "geojson").iterdir())
    counts = [len(json.loads(path.read_text())["features"]) for path in written]
    assert counts == ([2, 3] if settings else [3])
    assert len(list((export / "ROIsTif").glob(f"{NAMES[0]} *.tif"))) == 2
    with zipfile.ZipFile(export / "ROIs" / f"{NAMES[0]}_rois.zip") as archive:
        assert archive.namelist() == ["none 001.roi", "Tumor 002.roi", "none 003.roi"]


# ---- export_annotations ------------------------------------------------------------------------


def test_annotations_are_exported_for_training(
    qupath: QuPath, project: Path, made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "export"

    done = qupath.script(
        SCRIPTS / "export_annotations.groovy",
        settings=[f"project={project}", f"folder={out}"],
    )

    assert done.status == 0, done.output
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.*")) == sorted(
        path
        for name in NAMES
        for path in (
            f"geojsons/{name}.geojson",
            f"ROIs/{name}_rois.zip",
            f"ROIsTif/{name} (Tumor)_001.tif",
            f"ROIsTif/{name} (none)_002.tif",
        )
    )
    left, top, right, bottom = BOX
    for name in NAMES:
        whole = tifffile.imread(made / f"{name}.tif")
        with tifffile.TiffFile(out / "ROIsTif" / f"{name} (Tumor)_001.tif") as tiff:
            region = tiff.asarray()
            assert tiff.pages.first.tags["XResolution"].value == (4_000_000, 1_000_000)
        assert np.array_equal(region, whole[..., top:bottom, left:right])
        with open_image(out / "ROIsTif" / f"{name} (Tumor)_001.tif") as image:
            assert image.info.pixel_size is not None
            assert image.info.pixel_size.x == pytest.approx(PIXEL_SIZE)
        outlines = Detections.read(out / "geojsons" / f"{name}.geojson").objects
        rois = Detections.read(out / "ROIs" / f"{name}_rois.zip").objects
        assert list(rois.index) == list(outlines.index)
        assert list(rois["class"]) == list(outlines["class"]) == ["Tumor", None]
        assert tuple(rois.geometry.iloc[0].bounds) == BOX
        apart = rois.geometry.symmetric_difference(outlines.geometry).area / outlines.area
        assert float(apart.max()) < 0.02


def test_regions_are_made_smaller_and_chosen_by_class(run: Run, project: Path) -> None:
    run("export_annotations", "classes=Tumor, Stroma", "downsample=2", "margin=10")

    (file,) = (project.parent / "export" / "ROIsTif").iterdir()
    assert file.name == f"{NAMES[0]} (Tumor)_001.tif"
    assert tifffile.imread(file).shape == (115, 110)
    with tifffile.TiffFile(file) as tiff:
        assert tiff.pages.first.tags["XResolution"].value == (2_000_000, 1_000_000)


# ---- run_starbridge, run_stardist --------------------------------------------------------------


def starbridge() -> str:
    command = shutil.which("starbridge", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("starbridge is not installed beside this Python")
    return command


@pytest.mark.model
def test_starbridge_is_run_on_a_whole_image(
    run: Run,
    reviewed: Callable[[str], Detections],
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
) -> None:
    expected = demo_segmenter.segment(real_image[0])

    for removed in ("", f"; {len(expected)} of an earlier run were replaced"):
        done = run("run_starbridge", f"command={starbridge()}", "channel=GFP", image=NAMES[1])
        assert f"{len(expected)} nuclei imported into {NAMES[1]}.tif{removed}" in done.output

    found = of_kind(reviewed(NAMES[1]), "detection")
    assert len(found) == len(expected)
    # the same nuclei, wherever they stand in the list
    nearest = found.sindex.nearest(expected.objects.geometry.centroid, return_distance=True)
    assert float(np.max(nearest[1])) == 0.0
    apart = sorted(found.area)
    assert np.allclose(apart, sorted(expected.objects.area), rtol=0.01)


@pytest.mark.model
def test_starbridge_is_run_in_annotations(
    run: Run, reviewed: Callable[[str], Detections], tmp_path: Path
) -> None:
    done = run(
        "run_starbridge", f"command={starbridge()}", "within=annotations", "annotationClass=Tumor"
    )
    assert "region_0001" in done.output

    found = of_kind(reviewed(NAMES[0]), "detection")
    assert len(found) > 10
    left, top, right, bottom = BOX
    centroids = found.geometry.centroid
    assert centroids.x.between(left, right).all()
    assert centroids.y.between(top, bottom).all()
    run("run_starbridge", f"command={starbridge()}")
    everywhere = of_kind(reviewed(NAMES[0]), "detection")
    # at the right place: those of the whole image lie over them
    met = everywhere.sindex.query(centroids, predicate="intersects")[0]
    assert len(np.unique(met)) >= 0.9 * len(found)
    table = rows(tmp_path / "reviewed" / "tables" / f"{NAMES[0]}.tsv")
    assert sum("Tumor" in row["Parent"] for row in table) > 10


@pytest.mark.model
def test_starbridges_own_message_is_passed_on(
    run: Run, reviewed: Callable[[str], Detections]
) -> None:
    done = run("run_starbridge", f"command={starbridge()}", "channel=Cy5", status=1)

    assert "starbridge failed: " in done.output
    assert "Cy5" in done.output.partition("starbridge failed: ")[2].partition("\n")[0]
    assert len(reviewed(NAMES[0])) == 2


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model for QuPath."""
    pytest.importorskip("onnx", reason='needs the export part: pip install "starbridge[export]"')
    from models_export import export

    folder = tmp_path_factory.mktemp("exported")
    export("demo", ["pb"], out=folder)
    return folder / "demo.pb"


@pytest.mark.model
def test_qupaths_own_stardist_finds_the_same_nuclei(
    qupath: QuPath,
    project: Path,
    exported: Path,
    reviewed: Callable[[str], Detections],
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
) -> None:
    done = qupath.script(
        SCRIPTS / "run_stardist.groovy",
        *("-p", str(project), "-i", f"{NAMES[1]}.tif", "-s"),
        settings=[f"model={exported}", "within=image", "channel=gfp"],
    )
    if "QuPath has no StarDist extension" in done.output:
        assert done.status == 1
        pytest.skip("QuPath has no StarDist extension; the script says so")
    assert done.status == 0, done.output

    found = of_kind(reviewed(NAMES[1]), "detection")
    expected = demo_segmenter.segment(real_image[0]).objects
    # QuPath cuts overlaps off instead of thinning, so that a few differ
    assert abs(len(found) - len(expected)) <= 0.1 * len(expected)
    of, met = found.sindex.query(expected.geometry.centroid, predicate="intersects")
    assert len(np.unique(of)) >= 0.95 * len(expected)
    # most outlines are the very same: those that are not cut off and not of another pixel
    python, qupath_own = expected.geometry.iloc[of].bounds, found.geometry.iloc[met].bounds
    apart = np.median(qupath_own.to_numpy() - python.to_numpy(), axis=0)
    assert np.abs(apart).max() <= TOLERANCE
