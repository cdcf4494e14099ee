"""Cases that share a household.

1. Links reach over any number of cases; parted ones fall away and stay in the history. 2. A link makes the
same interviewer likely. 3. It shows nobody the other's answers: what Central is told of either stays as it
was. 4. Links cannot be changed or deleted, on SQLite and PostgreSQL.
"""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from instruments.plan import load_plan
from survey import cases, outbox
from survey.cases import Baseline, Facts, Sampled
from survey.errors import NotAllowed, SurveyError
from survey.models import HouseholdLink
from survey.people import households

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MARCH = date(2026, 3, 2)
PLAN = load_plan()
ENTITY = "00000000-0000-4000-8000-"
SAID = {"who": "lan", "why": "both say so", "now": NOW}


def study(session: Session, people: int = 4) -> None:
    for code in ("E1", "E2"):
        cases.add_enumerator(session, code)
    rows = [Sampled(f"VN-{n:04d}") for n in range(1, people + 1)]
    cases.add_cases(session, rows, PLAN, seed=7, now=NOW, issued=MARCH)


def linked(*numbers: int) -> Facts:
    told = tuple(
        Baseline(f"VN-{n:04d}", f"uuid:{n}", MARCH, date(2026, 1, 1), f"NA{n}", f"{ENTITY}{n:012d}")
        for n in numbers
    )
    return Facts(baselines=told, done={(f"VN-{n:04d}", 0): "interviewed" for n in numbers})


def test_a_household_is_whatever_links_connect():
    assert households.grouped([("A", "B"), ("C", "D"), ("B", "C"), ("X", "Y")]) == {
        **{name: frozenset("ABCD") - {name} for name in "ABCD"},
        "X": {"Y"},
        "Y": {"X"},
    }


def test_a_link_is_said_once_and_parted_once_and_the_history_stays(each_engine):
    with Session(each_engine) as session:
        study(session)
        assert households.link(session, "VN-0002", "VN-0001", **SAID)
        assert not households.link(session, "VN-0001", "VN-0002", **SAID)
        assert households.members(session) == {"VN-0001": {"VN-0002"}, "VN-0002": {"VN-0001"}}
        assert households.part(session, "VN-0001", "VN-0002", **SAID)
        assert not households.part(session, "VN-0001", "VN-0002", **SAID)
        assert households.members(session) == {}
        session.commit()
        assert list(session.exec(select(HouseholdLink.state))) == ["linked", "parted"]
        with pytest.raises(NotAllowed, match="household_link"):
            session.execute(text("DELETE FROM household_link"))


@pytest.mark.parametrize(("one", "other"), [("VN-0001", "VN-0001"), ("VN-0001", "VN-9999")])
def test_a_link_needs_two_cases(session, one, other):
    study(session)
    with pytest.raises(SurveyError, match=other):
        households.link(session, one, other, **SAID)


def test_one_interviewer_visits_a_household(session):
    study(session)
    households.link(session, "VN-0001", "VN-0002", **SAID)
    cases.settle(session, Facts(), PLAN, now=NOW, today=MARCH)
    who = {item.case_id: item.enumerator for item in cases.due(session, MARCH)}
    assert who["VN-0001"] == who["VN-0002"] == "E1"
    assert who["VN-0003"] == "E2"


def test_a_link_shows_nobody_what_the_other_has_answered(session):
    study(session)
    april = date(2026, 4, 10)
    cases.settle(session, linked(1, 2), PLAN, now=NOW, today=april)

    def told() -> list[tuple[str, str, dict[str, object]]]:
        writes = outbox.wanted(session, april, forms=["rm_followup"], seed=7)
        return [(write.kind, write.subject, dict(write.payload)) for write in writes]

    before = told()
    households.link(session, "VN-0001", "VN-0002", **SAID)
    cases.settle(session, linked(1, 2), PLAN, now=NOW, today=april)
    assert told() == before
    own = {subject: str(payload) for kind, subject, payload in before if kind == "returnee"}
    assert "000000000002" not in own["VN-0001"]
    assert "000000000001" not in own["VN-0002"]
