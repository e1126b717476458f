"""The simulator draws nuclei and says where they are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import label as pieces_of
from skimage.measure import regionprops

from bridge.errors import BadInputError
from bridge.examples.simulator import Scene, random_scene, simulate_nuclei, simulate_section

SEEDS = range(6)
Labels = NDArray[np.integer[Any]]


def n_pieces(labels: Labels) -> int:
    pieces: Labels = pieces_of(labels, connectivity=1)  # type: ignore[no-untyped-call]
    return int(pieces.max())


def diameters(labels: Labels) -> NDArray[np.float64]:
    regions = regionprops(labels)  # type: ignore[no-untyped-call]
    return np.array([region.equivalent_diameter_area for region in regions])


def touching_pairs(labels: Labels) -> int:
    """Neighbouring pixels that belong to two different nuclei."""
    right = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    down = (labels[1:] != labels[:-1]) & (labels[1:] > 0) & (labels[:-1] > 0)
    return int(right.sum() + down.sum())


def test_image_and_labels_have_the_shape_and_types_that_are_promised() -> None:
    image, labels = simulate_nuclei((120, 200), seed=0)
    assert image.shape == labels.shape == (120, 200)
    assert image.dtype == np.uint16
    assert labels.dtype == np.int32


def test_equal_seeds_give_equal_pictures() -> None:
    for first, second in zip(
        simulate_nuclei((150, 150), seed=7), simulate_nuclei((150, 150), seed=7), strict=True
    ):
        np.testing.assert_array_equal(first, second)


def test_a_number_and_a_fresh_generator_of_that_seed_are_the_same_seed() -> None:
    by_number, _ = simulate_nuclei((100, 100), seed=3)
    by_generator, _ = simulate_nuclei((100, 100), seed=np.random.default_rng(3))
    np.testing.assert_array_equal(by_number, by_generator)


def test_a_generator_gives_another_picture_each_time() -> None:
    rng = np.random.default_rng(3)
    first, _ = simulate_nuclei((100, 100), seed=rng)
    second, _ = simulate_nuclei((100, 100), seed=rng)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("seed", SEEDS)
def test_nuclei_are_numbered_without_gaps_and_each_is_in_one_piece(seed: int) -> None:
    _, labels = simulate_nuclei((256, 256), seed=seed)
    numbers = np.unique(labels[labels > 0])
    np.testing.assert_array_equal(numbers, np.arange(1, len(numbers) + 1))
    assert len(numbers) > 0
    assert n_pieces(labels) == len(numbers)


@pytest.mark.parametrize("seed", SEEDS)
def test_nuclei_are_brighter_than_what_lies_between_them(seed: int) -> None:
    scene = Scene(photons=500.0)
    image, labels = simulate_nuclei((256, 256), seed=seed, scene=scene)
    assert np.median(image[labels > 0]) > 1.5 * np.median(image[labels == 0])


def test_nuclei_have_the_size_that_was_asked_for() -> None:
    for diameter in (12.0, 24.0, 48.0):
        scene = Scene(diameter=diameter, spacing=1.6, clumping=0.0, condensed=0.0)
        _, labels = simulate_nuclei((512, 512), seed=1, scene=scene)
        assert np.median(diameters(labels)) == pytest.approx(diameter, rel=0.12)


def test_without_overlap_no_nucleus_touches_another() -> None:
    crowded = Scene(spacing=0.9, clumping=0.5, cover=1.0, overlap=0.2)
    _, pressed = simulate_nuclei((256, 256), seed=2, scene=crowded)
    _, apart = simulate_nuclei((256, 256), seed=2, scene=replace(crowded, overlap=0.0))
    assert touching_pairs(apart) == 0
    assert touching_pairs(pressed) > 50


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_pixels_stay_within_the_cameras_range_and_use_it(bits: int) -> None:
    image, _ = simulate_nuclei((256, 256), seed=4, scene=Scene(bits=bits))
    assert 0.4 * 2**bits < image.max() <= 2**bits - 1


def test_scenes_vary_within_the_diameters_that_were_asked_for() -> None:
    scenes = [random_scene(seed, diameters=(15.0, 30.0)) for seed in range(30)]
    assert all(15 <= scene.diameter <= 30 for scene in scenes)
    assert len({scene.diameter for scene in scenes}) == 30
    assert random_scene(5) == random_scene(5)


@pytest.mark.parametrize("shape", [(0, 10), (10, -1)])
def test_an_empty_image_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(BadInputError, match="give a height and a width"):
        simulate_nuclei(shape, seed=0)
    with pytest.raises(BadInputError, match="give a height and a width"):
        simulate_section(shape, seed=0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (64, 7)])
def test_the_smallest_images_can_be_made(shape: tuple[int, int]) -> None:
    for image, labels in (simulate_nuclei(shape, seed=0), simulate_section(shape, seed=0)):
        assert image.shape[-2:] == labels.shape == shape


@pytest.fixture(scope="module")
def section() -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    return simulate_section((700, 600), seed=1)


def test_a_section_has_four_channels_and_one_label_image(
    section: tuple[NDArray[np.uint16], NDArray[np.int32]],
) -> None:
    image, labels = section
    assert image.shape == (4, 700, 600)
    assert labels.shape == (700, 600)
    assert image.dtype == np.uint16
    assert labels.dtype == np.int32
    numbers = np.unique(labels[labels > 0])
    np.testing.assert_array_equal(numbers, np.arange(1, len(numbers) + 1))
    assert len(numbers) > 200
    assert n_pieces(labels) == len(numbers)


def test_a_section_is_equal_for_equal_seeds(
    section: tuple[NDArray[np.uint16], NDArray[np.int32]],
) -> None:
    for first, second in zip(section, simulate_section((700, 600), seed=1), strict=True):
        np.testing.assert_array_equal(first, second)


def test_every_nucleus_of_a_section_shows_in_channel_0(
    section: tuple[NDArray[np.uint16], NDArray[np.int32]],
) -> None:
    image, labels = section
    dark = np.median(image[0][labels == 0])
    regions = regionprops(labels, image[0])  # type: ignore[no-untyped-call]
    assert min(region.intensity_mean for region in regions) > 1.5 * dark


def test_around_the_organoid_it_is_dark(
    section: tuple[NDArray[np.uint16], NDArray[np.int32]],
) -> None:
    _, labels = section
    assert not labels[:12, :12].any()
    assert not labels[-12:, -12:].any()


@pytest.mark.parametrize(
    ("channel", "least", "most"), [(1, 0.2, 0.8), (2, 0.1, 0.6), (3, 0.03, 0.3)]
)
def test_stainings_are_positive_in_a_part_of_the_cells(
    section: tuple[NDArray[np.uint16], NDArray[np.int32]], channel: int, least: float, most: float
) -> None:
    image, labels = section
    regions = regionprops(labels, image[channel])  # type: ignore[no-untyped-call]
    means = np.array([region.intensity_mean for region in regions])
    positive = means > np.median(image[channel][labels == 0]) + 0.15 * np.quantile(means, 0.99)
    assert least < positive.mean() < most


def test_channel_2_shows_cytoplasm_and_not_nuclei(
    section: tuple[NDArray[np.uint16], NDArray[np.int32]],
) -> None:
    image, labels = section
    bright = image[2] > np.quantile(image[2], 0.97)
    assert (labels[bright] == 0).mean() > 0.7


def test_a_section_has_as_many_channels_as_asked_for() -> None:
    assert simulate_section((64, 64), seed=0, n_channels=1)[0].shape == (1, 64, 64)
    assert simulate_section((64, 64), seed=0, n_channels=6)[0].shape == (6, 64, 64)
    with pytest.raises(BadInputError, match="ask for at least one"):
        simulate_section((64, 64), seed=0, n_channels=0)


def test_tiles_of_a_large_section_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    # the noise differs with the tiles, so it is kept low and what remains is compared closely
    scene = Scene(photons=1e7, read_noise=0.0, bits=16)
    whole, labels = simulate_nuclei((300, 300), seed=5, scene=scene)
    monkeypatch.setattr("bridge.examples.exposure._TILE", 128)
    tiled, same_labels = simulate_nuclei((300, 300), seed=5, scene=scene)
    np.testing.assert_array_equal(labels, same_labels)
    assert np.abs(whole.astype(int) - tiled.astype(int)).max() < 0.01 * whole.max()


def test_simulating_needs_neither_stardist_nor_tensorflow() -> None:
    code = (
        "import sys; from bridge.examples.simulator import simulate_section;"
        "simulate_section((64, 64), seed=0);"
        "print(sorted({'stardist', 'csbdeep', 'tensorflow', 'keras'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
