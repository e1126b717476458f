"""Zip files: equal bytes for equal content when written, checks for harm when read."""

from __future__ import annotations

import io
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import IO

from bridge.errors import BadInputError
from bridge.files.atomic import write_error
from bridge.files.names import is_system_file

LARGEST = 2**30
"""Bytes that an archive may unpack to: several times the largest StarDist model."""

MOST_ENTRIES = 10_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of what an archive may hold.

    Attributes:
        what: what it holds, in errors.
        bytes: unpacked.
        entries: number of files and folders.
        ratio: of the unpacked bytes to those of the archive.
    """

    what: str
    bytes: int
    entries: int
    ratio: int


# Weights hardly shrink; what shrinks to a fiftieth and is large was made to fill a disk.
MODEL = Limits(what="a model", bytes=LARGEST, entries=MOST_ENTRIES, ratio=50)
# Masks shrink to a hundredth, the images beside them hardly.
IMAGES = Limits(what="images and masks", bytes=2**36, entries=10**6, ratio=100)

_NEVER_TOO_LARGE = 64 * 2**20
_ENCRYPTED = 0x1  # bit of the general purpose flag (PKWARE's APPNOTE, 4.4.4)
_PIECE = 2**20  # bytes
_AGAIN = "download or export it again"

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


def zip_bytes(entries: Mapping[str, bytes]) -> bytes:
    """Return an archive whose bytes depend on its content only.

    Entries are stored, not compressed: weights hardly shrink, and compressors differ from one
    version to the next.

    Args:
        entries: content by name, in the order wanted; a name that ends in ``/`` is a folder.

    Example:
        >>> zip_bytes({"a.txt": b"text"}) == zip_bytes({"a.txt": b"text"})
        True
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
            archive.writestr(info, content)
    return stream.getvalue()


def list_zip(path: str | PathLike[str], limits: Limits = MODEL) -> list[str]:
    """Return the names of the files in an archive, with slashes, without those of systems.

    Args:
        path: the archive.
        limits: how much it may hold.

    Raises:
        BadInputError: as :func:`read_zip`.
    """
    with _opened(path, limits) as (_, infos):
        return list(infos)


def read_zip(path: str | PathLike[str]) -> dict[str, bytes]:
    """Read all files of an archive into memory.

    Args:
        path: the archive.

    Returns:
        Content by name, without folders and files that an operating system left
        (:func:`bridge.files.names.is_system_file`).

    Raises:
        BadInputError: no zip or a damaged one; a path that leaves the archive's folder, a link, a
            name that comes twice, a password; or an archive that unpacks to more than
            :data:`LARGEST`, or to far more than its own size.
    """
    with _opened(path) as (archive, infos):
        return {name: archive.read(info) for name, info in infos.items()}


def read_member(path: str | PathLike[str], name: str, largest: int) -> bytes:
    """Read one file of an archive.

    Args:
        path: the archive.
        name: the file's name, as :func:`list_zip` gives it.
        largest: bytes that it may have.

    Raises:
        BadInputError: as :func:`read_zip`, or the file is larger.
    """
    with _opened(path) as (archive, infos):
        if infos[name].file_size > largest:
            raise BadInputError(path, f"holds a {name} that is far too large", _AGAIN)
        return archive.read(infos[name])


def unpack_zip(
    path: str | PathLike[str], folder: Path, members: Mapping[str, str], limits: Limits = MODEL
) -> None:
    """Write files of an archive into a folder, piece by piece, with the times that they have in it.

    Args:
        path: the archive.
        folder: an existing folder.
        members: by their names in the archive (:func:`list_zip`) their names in the folder.
        limits: how much the archive may hold.

    Raises:
        BadInputError: as :func:`read_zip`, or the folder cannot be written.
    """
    with _opened(path, limits) as (archive, infos):
        for name, new in members.items():
            with archive.open(infos[name]) as source:
                _copy(source, folder / new)
            with suppress(ValueError, OverflowError, OSError):  # some zips hold no real time
                written = time.mktime((*infos[name].date_time, 0, 0, -1))
                os.utime(folder / new, (written, written))


def _copy(source: IO[bytes], target: Path) -> None:
    """Copy a stream; errors of the target are told from those of the archive."""
    try:
        stream = target.open("wb")
    except OSError as error:
        raise write_error(target, error) from error
    with stream:
        while piece := source.read(_PIECE):
            try:
                stream.write(piece)
            except OSError as error:
                raise write_error(target, error) from error


@contextmanager
def _opened(
    path: str | PathLike[str], limits: Limits = MODEL
) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open an archive, check its entries, and translate the errors of reading it."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive, _checked(path, archive.infolist(), limits)
    except FileNotFoundError as error:
        raise BadInputError(path, "does not exist", "check the name") from error
    except zipfile.BadZipFile as error:
        with Path(path).open("rb") as stream:
            begins_as_zip = stream.read(4) == b"PK\x03\x04"
        problem = "is a zip that ends too early or is damaged" if begins_as_zip else "is no zip"
        raise BadInputError(path, problem, _AGAIN) from error
    except (RuntimeError, EOFError, zlib.error) as error:
        raise BadInputError(path, f"cannot be unpacked ({error})", _AGAIN) from error
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror or error}", "check its permissions"
        ) from error


def _checked(
    path: str | PathLike[str], infos: list[zipfile.ZipInfo], limits: Limits
) -> dict[str, zipfile.ZipInfo]:
    """Return an archive's files by name, or refuse what could do harm."""
    total, packed = sum(i.file_size for i in infos), Path(path).stat().st_size
    allowed = min(limits.bytes, max(_NEVER_TOO_LARGE, limits.ratio * packed))
    if len(infos) > limits.entries or total > allowed:
        raise BadInputError(path, f"unpacks to far more than {limits.what}", _AGAIN)
    files: dict[str, zipfile.ZipInfo] = {}
    # Windows and macOS do not tell "Config.json" from "config.json".
    seen: set[str] = set()
    for info in infos:
        _check_name(path, info.filename)
        name = info.filename.replace("\\", "/")
        if info.is_dir() or is_system_file(name):
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise BadInputError(
                path, f"holds {name!r}, a link to another file", "pack the file itself"
            )
        if info.flag_bits & _ENCRYPTED:
            raise BadInputError(
                path, "has a password", "unpack it with the password, and give the folder"
            )
        if name.casefold() in seen:
            raise BadInputError(path, f"holds {name!r} twice", _AGAIN)
        seen.add(name.casefold())
        files[name] = info
    return files


def _check_name(path: str | PathLike[str], name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name:
        raise BadInputError(
            path,
            f"holds the path {name!r}, which leaves its folder",
            "do not open it: get it from its author",
        )
