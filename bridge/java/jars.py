"""Java libraries from Maven Central, fetched once and checked against their published hashes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import write_error
from bridge.java import JarMissingError

CACHE_VARIABLE = "STARBRIDGE_CACHE"
"""Environment variable that moves the cache folder."""


def cache_folder() -> Path:
    """Return the user's cache folder of starbridge, which may not exist yet."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("starbridge", appauthor=False)


Progress = Callable[[str, int, int], None]
"""Called during a download with the name of the file, its bytes so far and its size."""


def fetch_jar(
    group: str, artifact: str, version: str, progress: Progress = lambda *_: None
) -> Path:
    """Return a Java library, downloaded the first time.

    The hash that Maven Central publishes is kept beside the library, and every later call compares
    the two, so that a damaged file is fetched again. An undamaged file needs no network.

    Args:
        group: Maven's groupId (``org.tensorflow``).
        artifact: Maven's artifactId.
        version: the version.
        progress: called as the download proceeds.

    Returns:
        Path of the .jar.

    Raises:
        BadInputError: the cache folder cannot be written.
        JarMissingError: the library cannot be downloaded, or not undamaged.

    Example:
        >>> fetch_jar("net.imagej", "ij", "1.54p").name  # doctest: +SKIP
        'ij-1.54p.jar'
    """
    name = f"{artifact}-{version}.jar"
    folder = cache_folder() / "jars"
    jar, published = folder / name, folder / f"{name}.sha1"
    if jar.is_file() and published.is_file() and _sha1(jar) == published.read_text().strip():
        return jar
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            got, sha1 = _download(group, artifact, version, Path(temporary), progress)
            if _sha1(got) != sha1:
                raise JarMissingError(name, "arrived damaged; try again")
            published.write_text(sha1)
            got.replace(jar)
    except OSError as error:
        explained = write_error(folder, error)
        raise BadInputError(
            explained.source,
            explained.problem,
            f"set {CACHE_VARIABLE} to a folder that you may write to",
        ) from error
    return jar


def _download(
    group: str, artifact: str, version: str, folder: Path, progress: Progress
) -> tuple[Path, str]:
    name = f"{artifact}-{version}.jar"
    try:
        import requests
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise JarMissingError(name, 'install it with: pip install "starbridge[fiji]"') from error

    @contextlib.contextmanager
    def shown(file: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def update(count: int) -> None:
            nonlocal done
            done += count
            progress(file, done, total)

        yield update

    context = MavenContext(
        repo_cache=folder, resolver=PythonResolver(progress_callback=shown), timeout=30
    )
    component = context.project(group, artifact).at_version(version)
    try:
        sha1 = Path(component.artifact(packaging="jar.sha1").resolve()).read_text().split()[0]
        return Path(component.artifact().resolve()), sha1
    except (requests.RequestException, RuntimeError, LookupError) as error:
        raise JarMissingError(
            name, "could not be downloaded from Maven Central (no network?)"
        ) from error


def _sha1(path: Path) -> str:
    with path.open("rb") as stream:
        # SHA-1 is what Maven Central publishes for these libraries.
        return hashlib.file_digest(stream, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
