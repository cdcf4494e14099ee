"""Answers to the follow-up form: told against what the tablet shows from the last interview.

`shown` is the person's row of the entity list. Facts that drag over time (activity, job, place, migration
debt) are answered by comparing the truth of the month of the last interview with that of now; plans and
opinions are told anew.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from instruments.instrument import Instrument
from survey.sandbox.respondents import life
from survey.sandbox.respondents.baseline import closing, contacts, migration_debt
from survey.sandbox.respondents.calendar import (
    ABROAD,
    last_change,
    told_calendar,
    told_change,
)
from survey.sandbox.respondents.habits import (
    Answers,
    Respondent,
    Screen,
    away_commune,
    country_of,
    filled_up,
    home_commune,
    slips,
    year_month,
)

ABROAD_PLACE = 4
YEN, DOLLAR, MILLION_DONG = 2, 4, 1


def answer_followup(
    person: Respondent,
    screen: Screen,
    instrument: Instrument,
    *,
    enumerator: str,
    shown: Mapping[str, str],
    mode: int = 1,
) -> Answers:
    """What the person and the enumerator say to the follow-up form on the day of the visit or call."""
    before = person.truth.at(int(shown.get("last_cm") or person.cm))
    answers: Answers = {"enum_id": enumerator, "returnee": shown["name"], "int_mode": mode}
    answers |= _identity(person) | _place(person, screen, shown, before) | _abroad(person, before)
    answers |= _since_last(person, screen, shown, before)
    answers |= life.work_last_week(person) | life.main_job(person) | life.looking_for_work(person)
    answers |= {"di_job": _same_job(person, before)}
    answers |= life.money(person) | _debt_and_business(person, before)
    answers |= life.family(person) | life.help_received(person, before)
    answers |= life.plans(person) | life.life_here(person) | life.well_being(person)
    answers |= contacts(person) | closing(person)
    moved = bool(person.truth.place[before] != person.truth.place[person.now])
    answers |= {"ct_same": int(not moved and person.yes(0.92))}
    return slips(filled_up(answers, instrument, person), person)


def _identity(person: Respondent) -> Answers:
    told = person.facts["birth_y"] + (person.yes(0.01) and 1)
    return {
        "int_lang": 1,
        "id_ask_y": told,
        "priv_ok": person.yes(0.95),
        "con_part": 1,
        "con_sens": person.yes(0.97),
        **_consents_changed(person),
    }


def _consents_changed(person: Respondent) -> Answers:
    """Few change what they agreed to at the baseline; those who do still let us come back."""
    dice = person.fixed(f"consents in wave {person.wave}")
    return {"con_more": int(dice.random() < 0.03), "con_proxy": int(dice.random() < 0.5), "con_audio": 0}


def _place(person: Respondent, screen: Screen, shown: Mapping[str, str], before: int) -> Answers:
    """Where the person lives now, against the place of the last interview."""
    then, now = int(person.truth.place[before]), int(person.truth.place[person.now])
    was_abroad = then == ABROAD_PLACE or shown.get("last_loc") == "4" or shown.get("last_state") == "12"
    province, commune = away_commune(person, screen)
    if now == ABROAD_PLACE:
        told: Answers = {"cur_loc": 4, "abr_ctry": country_of(person)[0]}
    elif now == then and not was_abroad:
        told = {"cur_loc": 1}
    elif now == 1:
        told = {"cur_loc": 2, "move_why": 2, "comm_cur": home_commune(person, screen)}
    else:
        told = {"cur_loc": 3, "move_why": 1, "prov_cur": province, "comm_cur": commune}
    year, month = told_change(person, last_change(person, "place"))
    f = person.facts
    return told | {
        "move_y": year,
        "move_m": month,
        "abr_since": int(now != ABROAD_PLACE and _months_abroad(person, before) >= 3),
        "marital": 2 if f["married"] else 1,
        "hh_size": f["hh_size"],
        "hh_child": f["hh_child"],
        "hh_abroad": int(f["hh_abroad"]),
    }


def _months_abroad(person: Respondent, before: int) -> int:
    return int(np.count_nonzero(person.truth.place[before : person.now + 1] == ABROAD_PLACE))


def _abroad(person: Respondent, before: int) -> Answers:
    """The stay abroad, still going on or over; dates as in the calendar."""
    places = person.truth.place
    away = [i for i in range(person.now + 1) if places[i] == ABROAD_PLACE]
    if not away:
        return {}
    last = away[-1]
    first = last
    while first > 0 and places[first - 1] == ABROAD_PLACE:
        first -= 1
    country, route = country_of(person)
    cost = round(person.fixed("new cost").uniform(30, 160), 0)
    year, month = told_change(person, person.truth.ret_cm + first)
    out: Answers = {
        "rm_dep_y": year,
        "rm_dep_m": month,
        "rm_ctry": country,
        "rm_route": route,
        "rm_status": 1,
        "rm_job": ABROAD[0][0],
        "rm_ccy": MILLION_DONG,
        "rm_cost": cost,
        "rm_loan": round(cost * person.fixed("new loan").choice((0.0, 0.4, 0.8)), 0),
        "rm_pay": person.fixed("new pay").randint(12, 20) * 10_000 if country == 392 else 1300,
        "rm_pay_ccy": YEN if country == 392 else DOLLAR,
        "rm_rem": person.rng.choice((1, 1, 2, 3)),
        "rm_stay": person.yes(0.4),
    }
    out |= {"inc_ccy": out["rm_pay_ccy"], "inc_abr": out["rm_pay"]}
    if places[person.now] != ABROAD_PLACE:
        out["rm_ret_y"], out["rm_ret_m"] = told_change(person, person.truth.ret_cm + last + 1)
    return out


def _since_last(person: Respondent, screen: Screen, shown: Mapping[str, str], before: int) -> Answers:
    """The dependent question on activity, and the calendar if anything changed."""
    t = person.truth
    states = t.state[before : person.now + 1]
    same = bool((states == states[-1]).all()) and shown.get("last_state") == str(int(states[0]))
    calendar = told_calendar(person, screen, t.ret_cm + before)
    if shown.get("last_state") and person.yes(0.01):
        return {"di_state": 3, "di_fix": int(states[0]), "ehc": calendar}
    return {"di_state": 1 if same else 2, "ehc": calendar}


def _same_job(person: Respondent, before: int) -> int:
    t = person.truth
    same = t.job[before] == t.job[person.now] and int(t.state[before]) in (1, 2, 3, 4)
    return 1 if same else 2


def _debt_and_business(person: Respondent, before: int) -> Answers:
    told: dict[str, Any] = migration_debt(person)
    told["mdebt_now"] = told.pop("mdebt_st")
    if "mdebt_y" in told and told["mdebt_now"] == 2:
        told["mdebt_y"] = year_month(last_change(person, "debt"))[0]
    states = person.truth.state
    return told | {
        "bus_new": int(states[before] != 2 and states[person.now] == 2),
        "bus_end": int(states[before] == 2 and states[person.now] != 2),
    }
