"""Confirms: soft checks of unusual amounts, which say the amount in words and ask whether it is right.

A row with a cell `codebook::confirm` (`amount: ${loan_amt} > large`) is followed by the rows of the module
`confirm_amount`, or of another kind if it says so, asked only while the condition holds. `large` is what the
list `ccy` calls a large sum in the unit of the row; the unit of amounts at home is the corridor's. A row
`spell` of that module becomes one calculation per language: 2500 million dong is “2 billion 500 million
dong”, “2 tỷ 500 triệu đồng”. Confirmed, any amount passes; an enumerator who mistyped goes back. What units
there are is data (`modules/choices.csv`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instruments.codebook import languages_of
from instruments.sheets import Placed, Row

COLUMN = "codebook::confirm"
CURRENCIES = "ccy"

ABROAD = {"JPY": "2"}  # a unit of the codebook → the code of its currency unit, wherever people come from
_UNIT_OF = re.compile(r"unit of (\w+)")
_LARGE = re.compile(r"\blarge\b")
_PLACEHOLDER = re.compile(r"\{(name|when|sensitivity)\}")


@dataclass(frozen=True, slots=True)
class _Units:
    """The units of currency by code, and the code of a unit that is fixed."""

    rows: Mapping[str, Row]
    fixed: Mapping[str, str]


def written(
    survey: Placed,
    modules: Mapping[str, Sequence[Row]],
    currencies: Sequence[Row],
    fixed: Mapping[str, str],
) -> Placed:
    """The survey sheet with the rows that ask to confirm, each below its amount.

    Parameters
    ----------
    survey
        Rows with where they were written.
    modules
        Rows of a module by its name, in the languages of the form.
    currencies
        The rows of the list `ccy`, with `times` (coins in one unit), `large` and `coin_…` per language.
    fixed
        Units that rows may have, and the code of each in that list.

    Raises
    ------
    ValueError
        A kind, a unit or a word is not there; the message says where.
    """
    units = _Units({row["name"]: row for row in currencies}, fixed)
    rows: Placed = []
    for place, row in survey:
        rows.append((place, {key: cell for key, cell in row.items() if key != COLUMN}))
        if COLUMN in row:
            try:
                rows += [(f"{place} (its check)", each) for each in _check(row, modules, units)]
            except KeyError as error:
                message = f"{place}: {row.get('name')} cannot be checked, there is no {error.args[0]!r}."
                raise ValueError(message) from error
    return rows


def _check(row: Row, modules: Mapping[str, Sequence[Row]], units: _Units) -> list[Row]:
    """The rows that ask to confirm one amount."""
    kind, _, condition = row[COLUMN].partition(":")
    if _LARGE.search(condition):
        condition = _LARGE.sub(_of_unit(row, "large", units), condition)
    asked = f"({row['relevant']}) and " if row.get("relevant") else ""
    fills = {
        "name": row["name"],
        "when": f"{asked}({condition.strip()})",
        "sensitivity": row.get("codebook::sensitivity", ""),
    }
    rows: list[Row] = []
    for template in modules[f"confirm_{kind.strip()}"]:
        each = {
            key: cell
            for key, text in template.items()
            if (cell := _PLACEHOLDER.sub(lambda found: fills[found[1]], text))
        }
        rows += _spelled(each, row, units) if each.get("type") == "spell" else [each]
    return rows


def _of_unit(row: Row, column: str, units: _Units) -> str:
    """An expression for what the list of currencies says of the unit of an amount."""
    unit = row.get("codebook::unit", "")
    chosen = _UNIT_OF.fullmatch(unit)
    if chosen:
        return f"instance('{CURRENCIES}')/root/item[name = ${{{chosen[1]}}}]/{column}"
    cell = units.rows[units.fixed[unit.removesuffix("/month")]][column]
    return cell if column in ("large", "times") else f"'{cell}'"


def _spelled(template: Row, row: Row, units: _Units) -> list[Row]:
    """One calculation per language that says the amount in words; the template gives the words."""
    times = _of_unit(row, "times", units)
    whole = f"round(${{{row['name']}}})" if times == "1" else f"round(${{{row['name']}}} * {times})"
    calculations = []
    for code, column in languages_of(template, "label").items():
        billion, million, thousand = template[column].split()
        parts = ", ".join(
            f"if({rest} >= {size}, concat(int(({rest}) div {size}), ' {word} '), '')"
            for rest, size, word in (
                (whole, 1_000_000_000, billion),
                (f"{whole} mod 1000000000", 1_000_000, million),
                (f"{whole} mod 1000000", 1000, thousand),
            )
        )
        rest = f"if({whole} mod 1000 > 0, concat({whole} mod 1000, ' '), '')"
        coin = _of_unit(row, f"coin_{code}", units)
        kept = {key: cell for key, cell in template.items() if not key.startswith("label::")}
        name, words = f"{template['name']}_{code}", f"concat({parts}, {rest}, {coin})"
        calculations.append(kept | {"type": "calculate", "name": name, "calculation": words})
    return calculations
