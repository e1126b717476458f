"""Studies to test with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from bridge.aggregate.study import Study, proportion_titles

CLASSES = ("Neuron", "Progenitor", "Unstained", "Dead")
COLORS = {
    "Neuron": (0, 114, 178),
    "Progenitor": (230, 159, 0),
    "Unstained": (190, 190, 190),
    "Dead": (60, 60, 60),
}
FIELDS = ("Clone", "Genotype", "Diff", "Day", "Immuno", "Organoid", "Slice")
HOSTILE = '=HYPERLINK("http://a.b","</script><script>alert(1)</script>")'


def simulated(
    organoids: int = 12,
    *,
    slices: int = 5,
    genotypes: Mapping[str, str] | None = None,
    days: Sequence[str] = ("J70",),
    classes: Sequence[str] = CLASSES,
    dead: Sequence[str] = ("Dead",),
    min_slices: int = 4,
    conditions: Sequence[str] = ("Genotype",),
    seed: int = 0,
) -> Study:
    """A study with counts as of real sections; the clones differ in their proportions.

    Args:
        organoids: how many of each clone and day; the last of each has one slice alone.
        slices: how many of each other organoid.
        genotypes: clone -> genotype.
        days: of the sections.
        classes: of the nuclei.
        dead: those of them that are dead cells.
        min_slices: of a curated organoid.
        conditions: titles of the fields that make a condition.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    rows = []
    for clone, genotype in (genotypes or {"Pa": "WT", "Pb": "KO", "Pc": "KO"}).items():
        usual = random.dirichlet(np.linspace(6, 2, len(classes)))
        for day in days:
            for organoid in range(1, organoids + 1):
                own = random.dirichlet(usual * 60)
                for number in range(1, (slices if organoid < organoids else 1) + 1):
                    counts = random.multinomial(random.integers(9_000, 60_000), own)
                    texts = (clone, genotype, "dQ", day, "SNd2T", f"OG{organoid}", f"s{number}")
                    rows.append([*texts, *counts.tolist(), "20Xa", "g1dt08"])
    frame = pd.DataFrame(rows, columns=[*FIELDS, *classes, "Objective", "Imaging"])
    return study_of(
        frame, classes, dead=dead, min_slices=min_slices, conditions=conditions, extra=True
    )


def study_of(
    counts: pd.DataFrame,
    classes: Sequence[str],
    *,
    dead: Sequence[str] = (),
    min_slices: int = 1,
    conditions: Sequence[str] = ("Genotype",),
    extra: bool = False,
) -> Study:
    """A study of some counts.

    Args:
        counts: a row a slice: :data:`FIELDS`, classes, and with ``extra`` Objective and Imaging.
        classes: columns of the counts.
        dead: those of them that are dead cells.
        min_slices: of a curated organoid.
        conditions: titles of the fields that make a condition.
        extra: whether there are Objective and Imaging.
    """
    names, dying = tuple(classes), tuple(dead)
    extras = ["Objective", "Imaging"] if extra else []
    table = counts[list(FIELDS)].astype(object).agg("_".join, axis=1) + "_table.csv"
    slices = _with_proportions(counts[[*FIELDS, *names]], names, dying)
    slices = pd.concat([slices, counts[extras], table.rename("Table")], axis=1)
    keys = list(FIELDS[:-1])
    groups = counts.groupby(keys, sort=False)
    summed = groups[list(names)].sum().reset_index()
    organoids = _with_proportions(summed, names, dying)
    for title in extras:
        organoids[title] = groups[title].first().to_numpy()
    organoids["Slices"] = groups.size().to_numpy().astype(np.int64)
    enough = organoids["Slices"] >= min_slices
    curated = organoids[enough].reset_index(drop=True)
    few = organoids.loc[~enough, keys].assign(What="organoid")
    reasons = [f"{n} slices, fewer than {min_slices}" for n in organoids.loc[~enough, "Slices"]]
    excluded = few.assign(Reason=np.array(reasons, object))
    excluded.insert(0, "Table", "")
    excluded.insert(len(FIELDS), "Slice", "")
    return Study(
        fields=FIELDS,
        summed=("Slice",),
        extra=tuple(extras),
        condition_fields=tuple(conditions),
        classes=names,
        dead=dying,
        colors={
            name: COLORS.get(name, (17 * place % 256, 90, 160)) for place, name in enumerate(names)
        },
        slices=slices,
        organoids=organoids,
        curated=curated,
        excluded=excluded.reset_index(drop=True),
        conditions=_conditions(curated, names, dying, list(conditions)),
        parameters=pd.DataFrame(
            {
                "Parameter": ["Pattern", "Minimum slices", "Tables", "Date", "Version"],
                "Value": [
                    "{clone}_{diff}_{day}_{immuno}_{objective}_{imaging}_{organoid}_{slice}",
                    str(min_slices),
                    str(len(slices)),
                    "2025-03-01 12:30:00",
                    "1.0",
                ],
            }
        ),
    )


def nothing() -> Study:
    """A study in which nothing was counted."""
    some = simulated(2)
    names = ("slices", "organoids", "curated", "conditions", "excluded")
    return replace(some, **{name: getattr(some, name).iloc[:0] for name in names})


@st.composite
def studies(draw: st.DrawFn) -> Study:
    """Small studies of any names and counts."""
    names = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12)
    taken = {*FIELDS, "Total", "Slices", "Table", "Label", "Class", "Cells", "n"}
    classes = draw(
        st.lists(names.filter(lambda n: n not in taken), min_size=1, max_size=4, unique=True)
    )
    rows = draw(st.lists(st.tuples(*[names] * len(FIELDS)), min_size=1, max_size=8, unique=True))
    counts = [[draw(st.integers(0, 2**40)) for _ in classes] for _ in rows]
    frame = pd.DataFrame(
        [[*row, *numbers] for row, numbers in zip(rows, counts, strict=True)],
        columns=[*FIELDS, *classes],
    )
    return study_of(
        frame,
        classes,
        dead=draw(st.lists(st.sampled_from(classes), unique=True)),
        min_slices=draw(st.integers(1, 2)),
        conditions=draw(st.lists(st.sampled_from(FIELDS[:-1]), min_size=1, unique=True)),
    )


def renamed(study: Study, old: str, new: str) -> Study:
    """The same study with a class of another name."""
    titles = {old: new}
    for part in (False, True):
        before = study.proportion_columns(without_dead=part)
        if old in before:
            after = proportion_titles((new,), ("x",), without_dead=part)
            titles[before[old]] = after[new]
    frames = {
        name: getattr(study, name).rename(columns=titles)
        for name in ("slices", "organoids", "curated")
    }
    conditions = study.conditions.assign(Class=study.conditions["Class"].replace(old, new))
    return replace(
        study,
        classes=tuple(titles.get(name, name) for name in study.classes),
        dead=tuple(titles.get(name, name) for name in study.dead),
        colors={titles.get(name, name): color for name, color in study.colors.items()},
        conditions=conditions,
        **frames,
    )


def _with_proportions(
    frame: pd.DataFrame, classes: tuple[str, ...], dead: tuple[str, ...]
) -> pd.DataFrame:
    frame = frame.astype(dict.fromkeys(classes, np.int64))
    total = frame[list(classes)].sum(axis=1).astype(np.int64).rename("Total")
    columns = [frame, total]
    living = total - frame[list(dead)].sum(axis=1)
    for without_dead, all_of in ((False, total), (True, living)):
        for name, title in proportion_titles(classes, dead, without_dead=without_dead).items():
            columns.append((frame[name] / all_of.where(all_of > 0)).rename(title))
    return pd.concat(columns, axis=1)


def _conditions(
    curated: pd.DataFrame, classes: tuple[str, ...], dead: tuple[str, ...], fields: list[str]
) -> pd.DataFrame:
    rows = []
    for key, group in curated.groupby(fields, sort=False):
        for without_dead, cells in ((False, "all"), (True, "without dead")):
            titles = proportion_titles(classes, dead, without_dead=without_dead)
            for name, title in titles.items():
                values = group[title].dropna()
                n = len(values)
                sd = values.std(ddof=1)
                rows.append([*key, name, cells, n, values.mean(), sd, sd / np.sqrt(n)])
    frame = pd.DataFrame(rows, columns=[*fields, "Class", "Cells", "n", "mean", "sd", "sem"])
    return frame.astype({"n": np.int64, "mean": float, "sd": float, "sem": float})
