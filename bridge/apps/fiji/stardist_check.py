"""Tell by the files of a Fiji why its StarDist plugin will fail; start nothing."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike

from bridge.apps.fiji.arguments import read_macro
from bridge.apps.fiji.finding import FijiApp, find_app
from bridge.apps.fiji.planning import EMBEDDED, is_endpoint
from bridge.apps.fiji.stardist_causes import Cause, cause
from bridge.apps.finding import version_numbers
from bridge.errors import BadInputError
from bridge.java.home import JavaHome, choose_java, java_major

_OURS = "function pluginScript()"
"""Stands in every macro that was built with the library's way to run the plugin."""

_OLD_LOADER = (1, 1, 8)  # the last imagej-tensorflow that needs the class loader of Java 8
_PROTOBUF = 3  # major version of protobuf-java that reads the models of TensorFlow 1
_PARTS = {
    "StarDist": "[Ss]tar[Dd]ist*.jar",
    "CSBDeep": "[Cc][Ss][Bb][Dd]eep*.jar",
    "TensorFlow": "libtensorflow*.jar",
}


@dataclass(frozen=True)
class Obstacle:
    """A reason why the StarDist plugin fails.

    Attributes:
        part: the part of Fiji that is at fault.
        found: what was found of it.
        cause: what that means.
        certain: False where the plugin may run all the same.
    """

    part: str
    found: str
    cause: Cause
    certain: bool = True


def find_obstacles(app: FijiApp, java: JavaHome | None) -> tuple[Obstacle, ...]:
    """Find what keeps the StarDist plugin of a Fiji from running.

    Args:
        app: the Fiji, with the plugin.
        java: the Java that starts it; ``None`` where it is not known.
    """
    return tuple(_obstacles(app, java))


def _obstacles(app: FijiApp, java: JavaHome | None) -> Iterator[Obstacle]:
    machine = platform.machine()
    if machine.lower() not in ("x86_64", "amd64"):
        yield Obstacle("processor", machine, cause("processor"))
    loader = app.imagej_tensorflow_version
    major = java_major(java.version or "") if java is not None else 0
    # a library in Fiji's folder lib is loaded first, and without that class loader
    if (
        loader
        and version_numbers(loader)[:3] <= _OLD_LOADER
        and major > 8
        and not app.tensorflow_in_lib
    ):
        found = f"{loader} with Java {major}"
        yield Obstacle("imagej-tensorflow", found, cause("imagej-tensorflow"))
    if app.tensorflow_is_blocked and not app.tensorflow_in_lib:
        yield Obstacle("TensorFlow", str(app.tensorflow_crash), cause("crashed"))
    majors = {version_numbers(version)[0] for version in app.protobuf_versions}
    if majors - {_PROTOBUF}:
        # of several, Java takes the one that comes first
        certain = _PROTOBUF not in majors
        found = " and ".join(app.protobuf_versions)
        yield Obstacle("protobuf-java", found, cause("protobuf"), certain)


def require_stardist(macro: str | PathLike[str], given: str | PathLike[str] | None) -> None:
    """Refuse a macro of starbridge that runs StarDist where that is certain to fail.

    Args:
        macro: as in :func:`bridge.apps.fiji.arguments.read_macro`.
        given: the Fiji, as :class:`bridge.apps.fiji.Fiji` takes it.

    Raises:
        BadInputError: the plugin cannot run, with the reason.
    """
    name, text = read_macro(macro)
    if _OURS not in text or is_endpoint(given):
        return
    app = None if given == EMBEDDED else find_app(given)
    if app is None or app.kind == "ImageJ":
        raise BadInputError(
            name,
            "needs the StarDist plugin, and a plain ImageJ has none",
            "give a Fiji with the update sites CSBDeep, StarDist and TensorFlow (--app, FIJI_APP), "
            "or use starbridge segment",
        )
    for part, jars in _PARTS.items():
        if not any(next((app.path / f).rglob(jars), None) for f in ("jars", "plugins")):
            remedy = next((m.remedy for m in app.missing if m.part == part), "")
            raise BadInputError(app.path, f"has no {part}, which {name} needs", remedy)
    for obstacle in find_obstacles(app, choose_java(app.java_homes)):
        if obstacle.certain:
            raise BadInputError(
                app.path,
                f"has {obstacle.part} {obstacle.found}: {obstacle.cause.problem}",
                obstacle.cause.remedy,
            )
