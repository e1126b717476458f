"""Detections in a real QuPath: pushed, reviewed there, merged, pulled, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile

from bridge import Detections, ImageInfo
from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.counting import history, status
from bridge.apps.qupath.errors import QuPathEndedError, QuPathError
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushSettings, pull, push
from bridge.errors import BadInputError
from bridge.review import compare
from tests.apps.qupath.conftest import nuclei
from tests.objects import assert_same, reviewed
from tests.waiting import wait_until

pytestmark = pytest.mark.qupath

ALL = PushSettings(force=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "my project's [1]"


def pushed(qupath: QuPath, project: Path, image: Path, objects: Detections) -> None:
    (outcome,) = push(qupath, project, [(image, objects)], ALL)
    assert outcome.error is None


def left(qupath: QuPath, project: Path) -> Detections:
    (review,) = pull(qupath, project)
    return review.detections


def edit(qupath: QuPath, project: Path, change: Callable[[Detections], Detections]) -> Detections:
    """Change the objects of a project's only image behind starbridge's back, as a reviewer does."""
    image = read_project(project).images[0]
    before = qupath.read(image.id)
    after = change(before.detections)
    same = set(compare(before.detections, after).untouched)
    frame = after.objects[~after.objects.index.isin(list(same))]
    qupath.write(
        image.id,
        add=Detections(frame, after.image),
        parents=[None] * len(frame),
        remove=[identity for identity in before.detections.ids if identity not in same],
    )
    return qupath.read(image.id).detections


def test_everything_comes_back_as_it_was_pushed(
    qupath: QuPath, project: Path, tmp_path: Path
) -> None:
    objects = reviewed()
    objects = replace(objects, image=replace(objects.image, width=70, height=64))
    path = tmp_path / "stack.tif"
    tifffile.imwrite(
        path, np.zeros((2, 3, 2, 64, 70), np.uint8), imagej=True, metadata={"axes": "TZCYX"}
    )

    pushed(qupath, project, path, objects)

    assert_same(left(qupath, project), objects, image=False)


def test_images_get_their_type_pixel_size_and_channels(
    qupath: QuPath, project: Path, section: Path
) -> None:
    pushed(qupath, project, section, nuclei())

    info = left(qupath, project).image
    assert (info.width, info.height) == (400, 300)
    assert info.pixel_size is not None
    assert (info.pixel_size.y, info.pixel_size.x) == pytest.approx((0.5, 0.5))
    assert info.channels == ("DAPI", "488", "T b")
    files = read_project(project)
    assert [image.name for image in files.images] == ["my section µ.tif"]
    assert files.images[0].paths == (section,)


def test_an_image_without_a_pixel_size_gets_that_of_the_objects(
    qupath: QuPath, project: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, np.zeros((300, 400), np.uint16), resolution=(1, 1), resolutionunit=1)

    pushed(qupath, project, path, nuclei(9))

    size = left(qupath, project).image.pixel_size
    assert size is not None
    assert (size.y, size.x) == pytest.approx((0.5, 0.5))


def test_a_section_is_pushed_and_pulled(
    qupath: QuPath, project: Path, haug2_mask_path: Path
) -> None:
    objects = Detections.read(haug2_mask_path)

    pushed(qupath, project, haug2_mask_path, objects)

    assert compare(objects, left(qupath, project)).counts()["untouched"] == 12_551


def test_a_damaged_file_of_objects_is_refused_and_restored(
    qupath: QuPath, project: Path, section: Path
) -> None:
    pushed(qupath, project, section, nuclei())
    kept = edit(qupath, project, lambda found: Detections(found.objects.iloc[5:], found.image))
    pushed(qupath, project, section, nuclei())
    image = read_project(project).images[0]
    os.truncate(image.objects_file, 3_000)

    (outcome,) = push(qupath, project, [(section, nuclei())], ALL)
    refused: list[BaseException] = []
    assert pull(qupath, project, on_error=refused.append) == []

    assert "data.qpdata: is damaged" in str(outcome.error)
    assert "data.qpdata: is damaged" in str(refused[0])
    assert image.objects_file.stat().st_size == 3_000
    assert Backup(read_project(project), image).restore() is not None
    assert_same(left(qupath, project), kept, image=False)


def test_270_edits_survive_a_second_push_and_a_third_changes_nothing(
    qupath: QuPath, project: Path, section: Path
) -> None:
    objects = nuclei()
    pushed(qupath, project, section, objects)
    ids = objects.ids
    deleted, reclassified = set(ids[:100]), ids[100:200]
    reshaped, renamed, locked = ids[200:250], ids[250:260], ids[260:265]

    def review(there: Detections) -> Detections:
        frame = there.objects[~there.objects.index.isin(list(deleted))].copy()
        frame.loc[reclassified, "class"] = "dead"
        frame.loc[reclassified, "class_color"] = "#000000"
        grown = shapely.buffer(frame.loc[reshaped].geometry.to_numpy(), 2)
        for identity, shape in zip(reshaped, grown, strict=True):
            frame.at[identity, "geometry"] = shape
        frame.loc[renamed, "name"] = "look again"
        frame.loc[locked, "locked"] = True
        drawn = Detections.from_polygons(
            [shapely.box(5 + 18 * n, 285, 15 + 18 * n, 295) for n in range(20)],
            columns={"label": range(1001, 1021), "class": ["drawn"] * 20},
        )
        import geopandas as gpd
        import pandas as pd

        return Detections(gpd.GeoDataFrame(pd.concat([frame, drawn.objects])), there.image)

    after = edit(qupath, project, review)
    (reviewed_before,) = pull(qupath, project)
    assert reviewed_before.changes is not None
    counts = reviewed_before.changes.counts()
    assert (counts["deleted"], counts["reclassified"], counts["reshaped"], counts["added"]) == (
        100, 100, 50, 20,
    )  # fmt: skip

    (second,) = push(qupath, project, [(section, nuclei(shift=1.0, seed=2))], ALL)
    found = left(qupath, project)

    assert second.error is None
    frame = found.objects
    assert not deleted & set(found.ids)
    assert (frame.loc[reclassified, "class"] == "dead").all()
    assert (frame.loc[renamed, "name"] == "look again").all()
    assert frame.loc[locked, "locked"].all()
    fixed = [*reshaped, *locked, *(set(after.ids) - set(ids))]
    same = compare(
        Detections(after.objects.loc[fixed], after.image), Detections(frame.loc[fixed], found.image)
    )
    assert same.counts()["untouched"] == 75
    # untouched ones have the new outlines
    assert not frame.loc[ids[270]].geometry.equals(objects.objects.loc[ids[270]].geometry)

    (third,) = push(qupath, project, [(section, nuclei(shift=1.0, seed=2))], ALL)
    assert (third.removed, third.added) == (0, 0)
    assert_same(left(qupath, project), found)


def test_objects_lie_in_their_annotations_and_stay_there(
    qupath: QuPath, project: Path, section: Path
) -> None:
    region = Detections.from_polygons(
        [shapely.box(0, 0, 200, 300), shapely.box(20, 20, 100, 100)],
        columns={
            "object_type": ["annotation"] * 2,
            "class": ["Tumor", "Region*"],
            "name": ["left", "inner"],
        },
        image=ImageInfo(width=400, height=300),
    )
    pushed(qupath, project, section, region)
    objects = nuclei()
    (outcome,) = push(
        qupath, project, [(section, objects)], PushSettings(force=True, inside="Tumor")
    )

    (review,) = pull(qupath, project)

    parents = dict(zip(review.detections.ids, review.parents, strict=True))
    inside = [i for i in objects.ids if i in parents]
    assert 0 < len(inside) < len(objects)
    assert outcome.added == len(inside)
    assert {parents[identity] for identity in inside} == set(region.ids)
    assert set(region.ids) <= set(review.detections.ids)
    # what was pushed after them is nested the same way, and the annotations are untouched
    push(qupath, project, [(section, nuclei(shift=0.5))], PushSettings(force=True, inside="Tumor"))
    (again,) = pull(qupath, project)
    kept = Detections(again.detections.objects.loc[region.ids], again.detections.image)
    assert compare(region, kept).counts()["untouched"] == 2
    assert set(again.parents) >= set(region.ids)


@pytest.mark.parametrize("kind", ["annotation", "cell"])
def test_objects_become_what_is_asked_for(
    qupath: QuPath, project: Path, section: Path, kind: str
) -> None:
    settings = PushSettings(force=True, kind=kind, classes={"neuron": "#123456"})  # type: ignore[arg-type]

    push(qupath, project, [(section, nuclei(9))], settings)

    frame = left(qupath, project).objects
    assert set(frame["object_type"]) == {kind}
    assert set(frame.loc[frame["class"] == "neuron", "class_color"]) == {"#123456"}
    assert ("neuron", "#123456") in [(c.name, c.color) for c in read_project(project).classes]


def test_conflicts_are_marked_in_a_class_derived_from_the_reviewers(
    qupath: QuPath, project: Path, section: Path
) -> None:
    objects = nuclei(30)
    pushed(qupath, project, section, objects)

    def reclassify(there: Detections) -> Detections:
        frame = there.objects.copy()
        frame.loc[objects.ids[0], "class"] = "dead"
        return Detections(frame, there.image)

    edit(qupath, project, reclassify)
    again = nuclei(30, seed=5)
    missing_one = Detections(again.objects.iloc[1:], again.image)
    settings = PushSettings(force=True, conflict_class="conflict")
    (outcome,) = push(qupath, project, [(section, missing_one)], settings)

    assert outcome.error is None
    assert outcome.conflicts is not None
    assert outcome.conflicts.name == "1 my section µ.tif_conflicts.csv"
    shown = qupath.read("1").detections.objects.loc[objects.ids[0]]
    assert shown["class"] == "dead: conflict"
    (review,) = pull(qupath, project)
    assert review.detections.objects.loc[objects.ids[0], "class"] == "dead"
    row = status([review]).iloc[0]
    assert (row["reclassified"], row["since the last push"], row["conflicts"]) == (1, 0, 1)

    (found_again,) = push(qupath, project, [(section, again)], settings)
    assert found_again.conflicts is None
    assert not outcome.conflicts.exists()
    shown = qupath.read("1").detections.objects.loc[objects.ids[0]]
    assert shown["class"] == "dead"


def test_a_push_touches_only_the_region_that_is_asked_for(
    qupath: QuPath, project: Path, section: Path
) -> None:
    region = Detections.from_polygons(
        [shapely.box(0, 0, 200, 300)],
        columns={"object_type": ["annotation"], "class": ["B"]},
        image=ImageInfo(width=400, height=300),
    )
    objects = nuclei()
    pushed(qupath, project, section, objects)
    push(qupath, project, [(section, region)], ALL)
    before = left(qupath, project)

    (outcome,) = push(
        qupath,
        project,
        [(section, nuclei(shift=1.0, seed=2))],
        PushSettings(force=True, inside="B"),
    )

    assert outcome.error is None
    after = left(qupath, project)
    outside = [
        identity
        for identity in objects.ids
        if objects.objects.loc[identity, "geometry"].centroid.x > 201
    ]
    assert len(outside) > 100
    kept, were = (Detections(found.objects.loc[outside], found.image) for found in (after, before))
    assert compare(were, kept).counts()["untouched"] == len(outside)
    assert set(region.ids) <= set(after.ids)


def test_nuclei_as_annotations_do_not_pile_up(qupath: QuPath, project: Path, section: Path) -> None:
    as_annotations = PushSettings(force=True, kind="annotation")
    objects = nuclei(30)
    pushed(qupath, project, section, objects)
    edit(
        qupath,
        project,
        lambda there: Detections(there.objects.drop(index=objects.ids[:3]), there.image),
    )

    for seed in (2, 3):
        (outcome,) = push(qupath, project, [(section, nuclei(30, seed=seed))], as_annotations)
        assert outcome.error is None
        found = left(qupath, project)
        assert sorted(found.ids) == sorted(objects.ids[3:])
        assert set(found.objects["object_type"]) == {"annotation"}
    (again,) = push(qupath, project, [(section, nuclei(30, seed=3))], as_annotations)
    assert (again.removed, again.added) == (0, 0)


def test_the_history_of_all_reviews_is_shown(qupath: QuPath, project: Path, section: Path) -> None:
    objects = nuclei(30)
    pushed(qupath, project, section, objects)
    for number in range(2):
        edit(
            qupath,
            project,
            lambda there, number=number: Detections(  # type: ignore[misc]
                there.objects.drop(index=objects.ids[number]), there.image
            ),
        )
        pushed(qupath, project, section, nuclei(30, seed=number + 2))

    reviews = pull(qupath, project)

    row = status(reviews).iloc[0]
    assert (row["deleted"], row["since the last push"]) == (2, 0)
    table = history(reviews)
    assert table[["push", "deleted", "reshaped"]].to_numpy().tolist() == [[1, 1, 0], [2, 1, 0]]
    assert table["pushed"].is_monotonic_increasing


def test_a_dry_run_changes_nothing(qupath: QuPath, project: Path, section: Path) -> None:
    settings = PushSettings(dry_run=True)
    (outcome,) = push(qupath, project, [(section, nuclei(9))], settings)
    assert outcome.added_to_project
    assert not project.exists()

    pushed(qupath, project, section, nuclei(9))
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    (outcome,) = push(qupath, project, [(section, nuclei(9, seed=4))], settings)
    assert outcome.added == 9
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_two_folders_with_images_of_one_name_are_two_images(
    qupath: QuPath, project: Path, section: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / section.name
    other.parent.mkdir()
    shutil.copy(section, other)

    push(qupath, project, [(section, nuclei(9)), (other, nuclei(12))], ALL)
    push(qupath, project, [(section, nuclei(9)), (other, nuclei(12))], ALL)

    files = read_project(project)
    assert [image.name for image in files.images] == ["my section µ.tif", "other/my section µ.tif"]
    assert [len(review.detections) for review in pull(qupath, project)] == [9, 12]


def test_an_image_that_was_moved_is_pulled_and_relinked(
    qupath: QuPath, project: Path, section: Path, tmp_path: Path
) -> None:
    pushed(qupath, project, section, nuclei(9))
    moved = tmp_path / "moved" / section.name
    moved.parent.mkdir()
    section.rename(moved)

    (review,) = pull(qupath, project)
    assert len(review.detections) == 9
    assert review.detections.image.width == 400

    (refused,) = push(qupath, project, [(moved, nuclei(9))], ALL)
    assert refused.error is not None
    assert f"give --relink {moved.parent}" in refused.error
    foretold = PushSettings(force=True, relink=(moved.parent,), dry_run=True)
    before = read_project(project).file.read_bytes()
    (dry,) = push(qupath, project, [(moved, nuclei(8, shift=1))], foretold)
    assert read_project(project).file.read_bytes() == before
    (outcome,) = push(
        qupath,
        project,
        [(moved, nuclei(8, shift=1))],
        PushSettings(force=True, relink=(moved.parent,)),
    )
    assert outcome.error is None
    assert (dry.error, dry.added_to_project) == (None, False)
    assert (dry.added, dry.removed) == (outcome.added, outcome.removed)
    assert outcome.added
    assert not outcome.added_to_project
    assert read_project(project).images[0].paths == (moved,)


def test_a_project_made_elsewhere_is_pulled_without_its_images(
    qupath: QuPath, project: Path, section: Path, tmp_path: Path
) -> None:
    pushed(qupath, project, section, nuclei(9))
    carried = tmp_path / "carried"
    shutil.copytree(project, carried)
    text = (carried / "project.qpproj").read_text("utf-8")
    record = json.loads(text)
    record["images"][0]["serverBuilder"]["uri"] = "file:/D:/data/my%20section%20%C2%B5.tif"
    (carried / "project.qpproj").write_text(json.dumps(record))
    for server in carried.glob("data/*/server.json"):
        server.unlink()

    (review,) = pull(qupath, carried)

    assert len(review.detections) == 9


def test_one_image_that_fails_does_not_stop_the_others(
    qupath: QuPath, project: Path, section: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 no image")

    outcomes = push(
        qupath,
        project,
        [(broken, nuclei(9)), (tmp_path / "none.tif", nuclei(9)), (section, nuclei(9))],
        ALL,
    )

    assert [outcome.error is None for outcome in outcomes] == [False, False, True]
    assert "there is no such image" in str(outcomes[1].error)
    assert len(left(qupath, project)) == 9


def test_status_counts_what_reviewers_did(qupath: QuPath, project: Path, section: Path) -> None:
    objects = nuclei(30)
    pushed(qupath, project, section, objects)
    edit(
        qupath,
        project,
        lambda there: Detections(there.objects.drop(index=objects.ids[:3]), there.image),
    )

    table = status(pull(qupath, project))

    row = table.iloc[0]
    assert (row["objects"], row["pushed"], row["deleted"], row["added"]) == (27, 30, 3, 0)
    assert row["last change"] is not None


# What QuPath and paquo do silently, each with its guard


def test_a_second_writer_is_noticed_before_anything_is_written(
    qupath: QuPath, project: Path, section: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(qupath, project, section, nuclei(9))
    file = read_project(project).images[0].objects_file
    usual = Backup.begin

    def saved_meanwhile(self: Backup, *arguments: object) -> None:
        file.write_bytes(file.read_bytes() + b"\0")
        usual(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Backup, "begin", saved_meanwhile)
    (outcome,) = push(qupath, project, [(section, nuclei(9, seed=4))], ALL)

    assert outcome.error is not None
    assert "somebody saved its objects meanwhile" in outcome.error
    assert file.read_bytes().endswith(b"\0")


@pytest.mark.parametrize("moment", ["write", "check_written", "finish"])
def test_after_an_error_at_any_moment_the_old_or_the_new_state_is_there(
    qupath: QuPath, project: Path, section: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    objects = nuclei(30)
    pushed(qupath, project, section, objects)
    before = left(qupath, project)

    def fails(*arguments: object, **options: object) -> None:
        raise QuPathError("the disk is full")

    with monkeypatch.context() as patch:
        target = {
            "write": "bridge.apps.qupath.session.QuPath.write",
            "check_written": "bridge.apps.qupath.sync.check_written",
            "finish": "bridge.apps.qupath.backup.Backup.finish",
        }[moment]
        patch.setattr(target, fails)
        (outcome,) = push(qupath, project, [(section, nuclei(30, shift=1))], ALL)

    assert outcome.error == "the disk is full"
    now = left(qupath, project)
    if moment == "finish":  # the objects are there, and the next push knows it
        assert set(now.ids) == set(objects.ids)
        assert pull(qupath, project)[0].changes is not None
        assert pull(qupath, project)[0].changes.counts()["untouched"] == len(now)  # type: ignore[union-attr]
    else:
        assert_same(now, before)
    pushed(qupath, project, section, nuclei(30, shift=1))
    (again,) = push(qupath, project, [(section, nuclei(30, shift=1))], ALL)
    assert (again.removed, again.added) == (0, 0)


def test_a_killed_qupath_leaves_the_old_or_the_new_state(project: Path, section: Path) -> None:
    from bridge.apps.finding import find_qupath

    if find_qupath() is None:
        pytest.skip("needs a QuPath: set PAQUO_QUPATH_DIR to its folder")
    objects = nuclei()
    with QuPath() as first:
        pushed(first, project, section, objects)
    with QuPath() as second:
        pid = second.pid
        usual = second.write

        def killed(*arguments: object, **options: object) -> str:
            threading.Timer(0.05, lambda: os.kill(pid, signal.SIGKILL)).start()
            usual(*arguments, **options)  # type: ignore[arg-type]
            wait_until(lambda: not second._worker.running, "the end of the killed QuPath")
            return ""

        second.write = killed  # type: ignore[method-assign]
        with pytest.raises(QuPathEndedError):
            push(second, project, [(section, nuclei(shift=1))], ALL)
    with QuPath() as third:
        found = left(third, project)
        assert set(found.ids) == set(objects.ids)
        pushed(third, project, section, nuclei(shift=1))


def test_a_project_in_a_folder_that_holds_something_else_is_refused(
    qupath: QuPath, tmp_path: Path, section: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("years of work")

    with pytest.raises(BadInputError, match="is no QuPath project, and not empty"):
        push(qupath, tmp_path / "mine", [(section, nuclei(9))], ALL)

    assert (tmp_path / "mine" / "thesis.doc").exists()


def test_reading_writes_nothing(qupath: QuPath, project: Path, section: Path) -> None:
    pushed(qupath, project, section, nuclei(9))
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}

    pull(qupath, project)
    status(pull(qupath, project))

    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_a_running_qupath_is_refused_unless_forced(
    qupath: QuPath, project: Path, section: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.apps.qupath.running.qupath_is_running", lambda: 4711)

    with pytest.raises(QuPathError, match=r"QuPath is running \(process 4711\).*give --force"):
        push(qupath, project, [(section, nuclei(9))])

    assert not project.exists()


def test_outlines_that_cross_themselves_are_kept_as_they_were_drawn(
    qupath: QuPath, project: Path, section: Path
) -> None:
    bow = shapely.Polygon([(10, 10), (60, 60), (60, 10), (10, 60)])
    objects = Detections.from_polygons([bow], image=ImageInfo(width=400, height=300))

    pushed(qupath, project, section, objects)

    assert shapely.get_coordinates(left(qupath, project).objects.geometry.iloc[0]).tolist() == (
        shapely.get_coordinates(bow).tolist()
    )


def test_names_and_measurements_do_not_flatten_the_nesting(
    qupath: QuPath, project: Path, section: Path
) -> None:
    region = Detections.from_polygons(
        [shapely.box(0, 0, 400, 300)],
        columns={"object_type": ["annotation"], "name": ["whole"]},
        image=ImageInfo(width=400, height=300),
    )
    pushed(qupath, project, section, region)
    named = nuclei(30)
    named.objects["name"] = [f"nucleus {number}" for number in range(30)]
    pushed(qupath, project, section, Detections(named.objects, named.image))

    (review,) = pull(qupath, project)

    assert len(review.detections) == 31
    assert sorted(parent == region.ids[0] for parent in review.parents) == [False] + [True] * 30


def test_an_image_is_of_the_type_that_is_asked_for(
    qupath: QuPath, project: Path, section: Path, tmp_path: Path
) -> None:
    pushed(qupath, project, section, nuclei(9))
    other = tmp_path / "other.tif"
    shutil.copy(section, other)
    push(qupath, project, [(other, nuclei(9))], PushSettings(force=True, fluorescence=False))

    first, second = (project / "data" / str(number) / "summary.json" for number in (1, 2))
    assert json.loads(first.read_text())["imageType"] == "FLUORESCENCE"
    assert json.loads(second.read_text())["imageType"] == "OTHER"


def test_an_ome_tiff_is_called_by_its_file_name(
    qupath: QuPath, project: Path, tmp_path: Path
) -> None:
    path = tmp_path / "section.ome.tif"
    tifffile.imwrite(
        path,
        np.zeros((3, 300, 400), np.uint16),
        ome=True,
        metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
    )

    pushed(qupath, project, path, nuclei(9))
    pushed(qupath, project, path, nuclei(9))

    assert [image.name for image in read_project(project).images] == ["section.ome.tif"]


def test_an_image_that_cannot_be_read_leaves_nothing_in_the_project(
    qupath: QuPath, project: Path, section: Path, tmp_path: Path
) -> None:
    pushed(qupath, project, section, nuclei(9))
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 no image")
    before = sorted(path for path in project.rglob("*") if path.is_file())

    (outcome,) = push(qupath, project, [(broken, nuclei(9))], ALL)

    assert outcome.error is not None
    assert "broken.tif" in outcome.error
    assert "\n" not in outcome.error
    after = sorted(path for path in project.rglob("*") if path.is_file())
    assert [path for path in after if path.name != "project.qpproj.backup"] == [
        path for path in before if path.name != "project.qpproj.backup"
    ]
    assert len(read_project(project).images) == 1


def test_an_image_that_is_gone_is_named_and_its_objects_stay(
    qupath: QuPath, project: Path, section: Path
) -> None:
    pushed(qupath, project, section, nuclei(9))
    objects = read_project(project).images[0].objects_file
    before = objects.read_bytes()
    section.rename(section.with_name("elsewhere.tif"))

    (outcome,) = push(qupath, project, [(section, nuclei(9, seed=4))], ALL)

    assert outcome.error is not None
    assert str(section) in outcome.error
    assert objects.read_bytes() == before
