"""Features of pixels: ilastik's, exactly, in 2D, in 3D and plane by plane in stacks."""

from bridge.classify.pixels.filters.bank import FilterBank, Keep
from bridge.classify.pixels.filters.fitting import fit_selection

__all__ = ["FilterBank", "Keep", "fit_selection"]
