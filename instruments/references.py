"""References: what the cells of a form name, and whether it is there.

A cell may name a question or group (`${inc_own}`), a list of choices by the type of a question, and a list to
look something up in (`instance('ccy')`). pyxform stops at the first name that is not there and speaks of the
form as a whole; here each is told with its row, its column and the name that comes closest. `lint` makes
findings of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from instruments import sheets as sheet_io
from instruments.instrument import REFERENCE, Instrument

_INSTANCE = re.compile(r"\binstance\(\s*'([^']+)'")
_LAST_SAVED = "last-saved#"


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that names what is not there: sheet, row number, the row's name, column, code, what to do."""

    sheet: str
    row: int
    name: str
    column: str
    code: str
    message: str


def broken(instrument: Instrument) -> Iterator[Broken]:
    """Names of questions and lists that this form does not have, by sheet and row."""
    names = {question.name for question in instrument.questions} | {block.name for block in instrument.blocks}
    lists = {*instrument.lists, *(file.rpartition(".")[0] for file in _files(instrument))}
    for sheet in instrument.sheets:
        for row, cells in enumerate(sheet_io.rows(instrument.sheets[sheet]), start=2):
            for column, text in cells.items():
                found = [*_questions(text, names), *_instances(text, lists)]
                if sheet == "survey" and column in ("type", "codebook::type"):
                    found += _choices(text, instrument)
                for code, message in dict.fromkeys(found):
                    yield Broken(sheet, row, cells.get("name", ""), column, code, message)


def _files(instrument: Instrument) -> Iterator[str]:
    for question in instrument.questions:
        if question.file:
            yield question.file
        elif question.kind in ("csv-external", "xml-external"):
            yield f"{question.name}.csv"


def _questions(text: str, names: set[str]) -> Iterator[tuple[str, str]]:
    for name in REFERENCE.findall(text):
        if name.removeprefix(_LAST_SAVED) not in names:
            yield "reference.broken", f"There is no question {name!r}; {_near(name, names, 'take it out')}."


def _instances(text: str, lists: set[str]) -> Iterator[tuple[str, str]]:
    for name in _INSTANCE.findall(text):
        if name not in lists and not name.startswith("__"):
            cure = _near(name, lists, "attach it, or ask from it")
            yield "reference.list", f"There is no list {name!r} to look it up in; {cure}."


def _choices(text: str, instrument: Instrument) -> Iterator[tuple[str, str]]:
    kind, _, rest = text.partition(" ")
    name = rest.split()[0] if rest.split() else ""
    if (
        kind in ("select_one", "select_multiple", "rank")
        and "${" not in name
        and not instrument.choices(name)
    ):
        cure = _near(name, instrument.lists, "write it on the choices sheet")
        yield "reference.list", f"There is no list of choices {name!r}; {cure}."


def _near(name: str, known: Iterable[str], otherwise: str) -> str:
    found = get_close_matches(name, sorted(known), n=1)
    return f"did you mean {found[0]!r}" if found else otherwise
