"""Write the reviews of many images into one folder: what the pulls of all applications share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

from bridge.batch.job import Item, Job, Json, Made, Progress, Work
from bridge.review.results import DEFAULT_FORMATS, Written, result_files


@dataclass(frozen=True)
class Choice:
    """Choice of what is written of a review.

    Attributes:
        formats: keys of :func:`bridge.formats.layout.review_files`.
        only: type of the objects, as in :func:`bridge.review.results.select_objects`.
        classes: their classes, as there.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    only: str | None = None
    classes: tuple[str, ...] | None = None


class PullJob(Job[Item]):
    """The pull of reviewed objects.

    Attributes:
        choice: what is written.
    """

    participle = "pulled"

    choice: Choice

    @abstractmethod
    def review_key(self, item: Item) -> dict[str, Json]:
        """Return the identity of the files that an image's review is read from."""

    @abstractmethod
    def has_changes(self, item: Item) -> bool:
        """Return whether it is known what was pushed, so that the edits can be listed."""

    @abstractmethod
    def write(self, item: Item, folder: Path) -> Written:
        """Read the review of an image and write it into a folder.

        Raises:
            StarbridgeError: it cannot be read or written.
        """

    def key(self, item: Item) -> dict[str, Json]:
        """Return everything that decides the results."""
        return {
            **self.review_key(item),
            "choice of objects": [self.choice.only, self.choice.classes],
        }

    def outputs(self, item: Item) -> dict[str, str]:
        """Return the files of an image by format."""
        return result_files(self.name(item), self.choice.formats, changes=self.has_changes(item))

    def run(self, work: Work[Item], folder: Path, progress: Progress) -> Made:
        """Write the review of an image, as far as its size is known."""
        written = self.write(work.item, folder)
        expected = self.outputs(work.item)
        return Made(
            written.objects,
            left_out=tuple(key for key in expected if key not in written.files),
            more={key: file for key, file in written.files.items() if key not in expected},
            notes=written.notes,
            owned=written.hashes,
        )
