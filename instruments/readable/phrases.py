"""Phrases: the words between the answers (“is at least”, “Asked if”), in one language, from `phrases/`.

`instruments/phrases/<code>.csv` holds one row per phrase; a language is added by adding its file, and no
module changes. Braces are filled by name. What a language does not say yet is said in English, and
`missing` names it, so that a reader of a printed form can be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from instruments import sheets as sheet_io

FOLDER = Path(__file__).parent.parent / "phrases"
SOURCE = "en"


class Phrases:
    """The phrases of one language; called with the key of one and what fills its braces."""

    __slots__ = ("_own", "_source", "language")

    def __init__(self, language: str, folder: Path = FOLDER) -> None:
        self.language = language
        self._source = read(SOURCE, folder)
        self._own = self._source if language == SOURCE else read(language, folder)

    def __call__(self, key: str, **values: object) -> str:
        """The phrase, filled; KeyError where there is none of that key in English either."""
        return (self._own.get(key) or self._source[key]).format(**values)

    def has(self, key: str) -> bool:
        """Whether there is such a phrase."""
        return key in self._source

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys that this language does not say yet."""
        return tuple(key for key in self._source if not self._own.get(key))

    def listed(self, items: Iterable[str], word: str = "or") -> str:
        """Items in a row, the last one joined by “or” (or “and”)."""
        *first, last = items
        return self(f"last_{word}", first=self("comma").join(first), last=last) if first else last


def languages(folder: Path = FOLDER) -> tuple[str, ...]:
    """Languages that have phrases of their own, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.csv")))


@cache
def read(language: str, folder: Path = FOLDER) -> dict[str, str]:
    """Key → text of one language; none if it has no file."""
    path = folder / f"{language}.csv"
    rows = sheet_io.rows(sheet_io.read_csv(path)) if path.is_file() else []
    return {row["key"]: row.get("text", "") for row in rows}
