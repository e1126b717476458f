"""What a batch reports: an outcome an item, and progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bridge.images.locations import Location


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Attributes:
        name: base name of its outputs.
        source: the image file, or its URL.
        status: ``done``, ``skipped`` (was done before) or ``failed``.
        objects: number of objects, where done or skipped.
        seconds: time taken.
        outputs: paths relative to the output folder, by format.
        error: the one line that says why it failed.
    """

    name: str
    source: str
    status: Literal["done", "skipped", "failed"]
    objects: int | None = None
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    error: str | None = None


class Listener:
    """What a batch tells about its progress; the base class keeps silent.

    Several images may be under way at the same time.
    """

    def image_started(self, number: int, total: int, path: Location) -> None:
        """Image ``number`` (from 1) of ``total`` begins."""

    def tile_done(self, path: Location, done: int, total: int) -> None:
        """So many tiles of an image are done."""

    def image_finished(self, outcome: Outcome) -> None:
        """An image is over."""

    def remark(self, line: str) -> None:
        """Something about the run as a whole that a person wants to know."""
