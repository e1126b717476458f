"""Known causes why Fiji's StarDist plugin fails, and what to do about each.

The library of the macros has the same table (``starDistCauses()``), because a macro also runs where
there is no Python; a test compares the two. What the plugin prints is matched by patterns that mean
the same in Python and in Java.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A known cause of failures.

    Attributes:
        key: its name.
        pattern: pattern of what Java, TensorFlow or the plugin print.
        problem: what is wrong, in one clause.
        remedy: what to do.
    """

    key: str
    pattern: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


CAUSES = (
    Cause(
        "model",
        r"it cannot be unzipped|it has no saved_model\.pb|Can't parse .*saved_model\.pb",
        "the model is no zip for Fiji, or it is damaged",
        "write it anew: starbridge export MODEL --to tf1.15",
    ),
    # What is printed of these three holds words of the later ones, too.
    Cause(
        "imagej-tensorflow",
        r"cannot be cast to class java\.net\.URLClassLoader"
        r"|imagej-tensorflow-1\.(0|1\.[0-8])[.\d]*jar, Java (?!1\.)",
        "imagej-tensorflow 1.1.8 and earlier load TensorFlow in Java 8 only",
        "bring imagej-tensorflow 1.1.9 by Help > Update..., or choose TensorFlow 1.15.0 CPU in"
        " Edit > Options > TensorFlow...",
    ),
    Cause(
        "crashed",
        r"TensorFlow (JAR|native library) crashed.*imagej-tensorflow-1\.(0|1\.[0-6])[.\d]*jar",
        "Fiji closed while loading TensorFlow and will not try again",
        "delete the file .crashed in Fiji's folder lib, then choose TensorFlow 1.15.0 CPU in"
        " Edit > Options > TensorFlow...",
    ),
    Cause(
        "processor",
        r"OS: darwin, architecture: (aarch64|arm64)|need 'arm64",
        "TensorFlow 1 exists for Intel and AMD processors only",
        "run the model in QuPath, or with starbridge segment",
    ),
    Cause(
        "protobuf",
        r"makeExtensionsImmutable|com[./]google[./]protobuf",
        "Fiji's protobuf-java does not fit TensorFlow 1, which needs version 3",
        "leave only a protobuf-java-3 in Fiji's folder jars: Help > Update... > Manage update"
        " sites, tick TensorFlow, close, Apply changes, restart",
    ),
    Cause(
        "unpacked",
        r"Could not find SavedModel|Could not find meta graph",
        "Fiji unpacked this model in part before",
        "delete the folders in Fiji's folder models",
    ),
    Cause(
        "newer",
        r"Op type not registered|NodeDef mentions attr|is GraphDef version",
        "the model is for a newer TensorFlow than Fiji's",
        "write it for this one: starbridge export MODEL --to tf1.12",
    ),
    Cause(
        "channels",
        r"Input axis of type Channel should have size",
        "the model takes another number of channels",
        "choose the channels that it was trained on, in their order",
    ),
    Cause(
        "memory",
        r"OutOfMemoryError|OOM when allocating",
        "Java ran out of memory",
        "give more tiles, or Fiji more memory in Edit > Options > Memory & Threads...",
    ),
    Cause(
        "library",
        r"Cannot find TensorFlow native library|no tensorflow_jni|Could not load .*TF library"
        r"|Could not find any TensorFlow|UnsatisfiedLinkError|TensorFlow .*crashed",
        "Fiji has no TensorFlow library that loads on this computer",
        "choose another TensorFlow in Edit > Options > TensorFlow..., best 1.15.0 CPU",
    ),
)
"""The causes, the most special first."""


def cause(key: str) -> Cause:
    """Return a cause by its name.

    >>> cause("memory").problem
    'Java ran out of memory'
    """
    return next(known for known in CAUSES if known.key == key)


def explain(printed: str) -> Cause | None:
    """Return the cause of a failure by what was printed, ``None`` for an unknown one.

    >>> explain("java.lang.OutOfMemoryError: Java heap space").key
    'memory'
    """
    text = " ".join(printed.split())
    return next((known for known in CAUSES if re.search(known.pattern, text)), None)
