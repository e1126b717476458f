"""Points, lines, TMA cores and NaN of a real QuPath: read, written by pull, kept by a push."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
import shapely
import tifffile

from bridge import Detections
from bridge.apps.qupath.classes import name_in_qupath
from bridge.apps.qupath.counting import status
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.results import write_review
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushSettings, Review, pull, push
from bridge.review.rows import concat_tables
from tests.apps.qupath.conftest import nuclei
from tests.groovy.conftest import QuPath as QuPathScripts

pytestmark = pytest.mark.qupath

ALL = PushSettings(force=True)

DRAW = """
import java.awt.image.BufferedImage
import qupath.lib.geom.Point2
import qupath.lib.images.servers.ImageServers
import qupath.lib.objects.PathObjects
import qupath.lib.objects.classes.PathClass
import qupath.lib.objects.hierarchy.DefaultTMAGrid
import qupath.lib.projects.Projects
import qupath.lib.regions.ImagePlane
import qupath.lib.roi.ROIs

def (folder, image) = args as List
def project = Projects.createProject(new File(folder), BufferedImage)
def server = ImageServers.buildServer(new File(image).toURI())
def entry = project.addImage(server.getBuilder())
entry.setImageName(new File(image).name)
def data = entry.readImageData()
def hierarchy = data.getHierarchy()
def plane = ImagePlane.getDefaultPlane()
def points = { xy -> xy.collect { new Point2(it[0], it[1]) } }

def cores = [PathObjects.createTMACoreObject(100, 150, 180, false),
             PathObjects.createTMACoreObject(300, 150, 180, true)]
cores[0].setName('A-1')
cores[1].setName('A-2')
hierarchy.setTMAGrid(DefaultTMAGrid.create(cores, 2))

def region = PathObjects.createAnnotationObject(
    ROIs.createRectangleROI(60, 100, 60, 60, plane), PathClass.fromString('Region'))
region.setName('the region')
cores[0].addChildObject(region)

def drawn = [
    'one point': ROIs.createPointsROI(points([[10.5, 20.25]]), plane),
    'three points': ROIs.createPointsROI(points([[11, 21], [12.5, 22], [13, 23.5]]), plane),
    'a line': ROIs.createLineROI(5, 6, 50.5, 60.25, plane),
    'a polyline': ROIs.createPolylineROI(points([[70, 110], [80, 120.5], [90, 115]]), plane),
].collect { name, roi ->
    def object = PathObjects.createAnnotationObject(roi, PathClass.fromString('Mark'))
    object.setName(name)
    object.getMeasurementList().put('weight', name.size())
    object.setLocked(name == 'a line')
    object
}
hierarchy.addObjects(drawn.take(3))
region.addChildObject(drawn[3])
entry.saveImageData(data)
project.syncChanges()
"""


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kinds") / "cores.tif"
    tifffile.imwrite(
        path, np.zeros((3, 300, 400), np.uint16), imagej=True, resolution=(2, 2),
        metadata={"axes": "CYX", "unit": "um", "Labels": ["DAPI", "488", "T b"]},
    )  # fmt: skip
    return path


@pytest.fixture
def drawn(qupath_scripts: QuPathScripts, section: Path, tmp_path: Path) -> Path:
    """A project of one image with points, lines, a region and two TMA cores."""
    script, project = tmp_path / "draw.groovy", tmp_path / "project"
    script.write_text(DRAW, "utf-8")
    project.mkdir()
    done = qupath_scripts.script(script, settings=[str(project), str(section)])
    assert done.status == 0, done.output
    return project


def read(qupath: QuPath, project: Path) -> Review:
    (review,) = pull(qupath, project)
    return review


def test_points_and_lines_are_pulled_kept_and_counted(
    qupath: QuPath, drawn: Path, section: Path, tmp_path: Path
) -> None:
    review = read(qupath, drawn)

    assert status([review])["points and lines"].tolist() == [4]
    assert review.markers is not None
    shapes = dict(zip(review.markers["name"], review.markers.geometry, strict=True))
    assert {name: shape.geom_type for name, shape in shapes.items()} == {
        "one point": "Point",
        "three points": "MultiPoint",
        "a line": "LineString",
        "a polyline": "LineString",
    }
    assert shapely.get_coordinates(shapes["three points"]).tolist() == [
        [11, 21], [12.5, 22], [13, 23.5],
    ]  # fmt: skip
    assert shapely.get_coordinates(shapes["a line"]).tolist() == [[5, 6], [50.5, 60.25]]

    written = write_review(review, "a", tmp_path / "out")

    document = json.loads((tmp_path / "out" / "a.geojson").read_text("utf-8"))
    features = {f["properties"].get("name"): f for f in document["features"]}
    assert features["one point"]["geometry"]["coordinates"] == [10.5, 20.25]
    straight = features["a line"]["properties"]
    assert (straight["classification"]["name"], straight["isLocked"]) == ("Mark", True)
    assert straight["measurements"] == {"weight": 6.0}
    with (tmp_path / "out" / "a.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert rows["three points"]["geometry_type"] == "MultiPoint"
    assert rows["the region"]["geometry_type"] == "Polygon"
    assert rows["a polyline"]["annotation"] == "the region"
    assert rows["a polyline"]["TMA core"] == "A-1"
    with zipfile.ZipFile(tmp_path / "out" / "a_rois.zip") as archive:
        rois = {
            name: roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()
        }
    assert rois["three points.roi"].roitype == roifile.ROI_TYPE.POINT
    assert np.asarray(rois["a polyline.roi"].coordinates()).tolist() == [
        [70, 110],
        [80, 120.5],
        [90, 115],
    ]
    assert any("4 points and lines" in note for note in written.notes)

    (outcome,) = push(qupath, drawn, [(section, nuclei(40))], ALL)

    assert outcome.error is None
    after = read(qupath, drawn)
    assert after.markers is not None
    assert after.markers.equals(review.markers)


def test_nuclei_go_into_their_core_and_stay_there(
    qupath: QuPath, drawn: Path, section: Path, tmp_path: Path
) -> None:
    objects = nuclei(300)
    (outcome,) = push(qupath, drawn, [(section, objects)], ALL)
    assert outcome.error is None

    first = read(qupath, drawn)

    cores = {core.name: core for core in first.cores}
    assert {name: core.missing for name, core in cores.items()} == {"A-1": False, "A-2": True}
    centers = dict(zip(objects.ids, objects.objects.centroid, strict=True))
    inside = {i for i, center in centers.items() if cores["A-1"].outline.contains(center)}
    assert len(inside) > 50
    assert inside == set(objects.ids) & cores["A-1"].objects
    assert not cores["A-2"].objects
    write_review(first, "a", tmp_path / "out", ["csv"])
    with (tmp_path / "out" / "a.csv").open(encoding="utf-8", newline="") as stream:
        named = {row["id"]: row["TMA core"] for row in csv.DictReader(stream)}
    assert {i for i in objects.ids if named[i] == "A-1"} == inside

    (again,) = push(qupath, drawn, [(section, nuclei(300, shift=1))], ALL)

    assert again.error is None
    assert again.added > 200
    second = {core.name: core for core in read(qupath, drawn).cores}
    assert inside <= second["A-1"].objects
    assert second["A-2"].missing


def test_measurements_that_are_not_a_number_stay_so(
    qupath: QuPath, section: Path, tmp_path: Path
) -> None:
    objects = nuclei(6)
    objects.objects["ratio"] = [0.5, math.nan, 0.0, math.nan, math.inf, -1.0]
    objects.objects["never"] = math.nan
    project = tmp_path / "project"

    (outcome,) = push(qupath, project, [(section, objects)], ALL)
    back = read(qupath, project).detections.objects.loc[objects.ids]

    assert outcome.error is None
    assert np.array_equal(back["ratio"], objects.objects["ratio"], equal_nan=True)
    assert back["never"].isna().all()
    (other,) = push(qupath, project, [(section, objects)], ALL)
    assert (other.added, other.removed) == (0, 0)


def test_a_region_has_none_of_the_measurements_of_nuclei(
    qupath: QuPath, qupath_scripts: QuPathScripts, section: Path, tmp_path: Path
) -> None:
    region = Detections.from_polygons(
        [shapely.box(200, 200, 260, 260)], columns={"object_type": ["annotation"], "label": [9]}
    )
    ours = nuclei(3)
    ours.objects["ratio"] = [0.5, math.nan, 1.0]
    together = Detections(concat_tables([ours.objects, region.objects]), ours.image)
    project = tmp_path / "project"
    push(qupath, project, [(section, together)], ALL)
    script = tmp_path / "names.groovy"
    script.write_text(
        "getAllObjects(false).each { o -> println('' + o.isAnnotation() + ' ' + "
        "o.getMeasurementList().getNames().contains('ratio')) }",
        "utf-8",
    )

    done = qupath_scripts.script(script, "-p", str(project / "project.qpproj"), "-i", section.name)

    assert done.output.count("true false") == 1
    assert done.output.count("false true") == 3


NAMES = (
    "Tumor", "Tumor: Positive", "Tumor:Positive", " lead", "trail ", "a  b", "a : b", "a: b: c",
    "a:b: c", "x:", ":", "a::b", ": b", "a: ", "", "Unclassified", "null", "\ttab", "µ 核", "[x]",
    'a"b', "a;b, c", "a\nb", "a\rb", "\u2003wide",
)  # fmt: skip


def test_qupath_makes_of_a_name_what_is_foretold(
    qupath_scripts: QuPathScripts, tmp_path: Path
) -> None:
    given, found = tmp_path / "given.json", tmp_path / "found.json"
    given.write_text(json.dumps(NAMES), "utf-8")
    script = tmp_path / "names.groovy"
    script.write_text(
        """
        import qupath.lib.io.GsonTools
        import qupath.lib.objects.classes.PathClass
        def gson = GsonTools.getInstance()
        def names = gson.fromJson(new File(args[0]).getText('UTF-8'), List)
        def made = names.collect { name ->
            try {
                def pathClass = PathClass.fromString(name)
                pathClass == PathClass.NULL_CLASS ? '' : pathClass.toString()
            } catch (IllegalArgumentException error) { '' }
        }
        new File(args[1]).setText(gson.toJson(made), 'UTF-8')
        """,
        "utf-8",
    )

    done = qupath_scripts.script(script, settings=[str(given), str(found)])

    assert done.status == 0, done.output
    made = json.loads(found.read_text("utf-8"))
    assert dict(zip(NAMES, made, strict=True)) == {
        name: name_in_qupath(name) or "" for name in NAMES
    }


def test_classes_come_back_as_they_were_or_are_refused_before_anything_is_written(
    qupath: QuPath, section: Path, tmp_path: Path
) -> None:
    kept = [name for name in NAMES if name_in_qupath(name) == name]
    objects = nuclei(len(kept))
    objects.objects["class"] = kept
    project, other = tmp_path / "project", tmp_path / "other"

    (outcome,) = push(qupath, project, [(section, objects)], ALL)
    back = read(qupath, project).detections.objects.loc[objects.ids]

    assert outcome.error is None
    assert back["class"].tolist() == kept

    objects.objects.loc[objects.ids[0], "class"] = "Tumor:Positive"
    (refused,) = push(qupath, other, [(section, objects)], ALL)

    assert "has the class 'Tumor:Positive'" in str(refused.error)
    assert "rename it to 'Tumor: Positive'" in str(refused.error)
    assert not read_project(other).images
