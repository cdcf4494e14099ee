"""Drift: where the languages of a form say different things, as far as a machine can see it.

Nobody here understands a language. But a number, a reference and a name are the same in all of them, and two
choices told apart in one language are told apart in the others: where that does not hold, a translator or an
editor slipped. What is found is given as slips of a row and a column; `lint` makes findings of them. Texts
that are not there at all are no drift but missing translations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from instruments.codebook import languages_of
from instruments.comparability.changes import bare
from instruments.sheets import Row

FIELDS = ("label", "hint", "constraint_message", "required_message")

_NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f]\d{3})*(?:[.,]\d+)?")
_GROUPED = re.compile(r"(?<=\d)[.,\u00a0\u202f](?=\d{3}(?!\d))")
_REFERENCE = re.compile(r"\$?\{\s*([^}\s]+)\s*\}")


@dataclass(frozen=True, slots=True)
class Slip:
    """A text at odds with another language: its row among those given, column, code, message, level."""

    row: int
    column: str
    code: str
    message: str
    level: str


Slips = Iterator[Slip]


def texts(rows: Iterable[Row]) -> Slips:
    """References and numbers that stand in one language and not in the other, field by field."""
    for number, row in enumerate(rows):
        for field in FIELDS:
            said = _said(row, field)
            if len(said) > 1:
                yield from _references(number, row, field, said)
                yield from _numbers(number, row, field, said)


def choices(rows: Sequence[Row]) -> Slips:
    """Choices of one list that are told apart in one language and not in another, or that changed places."""
    lists: dict[str, list[tuple[int, Row]]] = {}
    for number, row in enumerate(rows):
        lists.setdefault(row.get("list_name", ""), []).append((number, row))
    for name, members in lists.items():
        if name:
            yield from _alike(members)
            yield from _elsewhere(members)


def _said(row: Row, field: str) -> dict[str, tuple[str, str]]:
    """Language → column and text, of those that are there."""
    columns = languages_of(row, field)
    return {
        code: (column, row[column])
        for code, column in columns.items()
        if row[column].strip() not in ("", "-")
    }


def _references(number: int, row: Row, field: str, said: Mapping[str, tuple[str, str]]) -> Slips:
    used = {
        code: {name.removesuffix(f"_{code}") for name in _REFERENCE.findall(text)}
        for code, (_, text) in said.items()
    }
    every = set().union(*used.values())
    for code, names in used.items():
        if lacking := sorted(every - names):
            others = ", ".join(other for other in used if used[other] >= set(lacking))
            message = (
                f"The {field} of {others} says {', '.join(f'${{{name}}}' for name in lacking)}, "
                f"that of {code} does not; put it in, or take it out there."
            )
            yield Slip(number, said[code][0], "drift.reference", message, "error")


def _numbers(number: int, row: Row, field: str, said: Mapping[str, tuple[str, str]]) -> Slips:
    """Each language against the first.

    Other numbers are an error; numbers that are lacking a warning, since they may stand there in words, and
    nothing in a choice: January is the first month in some languages.
    """
    counted = {code: numbers_in(text) for code, (_, text) in said.items()}
    first = next(iter(counted))
    for code, found in counted.items():
        lacking = found <= counted[first] or counted[first] <= found
        if found != counted[first] and not (lacking and "list_name" in row):
            message = (
                f"The {field} has the numbers {_told(found)} in {code} and {_told(counted[first])} "
                f"in {first}; make them the same."
            )
            yield Slip(number, said[code][0], "drift.number", message, "warning" if lacking else "error")


def numbers_in(text: str) -> Counter[str]:
    """The numbers of a text, digits of any script, however thousands are set apart; references left out."""
    plain = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in _REFERENCE.sub(" ", text))
    return Counter(_GROUPED.sub("", found).replace(",", ".") for found in _NUMBER.findall(plain))


def _told(found: Counter[str]) -> str:
    return " ".join(sorted(found.elements())) or "none"


def _alike(members: Sequence[tuple[int, Row]]) -> Slips:
    """Two codes that say the same in one language while another language tells them apart."""
    for number, row in members:
        for code, (column, text) in _said(row, "label").items():
            for earlier, other in members:
                if earlier >= number:
                    break
                there = _said(other, "label")
                if code in there and bare(there[code][1]) == bare(text) and _apart(row, other, code):
                    message = (
                        f"In {code}, {row.get('name')} says the same as {other.get('name')}; other languages "
                        "tell them apart, so translate one of them anew."
                    )
                    yield Slip(number, column, "drift.same_label", message, "error")


def _apart(row: Row, other: Row, code: str) -> bool:
    """Whether another language tells the two choices apart."""
    here, there = _said(row, "label"), _said(other, "label")
    return any(bare(here[c][1]) != bare(there[c][1]) for c in here if c in there and c != code)


def _elsewhere(members: Sequence[tuple[int, Row]]) -> Slips:
    """A text that is, in the first language, the label of another choice."""
    first = next(iter(_said(members[0][1], "label")), "")
    known: dict[str, tuple[int, str]] = {}
    for number, row in members:
        if first in (there := _said(row, "label")):
            known.setdefault(bare(there[first][1]), (number, row.get("name", "")))
    for number, row in members:
        said = _said(row, "label")
        own = bare(said[first][1]) if first in said else ""
        for code, (column, text) in said.items():
            other, name = known.get(bare(text), (number, ""))
            if code != first and other != number and bare(text) != own:
                message = (
                    f"In {code}, {row.get('name')} says what {name} says in {first}; the two seem to have "
                    "changed places, or a row was left untranslated."
                )
                yield Slip(number, column, "drift.other_choice", message, "error")
