"""Cases: the people who are followed, the team that follows them, who is given to whom, and who is due.

A case has three keys that are never mixed: `case_id` on the sample list, `panel_id` on the card given at
baseline, and the UUID of its entity, made by the baseline form; `person_id` is its pseudonym in analysis.
What the field tells about a case arrives as `Facts` (drawn from the answers by `survey.responses`) and is
settled here. Names and phones live in `contact` and are read in this module alone; no error and no finding
repeats them. Dates of waves are the matter of `survey.waves`, what Central is told that of `survey.outbox`.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import update
from sqlmodel import Session, col, select

from instruments.findings import Finding
from instruments.plan import WavePlan
from survey import waves
from survey.config import AssignmentRules
from survey.models import Assignment, Case, Contact, Enumerator
from survey.people import assignment, handover, moves, phones

TABLE = (
    "case_id",
    "person_id",
    "panel_id",
    "entity_uuid",
    "track",
    "frame_src",
    "psu_code",
    "stratum",
    "incl_prob",
    "recruited_on",
    "returned_on",
    "status",
)
FEW = 500  # cases that are asked for by name; with more the whole table is read
EXITS = {4100: "died", 2130: "withdrawn", 4200: "ineligible", 4300: "duplicate"}  # result of attempt → status


@dataclass(frozen=True, slots=True)
class Sampled:
    """One row of the sample list; `returned` is the first day of the month of return, if it is known."""

    case_id: str
    frame_src: str = ""
    psu_code: str = ""
    stratum: str = ""
    incl_prob: float | None = None
    returned: date | None = None
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    commune: str = field(default="", repr=False)
    gender: str = ""
    language: str = ""
    wish: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline interview tells about its case; `follow` is the consent to come back."""

    case_id: str
    instance_id: str
    interviewed: date
    returned: date | None
    panel_id: str | None = None
    entity_uuid: str | None = None
    follow: bool = True
    gender: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """How to reach somebody, as told on a day; an empty field was not told."""

    case_id: str
    told: str
    phone1: str = field(default="", repr=False)
    c1_name: str = field(default="", repr=False)
    c1_phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Exit:
    """A case that leaves the panel for good: died, withdrawn, ineligible, duplicate."""

    case_id: str
    status: str
    day: date


@dataclass(frozen=True, slots=True)
class Facts:
    """What the field has told so far, all of it, every time."""

    baselines: tuple[Baseline, ...] = ()
    exits: tuple[Exit, ...] = ()
    details: tuple[Details, ...] = ()
    done: Mapping[tuple[str, int], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """One case to be visited now, in which wave, with which form and by whom."""

    case_id: str
    person_id: str
    panel_id: str | None
    entity_uuid: str | None
    wave: int
    form: str
    enumerator: str
    opens: date
    due: date
    closes: date


def add_cases(
    session: Session, rows: Iterable[Sampled], plan: WavePlan, *, seed: int, now: datetime, issued: date
) -> int:
    """Add the cases not yet known and plan their baseline from the day they are issued; how many are new."""
    plan, _ = waves.working_plan(session, plan, now=now)
    known = set(session.exec(select(Case.case_id)))
    new = [row for row in rows if row.case_id not in known]
    pseudonyms = fresh_pseudonyms(seed, set(session.exec(select(Case.person_id))), len(new))
    for row, person_id in zip(new, pseudonyms, strict=True):
        case = Case(
            case_id=row.case_id,
            person_id=person_id,
            frame_src=row.frame_src,
            psu_code=row.psu_code,
            stratum=row.stratum,
            incl_prob=row.incl_prob,
            returned_on=row.returned,
            sample=row.sample,
            gender=row.gender,
            language=row.language,
            wish=row.wish,
        )
        session.add(case)
        session.flush()
        contact = {"name": row.name, "commune": row.commune, "listed_phone": row.phone}
        session.add(Contact(case_id=row.case_id, **contact, phone1=row.phone))
    waves.plan_issued(session, [row.case_id for row in new], plan, issued=issued, now=now)
    return len(new)


def fresh_pseudonyms(seed: int, taken: Collection[str], count: int) -> list[str]:
    """The next pseudonyms, `P` and five digits, in the random order of the seed, none of them taken."""
    order = random.Random(seed).sample(range(100_000), 100_000)
    free = (name for name in (f"P{number:05d}" for number in order) if name not in taken)
    return [name for name, _ in zip(free, range(count), strict=False)]


def add_enumerator(
    session: Session,
    code: str,
    *,
    label: str = "",
    team: str = "",
    langs: str = "",
    gender: str = "",
    areas: str = "",
    capacity: int | None = None,
) -> Enumerator:
    """The enumerator of that code, added if new; what is given replaces what was known."""
    row = session.exec(select(Enumerator).where(Enumerator.code == code)).first() or Enumerator(code=code)
    given = {"label": label, "team": team, "langs": langs, "gender": gender, "areas": areas}
    for name, value in given.items():
        if value:
            setattr(row, name, value)
    if capacity is not None:
        row.capacity = capacity
    session.add(row)
    session.flush()
    return row


def settle(
    session: Session,
    facts: Facts,
    plan: WavePlan,
    *,
    now: datetime,
    today: date,
    rules: AssignmentRules | None = None,
) -> list[Finding]:
    """Bring cases, plans, waves and assignments in line with the facts; the same ones change nothing.

    Links baselines to their cases, sets statuses, plans and moves waves, takes over new contact details and
    gives every open window to an enumerator.
    """
    plan, findings = waves.working_plan(session, plan, now=now)
    return findings + list(settled(session, facts, plan, now=now, today=today, rules=rules).findings)


def settled(
    session: Session,
    facts: Facts,
    plan: WavePlan,
    *,
    now: datetime,
    today: date,
    who: str = "survey",
    why: str = "",
    rules: AssignmentRules | None = None,
) -> waves.Outcome:
    """The same by this plan, adopted or not; `who` and `why` are kept with the windows that move."""
    findings = _bring_in_line(session, facts, plan)
    left = {item.case_id: item.day for item in _exits(facts).values()}
    made = waves.lay_out_all(
        session, plan, _anchors(session, facts), today=today, now=now, left=left, who=who, why=why
    )
    _take_over(session, facts.details)
    waves.move(session, today, waves.Standing(facts.done, left))
    findings += hand_out(session, today, now=now, rules=rules)
    return waves.Outcome(made.changes, (*findings, *made.findings))


def hand_out(
    session: Session, today: date, *, now: datetime, rules: AssignmentRules | None = None
) -> list[Finding]:
    """Take hand-overs as far as they can go, and give open windows without an enumerator to one."""
    findings = list(moves.advance(session, today, now=now, rules=rules).findings)
    for choice in assignment.assign(session, today, now=now, rules=rules):
        if choice.enumerator is None:
            where = f"{choice.seat.case_id}, wave {choice.seat.wave}"
            message = f"{choice.reason}; mend the rules or the team, or hand it to somebody by name."
            findings.append(Finding("warning", "assignment.nobody", where, message))
    return findings


_GIVEN = select(Assignment.case_id, Assignment.wave, Assignment.enumerator).order_by(
    col(Assignment.starts_on), col(Assignment.id)
)


def due(session: Session, today: date) -> list[Due]:
    """Who is to be visited on this day: of each case the latest open wave, by enumerator and case."""
    given = enumerators_of(session)
    frozen = handover.on_the_way(session)  # on nobody's list until they have moved
    latest = {
        row.case_id: row
        for row in waves.open_rows(session)
        if row.opens <= today <= row.closes and row.case_id not in frozen
    }
    keys = select(Case.case_id, Case.person_id, Case.panel_id, Case.entity_uuid)
    cases = {row.case_id: row for row in session.execute(keys)}
    rows = [
        Due(
            case_id=case_id,
            person_id=cases[case_id].person_id,
            panel_id=cases[case_id].panel_id,
            entity_uuid=cases[case_id].entity_uuid,
            wave=row.wave,
            form=row.form,
            enumerator=given[case_id, row.wave],
            opens=row.opens,
            due=row.due,
            closes=row.closes,
        )
        for case_id, row in latest.items()
        if (case_id, row.wave) in given
    ]
    return sorted(rows, key=lambda item: (item.enumerator, item.case_id))


def enumerators_of(session: Session) -> dict[tuple[str, int], str]:
    """Who has which case in which wave; the latest assignment counts."""
    return {(case_id, wave): code for case_id, wave, code in session.execute(_GIVEN)}


def table(session: Session) -> pd.DataFrame:
    """All cases with their keys, sample and status, by case_id; no names, no phones."""
    rows = session.exec(select(Case).order_by(Case.case_id))
    return pd.DataFrame([[getattr(row, name) for name in TABLE] for row in rows], columns=list(TABLE))


def lists(session: Session) -> dict[str, bytes]:
    """The lists that forms carry and only the study can give: enumerators.csv and psu.csv."""
    team = session.exec(select(Enumerator).where(Enumerator.active).order_by(Enumerator.code))
    people = [(row.code, row.label or row.code, row.team, row.langs) for row in team]
    areas = sorted(set(session.exec(select(Case.psu_code, Case.stratum).where(Case.psu_code != ""))))
    return {
        "enumerators.csv": _csv(("name", "label", "team", "langs"), people),
        "psu.csv": _csv(
            ("name", "label", "prov_old", "prov_new", "stratum"),
            [(code, code, "", "", stratum) for code, stratum in areas],
        ),
    }


def tracing(session: Session, case_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Contact details by case for those cases, as the tracing list on a tablet carries them."""
    wanted, names = set(case_ids), ("phone1", "c1_name", "c1_phone")
    query = select(*(getattr(Contact, name) for name in ("case_id", *names)))
    if len(wanted) <= FEW:
        query = query.where(col(Contact.case_id).in_(wanted))
    return {
        case_id: dict(zip(names, told, strict=True))
        for case_id, *told in session.execute(query)
        if case_id in wanted
    }


def secrets(session: Session) -> frozenset[str]:
    """Every name, phone and key of a person that may appear in no release."""
    words = {
        value.strip()
        for row in session.exec(select(Contact))
        for told in (row.name, row.phone1, row.c1_name, row.c1_phone, row.listed_phone)
        for value in phones.spellings(told)
    }
    keys = {key for row in session.exec(select(Case.case_id, Case.panel_id, Case.entity_uuid)) for key in row}
    labels = set(session.exec(select(Enumerator.label)))
    return frozenset(word for word in words | keys | labels if word)


LINKED = ("panel_id", "entity_uuid", "recruited_on", "returned_on", "track", "status", "gender", "language")


def _bring_in_line(session: Session, facts: Facts, plan: WavePlan) -> list[Finding]:
    """Give each case its card, its entity, its anchor dates and its status, as the facts have them."""
    session.flush()
    query = select(*(getattr(Case, name) for name in ("id", "case_id", *LINKED)))
    held = {row.case_id: row._asdict() for row in session.execute(query.order_by(Case.id))}
    before = {case_id: dict(row) for case_id, row in held.items()}
    findings = _link(held, facts.baselines, plan)
    exits = _exits(facts)
    refused = {told.case_id for told in facts.baselines if not told.follow}
    for case_id, row in held.items():
        row["status"] = (
            exits[case_id].status if case_id in exits else "refused" if case_id in refused else "active"
        )
    if changed := [row for case_id, row in held.items() if row != before[case_id]]:
        session.execute(update(Case), changed)
        session.expire_all()
    return findings


def _link(held: Mapping[str, dict[str, Any]], baselines: Sequence[Baseline], plan: WavePlan) -> list[Finding]:
    """Enter what the baselines tell into the cases as held; a card that another case holds is a finding."""
    findings = []
    cards = {row["panel_id"]: case_id for case_id, row in held.items() if row["panel_id"]}
    for told in baselines:
        if told.panel_id and cards.setdefault(told.panel_id, told.case_id) != told.case_id:
            where = f"rm_baseline/{told.instance_id}/panel_id"
            message = "another case holds this panel number; look at both cards and correct one."
            findings.append(Finding("error", "case.panel_id_twice", where, message))
            continue
        held[told.case_id] |= {
            "panel_id": told.panel_id,
            "entity_uuid": told.entity_uuid,
            "recruited_on": told.interviewed,
            "returned_on": told.returned,
            "track": waves.track_of(plan, told.returned, told.interviewed),
        }
        held[told.case_id] |= {
            name: getattr(told, name) for name in ("gender", "language") if getattr(told, name)
        }
    return findings


def _anchors(session: Session, facts: Facts) -> Iterable[waves.Anchor]:
    """What the waves of those are counted from who agreed to be followed and are linked."""
    follow = {told.case_id: told.entity_uuid for told in facts.baselines if told.follow and told.entity_uuid}
    names = ("case_id", "entity_uuid", "recruited_on", "returned_on", "track")
    query = select(*(getattr(Case, name) for name in names))
    for case_id, entity, recruited, returned, track in session.execute(query):
        if entity and follow.get(case_id) == entity and recruited:
            yield waves.Anchor(case_id, recruited, returned, track)


def _exits(facts: Facts) -> dict[str, Exit]:
    """The first exit of each case that left for good."""
    return {item.case_id: item for item in sorted(facts.exits, key=lambda item: item.day, reverse=True)}


def _take_over(session: Session, details: Sequence[Details]) -> None:
    """Let the newest detail told of each kind stand in `contact`."""
    newest: dict[str, dict[str, str]] = {}
    for item in sorted(details, key=lambda item: item.told):
        given = {name: getattr(item, name) for name in ("phone1", "c1_name", "c1_phone")}
        newest.setdefault(item.case_id, {}).update((name, value) for name, value in given.items() if value)
    session.flush()
    query = select(Contact.case_id, Contact.phone1, Contact.c1_name, Contact.c1_phone)
    held = (row._asdict() for row in session.execute(query)) if newest else ()
    if changed := [
        row | newest[row["case_id"]] for row in held if row | newest.get(row["case_id"], {}) != row
    ]:
        session.execute(update(Contact), changed)
        session.expire_all()


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
