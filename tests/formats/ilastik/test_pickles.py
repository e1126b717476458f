"""Pickles in a project are judged by their opcodes; none is ever loaded."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.formats.ilastik.pickles import refuse_unknown_pickles
from tests.formats.ilastik.projects import write_project


class _Runs:
    """An object whose pickle runs a program when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("it ran",))


HARMFUL = [pickle.dumps(_Runs(), protocol) for protocol in range(6)]
HARMFUL += [b"(S'ls'\nios\nsystem\n.", b"cos\nsystem\n(S'ls'\ntR."]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without pickles."""
    return write_project(tmp_path / "p.ilp")


def _put(path: Path, name: str, value: object) -> None:
    with h5py.File(path, "a") as file:
        file[name] = value


@pytest.mark.parametrize(
    ("name", "count"), [("pixels2d", 3), ("MyProject", 3), ("basics_example", 3), ("objects", 1)]
)
def test_pickles_of_ilastik_itself_pass(shared: Path, name: str, count: int) -> None:
    assert refuse_unknown_pickles(shared / f"ilastik/{name}.ilp") == count


@pytest.mark.parametrize("harm", HARMFUL, ids=range(len(HARMFUL)))
@pytest.mark.parametrize(
    "name",
    [
        "PixelClassification/Bookmarks/0000",
        "ObjectClassification/ExportSettings",
        "PixelClassification/ClassifierFactory",
        "PixelClassification/ClassifierForests/pickled_type",
        "Elsewhere/unknown",
    ],
)
def test_a_pickle_that_runs_a_program_is_refused_by_its_place(
    project: Path, harm: bytes, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _put(project, name, np.void(harm))

    with pytest.raises(BadInputError) as raised:
        refuse_unknown_pickles(project)
    assert name in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    assert "it ran" not in capsys.readouterr().out


@pytest.mark.parametrize("harm", [HARMFUL[0], HARMFUL[-2], HARMFUL[-1]], ids=range(3))
def test_texts_arrays_and_attributes_are_looked_at(tmp_path: Path, harm: bytes) -> None:
    text = write_project(tmp_path / "text.ilp")
    _put(text, "anything", harm)
    array = write_project(tmp_path / "array.ilp")
    _put(array, "PixelClassification/Bookmarks/0000", np.frombuffer(harm, np.uint8))
    words = write_project(tmp_path / "words.ilp")
    _put(words, "PixelClassification/Bookmarks", [b"fine", harm])
    attribute = write_project(tmp_path / "attribute.ilp")
    with h5py.File(attribute, "a") as file:
        file["PixelClassification"].attrs["note"] = np.void(harm)

    for path in (text, array, words, attribute):
        with pytest.raises(BadInputError, match="trust"):
            refuse_unknown_pickles(path)


def test_what_comes_before_a_damage_counts(project: Path) -> None:
    _put(project, "PixelClassification/Bookmarks/0000", np.void(HARMFUL[0][:-1]))

    with pytest.raises(BadInputError, match="print"):
        refuse_unknown_pickles(project)


@pytest.mark.parametrize("value", [b"\0\1\2", b"(lp0\n", b""])
def test_what_ilastik_does_not_store_in_a_place_is_refused(project: Path, value: bytes) -> None:
    _put(project, "PixelClassification/Bookmarks/0000", np.void(value or b"\0"))

    with pytest.raises(BadInputError, match="not a value that ilastik stores"):
        refuse_unknown_pickles(project)


def test_bookmarks_and_settings_pass(project: Path) -> None:
    marks = [((0, 3, 4), "first"), ((1, 2, 3), "c\nos\nsystem")]
    _put(project, "PixelClassification/Bookmarks/0000", np.void(pickle.dumps(marks, 0)))
    _put(project, "ObjectClassification/ExportSettings", np.void(pickle.dumps(({}, ["a"]), 2)))

    assert refuse_unknown_pickles(project) == 2


def test_a_forest_may_not_be_told_to_write_somewhere(shared: Path, project: Path) -> None:
    with h5py.File(shared / "ilastik/pixels2d.ilp") as file:
        factory = file["PixelClassification/ClassifierFactory"][()]
    path = factory.replace(
        b"V_variable_importance_path\np9\nN", b"V_variable_importance_path\np9\nV/home/x\np99\n"
    )
    assert path != factory
    _put(project, "PixelClassification/ClassifierFactory", path)

    with pytest.raises(BadInputError, match="/home/x"):
        refuse_unknown_pickles(project)


def test_links_cannot_hide_a_pickle(tmp_path: Path) -> None:
    soft, hard, external = (write_project(tmp_path / f"{n}.ilp") for n in ("soft", "hard", "ext"))
    harm = np.frombuffer(HARMFUL[0], np.uint8)  # an array is a pickle only in some places
    with h5py.File(soft, "a") as file:
        file["a"] = harm
        file["PixelClassification/Bookmarks/0000"] = h5py.SoftLink("/a")
    with h5py.File(hard, "a") as file:
        file["a/0000"] = harm
        file["PixelClassification/Bookmarks"] = file["a"]
    with h5py.File(external, "a") as file:
        file["PixelClassification/Bookmarks/0000"] = h5py.ExternalLink("other.h5", "/a")

    for path, said in [(soft, "link"), (hard, "second name"), (external, "another file")]:
        with pytest.raises(BadInputError, match=said):
            refuse_unknown_pickles(path)


def test_usual_texts_are_no_pickles(tmp_path: Path) -> None:
    path = write_project(
        tmp_path / "p.ilp", lanes=[("cells.tif", "yx", (3, 4)), ("(image).tif", "yx", (3, 4))]
    )
    _put(path, "note", "0. I1\n.")

    assert refuse_unknown_pickles(path) == 0
