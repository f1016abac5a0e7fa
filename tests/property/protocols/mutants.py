"""Small faults, put into a module one at a time: comparisons turned, conditions negated, steps left out."""

from __future__ import annotations

import ast
import copy
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_FAULTY = (ast.BoolOp, ast.If, ast.IfExp, ast.While, ast.comprehension, ast.Constant, ast.Expr, ast.AugAssign)
_NUMBER = itertools.count()


@dataclass(frozen=True)
class Mutant:
    """One faulty copy of a module: where the fault is, what it is, and the code."""

    line: int
    what: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"

    def module(self) -> ModuleType:
        """The faulty module, loaded under a name of its own."""
        module = ModuleType(f"_mutant_{next(_NUMBER)}")
        sys.modules[module.__name__] = module  # dataclasses look their module up by name
        try:
            exec(compile(self.tree, "<mutant>", "exec"), module.__dict__)  # noqa: S102
        finally:
            del sys.modules[module.__name__]
        return module


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module's functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for index, kind in ((i, k) for i, node in enumerate(_nodes(tree)) for k in range(_faults(node))):
        fresh = copy.deepcopy(tree)
        node = _nodes(fresh)[index]
        what = _mutate(node, kind)
        if what is None:
            continue
        ast.fix_missing_locations(fresh)
        line = node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)
        yield Mutant(line, what, fresh)


def _nodes(tree: ast.Module) -> list[ast.AST]:
    """What functions do, in one order; not their decorators, which say how and not what (a cache's size)."""
    parts = (part for function in _functions(tree) for part in (function.args, *function.body))
    return [node for part in parts for node in ast.walk(part)]


def _faults(node: ast.AST) -> int:
    """How many faults a node may have."""
    if isinstance(node, ast.Compare):
        return len(node.ops)
    return int(isinstance(node, _FAULTY))


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and not _nested(tree, node)]


def _nested(tree: ast.Module, function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.FunctionDef) and node is not function and function in ast.walk(node)
        for node in ast.walk(tree)
    )


def _mutate(node: ast.AST, kind: int) -> str | None:
    """Put the fault number `kind` into a node; say what it is, or None if there is no such fault."""
    if isinstance(node, ast.Compare):
        old = node.ops[kind]
        node.ops[kind] = _TURNED[type(old)]()
        return f"{type(old).__name__} turned to {type(node.ops[kind]).__name__}"
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return "and and or exchanged"
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return "condition negated"
    if isinstance(node, ast.comprehension) and node.ifs:
        node.ifs[0] = ast.UnaryOp(ast.Not(), node.ifs[0])
        return "filter negated"
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
        return "flag turned"
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        node.value += 1
        return "number raised"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        node.value = ast.Constant(None)
        return "step left out"
    if isinstance(node, ast.AugAssign):
        node.value = ast.List([], ast.Load()) if isinstance(node.op, ast.Add) else node.value
        return "addition left out" if isinstance(node.op, ast.Add) else None
    return None
