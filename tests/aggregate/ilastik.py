"""Tables as ilastik's object classification writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

NAME = "Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1"


def ilastik_table(counts: Mapping[str, int], *, seed: int = 0, first: int = 1) -> pd.DataFrame:
    """A table with so many objects of each class, in random order.

    Args:
        counts: objects by class.
        seed: of the order and of the numbers.
        first: lowest ``labelimage_oid``.
    """
    random = np.random.default_rng(seed)
    classes = random.permutation([name for name, n in counts.items() for _ in range(n)])
    size = len(classes)
    return pd.DataFrame(
        {
            "object_id": np.arange(size),
            "timestep": 0,
            "labelimage_oid": np.arange(first, first + size),
            "User Label": "",
            "Predicted Class": classes,
            **{f"Probability of {name}": random.random(size) for name in counts},
            "Size in pixels": random.integers(20, 900, size),
            "Mean Intensity_0": random.random(size) * 1000,
        }
    )


def write_table(folder: Path, counts: Mapping[str, int], name: str = NAME, **options: int) -> Path:
    """Write such a table as ``NAME_table.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_table.csv"
    ilastik_table(counts, **options).to_csv(path, index=False, lineterminator="\n")
    return path
