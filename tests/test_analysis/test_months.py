"""The month convention of indicators.md, section 0.

1. A known month is a closed interval of one month; an unknown one is its year, cut by order and interview.
2. A year not known is bounded by order alone.
3. Events and origins of known months give (d, d + 1] with d = event - origin.
4. Entry in month b starts at b - o; censoring in month c stops at c - o.
5. No interval has length 0.
6. Months before entry are never at risk.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.months import (
    at_risk,
    century_month,
    entry_time,
    interval,
    model_time,
    to_months,
    year_month,
)


def test_january_2024_is_month_1489():
    assert century_month(2024, 1) == 1489


@given(st.integers(1, 2400))
def test_a_century_month_goes_to_year_and_month_and_back(cm):
    year, month = year_month(cm)
    assert 1 <= month <= 12
    assert century_month(year, month) == cm


def test_a_known_month_is_its_own_interval():  # 1
    told = interval([2024], [3])
    assert (told.lo.tolist(), told.hi.tolist()) == ([1491], [1491])
    assert told.is_exact.all()


def test_an_unknown_month_is_its_year_cut_to_what_is_possible():  # 1
    told = interval(
        [2024, 2024, 2024], [98, 98, pd.NA], not_before=[None, 1493, None], not_after=[None, None, 1497]
    )
    assert told.lo.tolist() == [1489, 1493, 1489]
    assert told.hi.tolist() == [1500, 1500, 1497]


def test_june_is_never_assumed_for_an_unknown_month():
    told = interval(2024, 98)
    assert told.hi - told.lo == 11


def test_a_known_month_is_not_cut_so_that_contradictions_stay_visible():  # 1
    told = interval(2024, 3, not_after=1480)
    assert told.lo == told.hi == 1491


def test_an_unknown_year_is_bounded_by_order_alone():  # 2
    told = interval(
        [9998, pd.NA, 9998], [98, 98, 5], not_before=[1480, 1480, None], not_after=[1490, None, None]
    )
    assert told.lo.tolist()[:2] == [1480, 1480]
    assert told.hi[0] == 1490
    assert np.isnan([told.hi[1], told.lo[2], told.hi[2]]).all()


def test_bounds_that_leave_nothing_of_the_year_give_missing():
    told = interval(2024, 98, not_before=1510)
    assert np.isnan(told.lo)
    assert np.isnan(told.hi)


@pytest.mark.parametrize(
    ("lo", "hi", "origin", "left", "right"),
    [
        (1500, 1500, (1500, 1500), 0, 1),  # in the month of origin
        (1504, 1504, (1500, 1500), 4, 5),  # d = 4
        (1504, 1507, (1500, 1500), 4, 8),  # between two interviews
        (1504, 1504, (1498, 1500), 4, 7),  # origin not known to the month
        (1498, 1502, (1499, 1500), 0, 4),  # never below 0
    ],
)
def test_an_event_becomes_an_interval_open_on_the_left(lo, hi, origin, left, right):  # 3
    made = model_time(lo, hi, *origin)
    assert (made.left, made.right) == (left, right)


def test_censoring_and_entry_are_months_since_the_origin():  # 4
    censored = model_time(1506, None, 1500, 1500)
    assert censored.left == 6
    assert np.isnan(censored.right)
    assert entry_time([1503], 1500, 1500).tolist() == [3]


def test_an_event_before_its_origin_is_missing_instead_of_of_no_length():
    made = model_time([1490], [1490], 1500, 1500)
    assert np.isnan(made.left[0])
    assert np.isnan(made.right[0])


@given(
    st.integers(1400, 1600),
    st.integers(0, 24),
    st.integers(1400, 1600),
    st.integers(0, 24),
    st.integers(0, 60),
)
def test_no_interval_has_length_0_and_entry_never_lies_after_the_event(
    lo, width, origin, origin_width, entry
):  # 5
    made = model_time(lo, lo + width, origin, origin + origin_width)
    start = entry_time(min(origin + origin_width + entry, lo), origin, origin + origin_width)
    if np.isnan(made.left):
        assert lo + width < origin
    else:
        assert made.right > made.left
        assert start <= made.left


def test_only_months_from_entry_to_the_event_are_at_risk():  # 6
    months = np.arange(1498, 1506)
    assert at_risk(months, entry=1500, until=1504).tolist() == [False, False, *[True] * 4, False, False]
    assert not at_risk(months, entry=np.nan, until=1504).any()


def test_months_go_into_a_frame_as_whole_numbers():
    made = to_months([3.0, np.nan])
    assert str(made.dtype) == "Int64"
    assert made[0] == 3
    assert made[1] is pd.NA
