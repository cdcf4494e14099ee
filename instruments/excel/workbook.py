"""Workbook: a form as .xlsx, written for others to open and read from whoever made it.

`read` brings an XLSForm of any hand to the one way of writing kept here: sheet names, headings, question
types and languages as ODK documents them (xlsform.org), structural cells without stray blanks, `or_other`
written out as the choice and the text question it stands for. What has no counterpart is kept where it can
be and told as a finding either way; nothing goes unsaid. `write` is the inverse; the dialect of SurveyCTO has
headings of its own. Whether the form is any good is asked of `lint`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.excel import dialects
from instruments.findings import Finding
from instruments.languages import code_of, named
from instruments.sheets import Sheets, Table

_OTHER = "other"
_OSM = "Tags of OpenStreetMap are not read here."
_EXTERNAL = "ODK's old external choices are not read here; attach a CSV and use select_one_from_file."
_UNWANTED = {
    "public_key": "Answers sent encrypted cannot be read here; take the key out.",
    "submission_url": "Answers would go to another server than ODK Central; take the address out.",
}


@dataclass(slots=True)
class _Reading:
    """The form that is being read: its name for findings, and what was noticed so far."""

    form: str
    findings: list[Finding] = field(default_factory=list)
    spoken: str = ""
    asked: bool = False

    def tell(self, level: str, code: str, place: str, message: str) -> None:
        self.findings.append(Finding(level, code, f"{self.form}: {place}", message))


def read(source: Path | bytes, name: str = "", language: str = "") -> tuple[Sheets, list[Finding]]:
    """The sheets of an XLSForm, in the way of writing kept here, and what was met on the way.

    Parameters
    ----------
    name
        What the form is called if its settings do not say; the stem of the file if none is given.
    language
        The language of texts whose heading names none, as `English (en)`. By default that of the settings,
        where other texts name theirs; a form in one language stays without.

    Returns
    -------
    sheets, findings
        At error level stands what the form asks for and ODK does not do (types of other servers, external
        choices); the rows are kept. Notes say what was left out (rows that are switched off or hold only
        a remark, sheets that are no part of a form) or written in another way.

    Raises
    ------
    ValueError
        It is no .xlsx, or there is no survey sheet in it.
    """
    stem = name or (source.stem if isinstance(source, Path) else "form")
    raw = sheet_io.read_workbook(source)
    reading = _Reading(stem)
    found = _sheets(raw, reading)
    if not found.get("survey"):
        raise ValueError(f"{stem}: there is no survey sheet; an XLSForm has sheets survey and choices.")
    for sheet, row, column in sheet_io.lost_formulas(source):
        place = f"{sheet} row {row}, column {column}"
        reading.tell(
            "error", "workbook.formula", place, "A formula without a stored result; save the file in Excel."
        )
    tables = {sheet: _table(sheet, table, reading) for sheet, table in found.items()}
    settings = _settings(tables.get("settings", []), stem, reading)
    reading.asked = bool(language)
    reading.spoken = named(language or settings.get("default_language", ""))
    if settings.get("default_language"):
        settings["default_language"] = named(settings["default_language"])
    tables = {sheet: _in_languages(sheet, table, reading) for sheet, table in tables.items()}
    survey, offered = _numbered(tables["survey"]), _numbered(tables.get("choices", []))
    asked = [(number, row) for number, row in survey if _is_row(number, row, reading)]
    questions, choices = _questions(
        asked, [row for number, row in offered if _is_choice(number, row, reading)], reading
    )
    sheets = tables | {"survey": _under(tables["survey"], questions)}
    if choices or "choices" in tables:
        sheets["choices"] = _under(tables.get("choices") or [["list_name", "name"]], choices)
    header = tables.get("settings") or [[]]
    sheets["settings"] = sheet_io.table([settings], tuple(dict.fromkeys([*header[0], *settings])))
    return {sheet: _filled(table) for sheet, table in sheets.items() if table and table[0]}, reading.findings


def write(sheets: Sheets, dialect: str = "odk") -> tuple[bytes, list[Finding]]:
    """The form as .xlsx, the same bytes each time, and what users of that server will not find in it.

    `odk` is read by ODK Central and KoboToolbox as it stands, `surveycto` has the headings and group types of
    SurveyCTO's own template. `read` brings both back to equal sheets.
    """
    if dialect == "odk":
        return sheet_io.write_xlsx(sheets), []
    if dialect != "surveycto":
        raise ValueError(f"There is no dialect {dialect!r}; there are {', '.join(dialects.DIALECTS)}.")
    reading = _Reading(dict(_first(sheets.get("settings", []))).get("form_id", "form"))
    _foreign_to_surveycto(sheets, reading)
    return sheet_io.write_xlsx(
        {name: _surveycto(name, table) for name, table in sheets.items()}
    ), reading.findings


def _sheets(raw: Mapping[str, Table], reading: _Reading) -> dict[str, Table]:
    """The sheets of the form by their names here; others are said and left out."""
    found: dict[str, Table] = {}
    for title, table in raw.items():
        name = title.strip().lower()
        if name in dialects.SHEETS and name not in found:
            found[name] = table
        elif name in ("external_choices", "osm"):
            reading.tell(
                "error", "workbook.unsupported", f"{title} sheet", _OSM if name == "osm" else _EXTERNAL
            )
            found[name] = table
        elif any(any(row) for row in table):
            message = "The sheet is no part of an XLSForm; it was left out."
            reading.tell("note", "workbook.sheet", f"{title} sheet", message)
    return found


def _table(sheet: str, table: Table, reading: _Reading) -> Table:
    """The table under headings as written here, each row at its number; columns without one left out."""
    if not table:
        return []
    width = max(len(row) for row in table)
    rows = [[*row, *[""] * (width - len(row))] for row in table]
    header: list[str] = []
    for at, heading in enumerate(rows[0]):
        filled = any(row[at] for row in rows[1:])
        name = dialects.heading(sheet, heading)
        if not name and filled:
            message = "Cells under no heading were left out; write a heading above them."
            reading.tell("warning", "workbook.heading", f"{sheet} column {sheet_io.letters(at)}", message)
        elif name and name in header:
            level, name = ("error" if filled else "note"), f"{name} ({sheet_io.letters(at)})"
            message = f"The heading stands there twice; the second is kept as {name!r} and does nothing."
            reading.tell(level, "workbook.heading", f"{sheet} column {sheet_io.letters(at)}", message)
        header.append(name)
    kept = [at for at, name in enumerate(header) if name]
    _unknown(sheet, [header[at] for at in kept], reading)
    cells = [[_cell(header[at], row[at]) for at in kept] for row in rows[1:]]
    return [[header[at] for at in kept], *cells]


def _numbered(table: Table) -> list[tuple[int, dict[str, str]]]:
    """The rows that hold something, by their number in the sheet."""
    return [(number, row) for number, row in enumerate(sheet_io.rows(table), start=2) if row]


def _unknown(sheet: str, header: Iterable[str], reading: _Reading) -> None:
    if sheet not in dialects.KNOWN:
        return
    alien = [
        n for n in header if n.partition("::")[0] not in (*dialects.KNOWN[sheet], "codebook") and n.strip()
    ]
    if alien:
        message = f"XLSForm knows no column {', '.join(alien)}; it is kept and does nothing on a tablet."
        reading.tell("note", "workbook.column", f"{sheet} sheet", message)


def _cell(heading: str, cell: str) -> str:
    return " ".join(cell.split()) if heading in ("type", "name", "list_name") else cell


def _settings(table: Table, stem: str, reading: _Reading) -> dict[str, str]:
    """The one row of settings, with a form_id and a title in any case."""
    rows = _numbered(table)
    settings = dict(rows[0][1]) if rows else {}
    if len(rows) > 1:
        reading.tell(
            "warning",
            "workbook.settings",
            f"settings row {rows[1][0]}",
            "Only the first row of settings counts.",
        )
    if not settings.get("form_id"):
        settings["form_id"] = re.sub(r"[^\w.-]+", "_", stem).strip("_") or "form"
        reading.tell(
            "note",
            "workbook.settings",
            "settings sheet",
            f"It names no form_id; it is {settings['form_id']}.",
        )
    settings.setdefault("form_title", settings["form_id"])
    for name, message in _UNWANTED.items():
        if settings.get(name):
            reading.tell("warning", "workbook.settings", f"settings row 2, column {name}", message)
    return settings


def _in_languages(sheet: str, table: Table, reading: _Reading) -> Table:
    """Texts whose heading names no language, under the heading of the default language if one is known."""
    if not table or sheet not in ("survey", "choices"):
        return table
    header = list(table[0])
    told = {name.partition("::")[2] for name in header if dialects.is_text(name) and "::" in name}
    for language in sorted(told):
        if not code_of(language):
            message = f"The code of the language {language!r} is not known; write label::{language} (code)."
            reading.tell("warning", "workbook.language", f"{sheet} sheet", message)
    for at, name in enumerate(header):
        if "::" in name or not dialects.is_text(name):
            continue
        target = f"{name}::{reading.spoken}"
        if reading.spoken and target not in header and (told or reading.asked):
            header[at] = target
        elif told and any(row[at] for row in table[1:]):
            why = "the other has that language too" if reading.spoken else "settings name no default_language"
            message = f"Texts in {name} are of no named language ({why}); give the column its language."
            reading.tell("warning", "workbook.language", f"{sheet} column {name}", message)
    return [header, *table[1:]]


def _is_row(number: int, row: Mapping[str, str], reading: _Reading) -> bool:
    """Whether a row of the survey sheet is part of the form; what is left out is said."""
    kind = row.get("type", "")
    if not kind or kind.startswith("#"):
        message = "The row has no type; it was left out as a remark."
        reading.tell("note", "workbook.remark", f"survey row {number} ({row.get('name', '')})", message)
        return False
    if row.get("disabled", "").strip().lower() in ("yes", "true", "true()"):
        message = "The row is switched off (disabled); it was left out."
        reading.tell("note", "workbook.disabled", f"survey row {number} ({row.get('name', '')})", message)
        return False
    return True


def _is_choice(number: int, row: Mapping[str, str], reading: _Reading) -> bool:
    if row.get("list_name") and row.get("name"):
        return True
    if row.get("list_name"):
        message = "The choice has no name (value); it was left out."
        reading.tell("error", "workbook.choice", f"choices row {number} ({row['list_name']})", message)
    else:
        message = "The row is of no list; it was left out as a remark."
        reading.tell("note", "workbook.remark", f"choices row {number} ({row.get('name', '')})", message)
    return False


def _questions(
    survey: Sequence[tuple[int, dict[str, str]]], choices: Sequence[dict[str, str]], reading: _Reading
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The rows with types as written here, and `or_other` written out."""
    questions: list[dict[str, str]] = []
    added: dict[str, dict[str, str]] = {}
    for number, row in survey:
        kind, or_other = dialects.question_type(row["type"])
        place = f"survey row {number} ({row.get('name', '')}), column type"
        if not kind:
            by = dialects.elsewhere(row["type"])
            reading.tell(
                "error", "workbook.unsupported", place, f"The type {row['type']!r} {by}; choose another."
            )
            kind = row["type"]
        questions.append(row | {"type": kind})
        if or_other:
            name = kind.split()[1]
            added[name] = _other_choice(name, choices)
            questions.append(_other_text(row, kind))
            message = f"or_other is written out: choice {_OTHER!r} in {name}, text {row['name']}_other."
            reading.tell("note", "workbook.or_other", place, message)
    return questions, _with_others(choices, added)


def _other_choice(name: str, choices: Sequence[Mapping[str, str]]) -> dict[str, str]:
    labels = [key for row in choices if row["list_name"] == name for key in row if key.startswith("label")]
    return {"list_name": name, "name": _OTHER} | dict.fromkeys(dict.fromkeys(labels or ["label"]), "Other")


def _other_text(row: Mapping[str, str], kind: str) -> dict[str, str]:
    """The text question that pyxform would add below."""
    told = f"selected(../{row['name']}, '{_OTHER}')"
    labels = {key: "Specify other." for key in row if key.partition("::")[0] == "label"}
    return {"type": "text", "name": f"{row['name']}_other", "relevant": told} | (
        labels or {"label": "Specify other."}
    )


def _with_others(
    choices: Sequence[dict[str, str]], added: Mapping[str, dict[str, str]]
) -> list[dict[str, str]]:
    """The choices with each list's `other` at its end, unless it has one."""
    rows = list(choices)
    for name, row in added.items():
        own = [at for at, choice in enumerate(rows) if choice["list_name"] == name]
        if not any(rows[at]["name"] == _OTHER for at in own):
            rows.insert(own[-1] + 1 if own else len(rows), row)
    return rows


def _under(table: Table, rows: Sequence[Mapping[str, str]]) -> Table:
    """The rows under the table's headings, and under new ones for what they have besides."""
    names = dict.fromkeys([*table[0], *(key for row in rows for key in row)])
    return sheet_io.table(rows, tuple(names))


def _filled(table: Table) -> Table:
    return [table[0], *(row for row in table[1:] if any(row))]


def _first(table: Table) -> Mapping[str, str]:
    return next(iter(sheet_io.rows(table)), {})


def _surveycto(sheet: str, table: Table) -> Table:
    """A sheet as SurveyCTO's template writes it."""
    if not table or sheet not in ("survey", "choices"):
        return table
    header = [dialects.surveycto_heading(sheet, name) for name in table[0]]
    kind = table[0].index("type") if "type" in table[0] else -1
    rows = [
        [dialects.surveycto_type(cell) if at == kind else cell for at, cell in enumerate(row)]
        for row in table[1:]
    ]
    return [header, *rows]


def _foreign_to_surveycto(sheets: Sheets, reading: _Reading) -> None:
    """What SurveyCTO does not do, row by row."""
    for number, row in enumerate(sheet_io.rows(sheets.get("survey", [])), start=2):
        kind = row.get("type", "").split(" ")[0]
        if kind.endswith("_from_file") or kind in ("csv-external", "xml-external", "audit", "range", "rank"):
            message = (
                f"SurveyCTO has no type {kind}; attach the list there and use search(), or leave it out."
            )
            reading.tell(
                "warning", "workbook.surveycto", f"survey row {number} ({row.get('name', '')})", message
            )
    if sheets.get("entities"):
        reading.tell(
            "warning", "workbook.surveycto", "entities sheet", "SurveyCTO has no entities; use its cases."
        )
