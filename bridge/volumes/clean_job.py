"""Clean up many volumes into one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.batch.job import Json, Made, Progress, Work
from bridge.images.locations import Location
from bridge.volumes.cleaning import CleanSettings, clean_volume
from bridge.volumes.job import VolumeJob
from bridge.volumes.label_files import write_labels

LABELS = "labels"
"""Key of the label volume among the outputs."""

_MOST_SIZES = 100


@dataclass(frozen=True)
class CleanJob(VolumeJob):
    """Clean-up of volumes.

    Attributes:
        settings: what is done.
        ending: of the files, where they are named by their volumes.
    """

    record = "cleaned.json"
    participle = "cleaned up"
    clash_remedy = "clean them up into different --out folders"

    settings: CleanSettings
    ending: str = ".h5"

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the result.

        Raises:
            BadInputError: the volume cannot be looked at.
        """
        return {**super().key(item), **self.settings.to_json()}

    def outputs(self, item: Location) -> dict[str, str]:
        """Return the label volume."""
        return {LABELS: self.result_name(item, f"_labels{self.ending}")}

    def describe(self) -> dict[str, Json]:
        """Return settings and versions."""
        return {**super().describe(), "settings": self.settings.to_json()}

    def run(self, work: Work[Location], folder: Path, progress: Progress) -> Made:
        """Clean up a volume and write its labels."""
        with self.opening.open(work.item) as volume:
            cleaned = clean_volume(volume, self.settings, progress)
            path = folder / work.outputs[LABELS]
            write_labels(cleaned.labels, path, volume.known_voxel, volume.provenance)
        sizes = [round(size, 6) for size in cleaned.sizes_um3[:_MOST_SIZES]]
        return Made(
            objects=len(cleaned.sizes_um3),
            result={"um3_of_the_largest": sizes},
            notes=cleaned.notes,
        )
