"""Make meshes of many volumes into one folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bridge.batch.job import Json, Made, Progress, Work
from bridge.files.atomic import write_bytes
from bridge.images.locations import Location, known_identity
from bridge.volumes.job import VolumeJob
from bridge.volumes.meshes.files import MESH_FORMATS, write_meshes
from bridge.volumes.meshes.making import MeshSettings, make_meshes
from bridge.volumes.meshes.measuring import measure_meshes, write_table
from bridge.volumes.meshes.naming import read_label_names
from bridge.volumes.meshes.page import write_mesh_page
from bridge.volumes.meshes.rendering import draw_turntable

MESH, TABLE, TURNTABLE, PAGE = "mesh", "table", "turntable", "page"
"""Keys of the outputs."""

MESH_ENDINGS = tuple(f".{each}" for each in MESH_FORMATS)
"""Endings of files of meshes."""

_SUFFIX = re.compile(r"(?<=.)([ _-](probabilities|labels))+$", re.IGNORECASE)
_MOST_ROWS = 1000  # of a table that the record repeats


@dataclass(frozen=True)
class MeshJob(VolumeJob):
    """Meshes of volumes, with a table, a turntable and a page.

    Attributes:
        settings: what is made.
        ending: of the files of meshes, where they are named by their volumes.
        is_split: whether each label has a file of its own, ``NAME_LABEL.obj``.
        is_shown: whether a turntable and a page are made.
        names: table of names and classes of labels.
    """

    record = "meshes.json"
    participle = "made into meshes"
    clash_remedy = "make their meshes in different --out folders"

    settings: MeshSettings
    ending: str = ".obj"
    is_split: bool = False
    is_shown: bool = True
    names: Path | None = None

    def name(self, item: Location) -> str:
        """Return the name of the result: that of the image that a map or labels were made of."""
        name = super().name(item)
        return name if self.file_name is not None else _SUFFIX.sub("", name)

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the result.

        Raises:
            BadInputError: the volume or the table of names cannot be looked at.
        """
        names = None if self.names is None else known_identity(self.names)
        return {
            **super().key(item),
            **self.settings.to_json(),
            "names": names,
            "a file each": self.is_split,
        }

    def outputs(self, item: Location) -> dict[str, str]:
        """Return mesh, table, turntable and page."""
        name = self.name(item)
        files = {} if self.is_split else {MESH: self.result_name(item, self.ending)}
        files[TABLE] = f"{name}_meshes.csv"
        if self.is_shown:
            files |= {TURNTABLE: f"{name}_turntable.png", PAGE: f"{name}_mesh.html"}
        return files

    def describe(self) -> dict[str, Json]:
        """Return settings and versions."""
        described = super().describe()
        described["versions"]["scikit-image"] = version("scikit-image")
        return {**described, "settings": self.settings.to_json()}

    def files(self, item: Location) -> list[Path]:
        """Return the volume and what else is read."""
        return [*super().files(item), *([] if self.names is None else [self.names])]

    def run(self, work: Work[Location], folder: Path, progress: Progress) -> Made:
        """Make the meshes of a volume and write what is wanted of them."""
        notes: list[str] = []
        names = None if self.names is None else read_label_names(self.names)
        with self.opening.open(work.item) as volume:
            meshes = make_meshes(
                volume, self.settings, name=work.name, names=names, progress=progress, notes=notes
            )
        more = {}
        if MESH in work.outputs:
            write_meshes(folder / work.outputs[MESH], meshes)
        elif self.is_split:
            for number, mesh in enumerate(meshes, 1):
                label = mesh.label or number
                more[f"{MESH} {label}"] = f"{work.name}_{label}{self.ending}"
                write_meshes(folder / more[f"{MESH} {label}"], [mesh])
        table = measure_meshes(meshes)
        if TABLE in work.outputs:
            write_table(folder / work.outputs[TABLE], table)
        if TURNTABLE in work.outputs:
            write_bytes(folder / work.outputs[TURNTABLE], draw_turntable(meshes))
        if PAGE in work.outputs:
            write_mesh_page(folder / work.outputs[PAGE], work.name, meshes)
        opened = int((~table["Watertight"]).sum())
        if opened and self.settings.is_closed and not self.settings.is_tutorial:
            notes.append(f"{opened} of {len(meshes)} meshes are not closed")
        rows = table.head(_MOST_ROWS).astype(object).where(table.notna(), None)
        return Made(
            objects=len(meshes),
            result={"meshes": rows.to_dict("records")},
            more=more,
            notes=tuple(notes),
        )
