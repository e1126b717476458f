"""``starbridge ilastik``: projects in and out, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from tests.cli.conftest import Command


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with strokes beside it."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((60, 50), np.uint16))
    labels = np.zeros((60, 50), np.uint8)
    labels[2:5, 3:9], labels[20:22, 30:33] = 1, 2
    tifffile.imwrite(tmp_path / "a_labels.tif", labels)
    return tmp_path / "a.tif"


def test_strokes_into_a_project_and_back(starbridge: Command, tmp_path: Path, image: Path) -> None:
    project, out = tmp_path / "p.ilp", tmp_path / "out"
    given = ("--classes", "background,nucleus", "--labels", tmp_path, "--out", project)

    assert starbridge("ilastik", "new", image, *given)[0] == 0
    code, printed, _ = starbridge("ilastik", "labels", project, "--out", out, "--json")

    assert code == 0
    assert json.loads(printed)[0]["pixels"] == {"background": 18, "nucleus": 6}
    before, after = (
        tifffile.imread(tmp_path / "a_labels.tif"),
        tifffile.imread(out / "a_labels.tif"),
    )
    assert (before == after).all()
    again = tmp_path / "again.ilp"
    names = ("--classes", "background,nucleus")
    outlines = out / "a.geojson"
    assert starbridge("ilastik", "new", image, *names, "--labels", outlines, "--out", again)[0] == 0
    out_again = tmp_path / "again"
    starbridge("ilastik", "labels", again, "--out", out_again)
    assert (tifffile.imread(out_again / "a_labels.tif") == before).all()


def test_show_says_what_a_project_holds_and_lacks(
    starbridge: Command, tmp_path: Path, image: Path
) -> None:
    project = tmp_path / "p.ilp"
    starbridge("ilastik", "new", image, "--classes", "background,nucleus", "--out", project)

    code, printed, _ = starbridge("ilastik", "show", project)

    assert code == 0
    assert "Pixel Classification, ilastik 1.4.0" in printed
    assert "image 0, Raw Data: a.tif\n  YX, 60 × 50, called 'a'" in printed
    assert "missing: the class 'nucleus' has no labels" in printed
    shown = json.loads(starbridge("ilastik", "show", project, "--json")[1])
    assert shown["lanes"][0]["images"][0]["exists"] is True
    assert [kind["name"] for kind in shown["classes"]] == ["background", "nucleus"]
    assert len(shown["features"]) == 37


def test_a_moved_image_is_found_again(starbridge: Command, tmp_path: Path, image: Path) -> None:
    project = tmp_path / "p.ilp"
    starbridge("ilastik", "new", image, "--classes", "a,b", "--out", project)
    moved = tmp_path / "moved" / "a.tif"
    moved.parent.mkdir()
    image.rename(moved)

    code, printed, _ = starbridge("ilastik", "show", project)
    assert code == 1
    assert "NOT THERE" in printed
    code, printed, said = starbridge("ilastik", "show", project, "--relink", tmp_path)
    assert code == 0
    assert "1 found, 0 not found" in said
    assert "moved/a.tif" in printed


def test_show_warns_of_a_pickle_and_does_not_load_it(
    starbridge: Command, tmp_path: Path, image: Path
) -> None:
    project = tmp_path / "p.ilp"
    starbridge("ilastik", "new", image, "--classes", "a,b", "--out", project)
    harm = f"cpathlib\nPath\n(V{tmp_path / 'ran'}\ntR."
    with h5py.File(project, "a") as file:
        file["PixelClassification/Bookmarks/0000"] = np.void(harm.encode())

    code, _, said = starbridge("ilastik", "show", project)

    assert code == 1
    assert "Bookmarks/0000" in said
    assert "trust" in said


def test_wrong_requests_are_one_line_each(starbridge: Command, tmp_path: Path, image: Path) -> None:
    project = tmp_path / "p.ilp"
    new = ("ilastik", "new", image, "--classes", "a,b")
    starbridge(*new, "--out", project)

    for arguments, part in [
        ((*new, "--out", project), "is there already"),
        ((*new, "--out", tmp_path / "p.h5"), "NAME.ilp"),
        ((*new, "--out", tmp_path / "q.ilp", "--objects", tmp_path, "--features", "2d"), "pixels"),
        (("ilastik", "new", image, "--classes", " ", "--out", tmp_path / "q.ilp"), "classes"),
        (("ilastik", "labels", project, "--out", tmp_path / "out"), "has no brush strokes"),
        (("ilastik", "show", image), "is no project of ilastik"),
        (("ilastik", "show", tmp_path / "none.ilp"), "is not there"),
    ]:
        code, printed, said = starbridge(*arguments)
        assert (code, printed) == (2, "")
        assert part in said
        assert len(said.splitlines()) == 1
    assert not (tmp_path / "q.ilp").exists()


def test_objects_of_label_images_are_classified(
    starbridge: Command, tmp_path: Path, image: Path
) -> None:
    objects = tmp_path / "objects" / "a_labels.tif"
    objects.parent.mkdir()
    labels = np.zeros((60, 50), np.uint16)
    labels[1:7, 2:12], labels[19:25, 28:35] = 1, 2
    tifffile.imwrite(objects, labels)
    project = tmp_path / "p.ilp"

    code, _, _ = starbridge(
        "ilastik",
        "new",
        image,
        "--classes",
        "dim,bright",
        "--objects",
        objects.parent,
        "--labels",
        tmp_path / "a_labels.tif",
        "--out",
        project,
    )

    assert code == 0
    assert "labelled objects: dim 1, bright 1" in starbridge("ilastik", "show", project)[1]
