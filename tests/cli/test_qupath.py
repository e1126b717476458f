"""``starbridge qupath`` as a user calls it, as far as it needs no QuPath."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge import Detections
from bridge.apps import finding
from bridge.cli import main
from tests.apps.qupath.server_builders import uri_builder, wrapped
from tests.apps.qupath.test_project_files import entry, write_project
from tests.waiting import PATIENCE


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Call the command in this process; gives its exit status."""
    monkeypatch.setattr(sys, "argv", ["starbridge", "qupath", *map(str, words)])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two images, one of which is not where it was."""
    (tmp_path / "a µ.tif").write_bytes(b"")
    folder = write_project(
        tmp_path / "project",
        entry(1, "a µ.tif", (tmp_path / "a µ.tif").as_uri()),
        entry(12, "b.tif", "file:/old/b.tif"),
    )
    (folder / "classifiers").mkdir()
    classes = [{"name": "Tumor", "color": -3670016}, {"name": "Immune: CD3"}]
    (folder / "classifiers" / "classes.json").write_text(json.dumps({"pathClasses": classes}))
    (folder / "data" / "1").mkdir(parents=True)
    (folder / "data" / "1" / "data.qpdata").write_bytes(b"objects")
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """An image and its label image."""
    labels = np.eye(20, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "s.tif", labels)
    tifffile.imwrite(tmp_path / "s_labels.tif", labels)
    return tmp_path / "s.tif", tmp_path / "s_labels.tif"


@pytest.fixture
def no_qupath(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A computer with everything but QuPath itself."""
    monkeypatch.delenv("PAQUO_QUPATH_DIR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(finding, "usual_places", lambda: [tmp_path / "nowhere"])
    with_paquo(monkeypatch, installed=True)


def with_paquo(monkeypatch: pytest.MonkeyPatch, *, installed: bool) -> None:
    find_spec = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> ModuleSpec | None:
        if name == "paquo":
            return ModuleSpec("paquo", None) if installed else None
        return find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)


def test_images_and_classes_of_a_project_are_listed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in (project, project / "project.qpproj"):
        assert run(monkeypatch, "images", given) == 0
        assert capsys.readouterr().out.splitlines() == [
            "   1  a µ.tif",
            "  12  b.tif  (not there: /old/b.tif)",
            "classes: Tumor, Immune: CD3",
        ]


def test_images_are_listed_for_programs(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (project / "data" / "1" / "thumbnail.jpg").write_bytes(b"jpg")

    assert run(monkeypatch, "images", project, "--json") == 0

    record = json.loads(capsys.readouterr().out)
    first, second = record["images"]
    assert (record["version"], record["classes"]) == (
        "0.6.0", {"Tumor": "#c80000", "Immune: CD3": None}
    )  # fmt: skip
    assert (first["id"], first["name"]) == ("1", "a µ.tif")
    assert (first["files"], first["missing"]) == ([str(tmp_path / "a µ.tif")], [])
    assert first["thumbnail"] == str(project / "data" / "1" / "thumbnail.jpg")
    assert first["last_change"].endswith("+00:00")
    assert (second["missing"], second["thumbnail"], second["last_change"]) == (
        ["/old/b.tif"], None, None
    )  # fmt: skip


def test_what_an_image_shows_of_its_file_is_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = (tmp_path / "a.lif").as_uri()
    (tmp_path / "a.lif").touch()
    turned = entry(1, "turned", file)
    series = uri_builder(40, 30, uri=file, args=["--series", "2"])
    turned["serverBuilder"] = wrapped("rotated", series, rotation="ROTATE_90")
    mosaic = entry(2, "mosaic", file)
    mosaic["serverBuilder"] = {"builderType": "sparse", "regions": [series]}
    folder = write_project(tmp_path / "p", turned, mosaic)

    assert run(monkeypatch, "images", folder) == 0

    assert capsys.readouterr().out.splitlines() == [
        "   1  turned  (a.lif#2, rotated by 90°)",
        "   2  mosaic  (a.lif, changed)",
    ]


def test_an_empty_project_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path / "p")

    assert run(monkeypatch, "images", tmp_path / "p") == 0
    assert capsys.readouterr().out == ""


def test_listing_starts_neither_java_nor_looks_for_qupath(project: Path) -> None:
    code = (
        "import sys\nfrom bridge.cli import main\n"
        f"sys.argv = ['starbridge', 'qupath', 'images', {str(project)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print({'paquo', 'jpype', 'geopandas', 'pandas'} & {m.split('.')[0] for m in sys.modules})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE
    )

    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("words", [["images"], ["status"], ["pull", "-o", "out"], ["relink"]])
def test_what_is_no_project_is_one_line(
    words: list[str],
    tmp_path: Path,
    no_qupath: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command, *more = words
    extra = [tmp_path] if command == "relink" else []

    assert run(monkeypatch, command, tmp_path / "none", *extra, *more) == 2

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    if command != "status":  # which looks for QuPath before
        assert lines[0] == f"starbridge: {tmp_path}/none: there is no such project; check the path"


@pytest.mark.parametrize("command", ["push", "status", "pull", "relink"])
def test_without_a_qupath_it_is_said_what_to_do(
    command: str,
    project: Path,
    pair: tuple[Path, Path],
    tmp_path: Path,
    no_qupath: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "b.tif").write_bytes(b"")
    more: dict[str, list[object]] = {
        "push": [pair[0], "-d", pair[1]], "pull": ["-o", tmp_path / "out"], "relink": [tmp_path]
    }  # fmt: skip
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}

    assert run(monkeypatch, command, project, *more.get(command, [])) == 2

    assert capsys.readouterr().err.splitlines() == [
        "starbridge: QuPath was not found in PAQUO_QUPATH_DIR or the usual places; install it from "
        "https://qupath.github.io, or set PAQUO_QUPATH_DIR to its folder"
    ]
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_qupath_is_said(
    project: Path,
    tmp_path: Path,
    no_qupath: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "status", project, "--qupath", tmp_path) == 2
    assert f"{tmp_path}: is no QuPath" in capsys.readouterr().err


def test_without_the_part_for_qupath_it_is_said_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_paquo(monkeypatch, installed=False)

    assert run(monkeypatch, "status", project) == 2
    assert 'pip install "starbridge[qupath]"' in capsys.readouterr().err


def test_what_cannot_be_pushed_is_said_before_qupath_starts(
    project: Path,
    pair: tuple[Path, Path],
    tmp_path: Path,
    no_qupath: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, labels = pair
    (tmp_path / "classes.yaml").write_text("Neuron: #ff0000")
    (tmp_path / "empty").mkdir()
    told = {
        "none.tif: does not exist": [tmp_path / "none.tif", "-d", labels],
        "none: is not there; check the path": [image, "-d", tmp_path / "none"],
        "s.tif: has no objects in": [image, "-d", tmp_path / "empty"],
        "empty: is a folder without images": [tmp_path / "empty", "-d", labels],
        "has no colour for Neuron": [image, "-d", labels, "--classes", tmp_path / "classes.yaml"],
    }

    for problem, words in told.items():
        assert run(monkeypatch, "push", project, *words) == 2
        error = capsys.readouterr().err
        assert problem in error
        assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["push", "p"],
        ["push", "p", "a.tif"],
        ["push", "p", "a.tif", "-d", "a.csv", "--as", "tile"],
        ["pull", "p"],
        ["pull", "p", "-o", "out", "--only", "tiles"],
        ["images"],
        ["relink", "p"],
        ["images", "p", "--what"],
    ],
)
def test_words_that_make_no_sense_are_refused(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    assert "Usage: " in capsys.readouterr().err


def test_a_project_that_lost_nothing_is_not_changed(
    tmp_path: Path,
    no_qupath: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.tif").write_bytes(b"")
    project = write_project(tmp_path / "p", entry(1, "a", (tmp_path / "a.tif").as_uri()))

    assert run(monkeypatch, "relink", project, tmp_path) == 0
    assert capsys.readouterr().out == "0 found, 0 not found\n"


def test_images_that_are_not_found_are_listed(
    project: Path,
    tmp_path: Path,
    no_qupath: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "relink", project, tmp_path) == 1

    said = capsys.readouterr()
    assert said.out == "0 found, 1 not found\n"
    assert said.err == "starbridge: /old/b.tif: not found\n"


def test_a_folder_to_look_in_that_is_not_there_is_said(
    project: Path,
    tmp_path: Path,
    no_qupath: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "relink", project, tmp_path / "none") == 2
    assert "none: is no folder; give the folder where the images are now" in capsys.readouterr().err


@pytest.mark.qupath
def test_a_review_goes_out_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bridge.apps.finding import find_qupath

    if find_qupath() is None:
        pytest.skip("needs a QuPath: set PAQUO_QUPATH_DIR to its folder")
    labels = np.zeros((60, 80), np.uint16)
    labels[5:20, 5:20], labels[30:45, 40:60] = 1, 2
    image, results = tmp_path / "my section.tif", tmp_path / "results"
    tifffile.imwrite(image, labels * 100, resolution=(2e4, 2e4), resolutionunit=3)
    Detections.from_labels(labels).write(results / "geojson" / "my section.geojson")
    project, out = tmp_path / "project", tmp_path / "out"
    push = ["push", project, image, "-d", results, "--force"]

    assert run(monkeypatch, *push) == 0
    assert capsys.readouterr().out == (
        "my section.tif (new in the project): 2 written; 0 replaced or removed\n"
    )
    assert run(monkeypatch, *push, "--json") == 0
    told = capsys.readouterr().out
    assert json.loads(told[told.index("[") :])[0]["review"]["untouched"] == 2
    assert run(monkeypatch, "status", project, "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["pushed"] == 2

    assert run(monkeypatch, "pull", project, "--out", out, "--crops") == 0
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == [
        "my section.csv", "my section.geojson", "my section_changes.csv",
        "my section_classes.csv", "my section_classes.tif", "my section_labels.h5",
        "my section_labels.tif", "my section_rois.zip", "qupath_pull.json",
    ]  # fmt: skip
    assert np.array_equal(tifffile.imread(out / "my section_labels.tif"), labels)
    capsys.readouterr()
    assert run(monkeypatch, "pull", project, "--out", out, "--crops") == 0
    assert "nothing to do: all 1 were done before" in capsys.readouterr().err

    regions, drawn = tmp_path / "regions", tmp_path / "drawn"
    assert run(monkeypatch, "push", regions, *push[2:], "--as", "annotation") == 0
    capsys.readouterr()
    assert run(monkeypatch, "pull", regions, "--out", drawn, "--format", "labels") == 0
    assert np.array_equal(tifffile.imread(drawn / "my section_labels.tif"), labels)
    assert "my section: annotations are drawn (2), because there is nothing else" in (
        capsys.readouterr().err
    )

    image.rename(tmp_path / "elsewhere.tif")
    (tmp_path / "moved").mkdir()
    (tmp_path / "elsewhere.tif").rename(tmp_path / "moved" / image.name)
    assert run(monkeypatch, "relink", project, tmp_path / "moved") == 0
    assert run(monkeypatch, "images", project) == 0
    assert "not there" not in capsys.readouterr().out


def test_the_scripts_are_installed_where_qupath_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAQUO_QUPATH_DIR", "")
    (tmp_path / "QuPath" / "v0.6" / "scripts").mkdir(parents=True)
    folder = tmp_path / "QuPath" / "v0.6"

    assert run(monkeypatch, "install", "--folder", folder) == 0

    assert "StarBridge" in capsys.readouterr().out
    assert (folder / "scripts" / "StarBridge" / "run_starbridge.groovy").exists()
