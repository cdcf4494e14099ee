"""Records: what is known of each translation – its state, who, when, and which texts it was made from.

One CSV per language in `translations/` beside the forms, a row per text, kept by `exchange`, read by `lint`.
The digests of source and translation tell later whether either was changed since. A text without a record
was translated by hand and counts as a draft. A record outlives its text: nothing is dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.translation.texts import Key, Text
from instruments.translation.writing import composed

STATES = ("draft", "back-translated", "approved")
STALE = "stale"


@dataclass(frozen=True, slots=True)
class Record:
    """One translation as it was last recorded; `source` and `text` are digests."""

    place: str
    sheet: str
    row: str
    column: str
    source: str
    text: str
    state: str = "draft"
    back_translation: str = ""
    translator: str = ""
    date: str = ""
    comment: str = ""

    @property
    def key(self) -> Key:
        """The text it is of."""
        return self.place, self.sheet, self.row, self.column


COLUMNS = tuple(field.name for field in fields(Record))


def digest(text: str) -> str:
    """Twelve hexadecimal digits that stand for a text."""
    return hashlib.sha256(composed(text).encode()).hexdigest()[:12]


def read(language: str, folder: Path) -> dict[Key, Record]:
    """The records of a language; none if there is no file yet."""
    path = folder / f"{language}.csv"
    return dict(_read(path, path.stat().st_mtime_ns)) if path.is_file() else {}


def write(records: Mapping[Key, Record], language: str, folder: Path) -> Path:
    """Keep the records, sorted by place so that a change shows as one line."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{language}.csv"
    rows = [[getattr(records[key], name) for name in COLUMNS] for key in sorted(records)]
    sheet_io.write_csv([list(COLUMNS), *rows], path)
    return path


def state_of(text: Text, records: Mapping[Key, Record]) -> str:
    """`draft`, `back-translated`, `approved`; `stale` if the source changed since; "" if not translated.

    A reviewed translation that was changed by hand since is a draft again. If a draft was changed along with
    its source, it was translated anew.
    """
    if not text.translation:
        return ""
    record = records.get(text.key)
    if record is None:
        return "draft"
    retouched = record.text != digest(text.translation)
    if record.source != digest(text.source) and not retouched:
        return STALE
    return "draft" if retouched else record.state


def gone(texts: Iterable[Text], records: Mapping[Key, Record]) -> list[Record]:
    """Records of texts that are no longer there."""
    known = {text.key for text in texts}
    return [record for key, record in sorted(records.items()) if key not in known]


@cache
def _read(path: Path, stamp: int) -> tuple[tuple[Key, Record], ...]:
    rows = sheet_io.rows(sheet_io.read_csv(path))
    found = [Record(*(row.get(name, "") for name in COLUMNS)) for row in rows]
    return tuple((record.key, record) for record in found)
