"""Tracks: a wave plan in memory, as tracks (inflow, stock) of waves.

A wave is due so many months after its origin: the return, the baseline interview, or, for a calendar wave, a
day of the year that is the same for everybody. Numbers never get a second meaning. Reading a plan is the
matter of `reading`, the dates of a person that of `windows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from instruments.plan.blackouts import Blackouts
from instruments.plan.months import months_between

ORIGINS = ("return", "baseline", "calendar")


class PlanError(ValueError):
    """A wave plan that cannot be followed; the message says which wave and how to mend it."""


@dataclass(frozen=True, slots=True)
class Wave:
    """One planned round: due `months` after its origin, open from `opens_days` to `closes_days` around it.

    A calendar wave is due `on` a day, and for those recruited before it.
    """

    number: int
    months: int
    opens_days: int
    closes_days: int
    form: str
    origin: str = "return"
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """The waves of one part of the sample; `since_return` are its months from return, both ends included."""

    name: str
    waves: tuple[Wave, ...]
    since_return: tuple[int, int] = (0, 1200)


@dataclass(frozen=True, slots=True)
class Effort:
    """What a case that is due is reckoned to cost; figures for planning, to be replaced by one's own.

    `response` is the share of cases interviewed, `attempts` are made per case, of `attempt_hours` each (way
    and waiting), and an interview adds `interview_hours`.
    """

    response: float = 0.8
    attempts: float = 2.0
    attempt_hours: float = 0.75
    interview_hours: float = 1.5

    def hours(self, cases: int) -> float:
        """Hours of work that so many cases are reckoned to take."""
        return cases * (self.attempts * self.attempt_hours + self.response * self.interview_hours)


@dataclass(frozen=True, slots=True)
class WavePlan:
    """All tracks of a study in one corridor."""

    tracks: Mapping[str, Track]
    corridor: str
    gap_days: int = 0
    blackouts: Blackouts = field(default_factory=Blackouts)
    effort: Effort = field(default_factory=Effort)

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
