"""Measuring: the shape and the intensities of every object, as columns of a table.

:mod:`~bridge.measure.columns` says what every column means and how it differs from what other
programs call by the same name.
"""

from bridge.measure.joining import add_measurements
from bridge.measure.table import measure, undrawn

__all__ = ["add_measurements", "measure", "undrawn"]
