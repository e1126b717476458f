"""A program that behaves as a real ilastik does where something is wrong.

It classifies nothing: what it writes and says is chosen by the test. Whether starbridge's calls
suit a real ilastik is tested with one (``test_real_ilastik.py``).
"""

from __future__ import annotations

import sys
from pathlib import Path

from bridge.apps.ilastik.finding import IlastikApp

_PROGRAM = """\
#!{python}
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

WRITES = """
import h5py, numpy
shape, axes, value = {shape!r}, {axes!r}, {value!r}
tags = json.dumps({{"axes": [{{"key": a, "typeFlags": 2}} for a in axes.lower()]}})
with h5py.File(output, "w") as file:
    dataset = file.create_dataset("exported_data", data=numpy.full(shape, value, {dtype!r}))
    dataset.attrs["axistags"] = tags
if {table!r} is not None:
    output.with_name(output.stem + "_table.csv").write_text({table!r})
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
    axes: str = "yxc",
    value: float = 0.5,
    dtype: str = "float32",
    table: str | None = None,
    text: str = "",
    status: int = 0,
) -> IlastikApp:
    """Make a program that writes an export of one value, and a table where one is given."""
    return make(
        folder,
        WRITES.format(
            shape=shape,
            axes=axes,
            value=value,
            dtype=dtype,
            table=table,
            text=text,
            status=status,
        ),
    )
