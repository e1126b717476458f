"""Write the README's table of figures from docs/performance.md.

The benchmarks write docs/performance.md; this tool takes the figures of the README's table from
there, so that the two pages cannot differ. A benchmark that is not on the page has no row.

Run ``python -m tools.readme_table`` after the benchmarks; ``--check`` writes nothing and exits
with status 1 if the table is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = "python -m tools.readme_table"
BEGIN = f"<!-- {COMMAND} writes this table -->"
END = "<!-- end of the table -->"


class FigureNotFoundError(LookupError):
    """A figure that docs/performance.md does not hold in the form that a row expects."""


@dataclass(frozen=True)
class Row:
    """A row of the README's table.

    Attributes:
        benchmark: the section of docs/performance.md, by the benchmark's name and options.
        what: the row's first column.
        pattern: a regular expression with a named group for each figure.
        figures: the row's second column, with the groups in braces.
    """

    benchmark: str
    what: str
    pattern: str
    figures: str


ROWS = (
    Row(
        "segmenting",
        "a section of 10,000 × 10,000 pixels, four channels and {objects} nuclei to all outputs, "
        "with a model of stardist_haug2's shape",
        r"\| 10000 \| (?P<objects>[\d,]+) \| (?P<seconds>[\d.]+) \| [\d.]+ \| (?P<peak>[\d.]+) \|"
        r".*the script takes (?P<times>[\d.]+) times as long",
        "{seconds:.0f} s and {peak} GiB; a StarDist script takes {times} times as long",
    ),
    Row(
        "segmenting --model demo",
        "the same with the demo model",
        r"\| 10000 \| (?P<objects>[\d,]+) \| (?P<seconds>[\d.]+) \| [\d.]+ \| (?P<peak>[\d.]+) \|"
        r".*?the script takes (?P<times>[\d.]+) times as long",
        "{seconds:.0f} s and {peak} GiB; the script {times} times as long",
    ),
    Row(
        "engines",
        "a megapixel through stardist_haug2's network",
        r"\| keras \| (?P<keras>[\d.]+) \|.*\| starbridge \| (?P<ours>[\d.]+) \| [\d.]+ \| "
        r"(?P<times>[\d.]+) \|",
        "{ours} s, TensorFlow {keras} s: {times} times as fast",
    ),
    Row(
        "nms",
        "overlapping candidates removed and nuclei drawn, {candidates} candidates",
        r"\| 4096 \| (?P<candidates>[\d,]+) \| [\d,]+ \| [\d.]+ \| (?P<ours>[\d.]+) \| "
        r"(?P<times>[\d.]+) \| (?P<same>[\d.]+)%",
        "{ours} s, {times} times as fast as StarDist, {same} % the same nuclei",
    ),
    Row(
        "outlines",
        "label image to outlines, {objects} real nuclei",
        r"(?P<objects>[\d,]+) objects of .*trace:\s+(?P<rate>[\d,]+) objects a second, "
        r"(?P<times>[\d.]+) times rasterio's",
        "{rate} a second, {times} times as fast as GDAL's polygonize; every pixel comes back",
    ),
    Row(
        "writing",
        "files of {nuclei} nuclei",
        r"(?P<nuclei>[\d,]+) nuclei.*write RoiSet +(?P<rois>[\d.]+) s"
        r".*write GeoJSON +(?P<geojson>[\d.]+) s"
        r".*RoiSet: (?P<rois_times>[\d.]+) times the speed of RoiSet by StarDist\n"
        r".*GeoJSON: (?P<geojson_times>[\d.]+) times the speed of GeoJSON by json",
        "`RoiSet.zip` {rois} s, {rois_times} times as fast as StarDist; GeoJSON {geojson} s, "
        "{geojson_times} times as fast as `json`",
    ),
    Row(
        "training",
        "a step of training, 4 patches of 256 × 256 pixels, with stardist_haug2's network",
        r"\| 256 \| 4 \| starbridge, float32 \| [\d.]+ \| (?P<single>[\d.]+) \|.*"
        r"\| 256 \| 4 \| starbridge, default \((?P<precision>\w+)\) \| (?P<ours>[\d.]+) "
        r"\| (?P<times>[\d.]+) \|",
        "{ours} s in {precision}, {times} times as fast as `StarDist2D.train`; {single} times in "
        "32 bits",
    ),
    Row(
        "measuring",
        "shape and four channels of {objects} nuclei",
        r"(?P<objects>[\d,]+) objects of .*measure: (?P<ours>[\d.]+) s; "
        r"regionprops_table: [\d.]+ s, (?P<times>[\d.]+) times",
        "{ours} s, {times} times as fast as scikit-image, the same values",
    ),
    Row(
        "aggregating",
        "{tables} tables of {rows} objects to counts",
        r"(?P<tables>\d+) tables of (?P<rows>[\d,]+) rows.*starbridge: (?P<ours>[\d.]+) s "
        r".*?, peak (?P<peak>[\d.]+) GiB.*same counts: True\n(?P<times>[\d.]+) times",
        "{ours} s and {peak} GiB, {times} times as fast as pandas, the same counts",
    ),
    Row(
        "scaling",
        "{images} images on 1, 2 and 4 Dask workers",
        r"(?P<images>\d+) images, \d.*Dask +\d+ images 2 workers +[\d.]+ s  efficiency "
        r"(?P<two>[\d.]+)\nDask +\d+ images 4 workers +[\d.]+ s  efficiency (?P<four>[\d.]+)",
        "{two:.0%} and {four:.0%} of linear, with a simulated engine",
    ),
    Row(
        "startup",
        "`starbridge --help`",
        r"starbridge --help: (?P<seconds>[\d.]+) s of CPU beyond",
        "{seconds:.2f} s of CPU beyond Python's own start",
    ),
)


def read_sections(page: str) -> dict[str, str]:
    r"""Return the text of each benchmark's section of docs/performance.md, by its name.

    >>> read_sections("# How fast\n<!-- nms -->\n## Suppression\n<!-- startup -->\n## Start")
    {'nms': '## Suppression', 'startup': '## Start'}
    """
    parts = re.split(r"^<!-- ([\w -]+?) -->\n", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def write_row(row: Row, section: str) -> str:
    r"""Write a row of the table in Markdown.

    Raises:
        FigureNotFoundError: if the section does not hold the row's figures.

    >>> row = Row("startup", "`--help`", r"(?P<seconds>[\d.]+) s", "{seconds:.1f} s")
    >>> write_row(row, "--help: 0.154 s of CPU")
    '| `--help` | 0.2 s | `python -m benchmarks.startup` |'
    """
    found = re.search(row.pattern, section, flags=re.DOTALL)
    if found is None:
        raise FigureNotFoundError(
            f"docs/performance.md: section {row.benchmark!r} does not match its row in "
            "tools/readme_table.py; change the row's pattern to what the benchmark prints"
        )
    figures = {name: _Figure(text) for name, text in found.groupdict().items()}
    what, measured = row.what.format(**figures), row.figures.format(**figures)
    return f"| {what} | {measured} | `python -m benchmarks.{row.benchmark}` |"


class _Figure(str):
    """A figure as the page writes it, or rounded where a format is given."""

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(self)


def write_table(page: str) -> str:
    """Write the README's table from the text of docs/performance.md."""
    sections = read_sections(page)
    rows = [write_row(row, sections[row.benchmark]) for row in ROWS if row.benchmark in sections]
    return "\n".join(["| what | measured | command |", "|---|---|---|", *rows])


def renew(readme: str, page: str) -> str:
    """Return the README with the table of docs/performance.md between its two marks.

    Raises:
        FigureNotFoundError: if the README has no marks, or a figure is missing on the page.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise FigureNotFoundError(f"README.md: write the lines {BEGIN} and {END} into it")
    return f"{before}{BEGIN}\n{write_table(page)}\n{END}{after}"


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the table, or check it; return the exit status."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it is stale")
    check = parser.parse_args(arguments).check
    readme = root / "README.md"
    old = readme.read_text(encoding="utf-8")
    try:
        new = renew(old, (root / "docs" / "performance.md").read_text(encoding="utf-8"))
    except FigureNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if new == old:
        return 0
    if check:
        print(f"README.md: its figures are not those of the page; run {COMMAND}", file=sys.stderr)
        return 1
    readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
