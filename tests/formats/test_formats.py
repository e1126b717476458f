"""A format is found by the ending of a file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import Detections
from bridge.errors import BadInputError


@pytest.mark.parametrize("name", ["-dash.geojson", 'it\'s "me".GEOJSON', "核 ü.geojson", "a.b.zip"])
def test_any_file_name_will_do(tmp_path: Path, square: Detections, name: str) -> None:
    square.write(tmp_path / name)

    assert Detections.read(tmp_path / name).ids == square.ids


def test_an_unknown_ending_is_answered_with_the_known_ones(square: Detections) -> None:
    with pytest.raises(
        BadInputError, match=r"nuclei\.xyz: has no ending .* use one of .*\.geojson"
    ):
        square.write("nuclei.xyz")


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="does not exist"):
        Detections.read(tmp_path / "missing.zip")
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(BadInputError, match="is a folder"):
        Detections.read(tmp_path / "folder.zip")
