"""The field as it stands: by wave, by interviewer, and what waits."""

from datetime import date

import pytest

from survey import outbox
from survey.status import status

LATER = date(2026, 4, 28)  # wave 0 closed the day before, wave 1 closes on 13 May


@pytest.fixture
def study(field):
    """Four cases: two interviewed at baseline, one refused, one not home; one of them interviewed again."""
    field.sample(4)
    field.baseline(1)
    field.baseline(2)
    field.attempt(3, att_res=2110, soft_ref=0, enum_id="E2")
    field.attempt(4, att_res=2210, att_who=0, enum_id="E2")
    field.settle(date(2026, 4, 9))
    field.followup(1)
    field.settle(LATER)
    return field


def seen(field, today=LATER):
    return status(field.session, today=today, seed=field.seed)


def test_every_wave_counts_what_was_issued_and_how_it_ended(study):
    first, second = seen(study).waves
    assert (first["wave"], first["issued"], first["interviewed"], first["refused"], first["not reached"]) == (
        0,
        4,
        2,
        1,
        1,
    )
    assert (first["RR2"], first["REF1"], first["CON1"]) == ("50%", "25%", "75%")
    assert (second["issued"], second["interviewed"], second["open"]) == (2, 1, 1)


def test_every_interviewer_has_the_own_outcomes_and_work(study):
    team = {row["enumerator"]: row for row in seen(study).team}
    assert set(team) == {"E1", "E2"}
    assert sum(row["issued"] for row in team.values()) == 6
    assert team["E2"]["attempts"] == 2
    assert sum(row["due"] for row in team.values()) == 1  # case 2 at wave 1


def test_what_closes_within_two_weeks_is_said(study):
    assert sum(row["closing soon"] for row in seen(study, date(2026, 5, 1)).team) == 1
    assert sum(row["closing soon"] for row in seen(study).team) == 0


def test_what_waits_is_counted(study):
    study.baseline(9)
    wanted = outbox.wanted(study.session, LATER, forms=["rm_followup"], seed=study.seed)
    outbox.enqueue(study.session, outbox.plan_push(wanted, {}), study.now)
    facts = {row["what"]: row["is"] for row in seen(study).facts}
    assert facts["quarantined submissions"] == 1
    assert facts["findings: errors"] == 1
    assert facts["not yet told to Central"] == len(wanted)
    assert facts["last release"] == ""
    assert facts["due now"] == 1


def test_a_status_names_nobody(study):
    found = seen(study)
    text = str(found.waves) + str(found.team) + str(found.facts) + str(found.findings)
    assert not any(word in text for word in ("Nguyễn", "0988", "VN-000", "NA00", "Tám"))


def test_before_the_first_interview_there_are_counts_and_no_rates(field):
    field.sample(2)
    (row,) = seen(field, date(2026, 3, 2)).waves
    assert (row["issued"], row["open"], row["interviewed"], row["RR2"]) == (2, 2, 0, "")


def test_without_cases_there_is_nothing_to_show(field):
    assert seen(field).waves == ()
