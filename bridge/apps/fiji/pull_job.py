"""Write the reviews that users of Fiji left into one folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bridge.apps.fiji.review_files import read_review, review_key
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.batch.job import Json
from bridge.review.pull_job import Choice, PullJob
from bridge.review.results import Written, write_results


@dataclass(frozen=True)
class FijiPullJob(PullJob[str]):
    """The pull of reviewed objects; its items are names of images.

    Attributes:
        review: a review folder, or a file that a reviewer saved.
        choice: what is written.
        image: the image that a single file belongs to.
    """

    record = "fiji_pull.json"

    review: Path
    choice: Choice
    image: Path | None = None

    def name(self, item: str) -> str:
        """Return the name of an image."""
        return item

    def source(self, item: str) -> Path:
        """Return the reviewer's file."""
        return ReviewFiles.of(self.review, item).rois if self.review.is_dir() else self.review

    def review_key(self, item: str) -> dict[str, Json]:
        """Return the identity of the reviewer's files."""
        return review_key(self.review, item, image=self.image)

    def has_changes(self, item: str) -> bool:
        """Return whether it is known what was pushed: of a review folder."""
        del item
        return self.review.is_dir()

    def write(self, item: str, folder: Path) -> Written:
        """Write the review of an image."""
        review = read_review(self.review, item, image=self.image)
        choice = self.choice
        written = write_results(
            review.objects,
            item,
            folder,
            choice.formats,
            changes=review.changes,
            only=choice.only,
            classes=choice.classes,
            size_remedy="give --image",
        )
        return replace(written, notes=(*review.notes, *written.notes))

    def files(self, item: str) -> list[Path]:
        """Return the review folder and the image."""
        del item
        return [self.review.absolute(), *([self.image.absolute()] if self.image else [])]

    def __getstate__(self) -> dict[str, Any]:
        image = self.image and self.image.absolute()
        return {**vars(self), "review": self.review.absolute(), "image": image}
