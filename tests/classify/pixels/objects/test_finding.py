"""Objects of a plane: settings, ways to cut, cells."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.classify.pixels.objects.cells import grow_cells
from bridge.classify.pixels.objects.finding import find_objects
from bridge.classify.pixels.objects.settings import CUTS, ObjectSettings
from bridge.classify.pixels.objects.thresholds import otsu_cutoff
from bridge.errors import BadInputError
from tests.classify.pixels.objects.synthetic_maps import disc_map

TOUCHING = ((50, 40, 15), (50, 64, 15))


@pytest.mark.parametrize("cut", CUTS)
def test_every_way_to_cut_takes_touching_discs_apart_but_none(cut: str) -> None:
    if cut in ("distance", "probability"):
        pytest.importorskip("skimage")
    plane = disc_map(*TOUCHING)
    settings = ObjectSettings(cut=cut, sigma=4 if cut == "probability" else 0)  # type: ignore[arg-type]

    labels = find_objects(plane, settings)

    assert labels.max() == (1 if cut == "none" else 2)


@pytest.mark.parametrize("cut", ["distance", "probability"])
def test_a_watershed_of_the_other_kind_leaves_no_lines(cut: str) -> None:
    pytest.importorskip("skimage")
    plane = disc_map(*TOUCHING, (20, 100, 6))
    settings = ObjectSettings(cut=cut)  # type: ignore[arg-type]

    labels = find_objects(plane, settings)

    assert np.array_equal(labels > 0, plane > 0)


def test_holes_sizes_and_the_border_are_options() -> None:
    plane = disc_map((20, 20, 8), (50, 60, 10), (5, 100, 1), (2, 60, 8))
    plane[48:52, 58:62] = 0.1

    assert find_objects(plane, ObjectSettings()).max() == 3
    assert find_objects(plane, ObjectSettings(drop_border=True)).max() == 2
    assert find_objects(plane, ObjectSettings(smallest=0)).max() == 4
    assert find_objects(plane, ObjectSettings(greatest=250)).max() == 2
    assert find_objects(plane, ObjectSettings())[50, 60] > 0
    assert find_objects(plane, ObjectSettings(holes=False))[50, 60] == 0


def test_a_low_threshold_widens_only_objects_that_reach_the_cutoff() -> None:
    plane = disc_map((30, 30, 10), (70, 90, 10)) * np.float32(0.5)
    plane[30, 30] = 0.9

    labels = find_objects(plane, ObjectSettings(cutoff=0.8, low=0.3))

    assert labels.max() == 1
    assert (labels > 0).sum() == (disc_map((30, 30, 10)) > 0).sum()


def test_a_plane_of_one_value_has_no_otsu_threshold_and_no_objects() -> None:
    plane = np.full((20, 20), 7, np.float32)

    assert otsu_cutoff(plane) is None
    assert find_objects(plane, ObjectSettings(cutoff=None)).max() == 0


def test_cells_share_the_cytoplasm_between_their_nuclei() -> None:
    pytest.importorskip("skimage")
    nuclei = np.zeros((30, 60), np.int32)
    nuclei[12:18, 10:16], nuclei[12:18, 40:46] = 1, 2
    cytoplasm = np.zeros(nuclei.shape, bool)
    cytoplasm[5:25, 5:55] = True
    cytoplasm[0:2, 0:2] = True  # no nucleus there

    cells = grow_cells(nuclei, cytoplasm)

    assert np.array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert np.array_equal(cells[5:25, 5:55] > 0, cytoplasm[5:25, 5:55])
    assert cells[0, 0] == 0
    assert (cells[:, 20] != 2).all()
    assert (cells[:, 35] != 1).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"cutoff": 0},
        {"cutoff": float("nan")},
        {"cutoff": 1.5},
        {"cutoff": 0.5, "low": 0.6},
        {"cutoff": None, "low": 0.2},
        {"sigma": -1},
        {"sigma": float("inf")},
        {"cut": "by hand"},
        {"spacing": 0},
        {"smallest": -1},
        {"smallest": 50, "greatest": 40},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInputError):
        ObjectSettings(**wrong)  # type: ignore[arg-type]
