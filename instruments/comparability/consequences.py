"""Consequences: changes that only follow from another one that is told, and are no news of their own.

An attached list that is exchanged is told once; that calculations now look into the new one follows from it.
An amount in another unit has another threshold and other words in the rows that ask to confirm it. A language
that comes or goes brings or takes the calculations that hold answers in its words. Here such changes are
found and left out; finding changes is `compare`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from instruments.comparability.changes import Change
from instruments.expressions import meaning
from instruments.instrument import Instrument

_INSTANCE = re.compile(r"instance\('([^']+)'\)")
_LITERAL = re.compile(r"'[^']*'|(?<![\w.$])\d+(?:\.\d+)?")
_TIMES = re.compile(r"(?<=\}) \* #(?= \))")
_EXPRESSIONS = ("recomputed", "filtered", "ranged", "rerouted")


def without(changes: Iterable[Change], a: Instrument, b: Instrument) -> list[Change]:
    """The changes from `a` to `b` that do not follow from another of them."""
    changes = list(changes)
    amounts = {change.variable for change in changes if change.kind == "unit"}
    checks = {name for amount in amounts for name in _check_of(amount, b)}
    gone, new = set(a.languages) - set(b.languages), set(b.languages) - set(a.languages)
    words = {"dropped": _in_words(a, gone), "added": _in_words(b, new)}
    exchanged = _exchanged(a, b)
    return [
        change
        for change in changes
        if change.variable not in words.get(change.kind, ())
        and not (change.kind in _EXPRESSIONS and _follows(change, exchanged, change.variable in checks))
    ]


def _follows(change: Change, exchanged: Mapping[str, str], is_check: bool) -> bool:
    """Whether both expressions say the same once lists are exchanged, and amounts in a check left aside."""
    before = _INSTANCE.sub(lambda found: f"instance('{exchanged.get(found[1], found[1])}')", change.before)
    told = meaning(before), meaning(change.after)
    if is_check:
        told = _without_amounts(told[0]), _without_amounts(told[1])
    return told[0] == told[1]


def _without_amounts(expression: str) -> str:
    """The expression with a sign for each number and text; how many coins are in one unit left out."""
    return _TIMES.sub("", _LITERAL.sub("#", expression))


def _exchanged(a: Instrument, b: Instrument) -> dict[str, str]:
    """Attached lists of `a` in whose place the same questions of `b` have another; without `.csv`."""
    after = {question.name: question.file for question in b.questions}
    pairs = {
        (question.file, after[question.name])
        for question in a.questions
        if question.file and after.get(question.name) not in (None, "", question.file)
    }
    return {before.removesuffix(".csv"): file.removesuffix(".csv") for before, file in sorted(pairs)}


def _check_of(amount: str, form: Instrument) -> set[str]:
    """The group that asks to confirm an amount, and the rows in it."""
    group = f"{amount}_chk"
    inside = {question.name for question in form.questions if group in question.groups}
    return {group, *inside} if inside else set()


def _in_words(form: Instrument, languages: Collection[str]) -> set[str]:
    """Calculations that hold words in one of these languages, beside those in the others."""
    names = {question.name for question in form.questions}
    found = set()
    for question in form.questions:
        stem, _, language = question.name.rpartition("_")
        computed = question.kind == "calculate" and question.type == "text" and language in languages
        if computed and any(f"{stem}_{other}" in names for other in form.languages if other != language):
            found.add(question.name)
    return found
