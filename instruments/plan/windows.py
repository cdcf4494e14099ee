"""Windows: the waves of one person as dates.

The due date is the anchor's, always: origin plus months, whatever happens to the days around it; analysis
counts from it. The window from `opens` to `closes` is for the field and may move: it opens no sooner than
`gap_days` after recruitment, gives way to blackouts (see `blackouts`), and never overlaps the window before
it. A calendar wave that would meet a wave of the person's own is left out, so that nobody is asked twice. A
wave without any day left is left out too, and says why; the others keep their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from instruments.plan.months import add_months
from instruments.plan.tracks import Wave, WavePlan

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """When one person's wave can be done; `opens` and `closes` are both days of the window.

    `why` says what moved it away from its due date, `is_tight` that this left it too few working days.
    """

    wave: int
    opens: date
    due: date
    closes: date
    form: str
    why: str = ""
    is_tight: bool = False

    def is_open(self, today: date) -> bool:
        """Whether `today` lies in the window."""
        return self.opens <= today <= self.closes


@dataclass(frozen=True, slots=True)
class Layout:
    """The windows of one person in order of their days, and the waves left out, each with the reason."""

    windows: tuple[Window, ...] = ()
    left_out: tuple[tuple[int, str], ...] = ()


def windows(plan: WavePlan, track: str, *, returned: date | None, recruited: date) -> list[Window]:
    """The windows of one person; see `lay_out`."""
    return list(lay_out(plan, track, returned=returned, recruited=recruited).windows)


def lay_out(plan: WavePlan, track: str, *, returned: date | None, recruited: date) -> Layout:
    """The windows of one person, and the waves left out.

    Parameters
    ----------
    track
        Name of the person's track in the plan.
    returned
        First day of the month of return; None while it is not known, then waves counted from return are
        left out.
    recruited
        Day of recruitment: wave 0 opens on it, blackout or not, and no later wave opens before
        `plan.gap_days` after it.
    """
    origins = {"return": returned, "baseline": recruited}
    earliest = recruited + plan.gap_days * DAY
    first: list[Window] = []
    own: list[Window] = []
    shared: list[Window] = []
    left_out: list[tuple[int, str]] = []
    for wave in plan.tracks[track].waves:
        due = wave.on if wave.origin == "calendar" else _due(origins[wave.origin], wave)
        if due is None:
            left_out.append((wave.number, "the month of return is not known"))
        elif wave.origin == "calendar" and due <= recruited:
            left_out.append((wave.number, "recruited after its day"))
        elif wave.number == 0:
            first.append(_around(due, wave))
        elif (window := _after(_around(due, wave), earliest, "the gap after recruitment")) is None:
            left_out.append((wave.number, "over when the gap after recruitment ends"))
        else:
            (shared if wave.origin == "calendar" else own).append(window)
    later, crowded = _in_line(own, shared)
    return Layout(
        tuple(_without_blackouts(first, plan, opens_stays=True) + _without_blackouts(later, plan)),
        tuple(sorted(left_out + crowded)),
    )


def _due(origin: date | None, wave: Wave) -> date | None:
    return None if origin is None else add_months(origin, wave.months)


def _around(due: date, wave: Wave) -> Window:
    opens, closes = due + wave.opens_days * DAY, due + wave.closes_days * DAY
    return Window(wave.number, opens, due, closes, wave.form)


def _after(window: Window, earliest: date, what: str) -> Window | None:
    """The part of a window from a day on; None if there is none."""
    if window.opens >= earliest:
        return window
    return replace(window, opens=earliest, why=f"opens after {what}") if earliest <= window.closes else None


def _in_line(own: Sequence[Window], shared: Iterable[Window]) -> tuple[list[Window], list[tuple[int, str]]]:
    """One window after the other, and the waves for which there is no room."""
    line: list[Window] = []
    crowded: list[tuple[int, str]] = []
    for window in sorted(own, key=lambda one: (one.opens, one.wave)):
        after = _after(window, line[-1].closes + DAY, f"wave {line[-1].wave}") if line else window
        if after is None:
            crowded.append((window.wave, f"within the window of wave {line[-1].wave}"))
        else:
            line.append(after)
    for window in sorted(shared, key=lambda one: one.opens):
        met = [one.wave for one in line if one.opens <= window.closes and one.closes >= window.opens]
        if met:
            crowded.append((window.wave, f"meets wave {met[0]}, which comes first"))
        else:
            line.append(window)
    return sorted(line, key=lambda one: one.opens), crowded


def _without_blackouts(line: list[Window], plan: WavePlan, *, opens_stays: bool = False) -> list[Window]:
    """The windows moved out of blackouts, each up to the day before the next would open."""
    if not plan.blackouts.spans:
        return line
    moved = []
    for place, window in enumerate(line):
        latest = line[place + 1].opens - DAY if place + 1 < len(line) else None
        to = plan.blackouts.shift(window.opens, window.closes, latest=latest, opens_stays=opens_stays)
        if not to.why:
            moved.append(window)
            continue
        why = "; ".join(word for word in (window.why, to.why) if word)
        moved.append(replace(window, opens=to.opens, closes=to.closes, why=why, is_tight=to.is_tight))
    return moved
