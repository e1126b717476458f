"""Locations of images: files on this machine, and URLs that fsspec reads.

Sources: RFC 8089 (``file:`` URLs) and fsspec's URL chains (``simplecache::s3://bucket/a.tif``),
https://filesystem-spec.readthedocs.io/en/latest/features.html#url-chaining.
"""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from bridge.errors import BadInputError, MissingPartError
from bridge.images.series import split_series
from bridge.images.zipped import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from typing import BinaryIO

# A drive letter ("C:") is no protocol.
_URL = re.compile(r"[a-z][a-z0-9+.-]+(?:::|://).*", re.IGNORECASE | re.DOTALL)
_BLOCK = 2**20  # bytes that are fetched and kept for the next look
_LARGE = 2 * _BLOCK  # bytes that are fetched in one piece, and not kept
_VERSION_KEYS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "created")


class RemotePath:
    """A file or folder behind a URL: the reading half of :class:`pathlib.Path`.

    Its text is the URL without what is secret in it: a password, or the signature that a signed
    web address carries behind its question mark. It travels to other processes as it is.

    Args:
        filesystem: an fsspec file system.
        path: the path as that file system writes it.
        chain: the links of the URL before and behind the one with the path.

    Attributes:
        name: the last part of the path.
    """

    def __init__(self, filesystem: Any, path: str, chain: tuple[str, str] = ("", "")) -> None:
        self._filesystem = filesystem
        self._path = path if path.endswith("://") else path.rstrip("/")
        self._chain = chain
        self.name = _without_secrets(self._path).rpartition("/")[2]

    @classmethod
    def from_url(cls, url: str) -> RemotePath:
        """Make a path of a URL.

        Raises:
            BadInputError: an unknown protocol, or one whose driver is not installed.
            MissingPartError: fsspec is not installed.
        """
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MissingPartError("cluster", "read images from a URL", "fsspec") from error
        links = url.split("::")
        # The first link with a path is the one that the path of the file system belongs to.
        place = next((i for i, link in enumerate(links) if "://" in link), 0)
        before = "".join(f"{link}::" for link in links[:place])
        after = "".join(f"::{_without_secrets(link)}" for link in links[place + 1 :])
        shown = before + _without_secrets(links[place]) + after
        try:
            filesystem, path = url_to_fs(url)
        except ImportError as error:
            raise BadInputError(
                shown,
                f"cannot be read without a driver: {error}",
                "install it with pip, into the environment of starbridge",
            ) from error
        except ValueError as error:
            raise BadInputError(
                shown, f"is no address that can be read ({error})", "check its beginning"
            ) from error
        except Exception as error:
            raise _unreachable(shown, error) from error
        return cls(filesystem, path, (before, after))

    def __str__(self) -> str:
        path = _without_secrets(self._path)
        if "://" not in path:
            protocol = self._filesystem.protocol
            target = getattr(self._filesystem, "target_protocol", None)
            name = protocol if isinstance(protocol, str) else protocol[0]
            # A cache in front of a file system has the paths of what lies behind it.
            name = target if isinstance(target, str) and self._chain[0] else name
            path = f"{name}://{path}"
        return self._chain[0] + path + self._chain[1]

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __fspath__(self) -> str:
        return str(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and (str(self), self._path) == (
            str(other),
            other._path,
        )

    def __hash__(self) -> int:
        return hash(self._path)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(self._filesystem, f"{self._path}/{name}", self._chain)

    @property
    def parent(self) -> RemotePath:
        """Folder that holds it."""
        return RemotePath(self._filesystem, self._path.rpartition("/")[0], self._chain)

    @property
    def is_pattern(self) -> bool:
        """Tell whether it means several files (``s3://bucket/*.tif``)."""
        return "*" in self._path

    def exists(self) -> bool:
        """Tell whether there is such a file or folder."""
        return self._info() is not None

    def is_file(self) -> bool:
        """Tell whether it is a file."""
        return (self._info() or {}).get("type") == "file"

    def is_dir(self) -> bool:
        """Tell whether it is a folder; web servers do not tell."""
        return (self._info() or {}).get("type") == "directory"

    def iterdir(self) -> Iterator[RemotePath]:
        """Yield the files and folders directly inside.

        Raises:
            FileNotFoundError: there is no such folder.
            BadInputError: it cannot be reached.
        """
        folder = f"{self._path}/" if "://" in self._path else self._path
        with _reaching(self):
            found = self._filesystem.ls(folder, detail=False)
        for path in found:
            child = RemotePath(self._filesystem, path, self._chain)
            if child._path != self._path:
                yield child

    def matches(self) -> list[RemotePath]:
        """Return the paths that fit it as a pattern: ``*`` fits part of a name, ``**`` folders."""
        with _reaching(self):
            found = self._filesystem.glob(self._path)
        return [RemotePath(self._filesystem, path, self._chain) for path in found]

    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO:
        """Open it for reading anywhere in it; only what is read is fetched, in blocks.

        Raises:
            FileNotFoundError: there is no such file.
            BadInputError: it cannot be reached, or its server gives files only as a whole.
        """
        with _reaching(self):
            file = self._filesystem.open(
                self._path, mode, block_size=_BLOCK, cache_type="blockcache"
            )
        try:
            file.seek(0, 2)
            file.seek(0)
        except (OSError, ValueError, TypeError) as error:
            file.close()
            raise BadInputError(
                self,
                "is on a server that gives files only as a whole",
                f"have it fetched first: simplecache::{self}",
            ) from error
        return cast("BinaryIO", _RemoteFile(self, file))

    def part(self, start: int, end: int) -> bytes:
        """Read the bytes from ``start`` to before ``end``, as far as they go, in one request."""
        data: bytes = self._filesystem.cat_file(self._path, start=start, end=end)
        return data

    def mapper(self) -> Any:
        """Return the folder as fsspec's mapping of names to bytes, from which Zarr reads."""
        return self._filesystem.get_mapper(self._path)

    def identity(self) -> dict[str, Any]:
        """Return what identifies a version of the file: address, bytes and, if known, version."""
        info = self._info() or {}
        version = next((info[key] for key in _VERSION_KEYS if info.get(key)), None)
        known = {
            "bytes": info.get("size"),
            "version": None if version is None else str(version),
        }
        return {"source": str(self), **{k: v for k, v in known.items() if v is not None}}

    def _info(self) -> dict[str, Any] | None:
        try:
            with _reaching(self):
                info: dict[str, Any] = self._filesystem.info(self._path)
                return info
        except (FileNotFoundError, NotADirectoryError):
            return None


class _RemoteFile(io.RawIOBase):
    """An open file whose network errors name it."""

    def __init__(self, place: RemotePath, file: BinaryIO) -> None:
        self._place = place
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _reaching(self._place):
            if len(buffer) > _LARGE:
                start = self._file.tell()
                data = self._place.part(start, start + len(buffer))
                self._file.seek(start + len(data))
            else:
                data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


Location: TypeAlias = Path | RemotePath
"""A path on this machine or a URL."""


def locate(place: str | PathLike[str] | RemotePath) -> Location:
    """Make a location of a path or a URL.

    Args:
        place: a path, ``file:///path``, or any URL that fsspec reads (``s3://bucket/a.tif``,
            ``https://…``).

    Raises:
        BadInputError: a protocol that is not known, whose driver is not installed, or a ``file:``
            URL of another machine.
        MissingPartError: a URL, and fsspec is not installed.

    >>> locate("file:///data/a.tif") == Path("/data/a.tif")
    True
    """
    if isinstance(place, (Path, RemotePath)):
        return place
    text = str(place)
    if not (_URL.fullmatch(text) and "://" in text):
        return Path(text)
    if not text.lower().startswith("file://"):
        return RemotePath.from_url(text)
    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost"):
        raise BadInputError(
            text, "names another machine", "write file:/// with three slashes, or a plain path"
        )
    return Path(url2pathname(parts.path))


def identity(place: Location) -> dict[str, Any]:
    """Return what identifies a version of an image; nothing where it cannot be looked at."""
    try:
        if isinstance(place, RemotePath):
            return place.identity()
        status = _stands_for(split_series(place)[0]).stat()
    except (OSError, BadInputError):
        return {}
    series = split_series(place)[1] if isinstance(place, Path) else None
    found: dict[str, Any] = {"bytes": status.st_size, "modified": status.st_mtime_ns}
    return found if series is None else {**found, "series": series}


def _stands_for(place: Path) -> Path:
    """Return the file whose change is the image's: of a Zarr folder its metadata.

    The folder itself changes when a label image is written into it.
    """
    if place.is_dir():
        return next((place / name for name in METADATA if (place / name).is_file()), place)
    return place


def known_identity(place: Location) -> dict[str, Any]:
    """Return the identity of a file that must be there.

    Raises:
        BadInputError: it cannot be looked at.

    >>> sorted(known_identity(Path(__file__)))
    ['bytes', 'modified']
    """
    if isinstance(place, RemotePath):
        return place.identity()
    try:
        split_series(place)[0].stat()
    except FileNotFoundError as error:
        raise BadInputError(place, "does not exist", "check the spelling and the folder") from error
    except OSError as error:
        raise BadInputError(
            place, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    return identity(place)


def path_identity(path: Path) -> list[Any]:
    """Return the absolute path of a file and its identity, however the user spelled its path.

    Raises:
        BadInputError: it cannot be looked at.

    >>> path_identity(Path(__file__))[0] == str(Path(__file__).resolve())
    True
    """
    return [str(path.resolve()), known_identity(path)]


def _without_secrets(url: str) -> str:
    """Return a URL without its password, a web address also without its query."""
    protocol, separator, rest = url.partition("://")
    if not separator:
        return url
    if protocol.lower() in ("http", "https"):
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    person, at, server = host.rpartition("@")
    if at and ":" in person:  # without a colon it may be the container of an Azure account
        host = server
    return f"{protocol}://{host}{slash}{path}"


@contextmanager
def _reaching(place: RemotePath) -> Iterator[None]:
    """Translate the errors of drivers: not there, forbidden or not reached."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, PermissionError, BadInputError):
        raise
    except Exception as error:
        raise _unreachable(str(place), error) from error


def _unreachable(shown: str, error: Exception) -> BadInputError:
    # Drivers put the whole address into their messages, signature included.
    text = re.sub(r"\?\S+", "", str(error))[:120] or type(error).__name__
    return BadInputError(
        shown, f"cannot be reached ({text})", "check the address, your access and the network"
    )
