"""Messages of the StarDist plugin when it fails, and what a user reads instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.apps.fiji.stardist_causes import CAUSES, explain

LIBRARY = Path(__file__).parents[3] / "macros" / "lib" / "stardist_plugin.ijm"


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("it cannot be unzipped: zip END header not found", "model"),
        ("it has no saved_model.pb", "model"),
        (
            "org.tensorflow.TensorFlowException: Can't parse /tmp/models/a/saved_model.pb as "
            "binary proto",
            "model",
        ),
        (
            "java.lang.ClassCastException: class jdk.internal.loader.ClassLoaders$AppClassLoader "
            "cannot be cast to class java.net.URLClassLoader",
            "imagej-tensorflow",
        ),
        (
            "TensorFlow JAR crashed: file:/jars/libtensorflow-1.15.0.jar "
            "(imagej-tensorflow-1.1.8.jar, Java 21.0.8)",
            "imagej-tensorflow",
        ),
        # in Java 8 that is not the reason
        (
            "TensorFlow JAR crashed: file:/jars/libtensorflow-1.15.0.jar "
            "(imagej-tensorflow-1.1.6.jar, Java 1.8.0_322)",
            "crashed",
        ),
        (
            "Could not load JAR TF library: Cannot find TensorFlow native library for OS: darwin, "
            "architecture: aarch64.",
            "processor",
        ),
        (
            "Could not load JAR TF library: Cannot find TensorFlow native library for OS: linux, "
            "architecture: x86_64.",
            "library",
        ),
        (
            "java.lang.NoSuchMethodError: org.tensorflow.framework.MetaGraphDef."
            "makeExtensionsImmutable()V",
            "protobuf",
        ),
        ("java.lang.NoClassDefFoundError: com/google/protobuf/Message", "protobuf"),
        (
            "org.tensorflow.TensorFlowException: Could not find SavedModel .pb or .pbtxt at "
            "supplied export directory path: /Fiji.app/models/a",
            "unpacked",
        ),
        ("Op type not registered 'AddV2' in binary running on host", "newer"),
        ("NodeDef mentions attr 'explicit_paddings' not in Op<name=Conv2D>", "newer"),
        (
            "net.imagej.DefaultDataset: Input axis of type Channel should have size 1 but has 2",
            "channels",
        ),
        ("java.lang.OutOfMemoryError:\n Java heap space", "memory"),
    ],
)
def test_a_known_failure(printed: str, key: str) -> None:
    found = explain(printed)

    assert found is not None
    assert found.key == key


def test_an_unknown_failure_stays_as_it_is() -> None:
    assert explain("java.lang.IllegalStateException: something else") is None


def test_macros_know_the_same_causes() -> None:
    text = LIBRARY.read_text("utf-8")
    table = text[text.index("causes = newArray(") : text.index("return causes;")]
    joined = re.sub(r'"\s*\+ "', "", table)
    entries = [
        entry.replace('\\"', '"').replace("\\\\", "\\")
        for entry in re.findall(r'"((?:[^"\\]|\\.)*)"', joined)
    ]

    assert entries == [text for known in CAUSES for text in (known.pattern, str(known))]
