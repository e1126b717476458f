"""All figures of speed in one go: ``python -m benchmarks [NAME ...]``.

Runs the benchmarks named, or all that need no other program, one after the other, and writes what
they print into ``docs/performance.md`` with a description of this machine. Some hours on a laptop,
half an hour on a fast machine.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
PLOT = PAGE.parent / "images" / "cost.png"

BENCHMARKS = {
    "nms": "Suppression and drawing, beside StarDist's own",
    "engines": "The network in each engine",
    "instances": "From pixels to instances, beside StarDist",
    "segmenting": (
        "The whole command on a whole section, with a model of haug2's shape, "
        "beside the published script"
    ),
    "segmenting --model demo": "The same with the demo model",
    "linking": "Nuclei of volumes linked of those of planes, with what they are worth",
    "volume_memory": "Memory of networks of volumes, beside what the engine says",
    "volume_meshes": "A mesh of a volume, beside the steps of blender_tissue_cartography",
    "outlines": "Label image to outlines, beside GDAL's polygonize",
    "writing": "Writing 80,000 nuclei, beside StarDist and json",
    "training": "A step of training with haug2's network, beside StarDist's own",
    "measuring": "Shape and intensities, beside scikit-image",
    "measuring_section": "Measuring a whole section",
    "pixel_features": "ilastik's features of pixels, beside scipy and scikit-image",
    "aggregating": "Tables to counts, beside pandas",
    "pixel_classification": (
        "Pixel classification with ilastik's features, beside SciPy, scikit-image and scikit-learn"
    ),
    "object_classes": "Features and classes of 100,000 nuclei in four channels",
    "tracking": "Tracks of nuclei over time, beside laptrack",
    "scaling": "Many images on several workers",
    "startup": "The command's start",
}


def machine() -> str:
    """Processor, cores, memory, system and versions."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8"))
        name = found[1] if found else name
    libraries = ("numpy", "numba", "stardist", "tensorflow", "onnxruntime", "pandas")
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    return (
        f"{name}, {os.cpu_count()} cores; {platform.system()}, Python {platform.python_version()}; "
        f"{versions}"
    )


def measured(name: str) -> str:
    """Return the output of a benchmark."""
    command = [sys.executable, "-m", *f"benchmarks.{name}".split()]
    if name == "segmenting":
        command += ["--plot", str(PLOT)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


def sections(page: str) -> dict[str, str]:
    """Return the part of the page of each benchmark."""
    found = re.findall(r"<!-- ([\w -]+?) -->\n(.*?)(?=\n<!-- |\Z)", page, flags=re.DOTALL)
    return {name: text.strip() for name, text in found}


def main() -> None:
    """Measure, and bring the page up to date."""
    wanted = sys.argv[1:] or list(BENCHMARKS)
    known = sections(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    for name in wanted:
        print(f"{name} …", flush=True)
        said = measured(name)
        plotted = "\n\n![Seconds and memory](images/cost.png)" if name == "segmenting" else ""
        table = said if said.startswith("|") else f"```\n{said}\n```"
        known[name] = (
            f"## {BENCHMARKS[name]}\n`python -m benchmarks.{name}`, on {machine()}\n\n"
            f"{table}{plotted}"
        )
        parts = [f"<!-- {n} -->\n{known[n]}\n" for n in BENCHMARKS if n in known]
        head = (
            "# How fast it is\n"
            "Every figure stands beside the peer's of the same run; ratios mean more than seconds. "
            "`python -m benchmarks`\nwrites this page.\n\n"
        )
        PAGE.write_text(head + "\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
