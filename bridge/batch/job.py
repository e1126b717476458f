"""The contract between the runner of batches and what is done with each item."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from bridge.errors import StarbridgeError
from bridge.images import image_name
from bridge.images.locations import Location

Item = TypeVar("Item")

Json: TypeAlias = Any
"""A value of :mod:`json`: text, number, bool, ``None``, and lists and dicts of them."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many steps of an item are done, and how many there are."""


@dataclass(frozen=True)
class Work(Generic[Item]):
    """An item of a batch and the outputs to make of it. It can go to another process.

    Attributes:
        number: position of the item in the batch, from 1.
        item: the item.
        name: base name of its outputs.
        source: the file that messages name.
        outputs: paths to write by format, relative to the output folder.
        reuse: file of the output folder from which they can be written, as the others of the item
            are there already (:meth:`Job.reusable`); ``None``: they are made from the item.
    """

    number: int
    item: Item
    name: str
    source: Location
    outputs: dict[str, str]
    reuse: Path | None = None


@dataclass(frozen=True)
class Made:
    """The result of a job for one item, beside the files that it wrote.

    Attributes:
        objects: number of objects, where they were counted.
        result: what else is recorded; it is given back when the item is skipped later.
        left_out: formats that cannot be made of this item.
        more: outputs beside the expected ones, which only the work itself could know, by format.
        notes: lines for the user.
        provenance: what the record says of the run: name of the engine, versions of libraries.
        owned: SHA-256 by path of outputs whose number changes from run to run. Those of an earlier
            run that this one did not write are removed, if nobody changed them. ``None``: this run
            was not to make any, and leaves the earlier ones alone.
    """

    objects: int | None = None
    result: dict[str, Json] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    more: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    provenance: dict[str, Json] = field(default_factory=dict)
    owned: dict[str, str] | None = None


class Job(ABC, Generic[Item]):
    """Work of a batch on each of its items; it can be pickled for other processes.

    A job says which files it makes of an item and what they depend on, and makes them in a folder
    of their own. Names, skipping, errors, the record and publishing are
    :func:`bridge.batch.runner.run_batch`'s.

    Attributes:
        record: file name of the record in the output folder.
        items: what the record calls the items.
        participle: what is done, for messages ("could not be **measured**").
        memory_remedy: what a user can do where memory does not suffice.
        fatal: errors of :meth:`run` that concern all items and end the run.
        unique_names: whether two items of one name are refused (the disks of Windows and Mac take
            ``A`` for ``a``); a job without outputs may name its items by their paths.
        clash_problem, clash_remedy: what follows from two items of one name, and what to do.

    Example::

        class Thumbnails(Job[Path]):
            record = "thumbnails.json"
            participle = "drawn"

            def name(self, item): return image_name(item)
            def source(self, item): return item
            def key(self, item): return {"size": 128, "image": identity(item)}
            def outputs(self, item): return {"png": f"{image_name(item)}.png"}
            def run(self, work, folder, progress):
                draw(work.item, folder / work.outputs["png"])
                return Made()

        run_batch(Thumbnails(), images, Path("thumbnails"))
    """

    record: ClassVar[str]
    items: ClassVar[str] = "images"
    participle: ClassVar[str]
    memory_remedy: ClassVar[str] = "use a machine with more memory"
    fatal: ClassVar[tuple[type[StarbridgeError], ...]] = ()
    unique_names: ClassVar[bool] = True
    clash_problem: ClassVar[str] = "one would overwrite the other"
    clash_remedy: ClassVar[str] = "give them different --out folders"

    @abstractmethod
    def name(self, item: Item) -> str:
        """Return the base name of an item's outputs."""

    @abstractmethod
    def source(self, item: Item) -> Location:
        """Return the file that stands for an item in messages and in the record."""

    @abstractmethod
    def key(self, item: Item) -> Mapping[str, Json]:
        """Return everything that decides the result, by the words that a message uses for it.

        Files count by their identity (:func:`bridge.images.locations.identity`); which formats are
        written does not count.

        Raises:
            StarbridgeError: the item cannot be worked on.
        """

    @abstractmethod
    def outputs(self, item: Item) -> dict[str, str]:
        """Return the files to write by format, relative to the output folder.

        A job without outputs lives in the record alone (:attr:`Made.result`).
        """

    @abstractmethod
    def run(self, work: Work[Item], folder: Path, progress: Progress) -> Made:
        """Write ``work.outputs`` below a folder.

        Args:
            work: the item and what to make of it.
            folder: an empty folder that is this item's own.
            progress: to be called after each step.

        Raises:
            StarbridgeError: the item cannot be worked on; the others go on.
        """

    def describe(self) -> dict[str, Json]:
        """Return what the record says of the run: settings, model."""
        return {}

    def prepare(self, work: Work[Item]) -> None:
        """Load what every item needs, once a process.

        Raises:
            StarbridgeError: it cannot be loaded, so that no item can be worked on.
        """
        del work

    def reusable(self, item: Item, out: Path) -> Path | None:
        """Return a file of the output folder from which missing outputs can be written.

        Raises:
            BadInputError: outputs are there, and the others cannot be written beside them.
        """
        del item, out
        return None

    def leftovers(self, item: Item, out: Path) -> list[str]:
        """Return files of the output folder that look like further outputs of an item.

        Those that the runner did not make itself are named to the user, not removed.
        """
        del item, out
        return []

    def absolute(self, item: Item) -> Item:
        """Return the item for a process that has another current folder."""
        return item

    def files(self, item: Item) -> list[Path]:
        """Return the files that every worker must see to work on an item."""
        del item
        return []


ImageItem = TypeVar("ImageItem", bound=Location)


class ImageJob(Job[ImageItem]):
    """A job whose items are images, which give its outputs their names."""

    def name(self, item: ImageItem) -> str:
        """Return the name of an image without its ending."""
        return image_name(item)

    def source(self, item: ImageItem) -> Location:
        """Return the image."""
        return item

    def absolute(self, item: ImageItem) -> ImageItem:
        """Return the image's absolute path."""
        return item.absolute() if isinstance(item, Path) else item
