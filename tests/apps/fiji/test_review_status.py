"""Counts of a reviewer's edits since the last push, also of what is not saved yet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bridge.apps.fiji.review_files import push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.fiji.review_status import read_status
from bridge.errors import BadInputError
from bridge.images.hyperstack import write_hyperstack
from tests.apps.fiji.test_review_files import edit_rois, picture, section


@pytest.fixture
def files(tmp_path: Path) -> ReviewFiles:
    """A review folder."""
    push_files(picture(), section(), tmp_path / "review")
    return ReviewFiles.of(tmp_path / "review", "section")


def test_nothing_was_done_yet(files: ReviewFiles) -> None:
    status = read_status(files.folder, "section")

    assert str(status) == "section: 6 pushed, 6 now; since the last push: 6 untouched"
    assert (status.file, status.last_change) == (None, None)


def test_edits_are_counted_and_their_file_is_named(files: ReviewFiles) -> None:
    edit_rois(files.rois)

    status = read_status(files.folder, "section")

    assert status.file == str(files.rois)
    assert (status.pushed, status.objects) == (6, 5)
    assert "since the last push: 1 deleted, 1 reclassified, 4 untouched (20" in str(status)
    assert json.loads(json.dumps(status.to_json()))["edits"]["deleted"] == 1


def test_earlier_edits_stay_visible(files: ReviewFiles) -> None:
    edit_rois(files.rois)
    push_files(picture(), section(shift=1), files.folder)

    assert str(read_status(files.folder, "section")) == (
        "section: 5 pushed, 5 now; since the last push: 5 untouched; "
        "since the first push: 1 deleted, 1 reclassified"
    )


def test_what_is_open_counts_in_place_of_what_is_saved(files: ReviewFiles, tmp_path: Path) -> None:
    shutil.copy(files.rois, tmp_path / "open.zip")
    edit_rois(tmp_path / "open.zip")
    before = {path: path.read_bytes() for path in files.folder.rglob("*") if path.is_file()}

    status = read_status(files.folder, "section", rois=tmp_path / "open.zip")

    assert status.edits["deleted"] == 1
    assert {p: p.read_bytes() for p in files.folder.rglob("*") if p.is_file()} == before


def test_what_is_open_is_merged_and_what_another_saved_is_kept(
    files: ReviewFiles, tmp_path: Path
) -> None:
    shutil.copy(files.rois, tmp_path / "open.zip")
    edit_rois(tmp_path / "open.zip")
    section().write(files.rois)  # another person's save
    saved, notes = files.rois.read_bytes(), list[str]()

    merged = push_files(
        picture(), section(shift=1), files.folder, rois=tmp_path / "open.zip", on_note=notes.append
    )

    assert merged is not None
    assert merged.review.counts()["deleted"] == 1
    kept = files.folder / "earlier reviews" / "section_rois_1.zip"
    assert kept.read_bytes() == saved
    assert any(f"is kept, and is not merged: {kept}" in note for note in notes)
    assert (tmp_path / "open.zip").exists()


def test_an_overlay_that_was_saved_is_kept_when_what_is_open_counts(
    files: ReviewFiles, tmp_path: Path
) -> None:
    shutil.copy(files.rois, tmp_path / "open.zip")
    edit_rois(tmp_path / "open.zip")
    write_hyperstack(picture(), files.image)
    saved, notes = files.image.read_bytes(), list[str]()

    push_files(
        picture(), section(shift=1), files.folder, rois=tmp_path / "open.zip", on_note=notes.append
    )

    assert read_status(files.folder, "section").objects == 5
    assert (files.folder / "earlier reviews" / "section_1.tif").read_bytes() == saved
    assert any("its overlay is not merged" in note for note in notes)


def test_what_is_open_and_cannot_be_read_changes_nothing(
    files: ReviewFiles, tmp_path: Path
) -> None:
    (tmp_path / "open.zip").write_bytes(b"PK no zip")
    before = {p: p.read_bytes() for p in files.folder.rglob("*") if p.is_file()}

    with pytest.raises(BadInputError, match="open.zip: is not a readable zip"):
        push_files(picture(), section(), files.folder, rois=tmp_path / "open.zip")

    assert {p: p.read_bytes() for p in files.folder.rglob("*") if p.is_file()} == before
