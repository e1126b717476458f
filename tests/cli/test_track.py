"""``starbridge track``, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections
from bridge.formats.labels import read_label_image
from tests.cli.conftest import Command


def movie() -> NDArray[np.uint16]:
    """Return labels of five frames: one nucleus moves, one divides in the third frame."""
    labels = np.zeros((5, 60, 80), np.uint16)
    for t in range(5):
        labels[t, 5:15, 5 + 3 * t : 15 + 3 * t] = 7 + t
        if t < 2:
            labels[t, 35:47, 30:44] = 3
        else:
            apart = 3 * (t - 2)
            labels[t, 36:46, 28 - apart : 37 - apart] = 2
            labels[t, 36:46, 37 + apart : 46 + apart] = 1
    return labels


def write_movie(path: Path, *, pixel_size: float | None = 0.5) -> Path:
    calibration = (
        {"resolution": (1 / pixel_size, 1 / pixel_size), "metadata": {"axes": "TYX", "unit": "um"}}
        if pixel_size
        else {"metadata": {"axes": "TYX"}}
    )
    tifffile.imwrite(path, movie(), imagej=True, **calibration)
    return path


def test_a_movie_becomes_tracks_in_every_format(starbridge: Command, tmp_path: Path) -> None:
    source = write_movie(tmp_path / "movie_labels.tif")
    out = tmp_path / "out"

    code, _, said = starbridge(
        "track", source, "-o", out, "--max-distance", "8um", "--interval", 60
    )

    assert code == 0, said
    assert "4 tracks, 1 divisions" in said
    labels, axes, _ = read_label_image(out / "lbl/movie_labels.tif")
    assert axes == "TYX"
    assert [len(np.unique(frame)) - 1 for frame in labels] == [2, 2, 3, 3, 3]
    assert np.unique(labels).tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(labels > 0, movie() > 0)
    table = pd.read_csv(out / "tables/movie_tracks.csv", index_col="Track")
    assert table["Parent track"].gt(0).sum() == 2
    assert table["Daughters"].tolist().count(2) == 1
    moving = table[table["Objects"] == 5].iloc[0]
    assert moving["Path µm"] == pytest.approx(4 * 3 * 0.5)
    assert moving["Mean speed µm/s"] == pytest.approx(6 / 240)
    for file in ("geojson/movie.geojson", "roi/movie_rois.zip", "tables/movie.csv"):
        frame = Detections.read(out / file).objects
        assert frame["Track"].tolist() == frame["label"].tolist()
        assert frame.groupby("Track")["t"].nunique().tolist() == table["Objects"].tolist()
        assert sorted(frame["Detected label"].unique()) == [1, 2, 3, 7, 8, 9, 10, 11]


def test_ids_classes_and_measurements_of_results_stay(starbridge: Command, tmp_path: Path) -> None:
    found = Detections.read(write_movie(tmp_path / "movie_labels.tif"))
    found.objects["class"] = np.where(found.objects["label"] > 5, "neuron", "glia")
    found.objects["Nucleus: DAPI: Mean"] = np.arange(len(found)) + 100.0
    results = tmp_path / "results"
    found.write(results / "geojson/movie.geojson")
    found.write(results / "lbl/movie_labels.tif")

    code, printed, said = starbridge("track", results, "-o", tmp_path / "out", "--json")

    assert code == 0, said
    assert json.loads(printed)["outcomes"][0]["divisions"] == 1
    frame = Detections.read(tmp_path / "out/geojson/movie.geojson").objects.loc[found.ids]
    assert frame["class"].tolist() == found.objects["class"].tolist()
    assert frame["Nucleus: DAPI: Mean"].tolist() == found.objects["Nucleus: DAPI: Mean"].tolist()


def test_a_series_that_cannot_be_tracked_stops_no_other(
    starbridge: Command, tmp_path: Path
) -> None:
    good = write_movie(tmp_path / "good_labels.tif", pixel_size=None)
    still = tmp_path / "still_labels.tif"
    tifffile.imwrite(still, movie()[0])

    code, _, said = starbridge("track", good, still, "-o", tmp_path / "out")

    assert code == 1
    assert "still: has objects in one time point only" in said
    assert "no pixel size, so that distances are in px" in said
    assert (tmp_path / "out/tables/good_tracks.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-distance", "15"], "'15' is no distance"),
        (["--max-distance", "15um"], "has no pixel size"),
        (["--interval", 0], "0 s are no interval"),
        (["--gap", -1], "-1 frames are no gap"),
        (["--intensity", "DAPI"], "has no measurement 'DAPI'"),
    ],
)
def test_what_does_not_fit_is_said(
    starbridge: Command, tmp_path: Path, options: list[object], message: str
) -> None:
    source = write_movie(tmp_path / "movie_labels.tif", pixel_size=None)

    code, _, said = starbridge("track", source, "-o", tmp_path / "out", *options)

    assert code in (1, 2)
    assert message in said


def test_the_same_command_again_does_nothing(starbridge: Command, tmp_path: Path) -> None:
    source = write_movie(tmp_path / "movie_labels.tif")
    starbridge("track", source, "-o", tmp_path / "out")

    code, _, said = starbridge("track", source, "-o", tmp_path / "out")
    other, _, refused = starbridge("track", source, "-o", tmp_path / "out", "--gap", 0)

    assert (code, other) == (0, 1)
    assert "nothing to do" in said
    assert "gap" in refused


def test_tracks_go_to_napari_and_the_cell_tracking_challenge(
    starbridge: Command, tmp_path: Path
) -> None:
    frames = movie()
    frames[2, :20] = 0  # the moving nucleus is missed once
    source = tmp_path / "movie_labels.tif"
    tifffile.imwrite(source, frames, imagej=True, metadata={"axes": "TYX"})
    out = tmp_path / "out"

    code, _, said = starbridge(
        "track", source, "-o", out, "--max-distance", "12px", "--also", "ctc", "--also", "napari"
    )

    assert code == 0, said
    folder = out / "ctc/movie_RES"
    lines = np.loadtxt(folder / "res_track.txt", dtype=int, ndmin=2)
    masks = [tifffile.imread(folder / f"mask{t:03d}.tif") for t in range(5)]
    assert [mask.dtype for mask in masks] == [np.uint16] * 5
    assert all(((mask > 0) == (frame > 0)).all() for mask, frame in zip(masks, frames, strict=True))
    for label, first, last, parent in lines:
        seen = [t for t in range(5) if (masks[t] == label).any()]
        assert seen == list(range(first, last + 1))
        assert parent == 0 or lines[lines[:, 0] == parent][0, 2] < first
    assert (lines[:, 3] > 0).sum() == 3  # two daughters, and what follows the gap
    napari = pd.read_csv(out / "tables/movie_napari.csv")
    assert napari.columns.tolist() == ["track", "t", "y", "x", "parent"]
    moving = napari[napari["y"] == 9.5]
    assert moving["t"].tolist() == [0, 1, 3, 4]
    assert moving["x"].tolist() == [9.5, 12.5, 18.5, 21.5]
    assert moving["track"].nunique() == 1


def test_doubtful_frames_are_told(starbridge: Command, tmp_path: Path) -> None:
    source = tmp_path / "movie_labels.tif"
    frames = [movie()[t] for t in (0, 1, 1, 2, 3, 4)]
    frames[4] = np.zeros_like(frames[4])
    tifffile.imwrite(source, np.stack(frames), imagej=True, metadata={"axes": "TYX"})

    code, _, said = starbridge("track", source, "-o", tmp_path / "out")

    assert code == 0, said
    assert "frame 3 repeats the frame before it" in said
    assert "no objects in frame 5" in said
