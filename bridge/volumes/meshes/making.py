"""Make meshes of a volume: one of probabilities or intensities, or one for each label."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.errors import BadInputError
from bridge.volumes.meshes.decimating import decimate
from bridge.volumes.meshes.label_surfaces import label_sigma, label_surface
from bridge.volumes.meshes.labels import find_labels
from bridge.volumes.meshes.mesh import Mesh, Order
from bridge.volumes.meshes.relaxing import relax
from bridge.volumes.meshes.surface import SurfaceSettings, make_surface, make_tutorial_surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.volumes.meshes.naming import LabelName
    from bridge.volumes.volume import Volume
    from bridge.volumes.voxels import Triple

Kind = Literal["auto", "probabilities", "labels", "intensities"]
"""Meaning of the values; ``auto``: whole numbers of one channel are labels, all else is
probabilities. Probabilities in 8 and 16 bits count from 0 to 255 and 65,535."""

Progress = Callable[[int, int], None]

_SMOOTHING = re.compile(r"(\d+(?:\.\d+)?|\.\d+) ?(px|um|µm|μm)")
_COPIES = 2.4  # float32 volumes at once: the values, and those of a body at the border once more
_OVERHEAD = 128 * 2**20  # bytes of a mesh of a million faces
_MOST_VERTICES = 2**31 - 1
_TUTORIAL_SIGMA = 3.0
_MOST_SIGMA = 1000.0


@dataclass(frozen=True)
class Smoothing:
    """A Gaussian's standard deviation, in voxels or in µm.

    Attributes:
        sigma: the number.
        unit: ``px``, the same number of voxels along every axis, or ``um``, the same length.

    >>> Smoothing.parse("2um").voxels((1.0, 0.5, 0.5))
    (2.0, 4.0, 4.0)
    """

    sigma: float
    unit: Literal["px", "um"]

    @classmethod
    def parse(cls, text: str) -> Smoothing:
        """Read what a person gave.

        Raises:
            BadInputError: anything but a number with px or um behind it.
        """
        found = _SMOOTHING.fullmatch(text.strip())
        if found is None:
            raise BadInputError(
                "--smooth", f"{text!r} is no width", "give voxels or µm, as in 3px or 2um"
            )
        return cls(float(found[1]), "px" if found[2] == "px" else "um")

    def voxels(self, voxel: Triple) -> Triple:
        """Return the standard deviation along z, y and x in voxels.

        Raises:
            BadInputError: more than 1000 voxels.
        """
        if self.unit == "px":
            z = y = x = self.sigma
        else:
            z, y, x = (self.sigma / step for step in voxel)
        if max(z, y, x) > _MOST_SIGMA:
            raise BadInputError("--smooth", "is over 1000 voxels", "give voxels or µm (3px, 2um)")
        return z, y, x


@dataclass(frozen=True, kw_only=True)
class MeshSettings:
    """Settings of meshes: values, smoothing, faces and axes.

    Attributes:
        kind: what the values are.
        iso: isovalue: a probability from 0 to 1, whatever the type, or a value of intensities;
            ``None``: 0.5.
        smoothing: Gaussian before marching cubes; ``None``: none, but for labels, whose steps are
            smoothed by 0.6 times the longest edge of a voxel, at least the shortest one.
        is_closed: whether surfaces are closed at the volume's border.
        keeps_volume: whether smoothing keeps the volume of the body.
        relaxing: rounds of Taubin's smoothing of the mesh.
        faces: number of faces at most, of all meshes together; ``None``: any.
        order: order of the axes of vertices.
        is_tutorial: as blender_tissue_cartography makes it
            (:func:`bridge.volumes.meshes.surface.make_tutorial_surface`).

    Raises:
        BadInputError: settings that contradict each other, or numbers out of range.
    """

    kind: Kind = "auto"
    iso: float | None = None
    smoothing: Smoothing | None = None
    is_closed: bool = True
    keeps_volume: bool = True
    relaxing: int = 0
    faces: int | None = None
    order: Order = "zyx"
    is_tutorial: bool = False

    def __post_init__(self) -> None:
        if self.kind == "intensities" and self.iso is None:
            raise BadInputError("--kind intensities", "has no isovalue", "give --iso")
        if self.kind == "labels" and self.iso is not None:
            raise BadInputError("--iso", "means nothing for labels", "leave it out")
        iso = 0.5 if self.iso is None else self.iso
        if not math.isfinite(iso) or (self.kind != "intensities" and not 0 < iso < 1):
            raise BadInputError(
                "--iso",
                f"is {iso:g}, which is no probability between 0 and 1",
                "give one (0.5 also for 8 and 16 bits), or --kind intensities for a grey value",
            )
        if not 0 <= self.relaxing <= 1000:
            raise BadInputError("--relax", "is out of range", "give a number from 0 to 1000")
        if self.faces is not None and self.faces < 4:
            raise BadInputError("--faces", "is below 4, the faces of a tetrahedron", "give more")
        if self.is_tutorial and (
            self.kind == "labels" or self.relaxing or self.faces or self.order != "zyx"
        ):
            raise BadInputError(
                "--tutorial",
                "means the tutorial's own mesh: probabilities, order zyx, all faces",
                "leave out --kind labels, --relax, --faces and --order",
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for records."""
        return asdict(self)


def make_meshes(
    volume: Volume,
    settings: MeshSettings,
    *,
    name: str,
    names: Mapping[int, LabelName] | None = None,
    progress: Progress = lambda done, total: None,
    notes: list[str] | None = None,
) -> list[Mesh]:
    """Make the meshes of a volume: one, or one for each label.

    Args:
        volume: an open volume, of which a channel was chosen where it has several.
        settings: what to make.
        name: name of the mesh; labels have theirs, ``NAME_LABEL``, where ``names`` has no other.
        names: names and classes of labels.
        progress: called with steps done and all of them.
        notes: gets lines for the user.

    Raises:
        BadInputError: several channels, unknown µm, anisotropy over 10, too little memory, NaN,
            an empty or full volume, an isovalue outside its values.
        MissingPartError: a library of the part ``volumes`` is not installed.

    >>> from bridge.images import from_array
    >>> from bridge.volumes.volume import Volume
    >>> labels = np.zeros((9, 12, 12), np.uint8)
    >>> labels[1:4, 2:6, 2:6], labels[5:8, 6:10, 6:10] = 1, 7
    >>> image = from_array(labels, axes="ZYX", pixel_size=(2, 1, 1))
    >>> volume = Volume(image, None, 0, (2.0, 1.0, 1.0))
    >>> [(mesh.name, round(mesh.volume)) for mesh in make_meshes(volume, MeshSettings(), name="a")]
    [('a_1', 96), ('a_7', 96)]
    """
    notes = [] if notes is None else notes
    voxel = volume.known_voxel
    if len(volume.channels) > 1:
        raise BadInputError(
            volume.source,
            f"has {len(volume.channels)} channels ({', '.join(volume.channels[:8])})",
            "choose one with --channel",
        )
    if _takes_labels(volume, settings, notes):
        meshes = list(_label_meshes(volume, settings, voxel, name, names or {}, progress, notes))
    else:
        meshes = [replace(_one_mesh(volume, settings, voxel, progress, notes), name=name)]
    total = sum(len(mesh.faces) for mesh in meshes)
    if settings.faces is not None and total > settings.faces:
        meshes = [decimate(mesh, len(mesh.faces) * settings.faces // total) for mesh in meshes]
    return [mesh.ordered(settings.order) for mesh in meshes]


def nominal_steps(volume: Volume) -> Triple:
    """Return resolution over nominal subsampling, in µm along z, y and x.

    The tutorial takes 1/3 for a stack of 454 pixels that became 151, where starbridge takes
    151/454. Factors that round to the same number of voxels as a fraction 1/n count as it.

    Raises:
        BadInputError: the voxel size is not known.
    """
    voxel, made = volume.known_voxel, volume.provenance
    if made is None:
        return voxel
    steps = []
    for size, factor, source, written in zip(
        made.voxel, made.factors, made.shape, volume.shape, strict=True
    ):
        n = max(1, round(1 / factor))
        steps.append(size * n if abs(source / n - written) < 1 else size / factor)
    z, y, x = steps
    return z, y, x


def _takes_labels(volume: Volume, settings: MeshSettings, notes: list[str]) -> bool:
    if settings.kind != "auto":
        return settings.kind == "labels"
    if settings.iso is not None or settings.is_tutorial or volume.dtype.kind not in "ui":
        return False
    from bridge.volumes.cleaning import is_labels  # takes geopandas along

    found = is_labels(volume)
    if found:
        notes.append("taken for labels; probabilities of whole numbers: --kind probabilities")
    return found


def _one_mesh(
    volume: Volume, settings: MeshSettings, voxel: Triple, progress: Progress, notes: list[str]
) -> Mesh:
    is_raw = settings.kind == "intensities"
    volume.check_memory(int(_COPIES * 4 * math.prod(volume.shape)) + _OVERHEAD)
    values = _read_values(volume, 1.0 if is_raw else volume.full_probability, is_raw=is_raw)
    progress(1, 3)
    sigma = (0.0, 0.0, 0.0) if settings.smoothing is None else settings.smoothing.voxels(voxel)
    surface_settings = SurfaceSettings(
        iso=0.5 if settings.iso is None else settings.iso,
        sigma=sigma,
        is_closed=settings.is_closed,
        keeps_volume=settings.keeps_volume,
    )
    if settings.is_tutorial:
        if settings.smoothing is None:
            surface_settings = replace(surface_settings, sigma=(_TUTORIAL_SIGMA,) * 3)
        mesh = make_tutorial_surface(
            values, nominal_steps(volume), surface_settings, source=volume.source
        )
    else:
        mesh = make_surface(values, voxel, surface_settings, source=volume.source, notes=notes)
    del values
    progress(2, 3)
    if not len(mesh.faces):
        raise BadInputError(
            volume.source, "has no surface", "choose another channel (--channel) or --iso"
        )
    mesh = relax(mesh, settings.relaxing)
    progress(3, 3)
    return mesh


def _read_values(volume: Volume, full: float, *, is_raw: bool) -> NDArray[np.float32]:
    values = np.empty(volume.shape, np.float32)
    least, largest = np.inf, -np.inf
    for start, slab in volume.slabs():
        part = values[start : start + len(slab)]
        part[...] = slab
        if full != 1.0:
            part /= np.float32(full)
        low, high = float(part.min()), float(part.max())
        if not math.isfinite(low) or not math.isfinite(high):
            z, y, x = np.argwhere(~np.isfinite(part))[0]
            raise BadInputError(
                volume.source,
                f"holds NaN or infinity, first at slice {start + z}, row {y}, column {x} (from 0)",
                "replace it, by 0 where nothing was computed",
            )
        least, largest = min(least, low), max(largest, high)
    if not is_raw and (least < -0.01 or largest > 1.01):
        raise BadInputError(
            volume.source,
            f"has values from {least:.4g} to {largest:.4g}, which are no probabilities",
            "give --kind intensities with --iso as a grey value, or --kind labels",
        )
    return values


def _label_meshes(
    volume: Volume,
    settings: MeshSettings,
    voxel: Triple,
    name: str,
    names: Mapping[int, LabelName],
    progress: Progress,
    notes: list[str],
) -> Iterator[Mesh]:
    labels = _read_labels(volume)
    boxes = find_labels(labels)
    if not boxes:
        raise BadInputError(volume.source, "holds no label above 0", "give a label volume")
    lost = [label for label in names if label not in {box.label for box in boxes}]
    if lost:
        notes.append(f"{len(lost)} labels of the table are not in the volume, as {lost[0]}")
    smoothing = settings.smoothing or Smoothing(label_sigma(voxel), "um")
    surface_settings = SurfaceSettings(
        sigma=smoothing.voxels(voxel),
        is_closed=settings.is_closed,
        keeps_volume=settings.keeps_volume,
    )
    for number, box in enumerate(boxes, 1):
        known = names.get(box.label)
        mesh = relax(
            label_surface(labels, box, voxel, surface_settings, volume.source), settings.relaxing
        )
        yield replace(
            mesh,
            label=box.label,
            name=known.name if known and known.name else f"{name}_{box.label}",
            class_name=known.class_name if known else None,
        )
        progress(number, len(boxes))


def _read_labels(volume: Volume) -> NDArray[Any]:
    if volume.dtype.kind not in "ui":
        raise BadInputError(
            volume.source,
            f"holds {volume.dtype}, not whole numbers",
            "save the labels as integers, or give --kind probabilities",
        )
    labels = volume.read(copies=1.2)
    if labels.dtype.kind == "i" and labels.min() < 0:
        raise BadInputError(volume.source, "holds labels below 0", "give labels from 1 on")
    return labels
