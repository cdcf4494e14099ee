"""Blackouts: days of a corridor on which nobody is visited, and what they do to a window.

A table is CSV with the columns `name, kind, from, to` (ISO days, both included) and any others: festivals by
their lunar or lunisolar dates, harvests, months of fasting, year by year as data. Of a table a plan takes the
kinds it names. A window that meets blackouts opens on the first day after one in which it would have opened,
and closes later by the working days it lost, up to a limit and never into the next window of the person. It
is never shortened. One that is left with too few working days is *tight*: somebody has to look.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

COLUMNS = ("name", "kind", "from", "to")
DAY = timedelta(days=1)


class BlackoutsError(ValueError):
    """A table of blackouts that cannot be read; the message says which row and how to mend it."""


@dataclass(frozen=True, slots=True, order=True)
class Blackout:
    """Days on which nobody is visited, both ends included, and what they are called."""

    first: date
    last: date
    name: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.first} to {self.last})"


@dataclass(frozen=True, slots=True)
class Shifted:
    """A window after its blackouts: its days, whether they are too few, and in words what was done."""

    opens: date
    closes: date
    is_tight: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Blackouts:
    """The blackouts of a plan, and how far a window may be extended for them.

    `extend_days` limits by how much a window closes later; with fewer than `least_days` working days it is
    tight.
    """

    spans: tuple[Blackout, ...] = ()
    extend_days: int = 28
    least_days: int = 14
    _days: tuple[tuple[int, ...], tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        merged = _merged(self.spans)
        object.__setattr__(self, "_days", (tuple(a for a, _ in merged), tuple(b for _, b in merged)))

    def holds(self, day: date) -> bool:
        """Whether nobody is visited on that day."""
        return self.first_free(day) != day

    def first_free(self, day: date) -> date:
        """That day if people can be visited on it, or else the first day after the blackout."""
        firsts, lasts = self._days
        place = bisect_right(firsts, day.toordinal()) - 1
        if place >= 0 and lasts[place] >= day.toordinal():
            return date.fromordinal(lasts[place] + 1)
        return day

    def lost(self, first: date, last: date) -> int:
        """How many days from `first` to `last`, both included, are blacked out."""
        firsts, lasts = self._days
        low, high = first.toordinal(), last.toordinal()
        place, days = max(bisect_right(firsts, low) - 1, 0), 0
        while place < len(firsts) and firsts[place] <= high:
            days += max(0, min(high, lasts[place]) - max(low, firsts[place]) + 1)
            place += 1
        return days

    def shift(
        self, opens: date, closes: date, *, latest: date | None = None, opens_stays: bool = False
    ) -> Shifted:
        """The window from `opens` to `closes` as its blackouts leave it, closing on `latest` at the latest.

        With `opens_stays` it opens when it would, blackout or not.
        """
        lost = self.lost(opens, closes)
        if not lost:
            return Shifted(opens, closes)
        begins = opens if opens_stays else self.first_free(opens)
        limit = min(closes + self.extend_days * DAY, latest or date.max)
        ends = self._extended(closes, limit, lost)
        met = ", ".join(str(span) for span in self.spans if span.first <= closes and span.last >= opens)
        if begins > ends:
            return Shifted(opens, closes, True, f"{met}: covers the window, which stays as it is")
        working = (ends - begins).days + 1 - self.lost(begins, ends)
        later = f"opens {(begins - opens).days} days later, closes {(ends - closes).days} days later"
        is_tight = working < self.least_days
        return Shifted(begins, ends, is_tight, f"{met}: {later}, {working} working days")

    def _extended(self, closes: date, limit: date, lost: int) -> date:
        """The day by which the lost days are made good, or the last free one up to the limit."""
        firsts, _ = self._days
        ends = closes
        while lost:
            begins = self.first_free(ends + DAY)
            if begins > limit:
                break
            place = bisect_right(firsts, begins.toordinal())
            until = date.fromordinal(firsts[place] - 1) if place < len(firsts) else limit
            free = min(lost, (min(until, limit) - begins).days + 1)
            ends, lost = begins + (free - 1) * DAY, lost - free
        return ends


def read_blackouts(path: Path, kinds: Collection[str] | None = None) -> tuple[Blackout, ...]:
    """The blackouts in a table in order of their days, of these kinds or of all.

    Raises
    ------
    BlackoutsError
        The file is not there, a column is missing, a row holds no days, or a kind named is in no row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if absent := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise BlackoutsError(f"{path.name}: there is no column {', '.join(absent)}; add it.")
            rows = [_span(path.name, number, row) for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError) as error:
        raise BlackoutsError(f"{path.name}: cannot be read as UTF-8 ({type(error).__name__}).") from error
    if kinds is None:
        return tuple(sorted(rows))
    known = {row.kind for row in rows}
    if unknown := sorted(set(kinds) - known):
        there = ", ".join(sorted(known))
        raise BlackoutsError(f"{path.name}: no row is of kind {', '.join(unknown)}; there are {there}.")
    return tuple(sorted(row for row in rows if row.kind in kinds))


def _span(file: str, number: int, row: dict[str, str]) -> Blackout:
    try:
        first, last = (date.fromisoformat((row[name] or "").strip()) for name in ("from", "to"))
    except ValueError:
        raise BlackoutsError(f"{file} row {number}: from and to must be days written 2027-02-06.") from None
    if first > last:
        raise BlackoutsError(f"{file} row {number}: it ends before it begins; exchange from and to.")
    return Blackout(first, last, (row["name"] or "").strip(), (row["kind"] or "").strip())


def _merged(spans: Iterable[Blackout]) -> list[tuple[int, int]]:
    """Disjoint intervals of day numbers, in order, touching ones joined."""
    days = sorted((span.first.toordinal(), span.last.toordinal()) for span in spans)
    joined: list[tuple[int, int]] = []
    for first, last in days:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    assert all(a[1] < b[0] for a, b in pairwise(joined))
    return joined
