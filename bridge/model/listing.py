"""The models that can be had by name, and those that are on this computer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bridge.model.provenance import read_provenance
from bridge.model.published import PUBLISHED
from bridge.model.source import DEMO, FLUO, demo_model_folder, name_of_file
from bridge.model.store import find_cached, find_shared, list_shared, models_folder, shared_folder

Place = Literal["built in", "shared", "cache", ""]

_FLUO_PURPOSE = "nuclei in fluorescence; small, trained on BBBC038 and simulated nuclei"


@dataclass(frozen=True)
class ListedModel:
    """A model that ``--model`` takes.

    Attributes:
        name: its name, by which ``--model`` takes it unless it has a source.
        place: where it is: part of starbridge (``built in``), in the shared folder, in the cache,
            or nowhere yet (``""``).
        path: its zip or folder; ``None`` where it is not downloaded.
        size: bytes on this computer.
        purpose: the images that it is for, where that is known.
        aliases: other names of it.
        source: the file or URL that it was unpacked from, by which ``--model`` takes it.
    """

    name: str
    place: Place
    path: Path | None
    size: int
    purpose: str = ""
    aliases: tuple[str, ...] = ()
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values by name."""
        return {
            "name": self.name,
            "aliases": list(self.aliases),
            "purpose": self.purpose,
            "place": self.place,
            "path": None if self.path is None else str(self.path),
            "bytes": self.size,
            "source": self.source,
        }


@dataclass(frozen=True)
class Listing:
    """All models.

    Attributes:
        models: those with a name first.
        cache: the folder of downloaded and unpacked models.
        shared: the folder that ``STARBRIDGE_MODELS`` names.
    """

    models: tuple[ListedModel, ...]
    cache: Path
    shared: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values by name."""
        return {
            "models": [model.to_json() for model in self.models],
            "cache": str(self.cache),
            "shared": None if self.shared is None else str(self.shared),
        }

    def lines(self) -> list[str]:
        """Return it for a person: a model a line, and below it what else is known."""
        width = max(len(model.name) for model in self.models)
        lines = []
        for model in self.models:
            where = f"{model.place}, {megabytes(model.size)}" if model.place else "not downloaded"
            lines.append(f"{model.name:<{width}}  {where:<18}  {model.purpose}".rstrip())
            indent = " " * (width + 2)
            lines += [f"{indent}also called {alias}" for alias in model.aliases]
            if model.source:
                lines.append(f"{indent}from {model.source}")
        shared = self.shared or "none (STARBRIDGE_MODELS names it)"
        return [*lines, f"cache: {self.cache}", f"shared folder: {shared}"]


def list_models() -> Listing:
    """List the models that can be had by name, and what else is in the cache and shared folder.

    Raises:
        BadInputError: ``STARBRIDGE_MODELS`` names no folder.

    >>> [model.name for model in list_models().models][:2]
    ['fluo', '2D_versatile_fluo']
    """
    built_in = _sized(demo_model_folder())
    models = [ListedModel(FLUO, "built in", *built_in, purpose=_FLUO_PURPOSE, aliases=(DEMO,))]
    for published in PUBLISHED:
        shared = find_shared(published.name)
        path = shared or find_cached(published)
        place: Place = "shared" if shared else "cache" if path else ""
        size = _size([path]) if path else 0
        models.append(
            ListedModel(published.name, place, path, size, published.purpose, published.aliases)
        )
    named = {model.name for model in models}
    for path in list_shared():
        name = path.name if path.is_dir() else name_of_file(path)
        if name not in named:
            named.add(name)
            models.append(ListedModel(name, "shared", *_sized(path)))
    for folder in sorted(models_folder().glob("unpacked/*/*")):
        provenance = read_provenance(folder)
        if provenance is not None and provenance.kind != "name":
            size = _size([folder])
            models.append(ListedModel(folder.name, "cache", folder, size, source=provenance.given))
    return Listing(tuple(models), models_folder(), shared_folder())


def megabytes(size: int) -> str:
    """Return bytes in words.

    >>> megabytes(5_320_000), megabytes(900)
    ('5.3 MB', '0.1 MB')
    """
    return f"{max(size / 1e6, 0.1):.1f} MB"


def _sized(path: Path) -> tuple[Path, int]:
    return path, _size([path])


def _size(paths: Iterable[Path]) -> int:
    files = (f for p in paths for f in (p.rglob("*") if p.is_dir() else [p]) if f.is_file())
    return sum(file.stat().st_size for file in files)
