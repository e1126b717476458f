"""Values of a project's HDF5 file, which may be damaged or made to harm: bounded, never followed.

Links to other files or other places of the file are not followed, so that each value is what the
file itself holds under its own name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import check_size, own_item

_MOST_TEXT = 2**20  # characters of one text; the longest that ilastik writes are axistags
_REMEDY = "open it in ilastik and save it again, or take a copy of it"


@dataclass(frozen=True)
class Content:
    """A group of a project's file.

    Args:
        path: the project, for errors.
        group: the group.
    """

    path: Path
    group: h5py.Group

    def names(self) -> list[str]:
        """Return the names in the group, in order."""
        return sorted(str(name) for name in self.group)

    def folder(self, *names: str) -> Content | None:
        """Return a group in this one, or in groups of it; ``None`` where there is none."""
        found = self
        for name in names:
            node = own_item(self.path, found.group, name)
            if not isinstance(node, h5py.Group):
                return None
            found = Content(self.path, node)
        return found

    def dataset(self, name: str) -> h5py.Dataset | None:
        """Return a dataset whose size was checked; ``None`` where there is none.

        Raises:
            BadInputError: it lies in another file, or claims more than is stored.
        """
        node = own_item(self.path, self.group, name)
        if not isinstance(node, h5py.Dataset):
            return None
        check_size(self.path, node)
        return node

    def text(self, name: str) -> str | None:
        """Return a text; ``None`` where there is none.

        Raises:
            BadInputError: it is no text.
        """
        node = self.dataset(name)
        return None if node is None else self.as_text(name, node[()])

    def as_text(self, name: str, value: Any) -> str:
        """Return a stored value as text.

        Raises:
            BadInputError: it is no text, or far too long.
        """
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str) or len(value) > _MOST_TEXT:
            raise self.damaged(name, "is no text")
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a list of texts; ``None`` where there is none.

        Raises:
            BadInputError: it is no list of texts.
        """
        node = self.dataset(name)
        if node is None or _is_empty(node):
            return None if node is None else ()
        if node.ndim != 1 or node.dtype.kind not in "SO":
            raise self.damaged(name, "is no list of texts")
        return tuple(self.as_text(name, value) for value in node[()].tolist())

    def numbers(self, name: str, *, axes: int) -> NDArray[Any] | None:
        """Return an array of numbers; ``None`` where there is none.

        Args:
            name: of the dataset.
            axes: how many it must have.

        Raises:
            BadInputError: it is no such array.
        """
        node = self.dataset(name)
        if node is None:
            return None
        if node.shape is None or node.ndim != axes or node.dtype.kind not in "buif":
            raise self.damaged(name, f"is no array of numbers with {axes} axes")
        return np.asarray(node[()])

    def flag(self, name: str, default: bool) -> bool:
        """Return a yes or no, or the default where there is none."""
        value = self.numbers(name, axes=0)
        return default if value is None else bool(value)

    def damaged(self, name: str, problem: str) -> BadInputError:
        """Return an error about an item of the group."""
        place = f"{self.group.name or ''}/{name}".lstrip("/")
        return BadInputError(self.path, f"its {place!r} {problem}", _REMEDY)


@contextmanager
def opened(path: Path) -> Iterator[Content]:
    """Open a project to read; whatever h5py raises of a damaged one is one line.

    Args:
        path: the project.

    Yields:
        The root of its file.

    Raises:
        BadInputError: the file is not there, is no HDF5 file, or is damaged.
    """
    if not path.exists():
        raise BadInputError(path, "is not there", "check the name of the project")
    if path.is_dir():
        raise BadInputError(path, "is a folder", "give a project of ilastik, a file NAME.ilp")
    try:
        # Locks fail on many network drives, and nothing is written here.
        with h5py.File(path, "r", locking="best-effort") as file:
            yield Content(path, file)
    except (BadInputError, MemoryError, PermissionError):
        raise
    except Exception as error:
        raise BadInputError(
            path, "is no project of ilastik (an HDF5 file), or a damaged one", _REMEDY
        ) from error


def _is_empty(node: h5py.Dataset) -> bool:
    """Return whether a list is empty, which ilastik stores as one number and a flag."""
    return node.shape is None or node.size == 0 or bool(np.any(node.attrs.get("isEmpty", False)))
