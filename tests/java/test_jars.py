"""Java libraries are downloaded once, undamaged or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files.cache import CACHE_VARIABLE, cache_folder
from bridge.java import JarMissingError, jars
from bridge.java.jars import Progress, fetch_jar


class FakeCentral:
    """Serves a library whose content and published hash a test chooses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.content = b"library"
        self.published: str | None = None
        self.downloads = 0
        monkeypatch.setattr(jars, "_download", self.download)

    def download(
        self, group: str, artifact: str, version: str, folder: Path, progress: Progress
    ) -> tuple[Path, str]:
        self.downloads += 1
        (folder / "got.jar").write_bytes(self.content)
        sha1 = hashlib.sha1(b"library", usedforsecurity=False).hexdigest()
        return folder / "got.jar", self.published or sha1


@pytest.fixture
def central(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCentral:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return FakeCentral(monkeypatch)


def fetch() -> Path:
    return fetch_jar("org.tensorflow", "libtensorflow", "1.12.0")


def test_a_library_is_downloaded_once(central: FakeCentral) -> None:
    assert fetch().read_bytes() == b"library"
    assert fetch() == fetch()
    assert central.downloads == 1
    assert [path.name for path in (cache_folder() / "jars").iterdir() if path.is_dir()] == []


def test_a_damaged_library_is_downloaded_again(central: FakeCentral) -> None:
    jar = fetch()
    jar.write_bytes(b"libra")
    assert fetch().read_bytes() == b"library"
    assert central.downloads == 2


def test_a_library_that_arrives_damaged_is_not_kept(central: FakeCentral) -> None:
    central.content = b"libra"
    with pytest.raises(JarMissingError, match="arrived damaged"):
        fetch()
    assert not list((cache_folder() / "jars").glob("*.jar"))


def test_a_cache_that_cannot_be_written_is_an_error(
    central: FakeCentral, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(BadInputError, match=f"cannot be written.*{CACHE_VARIABLE}"):
        fetch()


def test_a_download_without_network_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    requests = pytest.importorskip("requests")
    pytest.importorskip("jgo")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))

    def refuse(*arguments: object, **options: object) -> None:
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(requests, "request", refuse)
    with pytest.raises(JarMissingError, match="no network"):
        fetch()
