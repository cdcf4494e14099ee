"""Rules for small numbers: what of a table may be printed.

Pure functions on counts, no tables and no layout. The thresholds are those of the reporting standard: fewer
than 10 unweighted persons suppressed, with as many further cells as it takes to keep them unknown; 10 to 29
in brackets; medians from 20 persons on; no decimals in percentages under 100 persons. A zero is fewer than
ten and is suppressed like one. Only a frame declared ``disclosure = "published"`` (in print already, with
its citation) is exempt.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHOWN = ""
FEW = "few"
SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds in unweighted persons; ``smallest`` 0 switches suppression off."""

    smallest: int = 10
    few: int = 30
    median: int = 20
    decimals: int = 100
    events: int = 10


RESTRICTED = Rules()
PUBLISHED = Rules(smallest=0, few=0, median=0, decimals=100, events=0)


def rules(disclosure: str) -> Rules:
    """Rules for a release declared ``restricted`` or ``published``; anything else raises ValueError."""
    known = {"restricted": RESTRICTED, "published": PUBLISHED}
    if disclosure not in known:
        raise ValueError(f"disclosure is {disclosure!r}; declare the data set 'restricted' or 'published'")
    return known[disclosure]


def mark(n: float, applied: Rules, *, median: bool = False) -> str:
    """How a number resting on n persons is printed: ``SHOWN``, ``FEW`` (in brackets) or ``SUPPRESSED``."""
    if n < (applied.median if median else applied.smallest):
        return SUPPRESSED
    return FEW if n < applied.few else SHOWN


def percent_decimals(n: float, applied: Rules) -> int:
    """Decimals of a percentage whose base is n persons."""
    return 1 if n >= applied.decimals else 0


def is_change(low: float, high: float, n_before: int, n_after: int, applied: Rules) -> bool:
    """Whether a difference may be called a change: its interval leaves out zero, both groups are large
    enough."""
    return (low > 0 or high < 0) and min(n_before, n_after) >= applied.few


def hidden(
    counts: ArrayLike, applied: Rules, *, row_totals: bool = False, column_totals: bool = False
) -> NDArray[np.bool_]:
    """Cells of a table of counts that must not be printed.

    Parameters
    ----------
    counts
        Shape (rows, columns), margins included; NaN marks a cell that cannot exist.
    row_totals
        The last column is the sum of the others in its row.
    column_totals
        The last row is the sum of the others in its column.

    Returns
    -------
    ndarray
        Boolean, of the same shape. First all counts under ``smallest``; then, while some hidden cell still
        follows from the printed ones, the smallest printed cell in a line through it. A cell follows exactly
        when its unit vector lies in the row space of the sums restricted to the hidden cells (bounds are not
        considered).
    """
    table = np.asarray(counts, dtype=float)
    mask = table < applied.smallest
    lines = _lines(table.shape, row_totals, column_totals)
    if not applied.smallest:
        return np.zeros(table.shape, dtype=bool)
    while True:
        found = (
            _partner(cell, table, mask, lines, row_totals, column_totals)
            for cell in _recoverable(mask, lines)
        )
        partner = next((place for place in found if place is not None), None)
        if partner is None:
            return mask
        mask[partner] = True


def _lines(shape: tuple[int, ...], row_totals: bool, column_totals: bool) -> list[NDArray[np.float64]]:
    """One coefficient array per sum that a reader of the table knows: cells minus total are zero."""
    rows, columns = shape
    lines = []
    for row in range(rows if row_totals else 0):
        line = np.zeros(shape)
        line[row, :] = 1.0
        line[row, -1] = -1.0
        lines.append(line)
    for column in range(columns if column_totals else 0):
        line = np.zeros(shape)
        line[:, column] = 1.0
        line[-1, column] = -1.0
        lines.append(line)
    return lines


def _recoverable(mask: NDArray[np.bool_], lines: list[NDArray[np.float64]]) -> Iterator[tuple[int, int]]:
    """Hidden cells that the sums determine, in reading order."""
    where = np.argwhere(mask)
    if not len(where) or not lines:
        return
    sums = np.array([line[mask] for line in lines])
    rank = np.linalg.matrix_rank(sums)
    for position, cell in enumerate(where):
        unit = np.zeros(len(where))
        unit[position] = 1.0
        if np.linalg.matrix_rank(np.vstack([sums, unit])) == rank:
            yield int(cell[0]), int(cell[1])


def _partner(
    cell: tuple[int, int],
    table: NDArray[np.float64],
    mask: NDArray[np.bool_],
    lines: list[NDArray[np.float64]],
    row_totals: bool,
    column_totals: bool,
) -> tuple[int, int] | None:
    """Smallest printed cell on a line through ``cell``; totals only when nothing else is left."""
    through = np.any([line != 0 for line in lines if line[cell] != 0], axis=0)
    candidates = np.argwhere(through & ~mask & ~np.isnan(table))
    if not len(candidates):
        return None

    def order(place: NDArray[np.int64]) -> tuple[bool, float, int, int]:
        row, column = int(place[0]), int(place[1])
        total = (row_totals and column == table.shape[1] - 1) or (column_totals and row == table.shape[0] - 1)
        return total, float(table[row, column]), row, column

    best = min(candidates, key=order)
    return int(best[0]), int(best[1])
