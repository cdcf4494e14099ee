"""Tables as values: columns, rows of typed cells, notes, a key and the release they came from.

A cell carries its number, its kind and the persons behind it. ``protect`` applies the rules of
`analysis.disclosure` and *removes* what may not be printed, so no writer can leak it; ``texts`` then gives
the words to print, aligned at the decimal mark. Estimation happens elsewhere, layout in `analysis.writers`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pandas as pd

from analysis import disclosure
from analysis.disclosure import Rules

DASH = "–"
MINUS = "\u2212"
SMALLEST_P = 0.001
TO = {"en": "to", "vi": "đến"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. ``n`` is the smallest group of unweighted persons that the number reveals, ``base`` the
    persons that a share, kept as a fraction, is taken of.
    """

    kind: str
    value: float | str | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    digits: int | None = None
    mark: str = ""
    base: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: heading, spanner heading above it, and whether its cells are words."""

    key: str
    label: str
    group: str = ""
    words: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its heading, its cells, and its part in the table (``body``, ``group``, ``total``)."""

    label: str
    cells: tuple[Cell, ...] = ()
    kind: str = "body"


@dataclass(frozen=True, slots=True)
class Text:
    """What a writer prints in one cell; ``pad`` is printed invisibly after it to align the decimal marks."""

    text: str
    pad: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``stub`` heads the column of row labels, ``source`` is the digest of the release."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    stub: str = ""
    notes: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.kind != "group" and len(row.cells) != len(self.columns):
                raise ValueError(
                    f"table {self.key}: row {row.label!r} has {len(row.cells)} cells "
                    f"for {len(self.columns)} columns"
                )

    def protect(self, rules: Rules) -> "Table":
        """This table with every cell on too few persons emptied and every cell on few persons marked."""
        rows = (replace(row, cells=tuple(protected(cell, rules) for cell in row.cells)) for row in self.rows)
        return replace(self, rows=tuple(rows))

    def with_notes(self, *notes: str) -> "Table":
        """This table with further notes at its foot."""
        return replace(self, notes=self.notes + tuple(note for note in notes if note))

    def spanners(self) -> tuple[tuple[str, int], ...]:
        """Spanner headings with the number of columns under each; empty when no column has one."""
        if not any(column.group for column in self.columns):
            return ()
        runs = groupby(column.group for column in self.columns)
        return tuple((group, len(list(members))) for group, members in runs)

    def marks(self) -> frozenset[str]:
        """The marks that occur, so that a note can explain them."""
        return frozenset(cell.mark for row in self.rows for cell in row.cells if cell.mark)

    def texts(self, language: str = "en") -> tuple[tuple[Text, ...], ...]:
        """Printed cells, one tuple per row; group rows are empty."""
        grid = [[_text(cell, language) for cell in row.cells] for row in self.rows]
        for position, column in enumerate(self.columns):
            if not column.words:
                _align([line for line in grid if line], position, language)
        return tuple(tuple(line) for line in grid)

    def to_frame(self) -> pd.DataFrame:
        """Cells in long form: group, row, column, kind, value, low, high, n, mark."""
        records, group = [], ""
        for row in self.rows:
            if row.kind == "group":
                group = row.label
            for column, cell in zip(self.columns, row.cells, strict=False):
                records.append(
                    {
                        "group": group,
                        "row": row.label,
                        "column": " ".join(part for part in (column.group, column.label) if part),
                        "kind": cell.kind,
                        "value": cell.value,
                        "low": cell.low,
                        "high": cell.high,
                        "n": cell.n if cell.base is None else cell.base,
                        "mark": cell.mark,
                    }
                )
        return pd.DataFrame.from_records(records)


def text(words: str) -> Cell:
    """A cell of words."""
    return Cell("text", words)


def blank() -> Cell:
    """A cell where no number can exist."""
    return Cell("blank")


def count(persons: int, *, hide: bool = False) -> Cell:
    """A number of persons; ``hide`` when it must go to protect another."""
    return suppressed("count") if hide else Cell("count", int(persons), int(persons))


def total(persons: int) -> Cell:
    """A number of rows that are not persons in a cell: person-months, waves, attempts; never bracketed."""
    return Cell("number", int(persons), digits=0)


def share(part: float, n: int, *, hide: bool = False, part_is_cell: bool = True) -> Cell:
    """A fraction of n persons; with ``part_is_cell`` the persons in the numerator count as a cell too."""
    if hide or n == 0:
        return suppressed("share")
    return Cell("share", part / n, int(part) if part_is_cell else int(n), base=int(n))


def estimate(value: float, n: int, *, digits: int = 2) -> Cell:
    """An estimate that rests on n persons; its interval stands in a cell of its own (`ends`)."""
    return Cell("estimate", float(value), int(n), digits=digits)


def probability(value: float, n: int) -> Cell:
    """An estimated share on n persons, printed in per cent."""
    return Cell("probability", float(value), int(n))


def ends(low: float, high: float, n: int, *, digits: int | None = None) -> Cell:
    """The ends of an interval; in per cent of n persons unless ``digits`` are given."""
    kind = "probability" if digits is None else "estimate"
    return Cell(kind, None, int(n), float(low), float(high), digits)


def median(value: float, n: int, *, digits: int = 1) -> Cell:
    """A median of n persons."""
    return Cell("median", float(value), int(n), digits=digits)


def mean(value: float, n: int, *, digits: int = 1) -> Cell:
    """A mean over n persons."""
    return Cell("mean", float(value), int(n), digits=digits)


def number(value: float, *, digits: int = 2) -> Cell:
    """A number that concerns no cell of persons: a statistic, a year, a digit count."""
    return Cell("number", float(value), digits=digits)


def p_value(value: float) -> Cell:
    """A p-value, with three decimals or as smaller than 0.001."""
    return Cell("p", float(value), digits=3)


def suppressed(kind: str) -> Cell:
    """A cell whose number may not be printed."""
    return Cell(kind, mark=disclosure.SUPPRESSED)


def protected(cell: Cell, rules: Rules) -> Cell:
    """The cell as it may be printed: emptied, marked or unchanged."""
    if cell.n is None or cell.mark == disclosure.SUPPRESSED:
        return cell
    base = cell.n if cell.base is None else cell.base
    if disclosure.SUPPRESSED in (
        disclosure.mark(cell.n, rules, median=cell.kind == "median"),
        disclosure.mark(base, rules),
    ):
        return suppressed(cell.kind)
    if cell.kind in ("share", "probability"):
        return replace(
            cell, mark=disclosure.mark(base, rules), digits=disclosure.percent_decimals(base, rules)
        )
    return replace(cell, mark="" if cell.kind == "count" else disclosure.mark(base, rules))


def crosstab(
    blocks: Iterable[tuple[str, Sequence[str], np.ndarray]],
    rules: Rules,
    *,
    rates: Sequence[bool] = (True,),
    margin: bool = False,
) -> tuple[Row, ...]:
    """Rows of counts and shares for several variables over the same groups of persons.

    Parameters
    ----------
    blocks
        (heading, labels, counts of shape (labels, groups)); with ``margin`` the last group is the sum of
        the others, of which only as many are printed as ``rates`` names (the rest are people of no printed
        group).
    rates
        For each printed group, the last included, whether a share stands beside the count.

    Each block is protected as a two-way table with its margins. Shares are of the people with an answer;
    where blocks differ in that number, a line gives it.
    """
    made = [(heading, labels, counts, counts.sum(axis=0)) for heading, labels, counts in blocks]
    largest = np.max([base for *_, base in made], axis=0) if made else np.zeros(0)
    rows: list[Row] = []
    for heading, labels, counts, base in made:
        hide = disclosure.hidden(np.vstack([counts, base]), rules, row_totals=margin, column_totals=True)
        rows.append(Row(heading, kind="group"))
        for line, label in enumerate(labels):
            rows.append(Row(label, tuple(_pairs(counts[line], base, hide[line], rates))))
        if (base < largest).any():
            cells = _pairs(base, base, hide[-1], rates)
            rows.append(Row("n", tuple(cell if cell.kind == "count" else blank() for cell in cells), "total"))
    return tuple(rows)


def _pairs(counts: np.ndarray, base: np.ndarray, hide: np.ndarray, rates: Sequence[bool]) -> list[Cell]:
    printed = [*range(len(rates) - 1), len(counts) - 1]
    cells = []
    for place, rate in zip(printed, rates, strict=True):
        cells.append(count(int(counts[place]), hide=bool(hide[place])))
        if rate:
            cells.append(share(float(counts[place]), int(base[place]), hide=bool(hide[place])))
    return cells


def format_number(value: float, digits: int, language: str = "en") -> str:
    """A number with thousands grouped and the decimal mark of the language."""
    shown = f"{value:,.{digits}f}"
    if float(shown.replace(",", "")) == 0:
        shown = shown.lstrip("-")
    if language == "vi":
        shown = shown.translate(str.maketrans(",.", ".,"))
    return shown.replace("-", MINUS)


def interval(low: float, high: float, digits: int, language: str = "en") -> str:
    """Both ends of an interval, joined by a word so that a minus sign cannot be mistaken for a dash."""
    return f"{format_number(low, digits, language)} {TO[language]} {format_number(high, digits, language)}"


def cell_text(cell: Cell, language: str = "en") -> str:
    """A cell in words, in brackets where few persons stand behind it."""
    if cell.mark == disclosure.SUPPRESSED:
        return DASH
    if isinstance(cell.value, str):
        return cell.value
    scale = 100 if cell.kind in ("share", "probability") else 1
    digits = 0 if cell.kind == "count" else (1 if cell.digits is None else cell.digits)
    if cell.kind == "p" and cell.value is not None and cell.value < SMALLEST_P:
        shown = "< " + format_number(SMALLEST_P, digits, language)
    elif cell.value is not None:
        shown = format_number(cell.value * scale, digits, language)
    elif cell.low is not None and cell.high is not None:
        shown = interval(cell.low * scale, cell.high * scale, digits, language)
    else:
        return ""
    return f"({shown})" if cell.mark == disclosure.FEW else shown


def _text(cell: Cell, language: str) -> Text:
    return Text(cell_text(cell, language), mark=cell.mark)


def _align(grid: list[list[Text]], position: int, language: str) -> None:
    """Give every number of a column the invisible tail that brings its decimal mark under the others."""
    tails = {id(line): _tail(line[position].text, language) for line in grid}
    longest = max(tails.values(), key=len, default="")
    for line in grid:
        shown = line[position]
        missing = len(longest) - len(tails[id(line)])
        if shown.text:
            pad = longest[len(longest) - missing :] if missing else ""
            line[position] = replace(shown, pad=pad)


def _tail(shown: str, language: str) -> str:
    """What follows the units digit: decimal mark, decimals, closing bracket."""
    mark = "," if language == "vi" else "."
    body = shown.removesuffix(")")
    head, _, decimals = body.rpartition(mark)
    fraction = mark + decimals if head else ""
    return fraction + (")" if shown.endswith(")") else "")
