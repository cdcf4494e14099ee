"""Assignment: which enumerator gets which case, by the rules of the settings, each choice with its reasons.

A rule refuses (gender, language, area, no room left) or ranks: the interviewer of the wave before, then who
has somebody of the same household, then those of the area, then who has least to do; the code breaks ties.
So the same cases, team and rules give the same choice, and the row says of every enumerator what they scored
or why they were refused. An assignment stands until a hand-over, or until its enumerator leaves the team;
cases on their way from one to another (`survey.people.handover`) are left alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlmodel import Session, col, select

from survey import waves
from survey.config import AssignmentRules
from survey.models import Assignment, Case, Enumerator
from survey.people import handover, households

_BEARS = ("psu_code", "stratum", "gender", "language", "wish")
RANKS = ("same interviewer", "same household", "own area", "cases already open")


@dataclass(frozen=True, slots=True)
class Profile:
    """What of a person bears on who may come: area, gender, language, and the gender asked for."""

    psu_code: str = ""
    stratum: str = ""
    gender: str = ""
    language: str = ""
    wish: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of an enumerator bears on whom they may visit; no `capacity` of their own means the rule's."""

    code: str
    gender: str = ""
    langs: frozenset[str] = frozenset()
    areas: tuple[str, ...] = ()
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """A case that needs somebody in a wave; `before` had it last, `kin` have others of its household."""

    case_id: str
    wave: int
    profile: Profile = Profile()
    before: str | None = None
    kin: frozenset[str] = frozenset()
    barred: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets a case in a wave (None: nobody fits), and of everybody the score or the refusal."""

    seat: Seat
    enumerator: str | None
    weighed: Mapping[str, tuple[int, int, int, int] | str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """In one line, why this one."""
        if self.enumerator is None:
            tally = Counter(str(said) for said in self.weighed.values())
            return "nobody fits: " + ", ".join(f"{said} ({n})" for said, n in sorted(tally.items()))
        scored = self.weighed[self.enumerator]
        assert not isinstance(scored, str)
        same, kin, area, load = scored
        ranked = [words for words, holds in zip(RANKS, (same, kin, area), strict=False) if holds]
        kept = ", ".join([*ranked, f"{load} cases open before"])
        gone = self.seat.before if not same else None
        return kept + (f"; {gone} had it before, {self._said_of(gone)}" if gone else "")

    def why(self) -> dict[str, Any]:
        """The reason as the row keeps it: in one line, and for every enumerator."""
        weighed = {code: said if isinstance(said, str) else list(said) for code, said in self.weighed.items()}
        return {"reason": self.reason, "scores": list(RANKS), "candidates": weighed}

    def _said_of(self, code: str) -> str:
        said = self.weighed.get(code, "not in the team now")
        return said if isinstance(said, str) else "the rule to keep them is off"


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
        why = choice.why()
        rows.append(
            {
                "case_id": case_id,
                "wave": wave,
                "number": before.number + 1 if before else 1,
                "enumerator": choice.enumerator,
                "starts_on": today,
                "made_at": now,
                "made_by": by,
                "why": {**why, "reason": reason or why["reason"]},
            }
        )
    if rows:
        session.execute(insert(Assignment), rows)


def decide(
    seats: Iterable[Seat],
    team: Sequence[Candidate],
    load: Mapping[str, int],
    last: Mapping[str, str],
    members: Mapping[str, frozenset[str]],
    rules: AssignmentRules | None = None,
) -> Iterator[Choice]:
    """One choice per seat, each seeing those before it; `last` is who had a case, `members` its household."""
    rules = rules or AssignmentRules()
    load, last = Counter(load), dict(last)
    refusals: dict[Profile, dict[str, str]] = defaultdict(dict)
    for seat in seats:
        kin = seat.kin | {last[other] for other in members.get(seat.case_id, ()) if other in last}
        seat = Seat(seat.case_id, seat.wave, seat.profile, last.get(seat.case_id), kin, seat.barred)
        known = refusals[seat.profile]
        if len(known) < len(team):
            known.update({one.code: refusal(seat.profile, one, rules) for one in team})
        choice = choose(seat, team, load, known, rules)
        if choice.enumerator is not None:
            load[choice.enumerator] += 1
            last[seat.case_id] = choice.enumerator
        yield choice


def choose(
    seat: Seat,
    team: Sequence[Candidate],
    load: Mapping[str, int],
    refused: Mapping[str, str],
    rules: AssignmentRules,
) -> Choice:
    """The choice for one seat, given how many cases each has open and whom the rules refuse."""
    weighed: dict[str, tuple[int, int, int, int] | str] = {}
    for one in team:
        room = rules.capacity if one.capacity is None else one.capacity
        if said := refused[one.code]:
            weighed[one.code] = said
        elif one.code == seat.barred:
            weighed[one.code] = "hands it over"
        elif (one.capacity is not None or room) and load[one.code] >= room:
            weighed[one.code] = "no room left"
        else:
            weighed[one.code] = (
                int(rules.same_interviewer and one.code == seat.before),
                int(one.code in seat.kin),
                int(rules.area != "any" and _covers(one, seat.profile)),
                load[one.code],
            )
    fits = {code: said for code, said in weighed.items() if not isinstance(said, str)}
    best = min(fits, key=lambda code: (*(-n for n in fits[code][:3]), fits[code][3], code), default=None)
    return Choice(seat, best, weighed)


def refusal(profile: Profile, one: Candidate, rules: AssignmentRules) -> str:
    """Why the rules refuse this enumerator for this person; empty if they do not.

    What is not known of a person refuses nobody; what is not known of an enumerator does not fulfil a rule.
    """
    asked = {"same": profile.gender, "wish": profile.wish}.get(rules.gender, "")
    if asked and one.gender != asked:
        return "gender"
    if rules.language and profile.language and profile.language not in one.langs:
        return "language"
    if rules.area == "require" and profile.psu_code and not _covers(one, profile):
        return "area"
    return ""


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


def _covers(one: Candidate, profile: Profile) -> bool:
    """Whether an area of the enumerator is the stratum, or how the code of the sampling area begins."""
    return any(profile.psu_code.startswith(area) or profile.stratum == area for area in one.areas)
