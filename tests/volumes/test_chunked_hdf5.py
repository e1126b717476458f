"""Chunked HDF5 holds every value at its place, and asks for room first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.volumes.chunked_hdf5 import ChunkedHdf5, check_space, volume_attributes


@given(
    shape=st.tuples(*[st.integers(1, n) for n in (3, 70, 70, 140)]),
    dtype=st.sampled_from(["u1", "<u2", ">f4", "<u4"]),
)
def test_what_is_written_by_slices_is_read_by_anyone(
    tmp_path: Path, shape: tuple[int, int, int, int], dtype: str
) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    path = tmp_path / "a.h5"
    with ChunkedHdf5(path, "image", shape, np.dtype(dtype), {"a": "b"}) as file:
        for channel, z in np.ndindex(shape[:2]):
            file.write(values[channel, z], channel, z)
    with h5py.File(path) as found:
        np.testing.assert_array_equal(found["image"], values)
        assert found["image"].dtype == np.dtype(dtype).newbyteorder("<")
        assert found["image"].attrs["a"] == "b"
        assert max(found["image"].chunks) <= 64


def test_axes_and_sizes_are_said_in_all_three_ways() -> None:
    found = volume_attributes("CZYX", (2.0, 0.5, 0.25), ("DAPI",))
    assert [axis["key"] for axis in _tags(found)] == ["c", "z", "y", "x"]
    assert [axis["resolution"] for axis in _tags(found)] == [0, 2.0, 0.5, 0.25]
    assert found["element_size_um"] == [2.0, 0.5, 0.25]
    assert found["axis_units"] == '{"z": "um", "y": "um", "x": "um"}'


def _tags(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(attributes["axistags"])["axes"]
    return found


def test_a_disk_without_room_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    check_space(tmp_path / "not" / "there", 2**29)
    with pytest.raises(BadInputError, match=r"has 1\.0 GiB free, and the volume needs 2\.0"):
        check_space(tmp_path / "not" / "there", 2**31)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_disk_that_fills_up_is_an_error_and_no_crash(tmp_path: Path) -> None:
    file = ChunkedHdf5(tmp_path / "a.h5", "image", (4, 5, 6), np.dtype(np.uint8), {})
    file._file.close()
    with (
        Path("/dev/full").open("r+b", buffering=0) as full,
        pytest.raises(OSError, match="No space left"),
    ):
        file._file = full
        file.write(np.zeros((5, 6), np.uint8), 0)
