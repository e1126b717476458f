"""Read the tables of objects that ilastik exports as HDF5.

*Configure Feature Table Export*, format HDF5, writes a one-dimensional compound dataset ``/table``
whose fields are the columns, with texts as bytes of one length (ilastik/utility/exportFile.py).
Beside it are a cutout of every object (``/images/N/labeling`` and ``raw``), tens of thousands of
datasets that are never listed here, and after tracking a table ``/divisions``, which holds no
objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import check_size, own_item

if TYPE_CHECKING:
    import h5py
    import pyarrow as pa

HDF5_ENDINGS = (".h5", ".hdf5", ".hd5")
"""Endings that ilastik offers for HDF5."""

TABLE = "table"
_BLOCK = 1 << 23
_MOST_NAMES = 5


def is_hdf5(path: Path) -> bool:
    """Tell whether a file is called like HDF5."""
    return path.name.lower().endswith(HDF5_ENDINGS)


def may_hold_table(path: Path) -> bool:
    """Tell whether an HDF5 file has a table of objects, or cannot be read to find out.

    Label images and probabilities, which lie beside the tables, have none. A damaged file may have
    been a table: it is kept, so that reading it says what is wrong.
    """
    try:
        with _opened(path) as file, _explained(path):
            return _table_of(file) is not None
    except (BadInputError, OSError):
        return True


def keeps_object_classes(path: Path) -> bool:
    """Tell whether an HDF5 file is a label image of starbridge with the classes of its objects.

    A file that has a table, or that cannot be read, is none.
    """
    try:
        with _opened(path) as file, _explained(path):
            objects = own_item(path, file, "objects")
            return _table_of(file) is None and objects is not None and "class" in objects
    except (BadInputError, OSError):
        return False


class Hdf5Table:
    """A table of objects in an open HDF5 file.

    Attributes:
        titles: titles of its columns.
    """

    def __init__(self, path: Path, dataset: h5py.Dataset) -> None:
        self._path = path
        self._dataset = dataset
        self.titles: tuple[str, ...] = dataset.dtype.names

    def blocks(self, titles: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns, some thousand rows at a time.

        Args:
            titles: the columns.

        Raises:
            BadInputError: the file is damaged, or a column holds several values a row.
        """
        import h5py
        import pyarrow as pa

        wanted = list(dict.fromkeys(titles))
        dtype = self._dataset.dtype
        for title in wanted:
            is_text = h5py.check_string_dtype(dtype[title]) is not None
            if dtype[title].kind in "VO" and not is_text:
                raise BadInputError(
                    self._path,
                    f"has more than one value a row in the column {title!r}",
                    "export it again as ilastik's feature table",
                )
        rows = max(1, _BLOCK // dtype.itemsize)
        if self._dataset.chunks:
            # HDF5 decompresses whole chunks, again for each part that is read of one.
            rows = max(rows // self._dataset.chunks[0], 1) * self._dataset.chunks[0]
        for start in range(0, len(self._dataset), rows):
            with _explained(self._path):
                block = self._dataset.fields(wanted)[start : start + rows]
            yield pa.table({title: _column(block[title]) for title in wanted})


@contextmanager
def open_table(path: str | PathLike[str]) -> Iterator[Hdf5Table]:
    """Open the table of objects of an HDF5 file.

    Args:
        path: the file.

    Yields:
        The table, while the file is open.

    Raises:
        BadInputError: the file is no HDF5, is damaged, open in another program, or has no table.
    """
    file = Path(path)
    with _opened(file) as content:
        with _explained(file):
            dataset = _table_of(content)
            names = list(content)
        if dataset is None:
            listed = ", ".join(names[:_MOST_NAMES]) + ", …" * (len(names) > _MOST_NAMES)
            raise BadInputError(
                file,
                f"holds no table of objects, but {listed or 'nothing'}",
                "give the table that ilastik's Configure Feature Table Export writes, as CSV or "
                "HDF5",
            )
        if dataset.is_virtual or dataset.external:
            # A missing file would read as rows of zeros.
            raise BadInputError(
                file, "keeps the rows of its table in another file", "export it again"
            )
        check_size(file, dataset)
        yield Hdf5Table(file, dataset)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    import h5py

    with _explained(path):
        # Locks fail on many network drives, and nothing is written here.
        file = h5py.File(path, "r", locking="best-effort")
    with file:
        yield file


def _table_of(file: h5py.File) -> h5py.Dataset | None:
    """Return the compound dataset ``/table``; a link to another file is none."""
    import h5py

    if not isinstance(file.get(TABLE, getlink=True), h5py.HardLink):
        return None
    node = file[TABLE]
    is_table = isinstance(node, h5py.Dataset) and node.dtype.names and node.ndim == 1
    return node if is_table else None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in the user's words what h5py raises, which is any exception on a damaged file."""
    try:
        yield
    except (BadInputError, MemoryError, PermissionError):
        raise
    except BlockingIOError as error:
        raise BadInputError(
            path, "is open in another program", "close it there, and try again"
        ) from error
    except Exception as error:
        text = " ".join(str(error).split())[:120]
        raise BadInputError(
            path,
            f"is no readable HDF5 file, it is damaged or cut short ({text})",
            "copy or export it again",
        ) from error


def _column(values: Any) -> pa.Array:
    import pyarrow as pa

    if values.dtype.kind == "O":  # texts of any length
        return pa.array(values.tolist(), pa.binary())
    # pyarrow takes the machine's order of bytes only; Java writes the other one.
    return pa.array(np.ascontiguousarray(values, values.dtype.newbyteorder("=")))
