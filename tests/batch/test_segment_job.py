"""Folders of images: one that fails does not stop the rest, and a stopped run goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections, Segmenter
from bridge.batch.listener import Listener, Outcome
from bridge.batch.record import read_record
from bridge.batch.segment_job import Settings, segment_files
from bridge.errors import BadInputError
from bridge.examples.volume_nuclei import VolumeScene, simulate_volume
from bridge.files.atomic import PART_ENDING
from bridge.formats.layout import places
from bridge.images.locations import Location, locate
from tests.waiting import wait_until

pytestmark = pytest.mark.model

ALL = tuple(places())


@pytest.fixture
def images(tmp_path: Path, real_image: tuple[NDArray[Any], NDArray[Any]]) -> list[Path]:
    """Three four-channel sections with names that make trouble."""
    folder = tmp_path / "images"
    folder.mkdir()
    paths = []
    for number, name in enumerate(("Pa_OG1_s1.tif", 'it\'s "s2" ü.ome.tif', "-s3.tif")):
        start = 96 * number
        stack = np.zeros((4, 96, 96), np.uint16)
        stack[0] = real_image[0][start : start + 96, start : start + 96]
        stack[1:] = 100 * np.arange(1, 4)[:, None, None]
        kind: dict[str, Any] = {"ome": True} if "ome" in name else {"imagej": True}
        tifffile.imwrite(folder / name, stack, metadata={"axes": "CYX"}, **kind)
        paths.append(folder / name)
    return paths


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def test_every_image_gets_every_format_under_haug2s_names(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"

    outcomes = segment_files(images, out, demo_segmenter, Settings(formats=ALL))

    assert statuses(outcomes) == ["done"] * 3
    assert outcomes[0].outputs == {
        "labels": "lbl/Pa_OG1_s1_labels.tif",
        "hdf5": "lbl/Pa_OG1_s1_labels.h5",
        "rois": "roi/Pa_OG1_s1_rois.zip",
        "geojson": "geojson/Pa_OG1_s1.geojson",
        "csv": "tables/Pa_OG1_s1.csv",
        "parquet": "tables/Pa_OG1_s1.parquet",
        "zarr": "lbl/Pa_OG1_s1_labels.zarr.zip",
        "preview": "preview/Pa_OG1_s1.png",
    }
    assert {o.name for o in outcomes} == {"Pa_OG1_s1", 'it\'s "s2" ü', "-s3"}
    assert len(files(out)) == 3 * len(ALL) + 1
    for outcome in outcomes:
        read = [Detections.read(out / f) for k, f in outcome.outputs.items() if k != "preview"]
        assert all(len(d) == outcome.objects for d in read[2:])
        assert len({tuple(sorted(d.ids)) for d in read[2:]}) == 1
        assert read[2].image.channels == ("C1", "C2", "C3", "C4")


def test_the_record_says_what_was_done_with_what(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    segment_files(images[:1], tmp_path, demo_segmenter, Settings())
    record = read_record(tmp_path)

    assert record["model"]["sha256"] == demo_segmenter.model.sha256
    assert record["recipe"]["percentiles"] == list(demo_segmenter.recipe.percentiles)
    assert {"python", "numpy", *demo_segmenter.engine.versions} <= set(record["versions"])
    assert record["engine"] == demo_segmenter.engine.name
    assert record["workers"] == "one process"
    image = record["images"]["Pa_OG1_s1"]
    assert image["status"] == "done"
    assert image["objects"] > 0
    assert image["source"] == str(images[0])


def test_a_second_run_skips_what_is_done_and_does_only_what_is_new(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    segment_files(images[:2], out, demo_segmenter, Settings())
    before = files(out)

    outcomes = segment_files(images, out, demo_segmenter, Settings())

    assert statuses(outcomes) == ["skipped", "skipped", "done"]
    after = files(out)
    assert {k: after[k] for k in before if k != "run.json"} == {
        k: v for k, v in before.items() if k != "run.json"
    }
    assert outcomes[0].objects == read_record(out)["images"]["Pa_OG1_s1"]["objects"]


def test_a_skipped_run_does_not_load_the_network(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    segment_files(images, tmp_path / "out", demo_segmenter, Settings())
    unloaded = Segmenter(demo_segmenter.model)

    segment_files(images, tmp_path / "out", unloaded, Settings())

    assert unloaded._engine is None


def test_results_of_other_settings_are_not_touched_unless_asked(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    segment_files(images[:1], out, demo_segmenter, Settings())
    before = files(out)
    recipe = demo_segmenter.recipe.with_changes(prob=0.9)
    other = Segmenter(demo_segmenter.model, recipe, demo_segmenter.engine)

    (refused,) = segment_files(images[:1], out, other, Settings())
    assert refused.status == "failed"
    assert "is there already, made from other files or with other settings (another recipe)" in str(
        refused.error
    )
    (kept,) = segment_files(images[:1], out, other, Settings(), existing="keep")
    assert kept.status == "skipped"
    after = files(out)
    assert all(after[k] == before[k] for k in before if k != "run.json")

    (replaced,) = segment_files(images[:1], out, other, Settings(), existing="overwrite")
    assert replaced.status == "done"
    assert files(out)["roi/Pa_OG1_s1_rois.zip"] != before["roi/Pa_OG1_s1_rois.zip"]


def test_an_image_that_changed_is_not_taken_for_the_old_one(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    segment_files(images[:1], out, demo_segmenter, Settings())
    shutil.copy(images[2], images[0])

    assert statuses(segment_files(images[:1], out, demo_segmenter, Settings())) == ["failed"]


def test_somebody_elses_files_are_not_overwritten(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    mine = tmp_path / "out" / "lbl" / "Pa_OG1_s1_labels.tif"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"made by hand")

    for _ in range(2):  # that it was refused once gives no right to it
        (outcome,) = segment_files(images[:1], tmp_path / "out", demo_segmenter, Settings())

        assert outcome.status == "failed"
        assert mine.read_bytes() == b"made by hand"


def test_what_a_stopped_run_put_in_place_in_part_is_made_anew(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    segment_files(images[:1], tmp_path, demo_segmenter, Settings())
    record = json.loads((tmp_path / "run.json").read_text())
    record["images"]["Pa_OG1_s1"] = {"status": "started"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    (tmp_path / "tables/Pa_OG1_s1.csv").write_text("of another run")
    whole = images[0].read_bytes()
    images[0].write_bytes(whole[:-2000])
    assert statuses(segment_files(images[:1], tmp_path, demo_segmenter, Settings())) == ["failed"]
    images[0].write_bytes(whole)

    assert statuses(segment_files(images[:1], tmp_path, demo_segmenter, Settings())) == ["done"]
    assert len(Detections.read(tmp_path / "tables/Pa_OG1_s1.csv")) > 0


def test_an_image_that_is_named_twice_is_segmented_once(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    outcomes = segment_files([images[0], images[0]], tmp_path, demo_segmenter, Settings())

    assert statuses(outcomes) == ["done"]


def test_an_image_at_a_url_is_known_again_until_it_changes(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    filesystem = pytest.importorskip("fsspec").filesystem("memory")
    filesystem.pipe("/bucket/s1.tif", images[0].read_bytes())
    url = [locate("memory://bucket/s1.tif")]

    done = segment_files(url, tmp_path, demo_segmenter, Settings())
    again = segment_files(url, tmp_path, demo_segmenter, Settings())
    filesystem.pipe("/bucket/s1.tif", images[2].read_bytes())
    changed = segment_files(url, tmp_path, demo_segmenter, Settings())

    assert [*statuses(done), *statuses(again), *statuses(changed)] == ["done", "skipped", "failed"]
    assert done[0].outputs["csv"] == "tables/s1.csv"
    assert read_record(tmp_path)["images"]["s1"]["source"] == "memory:///bucket/s1.tif"
    filesystem.store.clear()


def test_a_format_that_is_asked_for_later_keeps_the_uuids_and_the_review(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    segment_files(images[:1], tmp_path, demo_segmenter, Settings(formats=("geojson",)))
    reviewed = Detections.read(tmp_path / "geojson/Pa_OG1_s1.geojson")
    reviewed.objects["class"] = ["Neuron"] + [None] * (len(reviewed) - 1)
    reviewed.write(tmp_path / "geojson/Pa_OG1_s1.geojson")

    segment_files(images[:1], tmp_path, demo_segmenter, Settings(formats=("geojson", "csv")))

    table = Detections.read(tmp_path / "tables/Pa_OG1_s1.csv")
    assert table.ids == reviewed.ids
    assert table.objects["class"].iloc[0] == "Neuron"


def test_an_image_without_contrast_is_done_with_a_note_and_the_rest_goes_on(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    blank = images[0].with_name("blank.tif")
    tifffile.imwrite(blank, np.zeros((4, 96, 96), np.uint16), photometric="minisblack")

    outcomes = segment_files(
        [blank, images[0]], tmp_path / "out", demo_segmenter, Settings(formats=ALL, axes="CYX")
    )

    assert statuses(outcomes) == ["done", "done"]
    assert outcomes[0].objects == 0
    assert [note.partition(",")[0] for note in outcomes[0].notes] == ["every pixel has the value 0"]
    record = read_record(tmp_path / "out")["images"]
    assert record["blank"]["notes"] == list(outcomes[0].notes)
    assert "notes" not in record["Pa_OG1_s1"]
    for key, path in outcomes[0].outputs.items():
        assert (tmp_path / "out" / path).exists()
        if key != "preview":
            assert len(Detections.read(tmp_path / "out" / path)) == 0
    again = segment_files([blank], tmp_path / "out", demo_segmenter, Settings(axes="CYX"))
    assert statuses(again) == ["skipped"]


def test_nuclei_that_are_linked_through_slices_count_once(
    demo_segmenter: Segmenter, tmp_path: Path
) -> None:
    grey, _ = simulate_volume(VolumeScene(shape=(8, 96, 96)), seed=1)
    tifffile.imwrite(tmp_path / "v.tif", grey, imagej=True, metadata={"axes": "ZYX"})
    settings = Settings(formats=("geojson",), stack_2d="link")

    (outcome,) = segment_files([tmp_path / "v.tif"], tmp_path / "out", demo_segmenter, settings)

    found = Detections.read(tmp_path / "out" / "geojson" / "v.geojson").objects
    assert outcome.objects == found["object"].nunique() < len(found)


def test_a_mask_of_1_bit_gets_every_format(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path
) -> None:
    path = tmp_path / "mask.tif"
    nuclei = real_image[0][:96, :96]
    tifffile.imwrite(path, nuclei > nuclei.mean(), photometric="minisblack")

    (outcome,) = segment_files([path], tmp_path / "out", demo_segmenter, Settings(formats=ALL))

    assert outcome.status == "done"
    assert outcome.objects
    assert set(outcome.outputs) == set(ALL)


def test_a_scale_is_part_of_what_results_were_made_with(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    segment_files(images[:1], tmp_path, demo_segmenter, Settings(scale=1.5))

    assert read_record(tmp_path)["scale"] == 1.5
    again = segment_files(images[:1], tmp_path, demo_segmenter, Settings(scale=1.5))
    other = segment_files(images[:1], tmp_path, demo_segmenter, Settings())

    assert [*statuses(again), *statuses(other)] == ["skipped", "failed"]
    assert "(another scale)" in str(other[0].error)


def test_a_scale_beside_a_pixel_size_is_refused() -> None:
    with pytest.raises(BadInputError, match="both say how large the nuclei are"):
        Settings(scale=2, pixel_size=0.5)


def test_the_size_in_training_is_no_part_of_what_results_were_made_with(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    segment_files(images[:1], tmp_path, demo_segmenter, Settings())
    recipe = demo_segmenter.recipe.with_changes(diameter=12.5)
    measured = Segmenter(demo_segmenter.model, recipe, demo_segmenter.engine)

    assert statuses(segment_files(images[:1], tmp_path, measured, Settings())) == ["skipped"]


def test_a_broken_file_is_named_and_the_rest_goes_on(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    whole = images[1].read_bytes()
    images[1].write_bytes(whole[: len(whole) // 2])
    text = images[0].with_name("notes.tif")
    text.write_text("not an image")

    outcomes = segment_files([*images, text], tmp_path / "out", demo_segmenter, Settings())

    assert statuses(outcomes) == ["done", "failed", "done", "failed"]
    for outcome in outcomes:
        if outcome.error:
            assert outcome.error.startswith(outcome.source)
            assert "\n" not in outcome.error
    record = read_record(tmp_path / "out")["images"]
    assert record["notes"]["status"] == "failed"
    assert "notes" not in str(sorted(files(tmp_path / "out")))


def test_a_mended_file_is_done_by_the_next_run(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    whole = images[0].read_bytes()
    images[0].write_bytes(whole[:-2000])
    assert statuses(segment_files(images[:1], tmp_path, demo_segmenter, Settings())) == ["failed"]
    images[0].write_bytes(whole)

    assert statuses(segment_files(images[:1], tmp_path, demo_segmenter, Settings())) == ["done"]


def test_images_named_alike_are_both_named_and_neither_is_written(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    twin = tmp_path / "elsewhere" / images[0].name
    twin.parent.mkdir()
    shutil.copy(images[0], twin)

    outcomes = segment_files(
        [images[0], twin, images[2]], tmp_path / "out", demo_segmenter, Settings()
    )

    assert statuses(outcomes) == ["failed", "failed", "done"]
    assert f"{twin}: has the same name as {images[0]}" in str(outcomes[1].error)
    assert not any("Pa_OG1" in name for name in files(tmp_path / "out") if name != "run.json")


def test_the_listener_hears_of_every_image(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    heard: list[str] = []

    class Ear(Listener):
        def item_started(self, number: int, total: int, source: Location) -> None:
            heard.append(f"{number}/{total} {source.name}")

        def item_progress(self, source: Location, done: int, total: int) -> None:
            heard.append(f"tile {done}/{total}")

        def item_finished(self, outcome: Outcome) -> None:
            heard.append(outcome.status)

    segment_files(images[:1], tmp_path / "out", demo_segmenter, Settings(), listener=Ear())

    assert heard == ["1/1 Pa_OG1_s1.tif", "tile 1/1", "done"]


def test_a_damaged_record_is_said_and_kept(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text("{ half")

    with pytest.raises(BadInputError, match=r"run\.json: is damaged"):
        segment_files(images, tmp_path, demo_segmenter, Settings())
    assert (tmp_path / "run.json").read_text() == "{ half"


def test_an_output_folder_that_cannot_be_is_said(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInputError, match="cannot be (written|read)"):
        segment_files(images, tmp_path / "file" / "out", demo_segmenter, Settings())


def test_unknown_formats_are_answered_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match=r"'xls' is not one of them; choose from labels, hdf5"):
        Settings(formats=("labels", "xls"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill like this")
def test_a_run_that_is_killed_leaves_whole_files_and_goes_on(
    demo_segmenter: Segmenter, images: list[Path], tmp_path: Path
) -> None:
    """Killed as soon as any file of any image is there, whatever is being written just then."""
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "bridge.cli",
        "segment",
        str(images[0].parent),
        "--out",
        str(out),
    ]
    run = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    wait_until(lambda: list(out.glob("[a-z]*/*")), "the first file", every=0.001)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()

    assert read_record(out)["images"]
    for path in out.glob("[a-z]*/[!.]*"):
        if path.suffix != ".png":
            assert len(Detections.read(path)) > 0
    outcomes = segment_files(images, out, demo_segmenter, Settings())
    assert set(statuses(outcomes)) <= {"done", "skipped"}
    assert not [name for name in files(out) if name.endswith(PART_ENDING)]
