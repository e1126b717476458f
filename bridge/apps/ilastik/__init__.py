"""ilastik: found on this computer, and run without its window on many images."""

from bridge.apps.ilastik.errors import IlastikError, IlastikTimeoutError
from bridge.apps.ilastik.exports import EXPORTS, Export
from bridge.apps.ilastik.finding import IlastikApp, find_ilastik
from bridge.apps.ilastik.run_job import Settings, run_files

__all__ = [
    "EXPORTS",
    "Export",
    "IlastikApp",
    "IlastikError",
    "IlastikTimeoutError",
    "Settings",
    "find_ilastik",
    "run_files",
]
