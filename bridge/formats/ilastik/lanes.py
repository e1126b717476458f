"""Images of a project, by lane (an image and what belongs to it) and role (raw data, labels, …).

Stored in ``Input Data/infos/laneNNNN/ROLE``: a group of small datasets, empty where the lane has
nothing in that role. A path may be relative to the project's folder, and a dataset inside an HDF5
file follows behind the file's name (``a.h5/exported_data``). Files of a series are joined by the
path separator of the system that wrote them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import BadInputError
from bridge.formats.ilastik.axistags import read_axes
from bridge.formats.ilastik.content import Content

RAW = "Raw Data"
"""Role of the image itself."""

_CONTAINERS = re.compile(r"(?P<file>.+?\.(?:h5|hdf5|ilp|n5|npz))(?:/(?P<dataset>.+))?", re.I)
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]|\\\\")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_MOST_AXES = 5


@dataclass(frozen=True, kw_only=True)
class LaneImage:
    """An image of a lane, in one role.

    Attributes:
        role: ``Raw Data``, ``Label Image``, …
        nickname: by which ilastik shows it and names outputs.
        stored: its path, URL, or place inside the project, as the project has it.
        files: the files that the path means; none for a URL or an image inside the project.
        dataset: path of the dataset inside an HDF5 file, ``""`` where the file is the image.
        axes: letters of ``TZYXC``, as the image has them; ``""`` where the project does not say.
        shape: size of every axis; ``()`` where the project does not say.
        allows_labels: brush strokes may be drawn in it.
    """

    role: str
    nickname: str
    stored: str
    files: tuple[Path, ...]
    dataset: str
    axes: str
    shape: tuple[int, ...]
    allows_labels: bool = True

    @property
    def missing(self) -> tuple[Path, ...]:
        """Files that are not where the project has them."""
        return tuple(file for file in self.files if not _exists(file))

    @property
    def exists(self) -> bool:
        """True if all files are there, or there is none to look for."""
        return not self.missing

    def size(self, axis: str) -> int:
        """Return the size of an axis, 1 where the image lacks it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1


@dataclass(frozen=True)
class Lane:
    """An image of a project and what belongs to it.

    Attributes:
        images: by role, in the order of the project's roles.
    """

    images: tuple[LaneImage, ...]

    @property
    def raw(self) -> LaneImage | None:
        """The image itself."""
        return self.of("Raw Data") or next(iter(self.images), None)

    def of(self, role: str) -> LaneImage | None:
        """Return the image in a role; ``None`` where the lane has none."""
        return next((image for image in self.images if image.role == role), None)


def read_lanes(root: Content) -> tuple[tuple[str, ...], tuple[Lane, ...]]:
    """Read the roles and the lanes of a project.

    Args:
        root: the project.

    Returns:
        Names of the roles, and the lanes.

    Raises:
        BadInputError: an image is described in a way that cannot be read.
    """
    data = root.folder("Input Data")
    infos = None if data is None else data.folder("infos")
    if data is None or infos is None:
        return (), ()
    roles = data.texts("Role Names") or (RAW,)
    lanes = []
    for name in infos.names():
        lane = infos.folder(name)
        if lane is None:
            raise infos.damaged(name, "is no group")
        # Projects from before ilastik had roles describe the image in the lane's own group.
        here = [(RAW, lane)] if "filePath" in lane.names() else [(r, lane.folder(r)) for r in roles]
        images = [read_image(role, group) for role, group in here if group and group.names()]
        lanes.append(Lane(tuple(images)))
    return roles, tuple(lanes)


def read_image(role: str, group: Content) -> LaneImage:
    """Read the description of an image.

    Raises:
        BadInputError: it cannot be read.
    """
    kind = group.text("__class__") or ""
    location = group.text("location") or "FileSystem"
    stored = group.text("url") or group.text("filePath") or group.text("inner_path") or ""
    is_inside = kind == "ProjectInternalDatasetInfo" or location == "ProjectInternal"
    is_file = not is_inside and not kind.endswith("UrlDatasetInfo") and not _URL.match(stored)
    files, dataset = split_path(stored, group.path) if is_file else ((), "")
    axes, shape = _axes_and_shape(group)
    return LaneImage(
        role=role,
        nickname=group.text("nickname") or "",
        stored=group.text("inner_path") or stored if is_inside else stored,
        files=files,
        dataset=dataset,
        axes=axes,
        shape=shape,
        allows_labels=group.flag("allowLabels", True),
    )


def split_path(stored: str, project: Path) -> tuple[tuple[Path, ...], str]:
    """Return the files that a stored path means, and the dataset inside them.

    Args:
        stored: the path, as the project has it.
        project: the project, to whose folder relative paths belong.

    >>> [file.name for file in split_path("a.h5/vol/raw", Path("p.ilp"))[0]]
    ['a.h5']
    """
    files = []
    dataset = ""
    for part in _series(stored):
        is_of_windows = re.match(r"[A-Za-z]:\\|\\\\", part) is not None
        text = part.replace("\\", "/") if is_of_windows else part
        place = _CONTAINERS.fullmatch(text)
        name = place["file"] if place else text
        dataset = dataset or (place and place["dataset"]) or ""
        files.append(Path(name) if _ABSOLUTE.match(name) else project.absolute().parent / name)
    return tuple(files), dataset


def _series(stored: str) -> list[str]:
    """Split the files of a series: by ``;`` of Windows, or by ``:`` of any other system."""
    if re.match(r"[A-Za-z]:[\\/]", stored) or ";" in stored:
        parts = stored.split(";")
    else:
        parts = stored.split(":")
    return [part for part in parts if part]


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _axes_and_shape(group: Content) -> tuple[str, tuple[int, ...]]:
    sizes = group.numbers("shape", axes=1)
    shape = () if sizes is None else tuple(int(size) for size in sizes[: _MOST_AXES + 1])
    tags = group.text("axistags")
    order = group.text("axisorder")
    if tags is not None:
        axes = read_axes(f"{group.path}: {group.group.name}", tags)
    elif order is not None and set(order.upper()) <= set("TZYXC"):
        axes = order.upper()
    else:
        axes = ""
    if shape and axes and len(shape) != len(axes):
        raise group.damaged("axistags", f"names {len(axes)} axes for {len(shape)}")
    if len(shape) > _MOST_AXES or any(size < 1 for size in shape) or math.prod(shape) > 2**60:
        raise BadInputError(
            group.path,
            f"its {group.group.name!r} claims {shape} pixels, so it is damaged",
            "open it in ilastik and choose the image again",
        )
    return axes, shape
