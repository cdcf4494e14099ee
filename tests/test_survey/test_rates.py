"""Rates of the field by group.

1. Everybody together and by what persons are: counts and shares by wave. 2. By interviewer, with cases nobody
had as a group of their own. 3. Who came by referral stands in no response rate and is counted. 4. Retention
by interviewer is refused.
"""

from datetime import date

import pytest
from sqlmodel import select

from survey import rates
from survey.models import Case

LATER = date(2026, 4, 28)


@pytest.fixture
def study(field):
    """Four cases: two interviewed at baseline, one refused, one not home; one of them interviewed again."""
    field.sample(4)
    field.baseline(1)
    field.baseline(2, sex=2)
    field.attempt(3, att_res=2110, soft_ref=0, enum_id="E2")
    field.attempt(4, att_res=2210, att_who=0, enum_id="E2")
    field.settle(date(2026, 4, 9))
    field.followup(1)
    field.settle(LATER)
    return field


def rows(study, **asked):
    return rates.read(study.session, seed=study.seed, **asked).rows


def test_everybody_together(study):
    first, *_ = rows(study, kind="response")
    assert (first["group"], first["wave"], first["n"], first["I"], first["R"], first["NC"]) == (
        "all", 0, 4, 2, 1, 1,
    )  # fmt: skip
    assert (first["RR1"], first["COOP1"], first["CON1"]) == ("50.0%", "66.7%", "75.0%")


def test_by_what_a_person_is_in_words(study):
    made = {(row["sex"], row["wave"]): row for row in rows(study, kind="response", by="sex")}
    assert made["Male", 0]["I"] == made["Female", 0]["I"] == 1
    assert made["not known", 0]["R"] == 1
    assert made["Male", 0]["RR1"] == ""  # who refused told no sex
    in_vietnamese = {row["sex"] for row in rows(study, kind="panel", by="sex", language="vi")}
    assert {"Nam", "Nữ"} <= in_vietnamese
    months = {row["since_return"] for row in rows(study, kind="panel", by="since_return")}
    assert "00–05 months" in months


def test_by_interviewer(study):
    made = {(row["enumerator"], row["wave"]): row for row in rows(study, kind="response", by="enumerator")}
    assert sum(row["n"] for (_, wave), row in made.items() if wave == 0) == 4
    assert made["E1", 0]["RR1"] != ""
    with pytest.raises(ValueError, match="several interviewers"):
        rows(study, kind="panel", by="enumerator")


def test_who_came_by_referral_has_no_response_rate(study):
    case = study.session.exec(select(Case).where(Case.case_id == "VN-0004")).one()
    case.frame_src = str(rates.REFERRAL)
    study.session.add(case)
    made = rates.read(study.session, seed=study.seed, kind="response")
    assert made.referred == 1
    assert made.rows[0]["n"] == 3
