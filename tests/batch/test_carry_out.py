"""Work on one item: its outputs lie in a folder of their own until the runner takes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridge import Detections
from bridge.batch.carry_out import AbandonedError, carry_out
from bridge.batch.job import Work
from bridge.batch.segment_job import SegmentJob
from bridge.errors import StarbridgeError
from bridge.images.locations import Location
from tests.batch.conftest import segmenter, write_image
from tests.batch.engines import Sleeping, no_network
from tests.batch.outputs import SETTINGS

OUTPUTS = {"rois": "roi/a_rois.zip", "csv": "tables/a.csv"}


@pytest.fixture
def work(tmp_path: Path) -> Work[Location]:
    image = write_image(tmp_path / "images" / "a.tif")
    return Work(1, image, "a", image, OUTPUTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out" / ".run"
    folder.mkdir(parents=True)
    return folder


def silent(done: int, total: int) -> None:
    del done, total


def test_the_outputs_lie_in_a_folder_of_the_items_own(work: Work[Location], folder: Path) -> None:
    steps: list[tuple[int, int]] = []
    job = SegmentJob(segmenter(Sleeping()), SETTINGS)

    first = carry_out(work, job, folder, lambda done, total: steps.append((done, total)))
    second = carry_out(work, job, folder, silent)

    assert first.error is None
    assert steps == [(1, 1)]
    assert first.made is not None
    assert first.made.objects == 1
    assert first.made.provenance == {"engine": "stand-in", "versions": {"stand-in": "1"}}
    assert first.folder is not None
    assert second.folder is not None
    assert first.folder != second.folder
    for result in (first, second):
        assert result.folder is not None
        ids = [Detections.read(result.folder / path).ids for path in OUTPUTS.values()]
        assert ids[0] == ids[1]
    assert [path.parent for path in folder.rglob("*.csv")] != []
    assert {path.name for path in folder.parent.iterdir()} == {".run"}


def test_what_is_there_can_be_written_in_another_format_without_a_network(
    work: Work[Location], folder: Path
) -> None:
    made = carry_out(work, SegmentJob(segmenter(Sleeping()), SETTINGS), folder, silent)
    assert made.folder is not None
    table = made.folder / "tables/a.csv"
    more = replace(work, outputs={"geojson": "geojson/a.geojson"}, reuse=table)

    result = carry_out(more, SegmentJob(segmenter(no_network), SETTINGS), folder, silent)

    assert result.error is None
    assert result.folder is not None
    written = Detections.read(result.folder / "geojson/a.geojson")
    assert written.ids == Detections.read(table).ids


def test_an_item_that_fails_leaves_nothing(work: Work[Location], folder: Path) -> None:
    image = Path(work.item)
    image.write_bytes(image.read_bytes()[:-100])

    result = carry_out(work, SegmentJob(segmenter(Sleeping()), SETTINGS), folder, silent)

    assert str(work.item) in str(result.error)
    assert result.folder is None
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named_by_its_final_place(
    work: Work[Location], folder: Path
) -> None:
    bad = replace(work, outputs={"csv": f"tables/{'x' * 300}.csv"})

    result = carry_out(bad, SegmentJob(segmenter(Sleeping()), SETTINGS), folder, silent)

    assert str(result.error).startswith(str(folder.parent / "tables"))
    assert "too long" in str(result.error)


def test_a_network_that_cannot_be_loaded_concerns_all_items(
    work: Work[Location], folder: Path
) -> None:
    with pytest.raises(StarbridgeError, match="TensorFlow is needed"):
        carry_out(work, SegmentJob(segmenter(no_network), SETTINGS), folder, silent)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_nobody_works_for_a_run_that_is_over(work: Work[Location], folder: Path, when: str) -> None:
    def stop(done: int, total: int) -> None:
        del done, total
        for path in folder.iterdir():
            path.rmdir()
        folder.rmdir()

    if when == "before":
        folder.rmdir()

    with pytest.raises(AbandonedError):
        job = SegmentJob(segmenter(Sleeping()), SETTINGS)
        carry_out(work, job, folder, stop if when == "meanwhile" else silent)
    assert list(folder.parent.iterdir()) == []
