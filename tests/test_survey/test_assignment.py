"""Who gets whom, and why.

1. The interviewer of the wave before keeps a person, then who has the household, then the area, then who has
least; the code breaks ties. 2. Rules on gender, language, area and room refuse, each with its word; what is
not known of a person refuses nobody. 3. Every choice keeps the score or the refusal of every enumerator. 4.
Where nobody fits, nobody gets it, and a finding says why. 5. The same cases, team and rules give the same
choice; a second run adds nothing. 6. Assignments cannot be changed or deleted, on SQLite and PostgreSQL.
"""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from instruments.plan import load_plan
from survey import cases
from survey.cases import Facts, Sampled
from survey.config import AssignmentRules
from survey.errors import NotAllowed
from survey.models import Assignment, Case, Enumerator
from survey.people import assignment, households
from survey.people.choosing import RANKS, SHOWN, WHOLE, Candidate, Profile, Seat, decide, refusal

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MARCH = date(2026, 3, 2)
PLAN = load_plan()
TEAM = [
    Candidate("E1", "f", frozenset({"vi", "th"}), ("NA-0",)),
    Candidate("E2", "m", frozenset({"vi"}), ("NA-1", "urban")),
    Candidate("E3"),
]


def one(profile: Profile | None = None, *, load=None, last=None, members=None, **rules: object):
    """The choice for a single person."""
    seat = Seat("VN-0001", 0, profile or Profile())
    (choice,) = decide([seat], TEAM, load or {}, last or {}, members or {}, AssignmentRules(**rules))
    return choice


def study(session: Session, people: int, **team: str) -> None:
    for code in ("E1", "E2", "E3"):
        cases.add_enumerator(session, code, gender=team.get(code, ""))
    rows = [Sampled(f"VN-{n:04d}", "1", f"NA-{n % 2}") for n in range(1, people + 1)]
    cases.add_cases(session, rows, PLAN, seed=7, now=NOW, issued=MARCH)


def test_who_has_least_gets_the_next_and_the_code_breaks_ties():
    assert one(load={"E1": 3, "E2": 1, "E3": 1}).enumerator == "E2"


def test_the_interviewer_of_the_wave_before_comes_before_everything_else():
    chosen = one(Profile("NA-11"), load={"E1": 30}, last={"VN-0001": "E1"}, area="prefer")
    assert chosen.enumerator == "E1"
    assert chosen.reason == "same interviewer, 30 cases open before"


def test_without_that_rule_the_load_decides_and_says_so():
    chosen = one(load={"E1": 30}, last={"VN-0001": "E1"}, same_interviewer=False)
    assert chosen.enumerator == "E2"
    assert chosen.reason.endswith("E1 had it before, the rule to keep them is off")


def test_a_household_goes_to_who_has_it_already_also_within_one_run():
    members = households.grouped([("VN-0001", "VN-0002")])
    assert one(load={"E3": 9}, last={"VN-0002": "E3"}, members=members).enumerator == "E3"
    seats = [Seat(f"VN-000{n}", 0) for n in (1, 2, 3)]
    chosen = [choice.enumerator for choice in decide(seats, TEAM, {}, {}, members)]
    assert chosen == ["E1", "E1", "E2"]


def test_an_area_is_how_a_sampling_code_begins_or_a_stratum():
    assert one(Profile("NA-07"), load={"E1": 5}, area="prefer").enumerator == "E1"
    assert one(Profile("HT-01", "urban"), load={"E2": 5}, area="prefer").enumerator == "E2"
    assert one(Profile("NA-07"), load={"E1": 5}).enumerator == "E2"


@pytest.mark.parametrize(
    ("profile", "rules", "said"),
    [
        (Profile(gender="f"), {"gender": "same"}, ["", "gender", "gender"]),
        (Profile(gender="f", wish="m"), {"gender": "wish"}, ["gender", "", "gender"]),
        (Profile(gender="f"), {"gender": "wish"}, ["", "", ""]),
        (Profile(), {"gender": "same", "language": True, "area": "require"}, ["", "", ""]),
        (Profile(language="th"), {"language": True}, ["", "language", "language"]),
        (Profile("NA-14"), {"area": "require"}, ["area", "", "area"]),
        (Profile("NA-14", gender="f", language="th", wish="m"), {}, ["", "", ""]),
    ],
)
def test_rules_refuse_with_one_word_and_only_by_what_is_known(profile, rules, said):
    assert [refusal(profile, each, AssignmentRules(**rules)) for each in TEAM] == said


def test_nobody_gets_more_than_there_is_room_for():
    team = [Candidate("E1"), Candidate("E2", capacity=0), Candidate("E3", capacity=3)]
    seats = [Seat(f"VN-{n:04d}", 0) for n in range(6)]
    chosen = list(decide(seats, team, {}, {}, {}, AssignmentRules(capacity=2)))
    assert [choice.enumerator for choice in chosen] == ["E1", "E3", "E1", "E3", "E3", None]
    assert chosen[-1].weighed == dict.fromkeys(("E1", "E2", "E3"), "no room left")
    assert chosen[-1].reason == "nobody fits: no room left (3)"


def test_of_a_large_team_the_best_are_kept_and_the_others_counted():
    team = [Candidate(f"E{n:03d}", "f" if n % 2 else "m") for n in range(4 * WHOLE)]
    seat = Seat("VN-0001", 1, Profile(gender="f"))
    rules = AssignmentRules(gender="same")
    (large,) = decide([seat], team, {"E001": 1}, {"VN-0001": "E002"}, {}, rules)
    assert large.enumerator == "E003"
    assert list(large.weighed) == ["E002", *(f"E{n:03d}" for n in range(3, 3 + 2 * SHOWN, 2))]
    assert (large.weighed["E002"], large.others) == ("gender", {"gender": 2 * WHOLE - 1})
    (kept,) = decide([seat], team, {"E119": 50}, {"VN-0001": "E119"}, {}, rules)
    assert (kept.enumerator, kept.weighed["E119"]) == ("E119", (1, 0, 0, 50))
    far = [Candidate(f"E{n:03d}", areas=("NA",) if n == 119 else ()) for n in range(120)]
    (near,) = decide(
        [Seat("VN-1", 0, Profile("NA-1"))], far, {"E119": 7}, {}, {}, AssignmentRules(area="prefer")
    )
    assert near.enumerator == "E119"


def test_the_row_keeps_the_score_or_the_refusal_of_everybody(session):
    study(session, 1, E1="m", E2="f")
    session.exec(select(Case)).one().gender = "f"
    cases.settle(session, Facts(), PLAN, now=NOW, today=MARCH, rules=AssignmentRules(gender="same"))
    (row,) = session.exec(select(Assignment)).all()
    assert (row.enumerator, row.made_by, row.made_at, row.number) == ("E2", "rules", NOW, 1)
    assert row.why == {
        "reason": "0 cases open before",
        "scores": list(RANKS),
        "candidates": {"E1": "gender", "E2": [0, 0, 0, 0], "E3": "gender"},
    }


def test_where_nobody_fits_a_finding_says_why_and_nothing_is_written(session):
    study(session, 1, E1="m", E2="m", E3="m")
    session.exec(select(Case)).one().gender = "f"
    findings = cases.settle(
        session, Facts(), PLAN, now=NOW, today=MARCH, rules=AssignmentRules(gender="same")
    )
    assert [(f.code, f.where) for f in findings] == [("assignment.nobody", "VN-0001, wave 0")]
    assert findings[0].message.startswith("nobody fits: gender (3)")
    assert session.exec(select(Assignment)).all() == []


def test_who_leaves_the_team_is_followed_by_another_who_says_from_whom(session):
    study(session, 1)
    cases.settle(session, Facts(), PLAN, now=NOW, today=MARCH)
    session.exec(select(Enumerator).where(Enumerator.code == "E1")).one().active = False
    cases.settle(session, Facts(), PLAN, now=NOW, today=MARCH)
    rows = session.exec(select(Assignment).order_by(Assignment.number)).all()
    assert [(row.number, row.enumerator) for row in rows] == [(1, "E1"), (2, "E2")]
    assert rows[1].why["reason"].endswith("E1 had it before, not in the team now")


def test_the_same_again_gives_the_same_and_adds_nothing(each_engine):
    with Session(each_engine) as session:
        study(session, 9)
        first = assignment.assign(session, MARCH, now=NOW)
        assert first == []  # no window is open before the waves have moved
        cases.settle(session, Facts(), PLAN, now=NOW, today=MARCH)
        assert assignment.assign(session, MARCH, now=NOW) == []
        codes = [row.enumerator for row in session.exec(select(Assignment).order_by(Assignment.case_id))]
        assert codes == ["E1", "E2", "E3"] * 3


@pytest.mark.parametrize("change", ["UPDATE assignment SET enumerator = 'E2'", "DELETE FROM assignment"])
def test_what_was_assigned_cannot_be_rewritten(each_engine, change):
    with Session(each_engine) as session:
        study(session, 1)
        cases.settle(session, Facts(), PLAN, now=NOW, today=MARCH)
        session.commit()
        with pytest.raises(NotAllowed, match="assignment"):
            session.execute(text(change))
