"""Errors of ilastik in plain words.

ilastik prints a traceback of hundreds of lines, of which one says why. The lines were collected
from runs of ilastik 1.4 in which something was wrong on purpose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_READ = 2**19  # bytes of a log that are read, at its beginning and at its end
_MOST = 300  # letters of a line of ilastik's that are passed on


@dataclass(frozen=True)
class KnownError:
    """An error that ilastik prints, and what it means.

    Attributes:
        pattern: of what it prints.
        problem: what is wrong, as a clause about the image; groups of the pattern in braces.
        remedy: what to do.
        of_project: the project is at fault, not the image.
    """

    pattern: re.Pattern[str]
    problem: str
    remedy: str
    of_project: bool = False


@dataclass(frozen=True)
class Explanation:
    """Why a run of ilastik failed.

    Attributes:
        problem: what is wrong, as a clause.
        remedy: what to do, ``""`` where that is not known.
        of_project: the project is at fault, not the image.
    """

    problem: str
    remedy: str
    of_project: bool = False


def _known(pattern: str, problem: str, remedy: str, *, of_project: bool = False) -> KnownError:
    return KnownError(re.compile(pattern, re.DOTALL), problem, remedy, of_project)


KNOWN_ERRORS = (
    _known(
        r"Tried to access placeholder dataset",
        "has images that are not where it says, and no trained classifier",
        "find them with: starbridge ilastik show PROJECT --relink FOLDER",
        of_project=True,
    ),
    _known(
        r"feature scales are too large for your dataset.*?scales:\s*\[(?P<scales>[^\]]*)\]",
        "is too small for the scales {scales} of the project's features",
        "leave these scales out, or for a thin stack choose 2D for them, in ilastik's feature "
        "selection",
    ),
    _known(
        r"Your new image has (?P<new>\d+) channel\(s\), but your other images have (?P<old>\d+)",
        "has {new} channels, and the project's images have {old}",
        "give images of the channels that the project was trained on",
    ),
    _known(
        r"Your new image has (?P<new>\d+) dimensions.{0,40}?your other images have (?P<old>\d+)",
        "has {new} dimensions, its channels among them, and the project's images have {old}",
        "give images like those that the project was trained on",
    ),
    _known(
        r"Shapes do not match\. Label volume shape: (?P<labels>\([^)]*\)) "
        r"Raw data shape: (?P<raw>\([^)]*\))",
        "is {raw} (t, x, y, z, c) pixels large, and its label image {labels}",
        "give the label image of this image",
    ),
    _known(
        r"must have equal dimensions \(different channels are okay\)",
        "has another size than its label image",
        "give the label image of this image",
    ),
    _known(
        r"You can't export the CSV object table unless you configure it",
        "has no settings for the export of tables",
        "in ilastik, choose Object Information Export › Configure Feature Table Export, and save",
        of_project=True,
    ),
    _known(
        r"Could not find object feature plugin by name='(?P<plugin>[^']*)'",
        "has features of the plugin {plugin!r}, which this ilastik lacks",
        "choose other features, or install the plugin into ilastik",
        of_project=True,
    ),
    _known(
        r"Couldn't obtain a classifier from your project file",
        "has no trained classifier, and nothing to train one from",
        "label objects of each class in ilastik, and save",
        of_project=True,
    ),
    _known(
        r"relative path can't be expressed as a file URI",
        "has no dataset of this name, or is none of ilastik's formats",
        "check the name behind the file's",
    ),
    _known(
        r"Invalid option for --export_source: '(?P<source>[^']*)'",
        "cannot give {source!r}",
        "export something else, or use the project's own workflow in ilastik",
        of_project=True,
    ),
    _known(
        r"No space left on device",
        "could not be written: the disk is full",
        "make room and run again",
    ),
    _known(
        r"MemoryError|std::bad_alloc|Cannot allocate memory|Unable to allocate [\d.]+ [MGT]iB",
        "needs more memory than is free",
        "use fewer --jobs, or a machine with more memory",
    ),
    _known(
        r"Project file '[^']*' does not exist",
        "is not there",
        "check the spelling and the folder",
        of_project=True,
    ),
    _known(
        r"(?:ModuleNotFoundError|ImportError|loading shared libraries): (?P<what>[^\n]*)",
        "met an ilastik that is not whole ({what})",
        "install ilastik again",
    ),
)
"""Texts that ilastik prints, and their meaning; the first that is found counts."""

_RAISED = re.compile(
    r"^(?!lazyflow\.request)[A-Za-z_][\w.]*(?:Error|Exception|Found)\b:? ?.*$", re.M
)


def explain(log: Path, status: int) -> Explanation:
    r"""Say why a run failed.

    Args:
        log: what it printed.
        status: its exit status.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder) / "log"
    ...     _ = log.write_text("  File x.py\nValueError: too bad\n")
    ...     explain(log, 1).problem
    'is not taken by ilastik (ValueError: too bad)'
    """
    text = read_ends(log)
    for known in KNOWN_ERRORS:
        if match := known.pattern.search(text):
            problem = known.problem.format_map(match.groupdict())
            return Explanation(" ".join(problem.split()), known.remedy, known.of_project)
    if status in (-9, 137):
        return Explanation(
            "ended ilastik, most likely because it needs more memory than is free",
            "use fewer --jobs, or a machine with more memory",
        )
    raised = [match[0] for match in _RAISED.finditer(text)]
    if raised:
        return Explanation(f"is not taken by ilastik ({raised[0][:_MOST].strip()})", "")
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return Explanation(f"is not taken by ilastik, which ended with {how}", "")


def read_ends(log: Path) -> str:
    """Return a log as text; of a long one its beginning and its end."""
    with log.open("rb") as stream:
        start = stream.read(_READ)
        size = stream.seek(0, 2)
        stream.seek(max(len(start), size - _READ))
        return (start + b"\n" + stream.read()).decode("utf-8", "replace").replace("\r", "")
