"""Find Fiji or ImageJ on this computer and its abilities by their files; start nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

from bridge.apps.finding import absolute, usual_places, version_numbers
from bridge.errors import BadInputError
from bridge.java.home import OLDEST_JAVA, JavaHome, java_homes, java_major, java_version

APP_VARIABLE = "FIJI_APP"
"""Environment variable with the folder of Fiji."""

OLDEST_IMAGEJ = "1.53t"
"""Oldest version of ImageJ that runs starbridge's macros."""

Kind = Literal["Fiji", "ImageJ2", "ImageJ"]

_RANKS: dict[Kind, int] = {"Fiji": 0, "ImageJ2": 1, "ImageJ": 2}
_ARCHIVES = (".zip", ".gz", ".tgz", ".xz", ".tar", ".dmg", ".7z")
# A Mac keeps programs a few folders deep, and archives unpack to a folder in a folder.
_INSIDE = ("Fiji.app", "Fiji", "ImageJ", "Contents/Java", "Contents/Resources", "Contents")
_LAUNCHERS = ("fiji", "Fiji", "fiji-linux-x64", "ImageJ-linux64", "ImageJ-win64")
_MOST_BYTES = 2**22  # many times what any of the files read here has
_SYSTEMS = {"Linux": "linux", "Windows": "win", "Darwin": "mac"}


@dataclass(frozen=True)
class Missing:
    """A missing part of a Fiji.

    Attributes:
        part: its name for the user.
        remedy: how to get it.
    """

    part: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.part}: {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class FijiApp:
    """An installed Fiji, ImageJ2 or plain ImageJ.

    Attributes:
        path: its folder, which holds ``plugins`` and ``jars`` or ``ij.jar``.
        kind: Fiji, ImageJ2 (knows ``#@`` parameters, has no plugins of Fiji), or plain ImageJ.
        imagej_jar: the library of ImageJ 1.
        imagej_version: version of ImageJ (``1.54p``); ``None`` where no file says it.
        java: home folder of its own Java for this system; ``None`` where there is none.
        java_version: that Java's version (``1.8.0_172``, ``21.0.7``).
        tensorflow_version: version of its TensorFlow; ``None`` where there is none.
        tensorflow_native: True where TensorFlow's native library is there.
        tensorflow_in_lib: True where that library lies in its folder ``lib``, as its menu puts it
            there, not in a .jar.
        tensorflow_crash: the file that lies there while Fiji loads TensorFlow, and after a crash.
        library_folders: folders of its native libraries for this system.
        imagej_tensorflow_version: version of imagej-tensorflow, which loads TensorFlow.
        protobuf_versions: versions of all its protobuf-java libraries, which read models.
        stardist_version: version of the StarDist plugin.
        csbdeep_version: version of CSBDeep, which StarDist needs.
        bioformats_version: version of Bio-Formats; ``""`` where no file name says it.
        imglyb_version: version of imglib2-imglyb, which pyimagej otherwise downloads.
    """

    path: Path
    kind: Kind
    imagej_jar: Path
    imagej_version: str | None = None
    java: Path | None = None
    java_version: str | None = None
    tensorflow_version: str | None = None
    tensorflow_native: bool = False
    tensorflow_in_lib: bool = False
    tensorflow_crash: Path | None = None
    library_folders: tuple[Path, ...] = ()
    imagej_tensorflow_version: str | None = None
    protobuf_versions: tuple[str, ...] = ()
    stardist_version: str | None = None
    csbdeep_version: str | None = None
    bioformats_version: str | None = None
    imglyb_version: str | None = None

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Missing parts that StarDist or starbridge need, and how to get each."""
        return tuple(_missing(self))

    @property
    def java_is_old(self) -> bool:
        """True where pyimagej does not start its Java (Fiji had Java 8 for many years)."""
        return self.java_version is not None and java_major(self.java_version) < OLDEST_JAVA

    @property
    def imagej_is_old(self) -> bool:
        """True where starbridge's macros do not run in its ImageJ."""
        version = self.imagej_version
        return version is not None and _release(version) < _release(OLDEST_IMAGEJ)

    @property
    def java_homes(self) -> tuple[JavaHome, ...]:
        """The Javas with which pyimagej could start it: its own first, then the computer's."""
        own = () if self.java is None else (JavaHome(self.java, "Fiji", self.java_version),)
        return (*own, *java_homes())

    @property
    def runs_stardist(self) -> bool:
        """True where it has everything that the StarDist plugin needs."""
        has_all = self.stardist_version and self.csbdeep_version and self.fitting_export
        return bool(has_all) and self.tensorflow_native and not self.tensorflow_is_blocked

    @property
    def tensorflow_is_blocked(self) -> bool:
        """True where Fiji does not load TensorFlow because of an earlier crash.

        imagej-tensorflow 1.1.7 and later try again.
        """
        loader = self.imagej_tensorflow_version
        tries_again = loader is not None and version_numbers(loader)[:3] >= (1, 1, 7)
        return self.tensorflow_crash is not None and not tries_again

    @property
    def fitting_export(self) -> str | None:
        """Target of ``starbridge export`` that it loads (``tf1.12``, ``tf1.15``).

        ``None`` where its TensorFlow loads none; :attr:`missing` says what to do.
        """
        if self.tensorflow_version is None:
            return None
        version = version_numbers(self.tensorflow_version)[:2]
        return "tf1.15" if version >= (1, 15) else "tf1.12" if version >= (1, 12) else None

    @property
    def knows_script_parameters(self) -> bool:
        """True where macros may have ``#@`` lines; plain ImageJ takes them for errors."""
        return self.kind != "ImageJ"


def find_app(
    given: str | PathLike[str] | None = None, *, places: Sequence[Path] | None = None
) -> FijiApp | None:
    """Find the Fiji to use.

    Args:
        given: its folder or launcher; else that of ``FIJI_APP``; else one in the usual places
            (home folder, Desktop, Downloads, /Applications, /opt, the disk itself on Windows, …),
            a Fiji before an ImageJ.
        places: folders to search instead of the usual ones.

    Returns:
        The app, ``None`` where there is none.

    Raises:
        BadInputError: ``given`` or ``FIJI_APP`` is no Fiji.
    """
    if given is not None:
        return inspect_app(given)
    if named := os.environ.get(APP_VARIABLE):
        try:
            return inspect_app(named)
        except BadInputError as error:
            remedy = f"{error.remedy}, or unset {APP_VARIABLE}"
            problem = f"(from {APP_VARIABLE}) {error.problem}"
            raise BadInputError(error.source, problem, remedy) from error
    best: FijiApp | None = None
    for candidate in _candidates(usual_places() if places is None else places):
        with suppress(BadInputError):
            app = inspect_app(candidate)
            if app.kind == "Fiji":
                return app
            if best is None or _RANKS[app.kind] < _RANKS[best.kind]:
                best = app
    return best


def inspect_app(path: str | PathLike[str]) -> FijiApp:
    """Read the versions and parts of a Fiji or ImageJ from its files.

    Args:
        path: its folder, its launcher, or the folder around it.

    Raises:
        BadInputError: it does not exist, cannot be read, or is no Fiji and no ImageJ.
    """
    given = absolute(path)
    try:
        if not given.exists():
            raise BadInputError(given, "does not exist", "give the folder of your Fiji (Fiji.app)")
        for root in _roots(given):
            if (jar := _imagej_jar(root)) is not None:
                return _inspected(root, jar)
        names = {p.name for p in given.iterdir()} if given.is_dir() else set()
    except OSError as error:
        raise BadInputError(
            given, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    if given.is_file() and given.suffix.lower() in _ARCHIVES:
        raise BadInputError(given, "is not unpacked", "unpack it and give the folder Fiji.app")
    if given.is_file():
        raise BadInputError(given, "is a file, no Fiji", "give the folder of your Fiji (Fiji.app)")
    problem = "is empty, so it is no Fiji"
    if names:
        problem = "is no Fiji: it has neither jars/ij-….jar nor ij.jar"
    raise BadInputError(given, problem, "give the folder that holds plugins and jars")


def jar_versions(folders: Iterable[Path]) -> dict[str, str]:
    """Read the versions of Java libraries from their file names, the newest of each.

    Returns:
        Versions by the name in lower case (``{"ij": "1.54p", "stardist_": "0.3.0"}``); ``""``
        where the file name has none.
    """
    found: dict[str, str] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            if path.suffix.lower() != ".jar":
                continue
            match = re.fullmatch(r"(.+?)-(\d.*)", path.stem)
            name, version = (match[1], match[2]) if match else (path.stem, "")
            old = found.get(name.lower())
            if old is None or version_numbers(version) > version_numbers(old):
                found[name.lower()] = version
    return found


def _candidates(places: Iterable[Path]) -> Iterator[Path]:
    for launcher in _LAUNCHERS:
        if program := shutil.which(launcher):
            yield Path(program).resolve()
    for place in places:
        try:
            named = [p for p in place.iterdir() if p.name.lower().startswith(("fiji", "imagej"))]
        except OSError:
            continue
        usual = ("fiji.app", "fiji", "imagej")  # before copies and backups
        yield from sorted(named, key=lambda p: (p.name.lower() not in usual, p.name))


def _roots(given: Path) -> Iterator[Path]:
    if given.is_dir():
        yield given
        yield from (given / name for name in _INSIDE)
        if given.suffix == ".app":  # a launcher for Mac beside the files
            yield given.parent
    elif given.suffix.lower() not in _ARCHIVES:
        yield from given.parents[:4]


def _imagej_jar(root: Path) -> Path | None:
    """Return the library of ImageJ 1."""
    for folder in (root, root / "ImageJ.app" / "Contents" / "Java"):
        if (folder / "ij.jar").is_file():
            return folder / "ij.jar"
    if not (root / "jars").is_dir():
        return None
    jars = [p for p in (root / "jars").iterdir() if re.fullmatch(r"ij(-\d.*)?\.jar", p.name)]
    return max(jars, key=lambda p: version_numbers(p.stem), default=None)


def _inspected(root: Path, jar: Path) -> FijiApp:
    jars = root / "jars"
    folders = [jars, root / "plugins"]
    folders += [p for p in sorted(jars.iterdir()) if p.is_dir()] if jars.is_dir() else []
    versions = jar_versions(folders)
    kind: Kind = "ImageJ"
    if "fiji" in versions:
        kind = "Fiji"
    elif "imagej" in versions or "imagej-legacy" in versions:
        kind = "ImageJ2"
    java, java_version = _bundled_java(root)
    in_lib = next(_of_this_system(root / "lib", "*tensorflow_jni*"), None) is not None
    bioformats = (versions.get(n) for n in ("formats-gpl", "formats-api", "bio-formats_plugins"))
    return FijiApp(
        path=root,
        kind=kind,
        imagej_jar=jar,
        imagej_version=versions.get("ij") or _version_in(jar),
        java=java,
        java_version=java_version,
        tensorflow_version=_tensorflow(root, versions),
        tensorflow_native=(
            not versions.keys().isdisjoint(("libtensorflow_jni", "libtensorflow_jni_gpu")) or in_lib
        ),
        tensorflow_in_lib=in_lib,
        library_folders=tuple(p for p in _system_folders(root / "lib") if any(p.iterdir())),
        imagej_tensorflow_version=versions.get("imagej-tensorflow"),
        protobuf_versions=_protobuf_versions(folders),
        tensorflow_crash=next(_of_this_system(root / "lib", ".crashed"), None),
        stardist_version=versions.get("stardist_"),
        csbdeep_version=versions.get("csbdeep"),
        bioformats_version=next((v for v in bioformats if v), versions.get("bioformats_package")),
        imglyb_version=versions.get("imglib2-imglyb"),
    )


def _version_in(jar: Path) -> str | None:
    """Read ImageJ's version from the library's manifest, its code, or its list of menus."""
    try:
        with zipfile.ZipFile(jar) as archive:
            for name, pattern in (
                ("META-INF/MANIFEST.MF", rb"Implementation-Version: *(1\.\d\d\w*)"),
                # a text constant of a Java class: its kind, its length, the text
                ("ij/ImageJ.class", rb"\x01\x00[\x04-\x07](1\.\d\d[a-z]?\d{0,2})"),
                ("IJ_Props.txt", rb"# *Version *(1\.\d\d\w*)"),
            ):
                with suppress(KeyError), archive.open(name) as stream:
                    if match := re.search(pattern, stream.read(_MOST_BYTES)):
                        return match[1].decode("ascii")
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        return None
    return None


def _bundled_java(root: Path) -> tuple[Path | None, str | None]:
    """Return home and version of the newest Java inside that is for this system."""
    found: list[tuple[tuple[int, ...], Path, str]] = []
    system = _SYSTEMS.get(platform.system(), "")
    program = "java.exe" if platform.system() == "Windows" else "java"
    inside = ("", "jre", "Contents/Home", "jre/Contents/Home")
    for pattern in (f"java/{system}*/*", f"java/{system}*/*/*", f"java/{system}*", "jre", "java"):
        for folder in sorted(root.glob(pattern)):
            for home in (folder / deeper for deeper in inside):
                if (home / "bin" / program).is_file():
                    version = java_version(home) or _version_in_path(home, root)
                    found.append(((java_major(version), *version_numbers(version)), home, version))
    if not found:
        return None, None
    _, home, version = max(found, key=lambda f: f[0])
    return home, version or None


def _version_in_path(home: Path, root: Path) -> str:
    """Return the version in a folder's name: Fiji's oldest Javas have no release file."""
    for name in reversed(home.relative_to(root).parts):
        if match := re.search(r"(?:jdk|jre)-?(\d[\w.]*)", name):
            return match[1]
    return ""


def _tensorflow(root: Path, versions: Mapping[str, str]) -> str | None:
    """Return the version chosen in Edit › Options › TensorFlow…, else the libraries' version."""
    for path in _of_this_system(root / "lib", ".tensorflowversion"):
        with suppress(OSError):
            parts = path.read_text("utf-8", "replace").split(",")
            if len(parts) > 1 and re.match(r"\d+\.\d", parts[1]):
                return parts[1].strip()
    return versions.get("libtensorflow") or None


def _protobuf_versions(folders: Iterable[Path]) -> tuple[str, ...]:
    names = [p.stem for folder in folders if folder.is_dir() for p in folder.glob("*.jar")]
    found = {m[1] for name in names if (m := re.fullmatch(r"protobuf-java-(\d[\w.-]*)", name))}
    return tuple(sorted(found, key=version_numbers))


def _of_this_system(folder: Path, pattern: str) -> Iterator[Path]:
    for platform_folder in _system_folders(folder):
        yield from platform_folder.glob(pattern)


def _system_folders(folder: Path) -> Iterator[Path]:
    """Yield the folders in Fiji's ``lib`` that are for this system."""
    if not folder.is_dir():
        return
    system = _SYSTEMS.get(platform.system(), "")
    for inside in sorted(folder.iterdir()):
        if inside.name.startswith(system) and inside.is_dir():
            yield inside


def _release(version: str) -> tuple[tuple[int, ...], str]:
    """Return a sort key of ImageJ's versions: 1.53 before 1.53a before 1.53t before 1.54."""
    match = re.match(r"[\d.]*\d([a-z]*)", version)
    return version_numbers(version)[:2], match[1] if match else ""


_SITES = "Help › Update… › Manage update sites, tick {}, close, Apply changes, restart"


def _missing(app: FijiApp) -> Iterator[Missing]:
    if app.kind == "ImageJ":
        yield Missing(
            "StarDist", "it needs Fiji, which this ImageJ is not: get it from https://fiji.sc"
        )
        return
    for part, version, site in (
        ("StarDist", app.stardist_version, "StarDist"),
        ("CSBDeep", app.csbdeep_version, "CSBDeep"),
        ("TensorFlow", app.tensorflow_version, "TensorFlow"),
    ):
        if version is None:
            yield Missing(part, _SITES.format(site))
    if app.tensorflow_version is not None and app.fitting_export is None:
        yield Missing(
            "TensorFlow 1.12 or later",
            f"it has {app.tensorflow_version}; {_SITES.format('TensorFlow')}, then choose 1.15.0 "
            "in Edit › Options › TensorFlow…",
        )
    elif app.tensorflow_version is not None and not app.tensorflow_native:
        yield Missing(
            "TensorFlow's native library", "choose 1.15.0 CPU in Edit › Options › TensorFlow…"
        )
    if app.tensorflow_is_blocked:
        yield Missing(
            "TensorFlow that loads",
            f"Fiji closed while loading it and will not try again: delete {app.tensorflow_crash}, "
            "then choose TensorFlow 1.15.0 CPU in Edit › Options › TensorFlow…",
        )
    if app.bioformats_version is None:
        yield Missing("Bio-Formats", _SITES.format("Bio-Formats"))
    if app.imglyb_version is None:
        yield Missing(
            "imglib2-imglyb",
            "pyimagej downloads it when it first starts this Fiji, so be on a network then",
        )
    if app.java_is_old:
        yield Missing(
            f"Java {OLDEST_JAVA} or later",
            f"it brings Java {app.java_version}, which is enough for its menus only; Python starts "
            'it with another: pip install "starbridge[fiji]" brings one',
        )
