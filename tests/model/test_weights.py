"""Which of a folder's weights files is used, and what the user hears of the others."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.model.folder import demo_model_folder, open_model
from bridge.model.weights import find_weights

LONG_AGO = 1e9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the demo model's configuration and no weights."""
    folder = Path(shutil.copytree(demo_model_folder(), tmp_path / "my_model"))
    (folder / "weights_best.h5").unlink()
    return folder


def add(folder: Path, name: str, time: float) -> None:
    shutil.copy(demo_model_folder() / "weights_best.h5", folder / name)
    os.utime(folder / name, (time, time))


@pytest.mark.parametrize(
    "copy",
    [
        "weights_best copy.h5",
        "weights_best (1).h5",
        "Copy of weights_best.h5",
        "weights_best-old.h5",
        "a_best.hdf5",
    ],
)
def test_an_older_copy_is_not_used_but_mentioned(folder: Path, copy: str) -> None:
    add(folder, "weights_best.h5", LONG_AGO + 1)
    add(folder, copy, LONG_AGO)

    chosen, notes = find_weights(folder)

    assert chosen.name == "weights_best.h5"
    assert notes == (
        f"{folder}: weights_best.h5 is used, the newest of its weights; {copy} lies beside it",
    )
    assert open_model(folder).notes == notes


def test_a_newer_copy_is_used_as_stardist_uses_it(folder: Path) -> None:
    add(folder, "weights_best.h5", LONG_AGO)
    add(folder, "weights_best (1).h5", LONG_AGO + 1)

    assert find_weights(folder)[0].name == "weights_best (1).h5"


def test_of_files_of_one_moment_the_shorter_name_is_the_original(folder: Path) -> None:
    for name in ("Copy of weights_best.h5", "a weights_best.h5", "weights_best.h5"):
        add(folder, name, LONG_AGO)

    assert find_weights(folder)[0].name == "weights_best.h5"


def test_the_last_weights_are_no_rival_of_the_best(folder: Path) -> None:
    add(folder, "weights_best.h5", LONG_AGO)
    add(folder, "weights_last.h5", LONG_AGO + 9)

    assert find_weights(folder) == (folder / "weights_best.h5", ())


def test_without_best_weights_the_newest_are_used(folder: Path) -> None:
    add(folder, "weights_now.h5", LONG_AGO)
    add(folder, "weights_last.h5", LONG_AGO + 1)

    chosen, notes = find_weights(folder)

    assert chosen.name == "weights_last.h5"
    assert "weights_now.h5 lies beside it" in notes[0]


@pytest.mark.parametrize("junk", ["._weights_best.h5", ".weights_best.h5", "Thumbs.db"])
def test_files_of_an_operating_system_are_never_weights(folder: Path, junk: str) -> None:
    add(folder, junk, LONG_AGO + 9)
    with pytest.raises(BadInputError, match=r"has no weights \(weights_best\.h5\)"):
        find_weights(folder)

    add(folder, "weights_best.h5", LONG_AGO)
    assert find_weights(folder) == (folder / "weights_best.h5", ())


@pytest.mark.model
def test_the_choice_is_stardists_own(folder: Path) -> None:
    from stardist.models import StarDist2D

    times = {"weights_last.h5": 9, "weights_best.h5": 2, "weights_best-2.h5": 3, "x_best.hdf5": 1}
    for name, seconds in times.items():
        add(folder, name, LONG_AGO + seconds)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        StarDist2D(None, name=folder.name, basedir=str(folder.parent))

    assert f"Loading network weights from '{find_weights(folder)[0].name}'" in said.getvalue()
