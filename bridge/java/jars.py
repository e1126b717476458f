"""Java libraries from Maven Central, fetched once and checked against their published hashes."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bridge.files.cache import cache_error, cache_folder
from bridge.java import JarMissingError

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
        raise cache_error(folder, error) from error
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
