"""One image: its outputs lie in a folder of their own until the batch takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import Detections
from bridge.batch.task import AbandonedError, Task, carry_out
from bridge.errors import StarbridgeError
from tests.batch.conftest import segmenter, write_image
from tests.batch.engines import Sleeping, no_network

OUTPUTS = {"rois": "roi/a_rois.zip", "csv": "tables/a.csv"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_image(tmp_path / "images" / "a.tif")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out" / ".run"
    folder.mkdir(parents=True)
    return folder


def silent(done: int, total: int) -> None:
    del done, total


def test_the_outputs_lie_in_a_folder_of_the_tasks_own(image: Path, folder: Path) -> None:
    heard: list[tuple[int, int]] = []
    task = Task(1, image, "a", OUTPUTS)

    first = carry_out(task, segmenter(Sleeping()), folder, lambda d, t: heard.append((d, t)))
    second = carry_out(task, segmenter(Sleeping()), folder, silent)

    assert first.error is None
    assert heard == [(1, 1)]
    assert (first.objects, first.engine, first.versions) == (1, "stand-in", {"stand-in": "1"})
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
    image: Path, folder: Path
) -> None:
    made = carry_out(Task(1, image, "a", OUTPUTS), segmenter(Sleeping()), folder, silent)
    assert made.folder is not None
    table = made.folder / "tables/a.csv"
    task = Task(1, image, "a", {"geojson": "geojson/a.geojson"}, made_before=table)

    result = carry_out(task, segmenter(no_network), folder, silent)

    assert result.error is None
    assert result.folder is not None
    written = Detections.read(result.folder / "geojson/a.geojson")
    assert written.ids == Detections.read(table).ids


def test_a_task_that_fails_leaves_nothing(image: Path, folder: Path) -> None:
    image.write_bytes(image.read_bytes()[:-100])

    result = carry_out(Task(1, image, "a", OUTPUTS), segmenter(Sleeping()), folder, silent)

    assert str(image) in str(result.error)
    assert result.folder is None
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named_by_its_final_place(
    image: Path, folder: Path
) -> None:
    task = Task(1, image, "a", {"csv": f"tables/{'x' * 300}.csv"})

    result = carry_out(task, segmenter(Sleeping()), folder, silent)

    assert str(result.error).startswith(str(folder.parent / "tables"))
    assert "too long" in str(result.error)


def test_a_network_that_cannot_be_loaded_concerns_all_images(image: Path, folder: Path) -> None:
    with pytest.raises(StarbridgeError, match="TensorFlow is needed"):
        carry_out(Task(1, image, "a", OUTPUTS), segmenter(no_network), folder, silent)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_nobody_works_for_a_run_that_is_over(image: Path, folder: Path, when: str) -> None:
    def stop(done: int, total: int) -> None:
        del done, total
        for path in folder.iterdir():
            path.rmdir()
        folder.rmdir()

    if when == "before":
        folder.rmdir()

    with pytest.raises(AbandonedError):
        task = Task(1, image, "a", OUTPUTS)
        carry_out(task, segmenter(Sleeping()), folder, stop if when == "meanwhile" else silent)
    assert list(folder.parent.iterdir()) == []
