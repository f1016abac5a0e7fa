"""Vector code of the searches: `ROWS` rows of one side against `LANES` encodings of the other, in registers.

Left to itself the compiler keeps distances in memory and halves the processor's widest vectors. So the innermost loops are
written as vectors of eight words, which LLVM turns into whatever the machine has: one AVX-512 register, two of AVX2, four of NEON.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

ROWS = 4  # rows of the left side that share one load of the right side
LANES = 8  # encodings of the right side side by side

_codegen: Any = cgutils
_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, LANES)
_NONE = ir.Constant(_VECTOR, [0] * LANES)


class _Emitter:
    """Writes vector instructions for one call: addresses of 2-d arrays, vector loads and stores, one word in every lane."""

    def __init__(self, context: Any, builder: Any, kinds: Any, args: Any) -> None:
        self.context, self.builder = context, builder
        self.kinds, self.args = kinds, args

    def index(self, value: int) -> Any:
        return ir.Constant(self.context.get_value_type(types.intp), value)

    def place(self, array: int, *at: Any) -> Any:
        """Address of an element of the array that is argument number `array`."""
        kind, builder = self.kinds[array], self.builder
        whole = self.context.make_array(kind)(self.context, builder, self.args[array])
        shape, strides = (_codegen.unpack_tuple(builder, part, 2) for part in (whole.shape, whole.strides))
        return _codegen.get_item_pointer2(self.context, builder, whole.data, shape, strides, kind.layout, list(at))

    def _as_vector(self, place: Any) -> Any:
        return self.builder.bitcast(place, _VECTOR.as_pointer())

    def load(self, array: int, *at: Any) -> Any:
        """`LANES` words from there on, at any alignment."""
        loaded = self.builder.load(self._as_vector(self.place(array, *at)))
        loaded.align = 8
        return loaded

    def store(self, vector: Any, array: int, *at: Any) -> None:
        self.builder.store(vector, self._as_vector(self.place(array, *at))).align = 8

    def everywhere(self, word: Any) -> Any:
        """One word in every lane."""
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(nothing, word, ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, nothing, lanes)

    def popcount(self, vector: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        function = _codegen.get_or_insert_function(self.builder.module, kind, f"llvm.ctpop.v{LANES}i64")
        return self.builder.call(function, [vector])

    def lanes_where(self, truth: Any) -> Any:
        """A vector of truths as the low bits of a word."""
        return self.builder.zext(self.builder.bitcast(truth, ir.IntType(LANES)), _WORD)


@intrinsic
def _near(
    typing_context: Any, left: Any, row: Any, tile: Any, column: Any, check: Any, words: Any, bound: Any, distance: Any
) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = _Emitter(context, builder, signature.args, args)
        _, first_row, _, column, check, words, bound, _ = args
        sums = [_codegen.alloca_once_value(builder, _NONE) for _ in range(ROWS)]
        for kept in sums:
            builder.store(_NONE, kept)
        rows = [builder.add(first_row, code.index(r)) for r in range(ROWS)]
        limit = code.everywhere(bound)

        def add_words(first: Any, last: Any) -> None:
            with _codegen.for_range(builder, last, start=first) as loop:
                right = code.load(2, loop.index, column)
                for kept, row in zip(sums, rows, strict=True):
                    word = code.everywhere(builder.load(code.place(0, row, loop.index)))
                    ones = code.popcount(builder.xor(right, word))
                    builder.store(builder.add(builder.load(kept), ones), kept)

        def within() -> Any:
            found = ir.Constant(_WORD, 0)
            for r, kept in enumerate(sums):
                lanes = code.lanes_where(builder.icmp_signed("<=", builder.load(kept), limit))
                found = builder.or_(found, builder.shl(lanes, ir.Constant(_WORD, r * LANES)))
            return found

        result = _codegen.alloca_once_value(builder, ir.Constant(_WORD, 0))
        add_words(code.index(0), check)
        builder.store(within(), result)
        unsure = builder.and_(
            builder.icmp_signed("<", check, words),
            builder.icmp_unsigned("!=", builder.load(result), ir.Constant(_WORD, 0)),
        )
        with builder.if_then(unsure):
            add_words(check, words)
            builder.store(within(), result)
        some = builder.icmp_unsigned("!=", builder.load(result), ir.Constant(_WORD, 0))
        with builder.if_then(some):
            for r, kept in enumerate(sums):
                code.store(builder.load(kept), 7, code.index(r), code.index(0))
        return builder.load(result)

    numbers = types.intp, types.intp, types.intp, types.int64
    row, column, check, bound = numbers
    return types.uint64(left, row, tile, column, check, types.intp, bound, distance), emit


@intrinsic
def _agreeing(typing_context: Any, differences: Any, masks: Any, first: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = _Emitter(context, builder, signature.args, args)
        whole = context.make_array(signature.args[1])(context, builder, args[1])
        words = _codegen.unpack_tuple(builder, whole.shape, 2)[0]
        differing = _codegen.alloca_once_value(builder, _NONE)
        builder.store(_NONE, differing)
        with _codegen.for_range(builder, words) as loop:
            word = code.everywhere(builder.load(code.place(0, code.index(0), loop.index)))
            masked = builder.and_(code.load(1, loop.index, args[2]), word)
            builder.store(builder.or_(builder.load(differing), masked), differing)
        return code.lanes_where(builder.icmp_unsigned("==", builder.load(differing), _NONE))

    return types.uint64(differences, masks, types.intp), emit


near: Any = _near
"""near(left, row, tile, column, check, words, bound, distance) -> uint64

Compares rows `row`..`row + ROWS - 1` of `left` (rows, words) with columns `column`..`column + LANES - 1` of `tile` (words, width).
Bit r·LANES + j of the result says whether pair (r, j) is within `bound`; if any is, `distance` (ROWS, LANES, signed) holds all the
distances. After `check` words the group is given up if every pair is beyond the bound already; `check` = `words`: never."""

agreeing: Any = _agreeing
"""agreeing(differences, masks, first) -> uint64: bit t says whether `differences` (1, words) has no bit of mask `first` + t.

`masks` is (words, masks): the same word of all masks side by side, in whole groups of `LANES`."""
