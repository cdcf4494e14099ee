"""Tables: a sample list as it lies in a file, .xlsx or .csv, as rows of clean text with their row numbers.

A .csv is read as UTF-8 with or without a mark at its beginning, as UTF-16 with one, or as the mapping says;
its columns are apart by comma, semicolon or tab, whichever the headings use. Vietnamese comes out composed
(NFC) however it was typed. What the cells mean is the matter of `survey.sample.reading`.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instruments.sheets import lost_formulas, read_workbook
from survey.errors import SurveyError
from survey.sample.mapping import FieldMap, clean


@dataclass(frozen=True, slots=True)
class Listing:
    """The headings of a list and its rows that are not empty, each by its number in the file."""

    headings: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]


def read_listing(file: Path, mapping: FieldMap) -> Listing:
    """The list in a file; raises `SurveyError` if it cannot be read as one."""
    kind = file.suffix.lower()
    table: Sequence[Sequence[str]]
    if kind == ".csv":
        table = _csv(file, mapping)
    elif kind == ".xlsx":
        table = _xlsx(file, mapping)
    else:
        raise SurveyError(
            "a sample list is an .xlsx or a .csv", where=str(file), cure="save it as one of them"
        )
    if len(table) < mapping.header:
        raise SurveyError("the list has no row of headings", where=f"{file}, row {mapping.header}")
    headings = tuple(clean(cell) for cell in table[mapping.header - 1])
    named = [heading for heading in headings if heading]
    if twice := sorted({heading for heading in named if named.count(heading) > 1}):
        cure = "give each column a heading of its own"
        raise SurveyError(
            f"a heading stands twice: {twice[0]}", where=f"{file}, row {mapping.header}", cure=cure
        )
    rows = []
    for number, cells in enumerate(table[mapping.header :], start=mapping.header + 1):
        row = {heading: clean(cell) for heading, cell in zip(headings, cells, strict=False) if heading}
        if any(row.values()):
            rows.append((number, row))
    return Listing(headings, tuple(rows))


def _csv(file: Path, mapping: FieldMap) -> list[list[str]]:
    data = file.read_bytes()
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = mapping.encoding or ("utf-16" if marked else "utf-8-sig")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        cure = "save it as CSV UTF-8, or name its encoding in the mapping"
        raise SurveyError(f"the list is not {encoding} text", where=str(file), cure=cure) from None
    lines = text.removeprefix("\ufeff").splitlines()
    heading = lines[mapping.header - 1] if len(lines) >= mapping.header else ""
    delimiter = mapping.delimiter or max(",;\t", key=heading.count)
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter))


def _xlsx(file: Path, mapping: FieldMap) -> Sequence[Sequence[str]]:
    try:
        sheets = read_workbook(file)
        lost = lost_formulas(file)
    except ValueError as error:
        raise SurveyError("the workbook cannot be read", where=str(file), cure=str(error)) from None
    name = mapping.sheet or next(iter(sheets))
    if name not in sheets:
        cure = f"it has {', '.join(sheets)}"
        raise SurveyError(f"there is no sheet {name}", where=str(file), cure=cure)
    for sheet, row, column in lost:
        if sheet == name:
            cure = "open it in a spreadsheet program and save it again"
            raise SurveyError(
                "a formula has no value", where=f"{file}, row {row}, column {column}", cure=cure
            )
    return sheets[name]
