"""Requirements.

1. An amount beyond its bound is said in words, in each language, and has to be confirmed; others not.
2. Confirmed, any amount passes; not confirmed, the form cannot be finished before the amount is mended.
3. The bound follows the unit in which the person counts.
4. A row is asked to confirm only when its amount was asked; the words are as sensitive as the amount.
5. An annotation with an unknown kind, unit or word is an error that names the row.
6. The annotation leaves no trace: sheets written out once stay as they are.
7. Amounts and the interest rate of the forms have such checks; missing codes never set one off.
"""

from __future__ import annotations

import pytest

from instruments.expand.confirms import COLUMN, written
from instruments.expand.includes import shared_lists, write_out
from instruments.instrument import load
from instruments.sheets import rows

from .conftest import MEMBER, Answered, Desk

COSTS = {
    **{"enum_id": "E01", "corridor": 1, "frame_src": 1, "case_id": "NA-0001", "psu_code": "A01"},
    **{"int_mode": 1, "int_lang": 1, "interp": 0, "birth_y": 1992, "birth_m": 5, "scr_citizen": 1},
    **{"scr_lives": 1, "dep_y": 2026, "dep_m": 4, "ret_y": 2030, "ret_m": 9, "scr_purpose": 1},
    **{"priv_ok": 1, "con_part": 1, "con_sens": 1, "rc_ccy": 1, "rc_total": 150, "loan_amt": 100},
}


CHECKS = {
    question.name
    for form in ("rm_baseline", "rm_followup")
    for question in load(form).questions
    if question.list_name == "confirm"
}


def costs(desk: Desk, **answers: object) -> Answered:
    return desk.fill("rm_baseline", {**COSTS, **answers})


def checks(done: Answered) -> set[str]:
    return {name for name in done.asked if name in CHECKS}


@pytest.mark.parametrize(
    ("answers", "name", "english", "vietnamese"),
    [
        ({"rc_total": 99_999_999}, "rc_total", "99999 billion 999 million dong", "99999 tỷ 999 triệu đồng"),
        ({"rc_total": 2500.75}, "rc_total", "2 billion 500 million 750 thousand dong", None),
        ({"rc_ccy": 3, "rc_total": 812}, "rc_total", "8 million 120 thousand yen", "8 triệu 120 nghìn yên"),
        ({"rc_ccy": 4, "rc_total": 30_001}, "rc_total", "30 thousand 1 US dollars", None),
        ({"loan_amt": 260}, "loan_amt", "260 million dong", "260 triệu đồng"),  # the whole cost was 150
        ({"pay_first": 15, "jp_n_emp": 1}, "pay_first", "15 yen", "15 yên"),  # meant as man
        ({"pay_last": 1_250_300, "jp_n_emp": 1}, "pay_last", "1 million 250 thousand 300 yen", None),
    ],
)
def test_an_unusual_amount_is_said_in_words(
    desk: Desk, answers: dict, name: str, english: str, vietnamese: str | None
) -> None:  # 1, 3
    done = costs(desk, **answers, **{f"{name}_ok": 1})
    assert float(done.said[name]) == answers[name]
    assert done.said[f"{name}_en"] == english
    assert vietnamese in (None, done.said[f"{name}_vi"])
    assert done.said[f"{name}_ok"] == "1"


@pytest.mark.parametrize(
    "answers",
    [{}, {"rc_total": -98, "loan_amt": -99}, {"rc_ccy": 2, "rc_total": 900_000, "loan_amt": 600_000}],
)
def test_usual_and_missing_amounts_are_not_asked_again(desk: Desk, answers: dict) -> None:  # 1, 3, 7
    assert checks(costs(desk, **answers)) == set()


def test_an_amount_not_confirmed_has_to_be_mended(desk: Desk) -> None:  # 2
    done = costs(desk, rc_total=150_000, rc_total_ok=0)
    assert ("rc_total_ok", "Quay lại sửa số") in done.refused
    assert "rc_total_ok" not in done.said


def test_interest_is_said_for_a_year(desk: Desk) -> None:  # 7
    done = costs(desk, loan_rate=500, loan_rate_ok=1)
    assert (done.said["loan_rate_yr"], checks(done)) == ("6000", {"loan_rate_ok"})
    assert checks(costs(desk, loan_rate=1.2)) == set()


def test_a_person_abroad_confirms_in_the_currency_chosen(desk: Desk) -> None:  # 3
    who = {"enum_id": "E01", "returnee": MEMBER["name"], "con_part": 1, "con_sens": 1, "cur_loc": 4}
    done = desk.fill("rm_followup", {**who, "inc_ccy": 2, "inc_abr": 2_000_000, "inc_abr_ok": 1})
    assert done.said["inc_abr_vi"] == "2 triệu yên"
    assert checks(desk.fill("rm_followup", {**who, "inc_ccy": 1, "inc_abr": 30})) == set()


def test_a_check_is_asked_where_its_amount_was_and_guards_it_alike() -> None:  # 4
    for form in ("rm_baseline", "rm_followup"):
        instrument = load(form)
        blocks = {block.name: block for block in instrument.blocks}
        variables = {variable.name: variable for variable in instrument.variables}
        checked = [name.removesuffix("_chk") for name in blocks if name.endswith("_chk")]
        assert len(checked) > 8
        for name in checked:
            asked = blocks[f"{name}_chk"].cells["relevant"]
            assert instrument.question(name).cell("relevant") in asked
            assert f"${{{name}}} > " in asked
            for words in (f"{name}_en", f"{name}_vi", f"{name}_yr"):
                if words in variables:
                    assert variables[words].sensitivity == variables[name].sensitivity == "sensitive"


def test_every_amount_that_enters_an_estimate_has_a_check() -> None:  # 7
    names = {
        "rm_baseline": "pre_inc pay_contr pay_first pay_last sav_abr rc_total rc_depos rc_reimb loan_amt "
        "loan_rate loan_int sav_ret job_pay resv_wage inc_own debt_amt debt_pay sav_bal",
        "rm_followup": "rm_cost rm_loan rm_pay job_pay resv_wage inc_abr inc_own debt_amt debt_pay sav_bal",
    }
    for form, expected in names.items():
        blocks = [block.name for block in load(form).blocks]
        assert [name.removesuffix("_chk") for name in blocks if name.endswith("_chk")] == expected.split()


FIXED = {"million VND": "1", "JPY": "2"}
AMOUNT = {"type": "decimal", "name": "a", "codebook::unit": "million VND", COLUMN: "amount: ${a} > large"}


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        ({COLUMN: "sum: ${a} > 1"}, "confirm_sum"),
        ({"codebook::unit": "ducats"}, "ducats"),
        ({"codebook::unit": ""}, "''"),
    ],
)
def test_what_cannot_be_checked_is_an_error(cells: dict[str, str], missing: str) -> None:  # 5
    modules = {
        "confirm_amount": [
            {"type": "spell", "name": "{name}", "label::English (en)": "billion million thousand"}
        ]
    }
    with pytest.raises(ValueError, match=f"survey row 9: a cannot be checked, there is no .*{missing}"):
        written([("survey row 9", AMOUNT | cells)], modules, shared_lists()["ccy"], FIXED)


def test_the_annotation_leaves_no_trace() -> None:  # 6
    table = [["type", "name", "label::English (en)", "codebook::unit", COLUMN]]
    table.append(["decimal", "a", "How much?", "million VND", "amount: ${a} > 7"])
    whole = write_out({"survey": table}).sheets
    assert [row["name"] for row in rows(whole["survey"])] == ["a", "a_chk", "a_en", "a_ok", "a_chk"]
    assert COLUMN not in whole["survey"][0]
    assert write_out(whole).sheets == whole


def test_all_currencies_say_how_much_is_large_and_how_it_is_called() -> None:  # 5
    for unit in shared_lists()["ccy"]:
        assert {"times", "large", "coin_en", "coin_vi"} <= unit.keys()
        assert float(unit["times"]) * float(unit["large"]) > 0
