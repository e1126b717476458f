"""Zip files: equal bytes for equal content when written, checks for harm when read."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path, PurePosixPath

from bridge.errors import BadInputError

LARGEST = 4 * 2**30
"""Bytes that an archive may unpack to: many times the largest StarDist model."""

MOST_ENTRIES = 10_000

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


def read_zip(path: str | PathLike[str]) -> dict[str, bytes]:
    """Read all files of an archive into memory.

    Args:
        path: the archive.

    Returns:
        Content by name, folders left out.

    Raises:
        BadInputError: no zip, a damaged one, a path that leaves the archive's folder, or an archive
            that unpacks to more than :data:`LARGEST`.
    """
    again = "download or export it again"
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > MOST_ENTRIES or sum(i.file_size for i in infos) > LARGEST:
                raise BadInputError(path, "unpacks to far more than a model", again)
            for info in infos:
                _check_name(path, info.filename)
            return {info.filename: archive.read(info) for info in infos if not info.is_dir()}
    except FileNotFoundError as error:
        raise BadInputError(path, "does not exist", "check the name") from error
    except zipfile.BadZipFile as error:
        with Path(path).open("rb") as stream:
            begins_as_zip = stream.read(4) == b"PK\x03\x04"
        problem = "is a zip that ends too early or is damaged" if begins_as_zip else "is no zip"
        raise BadInputError(path, problem, again) from error
    except (RuntimeError, EOFError, zlib.error) as error:
        raise BadInputError(path, f"cannot be unpacked ({error})", again) from error
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror or error}", "check its permissions"
        ) from error


def _check_name(path: str | PathLike[str], name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name:
        raise BadInputError(
            path,
            f"holds the path {name!r}, which leaves its folder",
            "do not open it: get the model from its author",
        )
