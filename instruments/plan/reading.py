"""Reading a plan: `plan.toml` to a `WavePlan`, and a plan as one line of text that gives it back.

A track lists its waves and may go on by a rule: `then` repeats every so many months up to a horizon,
`calendar` once a year on a fixed day from a first to a last year. Both become single waves here, so that
nothing else has to know of rules. The text form is what a study keeps of the plan it works by.
"""

from __future__ import annotations

import json
import tomllib
from calendar import monthrange
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from instruments import corridor as corridors
from instruments.plan.blackouts import Blackout, Blackouts, read_blackouts
from instruments.plan.tracks import ORIGINS, Effort, PlanError, Track, Wave, WavePlan

PACKAGE = Path(__file__).parents[1]
PLAN = PACKAGE / "plan.toml"
TABLE = "blackouts.csv"


def load_plan(path: Path | None = None, corridor: str = "") -> WavePlan:
    """The plan in a TOML file, the package's own if no path is given; for `corridor`, or the one it names.

    Raises
    ------
    PlanError
        A key is missing or misspelt, waves are out of order, windows of a track overlap, or the table of
        blackouts cannot be read.
    """
    path = path or PLAN
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        _refuse_unknown(told, ("corridor", "gap_days", "track", "blackouts", "effort"), "the plan")
        where = corridor or told["corridor"]
        away = told.get("blackouts")
        plan = WavePlan(
            tracks={name: _track(name, items) for name, items in told["track"].items()},
            corridor=where,
            gap_days=told.get("gap_days", 0),
            blackouts=Blackouts() if away is None else _blackouts(path.parent, where, **away),
            effort=Effort(**told.get("effort", {})),
        )
    except KeyError as error:
        raise PlanError(f"{path.name}: the key {error} is missing; compare the shipped plan.") from error
    except (TypeError, ValueError, OSError) as error:
        raise PlanError(f"{path.name}: {error}") from error
    for track in plan.tracks.values():
        _check(path.name, track)
    return plan


def to_text(plan: WavePlan) -> str:
    """The plan as JSON, the same for the same plan; `from_text` reads it."""
    told = {
        "corridor": plan.corridor,
        "gap_days": plan.gap_days,
        "tracks": [asdict(track) for track in plan.tracks.values()],
        "blackouts": {
            "extend_days": plan.blackouts.extend_days,
            "least_days": plan.blackouts.least_days,
            "spans": [asdict(span) for span in plan.blackouts.spans],
        },
        "effort": asdict(plan.effort),
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True, default=date.isoformat)


def from_text(text: str) -> WavePlan:
    """The plan that `to_text` wrote."""
    told = json.loads(text)
    tracks = (
        Track(one["name"], tuple(_dated(Wave, row, "on") for row in one["waves"]), tuple(one["since_return"]))
        for one in told["tracks"]
    )
    kept = told["blackouts"]
    spans = tuple(_dated(Blackout, row, "first", "last") for row in kept.pop("spans"))
    return WavePlan(
        tracks={track.name: track for track in tracks},
        corridor=told["corridor"],
        gap_days=told["gap_days"],
        blackouts=Blackouts(spans, **kept),
        effort=Effort(**told["effort"]),
    )


def _dated(kind: Any, row: Mapping[str, Any], *days: str) -> Any:
    return kind(**{**row, **{day: date.fromisoformat(row[day]) for day in days if row[day]}})


def _track(name: str, items: Mapping[str, Any]) -> Track:
    _refuse_unknown(items, ("since_return", "wave", "then", "calendar"), f"track {name}")
    waves = [Wave(**wave) for wave in items["wave"]]
    if then := items.get("then"):
        waves += _continued(waves[-1], **then)
    if calendar := items.get("calendar"):
        waves += _yearly(**calendar)
    low, high = items.get("since_return", (0, 1200))
    return Track(name, tuple(waves), (low, high))


def _continued(
    last: Wave, *, every_months: int, until_months: int, opens_days: int, closes_days: int, form: str
) -> Iterator[Wave]:
    """The waves after the last one written, counted from the same origin."""
    months = range(last.months + every_months, until_months + 1, every_months)
    for number, month in enumerate(months, start=last.number + 1):
        yield Wave(number, month, opens_days, closes_days, form, last.origin)


def _yearly(
    *,
    number: int,
    month: int,
    day: int,
    first_year: int,
    until_year: int,
    opens_days: int,
    closes_days: int,
    form: str,
) -> Iterator[Wave]:
    """One calendar wave a year; each year has its own number."""
    for place, year in enumerate(range(first_year, until_year + 1)):
        on = date(year, month, min(day, monthrange(year, month)[1]))
        yield Wave(number + place, 0, opens_days, closes_days, form, "calendar", on)


def _blackouts(
    folder: Path,
    corridor: str,
    *,
    table: str = "",
    kinds: Collection[str] | None = None,
    extend_days: int = 28,
    least_days: int = 14,
) -> Blackouts:
    """The blackouts of a plan: of its own corridor, of the one named, or of a CSV file beside the plan."""
    path = folder / table if table.endswith(".csv") else corridors.corridor(table or corridor).folder / TABLE
    return Blackouts(read_blackouts(path, kinds), extend_days, least_days)


def _refuse_unknown(told: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in told:
        if key not in known:
            raise PlanError(f"{where} has no key {key!r}; there are {', '.join(known)}.")


def _check(file: str, track: Track) -> None:
    for wave in track.waves:
        where = f"{file}: track {track.name} wave {wave.number}"
        if wave.origin not in ORIGINS:
            raise PlanError(f"{where}: origin is return, baseline or calendar.")
        if (wave.origin == "calendar") != (wave.on is not None):
            raise PlanError(f"{where}: a calendar wave, and no other, has a day: on = 2027-06-01.")
        if wave.opens_days > wave.closes_days:
            raise PlanError(f"{where}: it closes before it opens.")
    for before, after in pairwise(track.waves):
        if after.number <= before.number:
            raise PlanError(f"{file}: track {track.name}: wave numbers must rise, {after.number} does not.")
        if (
            before.origin == after.origin
            and _shortest(before, after) + after.opens_days <= before.closes_days
        ):
            raise PlanError(
                f"{file}: track {track.name}: windows of waves {before.number} and {after.number} overlap; "
                "shorten one of them."
            )


def _shortest(before: Wave, after: Wave) -> int:
    """The fewest days there can be between the due dates of two waves of one origin."""
    if before.on and after.on:
        return (after.on - before.on).days
    return (after.months - before.months) * 28
