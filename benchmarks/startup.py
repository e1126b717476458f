"""CPU time of ``starbridge --help`` beyond Python's own start. Bar: 0.3 s."""

from __future__ import annotations

import resource
import subprocess
import sys


def cpu_seconds(*command: str) -> float:
    """CPU time (user and system) of a command, the least of five runs."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(5))


def main() -> None:
    """Measure and print."""
    bare = cpu_seconds(sys.executable, "-c", "")
    for words in (["--help"], ["segment", "--help"]):
        spent = cpu_seconds(sys.executable, "-m", "bridge.cli", *words) - bare
        print(f"starbridge {' '.join(words)}: {spent:.3f} s of CPU beyond Python's {bare:.3f} s")


if __name__ == "__main__":
    main()
