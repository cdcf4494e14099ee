"""Edits: what differs between two texts of a form, cell by cell, told by question.

This is what an editor sees after an import from Excel: which question, choice or setting, which column, what
stood there and what stands there now. What a change means for a panel is `compare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instruments import sheets as sheet_io
from instruments.comparability.compare import moved
from instruments.sheets import Sheets, Table

ROW, PLACE = "(row)", "(place)"


@dataclass(frozen=True, slots=True)
class Edit:
    """One cell that differs; `column` is `(row)` if the row came or went, `(place)` if it moved."""

    sheet: str
    row: str
    column: str
    before: str
    after: str


def edits(before: Sheets, after: Sheets) -> list[Edit]:
    """Every difference between two forms, in the order of `after`; none if they say the same.

    A question is known by its name, a choice by list and code, a setting by its column.
    """
    names = dict.fromkeys([*after, *before])
    return [edit for name in names for edit in _sheet(name, before.get(name, []), after.get(name, []))]


def _sheet(name: str, before: Table, after: Table) -> Iterator[Edit]:
    old, new = _keyed(name, before), _keyed(name, after)
    elsewhere = moved([key for key in new if key in old], list(old))
    for key, row in new.items():
        if key not in old:
            yield Edit(name, key, ROW, "", _short(row))
            continue
        for column in dict.fromkeys([*old[key], *row]):
            told = old[key].get(column, ""), row.get(column, "")
            if told[0] != told[1]:
                yield Edit(name, key, column, *told)
        if key in elsewhere:
            yield Edit(name, key, PLACE, f"row {list(old).index(key) + 2}", f"row {list(new).index(key) + 2}")
    for key, row in old.items():
        if key not in new:
            yield Edit(name, key, ROW, _short(row), "")


def _keyed(name: str, table: Table) -> dict[str, Mapping[str, str]]:
    """The rows by what they are known by; a second of the same kind is numbered."""
    found: dict[str, Mapping[str, str]] = {}
    for row in sheet_io.rows(table):
        key = _key(name, row)
        number = 2
        while key in found:
            key, number = f"{_key(name, row)} ({number})", number + 1
        found[key] = row
    return found


def _key(sheet: str, row: Mapping[str, str]) -> str:
    if sheet == "choices":
        return f"{row.get('list_name', '')} {row.get('name', '')}"
    if sheet == "survey":
        kind = row.get("type", "").split(" ")[0]
        marks = kind in ("include", "fill", "change") or kind.startswith("end")
        return f"{kind} {row.get('name', '')}".strip() if marks or not row.get("name") else row["name"]
    return sheet


def _short(row: Mapping[str, str]) -> str:
    label = next((text for key, text in row.items() if key.startswith("label")), "")
    return " ".join(f"{row.get('type', '')} {label}".split())
