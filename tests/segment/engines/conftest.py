"""Models of every architecture, written once for all tests of the engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from bridge.model.folder import ModelFolder, open_model
from tests.models_export.architectures import ARCHITECTURES, write_model


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ModelFolder]:
    """Give the model folder of an architecture by name (``demo`` too)."""

    @cache
    def give(name: str) -> ModelFolder:
        if name == "demo":
            return open_model("demo")
        return open_model(write_model(tmp_path_factory.mktemp(name) / name, ARCHITECTURES[name]))

    return give
