"""Conditions over sensors, such as ``motor_current > 5 and 'PIT-3101A.PV' <= 40``.

Comparisons of sensors with numbers or with each other, joined by ``and``, ``or``, ``not`` and parentheses. Sensors may
be reckoned with: ``flow * pressure > 100``, ``abs(a - b) < 2``, ``between(level, 20, 80)``. A sensor whose name is not
an identifier stands in quotes. What stands in quotes after ``==``, ``!=`` or ``in`` is a word of a status column:
``machine_status in ('RUN', 'STARTUP')``. The text is parsed, never executed.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import UsageError
from anomaly_lstm.sensor_rules import Int64, carried_on

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Int8 = NDArray[np.int8]

RAN, OFF, NOT_KNOWN = 1, 0, -1

_COMPARE: dict[type[ast.cmpop], Callable[[Float64, Float64], Bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_RECKON: dict[type[ast.operator], Callable[[Float64, Float64], Float64]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Float64]]] = {
    "abs": (1, np.abs),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
}
"""Name → how many terms it takes, and what it makes of them."""

BETWEEN = "between"
"""``between(sensor, low, high)`` is ``low <= sensor <= high``."""

GRAMMAR = (
    "a condition compares sensors with numbers, with each other or with words in quotes, reckons with + - * / abs min "
    "max, and is joined by and, or, not"
)


def parse(text: str) -> ast.expr:
    """The condition as a tree; a backslash is a backslash, in quotes too. Raises UsageError when it is not one."""
    try:
        tree = ast.parse(text.strip().replace("\\", "\\\\"), mode="eval").body
        _check(tree, text)
    except (SyntaxError, ValueError) as problem:  # older Pythons have a ValueError for a NUL byte
        where = f" at character {problem.offset}" if isinstance(problem, SyntaxError) else ""
        hint = f" Write {BETWEEN}(sensor, low, high)." if f" {BETWEEN} " in text else ""
        raise UsageError(
            f'condition {text!r} cannot be read{where}: write e.g. "motor_current > 5".{hint}'
        ) from problem
    except (RecursionError, MemoryError) as problem:
        raise UsageError("the condition is nested too deeply to be read: write it with fewer parentheses.") from problem
    return tree


def sensors_in(tree: ast.expr) -> list[str]:
    """The sensors a condition mentions, each once."""
    return list(dict.fromkeys(name for term in _terms(tree) for name in _names(term)))


def words_in(tree: ast.expr) -> dict[str, tuple[str, ...]]:
    """Status column → the words a condition compares it with."""
    found: dict[str, tuple[str, ...]] = {}
    for node in ast.walk(tree):
        said = _worded(node) if isinstance(node, ast.Compare) else None
        if said:
            found[said[0]] = tuple(dict.fromkeys((*found.get(said[0], ()), *said[1])))
    return found


def judged(text: str, columns: Mapping[str, Float64], words: Mapping[str, Sequence[str]] | None = None) -> Int8:
    """Row by row (n_rows,): 1 where the condition holds, 0 where it does not, −1 where a sensor it needs is missing.

    Each column is (n_rows,); those in ``words`` hold places among these. Raises UsageError that names near sensors when
    one is not in ``columns``, and where words are compared with numbers.
    """
    tree, words = parse(text), words or {}
    for name in sensors_in(tree):
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else f" There are: {', '.join(list(columns)[:8])}."
            raise UsageError(f"condition {text!r}: there is no sensor '{name}'.{hint}")
    _check_kinds(text, tree, columns, words)
    with np.errstate(all="ignore"):  # a division by nothing is not known
        unknown = np.logical_or.reduce(np.broadcast_arrays(*(np.isnan(_term(term, columns)) for term in _terms(tree))))
        holds = _evaluate(tree, columns, words)
    return np.where(unknown, NOT_KNOWN, np.where(holds, RAN, OFF)).astype(np.int8)


def running(
    text: str,
    time_us: Int64,
    columns: Mapping[str, Float64],
    holds_us: Mapping[str, int],
    words: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Int8, Int64]:
    """Where an asset ran on its rows (n_rows,) in time order, as `judged`, and until when that counts [µs].

    A value that a row lacks is the last one before, for as long as the sensor's ``holds_us`` [µs].
    """
    needed = [name for name in sensors_in(parse(text)) if name in columns]
    held = {name: carried_on(time_us, columns[name], holds_us.get(name, 0)) for name in needed}
    ran = judged(text, {**columns, **{name: values for name, (values, _) in held.items()}}, words)
    return ran, np.asarray(np.minimum.reduce([until for _, until in held.values()]))


# ---------------------------------------------------------------- what a condition may be


def _is_sensor(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else str(node.value)  # type: ignore[attr-defined]  # a sensor


def _names(term: ast.expr) -> list[str]:
    """The sensors of a term; the name of a function is none."""
    functions = {id(node.func) for node in ast.walk(term) if isinstance(node, ast.Call)}
    return [_name(node) for node in ast.walk(term) if _is_sensor(node) and id(node) not in functions]  # type: ignore[arg-type]  # an expression


def _worded(node: ast.Compare) -> tuple[str, tuple[str, ...]] | None:
    """The status column and the words it is compared with; None where numbers are compared."""
    if len(node.ops) != 1 or not _is_sensor(node.left):
        return None
    other = node.comparators[0]
    among = isinstance(node.ops[0], ast.In | ast.NotIn)
    items = other.elts if among and isinstance(other, ast.Tuple | ast.List) else [other]
    texts = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    if (among or isinstance(node.ops[0], ast.Eq | ast.NotEq)) and texts and len(texts) == len(items):
        return _name(node.left), tuple(texts)
    return None


def _listed(node: ast.Compare) -> list[ast.expr] | None:
    """The numbers of ``sensor in (1, 2)``; None where it is none of that."""
    other = node.comparators[0]
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.In | ast.NotIn):
        return None
    numbers = other.elts if isinstance(other, ast.Tuple | ast.List) else []
    return numbers if numbers and all(_number(item) is not None for item in numbers) else None


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    """All that is compared: sensors, and what is reckoned with them."""
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _terms(value)
    elif isinstance(node, ast.UnaryOp):
        yield from _terms(node.operand)
    elif isinstance(node, ast.Call):
        yield from node.args
    elif isinstance(node, ast.Compare):
        alone = _worded(node) is not None or _listed(node) is not None
        yield from [node.left] if alone else [node.left, *node.comparators]


def _check(node: ast.expr, text: str) -> None:
    """Raise UsageError, with the place, where a node is no condition."""
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            _check(value, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, text)
    elif _is_between(node) or (isinstance(node, ast.Compare) and _is_comparison(node)):
        for term in _terms(node):
            _check_term(term, text)
        if not any(_names(term) for term in _terms(node)):
            raise _refused(node, text, "no sensor is compared here")
    else:
        raise _refused(node, text, "this is no comparison")


def _is_between(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == BETWEEN
        and len(node.args) == 3
        and not node.keywords
    )


def _is_comparison(node: ast.Compare) -> bool:
    return all(type(o) in _COMPARE for o in node.ops) or _worded(node) is not None or _listed(node) is not None


def _check_term(node: ast.expr, text: str) -> None:
    if _is_sensor(node) or _number(node) is not None:
        return
    if isinstance(node, ast.BinOp) and type(node.op) in _RECKON:
        parts = [node.left, node.right]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        parts = [node.operand]
    elif isinstance(node, ast.Call) and _function(node) is not None:
        parts = node.args
    else:
        raise _refused(node, text, "this is neither a sensor nor a number")
    for part in parts:
        _check_term(part, text)


def _function(node: ast.Call) -> Callable[..., Float64] | None:
    """What a call reckons; None where there is no such function of so many terms."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    n_terms, function = _FUNCTIONS.get(name, (0, None))
    return function if function is not None and len(node.args) == n_terms and not node.keywords else None


def _refused(node: ast.expr, text: str, why: str) -> UsageError:
    before = text.strip().replace("\\", "\\\\").encode()[: node.col_offset].decode(errors="ignore")
    place = len(before.replace("\\\\", "\\")) + 1
    return UsageError(f'condition {text!r}, character {place}: {why}; {GRAMMAR}. Write e.g. "motor_current > 5".')


def _check_kinds(text: str, tree: ast.expr, columns: Mapping[str, Float64], words: Mapping[str, Sequence[str]]) -> None:
    """Raise UsageError where a number is compared with a word."""
    said = words_in(tree)
    for name in sensors_in(tree):
        if name in said and not words.get(name) and np.isfinite(columns[name]).any():
            raise UsageError(
                f"condition {text!r}: '{name}' holds numbers, and {said[name][0]!r} in quotes is a word. Compare it "
                "with a number without quotes; another sensor stands on the left, or is subtracted."
            )
        if name not in said and words.get(name):
            raise UsageError(
                f"condition {text!r}: '{name}' holds words ({', '.join(words[name][:5])}), and here it is reckoned "
                f"with as a number. Compare it with a word: \"'{name}' == '{words[name][0]}'\"."
            )


# ---------------------------------------------------------------- what it says of rows


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        try:
            return float(node.value)
        except OverflowError:
            return float("inf")
    return None


def _evaluate(node: ast.expr, columns: Mapping[str, Float64], words: Mapping[str, Sequence[str]]) -> Bool:
    if isinstance(node, ast.BoolOp):
        parts = [_evaluate(v, columns, words) for v in node.values]
        return np.asarray((np.logical_and if isinstance(node.op, ast.And) else np.logical_or).reduce(parts))
    if isinstance(node, ast.UnaryOp):
        return np.logical_not(_evaluate(node.operand, columns, words))
    if isinstance(node, ast.Call):
        value, low, high = (_term(term, columns) for term in node.args)
        return np.asarray((low <= value) & (value <= high))
    assert isinstance(node, ast.Compare)
    among = _among(node, words)
    if among is not None:
        inside = np.isin(_term(node.left, columns), among)
        return np.asarray(~inside if isinstance(node.ops[0], ast.NotIn | ast.NotEq) else inside)
    terms = [_term(t, columns) for t in [node.left, *node.comparators]]
    steps = [_COMPARE[type(o)](a, b) for o, a, b in zip(node.ops, terms[:-1], terms[1:], strict=True)]
    return np.asarray(np.logical_and.reduce(steps))


def _among(node: ast.Compare, words: Mapping[str, Sequence[str]]) -> list[float] | None:
    """The values that a sensor is compared with as words or in a list; None where it is compared otherwise."""
    said, numbers = _worded(node), _listed(node)
    if said is not None:
        known = list(words.get(said[0], ()))
        return [float(known.index(word)) for word in said[1] if word in known]
    return None if numbers is None else [float(_number(item) or 0.0) for item in numbers]


def _term(node: ast.expr, columns: Mapping[str, Float64]) -> Float64:
    number = _number(node)
    if number is not None:
        return np.asarray(number)
    if isinstance(node, ast.BinOp):
        return _RECKON[type(node.op)](_term(node.left, columns), _term(node.right, columns))
    if isinstance(node, ast.UnaryOp):
        return np.negative(_term(node.operand, columns))
    if isinstance(node, ast.Call):
        function = _function(node)
        assert function is not None  # _check saw to it
        return function(*(_term(part, columns) for part in node.args))
    return columns[_name(node)]
