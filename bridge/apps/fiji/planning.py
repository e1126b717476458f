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
from bridge.java.home import choose_java, find_java_home
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
    if is_endpoint(app):
        home = find_java_home()
        return f"Fiji from {app}", Start(
            window=window, heap=heap, app=str(app), java=None if home is None else str(home)
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
    java = choose_java(found.java_homes)
    return name, Start(
        window=window,
        heap=heap,
        app=str(found.path),
        java=None if java is None else str(java.path),
        libraries=tuple(str(folder) for folder in found.library_folders),
        offline=found.imglyb_version is not None,
    )


def is_endpoint(app: str | PathLike[str] | None) -> bool:
    """Tell whether an app is a Maven endpoint, not a folder.

    >>> is_endpoint("sc.fiji:fiji"), is_endpoint(None)
    (True, False)
    """
    return isinstance(app, str) and bool(_ENDPOINT.fullmatch(app)) and not Path(app).exists()


def _embedded(window: bool, heap: str | None, progress: Progress) -> tuple[str, Start]:
    java, jars = fetch_imagej(progress)
    return f"ImageJ {VERSION} (embedded)", Start(
        window=window, heap=heap, java=str(java), jars=tuple(str(jar) for jar in jars)
    )
