"""The ImageJ that starbridge brings itself: libraries from Maven Central, Java from a package."""

from __future__ import annotations

from pathlib import Path

from bridge.apps.fiji.errors import FijiError
from bridge.java import JarMissingError
from bridge.java.home import find_java
from bridge.java.jars import Progress, fetch_jar

VERSION = "1.54p"
"""ImageJ's version."""

_LIBRARIES = (
    ("net.imagej", "ij", VERSION),
    # Lets menu commands run without a window
    ("net.imagej", "ij1-patcher", "2.0.0"),
    ("org.javassist", "javassist", "3.30.2-GA"),
)


def fetch_imagej(progress: Progress = lambda *_: None) -> tuple[Path, tuple[Path, ...]]:
    """Give Java's library and ImageJ's, downloading the latter the first time (some 4 MB).

    Args:
        progress: told how a download goes on.

    Returns:
        libjvm, and the .jar files.

    Raises:
        FijiError: there is no Java, or a library cannot be had.
        BadInputError: the cache folder cannot be written.
    """
    java = find_java()
    if java is None:
        raise FijiError(
            'ImageJ needs Java, and none was found; install it with: pip install "starbridge[fiji]"'
        )
    try:
        return java, tuple(fetch_jar(*library, progress) for library in _LIBRARIES)
    except JarMissingError as error:
        raise FijiError(
            f"ImageJ {VERSION} cannot be had: {error}; connect once, or give the folder of a Fiji"
        ) from error
