"""Moves: released cases go to their new enumerator, and frozen ones are released where the evidence is there.

The second half of a hand-over (`survey.people.handover`): reconciled by the job `waves` as often as it runs.
A named successor gets the case, whatever the rules of assignment say, and the row keeps what they said;
where nobody was named, the rules choose among the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session, select

from instruments.findings import Finding
from survey import waves
from survey.config import AssignmentRules
from survey.models import Case, HandoverStep
from survey.people import assignment, handover, households
from survey.people.assignment import Held
from survey.people.choosing import Candidate, Choice, Seat, decide, refusal


@dataclass(frozen=True, slots=True)
class Moved:
    """What one pass came to: cases released and moved, and what was found."""

    released: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def advance(session: Session, today: date, *, now: datetime, rules: AssignmentRules | None = None) -> Moved:
    """Take every hand-over as far as it can go today."""
    under_way = handover.on_the_way(session)
    if not under_way:
        return Moved()
    released = handover.release(session, now=now)
    steps = [step for step in handover.on_the_way(session).values() if step.state == "released"]
    rules = rules or AssignmentRules()
    standing, team = assignment.held(session), assignment.candidates(session)
    places = _places(session, standing, [step.case_id for step in steps])
    load = Counter(
        row.enumerator
        for row in (standing.now.get((w.case_id, w.wave)) for w in waves.open_rows(session))
        if row is not None
    )
    moved, findings = [], []
    for step in steps:
        choice = _choose(session, step, places[step.case_id], standing, team, load, rules)
        if choice.enumerator is None:
            message = f"{choice.reason}; name somebody, or mend the rules."
            findings.append(Finding("warning", "handover.nobody", step.case_id, message))
            continue
        _keep(session, step, choice, places[step.case_id], standing, today=today, now=now)
        session.add(handover.moved(step, successor=choice.enumerator, now=now))
        load[choice.enumerator] += 1
        moved.append(step.case_id)
    session.flush()
    return Moved(tuple(released), tuple(moved), tuple(findings))


def objection(session: Session, case_id: str, successor: str, rules: AssignmentRules) -> str:
    """Why the rules would not have given this case to that enumerator; empty if they might have."""
    case = session.exec(select(Case).where(Case.case_id == case_id)).one()
    seat = assignment.seat_of(session, case, 0)
    team = {one.code: one for one in assignment.candidates(session)}
    if successor not in team:
        return "not in the team now"
    return refusal(seat.profile, team[successor], rules)


def _places(session: Session, standing: Held, case_ids: Iterable[str]) -> dict[str, list[int]]:
    """The open waves of each case, or the wave in which somebody had it last."""
    open_waves: dict[str, list[int]] = {case_id: [] for case_id in case_ids}
    for row in waves.open_rows(session):
        if row.case_id in open_waves:
            open_waves[row.case_id].append(row.wave)
    return {case_id: found or [standing.last[case_id].wave] for case_id, found in open_waves.items()}


def _choose(
    session: Session,
    step: HandoverStep,
    places: Sequence[int],
    standing: Held,
    team: Sequence[Candidate],
    load: Counter[str],
    rules: AssignmentRules,
) -> Choice:
    case = session.exec(select(Case).where(Case.case_id == step.case_id)).one()
    seat = assignment.seat_of(session, case, places[-1], barred=step.former)
    last = {case_id: row.enumerator for case_id, row in standing.last.items()}
    (choice,) = decide([seat], team, load, last, households.members(session), rules)
    active = {one.code for one in team}
    if step.successor is None or step.successor not in active:
        return choice
    said = choice.weighed.get(step.successor)
    taken = (0, 0, 0, load[step.successor]) if said is None or isinstance(said, str) else said
    return replace(choice, enumerator=step.successor, weighed={**choice.weighed, step.successor: taken})


def _keep(
    session: Session,
    step: HandoverStep,
    choice: Choice,
    places: Sequence[int],
    standing: Held,
    *,
    today: date,
    now: datetime,
) -> None:
    """One assignment for each place, which says from whom, on whose word and why."""
    kept = [
        replace(choice, seat=Seat(step.case_id, wave, choice.seat.profile, step.former)) for wave in places
    ]
    named = "named" if step.successor == choice.enumerator else f"chosen by the rules ({choice.reason})"
    reason = f"hand-over from {step.former}, {named}" + (f": {step.why}" if step.why else "")
    assignment.keep(session, kept, standing, today=today, now=now, by=step.who, reason=reason)
