"""Training pairs from files: folders of images and masks, zips, data sets."""

from bridge.training.sources.checks import check_pairs
from bridge.training.sources.options import ReadOptions
from bridge.training.sources.reading import read_pairs

__all__ = ["ReadOptions", "check_pairs", "read_pairs"]
