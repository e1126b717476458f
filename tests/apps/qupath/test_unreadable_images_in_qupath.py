"""One image that cannot be opened, in a real QuPath, never ends the reading of the others."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from bridge import PixelSize
from bridge.apps.qupath.counting import status
from bridge.apps.qupath.errors import QuPathEndedError
from bridge.apps.qupath.project_files import ProjectImage, read_project
from bridge.apps.qupath.pull_job import QuPathPullJob
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushSettings, pull, push
from bridge.batch.runner import run_batch
from bridge.errors import StarbridgeError
from bridge.review.pull_job import Choice
from tests.apps.qupath.conftest import nuclei

pytestmark = pytest.mark.qupath

NAMES = ("first", "broken", "last")


@pytest.fixture(scope="module")
def made(qupath: QuPath, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three images and a project of them, nine nuclei in each."""
    folder = tmp_path_factory.mktemp("three")
    pairs = []
    for name in NAMES:
        tifffile.imwrite(
            folder / f"{name}.tif", np.zeros((3, 300, 400), np.uint16), imagej=True,
            resolution=(2, 2), metadata={"axes": "CYX", "unit": "um", "Labels": ["DAPI", "a", "b"]},
        )  # fmt: skip
        objects = nuclei(9)
        pairs.append((folder / f"{name}.tif", objects))
    assert not any(
        o.error for o in push(qupath, folder / "project", pairs, PushSettings(force=True))
    )
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it; the project names the images of the copy."""
    shutil.copytree(made, tmp_path / "copy")
    file = tmp_path / "copy" / "project" / "project.qpproj"
    file.write_text(file.read_text("utf-8").replace(str(made), str(tmp_path / "copy")), "utf-8")
    for server in file.parent.glob("data/*/server.json"):
        server.unlink()
    return tmp_path / "copy"


def change_builder(folder: Path, **members: Any) -> None:
    file = folder / "project" / "project.qpproj"
    record = json.loads(file.read_text("utf-8"))
    record["images"][1]["serverBuilder"] |= members
    file.write_text(json.dumps(record), "utf-8")


def scramble(image: ProjectImage) -> None:
    """Damage a file of objects inside; its beginning and end stay as they were."""
    data = image.objects_file.read_bytes()
    image.objects_file.write_bytes(data[:4] + data[4:-6][::-1] + data[-6:])


BREAK: dict[str, Callable[[Path], object]] = {
    "an unknown kind of image": lambda folder: change_builder(folder, builderType="hologram"),
    "an unknown server": lambda folder: change_builder(
        folder, uri="nowhere://server/1", providerClassName="qupath.ext.nowhere.Builder"
    ),
    "a missing file": lambda folder: (folder / "broken.tif").unlink(),
    "an unreadable file": lambda folder: (folder / "broken.tif").write_bytes(b"II*\0" * 99),
}


@pytest.mark.parametrize("how", BREAK)
def test_objects_are_read_without_the_image(qupath: QuPath, folder: Path, how: str) -> None:
    BREAK[how](folder)
    errors: list[StarbridgeError] = []

    reviews = pull(qupath, folder / "project", on_error=errors.append)

    assert errors == []
    assert status(reviews)["objects"].tolist() == [9, 9, 9]
    info = reviews[1].detections.image
    assert (info.width, info.height, info.channels) == (400, 300, ("DAPI", "488", "T b"))
    assert info.pixel_size == PixelSize(0.5, 0.5)


def test_objects_that_are_damaged_inside_are_no_deleted_ones(qupath: QuPath, folder: Path) -> None:
    broken = read_project(folder / "project").images[1]
    scramble(broken)
    before = broken.objects_file.read_bytes()
    errors: list[StarbridgeError] = []

    reviews = pull(qupath, folder / "project", on_error=errors.append)
    (pushed,) = push(
        qupath, folder / "project", [(folder / "broken.tif", nuclei(9))], PushSettings(force=True)
    )

    assert [review.image.name for review in reviews] == ["first.tif", "last.tif"]
    assert f"{broken.objects_file}: is damaged inside" in str(errors[0])
    assert "is damaged inside" in str(pushed.error)
    assert broken.objects_file.read_bytes() == before


def test_an_image_with_which_qupath_ends_does_not_end_the_others(folder: Path) -> None:
    errors: list[StarbridgeError] = []
    with QuPath() as session:
        os.kill(session.pid, signal.SIGKILL)
        with pytest.raises(QuPathEndedError):
            pull(session, folder / "project", on_error=errors.append)
        session.restart()
        assert len(pull(session, folder / "project", on_error=errors.append)) == 3
    assert errors == []


def test_a_pull_starts_qupath_again(folder: Path, tmp_path: Path) -> None:
    files = read_project(folder / "project")
    job = Dying(files, files.images, Choice(("csv",)))

    outcomes = run_batch(job, [image.id for image in files.images], tmp_path / "out")
    job.close()

    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert "ended" in str(outcomes[1].error)
    assert (tmp_path / "out" / "last.csv").exists()


class Dying(QuPathPullJob):
    """A pull whose QuPath is killed before the second image is read."""

    def write(self, item: str, folder: Path) -> Any:
        assert self._session is not None
        if item == "2":
            os.kill(self._session.pid, signal.SIGKILL)
        return super().write(item, folder)
