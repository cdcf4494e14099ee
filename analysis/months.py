"""Months: the one convention by which calendar months become intervals and model time.

A month is its century month, `cm = (year - 1900) * 12 + month`. A date is a closed interval of months `[lo,
hi]`: month known, `lo = hi`; month unknown, January to December of the year cut to what is possible; year
unknown, only what order leaves. `hi` missing means "not seen yet". Models receive `(L, R]` with `L = max(lo -
origin_hi, 0)` and `R = hi - origin_lo + 1`, which never has length 0: an event in the month of origin lies in
(0, 1]. Entry and censoring are the same function (`model_time`) with an open end. Source: indicators.md,
section 0.

All functions are elementwise on arrays, Series or plain numbers; missing is NaN in and NaN out, and results
are float arrays. Frames turn them into Int64 with `to_months`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

MONTH_UNKNOWN = 98
YEAR_UNKNOWN = 9998


class Interval(NamedTuple):
    """A closed interval of months: `lo` and `hi` of equal shape, NaN where that end is not known."""

    lo: Array
    hi: Array

    @property
    def is_exact(self) -> NDArray[np.bool_]:
        """Where both ends are the same month."""
        return self.lo == self.hi


class ModelTime(NamedTuple):
    """`(left, right]` in months since the origin; `right` is NaN where the event was not seen."""

    left: Array
    right: Array


def century_month(year: Any, month: Any) -> Array:
    """`(year - 1900) * 12 + month`; January 2024 is 1489."""
    return (floats(year) - 1900) * 12 + floats(month)


def year_month(cm: Any) -> tuple[Array, Array]:
    """The year and the month 1–12 of a century month; undoes `century_month`."""
    months = floats(cm) - 1
    return 1900 + months // 12, months % 12 + 1


def interval(year: Any, month: Any, *, not_before: Any = None, not_after: Any = None) -> Interval:
    """The closed months in which a date told as year and month lies.

    Parameters
    ----------
    year, month
        As answered: month 98 or missing is unknown, year 9998 or missing is unknown.
    not_before, not_after
        Century months that cut an unknown month or year: the event before, the interview. A known month is
        never cut, so that a contradiction stays visible. NaN cuts nothing.

    Returns
    -------
    Interval
        Year unknown: the two bounds themselves. Bounds that leave nothing of the year give NaN.
    """
    y, m = _blank(year, YEAR_UNKNOWN), _blank(month, MONTH_UNKNOWN)
    y, m, before, after = np.broadcast_arrays(y, m, _bound(not_before), _bound(not_after))
    first, last = century_month(y, 1), century_month(y, 12)
    lo, hi = np.fmax(first, before), np.fmin(last, after)
    empty = lo > hi
    exact = century_month(y, m)
    known = ~np.isnan(exact)
    lo, hi = (np.where(known, exact, np.where(empty, np.nan, end)) for end in (lo, hi))
    return Interval(lo, hi)


def model_time(lo: Any, hi: Any, origin_lo: Any, origin_hi: Any) -> ModelTime:
    """`(L, R]` of an event in the closed months `[lo, hi]` since an origin in `[origin_lo, origin_hi]`.

    An event not seen has `hi` missing: `left` is then where the person is censored, so an interview in month
    c gives c - o. Entry in month b is the same with `lo = b`. Both ends of the origin enter as the convention
    says, so an entry never lies after the event that follows it. An infinite `hi` counts as missing.

    >>> model_time([1500, 1500], [1500, None], 1500, 1500).right.tolist()
    [1.0, nan]
    """
    lo, hi, o_lo, o_hi = np.broadcast_arrays(*(floats(x) for x in (lo, hi, origin_lo, origin_hi)))
    hi = np.where(np.isinf(hi), np.nan, hi)
    left = np.maximum(lo - o_hi, 0.0)
    right = np.where(np.isnan(left), np.nan, hi - o_lo + 1)
    impossible = right <= left
    return ModelTime(np.where(impossible, np.nan, left), np.where(impossible, np.nan, right))


def entry_time(entry: Any, origin_lo: Any, origin_hi: Any) -> Array:
    """Months from the origin to entry, from which a person is at risk: `b - o`, never below 0."""
    return model_time(entry, np.nan, origin_lo, origin_hi).left


def at_risk(month: Any, *, entry: Any, until: Any) -> NDArray[np.bool_]:
    """Whether a person is at risk of leaving in that month: from the month of entry to the month before
    `until`.

    `until` is the month of censoring, or the month after the event. Months before entry are never at risk,
    because nobody who left in them could have been sampled. Unknown ends are not at risk.
    """
    month, first, last = floats(month), floats(entry), floats(until)
    return np.asarray((month >= first) & (month < last))


def to_months(values: Any) -> pd.api.extensions.ExtensionArray:
    """The values as whole months, Int64 with NA."""
    return pd.Series(np.atleast_1d(floats(values))).astype("Int64").array


def floats(values: Any) -> Array:
    """Numbers as a float array with NaN for every kind of missing."""
    if isinstance(values, pd.Series | pd.api.extensions.ExtensionArray):
        return np.asarray(values.to_numpy(dtype="float64", na_value=np.nan))
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.astype(np.float64)
    if isinstance(values, Iterable):
        return np.array([np.nan if pd.isna(value) else value for value in values], dtype=np.float64)
    return np.asarray(np.nan if pd.isna(values) else values, dtype=np.float64)


def _blank(values: Any, unknown: int) -> Array:
    numbers = floats(values)
    return np.where(numbers == unknown, np.nan, numbers)


def _bound(values: Any) -> Array:
    return np.asarray(np.nan) if values is None else floats(values)
