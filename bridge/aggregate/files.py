"""Write a study as plain tables, for R, Python and everything that reads CSV or Parquet."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from bridge.aggregate.study import Study
from bridge.files.atomic import writing
from bridge.formats.spreadsheet_text import guard_frame

SHEETS = ("slices", "organoids", "curated", "excluded", "conditions", "parameters")
"""The tables of a study, by the names of its attributes."""


def table_paths(folder: Path, table: str = "csv") -> list[Path]:
    """Return the files that :func:`write_tables` writes."""
    return [folder / f"{name}.{table}" for name in SHEETS]


def write_tables(study: Study, folder: str | PathLike[str], table: str = "csv") -> list[Path]:
    """Write every table of a study to a file of its own, ``FOLDER/organoids.csv`` and so on.

    Args:
        study: the study.
        folder: created where missing.
        table: format of the files; CSV in UTF-8, with commas and decimal points.

    Returns:
        The files.

    Raises:
        BadInputError: a file cannot be written.

    >>> import tempfile
    >>> from bridge.aggregate import SectionCounts, make_study
    >>> counts = [SectionCounts("Pa_s1.csv", "Pa_s1", {"A": 1})]
    >>> study = make_study(counts, pattern="{clone}_{slice}")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_tables(study, folder)][:2]
    ['slices.csv', 'organoids.csv']
    """
    written = table_paths(Path(folder), table)
    for name, path in zip(SHEETS, written, strict=True):
        frame = getattr(study, name)
        with writing(path) as part:
            if table == "parquet":
                frame.to_parquet(part, index=False)
            else:
                guard_frame(frame).to_csv(part, index=False, lineterminator="\n")
    return written
