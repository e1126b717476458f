"""Models, their exports and the runtimes, each made once for all tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from models_export.checks import Check, check_file
from models_export.contents import read_model_file
from models_export.exporting import Export, export
from models_export.parity import Reference
from models_export.runtimes.pool import Runtimes
from tests.models_export.architectures import ARCHITECTURES, VOLUMES, write_model


@dataclass(frozen=True)
class Exported:
    """A model folder, its export and its output in Keras."""

    model: Path
    result: Export
    reference: Reference

    def path(self, ending: str) -> Path:
        """Return the exported file of an ending."""
        name = f"{self.result.model.file_name}{ending}"
        return next(file.path for file in self.result.files if file.path.name == name)


@pytest.fixture(scope="session")
def runtimes() -> Iterator[Runtimes]:
    """Runtimes that stay alive until the last test."""
    with Runtimes() as pool:
        yield pool


@pytest.fixture(scope="session")
def exported(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str], Exported]:
    """Return a function that exports an architecture by name (``demo`` and ``haug2`` too)."""

    @cache
    def give(name: str) -> Exported:
        from models_export.keras_model import KerasModel

        folder = tmp_path_factory.mktemp("exported")
        model = _model(name, folder / name, request)
        result = export(model, out=folder / "out", verify=False)
        reference = Reference(KerasModel(result.model))
        return Exported(model, result, reference)

    return give


def _model(name: str, folder: Path, request: pytest.FixtureRequest) -> Path:
    if name == "demo":
        return Path("demo")
    if name == "haug2":
        config = request.getfixturevalue("shared") / "haug2_config.json"
        return write_model(folder, json.loads(config.read_text()))
    if name in VOLUMES:
        return write_model(folder, VOLUMES[name], n_dim=3)
    return write_model(folder, ARCHITECTURES[name])


@pytest.fixture(scope="session")
def checked(
    exported: Callable[[str], Exported], runtimes: Runtimes
) -> Callable[[str, str, str], Check]:
    """Return a function that checks a file of an exported architecture in a runtime."""

    def check(name: str, ending: str, runtime: str) -> Check:
        model = exported(name)
        file = read_model_file(model.path(ending))
        result = check_file(file, runtime, runtimes, model.reference)
        if result.status == "not verified":
            pytest.skip(str(result))
        return result

    return check
