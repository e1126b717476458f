"""``starbridge aggregate``, from tables on disk to the workbook."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import h5py
import numpy as np
import openpyxl
import pandas as pd
import pytest
import tifffile
import typer
from typer.testing import CliRunner, Result

from bridge.aggregate import provenance
from bridge.cli.aggregate import aggregate as command
from bridge.errors import BadInputError
from tests.aggregate.ilastik import ilastik_table, joined_table, write_hdf5_table, write_table

CLASSES = ("Neuron", "Progenitor", "Dead", "Unstained")


def call(*words: object) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])


def name_of(clone: str, organoid: int, section: int) -> str:
    return f"{clone}_dQ_J70_SNd2T_20Xa_g1dt08_OG{organoid}_s{section}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clones with two organoids each, of four and of three sections, and their genotypes."""
    random = np.random.default_rng(3)
    for clone in ("Pa", "Pb"):
        for organoid, slices in ((1, 4), (2, 3)):
            for number in range(1, slices + 1):
                counts = dict(zip(CLASSES, random.integers(0, 90, 4).tolist(), strict=True))
                write_table(tmp_path / "tables", counts, name_of(clone, organoid, number))
    (tmp_path / "genotypes.csv").write_text("Clone,Genotype\nPa,WT\nPb,KO\n")
    return tmp_path


def run(folder: Path, *words: object) -> Result:
    return call(
        folder / "tables",
        "--map",
        f"clone={folder / 'genotypes.csv'}",
        "--sum-over",
        "slice",
        "--min-slices",
        4,
        "--out",
        folder / "study.xlsx",
        *words,
    )


def sheet(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_excel(folder / "study.xlsx", sheet_name=name, keep_default_na=False)


def test_the_workbook_sums_back_to_the_rows_of_the_tables(folder: Path) -> None:
    done = run(folder, "--dead", "Dead")

    assert done.exit_code == 0, done.output
    slices, organoids = sheet(folder, "slices"), sheet(folder, "organoids")
    tables = sorted((folder / "tables").iterdir())
    assert sorted(slices["Table"]) == [path.name for path in tables]
    rows = 0
    for path in tables:
        table = pd.read_csv(path)
        rows += len(table)
        (line,) = slices[slices["Table"] == path.name].to_dict("records")
        counted = table["Predicted Class"].value_counts()
        assert {name: int(line[name]) for name in CLASSES} == {
            name: int(counted.get(name, 0)) for name in CLASSES
        }
        assert line["Total"] == len(table)
        assert path.name.startswith(
            "_".join(
                str(line[f]) for f in ("Clone", "Diff", "Day", "Immuno", "Objective", "Imaging")
            )
        )
    for frame in (slices, organoids):
        assert frame["Total"].sum() == frame[list(CLASSES)].to_numpy().sum() == rows
    by_organoid = slices.groupby(["Clone", "Organoid"])[[*CLASSES, "Total"]].sum()
    for line in organoids.to_dict("records"):
        assert by_organoid.loc[(line["Clone"], line["Organoid"])].tolist() == [
            line[name] for name in (*CLASSES, "Total")
        ]
        living = line["Total"] - line["Dead"]
        assert line["Proportion of Neuron"] == pytest.approx(line["Neuron"] / line["Total"])
        assert line["Proportion of Neuron without dead"] == pytest.approx(line["Neuron"] / living)


def test_the_sheets_and_what_else_is_written(folder: Path) -> None:
    done = run(folder, "--format", "parquet")

    assert done.exit_code == 0
    book = openpyxl.load_workbook(folder / "study.xlsx", read_only=True)
    names = ["slices", "organoids", "curated", "excluded", "by condition", "parameters"]
    assert book.sheetnames[:6] == names
    assert sheet(folder, "curated")["Organoid"].tolist() == ["OG1", "OG1"]
    assert sheet(folder, "excluded")["Reason"].tolist() == ["has 3 of at least 4 slices"] * 2
    assert (folder / "study.html").stat().st_size > 1000
    assert [Path(line).name for line in done.stdout.split()] == [
        "study.xlsx",
        *(f"{n}.parquet" for n in ("slices", "organoids", "curated", "excluded", "conditions")),
        "parameters.parquet",
        "study.html",
    ]
    curated = pd.read_parquet(folder / "study_tables" / "curated.parquet")
    assert curated["Genotype"].tolist() == ["WT", "KO"]
    assert "14 slices of 4 organoids, 2 of them curated; 0 tables not counted" in done.stderr


def test_a_new_section_is_the_only_one_that_is_read(folder: Path) -> None:
    assert run(folder).exit_code == 0
    write_table(folder / "tables", {"Neuron": 5}, name_of("Pa", 2, 4))

    done = run(folder)

    assert done.exit_code == 0
    progress = [
        line for line in done.stderr.splitlines() if " objects, " in line and "/15 " in line
    ]
    assert [line.split()[1] for line in progress if "done before" not in line] == [
        name_of("Pa", 2, 4) + "_table.csv:"
    ]
    assert len(progress) == 15
    assert len(sheet(folder, "curated")) == 3


def test_nothing_is_dropped_silently(folder: Path) -> None:
    tables = folder / "tables"
    write_table(tables, {"Neuron": 5}, "a name that does not fit")
    write_table(tables, {"Neuron": 5}, name_of("Px", 1, 1))
    write_table(tables, {}, name_of("Pa", 3, 1))
    (tables / f"{name_of('Pa', 3, 2)}_table.csv").write_text("no table")
    (tables / f"{name_of('Pa', 3, 3)}_table.csv").write_bytes(b"")
    ilastik_table({"Neuron": 4}).to_csv(tables / f"{name_of('Pa', 1, 1)}.tsv", sep="\t")

    done = run(folder, "--json", "--no-report")

    assert done.exit_code == 1
    said = json.loads(done.stdout)
    reasons = {line["Table"]: line["Reason"] for line in said["excluded"] if line["Table"]}
    expected = {
        "a name that does not fit_table.csv": "does not fit the pattern",
        f"{name_of('Px', 1, 1)}_table.csv": "genotypes.csv has no clone 'Px'",
        f"{name_of('Pa', 3, 1)}_table.csv": "has no rows",
        f"{name_of('Pa', 3, 2)}_table.csv": "has no column of classes",
        f"{name_of('Pa', 3, 3)}_table.csv": "is empty",
        f"{name_of('Pa', 1, 1)}_table.csv": "is the same section as",
        f"{name_of('Pa', 1, 1)}.tsv": "is the same section as",
    }
    assert set(reasons) == set(expected)
    for table, reason in expected.items():
        assert reason in reasons[table]
        assert table.partition("_table")[0] in done.stderr
    assert set(sheet(folder, "excluded")["Table"]) == {*expected, ""}
    assert said["tables not counted"] == 6
    assert said["slices"] + 6 == len(list(tables.iterdir()))
    assert not (folder / "study.html").exists()


def test_the_list_of_genotypes_may_lie_among_the_tables(folder: Path) -> None:
    (folder / "genotypes.csv").rename(folder / "tables" / "genotypes.csv")

    done = call(
        folder / "tables",
        "--map",
        f"clone={folder / 'tables' / 'genotypes.csv'}",
        "--out",
        folder / "study.xlsx",
    )
    assert done.exit_code == 0
    assert len(sheet(folder, "curated")) == 4


def test_classes_by_a_file_and_a_pattern_of_ones_own(folder: Path) -> None:
    (folder / "classes.yaml").write_text(
        "merge: {Cell: [Neuron, Progenitor]}\ndead: [Dead]\norder: [Cell]\n"
        'colors: {Cell: "#123456"}\n'
    )
    pattern = r"(?P<clone>P.)_.*_OG(?P<organoid>\d+)_s(?P<slice>\d+)"

    done = run(folder, "--classes", folder / "classes.yaml", "--pattern", pattern)

    assert done.exit_code == 0, done.output
    titles = list(sheet(folder, "organoids"))
    assert titles[:7] == ["Clone", "Genotype", "Organoid", "Cell", "Unstained", "Dead", "Total"]
    # what no rule lists is said, and counted
    assert "class 'Unstained' is not listed" in done.stderr


def test_tables_of_another_label_image_are_left_out(folder: Path) -> None:
    for path in (folder / "tables").iterdir():
        size = len(pd.read_csv(path))
        labels = np.zeros((20, 40), np.uint16)
        labels.flat[:size] = np.arange(1, size + 1)
        if "Pb" in path.name and "OG1_s1" in path.name:
            labels[labels == 1] = 0
        name = path.name.replace("_table.csv", "_labels.tif")
        (folder / "lbl").mkdir(exist_ok=True)
        tifffile.imwrite(folder / "lbl" / name, labels)

    done = run(folder, "--labels", folder / "lbl")

    assert done.exit_code == 1
    excluded = sheet(folder, "excluded")
    (line,) = excluded[excluded["What"] == "table"].to_dict("records")
    assert line["Slice"] == "s1"
    assert "1 objects that are not in" in line["Reason"]


class TestTablesInHdf5:
    @pytest.fixture
    def table(self, tmp_path: Path) -> Path:
        tables = tmp_path / "tables"
        path = write_hdf5_table(tables, {"N": 3, "Dead": 1, "T": 1}, name_of("Pa", 1, 1))
        with h5py.File(tables / f"{name_of('Pa', 1, 1)}_Probabilities.h5", "w") as file:
            file["exported_data"] = np.zeros((8, 9, 2), np.float32)
        return path

    @pytest.mark.parametrize("of_folder", [True, False])
    def test_folder_or_file(self, table: Path, tmp_path: Path, of_folder: bool) -> None:
        words = ["--out", tmp_path / "study.xlsx", "--dead", "Dead"]

        done = call(table.parent if of_folder else table, *words)
        again = call(table.parent if of_folder else table, *words)

        assert done.exit_code == again.exit_code == 0, done.output
        (line,) = sheet(tmp_path, "slices").to_dict("records")
        assert (line["Slice"], line["N"], line["Dead"], line["T"]) == ("s1", 3, 1, 1)
        assert "nothing to do" not in done.stderr
        assert "nothing to do" in again.stderr

    def test_a_damaged_one_is_named_and_the_others_count(self, table: Path, tmp_path: Path) -> None:
        damaged = table.with_name(f"{name_of('Pa', 1, 2)}_table.h5")
        damaged.write_bytes(table.read_bytes()[:3000])

        done = call(table.parent, "--out", tmp_path / "study.xlsx")

        assert done.exit_code == 1
        lines = [line for line in done.stderr.splitlines() if "damaged or cut short" in line]
        assert len(lines) == 1
        assert damaged.name in lines[0]
        assert sheet(tmp_path, "slices")["Slice"].tolist() == ["s1"]

    def test_probabilities_that_are_named_are_refused(self, table: Path, tmp_path: Path) -> None:
        named = table.with_name(f"{name_of('Pa', 1, 1)}_Probabilities.h5")

        done = call(table, named, "--out", tmp_path / "study.xlsx")

        assert done.exit_code == 1
        assert "holds no table of objects, but exported_data; give the table" in done.stderr


class TestAJoinedTable:
    """All objects of all sections in one table, as a notebook saves it."""

    @pytest.fixture
    def joined(self, tmp_path: Path) -> Path:
        path = tmp_path / "tables" / "Raw_classification_dQ_J70_SNd2T.csv"
        path.parent.mkdir()
        sections = {name_of("Pa", 1, n): {"N": n + 1, "Dead": 1} for n in (1, 2)}
        joined_table(sections).to_csv(path)
        return path

    def test_every_image_is_a_slice(self, joined: Path, tmp_path: Path) -> None:
        words = [joined.parent, "--out", tmp_path / "study.xlsx", "--dead", "Dead"]

        done, again = call(*words), call(*words)

        assert done.exit_code == again.exit_code == 0, done.output
        slices = sheet(tmp_path, "slices")
        assert slices[["Slice", "N", "Dead"]].to_numpy().tolist() == [["s1", 2, 1], ["s2", 3, 1]]
        assert slices["Table"].tolist() == [joined.name] * 2
        assert "7 objects in 2 slices of 1 organoids" in done.stderr
        assert "nothing to do" in again.stderr
        assert "done before" in again.stderr

    def test_an_image_that_has_a_table_too_does_not_count_twice(
        self, joined: Path, tmp_path: Path
    ) -> None:
        write_table(joined.parent, {"N": 2, "Dead": 1}, name_of("Pa", 1, 1))

        done = call(joined.parent, "--out", tmp_path / "study.xlsx")

        assert done.exit_code == 1
        assert sheet(tmp_path, "slices")["Slice"].tolist() == ["s2"]
        assert "is the same section as the image" in done.stderr
        assert "the same section as" in " ".join(sheet(tmp_path, "excluded")["Reason"])

    def test_a_column_that_contradicts_the_names_is_said(
        self, joined: Path, tmp_path: Path
    ) -> None:
        rows = pd.read_csv(joined)
        rows.loc[rows["Slice"] == "s2", "Slice"] = "s3"
        rows.to_csv(joined, index=False)

        done = call(joined, "--out", tmp_path / "study.xlsx")

        assert done.exit_code == 0
        assert sheet(tmp_path, "slices")["Slice"].tolist() == ["s1", "s2"]
        said = f"has Slice 's3' for {name_of('Pa', 1, 2)}, whose name says 's2'; the name counts"
        assert said in done.stderr
        assert said in " ".join(sheet(tmp_path, "parameters")["Value"])

    def test_problems_of_single_images_are_said_each_time(
        self, joined: Path, tmp_path: Path
    ) -> None:
        rows = pd.read_csv(joined)
        rows.loc[rows["Slice"] == "s2", "labelimage_oid"] = 7
        more = joined_table({name_of("Pa", 1, 3): {"N": 2}, name_of("Pa", 1, 4): {"N": 1}})
        more.loc[0, "Image_name"] = ""
        pd.concat([rows, more]).to_csv(joined, index=False)

        for _ in range(2):
            done = call(joined, "--out", tmp_path / "study.xlsx")

            assert done.exit_code == 1
            assert "lists 3 objects of" in done.stderr
            assert "has 1 objects of no image" in done.stderr
            assert sheet(tmp_path, "slices")["Slice"].tolist() == ["s1", "s3", "s4"]


class TestAWorkbookThatIsThere:
    def test_one_that_is_up_to_date_stays_whatever_the_time(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Tomorrow(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return super().now(tz) + timedelta(days=1)

        assert run(folder).exit_code == 0
        before = (folder / "study.xlsx").read_bytes()
        monkeypatch.setattr(provenance, "datetime", Tomorrow)

        again = run(folder)

        assert "nothing to do" in again.stderr
        assert (folder / "study.xlsx").read_bytes() == before

    def test_one_that_was_changed_by_hand_is_kept(self, folder: Path) -> None:
        assert run(folder).exit_code == 0
        book = openpyxl.load_workbook(folder / "study.xlsx")
        book["slices"]["A1"] = "mine"
        book.save(folder / "study.xlsx")

        refused = run(folder)

        assert isinstance(refused.exception, BadInputError)
        assert "changed since; choose another --out" in str(refused.exception)
        assert openpyxl.load_workbook(folder / "study.xlsx")["slices"]["A1"].value == "mine"
        assert run(folder, "--overwrite").exit_code == 0
        assert openpyxl.load_workbook(folder / "study.xlsx")["slices"]["A1"].value == "Clone"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--out", "study.csv"], "study.csv: is no name of a workbook"),
        (["--pattern", "{clone"], "brace without its partner"),
        (["--map", "genotypes.csv"], "is no field and file"),
        (["--map", "genotype=genotypes.csv"], "genotypes.csv: does not exist"),
        (["--by", "plate"], "--by: there is no field 'plate'"),
        (["--sum-over", "plane"], "--sum-over: there is no field 'plane'"),
        (["--classes", "none.yaml"], "none.yaml: does not exist"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_read(
    folder: Path, words: list[str], problem: str
) -> None:
    done = run(folder, *words)

    assert isinstance(done.exception, BadInputError)
    assert problem in str(done.exception)
    assert not (folder / "study.counts.json").exists()


# ---- one table of all objects -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "h5", "parquet"])
def test_all_objects_go_into_one_table_that_is_counted_alike(tmp_path: Path, kind: str) -> None:
    tables = tmp_path / "tables"
    for section in (1, 2):
        name, counts = name_of("Pa", 1, section), {"=Dead": section, "N": 3}
        if kind == "h5":
            write_hdf5_table(tables, counts, name)
        else:
            path = write_table(tables, counts, name)
            if kind == "parquet":
                pd.read_csv(path, keep_default_na=False).to_parquet(path.with_suffix(".parquet"))
                path.unlink()
    (tmp_path / "genotypes.csv").write_text("Clone,Genotype\nPa,-/-\n")
    options = ("--no-report", "--map", f"clone={tmp_path / 'genotypes.csv'}", "--combined")
    one, two = tmp_path / "Raw_classification_a.csv", tmp_path / "b" / "Raw_classification_b.csv"

    first = call(tables, "--out", tmp_path / "a.xlsx", *options, one)
    second = call(one, "--out", tmp_path / "b.xlsx", *options, two)

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert one.read_text().splitlines()[0].split(",")[:13] == [
        "Image_name", "Clone", "Genotype", "Diff", "Day", "Immuno", "Objective", "Imaging",
        "Organoid", "Slice", "object_id", "timestep", "labelimage_oid",
    ]  # fmt: skip
    assert len(one.read_text().splitlines()) == 1 + 4 + 5
    assert two.read_bytes() == one.read_bytes()
    for name in "ab":
        slices = pd.read_csv(tmp_path / f"{name}_tables" / "slices.csv")
        assert slices[["'=Dead", "N"]].to_numpy().tolist() == [[1, 3], [2, 3]]


def test_a_combined_table_that_holds_anything_else_is_kept(tmp_path: Path) -> None:
    write_table(tmp_path / "tables", {"N": 3})
    combined = tmp_path / "Raw_classification.csv"
    combined.write_text("mine")
    arguments = (tmp_path / "tables", "--out", tmp_path / "a.xlsx", "--combined", combined)

    refused = call(*arguments)

    assert isinstance(refused.exception, BadInputError)
    assert "is there already, with other rows" in str(refused.exception)
    assert combined.read_text() == "mine"
    assert call(*arguments, "--overwrite").exit_code == 0
    assert call(*arguments).exit_code == 0  # the same rows again
    assert isinstance(call(*arguments[:3], "--combined", "a.xlsx").exception, BadInputError)


def _say_dead(folder: Path) -> None:
    said = {"classes": [*CLASSES], "dead": ["Dead"], "unstained": ["Unstained"]}
    (folder / "run.json").write_text(json.dumps({"classifier": said, "images": {}}))


def test_dead_and_unstained_cells_are_those_of_the_classifier(folder: Path) -> None:
    _say_dead(folder)

    done = run(folder)

    assert done.exit_code == 0, done.output
    assert "dead cells are 'Dead' and unstained cells are 'Unstained', as the class" in done.stderr
    titles = list(sheet(folder, "slices"))
    at = titles.index("Neuron")
    assert titles[at : at + 4] == ["Neuron", "Progenitor", "Unstained", "Dead"]
    assert "Proportion of Unstained without dead" in titles
    assert "Proportion of Dead without dead" not in titles


@pytest.mark.parametrize(
    ("words", "dead"), [(("--dead", ""), ""), (("--dead", "Progenitor"), "Progenitor")]
)
def test_what_a_person_says_of_dead_cells_counts_over_the_classifier(
    folder: Path, words: tuple[str, ...], dead: str
) -> None:
    _say_dead(folder)

    done = run(folder, *words)

    assert done.exit_code == 0, done.output
    assert "dead cells are" not in done.stderr
    values = dict(sheet(folder, "parameters")[["Parameter", "Value"]].to_numpy().tolist())
    assert (values["Dead cells"], values["Unstained cells"]) == (dead, "Unstained")
