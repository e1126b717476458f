"""Starbridge's own macros and scripts, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files import packaged
from bridge.files.packaged import own_folder


def test_a_package_comes_before_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "PACKAGE", tmp_path / "bridge")
    for folder in ("macros", "bridge/macros"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.ijm").touch()

    assert own_folder("macros", ".ijm", "macro") == tmp_path / "bridge" / "macros"
    (tmp_path / "bridge" / "macros" / "a.ijm").unlink()
    assert own_folder("macros", ".ijm", "macro") == tmp_path / "macros"
    (tmp_path / "macros" / "a.ijm").rename(tmp_path / "macros" / "a.groovy")
    with pytest.raises(BadInputError, match="holds no macro; install starbridge again"):
        own_folder("macros", ".ijm", "macro")
