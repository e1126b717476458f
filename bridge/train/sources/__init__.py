"""Training pairs from files: folders of images and masks, zips, data sets."""

from bridge.train.sources.checks import check_pairs
from bridge.train.sources.options import ReadOptions
from bridge.train.sources.reading import read_pairs

__all__ = ["ReadOptions", "check_pairs", "read_pairs"]
