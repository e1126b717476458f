"""The Excel workbook of a study: what it holds, and that it opens elsewhere."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from openpyxl.utils import range_boundaries

from bridge.aggregate import charts, workbook
from bridge.aggregate.sheets import LABEL, conditions_by_class
from bridge.aggregate.study import Study
from bridge.aggregate.workbook import write_workbook
from bridge.errors import BadInputError, MissingPartError
from tests.aggregate.studies import COLORS, HOSTILE, nothing, renamed, simulated, studies
from tests.waiting import PATIENCE

SHEETS = ["slices", "organoids", "curated", "excluded", "by condition", "parameters"]
DIGITS = 1e-15
"""XlsxWriter writes 16 digits, LibreOffice 15."""


@pytest.fixture
def study() -> Study:
    return simulated(4)


def written(study: Study, folder: Path) -> Any:
    path = folder / "study.xlsx"
    write_workbook(study, path)
    return openpyxl.load_workbook(path)


def frames(study: Study) -> dict[str, pd.DataFrame]:
    """What each sheet should hold."""
    frames = [study.slices, study.organoids, study.curated, study.excluded]
    return dict(zip(SHEETS, [*frames, conditions_by_class(study), study.parameters], strict=True))


def assert_holds(path: Path, study: Study, digits: float = DIGITS) -> None:
    """Every cell of every sheet is the study's: texts and counts exactly, the rest to 15 digits."""
    read = pd.read_excel(path, sheet_name=None, keep_default_na=False, dtype=object)
    for title, frame in frames(study).items():
        found = read[title].drop(columns=LABEL, errors="ignore")
        assert [str(column) for column in found.columns] == list(frame.columns)
        assert len(found) == len(frame)
        for column in frame.columns:
            values, wanted = found[column].tolist(), frame[column].tolist()
            if pd.api.types.is_float_dtype(frame[column]):
                values = [np.nan if value == "" else value for value in values]
                np.testing.assert_allclose(np.array(values, float), wanted, rtol=digits)
            else:
                assert values == wanted


def cells(book: Any, reference: str) -> list[Any]:
    """Values of a range such as ``'by condition'!$B$2:$B$9``."""
    sheet, area = reference.rsplit("!", 1)
    left, top, right, bottom = range_boundaries(area.replace("$", ""))
    rows = book[sheet.strip("'")].iter_rows(top, bottom, left, right, values_only=True)
    return [value for row in rows for value in row]


def series(book: Any) -> Iterator[tuple[str, Any]]:
    """Title of the chart and series, of every series of every chart."""
    for chart in book["charts"]._charts:
        title = "".join(run.t for run in chart.title.tx.rich.p[0].r)
        for one in chart.series:
            yield title, one


def test_the_sheets_stand_in_the_published_order(study: Study, tmp_path: Path) -> None:
    assert written(study, tmp_path).sheetnames == [*SHEETS, "charts"]


def test_every_cell_is_the_studys(study: Study, tmp_path: Path) -> None:
    write_workbook(study, tmp_path / "study.xlsx")

    assert_holds(tmp_path / "study.xlsx", study)


def test_columns_stand_in_the_published_order(study: Study, tmp_path: Path) -> None:
    book = written(study, tmp_path)

    fields = ["Clone", "Genotype", "Diff", "Day", "Immuno", "Organoid"]
    classes = ["Neuron", "Progenitor", "Unstained", "Dead"]
    assert [c.value for c in book["slices"][1]][:11] == [*fields, "Slice", *classes]
    assert [c.value for c in book["curated"][1]][:10] == [*fields, *classes]
    assert [c.value for c in book["curated"][1]][-1] == LABEL
    assert book["curated"].cell(2, book["curated"].max_column).value == "Pa · WT · OG1"


def test_the_header_is_bold_and_frozen_and_has_filters(study: Study, tmp_path: Path) -> None:
    book = written(study, tmp_path)

    for title, frame in frames(study).items():
        sheet = book[title]
        assert sheet.freeze_panes == "A2"
        assert all(cell.font.bold for cell in sheet[1])
        _, top, right, bottom = range_boundaries(sheet.auto_filter.ref)
        assert (top, bottom) == (1, len(frame) + 1)
        assert right == sheet.max_column


def test_counts_and_proportions_are_formatted(study: Study, tmp_path: Path) -> None:
    book = written(study, tmp_path)

    formats = {"n": "#,##0", "Total": "#,##0", "Neuron": "#,##0", "Slices": "#,##0"}
    formats |= dict.fromkeys(("mean", "sd", "sem", "Proportion of Neuron"), "0.0%")
    seen = set()
    for sheet in book.worksheets[:-1]:
        for head in sheet[1]:
            if head.value in formats:
                seen.add(head.value)
                assert sheet.cell(2, head.column).number_format == formats[head.value]
    assert seen == set(formats)


def test_columns_are_as_wide_as_their_texts(study: Study, tmp_path: Path) -> None:
    sheet = written(study, tmp_path)["slices"]

    for column in sheet.iter_cols():
        longest = max(len(str(cell.value)) for cell in column[1:])
        width = sheet.column_dimensions[column[0].column_letter].width
        if isinstance(column[1].value, str):
            assert min(longest, 60) <= width <= 62


def test_rows_are_as_high_as_their_wrapped_texts(tmp_path: Path) -> None:
    # LibreOffice does not fit them itself.
    values = ["short", "words " * 40, "words " * 4000]
    parameters = pd.DataFrame({"Parameter": ["a", "b", "c"], "Value": values}, dtype=object)
    book = written(replace(simulated(4), parameters=parameters), tmp_path)

    heights = [book["parameters"].row_dimensions[row].height for row in (2, 3, 4)]
    assert heights == [None, 4 * 15, 25 * 15]
    assert 3 * 15 < book["slices"].row_dimensions[1].height < 4 * 15


def test_counts_stay_whole_numbers(study: Study, tmp_path: Path) -> None:
    sheet = written(study, tmp_path)["slices"]

    (total,) = (c.column for c in sheet[1] if c.value == "Total")
    values = [sheet.cell(row, total).value for row in range(2, sheet.max_row + 1)]
    assert all(type(value) is int for value in values)
    assert sum(values) == int(study.slices["Total"].sum())


@pytest.mark.parametrize(
    "begin", ["=1+1", "=slices!$A$1", "+1", "-1", "@SUM(A1)", "{=1}", "http://a.b", "007"]
)
def test_a_text_is_never_a_formula_a_link_or_a_number(begin: str, tmp_path: Path) -> None:
    study = renamed(simulated(4), "Neuron", begin)
    study = replace(
        study,
        slices=study.slices.assign(Table=begin, Organoid=begin),
        excluded=study.excluded.assign(Reason=begin),
        parameters=pd.DataFrame({"Parameter": [begin], "Value": [begin]}),
    )
    write_workbook(study, tmp_path / "study.xlsx")

    assert_holds(tmp_path / "study.xlsx", study)
    with zipfile.ZipFile(tmp_path / "study.xlsx") as archive:
        for name in archive.namelist():
            text = archive.read(name).decode()
            if name.startswith("xl/worksheets/"):
                assert "<f>" not in text
                assert "hyperlink" not in text
            # Charts have references to cells, and nothing else that is computed.
            for reference in re.findall("<c:f>(.*?)</c:f>", text):
                assert re.fullmatch(r"('by condition'|curated)!\$[\w$:]+", reference)


def test_a_field_that_looks_like_a_reference_is_none(tmp_path: Path) -> None:
    study, evil = simulated(4), "=slices!$A$1"
    names = ("slices", "organoids", "curated", "excluded", "conditions")
    titles = {"Genotype": evil}
    study = replace(
        study,
        fields=tuple(titles.get(field, field) for field in study.fields),
        condition_fields=(evil,),
        **{name: getattr(study, name).rename(columns=titles) for name in names},
    )
    write_workbook(study, tmp_path / "study.xlsx")

    assert_holds(tmp_path / "study.xlsx", study)
    with zipfile.ZipFile(tmp_path / "study.xlsx") as archive:
        drawn = "".join(archive.read(n).decode() for n in archive.namelist() if "/chart" in n)
    assert "<c:f>'by condition'!$A$1</c:f>" in drawn
    assert "<c:f>slices" not in drawn


def test_an_empty_value_is_an_empty_cell(study: Study, tmp_path: Path) -> None:
    curated = study.curated.copy()
    curated.loc[0, "Proportion of Neuron"] = np.nan
    sheet = written(replace(study, curated=curated), tmp_path)["curated"]

    (column,) = (c.column for c in sheet[1] if c.value == "Proportion of Neuron")
    assert sheet.cell(2, column).value is None
    assert sheet.cell(3, column).value is not None


def test_charts_by_organoid_refer_to_the_curated_proportions(study: Study, tmp_path: Path) -> None:
    book = written(study, tmp_path)

    found = {True: {}, False: {}}  # type: dict[bool, dict[str, Any]]
    for title, one in series(book):
        if title.startswith("By organoid"):
            (name,) = cells(book, one.tx.strRef.f)
            found["without dead" in title][name] = cells(book, one.val.numRef.f)
            labels = cells(book, one.cat.strRef.f)
            assert labels[0] == "Pa · WT · OG1"
            assert len(set(labels)) == len(study.curated)
    for without_dead, values in found.items():
        columns = study.proportion_columns(without_dead=without_dead)
        assert list(values) == list(columns)
        np.testing.assert_allclose(np.sum([*values.values()], axis=0), 1)
        for name, column in columns.items():
            np.testing.assert_allclose(values[name], study.curated[column], rtol=DIGITS)


def test_charts_by_condition_refer_to_means_and_errors(tmp_path: Path) -> None:
    study = simulated(4, days=("J70", "J100"), conditions=("Genotype", "Day"))
    book = written(study, tmp_path)
    wanted = study.conditions.set_index(["Cells", "Class"])

    seen = []
    for title, one in series(book):
        if title.startswith("By condition"):
            (name,) = cells(book, one.tx.strRef.f)
            kind = "without dead" if "without dead" in title else "all"
            rows = wanted.loc[(kind, name)]
            assert cells(book, one.cat.strRef.f) == [
                "WT · J70",
                "WT · J100",
                "KO · J70",
                "KO · J100",
            ]
            np.testing.assert_allclose(cells(book, one.val.numRef.f), rows["mean"], rtol=DIGITS)
            if "SEM" in title:
                for side in (one.errBars.plus, one.errBars.minus):
                    np.testing.assert_allclose(cells(book, side.numRef.f), rows["sem"], rtol=DIGITS)
            seen.append((kind, name, "SEM" in title))
    assert len(seen) == len(set(seen)) == 2 * (4 + 3)


def test_a_class_has_its_colour(study: Study, tmp_path: Path) -> None:
    book = written(study, tmp_path)

    for _, one in series(book):
        (name,) = cells(book, one.tx.strRef.f)
        assert one.spPr.solidFill.srgbClr.lower() == bytes(COLORS[name]).hex()
    heads = {cell.value: cell for cell in book["curated"][1]}
    for title in ("Neuron", "Proportion of Neuron", "Proportion of Neuron without dead"):
        assert heads[title].border.bottom.color.rgb == "FF0072B2"


def test_charts_follow_filters(study: Study, tmp_path: Path) -> None:
    write_workbook(study, tmp_path / "study.xlsx")

    with zipfile.ZipFile(tmp_path / "study.xlsx") as archive:
        drawn = [name for name in archive.namelist() if re.match(r"xl/charts/chart\d", name)]
        assert len(drawn) == 6
        for name in drawn:
            assert b'<c:plotVisOnly val="1"/>' in archive.read(name)


def test_without_dead_classes_nothing_is_drawn_without_them(tmp_path: Path) -> None:
    book = written(simulated(4, dead=()), tmp_path)

    titles = {title for title, _ in series(book)}
    assert len(titles) == 3
    assert not any("without dead" in title for title in titles)


def test_many_organoids_are_drawn_in_several_charts_cut_where_the_condition_changes(
    tmp_path: Path,
) -> None:
    study = simulated(46, slices=1, min_slices=1)  # 46 of WT, 92 of KO
    book = written(study, tmp_path)

    rows: dict[str, tuple[int, int]] = {}
    for title, one in series(book):
        if title.startswith("By organoid") and title.endswith("all cells"):
            _, top, _, bottom = range_boundaries(one.val.numRef.f.split("!")[1].replace("$", ""))
            rows[title] = (top - 1, bottom - 1)
    assert rows == {
        "By organoid 1 to 46 of 138: proportions, all cells": (1, 46),
        "By organoid 47 to 106 of 138: proportions, all cells": (47, 106),
        "By organoid 107 to 138 of 138: proportions, all cells": (107, 138),
    }


def test_organoids_that_are_not_drawn_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "MOST_CHARTS", 1)
    book = written(simulated(46, slices=1, min_slices=1), tmp_path)

    assert book["charts"]["A2"].value == "Of 138 organoids the first 46 are drawn."
    assert len([title for title, _ in series(book) if "organoid 1 to 46" in title]) == 4 + 3
    assert not [title for title, _ in series(book) if "organoid 47" in title]


def test_where_nothing_is_curated_all_organoids_are_drawn(tmp_path: Path) -> None:
    book = written(simulated(4, min_slices=9), tmp_path)

    references = {one.val.numRef.f.split("!")[0] for _, one in series(book)}
    assert references == {"organoids"}
    assert "No organoid has enough slices" in book["charts"]["A2"].value


def test_a_study_of_nothing_is_written(tmp_path: Path) -> None:
    book = written(nothing(), tmp_path)

    assert book["charts"]._charts == []
    assert book["charts"]["A1"].value == "No charts: nothing was counted."
    assert [cell.value for cell in book["slices"][1]][:2] == ["Clone", "Genotype"]


def test_more_classes_than_a_chart_holds_are_said(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "MOST_CLASSES", 3)
    book = written(study, tmp_path)

    assert book["charts"]._charts == []
    assert book["charts"]["A1"].value == "No charts: Excel's charts hold at most 3 classes."


def test_more_rows_than_a_sheet_holds_go_on_in_another(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 21)
    book = written(study, tmp_path)

    assert len(study.slices) == 48
    assert book.sheetnames[:4] == ["slices", "slices (2)", "slices (3)", "organoids"]
    assert [book[title].max_row - 1 for title in book.sheetnames[:3]] == [20, 20, 8]
    heads = [[cell.value for cell in book[title][1]] for title in book.sheetnames[:3]]
    assert heads[0] == heads[1] == heads[2]
    (table,) = (c.column for c in book["slices"][1] if c.value == "Table")
    names = [
        book[title].cell(row, table).value
        for title in book.sheetnames[:3]
        for row in range(2, book[title].max_row + 1)
    ]
    assert names == study.slices["Table"].tolist()


def test_more_columns_than_a_sheet_holds_are_refused(study: Study, tmp_path: Path) -> None:
    wide = pd.DataFrame(np.zeros((1, 16_385), np.int64)).rename(columns=str)

    with pytest.raises(BadInputError, match="slices would have 16,385 columns .* merge classes"):
        write_workbook(replace(study, slices=wide), tmp_path / "study.xlsx")
    assert not [*tmp_path.iterdir()]


def test_a_very_large_workbook_holds_the_same(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_MANY_CELLS", 0)
    book = written(study, tmp_path)

    assert_holds(tmp_path / "study.xlsx", study)
    assert len(book["charts"]._charts) == 6


def test_the_same_study_gives_the_same_bytes(study: Study, tmp_path: Path) -> None:
    for name in "ab":
        write_workbook(study, tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("mark", [".~lock.study.xlsx#", "~$study.xlsx"])
def test_a_workbook_that_is_open_is_refused(mark: str, study: Study, tmp_path: Path) -> None:
    (tmp_path / "study.xlsx").write_text("old")
    (tmp_path / mark).write_text("")

    with pytest.raises(BadInputError, match="is open in another program; close it") as raised:
        write_workbook(study, tmp_path / "study.xlsx")
    assert mark in str(raised.value)
    assert (tmp_path / "study.xlsx").read_text() == "old"


def test_a_workbook_that_windows_does_not_let_replace_is_said_to_be_open(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Access is denied", str(self))

    monkeypatch.setattr(Path, "replace", refuse)

    with pytest.raises(BadInputError, match="is open in another program; close it and run again"):
        write_workbook(study, tmp_path / "study.xlsx")
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_runs_full_leaves_the_old_workbook(tmp_path: Path) -> None:
    (tmp_path / "study.xlsx").write_text("old")
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from bridge.errors import BadInputError\n"
        "from bridge.aggregate.workbook import write_workbook\n"
        "from tests.aggregate.studies import simulated\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n    write_workbook(simulated(4), Path(sys.argv[1]))\n"
        "except BadInputError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "study.xlsx")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert "study.xlsx: cannot be written: the file grew over the size" in done.stdout
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["study.xlsx"]
    assert (tmp_path / "study.xlsx").read_text() == "old"


def test_without_xlsxwriter_the_part_is_named(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(MissingPartError, match=r"starbridge\[study\]"):
        write_workbook(study, tmp_path / "study.xlsx")
    assert not [*tmp_path.iterdir()]


def test_texts_that_excel_cannot_hold_are_shortened_or_marked(tmp_path: Path) -> None:
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")
    study = replace(
        simulated(4),
        parameters=pd.DataFrame(
            {"Parameter": ["long", "broken"], "Value": ["x" * 40_000, broken]}, dtype=object
        ),
    )
    sheet = written(study, tmp_path)["parameters"]

    assert len(sheet["B2"].value) == 32_767
    assert sheet["B2"].value.endswith("x…")
    assert sheet["B3"].value == "caf?"


@given(study=studies())
def test_every_study_survives(study: Study, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("study") / "study.xlsx"
    write_workbook(study, path)

    assert_holds(path, study)


def test_libreoffice_opens_it_and_gives_the_same_back(tmp_path: Path) -> None:
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("needs LibreOffice (Debian: apt-get install libreoffice-calc)")
    study = renamed(simulated(4), "Neuron", HOSTILE)
    write_workbook(study, tmp_path / "study.xlsx")
    subprocess.run(
        [
            soffice,
            "--headless",
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            *("--convert-to", "xlsx", "--outdir", tmp_path / "again", tmp_path / "study.xlsx"),
        ],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )

    assert_holds(tmp_path / "again" / "study.xlsx", study, digits=1e-14)
    drawn = openpyxl.load_workbook(tmp_path / "again" / "study.xlsx")["charts"]._charts
    assert len(drawn) == 6
