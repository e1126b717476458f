"""Exports as other programs write them, in a process with the Keras that they need.

``python -m tests.model.graphs.foreign_exports JOBS`` writes for each job the configuration and the
random weights of a StarDist model, and beside them ``exported.zip`` or ``exported.pb``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def stardist_zip(model: Any, folder: Path) -> None:
    """Export as StarDist's ``export_TF`` does: a graph with variables, written through Keras 2."""
    from stardist.models import StarDist2D, StarDist3D

    config, keras_model = model
    kind = StarDist2D if config.n_dim == 2 else StarDist3D
    stardist = kind(config, name="model", basedir=None)
    stardist.keras_model.set_weights(keras_model.get_weights())
    stardist.export_TF(str(folder / "exported.zip"))


def saved_by_keras_2(model: Any, folder: Path) -> None:
    """Export as ``model.save`` of Keras 2 does: functions, and variables by their objects."""
    model[1].save(folder / "saved", save_format="tf", include_optimizer=False)
    _zip(folder / "saved", folder / "exported.zip")


def exported_by_keras_3(model: Any, folder: Path) -> None:
    """Export as ``model.export`` of Keras 3 does."""
    model[1].export(folder / "saved", verbose=False)
    _zip(folder / "saved", folder / "exported.zip")


def frozen_by_tensorflow_2(model: Any, folder: Path) -> None:
    """Freeze as recipes on the web do: a concrete function whose variables become constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    keras_model = model[1]

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec(keras_model.inputs[0].shape, tf.float32, name="input")]
    )
    def predict(image: Any) -> Any:
        return tf.concat(keras_model(image, training=False)[:2], axis=-1, name="output")

    frozen = convert_variables_to_constants_v2(predict.get_concrete_function())
    (folder / "exported.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())


def written_by_tensorflow_1(model: Any, folder: Path) -> None:
    """Export as CSBDeep did in 2019: reference variables, and a placeholder for the training."""
    import tensorflow as tf
    import tf_keras
    from stardist.models import StarDist2D

    config, keras_model = model
    numbers = keras_model.get_weights()
    tf.compat.v1.disable_v2_behavior()
    tf_keras.backend.clear_session()
    with tf.compat.v1.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.keras.backend.set_session(session)
        tf.compat.v1.disable_resource_variables()
        old = StarDist2D(config, name="model", basedir=None).keras_model
        session.run(tf.compat.v1.global_variables_initializer())
        old.set_weights(numbers)
        output = tf.concat(old.outputs[:2], axis=-1)
        builder = tf.compat.v1.saved_model.Builder(str(folder / "saved"))
        signature = tf.compat.v1.saved_model.predict_signature_def(
            {"input": old.inputs[0]}, {"output": output}
        )
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, clear_devices=True
        )
        builder.save()
    _zip(folder / "saved", folder / "exported.zip")


WRITERS: dict[str, Callable[[Any, Path], None]] = {
    writer.__name__: writer
    for writer in (
        stardist_zip,
        saved_by_keras_2,
        exported_by_keras_3,
        frozen_by_tensorflow_2,
        written_by_tensorflow_1,
    )
}
KERAS_2 = ("stardist_zip", "saved_by_keras_2", "written_by_tensorflow_1")
"""Writers that need Keras 2 (``tf_keras``)."""


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())
    shutil.rmtree(folder)


def main(jobs: str) -> None:
    """Write model folders and their exports.

    Args:
        jobs: JSON, a list of [writer, settings, number of axes, folder].
    """
    from stardist.models import Config2D, Config3D

    from tests.models_export.architectures import build

    for writer, settings, n_dim, target in json.loads(jobs):
        folder = Path(target)
        folder.mkdir(parents=True, exist_ok=True)
        keras_model, config = build(settings, n_dim)
        made = (Config2D if n_dim == 2 else Config3D)(**settings)
        (folder / "config.json").write_text(json.dumps(config))
        np.savez(folder / "weights.npz", *keras_model.get_weights())
        WRITERS[writer]((made, keras_model), folder)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(sys.argv[1])
