"""The command, as a person types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import bridge
from bridge import Detections
from bridge.model.folder import demo_model_folder
from tests.cli.conftest import Command


@pytest.fixture
def image(tmp_path: Path, real_image: tuple[NDArray[Any], NDArray[Any]]) -> Path:
    """A part of the real image."""
    path = tmp_path / "images" / "nuclei.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, real_image[0][:128, :128], imagej=True, metadata={"axes": "YX"})
    return path


def test_version_and_help(starbridge: Command) -> None:
    assert starbridge("--version")[1].strip() == bridge.__version__
    assert "segment" in starbridge("--help")[1]
    assert "--percentiles" in starbridge("segment", "--help")[1]


@pytest.mark.model
def test_what_is_odd_about_a_model_and_an_image_is_said_once(
    starbridge: Command, image: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(demo_model_folder(), tmp_path / "model"))
    (model / "thresholds.json").write_text('{"nms": 0.3}')
    for name in ("a", "b"):
        tifffile.imwrite(image.with_name(f"blank-{name}.tif"), np.zeros((64, 64), np.uint8))

    code, _, said = starbridge(
        "segment", image.parent, "--out", tmp_path / "out", "--model", model, "--jobs", 2
    )

    assert code == 0
    assert said.count("gives no prob, so StarDist's default 0.5 is used") == 1
    assert said.count("every pixel has the value 0") == 2
    assert "starbridge: blank-a: every pixel has the value 0, so there are no nuclei" in said


@pytest.mark.model
def test_segment_a_folder(starbridge: Command, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    code, printed, said = starbridge("segment", image.parent, "--out", out)

    assert code == 0
    assert printed == ""
    assert "1 done" in said
    assert (out / "roi" / "nuclei_rois.zip").exists()
    assert "1 were done before" in starbridge("segment", image, "--out", out)[2]


@pytest.mark.model
def test_json_goes_to_stdout_alone(starbridge: Command, image: Path, tmp_path: Path) -> None:
    code, printed, _ = starbridge(
        "segment", image, "--out", tmp_path / "out", "--json", "--format", "rois",
        "--prob", 0.6, "--nms", 0.2, "--percentiles", 2, 99, "--tiles", "2x1", "--channel", 0,
        "--pixel-size", 0.5, "--outline", "traced", "--normalize", "joint",
    )  # fmt: skip
    record = json.loads(printed)

    assert code == 0
    assert {
        "percentiles": [2.0, 99.0], "prob": 0.6, "nms": 0.2, "channel": 0, "pixel_size": None,
        "normalize": "joint",
    }.items() <= record["recipe"].items()  # fmt: skip
    assert record["outline"] == "traced"
    assert record["outcomes"][0]["status"] == "done"


@pytest.mark.model
def test_a_broken_image_makes_the_exit_status_1(
    starbridge: Command, image: Path, tmp_path: Path
) -> None:
    broken = image.with_name("broken.tif")
    broken.write_bytes(image.read_bytes()[:-3000])

    code, _, said = starbridge("segment", image.parent, "--out", tmp_path / "out")

    assert code == 1
    assert f"failed: {broken}: " in said
    assert "1 done, 1 failed" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nowhere"], "nowhere: does not exist; give the folder that holds"),
        (["--overwrite", "--resume"], "contradict each other"),
        (["--tiles", "many"], "--tiles: 'many' is no number of tiles; give 4, or 4x3"),
        (["--percentiles", "99", "1"], "percentiles: 99 and 1 do not rise"),
        (["--prob", "7"], "prob: 7 is no threshold"),
        (["--channel", ","], "--channel: is empty"),
        (["--scale", "0"], "scale: 0 is no factor; give a number above 0"),
        (["--scale", "2", "--pixel-size", "0.5"], "scale and pixel size: both say how large"),
        (["--format", "xls"], "'xls' is not one of"),
    ],
)
def test_what_is_wrong_is_one_line_on_stderr(
    starbridge: Command, image: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, printed, said = starbridge("segment", image, "--out", tmp_path / "out", *arguments)

    assert code == 2
    assert printed == ""
    assert message in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_ctrl_c_says_how_to_go_on(
    starbridge: Command, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bridge.batch.segment_job.segment_files", interrupted)

    code, _, said = starbridge("segment", image, "--out", tmp_path / "out")

    assert code == 130
    assert said == "starbridge: stopped; run the same command again to go on\n"


def test_a_missing_folder_and_an_empty_one_are_said(starbridge: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "does not exist" in starbridge("segment", tmp_path / "no", "--out", tmp_path)[2]
    assert "image" in starbridge("segment", tmp_path / "empty", "--out", tmp_path)[2]


def test_convert_between_formats(starbridge: Command, tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "square.geojson")

    code, printed, _ = starbridge("convert", tmp_path / "square.geojson", tmp_path / "rois.zip")

    assert code == 0
    assert printed == f"{tmp_path / 'rois.zip'}: 1 objects\n"
    assert Detections.read(tmp_path / "rois.zip").ids == square.ids


def test_convert_does_not_overwrite_unasked(
    starbridge: Command, tmp_path: Path, square: Detections
) -> None:
    source, target = tmp_path / "a.geojson", tmp_path / "b.csv"
    square.write(source)
    target.write_text("mine")

    code, _, said = starbridge("convert", source, target)

    assert code == 2
    assert "b.csv: is there already; give --overwrite" in said
    assert target.read_text() == "mine"
    assert starbridge("convert", source, target, "--overwrite")[0] == 0


def test_convert_takes_the_size_from_the_image(
    starbridge: Command, tmp_path: Path, square: Detections
) -> None:
    square.write(tmp_path / "a.csv")
    image = tmp_path / "image.tif"
    tifffile.imwrite(image, np.zeros((30, 40), np.uint16), imagej=True)

    refused = starbridge("convert", tmp_path / "a.csv", tmp_path / "labels.tif")
    assert "the size of the image is not known" in refused[2]
    assert (
        starbridge("convert", tmp_path / "a.csv", tmp_path / "labels.tif", "--image", image)[0] == 0
    )
    assert tifffile.imread(tmp_path / "labels.tif").shape == (30, 40)


def test_convert_takes_the_axes_of_a_stack(starbridge: Command, tmp_path: Path) -> None:
    stack = np.ones((4, 9, 9), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", metadata=None)
    geojson = tmp_path / "a.geojson"

    assert starbridge("convert", tmp_path / "a.tif", geojson, "--axes", "zyx")[0] == 0
    assert len(Detections.read(geojson)) == 4
    refused = starbridge("convert", geojson, tmp_path / "b.csv", "--axes", "ZYX")
    assert "takes no --axes" in refused[2]


@pytest.mark.model
def test_export_and_verify(starbridge: Command, tmp_path: Path) -> None:
    code, printed, _ = starbridge("export", "demo", "--to", "pb", "--to", "onnx", "--out", tmp_path)

    assert code == 0
    assert f"{tmp_path / 'demo.pb'}\n  passed in OpenCV" in printed
    assert f"{tmp_path / 'demo.onnx'}\n  passed in ONNX Runtime" in printed
    assert printed.endswith(f"{tmp_path / 'demo.export.json'}\n")
    (tmp_path / "broken.pb").write_bytes(b"no graph")

    code, printed, said = starbridge("verify", tmp_path / "broken.pb", tmp_path / "demo.pb")

    assert code == 1
    assert "broken.pb: " in said
    assert "demo.pb\n  passed in OpenCV" in printed


def test_export_asks_what_to_write(starbridge: Command, tmp_path: Path) -> None:
    code, _, said = starbridge("export", "demo", "--out", tmp_path)

    assert code == 2
    assert "--to: is missing; say what to write (--to tf1.15), or --all" in said


@pytest.mark.model
def test_the_demo_segments_the_real_image_and_a_simulated_section(
    starbridge: Command, tmp_path: Path
) -> None:
    code, printed, _ = starbridge("demo", "run", "--out", tmp_path / "demo")

    assert code == 0
    assert "In Fiji:" in printed
    assert "In QuPath:" in printed
    for name in ("stardist_test_nuclei", "simulated_section"):
        found = Detections.read(tmp_path / "demo" / "geojson" / f"{name}.geojson")
        assert len(found) > 100
    section = Detections.read(tmp_path / "demo" / "roi" / "simulated_section_rois.zip")
    assert section.image.channels == ("DAPI", "488", "555", "647")
