"""Brush strokes: read in any version's order, and the same after writing and reading."""

from __future__ import annotations

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.input_images import InputImage
from bridge.formats.ilastik.labels import Strokes, cut_blocks
from bridge.formats.ilastik.project import read_label_sets, read_project
from bridge.formats.ilastik.writing import write_pixel_project
from tests.formats.ilastik.projects import write_project


def dense(strokes: Strokes) -> NDArray[np.uint8]:
    """Return strokes as (T, Z, Y, X)."""
    return np.stack(
        [
            np.stack([strokes.plane(t, z) for z in range(strokes.shape[1])])
            for t in range(strokes.shape[0])
        ]
    )


def strokes_of(values: NDArray[np.uint8]) -> Strokes:
    """Return strokes of an array (T, Z, Y, X)."""
    times, slices, height, width = values.shape
    blocks = [
        block
        for t in range(times)
        for z in range(slices)
        for block in cut_blocks(values[t, z], t, z)
    ]
    return Strokes((times, slices, height, width), tuple(blocks))


@given(
    values=arrays(
        np.uint8,
        st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 9)] * 2),
        elements=st.sampled_from([0, 0, 0, 1, 2]),
    ),
    order=st.permutations("TZYXC"),
    lanes=st.integers(1, 3),
)
def test_strokes_are_the_same_after_writing_and_reading(
    values: NDArray[np.uint8], order: list[str], lanes: int
) -> None:
    sizes = dict(zip("TZYXC", [*values.shape, 2], strict=True))
    axes = "".join(a for a in order if a in "YX" or sizes[a] > 1 or a == order[0])
    shape = tuple(sizes[axis] for axis in axes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.ilp"
        images = [
            InputImage(
                file=path.with_name(f"{n}.h5"), dataset="d", axes=axes, shape=shape, nickname=str(n)
            )
            for n in range(lanes)
        ]
        strokes = [Strokes(strokes_of(values).shape)] * (lanes - 1) + [strokes_of(values)]
        write_pixel_project(path, images, ["a", "b"], FeatureSelection.by_name("fast"), strokes)

        found = read_label_sets(read_project(path))

    assert (dense(found[-1]) == values).all()
    assert found[-1].counts() == {int(v): int((values == v).sum()) for v in set(values.flat) - {0}}
    assert all(not each.blocks for each in found[:-1])


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.just(1)))
def test_blocks_have_no_empty_margins(values: NDArray[np.uint8]) -> None:
    padded = np.pad(values, 600)

    for block in cut_blocks(padded, 0, 0):
        plane = block.values[0, 0]
        assert all(edge.any() for edge in (plane[0], plane[-1], plane[:, 0], plane[:, -1]))


@pytest.mark.parametrize(
    ("version", "order"),
    [
        ("1.2.2", "zyxc"),
        ("1.3.3post1", "zyxc"),
        ("1.3.3post2", "czyx"),
        ("1.3.3post3", "czyx"),
        ("1.4.0b1", "czyx"),
        ("1.4.0b7", "czyx"),
        ("1.4.0b8", "zyxc"),
        ("1.4.0rc1", "zyxc"),
        ("1.4.0", "zyxc"),
        ("1.4.0.post1", "zyxc"),
        ("1.4.2b3", "zyxc"),
    ],
)
@pytest.mark.parametrize("is_tagged", [True, False])
def test_the_order_of_a_block_follows_the_version(
    tmp_path: Path, version: str, order: str, is_tagged: bool
) -> None:
    values = np.zeros((2, 3, 4), np.uint8)
    values[1, 2, 0] = 2
    block, place = {
        "zyxc": (values[..., None], "[1:3,10:13,20:24,0:1]"),
        "czyx": (values[None], "[0:1,1:3,10:13,20:24]"),
    }[order]
    # The tags of versions that stored the image's own order describe another one.
    blocks = {0: [(place, block, "zyxc" if is_tagged else None)]}
    lanes = [("a.tif", "czyx", (3, 9, 30, 40))]
    path = write_project(tmp_path / "p.ilp", version=version, lanes=lanes, blocks=blocks)

    (strokes,) = read_label_sets(read_project(path))

    assert np.argwhere(dense(strokes)).tolist() == [[0, 2, 12, 20]]


def test_a_version_with_the_images_own_order_adds_a_channel(tmp_path: Path) -> None:
    block = np.zeros((4, 3, 1), np.uint8)
    block[3, 1] = 1
    path = write_project(
        tmp_path / "p.ilp",
        version="1.4.0b5",
        lanes=[("a.tif", "xy", (40, 30))],
        blocks={0: [("[20:24,10:13,0:1]", block, None)]},
    )

    (strokes,) = read_label_sets(read_project(path))

    assert np.argwhere(dense(strokes)).tolist() == [[0, 0, 11, 23]]


def test_blocks_of_an_image_with_a_mask_lie_in_groups(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", blocks={0: []})
    with h5py.File(path, "a") as file:
        block = file.create_group("PixelClassification/LabelSets/labels000/block0000")
        block["data"] = np.ones((1, 2, 1), np.uint8)
        block.attrs["blockSlice"] = "[5:6,7:9,0:1]"

    assert read_project(path).label_counts == ({1: 2},)


@pytest.mark.parametrize(
    ("place", "shape", "said"),
    [
        ("[0:3,0:4,0:1]", (3, 5, 1), "do not fit"),
        ("[28:31,0:4,0:1]", (3, 4, 1), "outside of its image"),
        ("[0:3,0:4]", (3, 4), "do not fit"),
        ("0:3", (3, 4, 1), "does not say where"),
        ("[3:0,0:4,0:1]", (3, 4, 1), "do not fit"),
        ("[0:3,0:4,0:2]", (3, 4, 2), "channel"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(
    tmp_path: Path, place: str, shape: tuple[int, ...], said: str
) -> None:
    blocks = {0: [(place, np.ones(shape, np.uint8), None)]}
    path = write_project(tmp_path / "p.ilp", blocks=blocks)

    with pytest.raises(BadInputError, match=said):
        read_project(path)


def test_two_sets_of_strokes_make_one_without_what_contradicts() -> None:
    one, two = np.zeros((2, 1, 1, 3, 4), np.uint8)
    one[0, 0, 0], two[0, 0, :, 0] = 1, 2

    both = dense(strokes_of(one).combined(strokes_of(two)))[0, 0]

    assert both.tolist() == [[0, 1, 1, 1], [2, 0, 0, 0], [2, 0, 0, 0]]
