"""Bit-packed CLKs: packing, popcounts, the tile layout of the search kernels, and the kernels' one inner loop.

A CLK of any length is held as 64-bit words, padded with zero words to a multiple of `CHUNK` so that the inner loop can
be unrolled. Padding changes neither a popcount nor a Hamming distance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

Words = NDArray[np.uint64]
F = TypeVar("F", bound=Callable[..., Any])

CHUNK = 4  # words in one unrolled step
ROWS = 4  # rows of the left side that share one load of the right side
WIDTH = 128  # encodings of the right side in a tile: 16 kB at 1,024 bits, so that a tile stays in the L1 cache


def compiled(function: F) -> F:
    """Compile with numba, outside the interpreter lock, and keep the machine code for the next process.

    Where no cache directory can be written, numba refuses to cache; the code is then compiled in every process.
    """
    try:
        return cast(F, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(F, numba.njit(nogil=True)(function))


_codegen: Any = cgutils


@intrinsic
def _popcount(typing_context: Any, word: Any) -> Any:
    """Number of one-bits of a word as a signed 64-bit integer: the processor's own instruction, vectorised by LLVM."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), emit


@intrinsic
def _prefetch(typing_context: Any, words: Any, row: Any, word: Any) -> Any:
    """Ask for the cache line at `words[row, word]`, to be there when it is read some steps later."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, args[0])
        shape = _codegen.unpack_tuple(builder, array.shape, 2)
        strides = _codegen.unpack_tuple(builder, array.strides, 2)
        where = _codegen.get_item_pointer2(context, builder, array.data, shape, strides, kind.layout, list(args[1:]))
        where = builder.bitcast(where, _codegen.voidptr_t)
        small = ir.IntType(32)
        call = ir.FunctionType(ir.VoidType(), [where.type, small, small, small])
        function = builder.module.declare_intrinsic("llvm.prefetch", [where.type], call)
        builder.call(function, [where, small(0), small(3), small(1)])  # to read, into every cache, data
        return context.get_dummy_value()

    return types.void(words, types.intp, types.intp), emit


def pack(clks: NDArray[np.uint8]) -> Words:
    """(n, bytes) encodings as (n, words) 64-bit words, words a multiple of `CHUNK`."""
    count, size = clks.shape
    step = 8 * CHUNK
    padded = np.zeros((count, max(step, -(-size // step) * step)), dtype=np.uint8)
    padded[:, :size] = clks
    return padded.view(np.uint64)


def popcounts(words: Words) -> NDArray[np.int64]:
    """Number of one-bits of each encoding."""
    return np.asarray(np.bitwise_count(words).sum(axis=1, dtype=np.int64))


def tiled(words: Words) -> Words:
    """(n, words) as (tiles, words, WIDTH): inside a tile the same word of all encodings lies side by side."""
    count, size = words.shape
    tiles = max(1, -(-count // WIDTH))
    padded = np.zeros((tiles * WIDTH, size), dtype=np.uint64)
    padded[:count] = words
    return np.ascontiguousarray(padded.reshape(tiles, WIDTH, size).transpose(0, 2, 1))


popcount: Any = _popcount
prefetch: Any = _prefetch


@compiled
def add_distances(  # pragma: no cover - compiled
    left: Words, row: int, tile: Words, first: int, last: int, distance: NDArray[np.int64]
) -> None:
    """Add the Hamming distances over chunks first..last-1 of `ROWS` left rows to one tile into `distance` (ROWS, WIDTH)."""
    for chunk in range(first, last):
        w = chunk * CHUNK
        a0, a1, a2, a3 = left[row, w], left[row, w + 1], left[row, w + 2], left[row, w + 3]
        b0, b1, b2, b3 = left[row + 1, w], left[row + 1, w + 1], left[row + 1, w + 2], left[row + 1, w + 3]
        c0, c1, c2, c3 = left[row + 2, w], left[row + 2, w + 1], left[row + 2, w + 2], left[row + 2, w + 3]
        d0, d1, d2, d3 = left[row + 3, w], left[row + 3, w + 1], left[row + 3, w + 2], left[row + 3, w + 3]
        for j in range(WIDTH):
            p, q, r, s = tile[w, j], tile[w + 1, j], tile[w + 2, j], tile[w + 3, j]
            distance[0, j] += popcount(a0 ^ p) + popcount(a1 ^ q) + popcount(a2 ^ r) + popcount(a3 ^ s)
            distance[1, j] += popcount(b0 ^ p) + popcount(b1 ^ q) + popcount(b2 ^ r) + popcount(b3 ^ s)
            distance[2, j] += popcount(c0 ^ p) + popcount(c1 ^ q) + popcount(c2 ^ r) + popcount(c3 ^ s)
            distance[3, j] += popcount(d0 ^ p) + popcount(d1 ^ q) + popcount(d2 ^ r) + popcount(d3 ^ s)


@compiled
def distances_of(  # pragma: no cover - compiled
    left: Words, right: Words, left_rows: NDArray[np.int64], right_rows: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Hamming distance of each listed pair of rows."""
    result = np.empty(left_rows.size, dtype=np.int32)
    for k in range(left_rows.size):
        total = np.int64(0)
        for w in range(left.shape[1]):
            total += popcount(left[left_rows[k], w] ^ right[right_rows[k], w])
        result[k] = total
    return result
