"""Tables as ilastik's object classification writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
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


def write_hdf5_table(
    folder: Path, counts: Mapping[str, int], name: str = NAME, **storage: Any
) -> Path:
    """Write such a table as ilastik writes ``NAME_table.h5``, with cutouts of some objects.

    Args:
        folder: created where missing.
        counts: objects by class.
        name: of the section.
        storage: how h5py stores the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_table.h5"
    table = ilastik_table(counts)
    texts = ("User Label", "Predicted Class")
    columns = {
        str(title): np.char.encode(column.to_numpy(str)) if title in texts else column.to_numpy()
        for title, column in table.items()
    }
    rows = np.zeros(len(table), [(title, values.dtype) for title, values in columns.items()])
    for title, values in columns.items():
        rows[title] = values
    with h5py.File(path, "w") as file:
        file.create_dataset("table", data=rows, **storage)
        for number in range(min(len(table), 3)):
            file[f"images/{number}/labeling"] = np.ones((4, 5), np.uint8)
            file[f"images/{number}/raw"] = np.ones((4, 5, 2), np.uint16)
    return path


def joined_table(sections: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """A table of the objects of several sections, as a notebook joins ilastik's tables.

    Args:
        sections: objects by class, by the name of the section: CLONE_…_ORGANOID_SLICE.
    """
    parts = []
    for name, counts in sections.items():
        words = name.split("_")
        metadata = pd.DataFrame(
            {
                "Image_name": f"{name}_table.csv",
                "Clone": words[0],
                "Organoid": words[-2],
                "Slice": words[-1],
            },
            index=range(sum(counts.values())),
        )
        parts.append(pd.concat([metadata, ilastik_table(counts)], axis=1))
    return pd.concat(parts, ignore_index=True)
