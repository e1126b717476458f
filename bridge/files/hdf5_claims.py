"""Check what an HDF5 file claims: values in other files, and more values than it has bytes."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from bridge.errors import BadInputError

if TYPE_CHECKING:
    import h5py

_LARGEST_RATIO = 1_100
"""Bytes that a stored byte may become: deflate reaches 1,032."""

LARGEST_EMPTY = 16 * 2**20
"""Bytes of values that may be there though nothing is stored of them: those of an empty label image
of 2048 × 2048 pixels, since parts that were never written take no room."""


def refuse_links(path: str | PathLike[str], file: h5py.File) -> None:
    """Refuse a file that takes anything from other files.

    Args:
        path: the file, for errors.
        file: the opened file, all of whose links are looked at.

    Raises:
        BadInputError: an external link, external storage, or a virtual dataset.
        OSError: the file is damaged.
    """
    import h5py

    found: list[str] = []

    def look(name: str, link: Any) -> None:
        if isinstance(link, h5py.ExternalLink):
            found.append(name)
        elif isinstance(link, h5py.HardLink):
            node = file[name]
            if isinstance(node, h5py.Dataset) and (node.is_virtual or node.external):
                found.append(name)

    try:
        file.visititems_links(look)
    except (KeyError, RuntimeError, SystemError, ValueError) as error:
        raise OSError("its list of contents is damaged") from error
    if found:
        raise _elsewhere(path, found[0])


def own_item(path: str | PathLike[str], group: h5py.Group, name: str) -> Any:
    """Return an item of a group, of which nothing lies in another file; ``None`` where none is.

    Args:
        path: the file, for errors.
        group: the group.
        name: of an item directly in it.

    Raises:
        BadInputError: an external link, external storage, or a virtual dataset.
    """
    import h5py

    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise _elsewhere(path, name)
    node = group[name] if isinstance(link, h5py.HardLink) else None
    if isinstance(node, h5py.Dataset):
        refuse_elsewhere(path, node)
    return node


def refuse_elsewhere(path: str | PathLike[str], dataset: h5py.Dataset) -> None:
    """Refuse a dataset whose values lie in other files: of one that is missing they read as zeros.

    Args:
        path: the file, for errors.
        dataset: a dataset of any type.

    Raises:
        BadInputError: external storage, or a virtual dataset, also one of its own file.
    """
    name = dataset.name.rpartition("/")[2]
    if dataset.is_virtual and all(each.file_name == "." for each in dataset.virtual_sources()):
        raise BadInputError(
            path,
            f"puts its {name!r} together from other datasets (it is virtual)",
            "give one of these, or export it again",
        )
    if dataset.is_virtual or dataset.external:
        raise _elsewhere(path, name)


def check_size(path: str | PathLike[str], dataset: h5py.Dataset) -> None:
    """Refuse a dataset that claims to be far larger than what is stored of it.

    Args:
        path: the file, for errors.
        dataset: a dataset of any type.

    Raises:
        BadInputError: it does.
    """
    size = dataset.size or 0
    claimed = size * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if claimed > max(LARGEST_EMPTY, _LARGEST_RATIO * stored):
        raise BadInputError(
            path,
            f"claims {size:,} values in {dataset.name!r}, for which it has only {stored:,} bytes",
            "copy or export it again",
        )


def _elsewhere(path: str | PathLike[str], name: str) -> BadInputError:
    return BadInputError(path, f"keeps its {name!r} in another file", "export it again as one file")
