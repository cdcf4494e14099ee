"""Cases on their way from one enumerator to another.

1. A frozen case is on nobody's list and is given to nobody. 2. It is released when the former tablet has sent
something after the freeze, by name or by login, or on a named person's word, and moved then, once. 3. The
successor is the one named, else one whom the rules choose among the others; the row says from whom and why.
4. A case without an open wave stays with its successor for the next. 5. A second hand-over of one under way,
or of a case that another has, is a finding. 6. One that is cancelled stays where it was. 7. Steps cannot be
changed; the same step twice is refused by the database, on SQLite and PostgreSQL.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from instruments.plan import load_plan
from survey import cases, outbox, store
from survey.cases import Baseline, Facts, Sampled
from survey.errors import NotAllowed, SurveyError
from survey.models import Assignment, Enumerator, HandoverStep, Submission
from survey.people import handover, moves

NOW = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)
DAY = date(2026, 3, 9)
PLAN = load_plan()
ENTITY = "00000000-0000-4000-8000-000000000001"


def told(**more: object) -> Facts:
    baseline = Baseline("VN-0001", "uuid:1", date(2026, 3, 5), date(2026, 1, 1), "NA000001", ENTITY)
    return Facts(baselines=(baseline,), done={("VN-0001", 0): "interviewed"}, **more)


def settle(session: Session, facts: Facts | None = None, *, day: date = DAY, now: datetime = NOW):
    return cases.settle(session, facts or Facts(), PLAN, now=now, today=day)


def study(session: Session, people: int = 3) -> None:
    """Three enumerators with a case each (E1 has VN-0001), given out on 2 March."""
    for code in ("E1", "E2", "E3"):
        cases.add_enumerator(session, code)
    rows = [Sampled(f"VN-{n:04d}", psu_code="NA-1") for n in range(1, people + 1)]
    issued = NOW - timedelta(days=7)
    cases.add_cases(session, rows, PLAN, seed=7, now=issued, issued=issued.date())
    settle(session, day=issued.date(), now=issued)


def freeze(session: Session, *case_ids: str, **more: object) -> handover.Frozen:
    given = {"who": "lan", "why": "E1 is ill", "now": NOW} | more
    return handover.freeze(session, case_ids or ("VN-0001",), **given)


def send(session: Session, xml: str = "<enum_id>E1</enum_id>", *, at: datetime, meta=None) -> None:
    row = Submission(
        form_id="rm_contact",
        instance_id=f"uuid:{at.isoformat()}",
        form_version="1",
        xml=f"<data>{xml}</data>",
        digest=at.isoformat(),
        meta=meta or {},
        submitted_at=at,
        received_at=at,
    )
    store.append(session, [row])


def holder(session: Session, case_id: str = "VN-0001") -> list[str]:
    return [item.enumerator for item in cases.due(session, DAY) if item.case_id == case_id]


def states(session: Session) -> list[str]:
    return list(session.exec(select(HandoverStep.state).order_by(HandoverStep.id)))


def test_a_frozen_case_is_on_nobodys_list_and_given_to_nobody(session):
    study(session)
    assert freeze(session, successor="E2").cases == ("VN-0001",)
    settle(session)
    assert holder(session) == []
    assert holder(session, "VN-0002") == ["E2"]
    assert states(session) == ["frozen"]


def test_central_is_told_to_take_a_frozen_case_off_the_tablet(session):
    study(session)
    april = date(2026, 4, 10)
    settle(session, told(), day=april)

    def assigned() -> list[str]:
        writes = outbox.wanted(session, april, forms=[], seed=7)
        return [str(write.payload["assigned"]) for write in writes if write.case_id == "VN-0001"]

    assert set(assigned()) == {"E1"}
    freeze(session, successor="E2")
    assert set(assigned()) == {""}
    handover.confirm(session, ["VN-0001"], who="lan", why="tablet broken", now=NOW)
    settle(session, told(), day=april)
    assert set(assigned()) == {"E2"}


@pytest.mark.parametrize(
    ("xml", "meta"),
    [
        ("<enum_id>E1</enum_id>", {}),
        ("<enum_id>E9</enum_id>", {"submitterId": "41"}),
        ("", {"__system": {"submitterId": "41"}}),
    ],
)
def test_a_submission_of_the_former_tablet_after_the_freeze_releases_and_moves(session, xml, meta):
    study(session)
    session.exec(select(Enumerator).where(Enumerator.code == "E1")).one().app_user_id = 41
    freeze(session, successor="E2")
    send(session, xml, at=NOW + timedelta(hours=1), meta=meta)
    settle(session)
    assert states(session) == ["frozen", "released", "moved"]
    assert holder(session) == ["E2"]
    evidence = session.exec(select(HandoverStep).where(HandoverStep.state == "released")).one()
    assert (evidence.who, evidence.evidence["kind"]) == ("rules", "submission")


def test_what_was_sent_before_the_freeze_or_by_another_releases_nothing(session):
    study(session)
    send(session, at=NOW - timedelta(hours=1))
    freeze(session, successor="E2")
    send(session, "<enum_id>E2</enum_id>", at=NOW + timedelta(hours=1), meta={"submitterId": "42"})
    settle(session)
    assert states(session) == ["frozen"]


def test_a_supervisors_word_releases_and_stays_with_their_name(session):
    study(session)
    freeze(session, successor="E2")
    assert handover.confirm(session, ["VN-0001"], who="minh", why="tablet lost", now=NOW) == ["VN-0001"]
    settle(session)
    assert holder(session) == ["E2"]
    released = session.exec(select(HandoverStep).where(HandoverStep.state == "released")).one()
    assert (released.who, released.why, released.evidence) == ("minh", "tablet lost", {"kind": "word"})


def test_the_new_assignment_says_from_whom_on_whose_word_and_what_the_rules_said(session):
    study(session)
    freeze(session, successor="E3")
    handover.confirm(session, ["VN-0001"], who="lan", why="", now=NOW)
    settle(session)
    rows = session.exec(select(Assignment).where(Assignment.case_id == "VN-0001")).all()
    assert [(row.number, row.enumerator, row.made_by) for row in rows] == [
        (1, "E1", "rules"),
        (2, "E3", "lan"),
    ]
    assert rows[1].why["reason"].startswith("hand-over from E1, named")
    assert rows[1].why["candidates"]["E1"] == "hands it over"


def test_without_a_name_the_rules_choose_among_the_others(session):
    study(session, people=4)  # E1 has two, the others one each
    freeze(session, successor=None)
    handover.confirm(session, ["VN-0001"], who="lan", why="", now=NOW)
    settle(session)
    assert holder(session) == ["E2"]
    assert session.exec(select(HandoverStep.successor).where(HandoverStep.state == "moved")).one() == "E2"


def test_a_case_may_change_hands_twice_on_one_day(each_engine):
    with Session(each_engine) as session:
        study(session)
        for successor in ("E2", "E1"):
            freeze(session, successor=successor)
            handover.confirm(session, ["VN-0001"], who="lan", why="", now=NOW)
            settle(session)
            assert holder(session) == [successor]
        session.commit()
        assert states(session) == ["frozen", "released", "moved"] * 2


def test_a_case_between_waves_goes_to_its_successor_in_the_next(session):
    study(session)
    settle(session, told())
    freeze(session, successor="E3")
    handover.confirm(session, ["VN-0001"], who="lan", why="", now=NOW)
    settle(session, told())
    april = date(2026, 4, 10)
    settle(session, told(), day=april)
    (row,) = [item for item in cases.due(session, april) if item.case_id == "VN-0001"]
    assert (row.wave, row.enumerator) == (1, "E3")


def test_all_cases_of_one_enumerator_can_be_handed_over_but_not_those_who_left(session):
    study(session, people=6)
    assert handover.cases_of(session, "E1") == ["VN-0001", "VN-0004"]
    settle(session, Facts(exits=(cases.Exit("VN-0004", "died", DAY),)))
    assert handover.cases_of(session, "E1") == ["VN-0001"]


def test_what_cannot_be_handed_over_is_a_finding_and_the_rest_goes_on(session):
    study(session)
    freeze(session, successor="E2")
    found = freeze(session, "VN-0001", "VN-0002", "VN-0003", "VN-0009", former="E3", successor="E2").findings
    assert [(f.code, f.where) for f in found] == [
        ("handover.under_way", "VN-0001"),
        ("handover.not_theirs", "VN-0002"),
        ("handover.not_theirs", "VN-0009"),
    ]
    assert set(handover.on_the_way(session)) == {"VN-0001", "VN-0003"}
    assert [f.code for f in freeze(session, "VN-0002", successor="E2").findings] == ["handover.same"]


def test_a_successor_must_be_in_the_team(session):
    study(session)
    session.exec(select(Enumerator).where(Enumerator.code == "E2")).one().active = False
    for code in ("E2", "E9"):
        with pytest.raises(SurveyError, match=code):
            freeze(session, successor=code)


def test_a_cancelled_hand_over_leaves_the_case_where_it_was(session):
    study(session)
    freeze(session, successor="E2")
    assert handover.cancel(session, ["VN-0001"], who="lan", why="E1 is back", now=NOW) == ["VN-0001"]
    send(session, at=NOW + timedelta(hours=1))
    settle(session)
    assert holder(session) == ["E1"]
    with pytest.raises(SurveyError, match="no hand-over"):
        handover.cancel(session, ["VN-0001"], who="lan", why="", now=NOW)


def test_nobody_left_to_take_it_is_a_finding_and_it_waits(session):
    study(session)
    freeze(session, successor=None)
    handover.confirm(session, ["VN-0001"], who="lan", why="", now=NOW)
    for other in session.exec(select(Enumerator).where(Enumerator.code != "E1")):
        other.active = False
    session.flush()
    assert [f.code for f in moves.advance(session, DAY, now=NOW).findings] == ["handover.nobody"]
    assert states(session) == ["frozen", "released"]


def test_two_operators_cannot_take_the_same_step(each_engine):
    with Session(each_engine) as session:
        study(session)
        freeze(session, successor="E2")
        session.commit()
        (step,) = session.exec(select(HandoverStep)).all()
        again = HandoverStep(**step.model_dump(exclude={"id", "at"}), at=NOW)
        session.add(again)
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()
        with pytest.raises(NotAllowed, match="handover_step"):
            session.execute(text("UPDATE handover_step SET who = 'somebody'"))
