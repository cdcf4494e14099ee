"""Replaced: what a corridor has in place of what the forms are written with, row by row, for people to read.

Each row says what it is (money, language, place, list, code, label, guard), of what, and how it reads before
and here, in English. Checking a corridor is `comparability.structure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from instruments import corridor as corridors
from instruments.codebook import languages_of
from instruments.corridor import Corridor
from instruments.expand import localities
from instruments.expand.includes import shared_lists
from instruments.instrument import Instrument, forms, load
from instruments.sheets import Row


@dataclass(frozen=True, slots=True)
class Replaced:
    """One thing a corridor has otherwise; `name` is a setting, a list, a list and code, or a question."""

    what: str
    name: str
    before: str
    here: str


def replaced(corridor: Corridor) -> tuple[Replaced, ...]:
    """All that this corridor has otherwise than the default one; nothing for the default itself."""
    base = corridors.corridor()
    if corridor.is_default:
        return ()
    return (*_settings(base, corridor), *_lists(corridor), *_labels(corridor))


def _settings(base: Corridor, here: Corridor) -> Iterator[Replaced]:
    yield Replaced("money", "unit", base.money.unit, here.money.unit)
    for word, before in base.words["en"].items():
        yield Replaced("money", f"{{{word}}}", before, here.words["en"][word])
    yield Replaced("language", "languages", ", ".join(base.languages), ", ".join(here.languages))
    for before, after in here.places.items():
        yield Replaced("place", "attached list", f"{before}.csv", f"{after}.csv")
    for module in here.guarded:
        yield Replaced("guard", module, "asked of everybody", "with consent to sensitive questions")


def _lists(corridor: Corridor) -> Iterator[Replaced]:
    """Codes that say something else, came or went; of lists replaced whole and of single choices."""
    shared = shared_lists()
    for name, rows in localities.choices(shared, corridor).items():
        before, here = _words(shared[name]), _words(rows)
        for code in dict.fromkeys([*before, *here]):
            if before.get(code) != here.get(code):
                what = "list" if name in corridor.lists else "label"
                yield Replaced(what, f"{name} {code}", before.get(code, ""), here.get(code, ""))


def _labels(corridor: Corridor) -> Iterator[Replaced]:
    """Questions and groups with other words, as the first form that has them asks them."""
    written = [load(name) for name in forms()]
    for row in corridor.labels:
        if "list_name" not in row:
            before = next((found for form in written for found in _asked(form, row["name"])), {})
            yield Replaced("label", row["name"], _english(before), _english(row))


def _asked(form: Instrument, name: str) -> Iterator[Mapping[str, str]]:
    yield from (question.cells for question in form.questions if question.name == name)
    yield from (block.cells for block in form.blocks if block.name == name)


def _words(rows: Iterable[Row]) -> dict[str, str]:
    return {row["name"]: _english(row) for row in rows}


def _english(cells: Mapping[str, str]) -> str:
    column = languages_of(cells, "label").get("en")
    return cells[column] if column else ""
