"""One case on one page.

1. It is found by its number, its pseudonym or its panel number. 2. It says of each wave where it stands, who
has it and since when, and of each assignment why. 3. What happens next is one sentence, whatever the state:
not yet open, open, with nobody, on the way, left, over. 4. No name, no phone and no answer is on it.
"""

from dataclasses import asdict
from datetime import date, timedelta

import pytest
from sqlmodel import select

from survey import cases
from survey.card import card, find
from survey.errors import SurveyError
from survey.facts import facts
from survey.models import Case, Enumerator
from survey.people import handover, households

APRIL = date(2026, 4, 9)
SAID = {"who": "lan", "why": "leave"}


def seen(field, today: date = APRIL):
    return card(field.session, "VN-0001", today=today)


def followed(field) -> None:
    field.sample(2)
    field.baseline(1)
    field.settle(APRIL)


def test_a_case_is_found_by_any_of_its_numbers_and_by_nothing_else(field):
    followed(field)
    person = field.session.exec(select(Case.person_id).where(Case.case_id == "VN-0001")).one()
    keys = ("VN-0001", person, "NA000001")
    assert {find(field.session, key).case_id for key in keys} == {"VN-0001"}
    with pytest.raises(SurveyError, match="no such case"):
        find(field.session, "VN-9")


def test_it_says_where_each_wave_stands_who_has_it_since_when_and_why(field):
    followed(field)
    page = seen(field)
    first, second, third = page.waves[:3]
    assert (first["state"], first["outcome"], first["enumerator"]) == ("closed", "interviewed", "E1")
    assert (second["state"], second["enumerator"], second["since"]) == ("open", "E1", APRIL)
    assert (third["state"], third["enumerator"]) == ("planned", "")
    assert [row["why"] for row in page.assignments] == [
        "0 cases open before",
        "same interviewer, 0 cases open before",
    ]
    assert page.next == f"E1 visits or calls until {second['closes']} (wave 1, rm_followup)."


def test_before_a_wave_opens_it_says_when_and_for_whom(field):
    field.sample(1)
    field.baseline(1)
    field.settle(date(2026, 3, 6))
    page = seen(field, date(2026, 3, 6))
    assert page.next == f"Wave 1 opens on {page.waves[1]['opens']}, for E1 if the rules still allow."


def test_with_nobody_it_says_how_to_learn_why(field):
    for one in field.session.exec(select(Enumerator)):
        one.active = False
    field.sample(1)
    assert "with nobody: see why with `survey cases assign --dry-run`" in seen(field, date(2026, 3, 3)).next


def test_on_its_way_it_says_what_it_waits_for(field):
    followed(field)
    handover.freeze(field.session, ["VN-0001"], successor="E2", now=field.now, **SAID)
    page = seen(field)
    assert page.next.startswith("It waits, since 2026-03-06 08:30 UTC, for the tablet of E1 to send")
    assert page.next.endswith("then moves to E2.")
    handover.confirm(field.session, ["VN-0001"], now=field.now, **SAID)
    assert seen(field).next == "It moves from E1 to E2 with the next job `waves`."
    field.settle(APRIL)
    page = seen(field)
    assert [row["state"] for row in page.handovers] == ["frozen", "released", "moved"]
    assert page.waves[1]["enumerator"] == "E2"
    assert page.next.startswith("E2 visits or calls until")


def test_late_work_that_waits_is_on_it(field):
    followed(field)
    field.now += timedelta(hours=1)
    handover.freeze(field.session, ["VN-0001"], successor="E2", now=field.now, **SAID)
    handover.confirm(field.session, ["VN-0001"], now=field.now, **SAID)
    cases.settle(field.session, facts(field.session), field.plan, now=field.now, today=APRIL)
    field._sent += 120
    field.followup(1, enum_id="E1")
    page = seen(field)
    assert [row["ruling"] for row in page.late] == ["waits"]
    assert page.next.endswith("1 late submissions wait for a ruling: `survey cases late`.")


def test_who_left_has_nothing_more(field):
    followed(field)
    field.attempt(1, att_res=4100, att_who=2, wave=1)
    field.settle(APRIL)
    assert seen(field).next == "Nothing more is planned: died."


def test_no_name_no_phone_and_no_answer_is_on_it_of_nobody(field):
    followed(field)
    households.link(field.session, "VN-0001", "VN-0002", now=field.now, **SAID)
    page = seen(field)
    assert page.case["household"] == "VN-0002"
    text = str(asdict(page))
    for word in ("Nguyễn", "Lê Văn", "0912345678", "09880", "Chị Ba", "Xóm", "7.5", "inc_own"):
        assert word not in text
