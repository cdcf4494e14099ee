"""Words of a report in one language, from the catalogue `reports/wording.toml`; no numbers are made here.

Every entry stands there once with all languages side by side, so that a sentence added in one is missed in
the other by a test, not by a reader. Braces in an entry are filled by name; numbers arrive formatted.
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import Formatter

from analysis.tables import format_number, interval

CATALOGUE = Path(__file__).parent / "reports" / "wording.toml"
LANGUAGES = ("en", "vi")


class Wording:
    """The catalogue in one language; called with the dotted name of an entry."""

    __slots__ = ("_entries", "language")

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"reports are written in {' and '.join(LANGUAGES)}, not in {language!r}")
        self.language = language
        self._entries = catalogue()

    def __call__(self, name: str, **values: object) -> str:
        """The entry, filled; KeyError when the catalogue has none of that name."""
        if name not in self._entries:
            raise KeyError(f"the wording catalogue has no entry {name!r}: add it to {CATALOGUE.name}")
        return self._entries[name][self.language].format(**values)

    def has(self, name: str) -> bool:
        """Whether the catalogue has this entry."""
        return name in self._entries

    def number(self, value: float, digits: int = 0) -> str:
        """A number as this language writes it."""
        return format_number(value, digits, self.language)

    def percent(self, fraction: float, digits: int = 0) -> str:
        """A fraction in per cent, with the sign."""
        return f"{format_number(fraction * 100, digits, self.language)}%"

    def interval(self, low: float, high: float, digits: int = 0) -> str:
        """Both ends of an interval."""
        return interval(low, high, digits, self.language)

    def listed(self, items: Iterable[str]) -> str:
        """Items in a row, the last one joined by "and"."""
        *first, last = items
        return last if not first else f"{', '.join(first)} {self('common.and')} {last}"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All entries by dotted name: language → text."""
    found: dict[str, dict[str, str]] = {}
    _collect(tomllib.loads(CATALOGUE.read_text(encoding="utf-8")), "", found)
    return found


def placeholders(text: str) -> frozenset[str]:
    """The names in braces of an entry."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def _collect(tree: dict[str, object], path: str, found: dict[str, dict[str, str]]) -> None:
    """Leaves of the tree of tables, a leaf being one that holds texts by language."""
    for name, branch in tree.items():
        inner = f"{path}.{name}" if path else name
        if not isinstance(branch, dict):
            raise ValueError(f"{CATALOGUE.name}: {inner} is no table of languages")
        if set(branch) <= set(LANGUAGES):
            found[inner] = {language: " ".join(str(words).split()) for language, words in branch.items()}
        else:
            _collect(branch, inner, found)
