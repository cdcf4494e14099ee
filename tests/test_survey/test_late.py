"""Work of a former enumerator that comes after the hand-over.

1. It is quarantined with a finding and listed with whose it is and who had the case; nothing is dropped. 2.
What was sent before the move, or by who has the case, counts as ever. 3. Accepted by a named person it
counts; rejected it stays in the store and is a note. The last ruling counts, and rulings cannot be changed.
4. Of an accepted one and a second interview of the same wave one counts, the other is quarantined by name.
"""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from survey import answers, cases
from survey.errors import NotAllowed, SurveyError
from survey.facts import facts
from survey.models import Submission
from survey.people import handover, late

APRIL = date(2026, 4, 9)


def handed_over(field) -> None:
    """One panel member in wave 1, with E1 first and, an hour after the start, with E2."""
    field.sample(1)
    field.baseline(1)
    field.settle(APRIL)
    moment = field.now + timedelta(hours=1)
    handover.freeze(field.session, ["VN-0001"], successor="E2", who="lan", why="leave", now=moment)
    handover.confirm(field.session, ["VN-0001"], who="lan", why="phoned", now=moment)
    cases.settle(field.session, facts(field.session), field.plan, now=moment, today=APRIL)
    field.session.commit()
    field._sent += 120  # what comes now comes after the move


def usable(field) -> list[str]:
    return list(answers.gather(field.session).forms["rm_followup"].frame["instance_id"])


def found(field) -> list[tuple[str, str, str]]:
    gathered = answers.gather(field.session)
    return [(f.level, f.code, f.where) for f in gathered.findings if f.code.startswith("late.")]


def rule(field, instance: str, **more) -> bool:
    given = {"accept": True, "who": "minh", "why": "done before the leave", "now": field.now} | more
    return late.rule(field.session, instance, **given)


def test_late_work_waits_in_a_lane_of_its_own_with_a_finding(field):
    handed_over(field)
    sent = field.followup(1, enum_id="E1")
    assert usable(field) == []
    assert found(field) == [("warning", "late.waiting", f"rm_followup/{sent}")]
    (item,) = answers.late_work(field.session)
    assert (item.instance_id, item.case_id, item.wave) == (sent, "VN-0001", 1)
    assert (item.former, item.holder, item.verdict) == ("E1", "E2", "")
    assert sent in field.session.exec(select(Submission.instance_id)).all()


def test_late_attempts_wait_too(field):
    handed_over(field)
    sent = field.attempt(1, enum_id="E1", wave=1, att_res=2210)
    assert [item.instance_id for item in answers.late_work(field.session)] == [sent]


def test_what_came_before_the_move_and_what_the_new_one_sends_counts(field):
    field.sample(1)
    field.baseline(1)
    field.settle(APRIL)
    early = field.followup(1, enum_id="E1")
    assert usable(field) == [early]
    moment = field.now + timedelta(hours=1)
    handover.freeze(field.session, ["VN-0001"], successor="E2", who="lan", why="", now=moment)
    cases.settle(field.session, facts(field.session), field.plan, now=moment, today=APRIL)
    assert usable(field) == [early]


def test_the_work_of_the_new_interviewer_counts(field):
    handed_over(field)
    sent = field.followup(1, enum_id="E2")
    assert usable(field) == [sent]
    assert found(field) == []


def test_a_third_persons_visit_is_not_late_work(field):
    handed_over(field)
    sent = field.followup(1, enum_id="E9")
    assert usable(field) == [sent]


def test_accepted_it_counts_and_the_wave_is_done(field):
    handed_over(field)
    sent = field.followup(1, enum_id="E1")
    assert ("VN-0001", 1) not in facts(field.session).done
    assert rule(field, sent)
    assert usable(field) == [sent]
    assert facts(field.session).done["VN-0001", 1] == "interviewed"
    assert not rule(field, sent)


def test_rejected_it_is_kept_and_a_note_and_may_be_accepted_later(field):
    handed_over(field)
    sent = field.followup(1, enum_id="E1")
    rule(field, sent, accept=False, why="interviewed the brother")
    assert usable(field) == []
    assert found(field) == [("note", "late.rejected", f"rm_followup/{sent}")]
    assert rule(field, sent)
    assert usable(field) == [sent]


def test_of_an_accepted_one_and_a_second_interview_one_counts_and_the_other_is_named(field):
    handed_over(field)
    first = field.followup(1, enum_id="E1")
    second = field.followup(1, enum_id="E2")
    assert usable(field) == [second]
    rule(field, first)
    assert usable(field) == [first]
    aside = {item.instance_id for item in answers.gather(field.session).quarantined}
    assert aside == {second}


def test_a_case_that_came_back_to_its_first_interviewer_is_theirs_again(field):
    handed_over(field)
    back = field.now + timedelta(hours=4)
    handover.freeze(field.session, ["VN-0001"], successor="E1", who="lan", why="", now=back)
    handover.confirm(field.session, ["VN-0001"], who="lan", why="", now=back)
    cases.settle(field.session, facts(field.session), field.plan, now=back, today=APRIL)
    between = field.followup(1, enum_id="E1")
    field._sent += 300
    after = field.attempt(1, enum_id="E1", wave=1)
    assert [item.instance_id for item in answers.late_work(field.session)] == [between]
    assert after in set(answers.gather(field.session).forms["rm_contact"].frame["instance_id"])


def test_a_ruling_needs_a_submission_and_stays_as_it_was_given(open_field, each_engine):
    with Session(each_engine) as session:
        field = open_field(session)
        handed_over(field)
        sent = field.followup(1, enum_id="E1")
        with pytest.raises(SurveyError, match="no such submission"):
            rule(field, "uuid:nothing")
        rule(field, sent)
        session.commit()
        with pytest.raises(NotAllowed, match="late_ruling"):
            session.execute(text("DELETE FROM late_ruling"))
