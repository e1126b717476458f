"""Reports of a batch: an outcome an item, and progress."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bridge.images.locations import Location

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a batch for one item.

    Attributes:
        name: base name of its outputs.
        source: its file, or its URL.
        status: ``done``, ``skipped`` (was done before) or ``failed``.
        objects: number of objects, where done or skipped.
        seconds: time taken.
        outputs: paths relative to the output folder, by format.
        error: the one line that says why it failed.
        result: what the job recorded of it.
        notes: lines for the user.
    """

    name: str
    source: str
    status: Status
    objects: int | None = None
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON, with the job's own values beside the common ones.

        Example:
            >>> Outcome("s1", "s1.tif", "done", 2, result={"left": 5}).to_json()["left"]
            5
        """
        values = asdict(self)
        result = values.pop("result")
        return {**values, "notes": list(self.notes), **result}


class Listener:
    """Receives the progress of a batch; the base class ignores it.

    Several items may be worked on at the same time. All methods are called in the thread that
    runs the batch.
    """

    def item_started(self, number: int, total: int, source: Location) -> None:
        """Hear that item ``number`` (from 1) of ``total`` begins."""

    def item_progress(self, source: Location, done: int, total: int) -> None:
        """Hear how many steps of an item are done."""

    def item_finished(self, outcome: Outcome) -> None:
        """Hear of the outcome of an item."""

    def remark(self, line: str) -> None:
        """Hear a line about the run as a whole that a user wants to know."""
