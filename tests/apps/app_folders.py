"""Folders that look like the Fijis, ImageJs and QuPaths that people have."""

from __future__ import annotations

import platform
import zipfile
from pathlib import Path

OF_SYSTEM = {"Windows": "win64", "Darwin": "macosx"}.get(platform.system(), "linux64")
"""How Fiji names folders for this system."""


LIBJVM = {"Windows": "bin/server/jvm.dll", "Darwin": "lib/server/libjvm.dylib"}.get(
    platform.system(), "lib/server/libjvm.so"
)
"""Places of the library of Java 11 and later on this system."""


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write_jar(path: Path, entries: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def write_java(home: Path, version: str | None) -> None:
    """A Java of this system, by its files."""
    touch(home, "bin/java", "bin/java.exe", LIBJVM)
    if version is not None:
        (home / "release").write_text(f'IMPLEMENTOR="Azul"\nJAVA_VERSION="{version}"\n')


def fiji_of_2017(folder: Path, system: str = OF_SYSTEM) -> Path:
    """A Fiji of the summer of 2017: Java 8, no StarDist, no TensorFlow."""
    touch(
        folder,
        "ImageJ-linux64",
        "jars/ij-1.51n.jar",
        "jars/fiji-2.0.0-pre-8.jar",
        "jars/imagej-2.0.0-rc-61.jar",
        "jars/imagej-legacy-0.25.0.jar",
        "jars/scijava-common-2.64.0.jar",
        "jars/bio-formats/formats-gpl-5.5.2.jar",
        "plugins/bio-formats_plugins-5.5.2.jar",
        "plugins/Fiji_Updater-2.0.3.jar",
        "plugins/JRuby/About.rb",
        "macros/StartupMacros.fiji.ijm",
        "db.xml.gz",
    )
    write_java(folder / "java" / system / "jdk1.8.0_66", None)
    write_java(folder / "java" / system / "jdk1.8.0_66" / "jre", None)
    return folder


def fiji_of_today(folder: Path, system: str = OF_SYSTEM) -> Path:
    """A Fiji with Java 21, StarDist, CSBDeep and TensorFlow 1.15."""
    touch(
        folder,
        "fiji-linux-x64",
        "config/jaunch/fiji.toml",
        "jars/ij-1.54p.jar",
        "jars/fiji-2.17.0.jar",
        "jars/imagej-2.17.0.jar",
        "jars/imagej-legacy-2.0.2.jar",
        "jars/csbdeep-0.6.0.jar",
        "jars/imagej-tensorflow-1.1.9.jar",
        "jars/libtensorflow-1.15.0.jar",
        "jars/libtensorflow_jni-1.15.0.jar",
        "jars/imglib2-imglyb-2.0.1.jar",
        "jars/bio-formats/formats-api-8.2.0.jar",
        "jars/bio-formats/formats-gpl-8.2.0.jar",
        "plugins/StarDist_-0.3.0-scijava.jar",
    )
    write_java(folder / "java" / system / "zulu21.42.19-ca-jdk21.0.7-linux_x64", "21.0.7")
    return folder


def plain_imagej(folder: Path) -> Path:
    """ImageJ as its own site gives it: ij.jar beside plugins and macros, its Java in jre."""
    write_jar(folder / "ij.jar", {"META-INF/MANIFEST.MF": b"Main-Class: ij.ImageJ\n"})
    touch(folder, "plugins/Filters/Fast_Filters.class", "macros/StartupMacros.txt")
    write_java(folder / "jre", "1.8.0_322")
    return folder


def qupath(folder: Path, version: str = "0.6.0", java: str = "21.0.6") -> Path:
    """QuPath on Linux."""
    touch(folder, f"lib/app/qupath-core-{version}.jar", "lib/app/QuPath.cfg", "bin/QuPath")
    write_java(folder / "lib" / "runtime", java)
    return folder
