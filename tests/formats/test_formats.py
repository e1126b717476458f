"""A format is found by the ending of a file's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from bridge import Detections
from bridge.errors import BadInputError
from bridge.formats import write_all


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


class Counting(Detections):
    """Counts how often its label image is drawn."""

    drawn = 0

    def to_labels(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        Counting.drawn += 1
        return super().to_labels(shape)


def test_several_files_are_what_each_is_alone_but_the_label_image_is_drawn_once(
    tmp_path: Path, square: Detections
) -> None:
    names = ["a.tif", "a.geojson", "a.h5", "a.zip", "a.csv"]
    Counting.drawn = 0

    write_all(Counting(square.objects, square.image), [tmp_path / name for name in names])

    assert Counting.drawn == 1
    for name in names:
        square.write(tmp_path / "alone" / name)
        if name != "a.h5":  # HDF5 notes the time
            assert (tmp_path / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
        assert Detections.read(tmp_path / name).objects["label"].tolist() == [1]


def test_without_a_label_image_among_them_none_is_drawn(tmp_path: Path, square: Detections) -> None:
    Counting.drawn = 0

    write_all(Counting(square.objects), [tmp_path / "a.zip", tmp_path / "a.csv"])

    assert Counting.drawn == 0


def test_each_file_is_complete_before_the_next_is_asked_for(
    tmp_path: Path, square: Detections
) -> None:
    def paths() -> Any:
        yield tmp_path / "a.zip"
        assert len(Detections.read(tmp_path / "a.zip")) == 1
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_all(square, paths())
