"""Export of a StarDist model folder for other programs, checked in those programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models_export.checks import Check
    from models_export.console import Listener
    from models_export.exporting import Export, export
    from models_export.parity import Difference
    from models_export.record import ExportedFile
    from models_export.repairing import Repair, repair
    from models_export.targets import TARGETS
    from models_export.verifying import Verdict, verify

_HOMES = {
    "TARGETS": "targets",
    "Check": "checks",
    "Difference": "parity",
    "Export": "exporting",
    "ExportedFile": "record",
    "Listener": "console",
    "Repair": "repairing",
    "Verdict": "verifying",
    "export": "exporting",
    "repair": "repairing",
    "verify": "verifying",
}

__all__ = [
    "TARGETS",
    "Check",
    "Difference",
    "Export",
    "ExportedFile",
    "Listener",
    "Repair",
    "Verdict",
    "export",
    "repair",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that the import itself is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
