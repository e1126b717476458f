"""A StarDist model folder becomes what other programs load, proved in those programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models_export.checks import Check
    from models_export.exporting import TARGETS, Export, ExportedFile, export
    from models_export.listener import Listener
    from models_export.parity import Difference
    from models_export.verifying import Verdict, verify

__all__ = [
    "TARGETS",
    "Check",
    "Difference",
    "Export",
    "ExportedFile",
    "Listener",
    "Verdict",
    "export",
    "verify",
]

_HOMES = {
    "TARGETS": "exporting",
    "Check": "checks",
    "Difference": "parity",
    "Export": "exporting",
    "ExportedFile": "exporting",
    "Listener": "listener",
    "Verdict": "verifying",
    "export": "exporting",
    "verify": "verifying",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, so that the import costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
