"""The wires of a TensorFlow graph: which operation really gives a tensor.

Between two operations of a network there may be identities, calls of functions, and the branches
that Keras makes for training. They are followed here, as in prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

PASSING = frozenset(
    {
        "CheckNumerics",
        "EnsureShape",
        "Identity",
        "IdentityN",
        "PlaceholderWithDefault",
        "PreventGradient",
        "Snapshot",
        "StopGradient",
        "Switch",
        "RefIdentity",
    }
)
"""Operations whose result is their input, where a network is not trained."""

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_CHOICES = frozenset({"If", "StatelessIf"})
_DEEPEST = 50  # calls within calls
_MOST_CALLS = 5_000


@dataclass(eq=False)
class Frame:
    """The nodes of a graph, or those of a function where it is called.

    Attributes:
        nodes: by name.
        path: the calls that lead here, for names.
        arguments: the tensors that the caller hands over, by the function's own names.
        results: the tensors that a function returns, in order.
    """

    nodes: dict[str, Any]
    path: str = ""
    arguments: dict[str, Tensor] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    depth: int = 0


class Tensor(NamedTuple):
    """A result of an operation.

    Attributes:
        frame: where the operation is.
        node: the operation (``NodeDef``).
        position: which of its results.
    """

    frame: Frame
    node: Any
    position: int

    @property
    def name(self) -> str:
        """Name of the operation, unique in the graph."""
        return f"{self.frame.path}{self.node.name}"

    @property
    def key(self) -> tuple[str, int]:
        """Identity of the tensor."""
        return self.name, self.position


class Wiring:
    """A graph with its functions.

    Args:
        graph: a ``GraphDef``.
    """

    def __init__(self, graph: Any) -> None:
        self._functions = {function.signature.name: function for function in graph.library.function}
        self.top = Frame({node.name: node for node in graph.node})
        self._frames: dict[tuple[str, str], Frame] = {}

    def find(self, name: str, frame: Frame | None = None) -> Tensor:
        """Return the operation that really gives a tensor.

        Args:
            name: as in a graph (``conv2d/Relu:0``) or in a function (``conv2d:output:0``).
            frame: where the name is from; the graph itself where ``None``.

        Raises:
            KeyError: there is no such operation.
            RecursionError: the graph runs in a circle.
        """
        return self.follow(self._lookup(name, frame or self.top))

    def inputs(self, tensor: Tensor) -> list[Tensor]:
        """Return the operations that an operation takes its inputs from."""
        return [
            self.find(name, tensor.frame) for name in tensor.node.input if not name.startswith("^")
        ]

    def follow(self, tensor: Tensor) -> Tensor:
        """Follow a tensor to the operation that computes it."""
        for _ in range(10_000):
            frame, node, position = tensor
            names = [name for name in node.input if not name.startswith("^")]
            if node.op in PASSING:
                tensor = self._lookup(names[position if node.op == "IdentityN" else 0], frame)
            elif node.op == "Merge":
                tensor = self._lookup(self._live(names, frame), frame)
            elif (called := self._called(tensor, names)) is not None:
                tensor = self._lookup(called.results[position], called)
            else:
                return tensor
        raise RecursionError

    def frames(self) -> Iterator[Frame]:
        """Yield the graph and every function that is called in it, where it is called."""
        waiting = [self.top]
        while waiting:
            frame = waiting.pop()
            yield frame
            for node in frame.nodes.values():
                names = [name for name in node.input if not name.startswith("^")]
                called = self._called(Tensor(frame, node, 0), names)
                if called is not None:
                    waiting.append(called)

    def _lookup(self, name: str, frame: Frame) -> Tensor:
        node, *rest = name.split(":")
        if node in frame.arguments and not rest:
            return frame.arguments[node]
        position = int(rest[-1]) if rest else 0
        if rest and rest[0] == "output_true":
            position = 1  # a Switch names its two results
        return Tensor(frame, frame.nodes[node], position)

    def _called(self, tensor: Tensor, names: list[str]) -> Frame | None:
        """Return the function that an operation calls, with its arguments; ``None`` if none."""
        frame, node, _ = tensor
        if node.op in _CALLS:
            name = node.attr["f"].func.name
        elif node.op in _CHOICES:
            branch = "then_branch" if self._truth(names[0], frame) else "else_branch"
            name, names = node.attr[branch].func.name, names[1:]
        elif node.op in self._functions:
            name = node.op
        else:
            return None
        function = self._functions.get(name)
        if function is None:
            return None
        if frame.depth >= _DEEPEST or len(self._frames) >= _MOST_CALLS:
            raise RecursionError
        key = (f"{frame.path}{node.name}", name)
        if key not in self._frames:
            signature = function.signature
            given = (self._lookup(n, frame) for n in names)
            self._frames[key] = Frame(
                {inner.name: inner for inner in function.node_def},
                f"{key[0]}/",
                {arg.name: value for arg, value in zip(signature.input_arg, given, strict=False)},
                tuple(function.ret[arg.name] for arg in signature.output_arg),
                frame.depth + 1,
            )
        return self._frames[key]

    def _live(self, names: list[str], frame: Frame) -> str:
        """Return the input of a merge whose branch is taken in prediction."""
        for name in names:
            if self._is_live(name, frame, set()):
                return name
        return names[0]

    def _is_live(self, name: str, frame: Frame, seen: set[str]) -> bool:
        tensor = self._lookup(name, frame)
        if name in seen or tensor.frame is not frame:
            return True
        seen.add(name)
        inputs = [n for n in tensor.node.input if not n.startswith("^")]
        if tensor.node.op == "Switch":
            return tensor.position == int(self._truth(inputs[1], frame))
        if tensor.node.op == "Merge":
            return True
        return all(self._is_live(n, frame, seen) for n in inputs)

    def _truth(self, name: str, frame: Frame) -> bool:
        """Return a condition's value; the phase of training that nobody sets is false."""
        tensor = self.follow(self._lookup(name, frame))
        if tensor.node.op == "LogicalNot":
            return not self._truth(tensor.node.input[0], tensor.frame)
        value = tensor.node.attr["value"].tensor
        return bool(value.tensor_content.strip(b"\0") or any(value.bool_val))
