"""Settings and names that the batches of volumes share."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.batch.job import ImageJob, Json
from bridge.errors import BadInputError, MissingPartError
from bridge.images.locations import Location, known_identity
from bridge.volumes.volume import Volume, open_volume, take_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.volumes.voxels import Triple


@dataclass(frozen=True)
class OpenSettings:
    """Settings by which volumes are opened; see :func:`bridge.volumes.open_volume`.

    Attributes:
        axes: of the stored array, over what the files say.
        voxel: µm along z, y and x, over what the files say.
        channel: number from 0, or name; None for all.
        time: the time point; None where there is only one.
        dataset: which image of a file that has several.
        prepared: volume that the files were computed on, whose µm and origin they take over.

    Raises:
        BadInputError: both a voxel size and a prepared volume.
    """

    axes: str | None = None
    voxel: Triple | None = None
    channel: int | str | None = None
    time: int | None = None
    dataset: str | None = None
    prepared: Path | None = None

    def __post_init__(self) -> None:
        """Check what a person gave."""
        if self.voxel is not None and self.prepared is not None:
            raise BadInputError(
                "--voxel and --prepared", "both say how large voxels are", "give one of them"
            )

    def open(self, path: Location) -> Volume:
        """Open a volume.

        Raises:
            BadInputError: as :func:`bridge.volumes.open_volume`, or the prepared volume has
                another number of voxels.
        """
        volume = open_volume(
            path,
            axes=self.axes,
            voxel=self.voxel,
            channel=self.channel,
            time=self.time,
            dataset=self.dataset,
        )
        if self.prepared is None:
            return volume
        try:
            with open_volume(self.prepared) as prepared:
                return take_over(volume, prepared)
        except BaseException:
            volume.image.close()
            raise

    def to_json(self) -> dict[str, Json]:
        """Return plain values, for records."""
        return {
            "axes": self.axes,
            "voxel": None if self.voxel is None else list(self.voxel),
            "channel": self.channel,
            "time": self.time,
            "dataset": self.dataset,
            "prepared": None if self.prepared is None else known_identity(self.prepared),
        }


@dataclass(frozen=True)
class VolumeJob(ImageJob[Location]):
    """Work on volumes, each of which becomes one file.

    Attributes:
        opening: how they are opened.
        file_name: name of the result where there is only one volume; None: the volume's own name.

    Raises:
        MissingPartError: SciPy is not installed.
    """

    memory_remedy = "subsample it first (starbridge volume prepare)"

    opening: OpenSettings
    file_name: str | None

    def __post_init__(self) -> None:
        """Check once for all volumes that they can be worked on."""
        if find_spec("scipy") is None:
            raise MissingPartError("volumes", "work on volumes", "scipy")

    def name(self, item: Location) -> str:
        """Return the name of the result, without its ending."""
        return super().name(item) if self.file_name is None else Path(self.file_name).stem

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the result.

        Raises:
            BadInputError: the volume cannot be looked at.
        """
        return {"volume": known_identity(item), **self.opening.to_json()}

    def describe(self) -> dict[str, Json]:
        """Return settings and versions."""
        return {
            "opening": self.opening.to_json(),
            "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        }

    def result_name(self, item: Location, ending: str) -> str:
        """Return the file name of a result."""
        return self.file_name or f"{self.name(item)}{ending}"

    def files(self, item: Location) -> list[Path]:
        """Return the volume, and the one it was computed on, where they are files."""
        more = [] if self.opening.prepared is None else [self.opening.prepared]
        return [*([item] if isinstance(item, Path) else []), *more]


def split_out(out: Path, endings: Sequence[str], count: int) -> tuple[Path, str | None]:
    """Return the folder of results, and the name of the only one where a file is meant.

    Args:
        out: a file with one of the endings, or a folder.
        endings: of files, in lower case.
        count: number of volumes.

    Raises:
        BadInputError: a file for several volumes.

    >>> split_out(Path("a/V.h5"), [".h5"], 1)
    (PosixPath('a'), 'V.h5')
    """
    if not out.name.lower().endswith(tuple(endings)) or out.is_dir():
        return out, None
    if count > 1:
        raise BadInputError(
            "--out", f"{out} is one file, for {count} volumes", "give a folder for them"
        )
    return out.parent, out.name
