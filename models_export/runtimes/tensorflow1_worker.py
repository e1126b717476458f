"""The process in which TensorFlow 1 for Java lives. Started by :mod:`tensorflow1`, never imported.

Requests and answers are those of :mod:`bridge.java.answering`; arrays are exchanged as .npy files.
Arguments: a folder for temporary files, libjvm, the .jar files.
"""

from __future__ import annotations

import platform
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from bridge.java.answering import Answers, requests


def main() -> None:
    """Start Java, then answer requests until stdin ends."""
    import jpype
    import jpype.nio

    temporary, java, *jars = sys.argv[1:]
    answers = Answers(Path(temporary))
    try:
        natives = Path(temporary) / "natives"
        for jar in jars:
            _unpack_natives(Path(jar), natives)
        jpype.startJVM(
            f"-Djava.io.tmpdir={temporary}",
            f"-Djava.library.path={natives}",
            "--enable-native-access=ALL-UNNAMED",
            jvmpath=java,
            classpath=jars,
            convertStrings=True,
            ignoreUnrecognized=True,
        )
        tensorflow = jpype.JPackage("org").tensorflow
        answers.ready({"version": str(tensorflow.TensorFlow.version())})
    except Exception as error:
        answers.ready(_refusal(error))
        return
    for request in requests():
        answer = {}
        try:
            if request["do"] == "operations":
                names = bytes(tensorflow.TensorFlow.registeredOpList())
                Path(request["to"]).write_bytes(names)
            else:
                _run(jpype, tensorflow, request)
        except Exception as error:
            answer = _refusal(error)
        answers.give(request["number"], answer)


def _unpack_natives(jar: Path, folder: Path) -> None:
    """Unpack the native libraries for this system into one folder.

    TensorFlow would do so itself, but 1.14 gives one of them a name by which the other does not
    find it.
    """
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows"}[platform.system()]
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(jar) as archive:
        for info in archive.infolist():
            parts = PurePosixPath(info.filename)
            if info.is_dir() or parts.parent.as_posix() != f"org/tensorflow/native/{system}-x86_64":
                continue
            if "tensorflow" not in parts.name:
                continue
            target = folder / parts.name
            with archive.open(info) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 2**20)


def _run(jpype: Any, tensorflow: Any, request: dict[str, str]) -> None:
    """Load a model, run it once and release it."""
    if request["kind"] == "saved_model":
        bundle = tensorflow.SavedModelBundle.load(request["path"], "serve")
        session, owners = bundle.session(), [bundle]
    else:
        graph = tensorflow.Graph()
        graph.importGraphDef(jpype.JArray(jpype.JByte)(Path(request["path"]).read_bytes()))
        session = tensorflow.Session(graph)
        owners = [session, graph]
    try:
        image = np.load(request["image"], allow_pickle=False)
        order = jpype.JClass("java.nio.ByteOrder").nativeOrder()
        memory = bytearray(image.tobytes())
        buffer = jpype.nio.convertToDirectBuffer(memory).order(order).asFloatBuffer()
        shape = jpype.JArray(jpype.JLong)(list(image.shape))
        entering = tensorflow.Tensor.create(shape, buffer)
        runner = session.runner().feed(request["input"], entering).fetch(request["output"])
        leaving = runner.run().get(0)
        result = bytearray(4 * leaving.numElements())
        leaving.writeTo(jpype.nio.convertToDirectBuffer(result).order(order).asFloatBuffer())
        sizes = [int(n) for n in leaving.shape()]
        np.save(request["to"], np.frombuffer(result, np.float32).reshape(sizes))
        entering.close()
        leaving.close()
    finally:
        for owner in owners:
            owner.close()


def _refusal(error: Exception) -> dict[str, str]:
    return {"error": "java", "message": str(error) or type(error).__name__}


if __name__ == "__main__":
    main()
