"""Fiji and ImageJ: macros, ROIs pushed for review and pulled back, ImageJ's own measurements."""

from bridge.apps.fiji.errors import FijiEndedError, FijiError, FijiTimeoutError, MacroError
from bridge.apps.fiji.planning import EMBEDDED
from bridge.apps.fiji.results import About, MacroResult, OpenImage, Shown
from bridge.apps.fiji.session import Fiji

__all__ = [
    "EMBEDDED",
    "About",
    "Fiji",
    "FijiEndedError",
    "FijiError",
    "FijiTimeoutError",
    "MacroError",
    "MacroResult",
    "OpenImage",
    "Shown",
]
