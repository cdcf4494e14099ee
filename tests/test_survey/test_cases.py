"""Cases and the people who follow them.

1. Pseudonyms follow from the seed, tell nothing of the order of the list and are never given twice. 2. A
baseline links its case, plans its waves; two cases never share a card. 3. Every open window has an
enumerator, the same as before if active, spread evenly. 4. Due is who has an open wave; exits leave for
good, people abroad stay. 5. The same facts twice change nothing. 6. Names and phones show in no repr and no
finding.
"""

from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session, select

from instruments.plan import load_plan
from survey import cases, waves
from survey.cases import Baseline, Details, Exit, Facts, Sampled
from survey.models import Assignment, Case, Planned

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MARCH = date(2026, 3, 2)
PLAN = load_plan()
SEED = 7


def study(session: Session, *, team: tuple[str, ...] = ("E1", "E2", "E3"), people: int = 2) -> None:
    for code in team:
        cases.add_enumerator(session, code, label=f"Interviewer {code}")
    rows = [
        Sampled(f"VN-{n:04d}", "1", f"NA-{n % 2}", "rural", 0.5, name=f"Person {n}", phone=f"09120{n:05d}")
        for n in range(1, people + 1)
    ]
    cases.add_cases(session, rows, PLAN, seed=SEED, now=NOW, issued=MARCH)


def baseline(number: int = 1, **more: object) -> Baseline:
    facts = {
        "case_id": f"VN-{number:04d}",
        "instance_id": f"uuid:{number}",
        "interviewed": date(2026, 3, 5),
        "returned": date(2026, 1, 1),
        "panel_id": f"NA{number:06d}",
        "entity_uuid": f"00000000-0000-4000-8000-{number:012d}",
    }
    return Baseline(**(facts | more))


def settle(session: Session, today: date, **facts: object):
    return cases.settle(session, Facts(**facts), PLAN, now=NOW, today=today)


def case(session: Session, number: int = 1) -> Case:
    return session.exec(select(Case).where(Case.case_id == f"VN-{number:04d}")).one()


def test_pseudonyms_follow_from_the_seed_and_continue_where_they_stopped():
    first = cases.fresh_pseudonyms(SEED, set(), 5)
    assert cases.fresh_pseudonyms(SEED, set(), 5) == first
    assert cases.fresh_pseudonyms(SEED, set(first[:3]), 2) == first[3:]
    assert cases.fresh_pseudonyms(SEED + 1, set(), 5) != first
    assert first != sorted(first)
    assert all(len(name) == 6 for name in first)


def test_a_baseline_links_its_case_and_plans_its_waves(session):
    study(session)
    assert settle(session, date(2026, 3, 6), baselines=(baseline(),)) == []
    linked = case(session)
    assert (linked.panel_id, linked.track) == ("NA000001", "inflow")
    assert (linked.returned_on, linked.recruited_on) == (date(2026, 1, 1), date(2026, 3, 5))
    waves_of = select(Planned.wave).where(Planned.case_id == "VN-0001")
    assert session.exec(waves_of).all() == [*range(9)]


def test_two_cases_never_share_a_card(session):
    study(session)
    twice = (baseline(1), baseline(2, panel_id="NA000001"))
    findings = settle(session, date(2026, 3, 6), baselines=twice)
    assert [(f.code, f.where) for f in findings] == [("case.panel_id_twice", "rm_baseline/uuid:2/panel_id")]
    assert case(session, 2).panel_id is None


def test_without_consent_to_come_back_nothing_more_is_planned(session):
    study(session)
    settle(session, date(2026, 3, 6), baselines=(baseline(entity_uuid=None, follow=False),))
    assert case(session).status == "refused"
    assert len(session.exec(select(Planned).where(Planned.case_id == "VN-0001")).all()) == 1


def test_open_windows_are_spread_evenly_over_the_team(session):
    study(session, people=9)
    settle(session, MARCH)
    given = [row.enumerator for row in cases.due(session, MARCH)]
    assert {code: given.count(code) for code in set(given)} == {"E1": 3, "E2": 3, "E3": 3}


def test_a_person_keeps_the_interviewer_of_the_wave_before(session):
    study(session, people=5)
    settle(session, MARCH)
    before = {row.case_id: row.enumerator for row in cases.due(session, MARCH)}
    facts = {
        "baselines": tuple(baseline(n) for n in range(1, 6)),
        "done": {(f"VN-{n:04d}", 0): "interviewed" for n in range(1, 6)},
    }
    settle(session, date(2026, 4, 10), **facts)
    after = {row.case_id: (row.wave, row.enumerator) for row in cases.due(session, date(2026, 4, 10))}
    assert after == {case_id: (1, code) for case_id, code in before.items()}


def test_the_cases_of_somebody_who_left_the_team_go_to_others(session):
    study(session, people=4)
    settle(session, MARCH)
    gone = cases.add_enumerator(session, "E1")
    gone.active = False
    settle(session, date(2026, 3, 9))
    assert "E1" not in {row.enumerator for row in cases.due(session, date(2026, 3, 9))}
    assert len(cases.due(session, date(2026, 3, 9))) == 4


def test_without_a_team_nobody_is_due_and_nothing_fails(session):
    study(session, team=())
    settle(session, MARCH)
    assert cases.due(session, MARCH) == []


def test_due_says_who_when_and_with_which_form(session):
    study(session, people=1)
    settle(session, MARCH)
    (row,) = cases.due(session, MARCH)
    assert (row.case_id, row.wave, row.form, row.enumerator) == ("VN-0001", 0, "rm_baseline", "E1")
    assert (row.opens, row.closes) == (MARCH, date(2026, 4, 27))
    assert cases.due(session, date(2026, 4, 28)) == []


def test_an_interviewed_case_is_due_no_longer(session):
    study(session, people=1)
    settle(session, date(2026, 3, 6), baselines=(baseline(),), done={("VN-0001", 0): "interviewed"})
    assert cases.due(session, date(2026, 3, 6)) == []


@pytest.mark.parametrize("status", ["died", "withdrawn", "ineligible", "duplicate"])
def test_who_left_for_good_is_visited_no_more(session, status):
    study(session, people=1)
    left = (Exit("VN-0001", status, date(2026, 3, 20)),)
    settle(session, date(2026, 3, 21), baselines=(baseline(),), exits=left)
    settle(session, date(2026, 7, 1), baselines=(baseline(),), exits=left)
    assert case(session).status == status
    assert cases.due(session, date(2026, 7, 1)) == []
    states = [row.state for row in session.exec(select(Planned).order_by(Planned.wave))]
    assert states == ["closed", *["planned"] * 8]


def test_an_exit_that_was_recorded_by_mistake_is_taken_back_with_its_answer(session):
    study(session, people=1)
    left = (Exit("VN-0001", "died", date(2026, 3, 20)),)
    settle(session, date(2026, 7, 1), baselines=(baseline(),), exits=left)
    settle(session, date(2026, 7, 1), baselines=(baseline(),))
    assert case(session).status == "active"
    assert [row.wave for row in cases.due(session, date(2026, 7, 1))] == [2]


def test_the_same_facts_twice_change_nothing(each_engine):
    with Session(each_engine) as session:
        study(session, people=3)
        facts = {
            "baselines": (baseline(1), baseline(2)),
            "exits": (Exit("VN-0002", "died", date(2026, 3, 20)),),
            "details": (Details("VN-0001", "2026-03-05", phone1="0999", c1_name="Chị Ba"),),
            "done": {("VN-0001", 0): "interviewed"},
        }
        states = []
        for _ in range(2):
            settle(session, date(2026, 4, 10), **facts)
            session.commit()
            rows = session.exec(select(Assignment)).all()
            states.append((cases.table(session).to_csv(), waves.table(session).to_csv(), len(rows)))
        assert states[0] == states[1]


def test_the_newest_contact_details_stand_and_only_for_those_asked_for(session):
    study(session)
    told = (
        Details("VN-0001", "2026-06-01T10:00", phone1="0777"),
        Details("VN-0001", "2026-03-05", phone1="0666", c1_name="Chị Ba", c1_phone="0555"),
    )
    settle(session, date(2026, 6, 2), details=told)
    assert cases.tracing(session, ["VN-0001"]) == {
        "VN-0001": {"phone1": "0777", "c1_name": "Chị Ba", "c1_phone": "0555"}
    }
    assert "0777" not in repr(told)


def test_the_words_no_release_may_hold_are_names_phones_and_keys(session):
    study(session, people=1)
    settle(session, date(2026, 3, 6), baselines=(baseline(),))
    words = cases.secrets(session)
    assert {"Person 1", "0912000001", "VN-0001", "NA000001", "Interviewer E1"} <= words
    assert not any(word.startswith("P0") for word in words)


def test_the_lists_of_the_forms_name_the_team_and_the_areas(session):
    study(session, people=3)
    lists = cases.lists(session)
    assert lists["enumerators.csv"].decode().splitlines()[:2] == [
        "name,label,team,langs",
        "E1,Interviewer E1,,",
    ]
    assert lists["psu.csv"].decode().splitlines()[1:] == ["NA-0,NA-0,,,rural", "NA-1,NA-1,,,rural"]
