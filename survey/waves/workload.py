"""Work load: what the windows ahead ask of the field, by ISO week, province and enumerator.

A window is worked on its due day, or on the first day after that on which it is open and no blackout holds;
one that is behind counts in the week of today. Cases that left for good are not counted. Hours are those the
plan reckons with (`[effort]`). The province of a case is the part of the code of its sampling area before the
first hyphen; its enumerator is who had it last and is still in the team, else nobody yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, col, select

from instruments.plan import Blackouts, WavePlan
from survey.models import Assignment, Case, Enumerator, Planned

FOLLOWED = ("active", "moved_abroad")
WEEKS = 26
PARTS = ("week", "province", "enumerator")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where and by whom work is done, in one ISO week; an empty enumerator is nobody yet."""

    week: str
    province: str
    enumerator: str


@dataclass(frozen=True, slots=True)
class Load:
    """Work in one week and place: windows that open, cases due, interviews and hours to be expected."""

    opens: int = 0
    due: int = 0
    interviews: float = 0.0
    hours: float = 0.0


def workload(session: Session, plan: WavePlan, *, today: date, weeks: int = WEEKS) -> dict[Place, Load]:
    """The work of the weeks from today on."""
    last = today + timedelta(weeks=weeks)
    owner = _owners(session)
    opens: defaultdict[Place, int] = defaultdict(int)
    due: defaultdict[Place, int] = defaultdict(int)
    for case_id, psu, first, day, closes in _ahead(session, today, last):
        where = (province_of(psu), owner.get(case_id, ""))
        if first >= today:
            opens[Place(week_of(first), *where)] += 1
        worked = working_day(first, day, closes, today, plan.blackouts)
        if worked <= last:
            due[Place(week_of(worked), *where)] += 1
    effort = plan.effort
    return {
        place: Load(opens[place], due[place], due[place] * effort.response, effort.hours(due[place]))
        for place in sorted({*opens, *due})
    }


def compared(
    before: Mapping[Place, Load], after: Mapping[Place, Load], by: Sequence[str] = PARTS
) -> list[dict[str, Any]]:
    """Rows of what was and what would be, added up by these parts of a place, in order."""
    sums: dict[tuple[str, ...], dict[str, Load]] = {}
    for name, loads in (("before", before), ("after", after)):
        for place, load in loads.items():
            key = tuple(getattr(place, part) for part in by)
            row = sums.setdefault(key, {"before": Load(), "after": Load()})
            row[name] = _plus(row[name], load)
    return [
        {
            **dict(zip(by, key, strict=True)),
            "opens before": row["before"].opens,
            "opens": row["after"].opens,
            "due before": row["before"].due,
            "due": row["after"].due,
            "interviews expected": round(row["after"].interviews, 1),
            "hours before": round(row["before"].hours, 1),
            "hours": round(row["after"].hours, 1),
        }
        for key, row in sorted(sums.items())
    ]


def working_day(opens: date, due: date, closes: date, today: date, blackouts: Blackouts) -> date:
    """The day on which a window is worked: due, open, and none on which nobody is visited."""
    day = blackouts.first_free(max(opens, due, today))
    return min(day, max(closes, today))


def week_of(day: date) -> str:
    """The ISO week of a day: 2026-W53 holds 1 January 2027."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def province_of(psu_code: str) -> str:
    """The province of a sampling area, by the first part of its code."""
    return psu_code.partition("-")[0]


def _plus(one: Load, other: Load) -> Load:
    return Load(
        one.opens + other.opens,
        one.due + other.due,
        one.interviews + other.interviews,
        one.hours + other.hours,
    )


def _ahead(session: Session, today: date, last: date) -> Iterable[tuple[str, str, date, date, date]]:
    """The windows of people who are followed that are not closed and open by the last day."""
    columns = (Case.psu_code, Planned.opens, Planned.due, Planned.closes)
    query = (
        select(Planned.case_id, *columns)  # type: ignore[call-overload]
        .join(Case, col(Case.case_id) == col(Planned.case_id))
        .where(col(Planned.state) != "closed", col(Planned.closes) >= today, col(Planned.opens) <= last)
        .where(col(Case.status).in_(FOLLOWED))
    )
    for row in session.execute(query):
        yield tuple(row)


def _owners(session: Session) -> dict[str, str]:
    """Who had each case last, as far as they are still in the team."""
    team = set(session.exec(select(Enumerator.code).where(Enumerator.active)))
    given = select(Assignment.case_id, Assignment.enumerator).order_by(
        col(Assignment.starts_on), col(Assignment.id)
    )
    last = {case_id: code for case_id, code in session.execute(given) if code}
    return {case_id: code for case_id, code in last.items() if code in team}
