"""Conditions over sensors, such as ``motor_current > 5 and 'PIT-3101A.PV' <= 40``.

Comparisons of sensors with numbers or with each other, joined by ``and``, ``or``, ``not`` and parentheses. A sensor
whose name is not an identifier stands in quotes. The text is parsed, never executed.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import UsageError

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_COMPARE: dict[type[ast.cmpop], Callable[[Float64, Float64], Bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def parse(text: str) -> ast.expr:
    """The condition as a tree; a backslash is a backslash, in quotes too. Raises UsageError when it is not one."""
    try:
        tree = ast.parse(text.strip().replace("\\", "\\\\"), mode="eval").body
    except (SyntaxError, ValueError) as problem:  # older Pythons have a ValueError for a NUL byte
        where = f" at character {problem.offset}" if isinstance(problem, SyntaxError) else ""
        raise UsageError(f'condition {text!r} cannot be read{where}: write e.g. "motor_current > 5".') from problem
    _check(tree, text)
    return tree


def sensors_in(tree: ast.expr) -> list[str]:
    """The sensors a condition mentions, each once."""
    names = [n.id if isinstance(n, ast.Name) else n.value for n in ast.walk(tree) if _is_sensor(n)]  # type: ignore[attr-defined]  # _is_sensor saw to it
    return list(dict.fromkeys(names))


def holds(text: str, columns: Mapping[str, Float64]) -> Bool:
    """Row by row, does the condition hold? Each column is (n_rows,); a row that misses a sensor it needs counts as
    holding.

    Raises UsageError naming near sensors when one is not in ``columns``.
    """
    tree = parse(text)
    for name in sensors_in(tree):
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else f" There are: {', '.join(list(columns)[:8])}."
            raise UsageError(f"condition {text!r}: there is no sensor '{name}'.{hint}")
    unknown = np.logical_or.reduce([~np.isfinite(columns[n]) for n in sensors_in(tree)])
    return np.asarray(_evaluate(tree, columns) | unknown, dtype=bool)


def _is_sensor(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _check(node: ast.expr, text: str) -> None:
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            _check(value, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, text)
    elif not (
        isinstance(node, ast.Compare)
        and all(type(o) in _COMPARE for o in node.ops)
        and all(map(_is_term, [node.left, *node.comparators]))
        and sensors_in(node)
    ):
        raise UsageError(
            f"condition {text!r}: only comparisons of sensors with numbers, joined by and, or, not; write "
            'e.g. "motor_current > 5".'
        )


def _is_term(node: ast.expr) -> bool:
    return _is_sensor(node) or _number(node) is not None


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None


def _evaluate(node: ast.expr, columns: Mapping[str, Float64]) -> Bool:
    if isinstance(node, ast.BoolOp):
        parts = [_evaluate(v, columns) for v in node.values]
        return np.asarray((np.logical_and if isinstance(node.op, ast.And) else np.logical_or).reduce(parts))
    if isinstance(node, ast.UnaryOp):
        return np.logical_not(_evaluate(node.operand, columns))
    assert isinstance(node, ast.Compare)
    terms = [_term(t, columns) for t in [node.left, *node.comparators]]
    steps = [_COMPARE[type(o)](a, b) for o, a, b in zip(node.ops, terms[:-1], terms[1:], strict=True)]
    return np.asarray(np.logical_and.reduce(steps))


def _term(node: ast.expr, columns: Mapping[str, Float64]) -> Float64:
    number = _number(node)
    if number is not None:
        return np.asarray(number)
    return columns[node.id if isinstance(node, ast.Name) else str(node.value)]  # type: ignore[attr-defined]  # a sensor by _check
