"""What goes to another process in place of a loaded network."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.batch.workers.portable import PortableSegmenter
from bridge.errors import BadInputError
from bridge.model.folder import open_model
from bridge.segment.segmenter import Segmenter
from tests.batch.conftest import segmenter
from tests.batch.engines import Sleeping, StandIn
from tests.model.zips import model_files, write_zip


def test_the_same_segmenter_is_made_elsewhere() -> None:
    original = segmenter(Sleeping(0.25))
    original.recipe = original.recipe.with_changes(prob=0.7, channel="DAPI")

    arrived = pickle.loads(pickle.dumps(PortableSegmenter.of(original))).load()  # noqa: S301

    assert arrived.recipe == original.recipe
    assert arrived.model == original.model
    assert arrived.engine.seconds == 0.25


def test_a_process_loads_a_network_once() -> None:
    def arrived() -> PortableSegmenter:
        data = pickle.dumps(PortableSegmenter.of(segmenter(Sleeping())))
        portable: PortableSegmenter = pickle.loads(data)  # noqa: S301
        return portable

    first = arrived().load()

    assert arrived().load() is first
    assert PortableSegmenter.of(segmenter(Sleeping(1))).load() is not first


def test_another_model_under_the_same_path_is_refused(tmp_path: Path) -> None:
    shutil.copytree(open_model("demo").path, tmp_path / "model")
    portable = PortableSegmenter.of(Segmenter(open_model(tmp_path / "model")))

    with pytest.raises(BadInputError, match="is another model than on the machine that started"):
        replace(portable, sha256="0" * 64).load()


def test_a_model_from_a_zip_travels_without_the_zip(
    model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "python_2D_versatile_he.zip", model_files())
    portable = PortableSegmenter.of(Segmenter(open_model(path)))
    path.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    arrived = pickle.loads(pickle.dumps(portable)).load()  # noqa: S301 - our own

    assert arrived.model.name == "2D_versatile_he"
    assert arrived.model.recipe.normalize == "joint"


def test_a_network_that_is_only_there_loaded_cannot_travel() -> None:
    model = open_model("demo")

    with pytest.raises(BadInputError, match="cannot go to other processes; give the segmenter"):
        PortableSegmenter.of(Segmenter(model, engine=StandIn(model)))
