"""``starbridge fiji`` and ``starbridge doctor``, as a user calls them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import roifile
import shapely
import tifffile

from bridge import Detections
from bridge.cli import main
from bridge.review.rows import concat_tables
from tests.apps.app_folders import fiji_of_today


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Call the command in this process; gives its exit status."""
    monkeypatch.setattr(sys, "argv", ["starbridge", *map(str, words)])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def section(tmp_path: Path) -> tuple[Path, Path]:
    """An image, and its label image."""
    labels = np.zeros((60, 80), np.uint16)
    labels[5:20, 5:20], labels[30:45, 40:60] = 1, 2
    tifffile.imwrite(tmp_path / "my section.tif", labels * 100, imagej=True)
    tifffile.imwrite(tmp_path / "labels.tif", labels, imagej=True)
    return tmp_path / "my section.tif", tmp_path / "labels.tif"


def test_a_review_goes_out_and_comes_back(
    section: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, labels = section
    review, out = tmp_path / "review", tmp_path / "out"

    assert run(monkeypatch, "fiji", "push", image, "-d", labels, "--out", review) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(review / "my section.tif"), str(review / "my section_rois.zip")
    ]  # fmt: skip
    assert run(monkeypatch, "fiji", "pull", review, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "fiji_pull.json", "my section.csv", "my section.geojson", "my section_changes.csv",
        "my section_classes.csv", "my section_classes.tif", "my section_labels.h5",
        "my section_labels.tif", "my section_rois.zip",
    ]  # fmt: skip
    assert np.array_equal(tifffile.imread(out / "my section_labels.tif"), tifffile.imread(labels))
    assert run(monkeypatch, "fiji", "push", image, "-d", labels, "--out", review) == 0
    assert "the review there was merged: 2 untouched" in capsys.readouterr().err


def test_one_file_that_a_reviewer_saved_is_pulled(
    section: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, labels = section
    run(monkeypatch, "fiji", "push", image, "-d", labels, "--out", tmp_path / "review")
    saved = tmp_path / "review" / "my section.tif"

    assert run(monkeypatch, "fiji", "pull", saved, "--out", tmp_path, "--format", "geojson") == 0

    assert len(Detections.read(tmp_path / "my section.geojson")) == 2
    assert str(tmp_path / "my section.geojson") in capsys.readouterr().out


def test_labels_of_a_roi_set_need_the_image(
    section: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, _ = section
    roi = roifile.ImagejRoi.frompoints(np.array([[1, 1], [9, 1], [9, 9], [1, 9]]))
    roi.tofile(tmp_path / "one.roi")
    out = tmp_path / "out"

    assert run(monkeypatch, "fiji", "pull", tmp_path / "one.roi", "--out", out) == 0
    error = capsys.readouterr().err
    assert "one: no labels, hdf5, classes, because the image's size" in error
    assert "is not known; give --image\n" in error
    words = ["--out", out, "--image", image, "--overwrite"]
    assert run(monkeypatch, "fiji", "pull", tmp_path / "one.roi", *words) == 0
    assert tifffile.imread(out / "one_labels.tif").shape == (60, 80)


def test_a_region_in_a_roi_set_does_not_cover_the_nuclei(
    section: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, labels = section
    nuclei = Detections.read(labels)
    region = Detections.from_polygons(
        [shapely.box(0, 0, 80, 60)], columns={"object_type": ["annotation"], "label": [9]}
    )
    both = Detections(concat_tables([nuclei.objects, region.objects]), nuclei.image)
    both.write(tmp_path / "both_rois.zip")
    region.write(tmp_path / "region_rois.zip")
    words = ["--image", image, "--out", tmp_path, "--format", "labels", "--overwrite"]

    assert run(monkeypatch, "fiji", "pull", tmp_path / "both_rois.zip", *words) == 0
    drawn = tifffile.imread(tmp_path / "both_labels.tif")
    assert np.array_equal(drawn, tifffile.imread(labels))
    assert "are drawn" not in capsys.readouterr().err

    only = ["--only", "annotations"]
    assert run(monkeypatch, "fiji", "pull", tmp_path / "both_rois.zip", *words, *only) == 0
    assert (tifffile.imread(tmp_path / "both_labels.tif") == 9).all()
    assert "are drawn" not in capsys.readouterr().err

    assert run(monkeypatch, "fiji", "pull", tmp_path / "region_rois.zip", *words) == 0
    assert (tifffile.imread(tmp_path / "region_labels.tif") == 9).all()
    assert "region: annotations are drawn (1), because there is nothing else" in (
        capsys.readouterr().err
    )


def test_the_same_pull_does_nothing_until_somebody_saved_the_review(
    section: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, labels = section
    review, out = tmp_path / "review", tmp_path / "out"
    run(monkeypatch, "fiji", "push", image, "-d", labels, "--out", review)
    pull = ["fiji", "pull", review, "--out", out]
    assert run(monkeypatch, *pull) == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()

    assert run(monkeypatch, *pull) == 0
    assert "nothing to do: all 1 were done before" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.iterdir()} == before

    saved = Detections.read(review / "my section_rois.zip")
    Detections(saved.objects[:1], saved.image).write(review / "my section_rois.zip")
    assert run(monkeypatch, *pull) == 1
    assert "(another review)" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert run(monkeypatch, *pull, "--overwrite") == 0
    assert len(Detections.read(out / "my section.geojson")) == 1


def test_plain_rois_of_a_reviewer_are_drawn(
    section: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corners = np.array([[5, 5], [20, 5], [20, 20], [5, 20]])
    rois = [roifile.ImagejRoi.frompoints(corners + shift) for shift in (0, 25)]
    roifile.roiwrite(tmp_path / "RoiSet.zip", rois)

    words = ["--image", section[0], "--out", tmp_path]
    assert run(monkeypatch, "fiji", "pull", tmp_path / "RoiSet.zip", *words) == 0

    assert np.unique(tifffile.imread(tmp_path / "RoiSet_labels.tif")).tolist() == [0, 1, 2]


def test_one_damaged_review_does_not_stop_the_others(
    section: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, labels = section
    review = tmp_path / "review"
    for name in ("a.tif", "b.tif"):
        image.rename(tmp_path / name)
        image = tmp_path / name
        run(monkeypatch, "fiji", "push", image, "-d", labels, "--out", review)
    (review / "a_rois.zip").write_bytes(b"PK no zip")
    capsys.readouterr()

    assert run(monkeypatch, "fiji", "pull", review, "--out", tmp_path / "out") == 1

    assert "a_rois.zip: is not a readable zip" in capsys.readouterr().err
    assert (tmp_path / "out" / "b.geojson").exists()


def test_macros_are_installed_and_the_menu_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = fiji_of_today(tmp_path / "Fiji.app")

    assert run(monkeypatch, "fiji", "install", "--app", app) == 0

    assert "Plugins › StarBridge" in capsys.readouterr().out
    assert (app / "scripts" / "Plugins" / "StarBridge" / "labels_to_rois.ijm").exists()


def test_doctor_says_what_is_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "doctor") == 0
    assert "model demo" in capsys.readouterr().out

    assert run(monkeypatch, "doctor", "--json") == 0
    assert {"starbridge", "Fiji", "QuPath"} <= {
        finding["name"] for finding in json.loads(capsys.readouterr().out)["findings"]
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param("ok", 0, marks=[pytest.mark.imagej, pytest.mark.network]),
        ("problem", 1),
    ],
)
def test_doctor_ends_with_status_1_if_what_it_tried_does_not_work(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    status: str,
    code: int,
) -> None:
    # a Fiji that cannot start, or none: then the embedded ImageJ runs a macro
    if status == "problem":
        monkeypatch.setenv("FIJI_APP", str(tmp_path))
    else:
        pytest.importorskip("jpype")
        monkeypatch.setattr("bridge.apps.doctor.find_app", lambda given: None)
        monkeypatch.setattr("bridge.apps.fiji.planning.find_app", lambda given: None)

    assert run(monkeypatch, "doctor", "--run", "--json", "--timeout", "120") == code

    tried = json.loads(capsys.readouterr().out)["findings"][-1]
    assert tried["name"].endswith("tried")
    assert tried["status"] == status


def test_a_macro_that_is_certain_to_fail_does_not_start_java(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    app = fiji_of_today(tmp_path / "Fiji")
    (app / "jars" / "protobuf-java-4.32.0.jar").touch()

    assert run(monkeypatch, "fiji", "run", "stardist_haug2", "--app", app) == 2

    shown = capsys.readouterr().err
    assert "has protobuf-java 4.32.0" in shown
    assert len(shown.splitlines()) == 1


@pytest.mark.imagej
@pytest.mark.network
def test_a_macro_runs_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jpype")
    macro = tmp_path / "my macro.ijm"
    macro.write_text(
        '#@ Integer n\n#@ String text\nprint("begun " + text);\nsetResult("A", 0, n * 2);\n'
        "return text;",
    )

    words = ["fiji", "run", macro, "n=21", "text=a = 'b'", "--app", "embedded"]
    assert run(monkeypatch, *words) == 0
    assert capfd.readouterr().out.splitlines() == ["begun a = 'b'", "a = 'b'"]

    assert run(monkeypatch, *words, "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert told == {"value": "a = 'b'", "table": [{"A": 42.0}], "images": [], "rois": 0}

    macro.write_text("x = 1;\ny = foo(2);\n")
    assert run(monkeypatch, "fiji", "run", macro, "--app", "embedded") == 2
    assert "my macro.ijm, line 2: Undefined identifier" in capfd.readouterr().err


def test_the_state_of_a_review_is_told_image_by_image(
    section: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image, labels = section
    review = tmp_path / "review"
    run(monkeypatch, "fiji", "push", image, "-d", labels, "--out", review)
    saved = Detections.read(review / "my section_rois.zip")
    Detections(saved.objects[:1], saved.image).write(tmp_path / "open.zip")
    capsys.readouterr()

    assert run(monkeypatch, "fiji", "status", review) == 0
    assert capsys.readouterr().out == (
        "my section: 2 pushed, 2 now; since the last push: 2 untouched\n"
    )
    words = ["fiji", "status", review, "my section", "--rois", tmp_path / "open.zip", "--json"]
    assert run(monkeypatch, *words) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["objects"], told["edits"]["deleted"]) == (1, 1)

    push = ["fiji", "push", review / "my section.tif", "-d", labels, "--out", review]
    assert run(monkeypatch, *push, "--rois", tmp_path / "open.zip") == 0
    assert "the review there was merged: 1 deleted, 1 untouched" in capsys.readouterr().out

    (review / "my section.starbridge-review").write_bytes(b"PK cut off")
    assert run(monkeypatch, "fiji", "status", review) == 1
    assert "my section.starbridge-review: is damaged" in capsys.readouterr().err
