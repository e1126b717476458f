"""``starbridge convert`` into a folder of several formats."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge import Detections, ImageInfo
from bridge.cli import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command; gives exit status, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["starbridge", "convert", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_several_formats_are_laid_out_as_segment_does(
    convert: Command, tmp_path: Path, square: Detections
) -> None:
    source, out = tmp_path / "section 1_rois.zip", tmp_path / "out"
    square.write(source)

    code, printed, _ = convert(source, out, "--format", "labels", "--format", "parquet")

    labels, table = out / "lbl" / "section 1_labels.tif", out / "tables" / "section 1.parquet"
    assert code == 0
    assert printed == f"{labels}: 1 objects\n{table}: 1 objects\n"
    assert Detections.read(table).ids == square.ids
    assert convert(source, out, "--format", "parquet")[0] == 2
    assert convert(source, out, "--format", "parquet", "--overwrite")[0] == 0


def test_the_files_are_named_after_the_image_where_it_is_given(
    convert: Command, tmp_path: Path, square: Detections
) -> None:
    square.write(tmp_path / "mine.csv")
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((30, 40), np.uint16), imagej=True)

    convert(tmp_path / "mine.csv", tmp_path, "--format", "hdf5", "--image", tmp_path / "b.tif")

    found = Detections.read(tmp_path / "lbl" / "b_labels.h5")
    assert (found.image.height, found.image.width) == (30, 40)


def test_an_unknown_format_is_answered_with_all_of_them(
    convert: Command, tmp_path: Path, square: Detections
) -> None:
    square.write(tmp_path / "a.geojson")

    code, _, said = convert(tmp_path / "a.geojson", tmp_path, "--format", "xls")

    assert code == 2
    assert "--format: 'xls' is not one of them; choose from labels, hdf5, rois," in said
    assert said.count("\n") == 1


def test_nothing_is_written_where_a_label_image_has_no_size(
    convert: Command, tmp_path: Path, square: Detections
) -> None:
    square.image = ImageInfo()
    square.write(tmp_path / "a.geojson")

    code, _, said = convert(
        tmp_path / "a.geojson", tmp_path / "out", "--format", "csv", "--format", "labels"
    )

    assert code == 2
    assert "the size of the image is not known; give --image" in said
    assert not (tmp_path / "out").exists()
