"""Arithmetic on the processor's vectors, for functions that numba compiles.

numba leaves it to LLVM to find vectors in loops over numbers. For what must keep dozens of them in
registers, code is written here as LLVM's own instructions. Memory is addressed by ``intp``, as
``array.ctypes.data`` gives it; offsets count float32 numbers.
"""

from __future__ import annotations

import inspect
import math
import platform
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic as _intrinsic


def _width() -> int:
    # a user may have told numba to compile for another processor
    features: str | None = getattr(config, "CPU_FEATURES", None)
    if features is None:
        features = llvm.get_host_cpu_features().flatten()
    known = set(features.split(","))
    return 16 if "+avx512f" in known else 8 if "+avx" in known else 4


WIDTH = _width()
"""Float32 numbers in a vector of this processor."""

_REGISTERS = 32 if WIDTH == 16 or platform.machine() in ("arm64", "aarch64") else 16

ROWS = 14 if _REGISTERS == 32 else 6
"""Rows of a product that are computed at once; with two vectors each, they fill the registers."""

LINE = 64
"""Bytes of a cache line."""

_FLOAT = ir.FloatType()
_POINTER = _FLOAT.as_pointer()
_INTEGER = ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, WIDTH)
_NUMBER = 4  # bytes

Value = Any
"""A value of LLVM's: a vector or a number."""


class Vectors:
    """A writer of instructions whose operands and results are vectors.

    Args:
        builder: LLVM's, which takes the instructions.
    """

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        declare: Callable[..., Value] = cgutils.get_or_insert_function
        self._fused = declare(
            builder.module,
            ir.FunctionType(_VECTOR, [_VECTOR] * 3),
            f"llvm.fmuladd.v{WIDTH}f32",
        )

    def constant(self, number: float) -> Value:
        """Return a vector of the same number everywhere."""
        return ir.Constant(_VECTOR, [number] * WIDTH)

    def broadcast(self, number: Value) -> Value:
        """Return a vector of a number that is only known when the code runs."""
        builder = self._builder
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(first, nothing, everywhere)

    def add(self, a: Value, b: Value) -> Value:
        """Add: a + b."""
        return self._builder.fadd(a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        """Subtract: a - b."""
        return self._builder.fsub(a, b)

    def fused(self, factor: Value | float, a: Value, b: Value) -> Value:
        """Multiply and add: factor * a + b."""
        if isinstance(factor, float):
            factor = self.constant(factor)
        return self._builder.call(self._fused, [factor, a, b])

    def smaller(self, a: Value, b: Value) -> Value:
        """Return the smaller of both, number by number."""
        return self._builder.select(self._builder.fcmp_ordered("<", a, b), a, b)

    def larger(self, a: Value, b: Value) -> Value:
        """Return the larger of both, number by number."""
        return self._builder.select(self._builder.fcmp_ordered(">", a, b), a, b)

    def divide(self, a: Value, b: Value) -> Value:
        """Divide: a / b."""
        return self._builder.fdiv(a, b)

    def exponential(self, x: Value) -> Value:
        """Compute the exponential of -87 to 87, right to the last digit or the one before.

        2 ** n * exp(r) with a whole n and a polynomial for the small r, of S. Moshier's Cephes
        (``expf``).
        """
        builder = self._builder
        magic = self.constant(1.5 * 2**23)  # numbers of its size have no digits after the point
        n = self.subtract(self.fused(1 / math.log(2), x, magic), magic)
        r = self.fused(2.12194440e-4, n, self.fused(-0.693359375, n, x))
        p = self.constant(1.9875691500e-4)
        for coefficient in (
            1.3981999507e-3,
            8.3334519073e-3,
            4.1665795894e-2,
            1.6666665459e-1,
            5.0000001201e-1,
        ):
            p = self.fused(p, r, self.constant(coefficient))
        small = self.fused(builder.fmul(r, r), p, self.add(r, self.constant(1.0)))
        words = ir.VectorType(ir.IntType(32), WIDTH)
        exponent = builder.add(builder.fptosi(n, words), ir.Constant(words, [127] * WIDTH))
        power = builder.shl(exponent, ir.Constant(words, [23] * WIDTH))
        return builder.fmul(small, builder.bitcast(power, _VECTOR))

    def load(self, address: Value, *offsets: Value) -> Value:
        """Load a vector from any multiple of four bytes."""
        loaded = self._builder.load(self._at(address, offsets))
        loaded.align = _NUMBER
        return loaded

    def load_number(self, address: Value, *offsets: Value) -> Value:
        """Load one number."""
        place = self._builder.inttoptr(address, _POINTER)
        for offset in offsets:
            place = self._builder.gep(place, [offset])
        return self._builder.load(place)

    def load_offset(self, table: Value, index: Value) -> Value:
        """Load one offset (``intp``) of a table."""
        place = self._builder.inttoptr(table, _INTEGER.as_pointer())
        return self._builder.load(self._builder.gep(place, [index]))

    def sum(self, vector: Value) -> Value:
        """Add up a vector's numbers."""
        indices = ir.VectorType(ir.IntType(32), WIDTH)
        half = WIDTH
        while half := half // 2:
            order = ir.Constant(indices, [(i + half) % WIDTH for i in range(WIDTH)])
            vector = self.add(vector, self._builder.shuffle_vector(vector, vector, order))
        return self._builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    def store_number(self, number: Value, address: Value) -> None:
        """Store one number."""
        self._builder.store(number, self._builder.inttoptr(address, _POINTER))

    def stream(self, vector: Value, address: Value, *offsets: Value) -> None:
        """Store a vector past the caches, at a multiple of a vector's bytes.

        Other threads see it after :func:`fence`.
        """
        stored = self._builder.store(vector, self._at(address, offsets))
        stored.align = _NUMBER * WIDTH
        one = self._builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        stored.set_metadata("nontemporal", one)

    def store(self, vector: Value, address: Value, *offsets: Value) -> None:
        """Store a vector at any multiple of four bytes."""
        stored = self._builder.store(vector, self._at(address, offsets))
        stored.align = _NUMBER

    def _at(self, address: Value, offsets: Sequence[Value]) -> Value:
        place = self._builder.inttoptr(address, _POINTER)
        for offset in offsets:
            place = self._builder.gep(place, [offset])
        return self._builder.bitcast(place, _VECTOR.as_pointer())


def integer(number: int) -> Value:
    """Return an offset as a constant."""
    return ir.Constant(_INTEGER, number)


def emit(arguments: str) -> Callable[[Callable[..., None]], Any]:
    """Make an intrinsic, which compiled functions call, of a function that writes instructions.

    The function is called with LLVM's builder, :class:`Vectors` and a namespace of the arguments.

    Args:
        arguments: their names, in order; all are integers (addresses, offsets, counts).
    """
    names = arguments.split()
    signature = types.void(*[types.intp] * len(names))

    def decorate(write: Callable[..., None]) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            given = SimpleNamespace(**dict(zip(names, values, strict=True)))
            write(builder, Vectors(builder), given)
            return context.get_dummy_value()

        def typed(_context: Any, *_arguments: Any) -> tuple[Any, Callable[..., Any]]:
            return signature, generate

        typed.__name__, typed.__doc__ = write.__name__, write.__doc__
        # numba counts arguments by the names that a function declares
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in ("context", *names)]
        typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return _intrinsic(typed)

    return decorate


@emit("")
def fence(builder: Any, _v: Vectors, _given: Any) -> None:
    """Let other threads see what was written past the caches."""
    builder.fence("seq_cst")
