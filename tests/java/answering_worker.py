"""A worker for tests: does as it is told, good or bad."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from bridge.java.answering import Answers, requests


def main() -> None:
    """Answer until nobody asks any more."""
    answers = Answers(Path(sys.argv[1]))
    if sys.argv[2] == "refuse":
        answers.ready({"error": "start", "message": "cannot start"})
        return
    if sys.argv[2] == "step by step":
        # each step is announced only when whoever waits has taken notice of the one before
        for step in ("one", "two", "three"):
            answers.step(step)
            while not Path(sys.argv[3], step).exists():
                time.sleep(0.01)
    if sys.argv[2] == "stall":
        answers.step("one")
        time.sleep(3600)
    answers.ready({"argument": sys.argv[2]})
    for request in requests():
        answer = {}
        if request["do"] == "echo":
            answer = {"text": request["text"]}
        elif request["do"] == "print":
            sys.stdout.write(request["text"])
            sys.stdout.flush()
        elif request["do"] == "refuse":
            answer = {"error": "kind", "message": "no"}
        elif request["do"] == "die":
            sys.stderr.write("Error: it broke\n")
            sys.stderr.flush()
            os._exit(3)
        elif request["do"] == "hang":
            time.sleep(3600)
        answers.give(request["number"], answer)


if __name__ == "__main__":
    main()
