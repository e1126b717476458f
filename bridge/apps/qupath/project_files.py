"""Read a QuPath project from its files, without QuPath and without Java.

``project.qpproj`` lists the images, ``data/N/`` holds the objects, thumbnail and summary of image
N, ``classifiers/classes.json`` the classes. Projects of QuPath 0.2 and later are read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

from bridge.apps.qupath.image_transform import AS_FILE, ImageTransform
from bridge.apps.qupath.server_builder import read_server
from bridge.errors import BadInputError
from bridge.images.info import ImageInfo, PixelSize
from bridge.images.series import split_series

PROJECT_FILE = "project.qpproj"

_MOST_BYTES = 256 * 2**20  # of a list of images
_MICROMETRES = ("\u00b5m", "\u03bcm", "um")  # the micro sign, the Greek letter
_DEEPEST = 20  # a rotated, cropped, channel-transformed image is a builder in a builder


@dataclass(frozen=True, kw_only=True)
class ProjectImage:
    """An image of a project.

    Attributes:
        id: its number in this project.
        name: the name that QuPath shows.
        uris: addresses of its pixels; several for an image made of several files.
        data: folder of its objects and thumbnail.
        description: the reviewer's notes, ``""`` where there are none.
        metadata: the reviewer's keys and values.
        width, height: pixels that QuPath shows, ``None`` where the project does not say.
        size_z, size_t: number of slices and time points.
        pixel_size: µm, ``None`` where the project does not say.
        channels: names of the channels, empty where the project does not say.
        server: hash of all that the project says of the pixels, such as transforms, the pixel size
            and channel names.
        transform: the part of its file that it shows, and how that is turned.
    """

    id: str
    name: str
    uris: tuple[str, ...]
    data: Path
    description: str
    metadata: dict[str, str] = field(hash=False)
    width: int | None = None
    height: int | None = None
    size_z: int = 1
    size_t: int = 1
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    server: str = ""
    transform: ImageTransform = AS_FILE

    @property
    def shows(self) -> str:
        """Description in words: its file with the series, and how that is turned."""
        names = [path.name for path in self.paths[:1]] or [*self.uris[:1]]
        several = " …" if len(self.uris) > 1 else ""
        series = self.transform.series
        file = f"{''.join(names)}{several}" + (f"#{series}" if series not in (None, "0") else "")
        turned = self.transform.steps
        return ", ".join([file, *turned] if self.transform.problem is None else [file, "changed"])

    def is_series(self, series: str) -> bool:
        """Tell whether it shows a series of its file, given by number (from 0) or name."""
        if series == (self.transform.series or "0"):
            return True
        # Bio-Formats calls a series "file.lif - name".
        return self.name == series or self.name.endswith(f" - {series}")

    def info(self, name: str) -> ImageInfo:
        """Return what the project says of the image, under a name."""
        return ImageInfo(
            name=name,
            width=self.width,
            height=self.height,
            size_z=self.size_z,
            size_t=self.size_t,
            pixel_size=self.pixel_size,
            channels=self.channels,
        )

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files of the pixels, as the project names them; addresses of servers are left out."""
        return tuple(path for uri in self.uris if (path := file_of(uri)) is not None)

    @property
    def missing(self) -> tuple[Path, ...]:
        """Files that do not exist where the project says."""
        return tuple(path for path in self.paths if not _is_there(path))

    @property
    def objects_file(self) -> Path:
        """File of its objects, which need not exist."""
        return self.data / "data.qpdata"

    @property
    def thumbnail(self) -> Path | None:
        """File of its thumbnail, ``None`` where QuPath made none."""
        path = self.data / "thumbnail.jpg"
        return path if path.is_file() else None

    @property
    def last_change(self) -> datetime | None:
        """Time when its objects were last saved (UTC); ``None`` if they never were."""
        try:
            return datetime.fromtimestamp(self.objects_file.stat().st_mtime, UTC)
        except OSError:
            return None


@dataclass(frozen=True, kw_only=True)
class ProjectClass:
    """A class of a project.

    Attributes:
        name: its name; parts of a derived class are joined by ``": "``.
        color: ``#rrggbb``, ``None`` where the project has none.
    """

    name: str
    color: str | None


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """A project's lists of images and classes.

    Attributes:
        file: its ``project.qpproj``.
        version: version of the QuPath that saved it last, ``""`` where it does not say.
        moved_from: URI of the project file when it was last saved, if it was elsewhere.
        images: in QuPath's order.
        classes: in QuPath's order.
    """

    file: Path
    version: str
    moved_from: str | None
    images: tuple[ProjectImage, ...]
    classes: tuple[ProjectClass, ...]

    @property
    def folder(self) -> Path:
        """Folder of the project."""
        return self.file.parent

    def image(self, which: str) -> ProjectImage:
        """Return an image by its name or number, or by its file: ``FILE`` or ``FILE#SERIES``.

        Raises:
            BadInputError: there is none, or several have the name.
        """
        found = [image for image in self.images if which in (image.name, image.id)]
        found = found or [image for image in self.images if _is_file(image, which)]
        exact = [image for image in found if image.name == which] or found
        if len(exact) == 1:
            return exact[0]
        if exact:
            ids = ", ".join(image.id for image in exact)
            raise BadInputError(
                self.file, f"has several images named {which!r}", f"give the number: {ids}"
            )
        names = ", ".join(image.name for image in self.images[:5])
        more = " …" if len(self.images) > 5 else ""
        raise BadInputError(self.file, f"has no image {which!r}", f"it has {names or 'none'}{more}")

    def select(self, names: Sequence[str] | None) -> tuple[ProjectImage, ...]:
        """Return images by their names or numbers; all of them where ``None``.

        Raises:
            BadInputError: as :meth:`image`.
        """
        return self.images if names is None else tuple(self.image(name) for name in names)


def read_project(path: str | PathLike[str]) -> ProjectFiles:
    """Read a project's lists; open no image and write nothing.

    Args:
        path: the project's folder, or its ``.qpproj`` file.

    Raises:
        BadInputError: no project, damaged, or a path in it that leaves the project's folder.
    """
    file = project_file(path)
    record = _json(file)
    images = record.get("images")
    if not isinstance(images, list):
        raise BadInputError(
            file, "is no QuPath project", "give the folder with project.qpproj in it"
        )
    uri = record.get("uri")
    saved_as = file_of(uri) if isinstance(uri, str) else None
    return ProjectFiles(
        file=file,
        version=str(record.get("version") or ""),
        moved_from=None if saved_as in (None, file.absolute()) else str(uri),
        images=tuple(_image(entry, file) for entry in images if isinstance(entry, dict)),
        classes=tuple(_classes(file.parent, record)),
    )


def project_file(path: str | PathLike[str]) -> Path:
    """Return the ``.qpproj`` file of a project that is given by its folder or by the file.

    Raises:
        BadInputError: there is none, or the folder has several.
    """
    place = Path(path)
    if place.is_file():
        return place
    if not place.exists():
        raise BadInputError(place, "there is no such project", "check the path")
    usual = place / PROJECT_FILE
    if usual.is_file():
        return usual
    others = sorted(place.glob("*.qpproj"))
    if len(others) == 1:
        return others[0]
    if others:
        names = ", ".join(other.name for other in others)
        raise BadInputError(place, f"holds several projects ({names})", "give one of the files")
    backups = sorted(place.glob("*.qpproj.backup"))
    if backups:
        raise BadInputError(
            place,
            f"has lost its project file, but has {backups[0].name}",
            f"rename that to {backups[0].name.removesuffix('.backup')}",
        )
    raise BadInputError(place, "is no QuPath project", "give the folder with project.qpproj in it")


def file_of(uri: str) -> Path | None:
    """Return the file that a URI names; ``None`` for an address of a server.

    QuPath writes ``file:/home/…`` and ``file:///home/…``, and on Windows ``file:/C:/…``; a path
    of another system is returned unchanged.

    >>> str(file_of("file:/C:/my%20data/a.tif"))
    'C:/my data/a.tif'
    """
    parts = urlsplit(uri)
    if parts.scheme.lower() != "file":
        return None
    text = unquote(parts.path)
    if parts.netloc:
        text = f"//{parts.netloc}{text}"
    elif len(text) > 2 and text[0] == "/" and text[2] == ":":
        return Path(PureWindowsPath(text[1:]).as_posix())
    return Path(text)


def _is_file(image: ProjectImage, which: str) -> bool:
    """Tell whether a file, or a series of it, is what an image shows."""
    file, series = split_series(which)
    if series is not None and not image.is_series(series):
        return False
    return any(path == file.absolute() or str(file) == path.name for path in image.paths)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no permission to read the folder
        return False


def _image(entry: dict[str, Any], file: Path) -> ProjectImage:
    identity = entry.get("entryID", entry.get("uniqueID"))
    if not isinstance(identity, int | str) or not str(identity).isalnum():
        raise BadInputError(file, f"has an image of the number {identity!r}", "do not trust it")
    metadata = entry.get("metadata")
    server = entry.get("serverBuilder")
    transform = read_server(server)
    width, height = transform.shown_size or (None, None)
    return ProjectImage(
        id=str(identity),
        name=str(entry.get("imageName") or entry.get("name") or f"image {identity}"),
        uris=tuple(dict.fromkeys(_uris(server))),
        data=file.parent / "data" / str(identity),
        description=str(entry.get("description") or ""),
        metadata={str(k): str(v) for k, v in metadata.items()}
        if isinstance(metadata, dict)
        else {},
        width=width,
        height=height,
        **_metadata_of(server),
        server=hashlib.sha256(json.dumps(server, sort_keys=True).encode()).hexdigest(),
        transform=transform,
    )


def _uris(server: Any, depth: int = 0) -> Iterator[str]:
    """Yield every ``uri`` of an image's builder and of the builders inside it."""
    if depth > _DEEPEST:
        return
    if isinstance(server, dict):
        for key, value in server.items():
            if key == "uri" and isinstance(value, str):
                yield value
            elif isinstance(value, dict | list):
                yield from _uris(value, depth + 1)
    elif isinstance(server, list):
        for value in server:
            yield from _uris(value, depth + 1)


def _metadata_of(server: Any) -> dict[str, Any]:
    """Return the planes, pixel size and channels that an image's description has."""
    metadata = server.get("metadata") if isinstance(server, dict) else None
    if not isinstance(metadata, dict):
        return {}
    found: dict[str, Any] = {}
    for key, name in (("sizeZ", "size_z"), ("sizeT", "size_t")):
        if isinstance(metadata.get(key), int) and metadata[key] > 0:
            found[name] = metadata[key]
    channels = metadata.get("channels")
    if isinstance(channels, list) and all(isinstance(channel, dict) for channel in channels):
        found["channels"] = tuple(str(channel.get("name") or "") for channel in channels)
    calibration = metadata.get("pixelCalibration")
    calibration = calibration if isinstance(calibration, dict) else {}
    y, x = (_micrometres(calibration.get(key)) for key in ("pixelHeight", "pixelWidth"))
    if x is not None and y is not None:
        found["pixel_size"] = PixelSize(y, x)
    return found


def _micrometres(length: Any) -> float | None:
    """Return a length of QuPath's in µm; ``None`` for one in pixels, or none at all."""
    if not isinstance(length, dict) or length.get("unit") not in _MICROMETRES:
        return None
    value = length.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value < math.inf else None


def _classes(folder: Path, record: dict[str, Any]) -> Iterator[ProjectClass]:
    file = folder / "classifiers" / "classes.json"
    listed = _json(file).get("pathClasses") if file.is_file() else record.get("pathClasses")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            color = entry.get("color", entry.get("colorRGB"))
            packed = color if isinstance(color, int) and not isinstance(color, bool) else None
            yield ProjectClass(
                name=entry["name"],
                color=None if packed is None else f"#{packed & 0xFFFFFF:06x}",
            )


def _json(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadInputError(file, "is too large for a list of images", "do not trust it")
        record = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BadInputError(file, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            file,
            "is damaged, or no QuPath project",
            f"QuPath keeps an older one as {file.name}.backup",
        ) from error
    if not isinstance(record, dict):
        raise BadInputError(file, "is no QuPath project", "give the folder of a project")
    return record
