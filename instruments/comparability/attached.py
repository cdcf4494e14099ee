"""Attached lists compared by what their codes stand for, as inline lists are in `recoding`.

An attached list is a CSV file with `name` (the code), `label` and further columns. A code that says something
else, is gone, or lies elsewhere (`prov`) breaks comparability for every question that is answered from the
file; a code that is new does not. When a code was in force is no meaning of it. Where a version of a file is
kept is not known here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from instruments.codebook import Choice
from instruments.comparability.changes import Change
from instruments.comparability.recoding import choices
from instruments.instrument import Instrument

PACKAGE = "package"
_SAID = ("name", "label", "valid_from", "valid_to")


def files_of(instrument: Instrument) -> tuple[str, ...]:
    """The attached code lists that questions of this form are answered from; lists of people are none."""
    asked = (q.file for q in instrument.questions if q.file and q.cell("codebook::list") == PACKAGE)
    return tuple(dict.fromkeys(asked))


def compared(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[Change]:
    """Changes of the files that are on both sides, file by file; told of `[file]`."""
    for file in (name for name in after if name in before):
        if before[file] != after[file]:
            yield from _file(f"[{file}]", before[file], after[file])


def _file(variable: str, before: bytes, after: bytes) -> Iterator[Change]:
    old, new = _rows(before), _rows(after)
    yield from choices(variable, _choices(old), _choices(new), "")
    known = {row["name"]: row for row in old}
    for row in new:
        was = known.get(row["name"])
        for column in (
            c for c in row if was and c in was and c.partition("_")[0] not in _SAID and c not in _SAID
        ):
            if was and was[column] != row[column]:
                told = f"{row['name']}: {column} {was[column]}", f"{row['name']}: {column} {row[column]}"
                yield Change("list", variable, *told, True, f"code {row['name']} lies elsewhere")


def _rows(data: bytes) -> list[dict[str, str]]:
    found = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    return [{key: cell or "" for key, cell in row.items() if key} for row in found if row.get("name")]


def _choices(rows: Iterable[Mapping[str, str]]) -> list[Choice]:
    return [Choice(row["name"], {"": row.get("label", "")}) for row in rows]
