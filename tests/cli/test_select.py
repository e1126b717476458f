"""``starbridge select``, as a person types it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import tifffile

from bridge import open_image
from bridge.cli import main
from tests.select.sections import CHANNELS, nuclei, write_section, write_study

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def select(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command; gives exit status, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["starbridge", "select", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
        printed = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), printed.out, printed.err

    return run


@pytest.fixture
def sections(tmp_path: Path) -> Path:
    """The folder of ten sections of two clones; their objects are in RESULTS beside it."""
    return write_study(tmp_path)


PATTERN = ("--pattern", "{clone}_{organoid}_{slice}")


def test_low_medium_and_high_of_each_clone(select: Command, sections: Path, tmp_path: Path) -> None:
    out = tmp_path / "selection"

    code, printed, said = select(
        sections, "--channel", 488, "--by", "clone", *PATTERN, "--quantiles", 0, 0.5, 1, "-o", out
    )

    assert code == 0, said
    lines = [line.split("\t") for line in printed.splitlines()]
    assert [(line[0], line[1], Path(line[3]).stem) for line in lines] == [
        ("Pa", "low", "Pa_OG1_s1"),
        ("Pa", "medium", "Pa_OG3_s1"),
        ("Pa", "high", "Pa_OG5_s1"),
        ("Qb", "low", "Qb_OG1_s1"),
        ("Qb", "medium", "Qb_OG3_s1"),
        ("Qb", "high", "Qb_OG5_s1"),
    ]
    assert "10 done" in said
    intensities = pd.read_csv(out / "intensities.csv")
    assert intensities["clone"].tolist() == ["Pa"] * 5 + ["Qb"] * 5
    selection = pd.read_csv(out / "selection.csv")
    assert selection["name"].tolist() == [Path(line[3]).stem for line in lines]
    assert selection["quantile"].tolist() == [0, 0.5, 1] * 2
    assert (out / "selection.html").exists()
    assert "10 were done before" in select(sections, "--channel", 488, "-o", out)[2]


def test_crops_of_the_chosen_images(select: Command, sections: Path, tmp_path: Path) -> None:
    out = tmp_path / "selection"

    code, _, said = select(
        sections, "--channel", "AF488", "-o", out, "--crop", "30x20", "--at", "bottom-right",
        "--format", "tif",
    )  # fmt: skip

    assert code == 0, said
    chosen = pd.read_csv(out / "selection.csv")["name"]
    assert sorted(path.name for path in (out / "crops" / "images").iterdir()) == sorted(
        f"{name}_crop.tif" for name in chosen
    )
    labels = tifffile.imread(out / "crops" / "labels" / f"{chosen[0]}_crop_labels.tif")
    assert labels.shape == (20, 30)
    assert labels.max() == 3


def test_images_and_crops_are_counted_each_by_themselves(
    select: Command, sections: Path, tmp_path: Path
) -> None:
    _, _, said = select(sections, "--channel", 1, "-o", tmp_path / "out", "--crop", 20)

    counted = [line.split()[0] for line in said.splitlines() if re.match(r"\d+/\d+ ", line)]
    assert counted == [*(f"{n}/10" for n in range(1, 11)), *(f"{n}/3" for n in range(1, 4))]


def test_images_are_chosen_for_each_of_several_channels(
    select: Command, sections: Path, tmp_path: Path
) -> None:
    out = tmp_path / "selection"
    choice = ("--by", "clone", *PATTERN, "--quantiles", 0, 0.5, 1, "--crop", 20, "--format", "tif")

    code, printed, said = select(sections, "--channel", "488,DAPI", *choice, "-o", out)

    assert code == 0, said
    lines = [line.split("\t") for line in printed.splitlines()]
    assert [tuple(line[:3]) for line in lines] == [
        (channel, clone, level)
        for channel in ("488", "DAPI")
        for clone in ("Pa", "Qb")
        for level in ("low", "medium", "high")
    ]
    alone = select(sections, "--channel", "488", *choice, "-o", tmp_path / "one")[1]
    assert ["\t".join(line[1:]) for line in lines[:6]] == alone.splitlines()
    frame = pd.read_csv(out / "intensities.csv")
    assert frame["asked_channel"].tolist() == ["488"] * 10 + ["DAPI"] * 10
    assert frame["channel"].unique().tolist() == ["AF488", "DAPI"]
    chosen = {Path(line[4]).stem for line in lines}
    assert {p.name for p in (out / "crops/images").iterdir()} == {f"{n}_crop.tif" for n in chosen}
    assert f"{len(chosen)}/{len(chosen)} " in said
    assert "is called differently" not in said
    page = (out / "selection.html").read_text()
    assert "Images by condition: 488" in page
    assert "Images by condition: DAPI" in page
    again = select(sections, "--channel", "488", "--channel", "DAPI", *choice, "-o", out)
    assert again[1] == printed
    assert "10 were done before" in again[2]


def test_half_of_an_image_as_haug2s_notebooks_crop_it(
    select: Command, sections: Path, tmp_path: Path
) -> None:
    out = tmp_path / "selection"

    code, _, said = select(
        sections, "--channel", 1, "-o", out, "--crop", "half", "--at", "bottom-right",
        "--keep-ids", "--names", "haug2", "--format", "tif",
    )  # fmt: skip

    assert code == 0, said
    assert "were taken whole" not in said
    assert "--keep-ids" not in said
    name = pd.read_csv(out / "selection.csv")["name"][0]
    mask = tifffile.imread(out / f"crops/masks/{name}_mask.tif")
    assert (mask == nuclei()[20:, 30:]).all()
    with open_image(out / f"crops/images/{name}.tif") as image:
        assert image.channels == CHANNELS
        assert (image.height, image.width) == (20, 30)
    table = pd.read_csv(out / f"crops/masks/{name}_objects.csv")
    assert table["label"].tolist() == table["original_label"].tolist() == [9, 12, 700]
    refused = select(sections, "--channel", 1, "-o", out, "--crop", "1/3", "--names", "haug2")
    assert "another size" in refused[2]


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ("half", (20, 30)),
        ("1/3", (13, 20)),
        ("0.1", (4, 6)),
        ("50%x100%", (40, 30)),
        ("halfx1", (40, 30)),
        ("0.0001", (1, 1)),
        ("1.0", (40, 60)),
        ("7x5", (5, 7)),
    ],
)
def test_sizes_of_crops(select: Command, tmp_path: Path, size: str, shape: tuple[int, int]) -> None:
    section = write_section(tmp_path / "SECTIONS", "Pa_s1", 100)
    out = tmp_path / "out"
    code, _, said = select(section, "--channel", 1, "-o", out, "--crop", size, "--format", "tif")
    assert code == 0, said
    assert tifffile.imread(out / "crops/labels/Pa_s1_crop_labels.tif").shape == shape


@pytest.mark.model
def test_crops_are_segmented_anew(select: Command, sections: Path, tmp_path: Path) -> None:
    out = tmp_path / "selection"

    code, _, said = select(
        sections, "--channel", 1, "-o", out, "--crop", 32, "--resegment", "demo", "--at", "densest"
    )

    assert code == 0, said
    table = pd.read_csv(next((out / "crops" / "labels").glob("*_crop_objects.csv")))
    assert table.columns.tolist() == ["label", "id", "z", "t", "cut"]


def test_what_is_odd_is_said(select: Command, sections: Path, tmp_path: Path) -> None:
    write_section(sections, "overview", 100)
    write_section(sections, "Rc_OG1_s1", 100)
    (tmp_path / "genotypes.csv").write_text("Clone;Genotype\nPa;WT\nRc;KO\n")

    code, printed, said = select(
        sections, "--channel", 1, "--by", "genotype", *PATTERN, "-o", tmp_path / "out",
        "--map", f"clone={tmp_path / 'genotypes.csv'}", "--crop", 1024,
    )  # fmt: skip

    assert code == 0, said
    assert [line.split("\t")[0] for line in printed.splitlines()] == ["WT"] * 3 + ["KO"] * 3
    assert (
        "6 images have names that do not fit, or are in no --map, and are not chosen: "
        "overview, Qb_OG1_s1, Qb_OG2_s1, Qb_OG3_s1, Qb_OG4_s1, …" in said
    )
    assert "KO: too few images (1) to choose different ones for each quantile" in said
    assert "4 images are smaller than the crop and were taken whole" in said


def test_an_image_that_fails_makes_the_exit_status_1(
    select: Command, sections: Path, tmp_path: Path
) -> None:
    (sections / "Pa_OG1_s1.tif").write_bytes(b"II*\0 no more")

    code, printed, said = select(sections, "--channel", 1, "-o", tmp_path / "out")

    assert code == 1
    assert "9 done, 1 failed" in said
    assert len(printed.splitlines()) == 3
    missing = select(sections, "--channel", "647", "-o", tmp_path / "none")
    assert missing[0] == 1
    assert (
        "has no channel '647'; choose a channel by number or name: 0 = DAPI, 1 = AF488"
        in missing[2]
    )
    assert missing[1] == ""


def test_json_goes_to_stdout_alone(select: Command, sections: Path, tmp_path: Path) -> None:
    _, printed, _ = select(sections, "--channel", 1, "-o", tmp_path / "out", "--json")

    rows = json.loads(printed)
    assert [row["level"] for row in rows] == ["low", "medium", "high"]
    assert Path(rows[0]["image"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quantiles", "0.9", "0.5", "0.1"], "0.9 0.5 0.1 do not rise within 0 to 1"),
        (["--crop", "big"], "--crop: 'big' is no size; give 1024, 1024x768, or of each side half"),
        (["--crop", "0"], "--crop: '0' is no size"),
        (["--crop", "3/2"], "--crop: '3/2' is no size"),
        (["--crop", "0%"], "--crop: '0%' is no size"),
        (["--crop", "halfx100"], "--crop: 'halfx100' is no size"),
        (["--crop", "1/2x1/2x1/2"], "--crop: '1/2x1/2x1/2' is no size"),
        (["--keep-ids"], "--crop: is missing"),
        (["--names", "haug2"], "--crop: is missing"),
        (
            ["--crop", "9", "--keep-ids", "--resegment", "demo"],
            "--keep-ids and --resegment: contradict each other",
        ),
        (["--at", "densest"], "--crop: is missing"),
        (["--resegment", "demo"], "--crop: is missing"),
        (["--crop", "9", "--resegment", "nowhere"], "nowhere: does not exist"),
        (["--by", "clone"], "fits none of the names, such as 'Pa_OG1_s1'"),
        (["--by", "genotype"], "has no field 'genotype'; choose from clone, diff, day"),
        (["--pattern", "{mean}_{b}_{c}"], "has a field 'mean', which is a column already"),
        (["--map", "clone"], "--map: 'clone' is no field and file"),
        (["--objects", "nowhere"], "nowhere: is not there"),
        (["--tables", "nowhere"], "nowhere: is not there"),
    ],
)
def test_what_is_wrong_is_one_line_on_stderr_before_anything_is_done(
    select: Command, sections: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, printed, said = select(sections, "--channel", 1, "-o", tmp_path / "out", *arguments)

    assert code == 2
    assert printed == ""
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_plotly_the_tables_are_written(
    select: Command, sections: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("plotly", "plotly.offline", "plotly.graph_objects"):
        monkeypatch.setitem(sys.modules, module, None)

    code, printed, said = select(sections, "--channel", 1, "-o", tmp_path / "out")

    assert code == 2
    assert 'pip install "starbridge[study]"' in said
    assert len(printed.splitlines()) == 3
    assert (tmp_path / "out" / "selection.csv").exists()


def test_crops_called_as_their_images_with_other_numbers_are_said(
    select: Command, sections: Path, tmp_path: Path
) -> None:
    out = tmp_path / "selection"
    code, _, said = select(
        sections, "--channel", 1, "-o", out, "--crop", "half", "--names", "haug2"
    )  # fmt: skip
    assert code == 0, said
    assert "their nuclei are numbered anew" in said


def test_mapped_fields_make_the_condition_where_none_is_named(
    select: Command, sections: Path, tmp_path: Path
) -> None:
    (tmp_path / "genotypes.csv").write_text("Clone,Genotype\nPa,WT\nQb,KO\n")
    words = [*PATTERN, "--map", f"clone={tmp_path / 'genotypes.csv'}"]
    code, printed, said = select(sections, "--channel", 1, "-o", tmp_path / "out", *words)
    assert code == 0, said
    assert {line.split("\t")[0] for line in printed.splitlines()} == {"WT", "KO"}
