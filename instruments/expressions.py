"""Expressions of a form (relevance, constraint, calculation), judged with only some answers known.

`value` gives what an expression comes to, or None where that depends on an answer that is not known; and, or
and not follow Kleene, so `${a} = 1 and ${b} = 1` is false as soon as one is. `meaning` is an expression
without what does not matter to a reader (spaces, kinds of quotes). Of XPath only what forms use in
conditions is understood; anything else, as a look-up in a list, is unknown, never guessed. Filling forms is
the engine's business, not ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isnan, nan

Value = str | float | bool | None

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<name>\$\{\s*[^}\s]+\s*\})
  | (?P<text>'[^']*'|"[^"]*")
  | (?P<number>\d+(?:\.\d*)?|\.\d+)
  | (?P<word>[A-Za-z_][\w.:-]*)
  | (?P<sign><=|>=|!=|//|\.\.|[-=<>+*()\[\],|/.@])
)""",
    re.VERBOSE,
)
_PLAIN = frozenset({".", "and", "or", "not", "(", ")", "<", "<=", ">", ">=", "=", "!=", "-", "true", "false"})
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def value(expression: str, known: Mapping[str, str], own: str | None = None) -> Value:
    """What the expression comes to.

    Parameters
    ----------
    known
        Answers by name; "" is an answer that was left out, a name that is not there is not known.
    own
        The answer that `.` stands for, in a constraint.

    Returns
    -------
    str, float, bool or None
        None where it depends on what is not known or is not understood.
    """
    try:
        return _Reader(tokens(expression), known, own).whole()
    except ValueError:
        return None


def holds(expression: str, known: Mapping[str, str], own: str | None = None) -> bool | None:
    """Whether the condition is met; None where that is not known. No condition is always met."""
    if not expression.strip():
        return True
    found = value(expression, known, own)
    return None if found is None else _boolean(found)


def meaning(expression: str) -> str:
    """The expression in one way of writing: single blanks between its parts, texts in single quotes."""
    try:
        return " ".join(tokens(expression))
    except ValueError:
        return " ".join(expression.split())


def parts_of(condition: str) -> list[str]:
    """The conditions that must all be met, taken apart at `and`; brackets around the whole do not count."""
    found: list[list[str]] = [[]]
    depth = 0
    for part in _tokens(condition):
        depth += (part in "([") - (part in ")]")
        if part == "or" and depth == 0:
            return [condition]
        if part == "and" and depth == 0:
            found.append([])
        else:
            found[-1].append(part)
    if len(found) == 1 and len(found[0]) > 2 and _is_wrapped(found[0]):
        return parts_of(" ".join(found[0][1:-1]))
    if len(found) > 1:
        return [part for one in found for part in parts_of(" ".join(one))]
    return [" ".join(found[0])] if found[0] else []


def branches(expression: str) -> tuple[str, str, str] | None:
    """Condition and the two outcomes, where the whole expression is one `if(…)`; else None."""
    parts = _tokens(expression)
    if parts[:2] != ("if", "("):
        return None
    found: list[list[str]] = [[]]
    depth = 1
    for number, part in enumerate(parts[2:], start=2):
        depth += (part in "([") - (part in ")]")
        if depth == 0:
            whole = number == len(parts) - 1 and len(found) == 3
            return (" ".join(found[0]), " ".join(found[1]), " ".join(found[2])) if whole else None
        if part == "," and depth == 1:
            found.append([])
        else:
            found[-1].append(part)
    return None


def let_through(before: str, after: str) -> str:
    """Which values the second of two constraints lets through, found by trying values around their numbers.

    Returns
    -------
    str
        `same`, `wider`, `narrower`, `other` (some more, some less), or `unknown` where a constraint depends
        on other answers or does more than compare.
    """
    parts = [*_tokens(before), *_tokens(after)]
    numbers = [float(part) for part in parts if part[0].isdigit()]
    simple = all(part in _PLAIN or part[0].isdigit() or part[0] in "'\"" for part in parts)
    tried = {
        sign * number + step
        for number in [0.0, *numbers]
        for sign in (1, -1)
        for step in (-1, -0.5, 0, 0.5, 1)
    }
    seen = {(holds(before, {}, str(one)), holds(after, {}, str(one))) for one in tried}
    if any(None in pair for pair in seen) or not simple:
        return "unknown"
    narrower, wider = (True, False) in seen, (False, True) in seen
    return {(False, False): "same", (True, False): "narrower", (False, True): "wider"}.get(
        (narrower, wider), "other"
    )


@lru_cache(maxsize=4096)
def tokens(expression: str) -> tuple[str, ...]:
    """The parts of an expression; a name as `${name}`, a text in single quotes where it can be.

    Raises
    ------
    ValueError
        A sign that no expression has.
    """
    found, at, expression = [], 0, expression.rstrip()
    while at < len(expression):
        part = _TOKEN.match(expression, at)
        if part is None:
            raise ValueError(f"{expression[at : at + 10]!r} is no part of an expression")
        at = part.end()
        text = part[0].strip()
        if part["name"]:
            text = f"${{{text[2:-1].strip()}}}"
        elif part["text"] and "'" not in text[1:-1]:
            text = f"'{text[1:-1]}'"
        found.append(text)
    return tuple(found)


def _is_wrapped(parts: Sequence[str]) -> bool:
    """Whether one pair of brackets stands around the whole."""
    depth = 0
    for number, part in enumerate(parts):
        depth += (part == "(") - (part == ")")
        if depth == 0:
            return number == len(parts) - 1 and parts[0] == "("
    return False


def _tokens(expression: str) -> tuple[str, ...]:
    try:
        return tokens(expression)
    except ValueError:
        return ("?",)


class _Reader:
    """Reads the parts from left to right, each method one level of precedence."""

    def __init__(self, parts: Sequence[str], known: Mapping[str, str], own: str | None) -> None:
        self.parts, self.known, self.own, self.at = parts, known, own, 0

    def whole(self) -> Value:
        found = self._or()
        if self.at < len(self.parts):
            raise ValueError(f"{self.parts[self.at]!r} was not expected")
        return found

    def _or(self) -> Value:
        return self._joined("or", self._and, decisive=True)

    def _and(self) -> Value:
        return self._joined("and", self._equal, decisive=False)

    def _joined(self, word: str, below: Callable[[], Value], *, decisive: bool) -> Value:
        """Kleene's and, or: one decisive part decides, else what is unknown keeps it unknown."""
        first = below()
        if not self._is(word):
            return first
        found = [first]
        while self._take(word):
            found.append(below())
        truths = [None if one is None else _boolean(one) for one in found]
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive

    def _equal(self) -> Value:
        left = self._order()
        while self._is("=", "!="):
            sign, right = self._next(), self._order()
            same = None if left is None or right is None else _equals(left, right)
            left = None if same is None else same == (sign == "=")
        return left

    def _order(self) -> Value:
        left = self._sum()
        while self._is(*_COMPARE):
            sign, right = self._next(), self._sum()
            unknown = left is None or right is None
            left = None if unknown else _COMPARE[sign](_number(left), _number(right))
        return left

    def _sum(self) -> Value:
        left = self._product()
        while self._is("+", "-"):
            sign, right = self._next(), self._product()
            if left is None or right is None:
                left = None
            else:
                left = _number(left) + (_number(right) if sign == "+" else -_number(right))
        return left

    def _product(self) -> Value:
        left = self._unary()
        while self._is("*", "div", "mod"):
            sign, right = self._next(), self._unary()
            left = None if left is None or right is None else _product(sign, _number(left), _number(right))
        return left

    def _unary(self) -> Value:
        if self._take("-"):
            found = self._unary()
            return None if found is None else -_number(found)
        return self._path()

    def _path(self) -> Value:
        """A single thing; what is looked up from it by a path or a bracket is unknown."""
        found = self._primary()
        while self._is("/", "//", "[", "|"):
            found, sign = None, self._next()
            if sign == "[":
                self._or()
                self._expect("]")
            elif sign == "|":
                self._primary()
            else:
                self._take("@")
                self._next()
        return found

    def _primary(self) -> Value:
        part = self._next()
        if part.startswith("${"):
            return self.known.get(part[2:-1])
        if part[0] in "'\"":
            return part[1:-1]
        if part[0].isdigit() or (part[0] == "." and part[1:].isdigit()):
            return float(part)
        if part == ".":
            return self.own
        if part == "(":
            found = self._or()
            self._expect(")")
            return found
        if self._take("("):
            return _call(part, self._arguments())
        if part in ("/", "//", "@"):
            self._next()
            return None
        if part in ("..", "*") or part[0].isalpha() or part[0] == "_":
            return None
        raise ValueError(f"{part!r} was not expected")

    def _arguments(self) -> list[Value]:
        found: list[Value] = []
        while not self._take(")"):
            found.append(self._or())
            if not self._is(")"):
                self._expect(",")
        return found

    def _is(self, *wanted: str) -> bool:
        return self.at < len(self.parts) and self.parts[self.at] in wanted

    def _take(self, wanted: str) -> bool:
        found = self._is(wanted)
        self.at += found
        return found

    def _next(self) -> str:
        if self.at >= len(self.parts):
            raise ValueError("the expression ends too soon")
        self.at += 1
        return self.parts[self.at - 1]

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise ValueError(f"{wanted!r} was expected")


def _call(name: str, given: list[Value]) -> Value:
    """What a function gives; those that look at the clock, at lists or at other rows are unknown."""
    if name == "if" and len(given) == 3:
        return None if given[0] is None else given[1 if _boolean(given[0]) else 2]
    if name == "coalesce" and len(given) == 2:
        return given[1] if given[0] == "" else given[0]
    if name in ("true", "false"):
        return name == "true"
    function = _FUNCTIONS.get(name)
    return None if function is None or None in given or not given else function(*given)


def _selected(answers: Value, code: Value) -> bool:
    return _text(code) in _text(answers).split()


def _format_date(day: Value, pattern: Value) -> Value:
    """`format-date` for a year, month or day of a date; None for other patterns, "" without a date."""
    found = re.match(r"(\d{4})-(\d{2})-(\d{2})", _text(day))
    if found is None:
        return "" if day == "" else None
    year, month, number = found.groups()
    told = {"%Y": year, "%m": month, "%n": str(int(month)), "%d": number, "%e": str(int(number))}
    return told.get(_text(pattern))


def _matches(text: Value, pattern: Value) -> Value:
    try:
        return re.fullmatch(_text(pattern), _text(text)) is not None
    except re.error:
        return None


_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "not": lambda one: not _boolean(one),
    "boolean": lambda one: _boolean(one),
    "number": lambda one: _number(one),
    "int": lambda one: nan if isnan(_number(one)) else float(int(_number(one))),
    "string": lambda one: _text(one),
    "string-length": lambda one: float(len(_text(one))),
    "count-selected": lambda one: float(len(_text(one).split())),
    "selected": _selected,
    "format-date": _format_date,
    "regex": _matches,
    "min": lambda *numbers: min(map(_number, numbers)),
    "max": lambda *numbers: max(map(_number, numbers)),
    "concat": lambda *parts: "".join(map(_text, parts)),
}


def _product(sign: str, left: float, right: float) -> float:
    if sign == "*":
        return left * right
    if right == 0:
        return nan
    return left / right if sign == "div" else left % right


def _equals(left: Value, right: Value) -> bool:
    """As XPath compares: as truths, else as numbers, else as texts."""
    if isinstance(left, bool) or isinstance(right, bool):
        return _boolean(left) == _boolean(right)
    if isinstance(left, float) or isinstance(right, float):
        return _number(left) == _number(right)
    return left == right


def _boolean(given: Value) -> bool:
    if isinstance(given, float):
        return given != 0 and not isnan(given)
    return bool(given)


def _number(given: Value) -> float:
    try:
        return float(given or 0) if isinstance(given, bool) else float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return nan


def _text(given: Value) -> str:
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    return str(given)
