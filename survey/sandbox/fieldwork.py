"""The field: what enumerators do in a stretch of days with the cases their tablets show them.

New cases come from a printed sample list; panel members only from the downloaded entity list, and only
those assigned to the enumerator and due. Every attempt files the contact form, a successful one the
interview too. Whom an attempt finds is encounters.py, what people answer is respondents, filling is
pool.py, the network is collect.py. Everything random follows from seed, case, wave and attempt, so neither
the number of workers nor an interruption changes it.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from analysis.simulate import Truth
from instruments.instrument import Instrument
from survey.sandbox.collect import Collect
from survey.sandbox.encounters import INTERVIEW_MODE, encounter, is_over
from survey.sandbox.pool import Job, Pool
from survey.sandbox.respondents import (
    Attempt,
    Respondent,
    Screen,
    answer_attempt,
    answer_baseline,
    answer_followup,
)
from survey.sandbox.respondents.contact import COMPLETE
from survey.sandbox.respondents.habits import rows_of
from survey.sandbox.tablet import Filled

BASELINE, FOLLOWUP, CONTACT = "rm_baseline", "rm_followup", "rm_contact"
HOURS = (10, 18, 14, 19, 9, 16, 12, 17)  # when the first, second, … attempt is made
SPREAD = 12  # days after recruitment over which an enumerator spreads the first attempts
AIM = (0.25, 0.4)  # part of a later window after which the first attempt is made: about when it is due
LASTED = {BASELINE: timedelta(minutes=42), FOLLOWUP: timedelta(minutes=25), CONTACT: timedelta(minutes=3)}


class FieldworkError(Exception):
    """A form could not be finished as answered; the message names form, case and question."""


@dataclass(frozen=True, slots=True)
class Target:
    """A case to be tried in a wave; `shown` is its row of the entity list, None for a case on the sample."""

    case_id: str
    wave: int
    opens: date
    closes: date
    shown: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One form to be filled in the course of an attempt."""

    enumerator: str
    target: Target
    number: int
    form: str
    when: datetime
    answers: dict[str, Any]


@dataclass(slots=True)
class Enumerator:
    """One enumerator with a tablet, the printed sample list and notes on attempts by case and wave."""

    code: str
    collect: Collect
    sample: Sequence[Mapping[str, str]] = ()
    notes: dict[tuple[str, int], list[Attempt]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """What all enumerators of a study share."""

    people: Mapping[str, Truth]
    instruments: Mapping[str, Instrument]
    zone: tzinfo
    seed: str
    language: str | None = None
    ids: str = ""  # what makes the tablets' ids differ between projects of one server

    @classmethod
    def of(
        cls,
        people: Iterable[Truth],
        instruments: Iterable[Instrument],
        *,
        zone: tzinfo,
        seed: str,
        language: str | None = None,
        ids: str = "",
    ) -> "Field":
        """People are found by their number on the sample list and by that on their card."""
        by_id = {key: person for person in people for key in (person.case_id, person.panel_id)}
        return cls(by_id, {i.form_id: i for i in instruments}, zone, seed, language, ids)


@dataclass(frozen=True, slots=True)
class Worked:
    """What a stretch of fieldwork came to."""

    attempts: int
    interviews: int
    sent: int
    refused_answers: int


def work(
    crew: Sequence[Enumerator],
    first: date,
    last: date,
    *,
    setting: Field,
    pool: Pool,
    clock: Callable[[datetime], None] = lambda moment: None,
) -> Worked:
    """Let the crew work from `first` to `last`: download, try who is due, fill, and send in order of time.

    `clock` is told each moment at which a tablet calls the server.

    Raises
    ------
    CollectError
        The server is down or refuses something; forms not yet taken wait in the outbox for the next call.
    FieldworkError
        A form could not be finished with the answers given.
    """
    morning = datetime.combine(first, time(7), setting.zone)
    clock(morning)
    for enumerator in crew:
        enumerator.collect.send(morning)
        enumerator.collect.update(morning)
    by_code = {enumerator.code: enumerator for enumerator in crew}
    visits = [visit for enumerator in crew for visit in plan_visits(enumerator, first, last, setting)]
    visits.sort(key=lambda v: (v.when, v.enumerator, v.target.case_id, v.form))
    filled = pool.fill([_job(visit, by_code[visit.enumerator].collect, setting) for visit in visits])
    for visit, done in zip(visits, filled, strict=True):
        _must_be_complete(visit, done)
        by_code[visit.enumerator].collect.keep(done.instance_id, done.xml)
    sent = 0
    for visit in visits:
        done_at = visit.when + LASTED[visit.form]
        clock(done_at)
        sent += by_code[visit.enumerator].collect.send(done_at, most=1)  # the oldest that waits
    interviews = sum(visit.form != CONTACT for visit in visits)
    slips = sum(len(done.violations) for done in filled)
    return Worked(len(visits) - interviews, interviews, sent, slips)


def plan_visits(enumerator: Enumerator, first: date, last: date, setting: Field) -> list[Visit]:
    """The forms this enumerator will fill from `first` to `last`; the attempts go into the notes."""
    visits: list[Visit] = []
    for target in targets(enumerator, first, last):
        attempts = enumerator.notes.setdefault((target.case_id, target.wave), [])
        while (day := _next_day(target, attempts, first, setting)) <= last and not is_over(attempts):
            visits += _try(enumerator, target, attempts, day, setting)
    return visits


def targets(enumerator: Enumerator, first: date, last: date) -> list[Target]:
    """Cases on the printed list, then panel members shown as this enumerator's and due in these days."""
    out = [
        Target(row["case_id"], 0, date.fromisoformat(row["opens"]), date.fromisoformat(row["closes"]))
        for row in enumerator.sample
    ]
    for form in (FOLLOWUP, CONTACT):
        listed = enumerator.collect.media(form) / "returnee.csv"
        if listed.exists():
            out += [_member(row) for row in rows_of(listed) if _is_due(row, enumerator.code)]
            break
    return [target for target in out if target.opens <= last and target.closes >= first]


def _is_due(row: Mapping[str, str], code: str) -> bool:
    return row.get("assigned") == code and bool(
        row.get("wave_due") and row.get("due_from") and row.get("due_to")
    )


def _member(row: Mapping[str, str]) -> Target:
    opens, closes = (date.fromisoformat(row[name][:10]) for name in ("due_from", "due_to"))
    return Target(row["panel_id"], int(row["wave_due"]), opens, closes, row)


def _next_day(target: Target, attempts: Sequence[Attempt], first: date, setting: Field) -> date:
    """The day of the next attempt; the day after the end of the window counts as never."""
    rng = random.Random(f"{setting.seed}/{target.case_id}/{target.wave}/day {len(attempts)}")
    if attempts:
        day = attempts[-1].when.date() + timedelta(days=rng.randint(2, 5))
    elif target.shown is None:
        day = target.opens + timedelta(days=rng.randint(0, SPREAD))
    else:
        day = target.opens + (target.closes - target.opens) * rng.uniform(*AIM)
    day = max(day, first)
    return day if day <= target.closes else date.max


def _try(
    enumerator: Enumerator, target: Target, attempts: list[Attempt], day: date, setting: Field
) -> list[Visit]:
    """One attempt and the forms it gives rise to."""
    truth = setting.people[target.case_id]
    person = Respondent(truth, day, target.wave, setting.seed)
    minute = random.Random(f"{setting.seed}/{truth.case_id}/{target.wave}/{len(attempts)}").randint(0, 59)
    when = datetime.combine(day, time(HOURS[len(attempts) % len(HOURS)], minute), setting.zone)
    attempt = encounter(person, when, attempts)
    visits = []
    if attempt.result == COMPLETE:
        form, answers = _interview(enumerator, target, person, attempt, setting)
        attempt = replace(attempt, result=int(answers["res_code"]))
        visits.append(
            Visit(enumerator.code, target, attempt.number, form, when + timedelta(minutes=5), answers)
        )
    attempts.append(attempt)
    told = answer_attempt(
        person, attempt, setting.instruments[CONTACT], enumerator=enumerator.code, shown=target.shown
    )
    return [Visit(enumerator.code, target, attempt.number, CONTACT, when, told), *visits]


def _interview(
    enumerator: Enumerator, target: Target, person: Respondent, attempt: Attempt, setting: Field
) -> tuple[str, dict[str, Any]]:
    form = BASELINE if target.shown is None else FOLLOWUP
    screen, instrument = Screen(enumerator.collect.media(form)), setting.instruments[form]
    mode = INTERVIEW_MODE[attempt.mode]
    if target.shown is None:
        return form, answer_baseline(person, screen, instrument, enumerator=enumerator.code, mode=mode)
    return form, answer_followup(
        person, screen, instrument, enumerator=enumerator.code, shown=target.shown, mode=mode
    )


def _job(visit: Visit, collect: Collect, setting: Field) -> Job:
    target = visit.target
    return Job(
        form=collect.form(visit.form),
        media=collect.media(visit.form),
        answers=visit.answers,
        when=visit.when,
        seed=f"{setting.ids}/{setting.seed}/{target.case_id}/{target.wave}/{visit.number}/{visit.form}",
        lasted=LASTED[visit.form],
        language=setting.language,
        properties={"deviceid": collect.device, "username": visit.enumerator},
    )


def _must_be_complete(visit: Visit, done: Filled) -> None:
    if not done.complete:
        said = "; ".join(f"{v.path} {v.kind} {v.message}" for v in done.violations)
        where = f"{visit.form} of {visit.target.case_id}, wave {visit.target.wave}"
        raise FieldworkError(f"{where}: stopped at {done.refused_at or 'the end'} ({said or 'no answer'})")


def outcomes(enumerator: Enumerator) -> dict[tuple[str, int], int]:
    """The last result by case and wave, from the enumerator's notes."""
    return {key: attempts[-1].result for key, attempts in enumerator.notes.items() if attempts}
