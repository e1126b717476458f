"""A program that behaves as a real ilastik does where something is wrong.

It classifies nothing: what it writes and says is chosen by the test. Whether starbridge's calls
suit a real ilastik is tested with one (``test_real_ilastik.py``).
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np

from bridge.apps.ilastik.finding import IlastikApp
from bridge.formats.axistags import axistags

_PROGRAM = """\
#!{python} -I
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
arguments = dict(a.lstrip("-").split("=", 1) for a in sys.argv[1:] if "=" in a)
with open(folder / "calls", "a", encoding="utf-8") as calls:
    calls.write(json.dumps({{"argv": sys.argv[1:], "cwd": os.getcwd(),
        "threads": os.environ.get("LAZYFLOW_THREADS")}}) + "\\n")
output = pathlib.Path(arguments.get("output_filename_format", "none"))
{body}
"""

SAYS = """
print({text!r})
sys.exit({status})
"""

COPIES = """
import shutil
shutil.copyfile(folder / "export.h5", output)
print({text!r})
sys.exit({status})
"""


def make(folder: Path, body: str) -> IlastikApp:
    """Make the program; it notes its calls in ``folder/calls``, a line of JSON each."""
    program = folder / "ilastik"
    program.write_text(
        _PROGRAM.format(python=sys.executable, folder=str(folder), body=body), encoding="utf-8"
    )
    program.chmod(0o755)
    return IlastikApp(launcher=program, version="1.4.0")


def says(folder: Path, text: str, status: int = 1) -> IlastikApp:
    """Make a program that prints a text and ends, without writing anything."""
    return make(folder, SAYS.format(text=text, status=status))


def writes(
    folder: Path,
    shape: tuple[int, ...],
    *,
    value: float = 0.5,
    text: str = "",
    status: int = 0,
    before: str = "",
) -> IlastikApp:
    """Make a program that writes probabilities of one value, axes YXC.

    Args:
        folder: of the program.
        shape: of the export.
        value: of all its pixels.
        text: what the program prints.
        status: its exit status.
        before: lines of Python that it runs first.
    """
    with h5py.File(folder / "export.h5", "w") as file:
        file["exported_data"] = np.full(shape, value, np.float32)
        file["exported_data"].attrs["axistags"] = axistags("YXC")
    return make(folder, before + COPIES.format(text=text, status=status))
