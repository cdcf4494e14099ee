"""Planned windows and their states.

1. Before the baseline a case has wave 0 alone, from the day it was issued. 2. After it, waves follow from
the return (inflow) or the baseline (stock). 3. A window opens and closes by the day; a final outcome closes
it; a permanent exit keeps later waves from ever opening. 4. A later return date moves only what has not
opened, and says from where. 5. Moving to the same day twice changes nothing.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from instruments.plan import Blackouts, load_plan
from survey import waves
from survey.models import Case, PlanChange, Planned
from survey.waves import Standing, state_on

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
PLAN = replace(load_plan(), blackouts=Blackouts())
NOTHING = Standing({}, {})
DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))


def case_of(session: Session, **facts: object) -> Case:
    case = Case(case_id="VN-001", person_id="P00001", **facts)
    session.add(case)
    session.flush()
    return case


def planned(session: Session) -> dict[int, Planned]:
    return {row.wave: row for row in session.exec(select(Planned))}


def test_before_the_baseline_a_case_has_wave_0_from_the_day_it_was_issued(session):
    waves.plan_case(session, case_of(session), PLAN, recruited=date(2026, 3, 2), now=NOW)
    rows = planned(session)
    assert [(row.wave, row.opens, row.form) for row in rows.values()] == [
        (0, date(2026, 3, 2), "rm_baseline")
    ]


def test_an_inflow_case_is_followed_from_its_return(session):
    case = case_of(session, track="inflow", returned_on=date(2026, 1, 1), recruited_on=date(2026, 3, 2))
    waves.plan_case(session, case, PLAN, recruited=date(2026, 3, 2), now=NOW)
    due = {wave: row.due for wave, row in planned(session).items()}
    assert due[2] == date(2026, 7, 1)
    assert due[3] == date(2027, 1, 1)


def test_a_stock_case_is_followed_from_its_baseline(session):
    case = case_of(session, track="stock", returned_on=date(2022, 1, 1), recruited_on=date(2026, 3, 2))
    waves.plan_case(session, case, PLAN, recruited=date(2026, 3, 2), now=NOW)
    assert planned(session)[1].due == date(2026, 9, 2)


@pytest.mark.parametrize(
    ("returned", "track"),
    [
        (date(2026, 3, 1), "inflow"),
        (date(2025, 3, 1), "inflow"),
        (date(2025, 2, 1), "stock"),
        (None, "stock"),
    ],
)
def test_who_came_home_within_a_year_is_inflow(returned, track):
    assert waves.track_of(PLAN, returned, date(2026, 3, 20)) == track


@pytest.mark.parametrize(
    ("today", "more", "state"),
    [
        (date(2026, 4, 30), {}, "planned"),
        (date(2026, 5, 1), {}, "open"),
        (date(2026, 6, 30), {}, "open"),
        (date(2026, 7, 1), {}, "closed"),
        (date(2026, 5, 20), {"done": True}, "closed"),
        (date(2026, 5, 20), {"left": date(2026, 5, 10)}, "closed"),
        (date(2026, 5, 20), {"left": date(2026, 4, 10)}, "planned"),
        (date(2026, 8, 1), {"left": date(2026, 4, 10)}, "planned"),
    ],
)
def test_a_window_stands_where_day_outcome_and_exit_put_it(today, more, state):
    assert state_on(today, date(2026, 5, 1), date(2026, 6, 30), **more) == state


@given(opens=DAYS, length=st.integers(0, 120), today=DAYS, later=st.integers(0, 400))
def test_without_an_exit_a_window_never_goes_back(opens, length, today, later):
    order = ["planned", "open", "closed"]
    closes = opens + timedelta(days=length)
    first, second = (state_on(day, opens, closes) for day in (today, today + timedelta(days=later)))
    assert order.index(first) <= order.index(second)


def test_moving_twice_to_one_day_moves_once(session):
    waves.plan_case(session, case_of(session), PLAN, recruited=date(2026, 3, 2), now=NOW)
    assert waves.move(session, date(2026, 3, 2), NOTHING)["open"] == 1
    assert waves.move(session, date(2026, 3, 2), NOTHING) == {"planned": 0, "open": 0, "closed": 0}


def test_a_corrected_return_moves_only_what_has_not_opened_and_says_from_where(session):
    case = case_of(session, track="inflow", returned_on=date(2025, 12, 1), recruited_on=date(2026, 1, 10))
    waves.plan_case(session, case, PLAN, recruited=date(2026, 1, 10), now=NOW)
    waves.move(session, date(2026, 3, 2), NOTHING)
    before = {wave: row.due for wave, row in planned(session).items()}
    case.returned_on = date(2025, 11, 1)
    assert waves.plan_case(session, case, PLAN, recruited=date(2026, 1, 10), now=NOW) == len(before) - 2
    rows = planned(session)
    assert rows[1].state == "open"
    assert rows[1].due == before[1]
    assert rows[2].due == date(2026, 5, 1)
    kept = {row.wave: row for row in session.exec(select(PlanChange))}
    assert list(kept) == list(rows)[2:]
    assert (kept[2].opens, kept[2].closes) == (date(2026, 5, 18), date(2026, 7, 13))
    assert kept[2].was == "inflow: returned 2025-12, recruited 2026-01-10"
    assert rows[2].why == "inflow: returned 2025-11, recruited 2026-01-10"


def test_a_rejected_interview_opens_its_wave_again(session):
    waves.plan_case(session, case_of(session), PLAN, recruited=date(2026, 3, 2), now=NOW)
    waves.move(session, date(2026, 3, 9), Standing({("VN-001", 0): "interviewed"}, {}))
    assert planned(session)[0].state == "closed"
    waves.move(session, date(2026, 3, 9), NOTHING)
    assert planned(session)[0].state == "open"


def test_forms_open_are_those_of_the_windows_of_the_day(session):
    case = case_of(session, track="stock", returned_on=date(2022, 1, 1), recruited_on=date(2026, 3, 2))
    waves.plan_case(session, case, PLAN, recruited=date(2026, 3, 2), now=NOW)
    assert waves.forms_open(session, date(2026, 3, 10)) == ["rm_baseline"]
    assert waves.forms_open(session, date(2026, 9, 2)) == ["rm_followup"]
    assert waves.forms_open(session, date(2026, 6, 1)) == []
