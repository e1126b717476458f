"""Folders inside a ZIP archive, in which OME-Zarr images travel as one file (``.zarr.zip``).

Sources of the format: Zarr's ZipStore, and NGFF's RFC 9 (a single-file OME-Zarr, ``.ozx``). The
archive holds the image's folder, or what is in it.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import BadInputError
from bridge.images.contents import stays_inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.images.locations import Location

METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
"""Names of the files by which a folder is known to be a Zarr group or array."""

_LARGEST_ENTRY = 2**30  # bytes of a compressed chunk
_LARGEST_RATIO = 50  # chunks are compressed already: what shrinks so far was made to fill a disk
_NEVER_TOO_LARGE = 64 * 2**20


class ZipFolder:
    """A file or folder in an archive: the reading half of :class:`pathlib.Path`.

    Args:
        archive: the archive, here or at a URL.
        sizes: stored bytes of the files in it by their names, with slashes.
        inside: the path in the archive, ``""`` for the archive itself.

    Attributes:
        archive: as given.
        inside: as given.
    """

    def __init__(self, archive: Location, sizes: Mapping[str, int], inside: str = "") -> None:
        self.archive = archive
        self.inside = inside
        self._sizes = sizes

    @classmethod
    def open(cls, archive: Location) -> ZipFolder:
        """Find the Zarr folder in an archive; of one at a URL, only the list of files is fetched.

        Raises:
            BadInputError: no archive or a damaged one, no Zarr folder in it, names that lead out of
                it, or entries that unpack to far more than they are.
        """
        try:
            with archive.open("rb") as file, zipfile.ZipFile(file) as opened:
                entries = [entry for entry in opened.infolist() if not entry.is_dir()]
        except (zipfile.BadZipFile, OSError, LookupError, ValueError, NotImplementedError) as error:
            raise BadInputError(
                archive,
                f"is no readable ZIP archive, it is damaged or cut short ({str(error)[:120]})",
                "copy or export the file again",
            ) from error
        for entry in entries:
            if not stays_inside(entry.filename):
                raise BadInputError(
                    archive, f"holds {entry.filename!r}, outside of itself", "pack it again"
                )
            if entry.file_size > max(
                _NEVER_TOO_LARGE, min(_LARGEST_ENTRY, _LARGEST_RATIO * entry.compress_size)
            ):
                raise BadInputError(
                    archive,
                    f"holds {entry.filename!r}, which unpacks to {entry.file_size:,} bytes",
                    "pack the folder again, without compression",
                )
        names = {entry.filename: entry.compress_size for entry in entries}
        roots = sorted({name.rpartition("/")[0] for name in names if _is_metadata(name)}, key=len)
        if not roots or roots[0].count("/") > 0:
            raise BadInputError(
                archive,
                "is a ZIP archive without an OME-Zarr image",
                "unpack it and give a file that is in it",
            )
        return cls(archive, names, roots[0])

    def __str__(self) -> str:
        return f"{self.archive}/{self.inside}" if self.inside else str(self.archive)

    def __fspath__(self) -> str:
        return str(self)

    def __truediv__(self, name: str) -> ZipFolder:
        return ZipFolder(self.archive, self._sizes, f"{self.inside}/{name}".strip("/"))

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.inside.rpartition("/")[2] or self.archive.name

    @property
    def parent(self) -> ZipFolder:
        """Folder that holds it; of the archive itself, again the archive."""
        return ZipFolder(self.archive, self._sizes, self.inside.rpartition("/")[0])

    def is_file(self) -> bool:
        """Tell whether it is a file."""
        return self.inside in self._sizes

    def is_dir(self) -> bool:
        """Tell whether there are files in it."""
        return any(name.startswith(self._prefix) for name in self._sizes)

    def iterdir(self) -> Iterator[ZipFolder]:
        """Yield the files and folders directly inside, by name."""
        start = len(self._prefix)
        found = {n[start:].partition("/")[0] for n in self._sizes if n.startswith(self._prefix)}
        for name in sorted(found):
            yield self / name

    def file_sizes(self) -> Iterator[tuple[str, int]]:
        """Yield the path of each file below, from here, and its stored bytes."""
        start = len(self._prefix)
        for name, size in self._sizes.items():
            if name.startswith(self._prefix):
                yield name[start:], size

    def store(self) -> Any:
        """Return the archive as a store of Zarr; what it holds is at the path ``inside``."""
        from zarr.storage import FsspecStore, ZipStore

        if isinstance(self.archive, Path):
            return ZipStore(self.archive, mode="r", read_only=True)
        from fsspec.implementations.zip import ZipFileSystem

        # The archive itself, and not its address, which would be opened without its settings.
        inside = ZipFileSystem(self.archive.open("rb"))
        return FsspecStore.from_mapper(inside.get_mapper(""), read_only=True)

    @property
    def _prefix(self) -> str:
        return f"{self.inside}/" if self.inside else ""


def file_sizes(folder: Path | ZipFolder) -> Iterator[tuple[str, int]]:
    """Yield the path of each file below a folder, with slashes, and its stored bytes."""
    if isinstance(folder, ZipFolder):
        yield from folder.file_sizes()
        return
    for here, _, names in os.walk(folder):
        inside = Path(here).relative_to(folder)
        for name in names:
            yield (inside / name).as_posix(), (Path(here) / name).stat().st_size


def _is_metadata(name: str) -> bool:
    return name.rpartition("/")[2] in METADATA


def split_archive(path: Path) -> tuple[Path, str] | None:
    """Split the path of something in an archive, ``a.zarr.zip/labels/nuclei``.

    Returns:
        The archive, and the path inside with slashes; None for a path without an archive in it.

    >>> split_archive(Path("nowhere.zarr.zip/labels/nuclei")) is None
    True
    """
    for parent in path.parents:
        if parent.suffix.lower() in (".zip", ".ozx") and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None
