"""Features of pixels: ilastik's, exactly, in 2D, in 3D and plane by plane in stacks."""

from bridge.classify.pixels.filters.bank import FilterBank

__all__ = ["FilterBank"]
