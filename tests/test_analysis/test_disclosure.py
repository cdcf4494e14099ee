"""Small numbers. Requirements (reporting standard, section 6):

1. fewer than 10 persons: suppressed, zero like the others; 10 to 29: few; 30 and more: shown
2. a suppressed number does not follow from totals: the next smallest cell goes with it
3. medians need 20 persons
4. percentages have no decimals under 100 persons
5. a difference is a change only if its interval leaves out zero and both groups have 30 persons
6. data in print already are exempt
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.disclosure import (
    FEW,
    PUBLISHED,
    RESTRICTED,
    SHOWN,
    SUPPRESSED,
    hidden,
    is_change,
    mark,
    percent_decimals,
    rules,
)


@pytest.mark.parametrize(
    ("n", "expected"), [(0, SUPPRESSED), (9, SUPPRESSED), (10, FEW), (29, FEW), (30, SHOWN), (500, SHOWN)]
)
def test_marks_change_at_ten_and_thirty(n: int, expected: str) -> None:  # 1
    assert mark(n, RESTRICTED) == expected


def test_a_median_of_nineteen_is_suppressed_and_of_twenty_has_few_cases() -> None:  # 3
    assert mark(19, RESTRICTED, median=True) == SUPPRESSED
    assert mark(20, RESTRICTED, median=True) == FEW


def test_percentages_get_a_decimal_from_a_hundred_on() -> None:  # 4
    assert [percent_decimals(n, RESTRICTED) for n in (20, 99, 100, 1000)] == [0, 0, 1, 1]


def test_one_small_cell_takes_the_next_smallest_of_its_column_along() -> None:  # 2
    # 40 + 7 + 12 + 15 = 74: with 7 alone hidden it would follow from the total
    assert hidden([[40], [7], [12], [15], [74]], RESTRICTED, column_totals=True).ravel().tolist() == [
        False,
        True,
        True,
        False,
        False,
    ]


def test_two_small_cells_protect_each_other() -> None:  # 2
    mask = hidden([[40], [7], [3], [15], [65]], RESTRICTED, column_totals=True)
    assert mask.ravel().tolist() == [False, True, True, False, False]


def test_without_a_total_nothing_else_is_hidden() -> None:  # 2
    assert hidden([[40], [7], [12]], RESTRICTED).ravel().tolist() == [False, True, False]


def test_a_two_way_table_hides_a_rectangle() -> None:  # 2
    # men, women, total; women of the first row are 4: row partner 20, column partner 11, and the corner 30
    table = [[20, 4, 24], [30, 11, 41], [60, 50, 110], [110, 65, 175]]
    mask = hidden(table, RESTRICTED, row_totals=True, column_totals=True)
    assert mask.tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, False],
        [False, False, False],
    ]


def test_a_hidden_pattern_that_chains_through_a_bridge_is_broken_up() -> None:  # 2
    # two rectangles of hidden cells joined by one cell: every line holds two hidden cells or more, yet the
    # joining cell follows from sums over a whole rectangle, so a further cell must go
    table = np.array(
        [
            [1.0, 1, 50, 50, 50],
            [1, 1, 5, 50, 50],
            [50, 50, 1, 1, 50],
            [50, 50, 1, 1, 50],
            [50, 50, 50, 50, 50],
        ]
    )
    full = np.zeros((6, 6))
    full[:5, :5] = table
    full[5, :5], full[:5, 5] = table.sum(axis=0), table.sum(axis=1)
    full[5, 5] = table.sum()
    mask = hidden(full, RESTRICTED, row_totals=True, column_totals=True)
    assert mask.sum() > (table < 10).sum()
    assert not _solvable(full, mask)


def test_published_data_are_printed_as_they_are() -> None:  # 6
    assert not hidden([[1], [0], [1]], PUBLISHED, column_totals=True).any()
    assert mark(1, PUBLISHED) == SHOWN
    assert rules("published") is PUBLISHED


def test_a_declaration_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="restricted"):
        rules("secret")


@pytest.mark.parametrize(
    ("low", "high", "before", "after", "expected"),
    [(0.01, 0.2, 30, 30, True), (-0.1, 0.2, 200, 200, False), (-0.3, -0.1, 29, 100, False)],
)
def test_a_change_needs_an_interval_without_zero_and_thirty_persons(
    low: float, high: float, before: int, after: int, expected: bool
) -> None:  # 5
    assert is_change(low, high, before, after, RESTRICTED) is expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=2, max_size=4), min_size=2, max_size=5))
def test_no_hidden_cell_follows_from_the_sums(rows: list[list[int]]) -> None:  # 2
    width = min(len(row) for row in rows)
    cells = np.array([row[:width] for row in rows], dtype=float)
    full = np.zeros((cells.shape[0] + 1, width + 1))
    full[:-1, :-1], full[-1, :-1], full[:-1, -1] = cells, cells.sum(axis=0), cells.sum(axis=1)
    full[-1, -1] = cells.sum()
    mask = hidden(full, RESTRICTED, row_totals=True, column_totals=True)
    assert mask[full < 10].all()
    assert mask.all() or not _solvable(full, mask)


def _solvable(full: np.ndarray, mask: np.ndarray) -> bool:
    """Whether some hidden cell is the same in every table with these printed numbers, by solving for it."""
    places = list(map(tuple, np.argwhere(mask)))
    if not places:
        return False
    rows = [[(r, c) for c in range(full.shape[1])] for r in range(full.shape[0])]
    columns = [[(r, c) for r in range(full.shape[0])] for c in range(full.shape[1])]
    sums = np.array(
        [
            [(-1.0 if place == line[-1] else 1.0) * (place in line) for place in places]
            for line in itertools.chain(rows, columns)
        ]
    )
    _, values, right = np.linalg.svd(sums)
    free = right[(values > 1e-9).sum() :]
    return bool((np.abs(free).max(axis=0, initial=0.0) < 1e-9).any())
