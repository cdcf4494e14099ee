"""Intake: a sample list compared with the cases known, and taken in: new cases, and values put right.

A list may be imported as often as one likes: what is known already adds nothing, a cell that differs is a
change with its before and after, a blank cell says nothing. What an interview has told since (month of
return, gender, language) no list overrides. Every change is kept as a row of `case_change`; of a name, phone
or commune it says only that there was one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from instruments.findings import Finding
from instruments.plan import WavePlan
from survey import cases
from survey.cases import Sampled
from survey.models import Case, CaseChange
from survey.sample import register
from survey.sample.duplicates import without_twins
from survey.sample.mapping import FieldMap
from survey.sample.reading import REFRESHMENT, Listed, read_people
from survey.sample.tables import read_listing

OPEN = ("frame_src", "psu_code", "stratum", "incl_prob", "wish")  # may be put right at any time
TOLD = ("returned", "gender", "language")  # until the baseline interview has told them
HIDDEN = ("name", "phone", "commune")  # never shown, neither before nor after


@dataclass(frozen=True, slots=True)
class Change:
    """One cell that says something else than the case; of hidden columns without what they say."""

    case_id: str
    row: int
    variable: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What a list comes to: people to add, cells to put right, how many rows say nothing new; findings."""

    new: tuple[Listed, ...]
    changes: tuple[Change, ...]
    same: int
    findings: tuple[Finding, ...] = ()
    told: Mapping[str, Sampled] = field(default_factory=dict)


def read_intake(
    session: Session,
    file: Path,
    mapping: FieldMap | None = None,
    *,
    sample: str = "",
    issued: date,
    country: str = "84",
) -> Intake:
    """What the list in a file comes to, given the cases known; nothing is written.

    `sample` names it where there is more than one; a refreshment sample without a name is named by its month.
    """
    mapping = mapping or FieldMap()
    read = read_people(read_listing(file, mapping), mapping, country=country)
    known = register.listed(session)
    people, findings = without_twins(read.people, known)
    named = [Listed(row, _of_sample(person, sample, issued)) for row, person in people]
    done = session.exec(select(Case.case_id).where(col(Case.recruited_on).is_not(None))).all()
    planned = plan_intake(named, {one.case_id: one for one in known}, set(done))
    return replace(planned, findings=(*read.findings, *findings))


def plan_intake(
    people: Iterable[Listed], known: Mapping[str, Sampled], interviewed: Collection[str]
) -> Intake:
    """New people and changed cells, given the cases known and which have had their baseline."""
    new: list[Listed] = []
    changes: list[Change] = []
    same = 0
    told: dict[str, Sampled] = {}
    for row, person in people:
        before = known.get(person.case_id)
        if before is None:
            new.append(Listed(row, person))
            continue
        open_columns = (*OPEN, *(() if person.case_id in interviewed else TOLD), *HIDDEN)
        own = [_change(row, name, before, person) for name in open_columns if _differs(name, before, person)]
        changes += own
        same += not own
        if own:
            told[person.case_id] = person
    return Intake(tuple(new), tuple(changes), same, told=told)


def take_in(
    session: Session,
    intake: Intake,
    plan: WavePlan,
    *,
    seed: int,
    now: datetime,
    issued: date,
    source: str,
) -> int:
    """Add the new cases, their baseline open from the day issued, put changed cells right; how many new."""
    added = cases.add_cases(
        session, [person for _, person in intake.new], plan, seed=seed, now=now, issued=issued
    )
    for change in intake.changes:
        session.add(
            CaseChange(
                case_id=change.case_id,
                variable=change.variable,
                before=change.before,
                after=change.after,
                source=f"{source}, row {change.row}",
                at=now,
            )
        )
    columns: dict[str, list[str]] = {}
    for change in intake.changes:
        columns.setdefault(change.case_id, []).append(change.variable)
    for case_id, names in columns.items():
        register.put_right(session, intake.told[case_id], names)
    session.flush()
    return added


def history(session: Session, case_id: str) -> Sequence[CaseChange]:
    """What lists have put right of a case, in the order in which they did."""
    query = select(CaseChange).where(CaseChange.case_id == case_id)
    return session.exec(query.order_by(col(CaseChange.id))).all()


def _of_sample(person: Sampled, sample: str, issued: date) -> Sampled:
    named = sample or (f"refreshment {issued:%Y-%m}" if person.frame_src == REFRESHMENT else "")
    return replace(person, sample=named)


def _differs(name: str, before: Sampled, after: Sampled) -> bool:
    now = getattr(after, name)
    return now not in ("", None) and now != getattr(before, name)


def _change(row: int, name: str, before: Sampled, after: Sampled) -> Change:
    if name in HIDDEN:
        return Change(after.case_id, row, name, "", "")
    return Change(after.case_id, row, name, _text(getattr(before, name)), _text(getattr(after, name)))


def _text(value: Any) -> str:
    return "" if value is None else f"{value:%Y-%m}" if isinstance(value, date) else str(value)
