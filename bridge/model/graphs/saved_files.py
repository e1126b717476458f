"""TensorFlow's files as parsed graphs: SavedModels in a zip, and frozen graphs (.pb).

Nothing of a file is run: its protocol buffers are parsed and its checkpoint is read.
Formats: TensorFlow's ``saved_model.proto``, ``graph.proto`` and ``tensor_bundle.proto``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError, MissingPartError

SERVE = "serve"
"""Tag of the graph that a program loads."""

SIGNATURE = "serving_default"
"""Name of the signature with that graph's input and output."""

_AGAIN = "download or export it again"
_IDLE = frozenset({"Const", "NoOp", "Placeholder"})


@dataclass(frozen=True)
class SavedGraph:
    """A TensorFlow graph as it lies in a file.

    Attributes:
        source: the file, for errors.
        graph: a ``GraphDef``, with the functions that it calls.
        outputs: names of the tensors that leave, the first one first.
        variables: trained numbers by the name that the checkpoint has for them.
    """

    source: Path
    graph: Any
    outputs: tuple[str, ...]
    variables: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def parse_saved_model(source: Path, files: Mapping[str, bytes]) -> SavedGraph:
    """Parse a SavedModel.

    Args:
        source: the zip, for errors.
        files: its content: ``saved_model.pb`` and, unless its weights are constants,
            ``variables/variables.index`` with its data files.

    Raises:
        BadInputError: damaged, without a graph to serve, or without the weights that it needs.
        MissingPartError: TensorFlow is not installed.
    """
    saved_model, _, decode_error = _messages(source)
    try:
        saved = saved_model.FromString(files["saved_model.pb"])
    except decode_error as error:
        raise BadInputError(source, "its saved_model.pb is damaged", _AGAIN) from error
    if not saved.meta_graphs:
        raise BadInputError(source, "its saved_model.pb holds no graph", _AGAIN)
    meta = next(
        (m for m in saved.meta_graphs if SERVE in m.meta_info_def.tags), saved.meta_graphs[0]
    )
    signatures = {
        name: signature
        for name, signature in meta.signature_def.items()
        if signature.inputs and signature.outputs
    }
    if not signatures:
        raise BadInputError(source, "names no input and output of its graph", _AGAIN)
    signature = signatures.get(SIGNATURE) or signatures[min(signatures)]
    outputs = tuple(signature.outputs[key].name for key in sorted(signature.outputs))
    return SavedGraph(source, meta.graph_def, outputs, _read_checkpoint(source, files))


def parse_frozen_graph(source: Path, data: bytes) -> SavedGraph:
    """Parse a graph whose weights are constants.

    Args:
        source: the file, for errors.
        data: its content.

    Raises:
        BadInputError: it is no TensorFlow graph, or one without a result.
        MissingPartError: TensorFlow is not installed.
    """
    _, graph_def, decode_error = _messages(source)
    try:
        graph = graph_def.FromString(data)
    except decode_error as error:
        raise BadInputError(
            source, "is no TensorFlow graph, or one that ends too early", _AGAIN
        ) from error
    consumed = {name.split(":")[0].lstrip("^") for node in graph.node for name in node.input}
    leaving = [n.name for n in graph.node if n.name not in consumed and n.op not in _IDLE]
    if not leaving:
        raise BadInputError(source, "is a TensorFlow graph without a result", _AGAIN)
    return SavedGraph(source, graph, (f"{leaving[-1]}:0",))


def _messages(source: Path) -> tuple[Any, Any, type[Exception]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from google.protobuf.message import DecodeError
        from tensorflow.core.framework import graph_pb2
        from tensorflow.core.protobuf import saved_model_pb2
    except ImportError as error:
        raise MissingPartError("segment", f"read {source.name}", "TensorFlow") from error
    return saved_model_pb2.SavedModel, graph_pb2.GraphDef, DecodeError


def _read_checkpoint(source: Path, files: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    parts = {name: data for name, data in files.items() if name.startswith("variables/")}
    if "variables/variables.index" not in parts:
        return {}
    import tensorflow as tf

    held = sum(map(len, parts.values()))
    with tempfile.TemporaryDirectory(prefix="starbridge-") as folder:
        for name, data in parts.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            reader = tf.train.load_checkpoint(str(Path(folder, "variables/variables")))
            shapes = reader.get_variable_to_shape_map()
            types = reader.get_variable_to_dtype_map()
            arrays: dict[str, NDArray[Any]] = {}
            for name, shape in shapes.items():
                if not types[name].is_floating:
                    continue
                # A shape that the file cannot hold would be allocated before it is read.
                if float(np.prod(shape, dtype=float)) * types[name].size > held:
                    raise BadInputError(source, f"its variable {name} is damaged", _AGAIN)
                arrays[name] = np.asarray(reader.get_tensor(name), np.float32)
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BadInputError(source, f"its variables are damaged ({first})", _AGAIN) from error
    return arrays
