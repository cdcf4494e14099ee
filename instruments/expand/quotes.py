"""Quotes: an answer read back inside another question, in the words of the language on the screen.

A label may hold `${name:words}` where `name` is a select, or a calculation of the type of one. A tablet
computes values once, in the language of that moment; so each language gets a calculation of its own
(`name_en`, `name_vi`) that looks the words up in the list, and the label of that language holds that one. The
words are the labels of the list, written beside them as `words_en`, `words_vi`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from instruments.codebook import languages_of
from instruments.sheets import Placed, Row

WORDS = "words_"  # begins the name of a choice's column that only repeats its label

_QUOTE = re.compile(r"\$\{\s*(\w+):words\s*\}")
_FIELDS = ("label", "hint", "constraint_message", "required_message")


def written(survey: Placed, choices: Placed) -> tuple[Placed, Placed]:
    """Both sheets with the quotes carried out.

    Raises
    ------
    ValueError
        A text quotes what is no select of this form; the message says where.
    """
    quoted: dict[str, dict[str, None]] = {}
    replaced = [(place, _replaced(row, quoted)) for place, row in survey]
    lists = {row.get("name", ""): _list_of(row) for _, row in survey}
    for place, row in survey:
        for name in _quotes(row):
            if not lists.get(name):
                raise ValueError(
                    f"{place}: ${{{name}:words}} quotes {name!r}, which is no select of this form."
                )
    rows = [item for place, row in replaced for item in _followed(place, row, quoted)]
    wanted: dict[str, dict[str, None]] = {}
    for name, languages in quoted.items():
        wanted.setdefault(lists[name], {}).update(languages)
    return rows, [
        (place, row | _words(row, wanted.get(row.get("list_name", ""), {}))) for place, row in choices
    ]


def _quotes(row: Row) -> Iterator[str]:
    return (name for cell in row.values() for name in _QUOTE.findall(cell))


def _replaced(row: Row, quoted: dict[str, dict[str, None]]) -> Row:
    """The row with each quote as a reference to the calculation of that language; notes what is quoted."""
    columns = {column: code for field in _FIELDS for code, column in languages_of(row, field).items()}
    replaced = dict(row)
    for column, code in columns.items():
        for name in _QUOTE.findall(row[column]):
            quoted.setdefault(name, {})[code] = None
        replaced[column] = _QUOTE.sub(rf"${{\1_{code}}}", row[column])
    return replaced


def _list_of(row: Row) -> str:
    """The choice list of a select or of a calculation of its type; "" if it is neither."""
    said = row.get("codebook::type", "") if row.get("type") == "calculate" else row.get("type", "")
    kind, _, rest = said.partition(" ")
    return rest.split()[0] if kind == "select_one" and rest else ""


def _followed(place: str, row: Row, quoted: dict[str, dict[str, None]]) -> Placed:
    """The row and, if it is quoted, the calculations of its words."""
    name = row.get("name", "")
    words = [
        {
            "type": "calculate",
            "name": f"{name}_{code}",
            "calculation": f"instance('{_list_of(row)}')/root/item[name = ${{{name}}}]/{WORDS}{code}",
            "codebook::type": "text",
            "codebook::source": f"words of {name} in {code}, to be read back",
        }
        for code in quoted.get(name, ())
        if _list_of(row)
    ]
    return [(place, row), *((f"{place} (its words)", each) for each in words)]


def _words(choice: Row, languages: dict[str, None]) -> Row:
    labels = languages_of(choice, "label")
    return {f"{WORDS}{code}": choice[labels[code]] for code in languages if code in labels}
