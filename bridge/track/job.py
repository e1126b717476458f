"""Track the objects of many time series into one folder of results."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from bridge.batch.job import Job, Json, Made, Progress, Work
from bridge.batch.results import result_places
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats import format_of, write_all
from bridge.formats.layout import FORMATS, by_rank, spec_of
from bridge.formats.naming import natural_key
from bridge.formats.pairing import name_of_objects
from bridge.images.info import PixelSize
from bridge.images.lengths import Length
from bridge.images.locations import path_identity
from bridge.track.files.cell_tracking_challenge import RES_TRACK, write_challenge
from bridge.track.files.napari import napari_table
from bridge.track.objects import tracked_objects
from bridge.track.remarks import remarks
from bridge.track.tables import track_table
from bridge.track.tracking import GAP, PARENT, TRACK, track

TRACKS = "tracks"
"""Key of the table of tracks."""

CTC, NAPARI = "ctc", "napari"
ALSO = {CTC: f"ctc/{{name}}_RES/{RES_TRACK}", NAPARI: "tables/{name}_napari.csv"}
"""Files for other programs, by their keys."""

DETECTED = "Detected label"
"""Column: label of an object in the file that was tracked."""


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """Settings of a batch of time series.

    Attributes:
        max_distance, gap, divisions, intensities: as in :func:`bridge.track.track`.
        interval: seconds between time points, ``None`` where unknown.
        axes: of label images, where the files do not say.
        pixel_size, z_step: µm, where the files do not say.
        formats: formats of the objects.
        also: keys of :data:`ALSO`.

    Raises:
        BadInputError: an interval that is none.
    """

    max_distance: Length | None = None
    gap: int = GAP
    divisions: bool = True
    intensities: tuple[str, ...] = ()
    interval: float | None = None
    axes: str | None = None
    pixel_size: float | None = None
    z_step: float | None = None
    formats: tuple[str, ...] = ("labels", "rois", "geojson", "csv")
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.interval is not None and not self.interval > 0:
            raise BadInputError(
                "--interval", f"{self.interval:g} s are no interval", "give a number above 0"
            )

    def to_json(self) -> dict[str, Json]:
        """Return what decides the result, by the words of messages."""
        distance = self.max_distance
        return {
            "distance": None if distance is None else f"{distance.value:g} {distance.unit}",
            "gap": self.gap,
            "divisions": self.divisions,
            "intensities": list(self.intensities),
            "interval": self.interval,
            "axes": self.axes,
            "pixel size": self.pixel_size,
            "z step": self.z_step,
        }


@dataclass(frozen=True)
class TrackJob(Job[Path]):
    """Tracks of the objects of time series.

    Attributes:
        settings: of all series.
    """

    record = "tracks.json"
    items = "series"
    participle = "tracked"
    clash_remedy = "track them into different --out folders"

    settings: TrackSettings

    def name(self, item: Path) -> str:
        """Return the name of the series' image."""
        return name_of_objects(item)

    def source(self, item: Path) -> Path:
        """Return the file of objects."""
        return item

    def key(self, item: Path) -> dict[str, Json]:
        """Return everything that decides the tracks.

        Raises:
            BadInputError: the file is not there.
        """
        return {"file of objects": path_identity(item), **self.settings.to_json()}

    def outputs(self, item: Path) -> dict[str, str]:
        """Return the objects by format, and the table of tracks."""
        name = self.name(item)
        more = {key: ALSO[key].format(name=name) for key in self.settings.also}
        places = result_places(name, self.settings.formats)
        return {**places, TRACKS: f"tables/{name}_tracks.csv", **more}

    def describe(self) -> dict[str, Json]:
        """Return settings and versions."""
        libraries = {name: version(name) for name in ("numpy", "scipy")}
        return {"settings": self.settings.to_json(), "versions": libraries}

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        """Track the objects of a series and write them."""
        del progress  # a hundred thousand objects take seconds
        settings = self.settings
        detections = read_series(work.item, settings)
        distance = settings.max_distance
        tracked = track(
            detections,
            max_distance=None if distance is None else _in_unit_of(detections, distance),
            gap=settings.gap,
            divisions=settings.divisions,
            intensities=settings.intensities,
        )
        frame = tracked.objects
        frame[DETECTED] = frame["label"]
        frame["label"] = frame[TRACK]
        tracked = replace(tracked, objects=frame)
        files = {key: path for key, path in work.outputs.items() if key in FORMATS}
        left_out: tuple[str, ...] = ()
        if not tracked.image.width:
            left_out = tuple(key for key in files if FORMATS[key].needs_size)
        write_all(tracked, [folder / path for key, path in files.items() if key not in left_out])
        table = track_table(tracked, interval=settings.interval)
        if TRACKS in work.outputs:
            _write_table(table, folder / work.outputs[TRACKS])
        if NAPARI in work.outputs:
            _write_table(napari_table(tracked).set_index("track"), folder / work.outputs[NAPARI])
        more: dict[str, str] = {}
        if CTC in work.outputs:
            place = Path(work.outputs[CTC]).parent
            _, *masks = write_challenge(tracked, folder / place)
            more = {f"{CTC} {name}": (place / name).as_posix() for name in masks}
        divided = int(table[PARENT][table[PARENT] > 0].nunique())
        result: dict[str, Json] = {"tracks": len(table), "divisions": divided}
        notes: tuple[str, ...] = (f"{len(table)} tracks, {divided} divisions",)
        if left_out:
            notes += (f"the size of the image is not known: no {', '.join(left_out)}",)
        if tracked.image.pixel_size is None:
            notes += ("no pixel size, so that distances are in px; give it with --pixel-size",)
        found = tracked_objects(tracked).points
        return Made(
            len(found.frame),
            result=result,
            left_out=left_out,
            more=more,
            notes=(*notes, *remarks(found)),
        )

    def absolute(self, item: Path) -> Path:
        """Return the file's absolute path."""
        return item.absolute()

    def files(self, item: Path) -> list[Path]:
        """Return the file of objects."""
        return [item]


def find_series(paths: Sequence[Path]) -> list[Path]:
    """Return files of objects; of a folder of results the fullest format of each image.

    Raises:
        BadInputError: a path is not there, or a folder without objects.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise BadInputError(path, "is not there", "check the path")
        if not path.is_dir() or path.name.lower().endswith(FORMATS["zarr"].endings):
            found.append(path)
            continue
        of_name: dict[str, Path] = {}
        for spec in by_rank():
            for place in (spec.place, spec.file_name):
                for file in sorted(path.glob(place.format(name="*"))):
                    of_name.setdefault(name_of_objects(file), file)
        if not of_name:
            raise BadInputError(path, "holds no objects", "give the files of objects")
        found += [of_name[name] for name in sorted(of_name, key=natural_key)]
    return found


def read_series(path: Path, settings: TrackSettings) -> Detections:
    """Read the objects of a time series.

    Args:
        path: the file.
        settings: what it does not say.

    Raises:
        BadInputError: as the reader of its format; axes for a file that is no label image.
    """
    reader = format_of(path).read
    options: dict[str, Any] = {}
    if settings.axes is not None and "axes" in inspect.signature(reader).parameters:
        options["axes"] = settings.axes.upper()
    detections = reader(path, **options)
    info = detections.image
    size, z_step = settings.pixel_size, settings.z_step
    if size is not None and info.pixel_size is None:
        info = replace(info, pixel_size=PixelSize(size, size, z_step))
    elif z_step is not None and info.pixel_size is not None and info.pixel_size.z is None:
        info = replace(info, pixel_size=replace(info.pixel_size, z=z_step))
    # A label image is called after its file, not after the image.
    name = name_of_objects(path) if spec_of(path).needs_size else info.name
    return replace(detections, image=replace(info, name=name or name_of_objects(path)))


def _write_table(table: pd.DataFrame, path: Path) -> None:
    with writing(path) as part:
        table.to_csv(part, lineterminator="\n", float_format="%.10g")


def _in_unit_of(detections: Detections, length: Length) -> float:
    """Return a length in the unit in which detections are tracked."""
    pixel = detections.image.pixel_size
    if length.unit == "px":
        return length.value * (pixel.yx if pixel else 1.0)
    if pixel is None:
        raise BadInputError(
            detections.image.name or "detections",
            "has no pixel size, so that µm mean nothing",
            "give it (--pixel-size), or the distance in pixels (30px)",
        )
    return length.value
