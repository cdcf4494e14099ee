"""Includes: the sheets of a form with the modules and choice lists it shares written out.

A row of type `include` names a folder of `modules/`; the rows of its survey sheet stand there instead. What
differs in one form is said right below it: a row `fill` gives the text for a placeholder `{name}` in each
column of the module, a row `change` replaces cells of the module's row of that name. Choice lists that
questions use and the form does not hold itself come from `modules/choices.csv`; answers that labels quote are
written out last (`quotes`). The outcome is plain XLSForm: digest, publishing and decoding see nothing else.
Where a row was written is kept, so that a finding can name the file to mend.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.expand import confirms, quotes
from instruments.sheets import Placed, Row, Sheets, Table

MODULES = Path(__file__).parent.parent / "modules"

_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_]+)\}")
_TRANSLATED = ("label", "hint", "constraint_message", "required_message", "guidance_hint", "image", "audio")


@dataclass(frozen=True, slots=True)
class Whole:
    """Sheets with nothing left to include, and for each row of a sheet where it was written."""

    sheets: Sheets
    places: Mapping[str, tuple[str, ...]]


def write_out(sheets: Sheets, folder: Path = MODULES) -> Whole:
    """The form whole: included rows in their place, shared lists below the form's own, quotes carried out.

    A column of a language is taken only if the form's survey sheet has that language, so a module may be
    translated into more languages than a form uses.

    Raises
    ------
    ValueError
        An include, `fill` or `change` has nothing to refer to, or a placeholder is left; the message says
        where.
    """
    header = (sheets.get("survey") or [[]])[0]
    languages = {column.partition("::")[2] for column in header if _is_translated(column)}
    survey = _survey(sheets.get("survey", []), folder, languages)
    survey = _confirmed(survey, sheets.get("choices", []), folder, languages)
    survey, choices = quotes.written(survey, _choices(sheets.get("choices", []), survey, folder, languages))
    whole = dict(sheets)
    for name, rows in (("survey", survey), ("choices", choices)):
        table = sheets.get(name, [])
        if [row for _, row in rows] != sheet_io.rows(table):
            own = [column for column in (table[0] if table else ()) if column != confirms.COLUMN]
            whole[name] = _table(rows, own)
    places = {"survey": survey, "choices": choices}
    return Whole(whole, {name: tuple(place for place, _ in rows) for name, rows in places.items()})


def modules(folder: Path = MODULES) -> tuple[str, ...]:
    """Names of the modules there are, sorted."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/survey.csv")))


def shared_lists(folder: Path = MODULES) -> dict[str, list[Row]]:
    """The shared choice lists by name, each the rows of its choices in order; none if there is no file."""
    path = folder / "choices.csv"
    found: dict[str, list[Row]] = {}
    for row in sheet_io.rows(sheet_io.read_csv(path)) if path.is_file() else []:
        found.setdefault(row.get("list_name", ""), []).append(row)
    return found


def _survey(table: Table, folder: Path, languages: Collection[str]) -> Placed:
    rows: Placed = []
    records = list(enumerate(sheet_io.rows(table), start=2))
    at = 0
    while at < len(records):
        number, row = records[at]
        at += 1
        place = f"survey row {number}"
        if row.get("type") == "include":
            here = []
            while at < len(records) and records[at][1].get("type") in ("fill", "change"):
                here.append((f"survey row {records[at][0]}", records[at][1]))
                at += 1
            rows += _included(row.get("name", ""), place, here, folder, languages)
        elif row.get("type") in ("fill", "change"):
            raise ValueError(f"{place}: a row {row['type']} stands right below the include it belongs to.")
        else:
            rows.append((place, row))
    return rows


def _included(name: str, place: str, here: Placed, folder: Path, languages: Collection[str]) -> Placed:
    """The rows of one module as this form has them."""
    path = folder / name / "survey.csv"
    if not name or not path.is_file():
        raise ValueError(f"{place}: there is no module {name!r}; there are {', '.join(modules(folder))}.")
    module = sheet_io.rows(sheet_io.read_csv(path))
    fills = {row.get("name", ""): row for _, row in here if row["type"] == "fill"}
    changes = {row.get("name", ""): row for _, row in here if row["type"] == "change"}
    _refuse_idle(name, here, {"fill": _open(module), "change": {row.get("name", "") for row in module}})
    module = [_in_languages(row, languages) for row in module]
    for missing in sorted(_open(module) - fills.keys()):
        raise ValueError(f"{place}: module {name} asks for {{{missing}}}; add a row fill {missing} below.")
    return [
        (f"module {name} survey row {number}", _as_here(row, fills, changes.get(row.get("name", ""), {})))
        for number, row in enumerate(module, start=2)
    ]


def _open(module: Iterable[Row]) -> set[str]:
    """The placeholders of a module."""
    return {found for row in module for cell in row.values() for found in _PLACEHOLDER.findall(cell)}


def _refuse_idle(module: str, here: Placed, known: Mapping[str, Collection[str]]) -> None:
    for where, row in here:
        if row.get("name", "") not in known[row["type"]]:
            what = {"fill": "placeholder", "change": "row"}[row["type"]]
            raise ValueError(f"{where}: module {module} has no {what} {row.get('name', '')!r}.")


def _as_here(row: Row, fills: Mapping[str, Row], change: Row) -> Row:
    """One row of a module with its placeholders filled and its changed cells in place."""
    cells = {column: _filled(cell, column, fills) for column, cell in row.items()}
    cells |= {column: cell for column, cell in change.items() if column != "type"}
    return {column: cell for column, cell in cells.items() if cell}


def _filled(cell: str, column: str, fills: Mapping[str, Row]) -> str:
    return _PLACEHOLDER.sub(lambda found: fills[found[1]].get(column, ""), cell)


def _confirmed(survey: Placed, choices: Table, folder: Path, languages: Collection[str]) -> Placed:
    """The survey with its soft checks written out (`confirms`)."""
    if not any(confirms.COLUMN in row for _, row in survey):
        return survey
    kinds = {
        name: [_in_languages(row, languages) for row in sheet_io.rows(sheet_io.read_csv(path))]
        for name in modules(folder)
        if name.startswith("confirm_")
        for path in [folder / name / "survey.csv"]
    }
    own = [row for row in sheet_io.rows(choices) if row.get("list_name") == confirms.CURRENCIES]
    return confirms.written(survey, kinds, own or shared_lists(folder).get(confirms.CURRENCIES, []))


def _choices(table: Table, survey: Placed, folder: Path, languages: Collection[str]) -> Placed:
    own = [(f"choices row {number}", row) for number, row in enumerate(sheet_io.rows(table), start=2)]
    held = {row.get("list_name", "") for _, row in own}
    wanted = set(_lists_used(row for _, row in survey)) - held
    if not wanted:
        return own
    shared = shared_lists(folder)
    taken = [
        (f"shared list {name}", _in_languages(row, languages))
        for name in sorted(wanted & shared.keys())
        for row in shared[name]
    ]
    return own + taken


def _lists_used(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        for said in (row.get("type", ""), row.get("codebook::type", "")):
            kind, _, rest = said.partition(" ")
            if kind in ("select_one", "select_multiple", "rank") and rest:
                yield rest.split()[0]


def _in_languages(row: Row, languages: Collection[str]) -> Row:
    """The row without the texts of languages the form does not have."""
    return {
        column: cell
        for column, cell in row.items()
        if not languages or not _is_translated(column) or column.partition("::")[2] in languages
    }


def _is_translated(column: str) -> bool:
    field, separator, _ = column.partition("::")
    return bool(separator) and field in _TRANSLATED


def _table(rows: Placed, header: Sequence[str]) -> Table:
    """The rows under the form's own header, with what columns they have besides at its end."""
    names = dict.fromkeys([*header, *(key for _, row in rows for key in row)])
    return sheet_io.table((row for _, row in rows), tuple(names))
