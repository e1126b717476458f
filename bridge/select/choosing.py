"""Choose the images nearest to the quantiles of their condition."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.errors import BadInputError

LEVELS = ("low", "medium", "high")

OWN_COLUMNS = ("images", "quantile", "level", "target", "difference")
"""Columns that :func:`choose` adds."""

_Assignment = tuple[float, tuple[str, ...], tuple[int, ...]]
"""Sum of the distances, names and positions of the images, one a quantile."""


def choose(
    frame: pd.DataFrame,
    value: str = "mean",
    by: Sequence[str] = ("condition",),
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
) -> pd.DataFrame:
    """Choose the images that span the values of each condition.

    The quantiles are those of the condition's images, linear between neighbours as in
    :func:`numpy.quantile`. Each takes the nearest image; where one image is the nearest of several
    quantiles, the images are shared out so that the sum of all distances is least, and a higher
    quantile never gets the lower value. Of images that are equally near the first by name is
    taken. A condition of fewer images than quantiles gives some of them several times.

    Args:
        frame: a row an image: ``name``, ``value``, and the columns ``by``.
        value: title of the column to choose by. Images where it is NaN are not chosen.
        by: the columns that make a condition, none for a single one. Images with a missing value
            there are not chosen.
        quantiles: 0 to 1, rising.

    Returns:
        A row a condition and quantile, conditions in order of appearance: ``by``, ``images`` (their
        number in the condition), ``quantile``, ``level`` (low, medium, high where there are three,
        else the quantile as text), ``target`` (the value at the quantile), ``difference`` (value -
        target), and then the columns of the chosen image.

    Raises:
        BadInputError: a missing column, quantiles that do not rise within 0 to 1.

    >>> frame = pd.DataFrame({"name": list("abcde"), "condition": "WT", "mean": [1, 2, 3, 4, 9]})
    >>> choose(frame)[["level", "target", "name"]].to_dict("records")[0]
    {'level': 'low', 'target': 1.4, 'name': 'a'}
    """
    check_quantiles(quantiles)
    _check_columns(frame, value, by)
    levels = LEVELS if len(quantiles) == len(LEVELS) else [f"{q:.4g}" for q in quantiles]
    can_be_chosen = frame[frame[value].notna() & frame[[*by]].notna().all(axis=1)]
    grouped = can_be_chosen.groupby([*by], sort=False) if by else [((), can_be_chosen)]
    rows = []
    for condition, images in grouped:
        values = images[value].to_numpy(np.float64)
        if not len(values):
            continue
        targets = np.quantile(values, quantiles)
        chosen = _nearest([str(name) for name in images["name"]], values, targets)
        for at, quantile, level, target in zip(chosen, quantiles, levels, targets, strict=True):
            head = [len(values), quantile, level, target, values[at] - target]
            rows.append([*condition, *head, *images.drop(columns=[*by]).iloc[at]])
    columns = [*by, *OWN_COLUMNS, *(c for c in frame.columns if c not in by)]
    return pd.DataFrame(rows, columns=columns)


def check_quantiles(quantiles: Sequence[float]) -> None:
    """Check that quantiles rise within 0 to 1.

    Raises:
        BadInputError: they do not, or there are none.
    """
    rising = all(a < b for a, b in pairwise(quantiles))
    if not quantiles or not rising or not all(0 <= q <= 1 for q in quantiles):
        raise BadInputError(
            "quantiles",
            f"{' '.join(f'{q:g}' for q in quantiles)} do not rise within 0 to 1",
            "give 0.1 0.5 0.9",
        )


def _check_columns(frame: pd.DataFrame, value: str, by: Sequence[str]) -> None:
    for column in ("name", value, *by):
        if column not in frame.columns:
            raise BadInputError(
                "table of images",
                f"has no column {column!r}",
                f"choose from {', '.join(map(str, frame.columns))}",
            )
    for column in OWN_COLUMNS:
        if column in frame.columns:
            raise BadInputError(
                "table of images", f"has a column {column!r}, which is added here", "rename it"
            )


def _nearest(
    names: Sequence[str], values: NDArray[np.float64], targets: NDArray[Any]
) -> tuple[int, ...]:
    """Positions of the images for each target; none twice where there are enough."""
    if len(names) < len(targets):
        return tuple(
            min(range(len(names)), key=lambda i: (abs(values[i] - target), names[i]))
            for target in targets
        )
    # Images in order of their values meet the quantiles in theirs: ``best[k]`` is the best way to
    # serve the first k quantiles by the images so far.
    best: list[_Assignment | None] = [(0.0, (), ()), *[None] * len(targets)]
    for i in sorted(range(len(names)), key=lambda i: (values[i], names[i])):
        for k in range(len(targets), 0, -1):
            before = best[k - 1]
            if before is None:
                continue
            distance = before[0] + abs(float(values[i] - targets[k - 1]))
            candidate = (distance, (*before[1], names[i]), (*before[2], i))
            known = best[k]
            best[k] = candidate if known is None else min(known, candidate)
    found = best[-1]
    assert found is not None  # noqa: S101 - there are as many images as quantiles
    return found[2]
