"""Folding: a whole form, as it comes back from Excel, brought to the modules and lists it shares again.

The inverse of `includes.write_out`, guided by the text the form had before: each row that came back is
traced to where it was written. A row of the form's own is patched where a cell differs; a module whose rows
came back in one piece stays an include, with a `change` row for each row that differs; rows that are
generated are left out, and so are shared lists that nothing uses any more. What cannot be kept is written
out, and that is said. That the folded form writes out to what came back is checked, apart from rows that are
made from others and follow them; else it is kept whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.corridor import Corridor
from instruments.expand.includes import MODULES, Whole, write_out
from instruments.expand.quotes import WORDS
from instruments.findings import Finding
from instruments.sheets import Sheets, Table

Row = Mapping[str, str]
_OWN = re.compile(r"(?:survey|choices) row (\d+)")
_INSTANCE = re.compile(r"instance\('([^']+)'\)")
_MODULE = re.compile(r"module (.+) survey row \d+")


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a row that went out was written: its number in the form (0 for none), or its include's."""

    cells: Row
    own: int = 0
    include: int = 0


@dataclass(slots=True)
class _Folded:
    """Rows of the form's own sheet so far, the modules that could not be kept, and what is made anew."""

    rows: list[Row] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    lost: dict[str, None] = field(default_factory=dict)


def fold(
    whole: Sheets, before: Sheets, folder: Path = MODULES, where: Corridor | None = None
) -> tuple[Sheets, list[Finding]]:
    """The form with includes and shared lists where `before` had them and the rows still allow it.

    `whole` are the sheets as they came back, `before` those of the form folder as they stand in the
    repository, `where` the corridor in which they went out. Notes (`module.written_out`) name each module
    that is not shared any more.
    """
    out = write_out(before, folder, where)
    if sheet_io.canonical(out.sheets) == sheet_io.canonical(before):
        return whole, []
    form = next(iter(sheet_io.rows(whole.get("settings", []))), {}).get("form_id", "")
    survey = _survey(
        whole.get("survey", []), before.get("survey", []), out.sheets["survey"], out.places["survey"]
    )
    folded = dict(whole) | {"survey": _under(before.get("survey", []), whole.get("survey", []), survey.rows)}
    choices = _choices(whole.get("choices", []), before.get("choices", []), out.sheets, out.places["choices"])
    folded["choices"] = _under(before.get("choices", []), whole.get("choices", []), choices)
    if not choices:
        del folded["choices"]
    try:
        again = write_out(folded, folder, where)
    except ValueError:
        again = None
    if again is None or _asked(again.sheets, _made(again)) != _asked(whole, survey.made):
        message = "Its modules and shared lists could not be kept; the form is written out whole."
        return whole, [Finding("note", "module.written_out", form, message)]
    anew = [] if _essence(again.sheets) == _essence(whole) else [_anew(form)]
    return folded, [*anew, *(_lost(form, module) for module in survey.lost)]


def _survey(came: Table, before: Table, out: Table, places: Sequence[str]) -> _Folded:
    raw = sheet_io.rows(before)
    origins = _origins(sheet_io.rows(out), places, raw)
    members: dict[int, list[str]] = {}
    for key, known in origins.items():
        if known.include:
            members.setdefault(known.include, []).append(key)
    keyed = list(_keyed(sheet_io.rows(came)))
    made = {key for key, row in keyed if _is_generated(origins.get(key), row)}
    rows = [(key, row) for key, row in keyed if key not in made]
    folded, at = _Folded(made=made), 0
    while at < len(rows):
        key, row = rows[at]
        origin = origins.get(key)
        if origin is None or not (origin.own or origin.include):
            folded.rows.append(row)
        elif origin.own:
            folded.rows.append(_patched(raw[origin.own - 2], origin.cells, row))
        else:
            piece = rows[at : at + len(members[origin.include])]
            segment = _segment(raw, origin.include)
            changes = _changes(segment, piece, origins)
            if [name for name, _ in piece] == members[origin.include] and changes is not None:
                folded.rows += changes
                at += len(piece) - 1
            else:
                folded.lost[segment[0].get("name", "")] = None
                folded.rows.append(row)
        at += 1
    return folded


def _origins(out: Sequence[Row], places: Sequence[str], raw: Sequence[Row]) -> dict[str, _Origin]:
    """Key of each row that went out → where it was written."""
    includes = [number for number, row in enumerate(raw, start=2) if row.get("type") == "include"]
    numbers = {raw[number - 2].get("name", ""): number for number in includes}
    found = {}
    for (key, cells), place in zip(_keyed(out), places, strict=True):
        own, module = _OWN.fullmatch(place), _MODULE.fullmatch(place)
        found[key] = _Origin(cells, int(own[1]) if own else 0, numbers.get(module[1], 0) if module else 0)
    return found


def _is_generated(origin: _Origin | None, row: Row) -> bool:
    """Whether the row is made anew each time the form is written out, and came back as it went."""
    return origin is not None and not (origin.own or origin.include) and dict(origin.cells) == dict(row)


def _segment(raw: Sequence[Row], include: int) -> list[Row]:
    """An include and the rows `fill` and `change` below it."""
    rows = [raw[include - 2]]
    for row in raw[include - 1 :]:
        if row.get("type") not in ("fill", "change"):
            break
        rows.append(row)
    return rows


def _changes(
    segment: Sequence[Row], piece: Sequence[tuple[str, Row]], origins: Mapping[str, _Origin]
) -> list[Row] | None:
    """The include with a `change` row for each row that has other cells; None where a cell was emptied."""
    changed: dict[str, dict[str, str]] = {
        row["name"]: dict(row) for row in segment if row.get("type") == "change"
    }
    for key, now in piece:
        old = origins[key].cells if key in origins else {}
        if any(column not in now for column in old):
            return None
        other = {column: cell for column, cell in now.items() if old.get(column) != cell}
        if other:
            name = now.get("name", "")
            changed.setdefault(name, {"type": "change", "name": name}).update(other)
    return [*(row for row in segment if row.get("type") != "change"), *changed.values()]


def _patched(raw: Row, out: Row, now: Row) -> Row:
    """A row as it was written, with the cells that came back otherwise than they went out."""
    columns = dict.fromkeys([*raw, *now])
    cells = {c: now.get(c, "") if now.get(c) != out.get(c) else raw.get(c, "") for c in columns}
    return {column: cell for column, cell in cells.items() if cell}


def _choices(came: Table, before: Table, out: Sheets, places: Sequence[str]) -> list[Row]:
    """The rows of the form's own lists, patched; shared lists that came back as they went are left out."""
    raw, went = sheet_io.rows(before), _by_list(sheet_io.rows(out.get("choices", [])))
    own = {row.get("list_name", "") for row in raw}
    numbers = {
        (row.get("list_name"), row.get("name")): (int(found[1]), row)
        for row, place in zip(sheet_io.rows(out.get("choices", [])), places, strict=True)
        if (found := _OWN.fullmatch(place))
    }
    kept: list[Row] = []
    for name, rows in _by_list(sheet_io.rows(came)).items():
        if name not in own and [_said(row) for row in rows] == [_said(row) for row in went.get(name, [])]:
            continue
        for row in rows:
            number, cells = numbers.get((name, row.get("name")), (0, row))
            kept.append(_patched(raw[number - 2], cells, row) if number else _said(row))
    return kept


def _by_list(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.get("list_name", ""), []).append(row)
    return found


def _said(row: Row) -> Row:
    """A choice without the columns that only repeat its label."""
    return {column: cell for column, cell in row.items() if not column.startswith(WORDS)}


def _keyed(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """The rows by what they are known by, a second of the same name numbered."""
    seen: dict[str, int] = {}
    for row in rows:
        kind = row.get("type", "").split(" ")[0]
        key = f"{kind} {row.get('name', '')}" if kind.startswith("end") else row.get("name", "") or kind
        seen[key] = seen.get(key, 0) + 1
        yield (key if seen[key] == 1 else f"{key} ({seen[key]})"), row


def _under(before: Table, came: Table, rows: Sequence[Row]) -> Table:
    """The rows under the headings the sheet had, and under those that came and are needed."""
    used = {column for row in rows for column in row}
    own = before[0] if before else []
    names = dict.fromkeys([*own, *(came[0] if came else []), *sorted(used)])
    return sheet_io.table(rows, [name for name in names if name in used or name in own])


def _essence(sheets: Sheets) -> str:
    """The form in one text: lists by name, without those nothing uses and columns that repeat labels."""
    survey = sheet_io.rows(sheets.get("survey", []))
    types = (row.get(name, "").split(" ") for row in survey for name in ("type", "codebook::type"))
    used = {words[1] for words in types if len(words) > 1}
    used |= {name for row in survey for cell in row.values() for name in _INSTANCE.findall(cell)}
    rows = (row for row in sheet_io.rows(sheets.get("choices", [])) if row.get("list_name") in used)
    choices = [_said(row) for row in sorted(rows, key=lambda row: row.get("list_name", ""))]
    return sheet_io.canonical({**sheets, "choices": sheet_io.table(choices)})


def _made(out: Whole) -> set[str]:
    """The keys of the rows that were generated when the form was written out."""
    keyed = _keyed(sheet_io.rows(out.sheets["survey"]))
    return {
        key
        for (key, _), place in zip(keyed, out.places["survey"], strict=True)
        if not (_OWN.fullmatch(place) or _MODULE.fullmatch(place))
    }


def _asked(sheets: Sheets, made: Collection[str]) -> str:
    """The essence of the form without the rows that are made anew from others."""
    rows = [row for key, row in _keyed(sheet_io.rows(sheets.get("survey", []))) if key not in made]
    return _essence({**sheets, "survey": sheet_io.table(rows)})


def _anew(form: str) -> Finding:
    message = (
        "Rows made from others (screens that read back, amounts in words) follow what was changed there."
    )
    return Finding("note", "rows.made_anew", form, message)


def _lost(form: str, module: str) -> Finding:
    message = (
        f"Rows of module {module} came, went or moved; it is written out in this form and no longer shared."
    )
    return Finding("note", "module.written_out", f"{form}: module {module}", message)
