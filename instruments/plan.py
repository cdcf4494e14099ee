"""WavePlan: which form is due when, as dates that follow from a person's return and recruitment.

A plan is read from `plan.toml`: tracks (inflow, stock), each an ordered list of waves counted in months
from return or from the baseline. Pure dates: who is assigned, interviewed or lost is not known here. Months
are added from the anchor in one step and cut to the end of a shorter month, so 31 January plus one month is
28 or 29 February and plus two months is 31 March.
"""

from __future__ import annotations

import tomllib
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

PLAN = Path(__file__).parent / "plan.toml"
ORIGINS = ("return", "baseline")


class PlanError(ValueError):
    """A wave plan that cannot be followed; the message says which wave and how to mend it."""


@dataclass(frozen=True, slots=True)
class Wave:
    """One planned round: due `months` after its origin, open from `opens_days` to `closes_days` around it."""

    number: int
    months: int
    opens_days: int
    closes_days: int
    form: str
    origin: str = "return"


@dataclass(frozen=True, slots=True)
class Track:
    """The waves of one part of the sample; `since_return` are its months from return, both ends included."""

    name: str
    waves: tuple[Wave, ...]
    since_return: tuple[int, int] = (0, 1200)


@dataclass(frozen=True, slots=True)
class WavePlan:
    """All tracks of a study in one corridor."""

    tracks: Mapping[str, Track]
    corridor: str
    gap_days: int = 0

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms the waves use, in order of first use."""
        return tuple(dict.fromkeys(wave.form for track in self.tracks.values() for wave in track.waves))

    def first(self, waves: int) -> WavePlan:
        """The same plan without the waves numbered `waves` and later."""
        kept = {
            name: replace(track, waves=tuple(wave for wave in track.waves if wave.number < waves))
            for name, track in self.tracks.items()
        }
        return replace(self, tracks=kept)

    def track_for(self, *, returned: date, recruited: date) -> str | None:
        """The track whose span since return holds this person; None if nobody of that span is followed."""
        months = months_between(returned, recruited)
        spans = ((track, *track.since_return) for track in self.tracks.values())
        return next((track.name for track, low, high in spans if low <= months <= high), None)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """When one person's wave can be done; `opens` and `closes` are both days of the window."""

    wave: int
    opens: date
    due: date
    closes: date
    form: str

    def is_open(self, today: date) -> bool:
        """Whether `today` lies in the window."""
        return self.opens <= today <= self.closes


def load_plan(path: Path | None = None) -> WavePlan:
    """The plan in a TOML file, the package's own if no path is given.

    Raises
    ------
    PlanError
        A key is missing or misspelt, waves are out of order, or windows of a track overlap.
    """
    path = path or PLAN
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        tracks = {name: _track(name, items) for name, items in told["track"].items()}
        plan = WavePlan(tracks, told["corridor"], told.get("gap_days", 0))
    except KeyError as error:
        raise PlanError(f"{path.name}: the key {error} is missing; compare the shipped plan.") from error
    except (TypeError, tomllib.TOMLDecodeError) as error:
        raise PlanError(f"{path.name}: {error}") from error
    for track in plan.tracks.values():
        _check(path.name, track)
    return plan


def windows(plan: WavePlan, track: str, *, returned: date | None, recruited: date) -> list[Window]:
    """The windows of one person in order of waves.

    Parameters
    ----------
    track
        Name of the person's track in the plan.
    returned
        First day of the month of return; None while it is not known, then waves counted from return are
        left out.
    recruited
        Day of recruitment: wave 0 opens on it, and no later wave opens before `plan.gap_days` after it. A
        wave whose window is over by then is left out; the others keep their numbers. Always `opens ≤ due ≤
        closes`.
    """
    origins = {"return": returned, "baseline": recruited}
    found = (_window(wave, origins[wave.origin], recruited, plan) for wave in plan.tracks[track].waves)
    return [window for window in found if window is not None]


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


def _window(wave: Wave, origin: date | None, recruited: date, plan: WavePlan) -> Window | None:
    if origin is None:
        return None
    due = add_months(origin, wave.months)
    opens, closes = due + timedelta(days=wave.opens_days), due + timedelta(days=wave.closes_days)
    if wave.number > 0:
        opens = max(opens, recruited + timedelta(days=plan.gap_days))
    return Window(wave.number, opens, max(due, opens), closes, wave.form) if opens <= closes else None


def _track(name: str, items: Mapping[str, Any]) -> Track:
    waves = tuple(Wave(**wave) for wave in items["wave"])
    low, high = items.get("since_return", (0, 1200))
    return Track(name, waves, (low, high))


def _check(file: str, track: Track) -> None:
    for wave in track.waves:
        if wave.origin not in ORIGINS:
            raise PlanError(f"{file}: track {track.name} wave {wave.number}: origin is return or baseline.")
        if wave.opens_days > wave.closes_days:
            raise PlanError(f"{file}: track {track.name} wave {wave.number}: it closes before it opens.")
    for before, after in pairwise(track.waves):
        if after.number <= before.number:
            raise PlanError(f"{file}: track {track.name}: wave numbers must rise, {after.number} does not.")
        shortest = (after.months - before.months) * 28
        if before.origin == after.origin and shortest + after.opens_days <= before.closes_days:
            raise PlanError(
                f"{file}: track {track.name}: windows of waves {before.number} and {after.number} overlap; "
                "shorten one of them."
            )
