"""Sheets of a form: from and to a folder of CSV files or an .xlsx; their canonical text and digest.

`Sheets` maps a sheet's name to its table: a list of rows of text cells, the header first. A folder holds
one CSV per sheet and is what a repository keeps; the .xlsx is made from it for Excel and Central, the same
bytes each time. Both ways are exact for tables as the readers give them: no blank rows, no unnamed columns,
every row as long as the header. What a question type is, nobody here knows. openpyxl is imported here and
nowhere else.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import openpyxl
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

Table = list[list[str]]
Sheets = dict[str, Table]
Row = dict[str, str]  # column name → cell, empty cells left out
Placed = list[tuple[str, Row]]  # where a row was written, and the row

ORDER = ("survey", "choices", "settings", "entities")
_MOMENT = (1980, 1, 1, 0, 0, 0)
_STAMP = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(<)")


def read_folder(folder: Path) -> Sheets:
    """The sheets of a form folder, one per CSV file.

    Raises
    ------
    FileNotFoundError
        The folder is not there or holds no `survey.csv`.
    ValueError
        A row has more cells than the header; the message names file and row.
    """
    folder = Path(folder)
    if not (folder / "survey.csv").is_file():
        raise FileNotFoundError(f"{folder}: no survey.csv; a form folder holds survey.csv and settings.csv.")
    paths = {path.stem: path for path in folder.glob("*.csv")}
    return {name: read_csv(paths[name]) for name in _ordered(paths)}


def read_csv(path: Path) -> Table:
    """The table of one CSV file.

    Raises
    ------
    ValueError
        A row has more cells than the header; the message names file and row.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    for number, row in enumerate(table, start=1):
        if len(row) > len(table[0]) and any(row[len(table[0]) :]):
            raise ValueError(
                f"{path.name} row {number}: more cells than the header has columns; quote texts with commas."
            )
    return _tidy(table)


def write_folder(sheets: Sheets, folder: Path) -> None:
    """Write one CSV per sheet; `read_folder` gives back equal sheets."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _ordered(sheets):
        (folder / f"{name}.csv").write_text(_to_csv(sheets[name]), encoding="utf-8", newline="")


def write_csv(table: Table, path: Path) -> None:
    """Write one CSV file; `read_csv` gives back an equal table."""
    path.write_text(_to_csv(table), encoding="utf-8", newline="")


def read_xlsx(source: Path | bytes) -> Sheets:
    """The sheets of an .xlsx file, all cells as text; numbers as a person would type them."""
    return {name: _tidy(table) for name, table in read_workbook(source).items()}


def read_workbook(source: Path | bytes) -> Sheets:
    """The same with everything a sheet holds, blank rows and columns without a heading too.

    Raises
    ------
    ValueError
        It is no workbook of Excel 2007 or later.
    """
    with _opened(source, values=True) as book:
        return {sheet.title: _rows(sheet.values) for sheet in book.worksheets}


def lost_formulas(source: Path | bytes) -> list[tuple[str, int, str]]:
    """Sheet, row and column letter of each formula whose result was not stored: its value cannot be read."""
    if not _has_formulas(source):
        return []
    with _opened(source, values=False) as told, _opened(source, values=True) as stored:
        return [
            (sheet.title, row, letters(column))
            for sheet, values in zip(told.worksheets, stored.worksheets, strict=True)
            for row, cells in enumerate(zip(sheet.rows, values.rows, strict=True), start=1)
            for column, (cell, value) in enumerate(zip(*cells, strict=True))
            if cell.data_type == "f" and value.value is None
        ]


def letters(column: int) -> str:
    """The letters Excel shows above a column, counted from 0."""
    return get_column_letter(column + 1)


def write_xlsx(
    sheets: Sheets,
    *,
    widths: Mapping[str, float] | None = None,
    offered: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """The sheets as .xlsx: cells text, header bold, no clock inside, so the same bytes each time.

    For a sheet that people fill, columns of these headings get a width and their texts wrap, and columns of
    `offered` a list to choose from.
    """
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name in _ordered(sheets):
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for number, row in enumerate(sheets[name], start=1):
            for column, value in enumerate(row, start=1):
                if value:
                    _put(sheet.cell(number, column), value, header=number == 1)
        _ease(sheet, sheets[name], widths or {}, offered or {})
    stream = io.BytesIO()
    book.save(stream)
    return _without_clock(stream.getvalue())


def rows(table: Table) -> list[Row]:
    """The rows below the header, each as column name → cell, empty cells left out."""
    header = table[0] if table else []
    return [{key: cell for key, cell in zip(header, row, strict=False) if cell} for row in table[1:]]


def table(records: Iterable[Mapping[str, str]], header: Sequence[str] | None = None) -> Table:
    """The table of these rows; columns as in `header`, else in order of first appearance."""
    records = list(records)
    names = list(header or dict.fromkeys(key for record in records for key in record))
    return [names, *([record.get(name, "") for name in names] for record in records)]


def canonical(sheets: Sheets) -> str:
    """One text for all sheets that say the same: columns sorted, empty ones left out, Unicode in NFC."""
    return "".join(f"# {name}\n{_to_csv(_sorted_columns(sheets[name]))}" for name in _ordered(sheets))


def digest(sheets: Sheets) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(sheets).encode()).hexdigest()


def _has_formulas(source: Path | bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
        parts = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return any(b"<f>" in (text := archive.read(name)) or b"<f " in text for name in parts)


@contextmanager
def _opened(source: Path | bytes, *, values: bool) -> Iterator[Workbook]:
    """The workbook with formulas or their values; cells that were never written are not made up.

    What openpyxl warns of is how Excel shows cells (drop-downs, colours), never what they hold.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=values)
        except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            message = "It is no .xlsx that can be read; save it as Excel Workbook (.xlsx) again."
            raise ValueError(message) from error
        try:
            for sheet in book.worksheets:
                sheet.reset_dimensions()
            yield book
        finally:
            book.close()


def _rows(values: Iterable[Iterable[object]]) -> Table:
    """The cells as text, up to the last of a row and the last row that are not empty."""
    table: Table = []
    filled = 0
    for number, cells in enumerate(values, start=1):
        row = [_text(cell) for cell in cells]
        while row and not row[-1]:
            row.pop()
        if row:
            table += [[] for _ in range(filled + 1, number)]
            table.append(row)
            filled = number
    return table


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def _to_csv(table: Table) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(table)
    return stream.getvalue()


def _tidy(table: Table) -> Table:
    """The table without blank rows and unnamed columns, every row as long as the header."""
    if not table:
        return []
    kept = [index for index, name in enumerate(table[0]) if name]
    cut = [[row[index] if index < len(row) else "" for index in kept] for row in table]
    return [cut[0], *(row for row in cut[1:] if any(row))]


def _sorted_columns(table: Table) -> Table:
    columns = sorted(column for column in zip(*table, strict=True) if any(column[1:]))
    composed = ([unicodedata.normalize("NFC", cell).replace("\r\n", "\n") for cell in c] for c in columns)
    return [list(row) for row in zip(*composed, strict=True)]


def _put(cell: Cell, value: str, *, header: bool) -> None:
    cell.value = value
    cell.data_type = "s"  # text even when it begins with "=": a calculation of the form, not of Excel
    if header:
        cell.font = Font(bold=True)


def _ease(
    sheet: Worksheet, table: Table, widths: Mapping[str, float], offered: Mapping[str, Sequence[str]]
) -> None:
    """Widths, wrapping and lists to choose from, for those who fill the sheet."""
    for column, heading in enumerate(table[0] if table else (), start=1):
        letter = get_column_letter(column)
        if heading in widths:
            sheet.column_dimensions[letter].width = widths[heading]
            for number in range(1, len(table) + 1):
                sheet.cell(number, column).alignment = Alignment(wrap_text=True, vertical="top")
        if heading in offered and len(table) > 1:
            listed = DataValidation("list", formula1=f'"{",".join(offered[heading])}"', allow_blank=True)
            sheet.add_data_validation(listed)
            listed.add(f"{letter}2:{letter}{len(table)}")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _without_clock(data: bytes) -> bytes:
    """The same archive with every date in it set to one moment."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z\g<3>", content)
            info = zipfile.ZipInfo(name, _MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, content)
    return stream.getvalue()
