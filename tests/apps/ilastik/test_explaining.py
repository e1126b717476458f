"""Errors that a real ilastik prints, in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.apps.ilastik.explaining import explain

TRACE = """\
INFO ilastik.shell.projectManager: Opening Project: /p.ilp
ERROR 2026-11-28 12:00:00,000 excepthooks 1 2 Unhandled exception in thread: 'MainThread'
Traceback (most recent call last):
  File "app.py", line 1, in main
    raise
{line}
lazyflow.request.request.RequestError: Failed to request data from `OpReorderAxes.Output`
"""

SAID = [
    (
        "lazyflow.operators.valueProviders.MissingDataAccessError: Tried to access placeholder "
        "dataset. You might not have saved the project with a trained classifier.",
        "has images that are not where it says, and no trained classifier",
        True,
    ),
    (
        "Constraint of 'Feature Selection' applet was violated: \nSome of your selected feature "
        "scales are too large for your dataset.\nReduce, remove or switch to 2D computation for "
        "these scales:\n[1.0, 1.6]\n",
        "is too small for the scales 1.0, 1.6 of the project's features",
        False,
    ),
    (
        "All input images must have the same number of channels.  Your new image has 3 channel(s), "
        "but your other images have 1 channel(s).",
        "has 3 channels, and the project's images have 1",
        False,
    ),
    (
        "All input images must have the same dimensionality.  Your new image has 4 dimensions "
        "(including channel), but your other images have 3 dimensions.",
        "has 4 dimensions, its channels among them, and the project's images have 3",
        False,
    ),
    (
        "DatasetConstraintError: Constraint of 'Object Feature Selection' applet was violated: "
        "Shapes do not match. Label volume shape: (1, 512, 100, 1, 1) Raw data shape: "
        "(1, 512, 512, 1, 1).",
        "is (1, 512, 512, 1, 1) (t, x, y, z, c) pixels large, and its label image "
        "(1, 512, 100, 1, 1)",
        False,
    ),
    (
        "RuntimeError: You can't export the CSV object table unless you configure it in the GUI "
        "first.",
        "has no settings for the export of tables",
        True,
    ),
    (
        "PluginNotFound: Could not find object feature plugin by name='Spherical Texture'. "
        "Available plugins: ",
        "has features of the plugin 'Spherical Texture', which this ilastik lacks",
        True,
    ),
    (
        "ValueError: relative path can't be expressed as a file URI",
        "has no dataset of this name, or is none of ilastik's formats",
        False,
    ),
    (
        "Exception: Invalid option for --export_source: 'Nonsense'",
        "cannot give 'Nonsense'",
        True,
    ),
    (
        "OSError: [Errno 28] No space left on device",
        "could not be written: the disk is full",
        False,
    ),
    (
        "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array",
        "needs more memory than is free",
        False,
    ),
    (
        "ModuleNotFoundError: No module named 'vigra'",
        "met an ilastik that is not whole (No module named 'vigra')",
        False,
    ),
    (
        "ZeroDivisionError: division by zero",
        "is not taken by ilastik (ZeroDivisionError: division by zero)",
        False,
    ),
]


@pytest.mark.parametrize(("line", "problem", "of_project"), SAID)
def test_what_ilastik_says_is_told_in_plain_words(
    tmp_path: Path, line: str, problem: str, of_project: bool
) -> None:
    (tmp_path / "log").write_text(TRACE.format(line=line))

    why = explain(tmp_path / "log", 1)

    assert (why.problem, why.of_project) == (problem, of_project)
    if "is not taken" not in problem:
        assert why.remedy


def test_a_braces_in_what_ilastik_says_is_text(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("Exception: Invalid option for --export_source: '{0.__class__}'")

    assert explain(tmp_path / "log", 1).problem == "cannot give '{0.__class__}'"


def test_only_requests_that_failed_are_no_reason(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("lazyflow.request.request.RequestError: Request failed.\n")

    assert (
        explain(tmp_path / "log", 1).problem
        == "is not taken by ilastik, which ended with exit status 1"
    )


@pytest.mark.parametrize(("status", "problem"), [(-9, "more memory"), (-11, "signal 11")])
def test_a_log_that_says_nothing(tmp_path: Path, status: int, problem: str) -> None:
    (tmp_path / "log").write_bytes(b"\xff\xfe")

    assert problem in explain(tmp_path / "log", status).problem


def test_of_a_long_log_both_ends_are_read(tmp_path: Path) -> None:
    filling = b"INFO nothing\n" * 200_000
    line = b"MissingDataAccessError: Tried to access placeholder dataset.\n"
    for parts in ([line, filling, filling], [filling, filling, line]):
        (tmp_path / "log").write_bytes(b"".join(parts))
        assert "not where it says" in explain(tmp_path / "log", 1).problem
