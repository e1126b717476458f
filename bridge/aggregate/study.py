"""Hold the counts and proportions of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TOTAL, TABLE, SLICES, WHAT, REASON = "Total", "Table", "Slices", "What", "Reason"
"""Titles of columns that every study has."""
ALL, WITHOUT_DEAD = "all", "without dead"
"""Values of the column ``Cells`` of a study's conditions."""
DATE = "Date"
"""Name of the parameter that says when a study was made."""
NOTE = "Note"
"""Name of those parameters that a person should read."""


@dataclass(frozen=True, eq=False)
class Study:
    """Counts and proportions of a study.

    Proportions are fractions from 0 to 1 (float64), NaN where nothing was counted.

    Attributes:
        fields: titles of the columns that identify a row of ``slices``, in the published order
            (Clone, Genotype, Diff, Day, Immuno, Organoid, Slice); ``organoids`` has them without
            those that were summed over.
        summed: titles of the fields that were summed over, such as ``("Slice",)``.
        extra: titles of further fields of the file names (Objective, Imaging), at the far right.
        condition_fields: titles that make a condition, such as ``("Genotype",)``.
        classes: class columns, in order; every class of the study, also where a row has none.
        dead: those of ``classes`` that are dead cells; may be empty.
        colors: (r, g, b) of each class, 0 to 255.
        slices: a row a slice (one section, one table): fields, classes (int64 counts), ``Total``
            (int64), proportions, extra, and last ``Table``, the file's name.
        organoids: a row an organoid: fields without those summed over, classes, ``Total``,
            proportions, extra, and last ``Slices`` (int64), how many there are of it.
        curated: the organoids with enough slices, same columns.
        excluded: a row a slice, organoid or table that does not count: ``Table``, fields, ``What``
            (``slice``, ``organoid`` or ``table``), ``Reason`` (a sentence).
        conditions: the proportions of the curated organoids, a row a condition and class: the
            condition's fields, ``Class``, ``Cells`` (``all`` or ``without dead``), ``n``,
            ``mean``, ``sd`` (with n - 1), ``sem``; NaN where n is below 2.
        parameters: ``Parameter`` and ``Value``, all text: pattern, map, classes, version, …
    """

    fields: tuple[str, ...]
    summed: tuple[str, ...]
    extra: tuple[str, ...]
    condition_fields: tuple[str, ...]
    classes: tuple[str, ...]
    dead: tuple[str, ...]
    colors: Mapping[str, tuple[int, int, int]]
    slices: pd.DataFrame
    organoids: pd.DataFrame
    curated: pd.DataFrame
    excluded: pd.DataFrame
    conditions: pd.DataFrame
    parameters: pd.DataFrame

    def proportion_columns(self, *, without_dead: bool = False) -> dict[str, str]:
        """Return the titles of the columns of proportions, by class.

        Args:
            without_dead: those of living classes among the living cells; there are none where no
                class is dead.
        """
        return proportion_titles(self.classes, self.dead, without_dead=without_dead)


def proportion_titles(
    classes: tuple[str, ...], dead: tuple[str, ...], *, without_dead: bool = False
) -> dict[str, str]:
    """Return what :meth:`Study.proportion_columns` does, for a study that is still being made.

    >>> proportion_titles(("Neuron", "Dead"), ("Dead",), without_dead=True)
    {'Neuron': 'Proportion of Neuron without dead'}
    """
    if not without_dead:
        return {name: f"Proportion of {name}" for name in classes}
    if not dead:
        return {}
    return {name: f"Proportion of {name} without dead" for name in classes if name not in dead}
