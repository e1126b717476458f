"""Reviews in Fiji's and QuPath's files are scored push by push."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile

from bridge import Detections, ImageInfo
from bridge.apps.fiji.review_files import push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.project_files import ProjectFiles
from bridge.apps.qupath.rounds import rounds_of_review
from bridge.apps.review_scores import score_reviews
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import from_array
from bridge.review import Pushed, compare, merge, save_push_record
from bridge.training.sources import ReadOptions
from tests.apps.qupath.reviews import review_of
from tests.review.nuclei import row_of, without
from tests.training.folders import picture, squares


def push(folder: Path, name: str = "a", *, shift: int = 0) -> ReviewFiles:
    """Push an image with six nuclei for review in Fiji."""
    image = from_array(picture(1, (48, 64)), name=name)
    labels = np.roll(squares(), shift, axis=1)
    push_files(image, Detections.from_labels(labels, image=ImageInfo(name=name)), folder)
    return ReviewFiles.of(folder, name)


def save_rois(files: ReviewFiles, *more: Any, drop: int = 0) -> None:
    """Delete the first ROIs in the ROI Manager, add some, and save."""
    rois: Any = roifile.ImagejRoi.fromfile(files.rois)
    files.rois.unlink()
    roifile.roiwrite(files.rois, [*rois[drop:], *more])


def roi(x: float, y: float, side: float, name: str = "new") -> Any:
    corners = [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
    return roifile.ImagejRoi.frompoints(corners, name=name)


def test_a_review_in_fiji_is_scored_push_by_push(tmp_path: Path) -> None:
    files = push(tmp_path)
    save_rois(files, roi(55, 40, 6), drop=2)
    push(tmp_path, shift=0)
    notes: list[str] = []
    (first,) = score_reviews(tmp_path, note=notes.append)
    assert (first.push, first.kept, first.deleted, first.added) == (1, 4, 2, 1)
    total = first.overlap.score(0.5)
    assert (total.tp, total.fp, total.fn) == (4, 2, 1)
    assert notes == ["a, push 2: it was not reviewed yet"]

    save_rois(files, drop=1)
    first, second = score_reviews(tmp_path)
    assert (second.push, second.kept, second.deleted, second.carried) == (2, 3, 1, 1)
    assert second.overlap.score(0.5).precision == 0.75


def test_only_finished_regions_count_in_fiji(tmp_path: Path) -> None:
    files = push(tmp_path)
    save_rois(files, roi(0, 0, 24, name="Done"), drop=1)
    (score,) = score_reviews(tmp_path, ReadOptions(inside=("Done",)))
    inside = score.overlap.score(0.5)
    assert (score.deleted, inside.fp, inside.fn) == (1, 1, 0)
    assert score.kept + score.deleted < 6


def test_images_are_chosen_by_their_names(tmp_path: Path) -> None:
    for name in "ab":
        save_rois(push(tmp_path, name), drop=1)
    chosen = score_reviews(tmp_path, ReadOptions(done=("b",)))
    assert [score.image for score in chosen] == ["b"]


def test_a_damaged_review_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    for name in "ab":
        save_rois(push(tmp_path, name), drop=1)
    ReviewFiles.of(tmp_path, "a").record.write_bytes(b"PK damaged")
    errors: list[StarbridgeError] = []
    scores = list(score_reviews(tmp_path, on_error=errors.append))
    assert [score.image for score in scores] == ["b"]
    assert "a.starbridge-review" in str(errors[0])
    with pytest.raises(BadInputError):
        list(score_reviews(tmp_path))


def test_what_is_no_review_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is no review"):
        list(score_reviews(tmp_path))


def test_a_review_in_qupath_is_scored_push_by_push(tmp_path: Path) -> None:
    first = Pushed.of(row_of(5), time="Monday")
    second = merge(first, without(first.detections, 0, 1), row_of(5), time="Tuesday").pushed
    changes = compare(second, without(second.detections, 2))
    review = review_of(changes.reviewed, changes=changes)
    files = ProjectFiles(
        file=tmp_path / "project.qpproj",
        version="0.5.1",
        moved_from=None,
        images=(review.image,),
        classes=(),
    )
    backup = Backup(files, review.image)
    save_push_record(backup.record, second)
    save_push_record(tmp_path / "starbridge" / "before" / "1.starbridge-review", first)

    rounds = rounds_of_review(files, review)

    assert [(one.push, len(one.of("deleted"))) for one in rounds] == [(1, 2), (2, 1)]
    assert rounds_of_review(files, replace(review, changes=None)) == []
