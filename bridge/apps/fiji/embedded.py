"""Download starbridge's own ImageJ from Maven Central."""

from __future__ import annotations

from pathlib import Path

from bridge.apps.fiji.errors import FijiError
from bridge.java import JarMissingError
from bridge.java.home import find_java
from bridge.java.jars import Progress, fetch_jar

VERSION = "1.54p"
"""Version of the embedded ImageJ."""

_LIBRARIES = (
    ("net.imagej", "ij", VERSION),
    # Lets menu commands run without a window
    ("net.imagej", "ij1-patcher", "2.0.0"),
    ("org.javassist", "javassist", "3.30.2-GA"),
)


def fetch_imagej(progress: Progress = lambda *_: None) -> tuple[Path, tuple[Path, ...]]:
    """Return Java's library and those of ImageJ, which the first call downloads (4 MB).

    Args:
        progress: called with file name, bytes downloaded and bytes in all.

    Returns:
        Path of libjvm, and of the .jar files.

    Raises:
        FijiError: there is no Java, or a library cannot be downloaded.
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
