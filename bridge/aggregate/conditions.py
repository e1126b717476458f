"""Means over the organoids of a condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bridge.aggregate.study import proportion_titles
from bridge.naming import natural_key

ALL, WITHOUT_DEAD = "all", "without dead"


def condition_means(
    organoids: pd.DataFrame, by: Sequence[str], classes: tuple[str, ...], dead: tuple[str, ...]
) -> pd.DataFrame:
    """Mean and spread of the organoids' proportions, by condition and class.

    Every organoid weighs the same, however many cells it has. ``sd`` is the standard deviation of
    the sample (with n - 1), ``sem`` is sd / sqrt(n).

    Args:
        organoids: a row an organoid, with proportions.
        by: titles that make a condition.
        classes: all classes.
        dead: those of dead cells.

    Returns:
        The columns ``by``, ``Class``, ``Cells`` (``all`` or ``without dead``), ``n`` (organoids
        whose proportion is known), ``mean``, ``sd``, ``sem``; in natural order of the conditions.
    """
    lines: list[dict[str, Any]] = []
    groups = sorted(
        organoids.groupby(list(by), sort=False, dropna=False),
        key=lambda group: [natural_key(str(text)) for text in group[0]],
    )
    for texts, group in groups:
        for cells in (ALL, WITHOUT_DEAD):
            titles = proportion_titles(classes, dead, without_dead=cells == WITHOUT_DEAD)
            for name, title in titles.items():
                values = group[title].dropna().to_numpy(np.float64)
                n = len(values)
                sd = float(values.std(ddof=1)) if n > 1 else np.nan
                line: dict[str, Any] = dict(zip(by, texts, strict=True))
                line |= {"Class": name, "Cells": cells, "n": n}
                line |= {"mean": float(values.mean()) if n else np.nan, "sd": sd}
                line["sem"] = sd / np.sqrt(n) if n > 1 else np.nan
                lines.append(line)
    frame = pd.DataFrame(lines, columns=[*by, "Class", "Cells", "n", "mean", "sd", "sem"])
    texts_of = dict.fromkeys([*by, "Class", "Cells"], str)
    numbers = {"n": "int64", **dict.fromkeys(["mean", "sd", "sem"], "float64")}
    return frame.astype({**texts_of, **numbers})
