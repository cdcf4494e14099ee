"""Assignment: who has which case in which wave, kept with its reasons, and cases without anybody given out.

An assignment stands until a hand-over (`survey.people.handover`), or until its enumerator leaves the team; a
case on its way from one to another is left alone. Rows can only be added: the last of a case and wave counts,
and says what `survey.people.choosing` said of everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import insert
from sqlmodel import Session, col, select

from survey import waves
from survey.config import AssignmentRules
from survey.models import Assignment, Case, Enumerator
from survey.people import handover, households
from survey.people.choosing import Candidate, Choice, Profile, Seat, decide

_BEARS = ("psu_code", "stratum", "gender", "language", "wish")


class Given(NamedTuple):
    """One assignment without its reasons; a plain row, since a panel has hundreds of thousands."""

    case_id: str
    wave: int
    number: int
    enumerator: str


@dataclass(frozen=True, slots=True)
class Held:
    """The assignments that stand, by case and wave, and the last one of each case."""

    now: Mapping[tuple[str, int], Given]
    last: Mapping[str, Given]


def held(session: Session) -> Held:
    """Who has whom as it stands."""
    columns = select(*(getattr(Assignment, name) for name in Given._fields))
    now: dict[tuple[str, int], Given] = {}
    last: dict[str, Given] = {}
    for row in session.execute(columns.order_by(col(Assignment.starts_on), col(Assignment.id))):
        given = Given._make(row)
        now[given.case_id, given.wave] = last[given.case_id] = given
    return Held(now, last)


def assign(
    session: Session, today: date, *, now: datetime, rules: AssignmentRules | None = None
) -> list[Choice]:
    """Give every open window without an enumerator to one; what was chosen, also where nobody fits."""
    team = candidates(session)
    if not team:
        return []
    standing = held(session)
    frozen = handover.on_the_way(session)
    open_rows = [row for row in waves.open_rows(session) if row.case_id not in frozen]
    codes = {one.code for one in team}
    load = Counter(dict.fromkeys(codes, 0))
    places = [(row.case_id, row.wave) for row in open_rows]
    load.update(standing.now[place].enumerator for place in places if place in standing.now)
    free = [p for p in places if p not in standing.now or standing.now[p].enumerator not in codes]
    last = {case_id: row.enumerator for case_id, row in standing.last.items()}
    chosen = list(decide(_seats(session, free), team, load, last, households.members(session), rules))
    keep(session, [choice for choice in chosen if choice.enumerator], standing, today=today, now=now)
    return chosen


def keep(
    session: Session,
    chosen: Iterable[Choice],
    standing: Held,
    *,
    today: date,
    now: datetime,
    by: str = "rules",
    reason: str = "",
) -> None:
    """Write choices down, each next in the series of its case and wave; `reason` says more than the rules."""
    rows = []
    for choice in chosen:
        case_id, wave = choice.seat.case_id, choice.seat.wave
        before = standing.now.get((case_id, wave))
        rows.append(
            {
                "case_id": case_id,
                "wave": wave,
                "number": before.number + 1 if before else 1,
                "enumerator": choice.enumerator,
                "starts_on": today,
                "made_at": now,
                "made_by": by,
                "why": choice.why(reason),
            }
        )
    if rows:
        session.execute(insert(Assignment), rows)


def candidates(session: Session) -> list[Candidate]:
    """The active team by code."""
    rows = session.exec(select(Enumerator).where(Enumerator.active).order_by(Enumerator.code))
    return [
        Candidate(row.code, row.gender, frozenset(row.langs.split()), tuple(row.areas.split()), row.capacity)
        for row in rows
    ]


def seat_of(session: Session, case: Case, wave: int, *, barred: str | None = None) -> Seat:
    """The seat of one case in one wave; `barred` is who must not get it."""
    return Seat(case.case_id, wave, _profile(case), barred=barred)


def _seats(session: Session, places: Sequence[tuple[str, int]]) -> list[Seat]:
    wanted = {case_id for case_id, _ in places}
    query = select(Case.case_id, *(getattr(Case, name) for name in _BEARS))
    rows = session.execute(query) if wanted else ()
    profiles = {case_id: Profile(*told) for case_id, *told in rows if case_id in wanted}
    return [Seat(case_id, wave, profiles[case_id]) for case_id, wave in places]


def _profile(case: Case) -> Profile:
    return Profile(*(getattr(case, name) for name in _BEARS))
