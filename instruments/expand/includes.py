"""Includes: the sheets of a form with the modules and choice lists it shares written out.

A row of type `include` names a folder of `modules/`; the rows of its survey sheet stand there instead. What
differs in one form is said right below it: a row `fill` gives the text for a placeholder `{name}` in each
column of the module, a row `change` replaces cells of the module's row of that name. Choice lists that
questions use and the form does not hold itself come from `modules/choices.csv`; answers that labels quote are
written out last (`quotes`). Words, lists and places are those of a corridor (`localities`). The outcome is
plain XLSForm: digest, publishing and decoding see nothing else. Where a row was written is kept, so that a
finding can name the file to mend.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.corridor import Corridor, corridor
from instruments.expand import confirms, dependent, localities, quotes
from instruments.expand.localities import is_translated
from instruments.sheets import Placed, Row, Sheets, Table

MODULES = Path(__file__).parent.parent / "modules"

_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Whole:
    """Sheets with nothing left to include, and for each row of a sheet where it was written.

    `awaited` are languages of the corridor the form does not come in yet, with how many texts are not
    translated and how many there are.
    """

    sheets: Sheets
    places: Mapping[str, tuple[str, ...]]
    awaited: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def write_out(sheets: Sheets, folder: Path = MODULES, where: Corridor | None = None) -> Whole:
    """The form whole: included rows in their place, shared lists below the form's own, quotes carried out.

    A column of a language is taken only if the form's survey sheet has that language, so a module may be
    translated into more languages than a form uses. A language that the corridor `where` (the default one if
    None) asks for besides is taken when every text is there in it.

    Raises
    ------
    ValueError
        An include, `fill` or `change` has nothing to refer to, or a placeholder is left; the message says
        where.
    """
    where = where or corridor()
    header = (sheets.get("survey") or [[]])[0]
    languages, new, gone = localities.languages(header, where, corridor())
    awaited: dict[str, tuple[int, int]] = {}
    for language in new:
        survey, choices = _rows(sheets, folder, where, {*languages - set(new), language}, gone)
        missing, texts = localities.untranslated((row for _, row in (*survey, *choices)), language)
        if missing:
            awaited[language] = (missing, texts)
            languages.discard(language)
    survey, choices = quotes.written(*_rows(sheets, folder, where, languages, gone))
    whole = dict(sheets)
    for name, rows in (("survey", survey), ("choices", choices)):
        table = sheets.get(name, [])
        if [row for _, row in rows] != sheet_io.rows(table):
            header = table[0] if table else []
            own = [c for c in header if c != confirms.COLUMN and _is_kept(c, gone)]
            whole[name] = _table(rows, own)
    whole |= _settings(sheets, where, languages)
    places = {"survey": survey, "choices": choices}
    return Whole(whole, {name: tuple(place for place, _ in rows) for name, rows in places.items()}, awaited)


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


def _rows(
    sheets: Sheets, folder: Path, where: Corridor, languages: Collection[str], gone: Collection[str]
) -> tuple[Placed, Placed]:
    """The rows of the survey and of the choices, without quotes."""
    own = {
        name: [
            (f"{name} row {number}", {c: cell for c, cell in row.items() if _is_kept(c, gone)})
            for number, row in enumerate(sheet_io.rows(sheets.get(name, [])), start=2)
        ]
        for name in ("survey", "choices")
    }
    survey = _dependent(_survey(own["survey"], folder, languages, where), folder, languages)
    survey = localities.localised(survey, where)
    shared = localities.choices(shared_lists(folder), where)
    survey = _confirmed(survey, own["choices"], folder, languages, shared, where)
    return survey, _choices(own["choices"], survey, shared, languages)


def _settings(sheets: Sheets, where: Corridor, languages: Collection[str]) -> Sheets:
    """The settings with a default language that the form has; as they stand for the default corridor."""
    table = sheets.get("settings", [])
    row = dict((sheet_io.rows(table) or [{}])[0])
    if where.is_default or not languages or not row.get("default_language"):
        return {}
    if where.default_language in languages:
        row["default_language"] = where.default_language
    elif row["default_language"] not in languages:
        row["default_language"] = next(one for one in where.languages if one in languages)
    return {"settings": sheet_io.table([row], table[0])}


def _is_kept(column: str, gone: Collection[str]) -> bool:
    return not (is_translated(column) and column.partition("::")[2] in gone)


def _survey(own: Placed, folder: Path, languages: Collection[str], where: Corridor) -> Placed:
    rows: Placed = []
    records = [(place, localities.filled(row, where)) for place, row in own]
    at = 0
    while at < len(records):
        place, row = records[at]
        at += 1
        if row.get("type") == "include":
            here = []
            while at < len(records) and records[at][1].get("type") in ("fill", "change"):
                here.append(records[at])
                at += 1
            rows += _included(row.get("name", ""), place, here, folder, languages, where)
        elif row.get("type") in ("fill", "change"):
            raise ValueError(f"{place}: a row {row['type']} stands right below the include it belongs to.")
        else:
            rows.append((place, row))
    return rows


def _included(
    name: str, place: str, here: Placed, folder: Path, languages: Collection[str], where: Corridor
) -> Placed:
    """The rows of one module as this form has them."""
    path = folder / name / "survey.csv"
    if not name or not path.is_file():
        raise ValueError(f"{place}: there is no module {name!r}; there are {', '.join(modules(folder))}.")
    module = [localities.filled(row, where) for row in sheet_io.rows(sheet_io.read_csv(path))]
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


def _confirmed(
    survey: Placed,
    choices: Placed,
    folder: Path,
    languages: Collection[str],
    shared: Mapping[str, Sequence[Row]],
    where: Corridor,
) -> Placed:
    """The survey with its soft checks written out (`confirms`)."""
    if not any(confirms.COLUMN in row for _, row in survey):
        return survey
    kinds = _wordings("confirm_", folder, languages)
    own = [row for _, row in choices if row.get("list_name") == confirms.CURRENCIES]
    fixed = confirms.ABROAD | {where.money.unit: where.money.choice}
    return confirms.written(survey, kinds, own or shared.get(confirms.CURRENCIES, []), fixed)


def _dependent(survey: Placed, folder: Path, languages: Collection[str]) -> Placed:
    """The survey with its dependent questions written out (`dependent`)."""
    if not any(dependent.is_annotated(row) for _, row in survey):
        return survey
    return dependent.written(survey, _wordings("dependent_", folder, languages))


def _wordings(kind: str, folder: Path, languages: Collection[str]) -> dict[str, list[Row]]:
    """The rows of the modules whose names begin so, by name, in these languages."""
    return {
        name: [_in_languages(row, languages) for row in sheet_io.rows(sheet_io.read_csv(path))]
        for name in modules(folder)
        if name.startswith(kind)
        for path in [folder / name / "survey.csv"]
    }


def _choices(
    own: Placed, survey: Placed, shared: Mapping[str, Sequence[Row]], languages: Collection[str]
) -> Placed:
    held = {row.get("list_name", "") for _, row in own}
    wanted = set(_lists_used(row for _, row in survey)) - held
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
        if not languages or not is_translated(column) or column.partition("::")[2] in languages
    }


def _table(rows: Placed, header: Sequence[str]) -> Table:
    """The rows under the form's own header, with what columns they have besides at its end."""
    names = dict.fromkeys([*header, *(key for _, row in rows for key in row)])
    return sheet_io.table((row for _, row in rows), tuple(names))
