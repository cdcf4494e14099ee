"""Coupons, who came with them, and who recruited whom.

1. Each respondent gets the coupons they lack, in the code the forms ask for, never one that is taken; a
second time none. 2. Who comes with one is a case with its code for a number, at an attempt or at the
baseline, with an own wave 0; the same again adds nobody, on SQLite and PostgreSQL. 3. An unknown coupon,
one used twice, one never issued or handed out twice is a finding. 4. The tree says recruiter, seed,
generation, network size; who says they handed a coupon out is the recruiter. 5. The baseline form asks a
case number by the rule of the contact form, and of recruits a coupon in its place.
"""

import re
from datetime import date

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from instruments.instrument import load
from survey import answers, cases
from survey.config import Recruiting
from survey.errors import NotAllowed, SurveyError
from survey.facts import facts
from survey.models import Case, Coupon, Planned
from survey.sample import recruits
from survey.sample.reading import CASE_ID, FRAMES

RULES = Recruiting()
DAY = date(2026, 3, 6)


def issue(field, *case_ids: str) -> list[str]:
    given = recruits.issue(field.session, case_ids, RULES, seed=field.seed, who="office", now=field.now)
    return [row.code for row in given]


def seeded(field) -> list[str]:
    """One respondent, VN-0001, with three coupons."""
    field.sample(2)
    field.baseline(1, net_know=40, net_30d=12)
    field.settle(DAY)
    return issue(field, "VN-0001")


def redeem(field, code: str, number: int, **more) -> str:
    """A baseline of somebody who came with a coupon."""
    told = {"case_id": None, "frame_src": 6, "rds_coupon": code, "psu_code": "NA-0"}
    return field.baseline(number, **(told | more))


def settle(field, day: date = DAY) -> list[str]:
    new = recruits.enrol(field.session, field.plan, seed=field.seed, now=field.now)
    field.settle(day)
    return new


def found(field) -> list[str]:
    return [f.code for f in answers.gather(field.session).findings if f.code.startswith("coupon")]


def test_each_respondent_gets_three_coupons_once(field):
    codes = seeded(field)
    assert len(set(codes)) == 3
    assert all(re.fullmatch("RP[0-9]{5}", code) for code in codes)
    assert issue(field, "VN-0001") == []
    assert recruits.respondents(field.session) == ["VN-0001"]


def test_no_code_is_given_that_is_taken_and_codes_tell_nothing_of_their_order():
    first = recruits.fresh_codes(7, "RP", set(), 5)
    assert recruits.fresh_codes(7, "RP", set(first[:3]), 2) == first[3:]
    assert recruits.fresh_codes(8, "RP", set(), 5) != first
    assert first != sorted(first)


def test_coupons_are_for_cases_there_are(field):
    with pytest.raises(SurveyError, match="VN-9999"):
        issue(field, "VN-9999")


def test_who_comes_with_a_coupon_becomes_a_case_with_an_own_wave_0(open_field, each_engine):
    with Session(each_engine) as session:
        field = open_field(session)
        code = seeded(field)[0]
        sent = redeem(field, code, 3)
        assert settle(field) == [code]
        case = session.exec(select(Case).where(Case.case_id == code)).one()
        assert (case.frame_src, case.psu_code, case.stratum) == ("6", "NA-0", "rural")
        assert (case.sample, case.panel_id, case.recruited_on) == ("recruits", "NA000003", date(2026, 3, 5))
        assert session.exec(select(Planned.opens).where(Planned.case_id == code)).first() == date(2026, 3, 5)
        assert sent in set(answers.gather(session).forms["rm_baseline"].frame["instance_id"])
        assert facts(session).done[code, 0] == "interviewed"
        assert settle(field) == []


def test_an_attempt_with_a_coupon_for_a_number_makes_the_case_too(field):
    code = seeded(field)[1]
    field.send("rm_contact", {"case_id": code, "att_res": 2110, "soft_ref": 0, "att_stage": 1})
    assert settle(field) == [code]
    assert facts(field.session).done[code, 0] == "refused"


def test_without_coupons_nobody_is_enrolled(field):
    field.sample(1)
    redeem(field, "RP00001", 3)
    assert settle(field) == []


def test_an_unknown_coupon_is_a_finding_and_the_interview_is_kept(field):
    seeded(field)
    sent = redeem(field, "QQ12345", 3)
    assert settle(field) == []
    assert found(field) == ["coupon.unknown"]
    assert sent in {item.instance_id for item in answers.gather(field.session).quarantined}


def test_a_coupon_used_twice_is_a_finding_and_the_first_counts(field):
    code = seeded(field)[0]
    first, second = redeem(field, code, 3), redeem(field, code, 4)
    settle(field)
    gathered = answers.gather(field.session)
    assert found(field) == ["coupon.twice"]
    assert {item.instance_id for item in gathered.quarantined} == {second}
    assert first in set(gathered.forms["rm_baseline"].frame["instance_id"])


def test_the_tree_says_who_recruited_whom_and_how_many_they_know(field):
    one, two, _ = seeded(field)
    redeem(field, one, 3, net_know=9, net_30d=0)
    settle(field)
    (further, *_) = issue(field, one)
    redeem(field, further, 4, net_know=-98, net_30d=-98)
    redeem(field, two, 5, net_30d=7)
    settle(field)
    people = dict(field.session.exec(select(Case.case_id, Case.person_id)).all())
    links = {link.person_id: link for link in recruits.tree(field.session, RULES)}
    seed, first, second = (links[people[key]] for key in ("VN-0001", one, further))
    assert (seed.recruiter, seed.generation, seed.degree, seed.issued, seed.returned) == ("", 0, 12, 3, 2)
    assert (first.recruiter, first.generation, first.returned) == (seed.person_id, 1, 1)
    assert (first.net_30d, first.degree, first.mended) == (0, 1, True)
    assert (second.recruiter, second.seed, second.generation) == (first.person_id, seed.person_id, 2)
    assert (second.net_know, second.degree, second.mended) == (None, None, False)
    assert len(links) == 4
    by_known = {x.person_id: x.degree for x in recruits.tree(field.session, Recruiting(degree="net_know"))}
    assert by_known[seed.person_id] == 40


def test_who_says_they_handed_a_coupon_out_is_the_recruiter(field):
    code = seeded(field)[0]
    field.baseline(2, rds_out1=code)
    redeem(field, code, 3)
    settle(field)
    people = dict(field.session.exec(select(Case.case_id, Case.person_id)).all())
    recruiter = {x.person_id: x.recruiter for x in recruits.tree(field.session, RULES)}
    assert recruiter[people[code]] == people["VN-0002"]
    assert [f.code for f in recruits.coupon_findings(field.session)] == ["coupon.other_giver"]


def test_coupons_handed_out_that_were_not_issued_or_twice_are_findings(field):
    code = seeded(field)[0]
    field.baseline(2, rds_out1=code, rds_out2="QQ12345")
    field.sample(3)
    sent = field.baseline(3, rds_out3=code)
    settle(field)
    seen = [(f.code, f.where) for f in recruits.coupon_findings(field.session)]
    assert [name for name, _ in seen] == ["coupon.other_giver", "coupon.not_issued", "coupon.given_twice"]
    assert seen[-1][1] == f"rm_baseline/{sent}/rds_out3"
    words = " ".join(f.message for f in recruits.coupon_findings(field.session))
    assert "QQ12345" not in words
    assert code not in words


def test_the_list_of_coupons_says_which_came_back(field):
    codes = seeded(field)
    redeem(field, codes[0], 3)
    settle(field)
    rows = recruits.coupons_of(field.session)
    assert {row["coupon"]: row["came back"] for row in rows} == {code: code == codes[0] for code in codes}
    assert recruits.coupons_of(field.session, ["VN-0002"]) == []


def test_coupons_cannot_be_taken_back(open_field, each_engine):
    with Session(each_engine) as session:
        seeded(open_field(session))
        session.commit()
        assert len(session.exec(select(Coupon)).all()) == 3
        with pytest.raises(NotAllowed, match="coupon"):
            session.execute(text("DELETE FROM coupon"))


def test_the_baseline_asks_a_case_number_by_the_rule_of_the_contact_form():
    baseline, contact = load("rm_baseline"), load("rm_contact")
    asked, there = ({q.name: q.cells for q in form.questions} for form in (baseline, contact))
    assert asked["case_id"]["constraint"] == there["case_id"]["constraint"]
    assert asked["case_id"]["constraint"] == f"regex(., '{CASE_ID.pattern}')"
    assert asked["case_id"]["required"] == asked["rds_coupon"]["required"] == "yes"
    assert asked["case_id"]["relevant"] == f"${{frame_src}} != {recruits.FRAME}"
    assert asked["rds_coupon"]["relevant"] == f"${{frame_src}} = {recruits.FRAME}"
    known = {choice.name for choice in baseline.choices("frame_src")}
    assert known == (FRAMES - {""}) | {recruits.FRAME}


def test_a_coupon_is_a_number_that_both_forms_take():
    coupon = load("rm_baseline")
    rule = next(q.cells["constraint"] for q in coupon.questions if q.name == "rds_coupon")
    code = recruits.fresh_codes(1, RULES.letters, set(), 1)[0]
    assert re.fullmatch(rule.split("'")[1].strip("^$"), code)
    assert CASE_ID.match(code)


def test_a_release_holds_no_coupon(field):
    codes = seeded(field)
    assert not set(codes) & cases.secrets(field.session)  # nobody has come with one
    redeem(field, codes[0], 3)
    settle(field)
    assert codes[0] in cases.secrets(field.session)
