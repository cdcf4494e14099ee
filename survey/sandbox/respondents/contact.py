"""Answers to the contact-attempt form: what the enumerator writes down after each try to reach somebody.

An `Attempt` is what happened, decided in fieldwork.py; here it becomes answers that the form accepts.
Refusal, moving and loss are told in no other form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from instruments.instrument import Instrument
from survey.sandbox.respondents.habits import Answers, Respondent, country_of, filled_up

COMPLETE, PARTIAL, APPOINTMENT, REFUSAL, NOT_HOME, NO_ANSWER = 1100, 1200, 1900, 2110, 2210, 2220
AWAY, ABROAD, ILL, MOVED, NOT_FOUND, DIED, NOT_ELIGIBLE = 2230, 2240, 2320, 3100, 3200, 4100, 4200
HOME_VISIT, CALL, MESSAGE, THROUGH_CONTACT, THROUGH_VILLAGE = 1, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: when, how, whom it reached, its result, and what was learnt of the person's whereabouts."""

    when: datetime
    number: int
    mode: int
    who: int
    result: int
    soft: bool = False
    place: int | None = None
    since_cm: int | None = None


def answer_attempt(
    person: Respondent,
    attempt: Attempt,
    instrument: Instrument,
    *,
    enumerator: str,
    shown: Mapping[str, str] | None,
) -> Answers:
    """The enumerator's answers; `shown` is the panel member's row, None for a case on the sample list."""
    answers: Answers = {
        "enum_id": enumerator,
        "att_stage": 1 if shown is None else 2,
        "case_id": person.truth.case_id,
        "returnee": None if shown is None else shown["name"],
        "att_time": attempt.when,
        "att_no": attempt.number,
        "att_mode": attempt.mode,
        "att_who": attempt.who,
        "att_res": attempt.result,
        "att_ref": person.fixed(f"refusal {person.wave}").choice((1, 1, 2, 3, 4, 5, 6)),
        "soft_ref": int(attempt.soft),
        "appt": attempt.when + timedelta(days=2, hours=3),
        "trace_src": _sources(attempt),
        "disclosed": 0,
        "safety": "",
    }
    return filled_up(answers | _whereabouts(person, attempt), instrument, person)


def _sources(attempt: Attempt) -> list[int]:
    by_mode = {THROUGH_CONTACT: [1], THROUGH_VILLAGE: [4, 5], MESSAGE: [6]}
    return by_mode.get(attempt.mode, [0])


def _whereabouts(person: Respondent, attempt: Attempt) -> Answers:
    if attempt.place is None:
        return {"whereab": 98}
    told: Answers = {"whereab": attempt.place, "wh_ctry": country_of(person)[0]}
    if attempt.since_cm is not None:
        year, month = person.month(attempt.since_cm, "heard")
        told |= {"wh_since_y": year, "wh_since_m": month}
    else:
        told |= {"wh_since_y": 9998, "wh_since_m": 98}
    return told
