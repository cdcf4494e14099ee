"""Corridor: what one way of going abroad changes in the forms: words, choice lists, places, languages.

A corridor is a folder of data in `corridors/`: `corridor.toml` (countries, money, languages, places),
`choices.csv` (choice lists that replace shared ones of the same name), `labels.csv` (other words for a
question or a choice) and `lists/` (the places it attaches). Names, types and logic stand in the forms and are
the same everywhere; `expand.localities` puts the corridor into their rows, `comparability.structure` refuses
one that changes more. The forms are written for `vn-jp`, the corridor that replaces nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from instruments import sheets as sheet_io
from instruments.sheets import Row

CORRIDORS = Path(__file__).parent / "corridors"
DEFAULT = "vn-jp"
KEYS = (
    *("title", "origin", "destination", "code", "country", "time_zone", "languages", "default_language"),
    *("money", "words", "places", "guarded"),
)
_OPTIONAL = ("places", "guarded")


class CorridorError(ValueError):
    """A corridor that is not there or cannot be read; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class Money:
    """The money people count in at home: its unit in the codebook, and the code of that unit in `ccy`."""

    unit: str
    choice: str


@dataclass(frozen=True, slots=True)
class Corridor:
    """One corridor as read.

    `code` is its own in the list `corridor`, `country` that of the origin in the list `country`.
    `languages` are headings of columns, as `English (en)`; `words` maps a language code to the text for each
    placeholder; `places` maps an attached list of the forms to the one that takes its place here, both
    without `.csv`. `guarded` are modules whose questions are asked only with consent to sensitive ones.
    """

    name: str
    title: str
    origin: str
    destination: str
    code: str
    country: str
    time_zone: str
    languages: tuple[str, ...]
    default_language: str
    money: Money
    words: Mapping[str, Mapping[str, str]]
    places: Mapping[str, str] = field(default_factory=dict)
    guarded: tuple[str, ...] = ()
    lists: Mapping[str, tuple[Row, ...]] = field(default_factory=dict, repr=False)
    labels: tuple[Row, ...] = field(default=(), repr=False)
    folder: Path = field(default=CORRIDORS / DEFAULT, compare=False, repr=False)

    @property
    def iso(self) -> str:
        """Origin and destination, as `VNM-JPN`."""
        return f"{self.origin}-{self.destination}"

    @property
    def is_default(self) -> bool:
        """Whether the forms are written for it, so that it replaces nothing."""
        return self.name == DEFAULT


def corridors(folder: Path = CORRIDORS) -> tuple[str, ...]:
    """Names of the corridors there are: the default first, then by name."""
    names = (path.parent.name for path in folder.glob("*/corridor.toml"))
    return tuple(sorted(names, key=lambda name: (name != DEFAULT, name)))


@cache
def corridor(name: str = DEFAULT) -> Corridor:
    """The corridor of that name (`id-jp`), or of those countries (`IDN-JPN`).

    Raises
    ------
    CorridorError
        There is none; the message names those there are.
    """
    if (CORRIDORS / name / "corridor.toml").is_file():
        return read(CORRIDORS / name)
    known = {one: corridor(one) for one in corridors()}
    for one in known.values():
        if one.iso == name:
            return one
    raise CorridorError(f"There is no corridor {name!r}; there are {', '.join(known)}.")


def read(folder: Path) -> Corridor:
    """The corridor in a folder.

    Raises
    ------
    CorridorError
        A key is missing or unknown, or a file cannot be read.
    """
    path = folder / "corridor.toml"
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        _check_keys(path, told)
        return _made(folder, told)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise CorridorError(f"{folder.name}/{path.name}: {error}") from error


def _check_keys(path: Path, told: Mapping[str, Any]) -> None:
    where = f"{path.parent.name}/{path.name}"
    for key in told:
        if key not in KEYS:
            raise CorridorError(f"{where}: there is no key {key!r}; there are {', '.join(KEYS)}.")
    for key in KEYS:
        if key not in told and key not in _OPTIONAL:
            raise CorridorError(f"{where}: the key {key!r} is missing; compare {DEFAULT}/corridor.toml.")


def _made(folder: Path, told: Mapping[str, Any]) -> Corridor:
    plain = {key: told[key] for key in ("title", "origin", "destination", "code", "country", "time_zone")}
    return Corridor(
        name=folder.name,
        **plain,
        languages=tuple(told["languages"]),
        default_language=told["default_language"],
        money=Money(**told["money"]),
        words=told["words"],
        places=told.get("places", {}),
        guarded=tuple(told.get("guarded", ())),
        lists=_lists(folder / "choices.csv"),
        labels=tuple(_rows(folder / "labels.csv")),
        folder=folder,
    )


def _lists(path: Path) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for row in _rows(path):
        found.setdefault(row.get("list_name", ""), []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


def _rows(path: Path) -> list[Row]:
    return sheet_io.rows(sheet_io.read_csv(path)) if path.is_file() else []
