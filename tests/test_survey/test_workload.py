"""What the windows ahead ask of the field, and what another plan would.

1. A window counts in the ISO week in which it is worked: due, open, and free of blackouts; what is behind
counts today. 2. It counts where the case lives and with who had the case last, if still in the team. 3. Who
left for good is not counted. 4. Interviews and hours are those the plan reckons with. 5. A plan or a return
that is tried out shows what it would change and leaves nothing behind.
"""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session, select

from instruments.plan import Blackout, Blackouts, Effort, load_plan
from survey import cases, waves
from survey.cases import Baseline, Facts, Sampled
from survey.models import AdoptedPlan, Case, PlanChange, Planned
from survey.replan import replan
from survey.waves import Load, Place
from survey.waves.workload import compared, province_of, week_of, working_day

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MARCH = date(2026, 3, 2)
EFFORT = Effort(response=0.5, attempts=2, attempt_hours=1.0, interview_hours=2.0)
PLAN = replace(load_plan(), blackouts=Blackouts(), effort=EFFORT)
REST = Blackouts((Blackout(date(2026, 9, 1), date(2026, 9, 20), "Harvest", "harvest"),))


def told(number: int, returned: date = date(2022, 1, 1)) -> Baseline:
    entity = f"00000000-0000-4000-8000-{number:012d}"
    return Baseline(f"VN-{number:04d}", f"uuid:{number}", MARCH, returned, f"NA{number:06d}", entity)


def panel(session: Session, people: int = 3) -> Facts:
    for code in ("E1", "E2"):
        cases.add_enumerator(session, code)
    rows = [Sampled(f"VN-{n:04d}", psu_code=f"{'NA' if n < 3 else 'HT'}-0{n}") for n in range(1, people + 1)]
    cases.add_cases(session, rows, PLAN, seed=1, now=NOW, issued=MARCH)
    facts = Facts(
        baselines=tuple(told(n) for n in range(1, people + 1)),
        done={(f"VN-{n:04d}", 0): "interviewed" for n in range(1, people + 1)},
    )
    settle(session, Facts(), MARCH)
    settle(session, facts, MARCH)
    return facts


def settle(session: Session, facts: Facts, today: date) -> None:
    cases.settle(session, facts, PLAN, now=NOW, today=today)


@pytest.mark.parametrize(
    ("today", "day"),
    [
        (date(2026, 8, 1), date(2026, 9, 21)),  # due in the harvest
        (date(2026, 9, 25), date(2026, 9, 25)),  # due before, still to be done
        (date(2026, 10, 30), date(2026, 10, 30)),  # over: today, not in the past
    ],
)
def test_a_window_is_worked_when_it_is_due_open_and_free(today, day):
    opens, due, closes = date(2026, 8, 20), date(2026, 9, 2), date(2026, 10, 14)
    assert working_day(opens, due, closes, today, REST) == day


def test_weeks_are_those_of_the_iso_calendar_and_provinces_the_first_part_of_an_area():
    assert [week_of(day) for day in (date(2027, 1, 3), date(2027, 1, 4))] == ["2026-W53", "2027-W01"]
    assert [province_of(code) for code in ("NA-01", "HT-03-2", "17", "")] == ["NA", "HT", "17", ""]


def test_the_work_ahead_by_week_province_and_enumerator(session):
    panel(session)
    loads = waves.workload(session, PLAN, today=MARCH, weeks=30)
    assert loads == {
        Place("2026-W34", "HT", "E1"): Load(1, 0, 0.0, 0.0),
        Place("2026-W34", "NA", "E1"): Load(1, 0, 0.0, 0.0),
        Place("2026-W34", "NA", "E2"): Load(1, 0, 0.0, 0.0),
        Place("2026-W36", "HT", "E1"): Load(0, 1, 0.5, 3.0),
        Place("2026-W36", "NA", "E1"): Load(0, 1, 0.5, 3.0),
        Place("2026-W36", "NA", "E2"): Load(0, 1, 0.5, 3.0),
    }
    assert waves.workload(session, PLAN, today=MARCH, weeks=20) == {}


def test_who_left_is_not_counted_and_who_left_the_team_has_nobody(session):
    panel(session)
    session.exec(select(Case).where(Case.case_id == "VN-0003")).one().status = "died"
    cases.add_enumerator(session, "E2").active = False
    session.flush()
    due = {
        (place.province, place.enumerator): load.due
        for place, load in waves.workload(session, PLAN, today=MARCH, weeks=30).items()
        if load.due
    }
    assert due == {("NA", "E1"): 1, ("NA", ""): 1}


def test_rows_before_and_after_add_up_by_the_parts_asked_for():
    before = {Place("2026-W10", "NA", "E1"): Load(1, 2, 1.0, 4.0)}
    after = {Place("2026-W10", "NA", "E2"): Load(0, 3, 1.5, 6.0), Place("2026-W11", "NA", "E1"): Load(0, 1)}
    assert [(row["week"], row["due before"], row["due"]) for row in compared(before, after, ["week"])] == [
        ("2026-W10", 2, 3),
        ("2026-W11", 0, 1),
    ]
    assert len(compared(before, after)) == 3


def test_what_is_tried_out_shows_the_change_and_leaves_nothing(session):
    facts = panel(session)
    session.commit()
    held = [(row.case_id, row.wave, row.opens, row.closes) for row in session.exec(select(Planned))]
    made = replan(session, facts, replace(PLAN, blackouts=REST), now=NOW, today=MARCH, weeks=30)
    assert {(one.wave, one.kind) for one in made.changes} == {(1, "moved")}
    assert [
        (row["week"], row["due before"], row["due"]) for row in compared(made.before, made.after, ["week"])
    ] == [
        ("2026-W34", 0, 0),
        ("2026-W36", 3, 0),
        ("2026-W39", 0, 3),
    ]
    session.rollback()
    assert [(row.case_id, row.wave, row.opens, row.closes) for row in session.exec(select(Planned))] == held
    assert session.exec(select(PlanChange)).all() == []
    assert len(session.exec(select(AdoptedPlan)).all()) == 1


def test_another_return_is_tried_for_the_cases_named_alone(session):
    facts = panel(session)
    returned = {"VN-0002": date(2025, 12, 1)}
    made = replan(session, facts, PLAN, now=NOW, today=MARCH, returned=returned)
    assert {one.case_id for one in made.changes} == {"VN-0002"}
    assert session.exec(select(Case.track).where(Case.case_id == "VN-0002")).one() == "inflow"
    with pytest.raises(LookupError, match="VN-0009"):
        replan(session, facts, PLAN, now=NOW, today=MARCH, returned={"VN-0009": MARCH})
