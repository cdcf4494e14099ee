"""Statements: a condition's parts brought together where they speak of the same answer.

`${a} = 1 or ${a} = 2` is one statement on a select, `. >= 0 and . <= 20` is one range, and “none cannot go
with other choices” is one statement however a form writes it. Trees in, trees and statements out; the words
are `conditions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from instruments.expressions import holds
from instruments.readable.syntax import SWAPPED, Call, Joined, Literal, Not, Pair, Tree


@dataclass(frozen=True, slots=True)
class Among:
    """The answer to a select is one of these codes; `negative` if all that was said is which it is not.

    Of a multiple choice it says that one of the codes is among the answers, or that none of the others is.
    """

    what: Tree
    codes: frozenset[str]
    negative: bool
    several: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """Something lies between two limits, both counted in."""

    what: Tree
    low: Tree
    high: Tree


@dataclass(frozen=True, slots=True)
class Alone:
    """Answers of a multiple choice that go with no other."""

    what: Tree
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """The codes that a select offers, and whether several may be chosen."""

    codes: tuple[str, ...]
    several: bool


Statement = Tree | Among | Between | Alone
OptionsOf = Callable[[Tree], Options | None]


def single(tree: Tree, options_of: OptionsOf) -> Statement:
    """One part of a condition; what is said of a select as the codes it leaves."""
    if isinstance(tree, Pair) and isinstance(tree.left, Literal) and tree.sign in SWAPPED:
        tree = Pair(SWAPPED[tree.sign], tree.right, tree.left)
    inner = tree.of if isinstance(tree, Not) else tree
    match inner:
        case Call("selected", (what, Literal(code, _))) if options := options_of(what):
            return _among(what, {code}, options, negative=isinstance(tree, Not))
        case Pair(sign, what, Literal(code, _) as literal) if sign in SWAPPED and code:
            options = options_of(what)
            if options is None or options.several:
                return tree
            met = {one for one in options.codes if holds(f". {sign} {_written(literal)}", {}, one)}
            if sign == "!=":
                return _among(what, set(options.codes) - met, options, negative=True)
            return Among(what, frozenset(met), negative=False)
    return tree


def gathered(joined: Joined, options_of: OptionsOf) -> list[Statement]:
    """The parts of an and/or, each as short as it can be said; one if together they say one thing."""
    if (said := alone(joined)) is not None:
        return [said]
    parts: list[Statement] = []
    for part in joined.parts:
        if isinstance(part, Joined):
            inner = gathered(part, options_of)
            parts.append(inner[0] if len(inner) == 1 else part)
        else:
            parts.append(single(part, options_of))
    return together(joined.word, parts)


def together(word: str, parts: Sequence[Statement]) -> list[Statement]:
    """The parts of an and/or with those on the same answer made one, in their order."""
    found: list[Statement] = []
    for part in parts:
        for at, before in enumerate(found):
            joined = _joined(word, before, part)
            if joined is not None:
                found[at] = joined
                break
        else:
            found.append(part)
    return found


def alone(joined: Joined) -> Alone | None:
    """“This code goes with no other”: not chosen, or at most one is chosen."""
    if joined.word != "or" or len(joined.parts) != 2:
        return None
    for one, other in (joined.parts, joined.parts[::-1]):
        if not (isinstance(one, Not) and isinstance(one.of, Call) and one.of.name == "selected"):
            continue
        what, code = one.of.given
        count = Pair("<=", Call("count-selected", (what,)), Literal("1", True))
        if other == count and isinstance(code, Literal):
            return Alone(what, (code.text,))
    return None


def _joined(word: str, first: Statement, second: Statement) -> Statement | None:
    """Two statements as one, None where they do not speak of the same or mean more than one can say."""
    if isinstance(first, Among) and isinstance(second, Among) and first.what == second.what:
        if first.several and {(word, first.negative), (word, second.negative)} - _SEVERAL:
            return None
        codes = first.codes & second.codes if word == "and" else first.codes | second.codes
        return replace(first, codes=codes, negative=first.negative and second.negative)
    if isinstance(first, Alone) and isinstance(second, Alone) and first.what == second.what and word == "and":
        return replace(first, codes=first.codes + second.codes)
    if word == "and" and isinstance(first, Pair) and isinstance(second, Pair) and first.left == second.left:
        if (first.sign, second.sign) == (">=", "<="):
            return Between(first.left, first.right, second.right)
        if (first.sign, second.sign) == ("<=", ">="):
            return Between(first.left, second.right, first.right)
    return None


def _among(what: Tree, codes: set[str], options: Options, *, negative: bool) -> Among:
    left = set(options.codes) - codes if negative else codes
    return Among(what, frozenset(left), negative, options.several)


def _written(literal: Literal) -> str:
    return literal.text if literal.is_number else f"'{literal.text}'"


_SEVERAL = {("or", False), ("and", True)}  # what one statement on a multiple choice can say
