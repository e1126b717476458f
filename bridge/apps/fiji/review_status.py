"""Say what reviewers did in a review folder since the last push."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.fiji.review_state import read_state
from bridge.review import compare


@dataclass(frozen=True, kw_only=True)
class ImageStatus:
    """Counts of a reviewer's edits in an image.

    Attributes:
        image: its name.
        pushed: number of objects that were pushed.
        objects: number of objects that the reviewer left.
        edits: number of objects by kind of edit, as :meth:`bridge.review.Changes.counts`.
        all_edits: the same since the first push.
        file: the file that the reviewer saved since the push; ``None`` where none was.
        last_change: when it was saved.
        notes: sentences for the user.
    """

    image: str
    pushed: int
    objects: int
    edits: dict[str, int]
    all_edits: dict[str, int]
    file: str | None
    last_change: datetime | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        when = "" if self.last_change is None else f" ({self.last_change:%Y-%m-%d %H:%M UTC})"
        line = (
            f"{self.image}: {self.pushed} pushed, {self.objects} now; "
            f"since the last push: {listed(self.edits)}{when}"
        )
        since = {what: self.edits[what] for what in self.all_edits}
        if self.all_edits != since:
            line += f"; since the first push: {listed(self.all_edits)}"
        return line

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        moment = None if self.last_change is None else self.last_change.isoformat()
        return asdict(self) | {"last_change": moment, "notes": list(self.notes)}


def read_status(folder: Path, name: str, *, rois: Path | None = None) -> ImageStatus:
    """Count the edits of an image's reviewer since the last push; nothing is written.

    Args:
        folder: the review folder.
        name: the image's name.
        rois: what the reviewer has open: ROIs that count in place of those in the folder.

    Raises:
        BadInputError: as :func:`bridge.apps.fiji.review_files.pull_files`.
    """
    state = read_state(ReviewFiles.of(folder, name), rois=rois)
    changes = compare(state.record.pushed, state.objects)
    saved = state.saved if rois is None else None
    moment = None
    if saved is not None and saved.exists():
        moment = datetime.fromtimestamp(saved.stat().st_mtime, UTC)
    return ImageStatus(
        image=name,
        pushed=len(state.record.pushed.detections),
        objects=len(state.objects),
        edits=changes.counts(),
        all_edits=changes.all_counts(),
        file=None if saved is None else str(saved),
        last_change=moment,
        notes=state.notes,
    )


def listed(counts: Mapping[str, int]) -> str:
    """Return counts of edits as text.

    >>> listed({"added": 0, "deleted": 2, "untouched": 7})
    '2 deleted, 7 untouched'
    """
    return ", ".join(f"{n} {what}" for what, n in counts.items() if n) or "nothing left"
