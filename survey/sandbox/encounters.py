"""What happens when an enumerator tries to reach somebody: at home, away, abroad, moved, lost, refusing.

`encounter` decides one attempt from the truth of that day, the attempts before it and chance that follows
from the seed. Nothing is filled or sent here. Codes are those of the contact form.
"""

import random
from collections.abc import Sequence
from datetime import datetime
from math import exp

from survey.sandbox.respondents import Attempt, Respondent
from survey.sandbox.respondents.contact import (
    ABROAD,
    APPOINTMENT,
    AWAY,
    CALL,
    COMPLETE,
    DIED,
    HOME_VISIT,
    ILL,
    MESSAGE,
    MOVED,
    NO_ANSWER,
    NOT_ELIGIBLE,
    NOT_FOUND,
    NOT_HOME,
    PARTIAL,
    REFUSAL,
    THROUGH_CONTACT,
    THROUGH_VILLAGE,
)

NOBODY, SELF, HOUSEHOLD, CONTACT, NEIGHBOUR, OFFICIAL = range(6)
GATEKEEPER = 2111
WRONG_ENTRY = 0.05  # of the sample list: nobody at the address knows the name
NEW_TO_IT = 1.6  # times as likely to refuse at the first interview as at a later one
MOST = 8  # attempts in a wave
FINAL = (COMPLETE, PARTIAL, NOT_ELIGIBLE, DIED)
INTERVIEW_MODE = {HOME_VISIT: 1, CALL: 3, MESSAGE: 4}


def encounter(person: Respondent, when: datetime, before: Sequence[Attempt]) -> Attempt:
    """The next attempt after those `before`; a result of COMPLETE means that an interview can begin."""
    number = len(before) + 1
    rng = random.Random(f"{person.seed}/{person.truth.case_id}/{person.wave}/attempt {number}")
    place = int(person.truth.place[person.now])
    if person.wave == 0 and person.fixed("listed").random() < WRONG_ENTRY:
        return _not_there(when, number)
    if place == 0:
        return _dead(when, number, rng)
    if person.wave and person.truth.lost[person.now]:
        return _lost(when, number, rng, abroad=place == 4)
    if place == 4:
        return _abroad(person, when, number, before, rng)
    if place == 3:
        return _moved(person, when, number, before, rng)
    return _at_home(person, when, number, before, rng)


def is_over(attempts: Sequence[Attempt]) -> bool:
    """Whether the case needs no further attempt in this wave."""
    if not attempts:
        return False
    last = attempts[-1]
    hard = last.result == REFUSAL and not last.soft
    return last.result in FINAL or hard or len(attempts) >= MOST


def _at_home(
    person: Respondent, when: datetime, number: int, before: Sequence[Attempt], rng: random.Random
) -> Attempt:
    mode = CALL if number in (3, 6) else HOME_VISIT
    expected = bool(before) and before[-1].result == APPOINTMENT
    if rng.random() > _chance(0.8 + 0.6 * person.facts["reach"] + 1.5 * expected):
        if mode == CALL:
            return Attempt(when, number, mode, NOBODY, NO_ANSWER)
        seen = rng.random() < 0.35
        return Attempt(when, number, mode, HOUSEHOLD if seen else NOBODY, NOT_HOME, place=1 if seen else None)
    if rng.random() < 0.01:
        return Attempt(when, number, mode, HOUSEHOLD, ILL, place=1)
    if rng.random() < 0.07 and not expected:
        return Attempt(when, number, mode, SELF, APPOINTMENT)
    return _asked(person, when, number, mode, before)


def _asked(person: Respondent, when: datetime, number: int, mode: int, before: Sequence[Attempt]) -> Attempt:
    """Reached and asked: an interview, or a refusal that may be given up when asked once more."""
    dice = person.fixed(f"asked in wave {person.wave}")
    refuses = dice.random() < person.facts["refuses"] * (NEW_TO_IT if person.wave == 0 else 1.0)
    soft, gives_in, gatekeeper = dice.random() < 0.5, dice.random() < 0.45, dice.random() < 0.1
    asked_before = any(a.result in (REFUSAL, GATEKEEPER) for a in before)
    if not refuses or (asked_before and gives_in):
        return Attempt(when, number, mode, SELF, COMPLETE)
    if gatekeeper and not asked_before:
        return Attempt(when, number, mode, HOUSEHOLD, GATEKEEPER, soft=True, place=1)
    return Attempt(when, number, mode, SELF, REFUSAL, soft=soft and not asked_before)


def _abroad(
    person: Respondent, when: datetime, number: int, before: Sequence[Attempt], rng: random.Random
) -> Attempt:
    """The household knows or does not; some can be called abroad, and are interviewed if on the panel."""
    since = person.truth.ret_cm + _began(person)
    knows = person.facts["proxy_knows"]
    if number == 1 or number % 4 == 0:
        if not knows:
            return Attempt(when, number, HOME_VISIT, NOBODY, NOT_HOME)
        mode, who = (HOME_VISIT, HOUSEHOLD) if number == 1 else (THROUGH_CONTACT, CONTACT)
        return Attempt(when, number, mode, who, ABROAD, place=4, since_cm=since)
    if person.wave and person.facts["phone_abroad"] and rng.random() < 0.55:
        return _asked(person, when, number, MESSAGE, before)
    return Attempt(when, number, MESSAGE, NOBODY, NO_ANSWER)


def _moved(
    person: Respondent, when: datetime, number: int, before: Sequence[Attempt], rng: random.Random
) -> Attempt:
    since = person.truth.ret_cm + _began(person)
    if number == 1 and person.facts["proxy_knows"]:
        return Attempt(when, number, HOME_VISIT, HOUSEHOLD, AWAY, place=3, since_cm=since)
    if person.wave and number > 1 and rng.random() < 0.55:
        return _asked(person, when, number, CALL, before)
    if number % 3 == 1:
        return Attempt(when, number, THROUGH_VILLAGE, NEIGHBOUR, MOVED)
    return Attempt(when, number, CALL, NOBODY, NO_ANSWER)


def _lost(when: datetime, number: int, rng: random.Random, *, abroad: bool) -> Attempt:
    """No number works; now and then a neighbour has heard that the person went abroad."""
    if number >= 6:
        return Attempt(when, number, THROUGH_VILLAGE, NOBODY, NOT_FOUND)
    if number % 2:
        return Attempt(when, number, CALL, NOBODY, NO_ANSWER)
    if abroad and rng.random() < 0.15:
        return Attempt(when, number, THROUGH_VILLAGE, NEIGHBOUR, ABROAD, place=4)
    return Attempt(when, number, THROUGH_VILLAGE, OFFICIAL, MOVED)


def _not_there(when: datetime, number: int) -> Attempt:
    """An entry of the sample list that leads to nobody, at the address or through the village."""
    if number % 2:
        return Attempt(when, number, HOME_VISIT, NEIGHBOUR, NOT_FOUND)
    return Attempt(when, number, THROUGH_VILLAGE, OFFICIAL, NOT_FOUND)


def _dead(when: datetime, number: int, rng: random.Random) -> Attempt:
    if rng.random() < 0.7:
        return Attempt(when, number, HOME_VISIT, HOUSEHOLD, DIED)
    return Attempt(when, number, HOME_VISIT, NOBODY, NOT_HOME)


def _began(person: Respondent) -> int:
    """Months since return at which the present place began."""
    at, places = person.now, person.truth.place
    while at and places[at - 1] == places[person.now]:
        at -= 1
    return at


def _chance(logit: float) -> float:
    return 1 / (1 + exp(-logit))
