"""Decide which Fiji or ImageJ a session starts, and with which Java."""

from __future__ import annotations

import re
from dataclasses import replace
from os import PathLike
from pathlib import Path

from bridge.apps.fiji.embedded import VERSION, fetch_imagej
from bridge.apps.fiji.finding import OLDEST_IMAGEJ, find_app
from bridge.apps.fiji.worker.starting import Start
from bridge.errors import BadInputError
from bridge.java.home import find_java_home, java_library
from bridge.java.jars import Progress

EMBEDDED = "embedded"
"""Name of starbridge's own ImageJ in place of an app."""

_ENDPOINT = re.compile(r"[\w\-]+(\.[\w\-]+)+:[\w.\-]+(:[\w.\-]+)*")


def plan(
    app: str | PathLike[str] | None, *, window: bool, heap: str | None, progress: Progress
) -> tuple[str, Start]:
    """Decide what to start.

    Args:
        app: folder of a Fiji or ImageJ, a Maven endpoint, :data:`EMBEDDED`, or ``None`` for the
            Fiji that is there, else the embedded ImageJ.
        window: with a window.
        heap: maximal memory for Java, as ``-Xmx`` takes it.
        progress: called as downloads go on.

    Returns:
        Its name for messages, and how to start it.

    Raises:
        BadInputError: ``app`` is no Fiji.
        FijiError: there is no Java, or ImageJ cannot be downloaded.
    """
    if app == EMBEDDED:
        return _embedded(window, heap, progress)
    if isinstance(app, str) and _ENDPOINT.fullmatch(app) and not Path(app).exists():
        home = find_java_home()
        return f"Fiji from {app}", Start(
            window=window, heap=heap, app=app, java=None if home is None else str(home)
        )
    found = find_app(app)
    if found is None:
        return _embedded(window, heap, progress)
    name = f"{found.kind} (ImageJ {found.imagej_version}) in {found.path}"
    if found.imagej_is_old:
        raise BadInputError(
            found.path,
            f"is too old: its ImageJ is {found.imagej_version}, and {OLDEST_IMAGEJ} is needed",
            f'update it (Help > Update...), download Fiji again, or give app="{EMBEDDED}"',
        )
    if found.kind == "ImageJ":
        # Without the classes of ImageJ2 pyimagej cannot start it; its own library goes first.
        _, start = _embedded(window, heap, progress)
        return name, replace(start, jars=(str(found.imagej_jar), *start.jars[1:]))
    home = found.java_home
    if home is None or java_library(home) is None:  # Java of 2017, or of another system
        home = find_java_home()
    return name, Start(
        window=window,
        heap=heap,
        app=str(found.path),
        java=None if home is None else str(home),
        offline=found.imglyb_version is not None,
    )


def _embedded(window: bool, heap: str | None, progress: Progress) -> tuple[str, Start]:
    java, jars = fetch_imagej(progress)
    return f"ImageJ {VERSION} (embedded)", Start(
        window=window, heap=heap, java=str(java), jars=tuple(str(jar) for jar in jars)
    )
