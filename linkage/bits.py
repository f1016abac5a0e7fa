"""Bit-packed CLKs: packing, popcounts, and the tile layout of the search kernels.

A CLK of any length is held as 64-bit words, padded with zero words to a multiple of `CHUNK` so that the
kernels need no remainders. Padding changes neither a popcount nor a Hamming distance.
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

from linkage.lanes import LANES

Words = NDArray[np.uint64]
F = TypeVar("F", bound=Callable[..., Any])

CHUNK = 4  # an encoding is a multiple of so many words
LINE = 64  # bytes in a line of the cache
WIDTH = 128  # most encodings of the right side in a tile
TILE_WORDS = (
    2_048  # most words in a tile, where they are more than `LANES` encodings: 16 kB, so that it stays in the L1 cache
)


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
    """(n, bytes) encodings as (n, words) 64-bit words, words a multiple of `CHUNK`, beginning at a line of the cache."""
    count, size = clks.shape
    step = 8 * CHUNK
    words = max(step, -(-size // step) * step) // 8
    room = np.zeros(count * words + LINE // 8, dtype=np.uint64)
    begin = -room.ctypes.data % LINE // 8
    packed = room[begin : begin + count * words].reshape(count, words)
    packed.view(np.uint8)[:, :size] = clks
    return packed


def popcounts(words: Words) -> NDArray[np.int64]:
    """Number of one-bits of each encoding."""
    return np.asarray(np.bitwise_count(words).sum(axis=1, dtype=np.int64))


def tile_width(words: int) -> int:
    """Encodings of this many words in a tile: a multiple of `LANES`, up to `WIDTH`."""
    return max(LANES, min(WIDTH, TILE_WORDS // words // LANES * LANES))


def tiled(words: Words) -> Words:
    """(n, words) as (tiles, words, width): inside a tile the same word of all encodings lies side by side."""
    count, size = words.shape
    width = tile_width(size)
    tiles = max(1, -(-count // width))
    padded = np.zeros((tiles * width, size), dtype=np.uint64)
    padded[:count] = words
    return np.ascontiguousarray(padded.reshape(tiles, width, size).transpose(0, 2, 1))


popcount: Any = _popcount
prefetch: Any = _prefetch


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
