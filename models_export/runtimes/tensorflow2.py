"""The installed TensorFlow: the reference for a file whose model is not at hand."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_export.runtimes import Program, RunError, Runtime, import_library


class TensorFlow2(Runtime):
    """The installed TensorFlow, running graphs as TensorFlow 1 did."""

    def start(self) -> None:
        """Import TensorFlow."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self._tf = import_library("tensorflow", "TensorFlow", "segment")
        self.name = f"TensorFlow {self._tf.__version__}"

    def run(self, program: Program, image: NDArray[Any]) -> NDArray[Any]:
        """Run a SavedModel or a frozen graph; see :class:`Runtime`."""
        tf = self._tf
        feed = {program.input: image[np.newaxis].astype(np.float32)}
        try:
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                if program.kind == "saved_model":
                    tf.compat.v1.saved_model.load(session, ["serve"], str(program.path))
                else:
                    definition = tf.compat.v1.GraphDef.FromString(program.path.read_bytes())
                    tf.import_graph_def(definition, name="")
                result: NDArray[Any] = np.asarray(session.run(program.output, feed)[0])
        except (tf.errors.OpError, ValueError, KeyError, RuntimeError, OSError) as error:
            raise RunError(str(error)[:400]) from error
        return result
