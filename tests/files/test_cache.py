"""The cache folder: the system's usual one, or the one that a user names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.files.cache import CACHE_VARIABLE, cache_folder


def test_the_cache_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert cache_folder().name in ("starbridge", "Cache")


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "~/elsewhere")
    assert cache_folder() == Path.home() / "elsewhere"
