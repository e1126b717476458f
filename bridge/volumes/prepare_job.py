"""Prepare many volumes into one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.batch.job import Json, Made, Progress, Work
from bridge.images.locations import Location
from bridge.volumes.job import VolumeJob
from bridge.volumes.preparing import PrepareSettings, prepare_volume
from bridge.volumes.voxels import shape_text, voxel_text

HDF5 = "hdf5"
"""Key of the prepared volume among the outputs."""


@dataclass(frozen=True)
class PrepareJob(VolumeJob):
    """Preparation of volumes for ilastik.

    Attributes:
        settings: what is done.
    """

    record = "prepared.json"
    participle = "prepared"
    clash_remedy = "prepare them into different --out folders"

    settings: PrepareSettings

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the result.

        Raises:
            BadInputError: the image cannot be looked at.
        """
        return {**super().key(item), **self.settings.to_json()}

    def outputs(self, item: Location) -> dict[str, str]:
        """Return the prepared volume."""
        return {HDF5: self.result_name(item, ".h5")}

    def describe(self) -> dict[str, Json]:
        """Return settings and versions."""
        return {**super().describe(), "settings": self.settings.to_json()}

    def run(self, work: Work[Location], folder: Path, progress: Progress) -> Made:
        """Prepare a volume."""
        with self.opening.open(work.item) as volume:
            made = prepare_volume(volume, folder / work.outputs[HDF5], self.settings, progress)
        shape, voxel = made.provenance.written_shape, made.provenance.written_voxel
        return Made(
            result={"volume": made.to_json()},
            notes=(f"{shape_text(shape)} voxels of {voxel_text(voxel)}",),
        )
