"""Expressions of a form as trees, so that they can be put in words. Nothing is worked out here.

`parse` reads what forms use in conditions: comparisons, and/or/not, arithmetic, functions, and the look-up of
a value in a list. `inwards` brings a condition to and/or of plain statements with every `not` carried
inwards, because people lose a "not" that stands before a bracket. What an expression comes to is
`instruments.expressions`, how it is said `conditions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instruments.expressions import tokens

FLIPPED = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
SWAPPED = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Ref:
    """The answer or value of a row, `${name}`."""

    name: str


@dataclass(frozen=True, slots=True)
class Own:
    """The answer that is being judged, `.`."""


@dataclass(frozen=True, slots=True)
class Word:
    """A column of the list that is being filtered, as `name` or `prov`."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a text as written."""

    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what it is given."""

    name: str
    given: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two things with a sign between them: a comparison or arithmetic."""

    sign: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Lookup:
    """A column of the entry of an attached list that meets a condition."""

    list_name: str
    where: Tree
    column: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions of which all (`and`) or at least one (`or`) must be met."""

    word: str
    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of something that is no comparison."""

    of: Tree


Tree = Ref | Own | Word | Literal | Call | Pair | Lookup | Joined | Not


def parse(expression: str) -> Tree:
    """The expression as a tree.

    Raises
    ------
    ValueError
        It holds what is not read here, as a path through the form.
    """
    return _Parser(tokens(expression)).whole()


def inwards(tree: Tree, *, opposite: bool = False) -> Tree:
    """The same condition with every `not` carried inwards and nested and/or of one kind made one."""
    if isinstance(tree, Call) and tree.name == "not" and len(tree.given) == 1:
        return inwards(tree.given[0], opposite=not opposite)
    if isinstance(tree, Joined):
        word = {"and": "or", "or": "and"}[tree.word] if opposite else tree.word
        parts: list[Tree] = []
        for part in (inwards(part, opposite=opposite) for part in tree.parts):
            parts += part.parts if isinstance(part, Joined) and part.word == word else (part,)
        return Joined(word, tuple(parts))
    if isinstance(tree, Pair) and tree.sign in FLIPPED:
        return Pair(FLIPPED[tree.sign], tree.left, tree.right) if opposite else tree
    if isinstance(tree, Call) and tree.name in ("true", "false"):
        return Call({"true": "false", "false": "true"}[tree.name], ()) if opposite else tree
    return Not(tree) if opposite else tree


class _Parser:
    """Reads from left to right, each method one level of precedence (as XPath has them)."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts, self.at = parts, 0

    def whole(self) -> Tree:
        found = self._or()
        if self.at < len(self.parts):
            raise ValueError(f"{self.parts[self.at]!r} was not expected")
        return found

    def _or(self) -> Tree:
        found = [self._and()]
        while self._take("or"):
            found.append(self._and())
        return found[0] if len(found) == 1 else Joined("or", tuple(found))

    def _and(self) -> Tree:
        found = [self._level(0)]
        while self._take("and"):
            found.append(self._level(0))
        return found[0] if len(found) == 1 else Joined("and", tuple(found))

    def _level(self, depth: int) -> Tree:
        if depth == len(_SIGNS):
            return self._unary()
        found = self._level(depth + 1)
        while self.at < len(self.parts) and self.parts[self.at] in _SIGNS[depth]:
            sign = self._next()
            found = Pair(sign, found, self._level(depth + 1))
        return found

    def _unary(self) -> Tree:
        if not self._take("-"):
            return self._primary()
        found = self._unary()
        if isinstance(found, Literal) and found.is_number:
            return Literal(f"-{found.text}", True)
        return Pair("-", Literal("0", True), found)

    def _primary(self) -> Tree:
        part = self._next()
        if part.startswith("${"):
            return Ref(part[2:-1])
        if part[0] in "'\"":
            return Literal(part[1:-1], False)
        if part[0].isdigit() or (part[0] == "." and part[1:].isdigit()):
            return Literal(part, True)
        if part == ".":
            return Own()
        if part == "(":
            found = self._or()
            self._expect(")")
            return found
        if part[0].isalpha() or part[0] == "_":
            if not self._take("("):
                return Word(part)
            return self._lookup() if part == "instance" else Call(part, tuple(self._given()))
        raise ValueError(f"{part!r} is not read here")

    def _given(self) -> list[Tree]:
        found: list[Tree] = []
        while not self._take(")"):
            found.append(self._or())
            if not self._is(")"):
                self._expect(",")
        return found

    def _lookup(self) -> Tree:
        """The rest of `instance('list')/root/item[condition]/column`."""
        name = self._next()
        for sign in (")", "/", "root", "/", "item", "["):
            self._expect(sign)
        where = self._or()
        self._expect("]")
        self._expect("/")
        return Lookup(name[1:-1], where, self._next())

    def _is(self, wanted: str) -> bool:
        return self.at < len(self.parts) and self.parts[self.at] == wanted

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


_SIGNS = (("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))
