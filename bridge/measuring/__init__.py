"""Measuring: the shape and the intensities of every object, as columns of a table.

:mod:`~bridge.measuring.columns` says what every column means and how it differs from what other
programs call by the same name.
"""

from bridge.measuring.joining import add_measurements
from bridge.measuring.table import measure, undrawn

__all__ = ["add_measurements", "measure", "undrawn"]
