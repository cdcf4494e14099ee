"""Rows for the lists attached to a form, made up so that every routing by a preloaded fact can be met.

A list that the package ships is taken as it is. Of any other, the columns are those that the form reads, and
their cells what the form compares them with: codes, an empty cell, a month some time ago. A filter such as
`assigned = ${enum_id}` is met by rows that hold what can be answered there. Nobody in these lists exists.
"""

import csv
import io
import random
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from instruments.codebook import Choice
from instruments.expressions import tokens
from instruments.instrument import REFERENCE, Instrument, Question, lists
from instruments.places import list_files
from survey.sandbox.walks.domains import FILTER

ROWS = 36
PEOPLE = 3
PROVINCES = 3  # of a long list of places: enough to choose from, and quick to open
LONG = 500
READ = re.compile(r"instance\(\s*'([^']+)'\s*\)/root/item\[[^\]]*\]/([\w.-]+)")
KEY = re.compile(r"instance\(\s*'([^']+)'\s*\)/root/item\[\s*(\w+)\s*=")

Rows = dict[str, list[dict[str, str]]]


def case_lists(instrument: Instrument, when: date, rng: random.Random, size: int = ROWS) -> Rows:
    """Rows of every list the form attaches, by its name; the same generator gives the same rows."""
    files = dict.fromkeys(filter(None, map(_file_of, instrument.questions)))
    rows: Rows = {}
    for file in sorted(files, key=lambda file: (len(_asked_of(instrument, file)), file)):
        name = file.rpartition(".")[0]
        shipped = file in list_files()
        rows[name] = _shipped(file) if shipped else _made_up(instrument, name, rows, when, rng, size)
    return rows


def write_lists(rows: Mapping[str, Sequence[Mapping[str, str]]], folder: Path) -> None:
    """Each list as NAME.csv in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in rows.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(table[0]) if table else ["name", "label"])
            writer.writeheader()
            writer.writerows(table)


def _file_of(question: Question) -> str:
    return f"{question.name}.csv" if question.kind == "csv-external" else question.file


def _asked_of(instrument: Instrument, file: str) -> list[tuple[str, str, str]]:
    """Columns, signs and questions of the filters on this list: those it waits for are made first."""
    selects = [question for question in instrument.questions if question.file == file]
    return [found for q in selects for found in FILTER.findall(q.cell("choice_filter"))]


def _shipped(file: str) -> list[dict[str, str]]:
    """The list as the package has it; of a long one by provinces those of a few."""
    rows = list(csv.DictReader(io.StringIO(lists(file).decode())))
    if len(rows) < LONG or "prov" not in rows[0]:
        return rows
    some = list(dict.fromkeys(row["prov"] for row in rows))[:PROVINCES]
    return [row for row in rows if row["prov"] in some]


def _made_up(
    instrument: Instrument, name: str, others: Rows, when: date, rng: random.Random, size: int
) -> list[dict[str, str]]:
    columns = _columns(instrument, name)
    filters = {column: (sign, q) for column, sign, q in _asked_of(instrument, f"{name}.csv")}
    number = size if len(columns) > 3 else PEOPLE
    found = []
    for place in range(number):
        row = {"name": _key(name, place, columns), "label": f"{name} {place + 1}", "__version": "1"}
        for column, compared in columns.items():
            if column in filters and filters[column][0] == "=":
                row[column] = rng.choice(_answers(instrument, filters[column][1], others))
            elif column not in row:
                row[column] = _cell(column, compared, when, rng)
        found.append(row)
    return found


def _key(name: str, place: int, columns: Mapping[str, set[str]]) -> str:
    """A row's name: a UUID where rows are cases, a short code where they are people or places of a study."""
    if len(columns) > 3:
        return f"5c0f2b5e-0000-4000-8000-{place + 1:012d}"
    return f"{name[:1].upper()}{place + 1:02d}"


def _answers(instrument: Instrument, name: str, others: Rows) -> list[str]:
    """What can be answered to the question a filter looks at."""
    asked = instrument.question(name)
    rows = others.get(asked.file.rpartition(".")[0], []) if asked else []
    choices: Sequence[Choice] = instrument.choices(asked.list_name) if asked else ()
    return [row["name"] for row in rows] or [choice.name for choice in choices] or [""]


def _columns(instrument: Instrument, name: str) -> dict[str, set[str]]:
    """Column → what the form compares it with, itself or as the calculation that reads it."""
    found: dict[str, set[str]] = {column: set() for column, _, _ in _asked_of(instrument, f"{name}.csv")}
    expressions = [
        text for q in instrument.questions for text in q.cells.values() if "${" in text or "(" in text
    ]
    expressions += [block.cells.get("relevant", "") for block in instrument.blocks]
    whole = "\n".join(expressions)
    found |= {column: set() for table, column in KEY.findall(whole) if table == name and column != "name"}
    for question in instrument.questions:
        for table, column in READ.findall(question.cell("calculation")):
            if table == name and column != "label":
                codes = {choice.name for choice in instrument.choices(question.list_name)}
                compared = codes or _compared(instrument, question.name, expressions)
                found.setdefault(column, set()).update(compared)
    for question in instrument.questions:
        for text in question.cells.values():
            for table, column in READ.findall(text):
                if table == name and column != "label":
                    found.setdefault(column, set())
    return found


def _compared(instrument: Instrument, name: str, expressions: Sequence[str]) -> set[str]:
    """Texts and numbers beside `${name} =` in any expression; the codes of a list it is looked up in."""
    found: set[str] = set()
    for text in expressions:
        if name not in REFERENCE.findall(text):
            continue
        try:
            parts = tokens(text)
        except ValueError:
            continue
        for before, sign, after in zip(parts, parts[1:], parts[2:], strict=False):
            if sign in ("=", "!=") and f"${{{name}}}" in (before, after):
                other = after if before == f"${{{name}}}" else before
                if other[0] in "'0123456789":
                    found.add(other.strip("'"))
                elif before == "name":
                    found |= _codes_near(instrument, text)
    return found


def _codes_near(instrument: Instrument, text: str) -> set[str]:
    tables = re.findall(r"instance\(\s*'([^']+)'\s*\)/root/item\[", text)
    return {choice.name for table in tables for choice in instrument.choices(table)}


def _cell(column: str, compared: set[str], when: date, rng: random.Random) -> str:
    if column.endswith("_cm"):
        return str((when.year - 1900) * 12 + when.month - rng.choice((3, 6, 12, 18)))
    if column == "birth_y":
        return str(when.year - rng.randint(19, 55))
    if column.endswith("wave") or column == "wave_due":
        return rng.choice(("1", "2", "3", "")) if column == "wave_due" else str(rng.randint(0, 4))
    if column.endswith("_id"):
        return f"VN{rng.randint(1, 999_999):06d}"
    if compared - {""}:
        return rng.choice(sorted(compared | {"", "1"}))
    return rng.choice(("", "Thợ hàn"))
