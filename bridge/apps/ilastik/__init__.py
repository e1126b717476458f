"""ilastik: found on this computer, and run without its window on many images.

:mod:`bridge.apps.ilastik.run_job` runs it; it is imported apart, as it needs NumPy and HDF5.
"""

from bridge.apps.ilastik.errors import (
    IlastikError,
    IlastikStartError,
    IlastikTimeoutError,
    ProjectError,
)
from bridge.apps.ilastik.exports import EXPORTS, Export
from bridge.apps.ilastik.finding import IlastikApp, find_ilastik

__all__ = [
    "EXPORTS",
    "Export",
    "IlastikApp",
    "IlastikError",
    "IlastikStartError",
    "IlastikTimeoutError",
    "ProjectError",
    "find_ilastik",
]
