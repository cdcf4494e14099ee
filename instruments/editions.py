"""Editions: the version of every choice list, one that moves when codes, their order or their words do.

`list_versions.csv` records each version of a shared list, and of a list that a corridor has instead, with the
day from which it holds and a digest. A list that differs from its last digest is a silent change, and a
finding; `recorded` gives the file with a new version for it. A digest covers codes, order, English words,
missing reasons and amounts; other languages are versioned by the form and by their translations. The version
of an attached list is its name (`vn63`, `vn34`): see `places`.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from instruments import places
from instruments.codebook import Choice, languages_of
from instruments.corridor import corridor, corridors
from instruments.expand import localities
from instruments.expand.includes import shared_lists
from instruments.findings import Finding
from instruments.sheets import Row

RECORD = Path(__file__).parent / "list_versions.csv"
HEADER = ("corridor", "list", "version", "valid_from", "sha256")
_COUNTED = ("missing", "times", "large")


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a choice list; `corridor` is "" for the shared one."""

    corridor: str
    list_name: str
    number: int
    valid_from: date
    sha256: str

    @property
    def version(self) -> str:
        """What a codebook calls it: `2`, or `id-jp/2` for the list of a corridor."""
        return f"{self.corridor}/{self.number}" if self.corridor else str(self.number)


@cache
def editions() -> tuple[Edition, ...]:
    """Every version on record, in the order of the file."""
    with RECORD.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Edition(
                row["corridor"],
                row["list"],
                int(row["version"]),
                date.fromisoformat(row["valid_from"]),
                row["sha256"],
            )
            for row in csv.DictReader(stream)
        )


def version_of(list_name: str, choices: Iterable[Choice]) -> str:
    """The version of a list as a form has it: by content, or by file if it is attached; "" if not known."""
    if list_name.endswith(".csv"):
        return next((one.name for one in places.code_lists().values() if one.file == list_name), "")
    sha256 = digest((c.name, c.label.get("en", ""), c.attributes) for c in choices)
    known = (one for one in editions() if (one.list_name, one.sha256) == (list_name, sha256))
    return max(((one.corridor == "", one.number, one.version) for one in known), default=("", 0, ""))[2]


def digest(choices: Iterable[tuple[str, str, Mapping[str, str]]]) -> str:
    """SHA-256 of codes with their English words and what is counted with them, in order."""
    stream = io.StringIO()
    rows = ([name, words, *(other.get(key, "") for key in _COUNTED)] for name, words, other in choices)
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return hashlib.sha256(stream.getvalue().encode()).hexdigest()


def unrecorded() -> list[Finding]:
    """Lists that are not as their last version on record says; one finding each."""
    last = _last(editions())
    return [
        Finding(
            "error",
            "list.unrecorded",
            f"{name or 'shared'}: {list_name}",
            "It changed since its last version; record a new one with survey corridor versions --record.",
        )
        for name, list_name, sha256 in _current()
        if (known := last.get((name, list_name))) is None or known.sha256 != sha256
    ]


def recorded(today: date) -> str:
    """The record as CSV, with a version from `today` for each list that changed."""
    last = _last(editions())
    new = [
        Edition(name, list_name, known.number + 1 if known else 1, today, sha256)
        for name, list_name, sha256 in _current()
        if (known := last.get((name, list_name))) is None or known.sha256 != sha256
    ]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for one in sorted((*editions(), *new), key=lambda one: (one.corridor, one.list_name, one.number)):
        writer.writerow([one.corridor, one.list_name, one.number, one.valid_from.isoformat(), one.sha256])
    return stream.getvalue()


def _last(known: Iterable[Edition]) -> dict[tuple[str, str], Edition]:
    ordered = sorted(known, key=lambda one: one.number)
    return {(one.corridor, one.list_name): one for one in ordered}


def _current() -> Iterator[tuple[str, str, str]]:
    """Corridor, name and digest of every list: shared ones, and those of a corridor that differ from them."""
    shared = shared_lists()
    digests = {name: _digest_of(rows) for name, rows in shared.items()}
    yield from (("", name, sha256) for name, sha256 in digests.items())
    for name in corridors():
        for list_name, rows in localities.choices(shared, corridor(name)).items():
            if (sha256 := _digest_of(rows)) != digests[list_name]:
                yield name, list_name, sha256


def _digest_of(rows: Iterable[Row]) -> str:
    return digest((row["name"], _english(row), row) for row in rows)


def _english(row: Row) -> str:
    column = languages_of(row, "label").get("en")
    return row[column] if column else ""
