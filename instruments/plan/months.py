"""Months added to days: always from the day one starts with, in one step, cut to the end of a shorter month.

31 January plus one month is 28 or 29 February and plus two months is 31 March. Adding month after month
would drift to the 28th for ever; nothing here does.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def add_months(day: date, n: int) -> date:
    """The same day `n` months later (earlier if negative), or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + n, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_between(start: date, end: date) -> int:
    """Months from the month of `start` to that of `end`, days left aside."""
    return century_month(end) - century_month(start)


def century_month(day: date) -> int:
    """(year − 1900) × 12 + month."""
    return (day.year - 1900) * 12 + day.month
