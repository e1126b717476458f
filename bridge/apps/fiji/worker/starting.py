"""Start ImageJ: embedded from libraries, or a Fiji through pyimagej."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.apps.fiji.worker.groovy import enable_groovy
from bridge.apps.fiji.worker.nested import mark_aborted_macros
from bridge.colors import distinct_color
from bridge.java.home import java_major, java_version
from bridge.java.memory import heap_option

_OPTIONS = (
    # ImageJ's patches for headless use rewrite its classes.
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-Dsun.stdout.encoding=UTF-8",
    "-Dsun.stderr.encoding=UTF-8",
)


_NATIVE_ACCESS = "--enable-native-access=ALL-UNNAMED"
_NATIVE_ACCESS_SINCE = 17  # earlier Javas end at an option that they do not know


@dataclass(frozen=True, kw_only=True)
class Start:
    """Settings for starting ImageJ, sent to the worker as JSON.

    Attributes:
        window: True with ImageJ's window and ROI Manager, False for headless.
        heap: maximal memory for Java, as ``-Xmx`` takes it (``"4g"``); half of the machine's where
            ``None``.
        java: libjvm for the embedded ImageJ, ``JAVA_HOME`` for a Fiji; ``None`` finds one.
        jars: libraries of the embedded ImageJ; empty for a Fiji.
        app: folder of a Fiji, or a Maven endpoint (``sc.fiji:fiji``).
        libraries: folders of a Fiji's native libraries.
        offline: True where the app has all that is needed, so that nothing is downloaded.
    """

    window: bool
    heap: str | None = None
    java: str | None = None
    jars: tuple[str, ...] = ()
    app: str | None = None
    libraries: tuple[str, ...] = ()
    offline: bool = False


@dataclass(frozen=True)
class Started:
    """A running ImageJ.

    Attributes:
        imagej2: pyimagej's gateway, ``None`` where ImageJ is embedded.
        version: version of ImageJ 1.
    """

    imagej2: Any
    version: str


def start(how: Start, folder: Path) -> Started:
    """Start Java and ImageJ in this process.

    Args:
        how: what to start.
        folder: the session's folder.

    Raises:
        Exception: any error of Java, JPype or pyimagej.
    """
    options = [*_OPTIONS, *_folders(folder), heap_option(how.heap)]
    imagej2 = None
    if how.app:
        imagej2 = _start_app(how, options, folder)
    else:
        _start_embedded(how, options, folder)
    from jpype import JClass

    enable_groovy()
    return Started(imagej2, str(JClass("ij.IJ").getVersion()).split("/")[-1])


def _folders(folder: Path) -> list[str]:
    """Return Java options by which temporary files stay in the session's folder."""
    for name in ("classes", "tmp", "preferences", "models"):
        (folder / name).mkdir()
    return [
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        # Else a parameter takes the value that another script gave one of its name.
        f"-Djava.util.prefs.userRoot={folder / 'preferences'}",
        # Else a model that was unpacked in part is taken for the whole.
        f"-Dimagej.tensorflow.models.dir={folder / 'models'}",
        f"-Dstarbridge.session={folder}",
    ]


def _start_embedded(how: Start, options: list[str], folder: Path) -> None:
    import jpype

    options += [f"-Dplugins.dir={_home(folder)}", _NATIVE_ACCESS]
    if not how.window:
        options.append("-Djava.awt.headless=true")
    jpype.startJVM(
        *options,
        jvmpath=how.java,
        classpath=[*how.jars, str(folder / "classes")],
        convertStrings=True,
        ignoreUnrecognized=True,
    )
    mark_aborted_macros()
    if how.window:
        imagej = jpype.JClass("ij.ImageJ")(jpype.JClass("ij.ImageJ").EMBEDDED)
        imagej.exitWhenQuitting(False)
    else:
        # Without these patches ImageJ runs no menu commands without a window.
        jpype.JClass("net.imagej.patcher.LegacyInjector").preinit()


def _home(folder: Path) -> Path:
    """Create ImageJ's folder with the colours of ROI groups, a lookup table that it reads."""
    home = folder / "imagej"
    (home / "plugins").mkdir(parents=True)
    (home / "luts").mkdir()
    colors = [bytes.fromhex(distinct_color(group)[1:]) for group in range(256)]
    table = b"".join(bytes(color[part] for color in colors) for part in range(3))
    (home / "luts" / "glasbey.lut").write_bytes(table)
    return home


def _forget_python_objects(gateway: Any) -> None:
    """Take pyimagej's own objects out of Fiji's list of objects.

    They are Serializable, as the settings of our macros are: a dialog would offer them for those
    that a call leaves out.
    """
    from jpype import JClass

    objects = gateway.context().service("org.scijava.object.ObjectService")
    objects.getIndex().removeAll(objects.getObjects(JClass("java.io.Serializable").class_))


def _start_app(how: Start, options: list[str], folder: Path) -> Any:
    if how.java:
        if java_major(java_version(Path(how.java)) or "") >= _NATIVE_ACCESS_SINCE:
            options.append(_NATIVE_ACCESS)
        os.environ["JAVA_HOME"] = how.java
        os.environ["PATH"] = str(Path(how.java) / "bin") + os.pathsep + os.environ.get("PATH", "")
    import imagej
    import scyjava

    scyjava.config.set_java_constraints(fetch="auto")
    if how.offline:
        # pyimagej adds one on import, which it would look up on the network.
        scyjava.config.endpoints.clear()
    scyjava.config.add_classpath(str(folder / "classes"))
    if how.libraries:
        # As Fiji's launcher does; else TensorFlow would not be the one that the user chose.
        options = [*options, f"-Djava.library.path={os.pathsep.join(how.libraries)}"]
    for option in options:
        scyjava.config.add_option(option)
    scyjava.when_jvm_starts(mark_aborted_macros)
    gateway = imagej.init(how.app, mode="interactive" if how.window else "headless")
    _forget_python_objects(gateway)
    if how.window:
        gateway.ui().showUI()
    return gateway
