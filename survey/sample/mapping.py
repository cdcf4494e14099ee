"""Mapping: what the columns of somebody's sample list mean, as a small TOML file.

    sheet = "Danh sách"             # of an .xlsx; by default the first
    header = 3                      # the row with the headings; by default 1
    encoding = "cp1258"             # of a .csv that is not Unicode
    delimiter = ";"                 # of a .csv; by default the one its headings use

    [columns]                       # ours = theirs, or several that are joined by a blank
    case_id = "Mã số"
    name = ["Họ và tên đệm", "Tên"]

    [constants]                     # ours = the same for every row
    frame_src = "2"

    [codes.gender]                  # theirs = ours
    "Nữ" = "f"

Without a file, or without `[columns]`, a column is meant by our own name for it.
"""

from __future__ import annotations

import codecs
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from survey.errors import SurveyError

FIELDS = (
    *("case_id", "name", "phone", "commune", "frame_src", "psu_code", "stratum", "incl_prob", "returned"),
    *("gender", "language", "wish"),
)
_KEYS = ("sheet", "header", "encoding", "delimiter", "columns", "constants", "codes")


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Where each of our columns is found in a file, and how its cells are to be read."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sheet: str = ""
    header: int = 1
    encoding: str = ""
    delimiter: str = ""

    def headings(self, name: str) -> tuple[str, ...]:
        """The headings in the file that make up our column."""
        return self.columns.get(name, () if self.columns else (name,))


def load_map(path: Path) -> FieldMap:
    """The mapping in a file; raises `SurveyError` that says which key is wrong."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SurveyError("the mapping is not TOML in UTF-8", where=str(path), cure=str(error)) from None
    for key in told:
        if key not in _KEYS:
            raise _wrong(path, key, f"known are {', '.join(_KEYS)}")
    columns = {
        name: tuple(clean(one) for one in (told_as if isinstance(told_as, list) else [told_as]))
        for name, told_as in _table(told, "columns", path).items()
    }
    codes = {
        name: {clean(theirs).casefold(): str(ours) for theirs, ours in table.items()}
        for name, table in _table(told, "codes", path).items()
    }
    if columns and not ({"case_id"} <= set(columns) | set(told.get("constants", {}))):
        raise _wrong(path, "columns", "say which column is case_id")
    header, encoding = told.get("header", 1), str(told.get("encoding", ""))
    if not isinstance(header, int) or header < 1:
        raise _wrong(path, "header", "it is the number of a row, from 1")
    if encoding and not _is_known(encoding):
        raise _wrong(path, "encoding", "write utf-8, utf-16 or cp1258")
    constants = {name: clean(value) for name, value in _table(told, "constants", path).items()}
    text = {key: str(told.get(key, "")) for key in ("sheet", "delimiter")}
    return FieldMap(columns, constants, codes, header=header, encoding=encoding, **text)


def clean(value: object) -> str:
    """Text of a cell in one form: composed (NFC), single blanks, nothing invisible at its ends."""
    composed = unicodedata.normalize("NFC", str(value))
    shown = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    return " ".join(shown.split())


def _table(told: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    table = told.get(key, {})
    if not isinstance(table, Mapping):
        raise _wrong(path, key, f"write a section [{key}]")
    for name in table:
        if name not in FIELDS:
            raise _wrong(path, f"{key}.{name}", f"known are {', '.join(FIELDS)}")
    return table


def _is_known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True


def _wrong(path: Path, key: str, cure: str) -> SurveyError:
    return SurveyError(f"the mapping cannot be used: {key}", where=str(path), cure=cure)
