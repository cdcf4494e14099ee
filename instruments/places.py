"""Places: which list of codes a code belongs to, and where an old province lies today.

A province code means nothing without its list: seven codes of the 63 provinces (`vn63`) live on among the 34
units of 1 July 2025 (`vn34`) under another name. So every question here takes the list beside the code. The
files are `lists/` and those of the corridors, their versions `code_lists.csv`; a file that changes is a new
version, never a new meaning of an old code. Sources: instruments/lists/README.md, corridors/README.md.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from instruments.corridor import CORRIDORS

LISTS = Path(__file__).parent / "lists"
VERSIONS = Path(__file__).parent / "code_lists.csv"
THEN, NOW = "vn63", "vn34"


@dataclass(frozen=True, slots=True)
class CodeList:
    """One version of a list of codes: its file, when it was in force (None: open), its digest and source.

    `corridor` is the one that uses it, `language` that of the labels ("" where two stand in one).
    """

    name: str
    file: str
    corridor: str
    language: str
    valid_from: date | None
    valid_to: date | None
    sha256: str
    source: str

    def is_in_force(self, day: date) -> bool:
        """Whether codes of this list were the official ones on that day."""
        return (self.valid_from or date.min) <= day <= (self.valid_to or date.max)


@dataclass(frozen=True, slots=True)
class Crossing:
    """An old province and the unit it lies in today; `changed` is 2008 or 2025 if it was merged, else ""."""

    code: str
    label: str
    now_code: str
    now_label: str
    changed: str


@cache
def code_lists() -> Mapping[str, CodeList]:
    """The place lists of the package by name."""
    return {
        row["list"]: CodeList(
            row["list"],
            row["file"],
            row["corridor"],
            row["language"],
            _day(row["valid_from"]),
            _day(row["valid_to"]),
            row["sha256"],
            row["source"],
        )
        for row in _rows(VERSIONS)
    }


@cache
def list_files() -> Mapping[str, Path]:
    """The attached lists shipped with the package, those of all corridors, by the name of the file."""
    paths = (*LISTS.glob("*.csv"), *CORRIDORS.glob("*/lists/*.csv"))
    return {path.name: path for path in sorted(paths, key=lambda path: path.name)}


def crosswalk() -> tuple[Crossing, ...]:
    """From the 63 provinces, and Ha Tay, to the 34 units, in the order of the old list."""
    old, new = _rows(LISTS / "vn_prov_hist.csv"), {row["name"]: row for row in _rows(LISTS / "vn_prov34.csv")}
    last = max(row["valid_to"] for row in old)
    merged = Counter(row["prov34"] for row in old if row["valid_to"] == last)
    return tuple(
        Crossing(
            code=row["name"],
            label=row["label"],
            now_code=row["prov34"],
            now_label=new[row["prov34"]]["label"],
            changed="2025"
            if merged[row["prov34"]] > 1
            else row["valid_to"][:4]
            if row["valid_to"] < last
            else "",
        )
        for row in old
    )


def province_now(code: str, list_name: str) -> str:
    """The code among the 34 units of a province code of `vn63` or `vn34`.

    Raises
    ------
    ValueError
        There is no such list of provinces, or the list has no such code.
    """
    now = {crossing.code: crossing.now_code for crossing in crosswalk()}
    known = {THEN: now, NOW: {unit: unit for unit in now.values()}}
    if list_name not in known:
        raise ValueError(f"{list_name!r} is no list of provinces; there are {', '.join(known)}.")
    if code not in known[list_name]:
        raise ValueError(f"The list {list_name} has no code {code!r}; a code has two digits, as text.")
    return known[list_name][code]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
