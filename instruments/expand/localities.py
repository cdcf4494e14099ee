"""Localities: a corridor put into the rows of a form; only words, choice lists and attached lists change.

Labels hold placeholders such as `{money}`, other columns `{money_unit}` and `{home}` (the country of origin
in the list of countries): `filled` writes what the corridor says. `localised` then gives questions and
choices the labels the corridor has for them, exchanges the attached lists of places, and puts the modules a
corridor guards behind the consent to sensitive questions. What a corridor cannot do has no place here: there
is no way to change a name, a type or a calculation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from instruments.corridor import Corridor
from instruments.sheets import Placed, Row

TRANSLATED = ("label", "hint", "constraint_message", "required_message", "guidance_hint", "image", "audio")
CONSENT = "con_sens"
SENSITIVITY = "codebook::sensitivity"

_WORD = re.compile(r"(?<!\$)\{([a-z_]+)\}")
_CODE = re.compile(r"\(([A-Za-z-]+)\)$")


def is_translated(column: str) -> bool:
    """Whether a column holds a text in one language."""
    field, separator, _ = column.partition("::")
    return bool(separator) and field in TRANSLATED


def filled(row: Row, corridor: Corridor) -> Row:
    """The row with the corridor's words for its placeholders; other placeholders stay."""
    return {
        column: _with_words(cell, column, corridor) if "{" in cell else cell for column, cell in row.items()
    }


def localised(survey: Placed, corridor: Corridor) -> Placed:
    """The questions as this corridor has them."""
    if corridor.is_default:
        return survey
    labels = {row["name"]: row for row in corridor.labels if "list_name" not in row}
    rows = [(place, _bound(_relabelled(row, labels), corridor.places)) for place, row in survey]
    return _guarded(rows, corridor.guarded) if corridor.guarded else rows


def choices(shared: Mapping[str, Sequence[Row]], corridor: Corridor) -> dict[str, list[Row]]:
    """The shared choice lists as this corridor has them: replaced whole, or with other labels."""
    labels = {(row["list_name"], row["name"]): row for row in corridor.labels if "list_name" in row}
    known = {name: list(corridor.lists.get(name, rows)) for name, rows in shared.items()}
    return {
        name: [_relabelled(row, {row["name"]: labels.get((name, row["name"]), {})}) for row in rows]
        for name, rows in known.items()
    }


def languages(
    header: Iterable[str], corridor: Corridor, base: Corridor
) -> tuple[set[str], list[str], set[str]]:
    """Languages a form is to come in here; those of them it has not of its own; those of its own that go.

    The languages of the default corridor go where another is asked for, unless nothing would be left.
    """
    own = {column.partition("::")[2] for column in header if is_translated(column)}
    if corridor.is_default or not own:
        return own, [], set()
    gone = own & (set(base.languages) - set(corridor.languages))
    gone = gone if own - gone else set()
    new = [language for language in corridor.languages if language not in own]
    return own - gone | set(new), new, gone


def untranslated(rows: Iterable[Row], language: str) -> tuple[int, int]:
    """How many texts are not there in this language, and how many texts there are."""
    missing = texts = 0
    for row in rows:
        fields = {column.partition("::")[0] for column in row if is_translated(column)}
        texts += len(fields)
        missing += sum(f"{field}::{language}" not in row for field in fields)
    return missing, texts


def code_of(column: str) -> str:
    """The language code of a column or of a language's heading; "" if there is none."""
    found = _CODE.search(column)
    return found[1] if found else ""


def _with_words(cell: str, column: str, corridor: Corridor) -> str:
    words = corridor.words.get(code_of(column), {}) if is_translated(column) else {}
    known = {"money_unit": corridor.money.unit, "home": corridor.country} | dict(words)
    return _WORD.sub(lambda found: known.get(found[1], found[0]), cell)


def _relabelled(row: Row, labels: Mapping[str, Row]) -> Row:
    """The row with the words the corridor has for it, in the languages in which it has them."""
    other = {
        column: cell
        for column, cell in labels.get(row.get("name", ""), {}).items()
        if is_translated(column) and column.partition("::")[0] in _fields(row)
    }
    return row | other


def _fields(row: Row) -> Collection[str]:
    return {column.partition("::")[0] for column in row}


def _bound(row: Row, places: Mapping[str, str]) -> Row:
    """The row with the corridor's attached lists in place of those of the form."""
    if not places:
        return row
    file = re.compile(rf"\b({'|'.join(map(re.escape, places))})(?=\.csv\b|'\))")
    return {
        column: cell if is_translated(column) else file.sub(lambda found: places[found[1]], cell)
        for column, cell in row.items()
    }


def _guarded(survey: Placed, modules: Collection[str]) -> Placed:
    """The survey with the questions of these modules sensitive, behind that consent, and none a must."""
    rows: Placed = []
    depth = 0
    for place, row in survey:
        kind = row.get("type", "").replace(" ", "_")
        opens = row.get("codebook::module") in modules and kind == "begin_group"
        if depth or opens:
            depth += kind.startswith("begin_") - kind.startswith("end_")
            row = _behind_consent(row) if opens else _sensitive(row, kind)
        rows.append((place, row))
    return rows


def _behind_consent(row: Row) -> Row:
    gate = f"${{{CONSENT}}} = 1"
    told = row.get("relevant", "")
    if gate in told:
        return row
    return row | {"relevant": f"({told}) and {gate}" if told else gate}


def _sensitive(row: Row, kind: str) -> Row:
    silent = kind.startswith(("begin_", "end_", "note"))
    if silent:
        return row
    kept = {column: cell for column, cell in row.items() if column != "required"}
    return kept if row.get(SENSITIVITY) else kept | {SENSITIVITY: "sensitive"}
