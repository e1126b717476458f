"""Model files, recognised by their content and checked for harm."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError, MissingPartError
from bridge.files.archive import LARGEST, read_zip
from bridge.model.graphs.saved_files import SERVE, SIGNATURE
from models_export.runtimes import Program

_LARGEST_AXIS = 4096

# Operations that reach files or the network.
_REACHING_OUT = frozenset(
    {
        "EagerPyFunc",
        "MatchingFiles",
        "PyFunc",
        "PyFuncStateless",
        "ReadFile",
        "RpcCall",
        "TFRecordDataset",
        "TextLineDataset",
        "WriteFile",
    }
)
_AGAIN = "download or export it again"


@dataclass(frozen=True)
class ModelFile:
    """A model file that some program is to load.

    Attributes:
        path: the file.
        kind: ``saved_model``, ``graph``, ``onnx`` or ``bioimageio``.
        made_with: the program that wrote it (``"TensorFlow 2.11.0"``), ``""`` where not named.
        input: name of the tensor that enters.
        output: name of the tensor that leaves.
        n_dim: spatial axes.
        channels: channels that it takes.
        size: the only spatial size that it takes; ``None`` for any size.
        problems: reasons why no program for biologists takes it; empty where all is well.
        content: the files inside, or the one file under its own name.
        graph: the ``GraphDef``, where it has one.
    """

    path: Path
    kind: str
    made_with: str = ""
    input: str = ""
    output: str = ""
    n_dim: int = 2
    channels: int = 1
    size: tuple[int, ...] | None = None
    problems: tuple[str, ...] = ()
    content: dict[str, bytes] = field(default_factory=dict, repr=False)
    graph: Any = field(default=None, repr=False)

    @property
    def has_fixed_plane(self) -> bool:
        """Tell whether it takes 2D images of one size only."""
        return self.size is not None and self.n_dim == 2

    def unpack(self, folder: Path) -> Program:
        """Write the content into an empty folder, for a runtime to load."""
        for name, data in self.content.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        path = folder if self.kind == "saved_model" else folder / next(iter(self.content))
        return Program(self.kind, path, self.input, self.output, self.n_dim)


def read_model_file(path: str | PathLike[str]) -> ModelFile:
    """Recognise a model file and read it.

    Args:
        path: a zip with a SavedModel or a bioimage.io package, a frozen graph (.pb) or an ONNX
            model.

    Returns:
        The file, with its problems. A file that is whole but that no program here can take has
        problems; it raises nothing.

    Raises:
        BadInputError: no such file, a damaged one, a zip with a path that leaves its folder, a .pb
            that is a SavedModel, or none of the kinds above.
        MissingPartError: TensorFlow or onnx is not installed.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        remedy = "give the file: a zip for Fiji, a .pb or an .onnx for QuPath"
        raise BadInputError(path, "is a folder, not a model file", remedy)
    if not path.exists():
        raise BadInputError(path, "does not exist", "check the name")
    try:
        if path.stat().st_size > LARGEST:
            raise BadInputError(path, "is far larger than a model", _AGAIN)
        with path.open("rb") as stream:
            head = stream.read(4)
        if path.suffix.lower() == ".zip" or head == b"PK\x03\x04":
            return _read_archive(path)
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror or error}", "check its permissions"
        ) from error
    if not data:
        raise BadInputError(path, "is empty", _AGAIN)
    return _read_onnx(path, data) if path.suffix.lower() == ".onnx" else _read_graph(path, data)


def _read_archive(path: Path) -> ModelFile:
    content = read_zip(path)
    if "rdf.yaml" in content or "bioimageio.yaml" in content:
        return ModelFile(path, "bioimageio", content={path.name: path.read_bytes()})
    if "saved_model.pb" in content:
        return _read_saved_model(path, content)
    deeper = [name for name in content if name.endswith("/saved_model.pb")]
    if deeper:
        where = deeper[0].removesuffix("saved_model.pb")
        problem = f"its saved_model.pb lies in the folder {where} instead of the zip's top level"
        return ModelFile(path, "saved_model", problems=(problem,))
    raise BadInputError(
        path, "holds no saved_model.pb, so it is no model for Fiji", "export it with --to tf1.15"
    )


def _protocol(path: Path) -> tuple[Any, Any, type[Exception]]:
    try:
        from google.protobuf.message import DecodeError
        from tensorflow.core.framework import graph_pb2
        from tensorflow.core.protobuf import saved_model_pb2
    except ImportError as error:
        raise MissingPartError("segment", f"read {path.name}", "TensorFlow") from error
    return saved_model_pb2.SavedModel, graph_pb2.GraphDef, DecodeError


def _read_saved_model(path: Path, content: dict[str, bytes]) -> ModelFile:
    saved_model, _, decode_error = _protocol(path)
    try:
        saved = saved_model.FromString(content["saved_model.pb"])
    except decode_error as error:
        raise BadInputError(path, "its saved_model.pb is damaged", _AGAIN) from error
    file = ModelFile(path, "saved_model", content=content)
    tagged = [m for m in saved.meta_graphs if SERVE in m.meta_info_def.tags]
    if not tagged:
        tags = ", ".join(t for m in saved.meta_graphs for t in m.meta_info_def.tags) or "none"
        return replace(file, problems=(f"has no graph with the tag {SERVE!r} (its tags: {tags})",))
    meta = tagged[0]
    version = meta.meta_info_def.tensorflow_version
    made_with = f"TensorFlow {version}" if version else ""
    file = replace(file, made_with=made_with, graph=meta.graph_def)
    signature = meta.signature_def.get(SIGNATURE)
    if signature is None or not signature.inputs or not signature.outputs:
        problem = f"has no signature {SIGNATURE!r} with an input and an output"
        return replace(file, problems=(problem,))
    problems = _reaching_out(meta.graph_def)
    for word, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        if len(tensors) > 1:
            names = ", ".join(sorted(tensors))
            problems.append(f"has {len(tensors)} {word} ({names}); Fiji looks at the first only")
    entering = signature.inputs[min(signature.inputs)]
    leaving = signature.outputs[min(signature.outputs)]
    file = replace(file, input=entering.name, output=leaving.name)
    return _with_axes(file, entering.tensor_shape, problems)


def _read_graph(path: Path, data: bytes) -> ModelFile:
    saved_model, graph_def, decode_error = _protocol(path)
    try:
        # Only a SavedModel has a version in this field; the lists of both have the same numbers.
        if saved_model.FromString(data).saved_model_schema_version:
            raise BadInputError(
                path,
                "is the inner file of a SavedModel, not a frozen graph for QuPath",
                "for Fiji zip it together with its variables folder; for QuPath make a .pb with "
                "starbridge export MODEL --to pb",
            )
    except decode_error:
        pass
    try:
        graph = graph_def.FromString(data)
    except decode_error as error:
        raise BadInputError(
            path, "is no TensorFlow graph, or one that ends too early", _AGAIN
        ) from error
    entering = [node for node in graph.node if node.op == "Placeholder"]
    if not entering:
        raise BadInputError(path, "is no TensorFlow graph with an input", _AGAIN)
    consumed = {name.split(":")[0].lstrip("^") for node in graph.node for name in node.input}
    idle = ("NoOp", "Const", "Placeholder")
    leaving = [node for node in graph.node if node.name not in consumed and node.op not in idle]
    if not leaving:
        raise BadInputError(path, "is a TensorFlow graph without a result", _AGAIN)
    problems = _reaching_out(graph)
    if len(entering) > 1:
        problems.append(f"has {len(entering)} inputs; an image is only one")
    variables = [node for node in graph.node if node.op in ("VariableV2", "VarHandleOp")]
    if variables:
        problems.append("its weights are not inside: it was saved without being frozen")
    file = ModelFile(
        path,
        "graph",
        input=f"{entering[0].name}:0",
        output=f"{leaving[-1].name}:0",
        content={"model.pb": data},
        graph=graph,
    )
    return _with_axes(file, entering[0].attr["shape"].shape, problems)


def _read_onnx(path: Path, data: bytes) -> ModelFile:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingPartError("export", f"read {path.name}", "onnx") from error
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise BadInputError(path, "is no ONNX model, or one that ends too early", _AGAIN) from error
    if not model.graph.input or not model.graph.output:
        raise BadInputError(path, "is no ONNX model with an input and an output", _AGAIN)
    constants = {tensor.name for tensor in model.graph.initializer}
    entering = next((v for v in model.graph.input if v.name not in constants), model.graph.input[0])
    dims = [d.dim_value for d in entering.type.tensor_type.shape.dim]
    problems = _shape_problems(dims or [0])
    if any(tensor.external_data for tensor in model.graph.initializer):
        problems.append("its weights lie in another file")
    dims = dims if len(dims) > 3 else [0] * 4
    # Without names for the axes, the small one is the channels.
    last = 0 < dims[-1] <= 4 and not 0 < dims[1] <= 4
    return ModelFile(
        path,
        "onnx",
        " ".join(filter(None, (model.producer_name, model.producer_version))),
        entering.name,
        model.graph.output[0].name,
        len(dims) - 2,
        (dims[-1] if last else dims[1]) or 1,
        _fixed(dims[1:-1] if last else dims[2:]),
        tuple(problems),
        {"model.onnx": data},
    )


def _reaching_out(graph: Any) -> list[str]:
    """Return the reasons why a graph of unknown origin is not run here."""
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    found = sorted({node.op for node in nodes} & _REACHING_OUT)
    return [f"would reach for files or programs (operation {found[0]})"] if found else []


def _shape_problems(sizes: list[int]) -> list[str]:
    """Return the reasons why an input of this shape is no image; an unknown shape may be one."""
    if sizes and len(sizes) not in (4, 5):
        return [f"takes something of {len(sizes)} axes, not images"]
    if any(size > _LARGEST_AXIS for size in sizes):
        return ["takes something far larger than an image"]
    return []


def _with_axes(file: ModelFile, shape: Any, problems: list[str]) -> ModelFile:
    """Return a file with TensorFlow's shape of its input, whose channels are last."""
    sizes = [dim.size for dim in shape.dim]
    return replace(
        file,
        n_dim=max(len(sizes) - 2, 2),
        channels=sizes[-1] if sizes and sizes[-1] > 0 else 1,
        size=_fixed(sizes[1:-1]),
        problems=(*problems, *_shape_problems(sizes)),
    )


def _fixed(sizes: list[int]) -> tuple[int, ...] | None:
    return tuple(sizes) if sizes and all(size > 0 for size in sizes) else None
