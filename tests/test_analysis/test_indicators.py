"""Indicators: worked examples, each the one in the docstring of its function or a row of indicators.md.

1. An input that decides a branch and is missing makes the result missing.
2. What was not asked because of an earlier answer does not.
3. Every indicator is a row of derived.csv or an intermediate step, and says its source and a worked example.
"""

import pandas as pd
import pytest

from analysis.indicators import INDICATORS, derive
from analysis.indicators.economic import migration_debt_open
from analysis.indicators.registry import indicator
from analysis.panel import FRAMES
from instruments.codebook import read_derived

TEXT = ("int_prep", "ret_res", "ast_org")
AT_HOME = {"int_abroad": 0}
NO_WORK = AT_HOME | {"atw_pay": 0, "atw_bus": 0, "atw_fam": 0, "abs_job": 0}
IDLE = NO_WORK | {"srch_4w": 0, "fut_start": 0, "wait_abr": 0, "avail_2w": 0, "want_work": 0, "why_nosrch": 6}
EMPLOYED = AT_HOME | {"atw_pay": 1, "atw_bus": 0}
FARM = AT_HOME | {"atw_pay": 0, "atw_bus": 1, "agf_chk": 1}
NA = pd.NA


def value(name, **answers):
    """The indicator for one person with these answers; all others are missing."""
    row = {c: pd.Series([v], dtype="string" if c in TEXT else "Float64") for c, v in answers.items()}
    row = {c: s if c in TEXT or c in DECIMAL else s.astype("Int64") for c, s in row.items()}
    return derive(pd.DataFrame(row), [name])[name].tolist()[0]


DECIMAL = ("debt_pay", "inc_own", "debt_amt")

LABOUR = [
    # answers, lf, lf_why, lf_dom, lf_13, employed
    (EMPLOYED, 1, NA, 1, 1, 1),
    (NO_WORK | {"abs_job": 1, "abs_why": 2, "agf_chk": 0}, 1, NA, 1, 1, 1),  # ill, keeps the job
    (
        NO_WORK | {"abs_job": 1, "abs_why": 6, "abs_3m": 1, "agf_chk": 0},
        1,
        NA,
        1,
        1,
        1,
    ),  # laid off, back soon
    (IDLE | {"abs_job": 1, "abs_why": 6, "abs_3m": 0}, 4, NA, 4, 4, 0),  # laid off for long
    (IDLE | {"abs_job": 1, "abs_why": 8, "abs_3m": 1}, 4, NA, 4, 4, 0),  # off season never keeps a job
    (FARM | {"agf_use": 2}, 1, NA, 1, 1, 1),  # farm mainly for sale
    (IDLE | FARM | {"agf_use": 3}, 4, NA, 4, 1, 0),  # farm mainly for the family
    (IDLE | {"wait_abr": 1}, 2, "waiting", 4, 2, 0),
    (IDLE | {"fut_start": 1, "avail_2w": 1}, 2, "future_starter", 2, 2, 0),
    (IDLE | {"srch_4w": 1, "avail_2w": 1, "want_work": NA}, 2, "seeker", 2, 2, 0),
    (IDLE | {"srch_4w": 1, "want_work": NA}, 3, "seeker_unavailable", 3, 3, 0),
    (IDLE | {"avail_2w": 1, "want_work": 1}, 3, "available", 3, 3, 0),
    (IDLE, 4, NA, 4, 4, 0),
    ({"int_abroad": 1}, 5, NA, 5, 5, NA),
    ({"int_abroad": NA}, NA, NA, NA, NA, NA),  # not interviewed
    (FARM | {"agf_use": NA}, NA, NA, NA, NA, NA),  # 1: for whom the produce is
    (NO_WORK | {"abs_job": 1, "abs_why": NA, "abs_3m": 0}, NA, NA, NA, NA, NA),  # 1: why away
    (IDLE | {"srch_4w": 1, "avail_2w": NA}, NA, NA, NA, NA, NA),  # 1: availability decides 2 or 3
    (IDLE | {"wait_abr": NA}, NA, NA, 4, NA, NA),  # 1: waiting decides, but not without that branch
]


@pytest.mark.parametrize(("answers", "lf", "why", "dom", "old", "employed"), LABOUR)
def test_labour_force_status_follows_the_branches_in_order(answers, lf, why, dom, old, employed):
    names = ("lf", "lf_why", "lf_dom", "lf_13", "employed")
    got = [value(name, **answers) for name in names]
    assert [g if g is not NA else "missing" for g in got] == [
        w if w is not NA else "missing" for w in (lf, why, dom, old, employed)
    ]


LADDER = [
    # int_des, int_plan, int_prep, wait_abr, lf → ladder, intent
    (1, 0, NA, NA, 1, 0, 0),
    (3, 0, "1", NA, 1, 1, 0),
    (1, 1, "1 2 5", NA, 1, 2, 1),  # search is no preparation
    (3, 1, "1 7", NA, 1, 3, 1),
    (1, 0, NA, 1, 2, 3, 1),  # waiting to leave
    (NA, 1, "1", NA, 1, 2, 1),  # desire does not decide above the plan
    (NA, 0, NA, NA, 1, NA, 0),  # rung 0 or 1, but no intent
    (3, NA, "1", NA, 1, NA, NA),
    (3, 1, NA, NA, 1, NA, 1),  # preparation refused: rung 2 or 3, intent either way
    (3, 0, "1", NA, 2, NA, NA),  # not working and not known whether waiting
    (NA, NA, NA, NA, 1, NA, NA),
]


@pytest.mark.parametrize(("des", "plan", "prep", "wait", "lf", "ladder", "intent"), LADDER)
def test_the_ladder_has_four_rungs_and_the_binary_is_kept_where_decided(
    des, plan, prep, wait, lf, ladder, intent
):
    answers = {"int_des": des, "int_plan": plan, "int_prep": prep, "wait_abr": wait, "lf": lf}
    got = (value("ladder", **answers), value("intent", **answers))
    assert tuple(map(str, got)) == tuple(map(str, (ladder, intent)))


WORKED = [
    ("own_use", FARM | {"agf_use": 3}, 1),
    ("own_use", FARM | {"agf_use": 2}, 0),
    ("own_use", FARM | {"agf_use": NA}, NA),
    ("own_use", EMPLOYED, 0),
    ("at_work", NO_WORK | {"abs_job": 1, "abs_why": 2}, 1),
    ("at_work", NO_WORK | {"abs_job": 1, "abs_why": 6, "abs_3m": 0}, 0),
    ("discouraged", {"lf": 3, "why_nosrch": 3}, 1),
    ("discouraged", {"lf": 4, "why_nosrch": 3}, 0),
    ("discouraged", {"lf": 5}, NA),
    ("underemployed", {"lf": 1, "job_hours": 20, "job_more": 1}, 1),
    ("underemployed", {"lf": 1, "job_hours": 40, "job_more": 1}, 0),
    ("underemployed", {"lf": 1, "job_hours": NA, "job_more": 0}, 0),
    ("underemployed", {"lf": 1, "job_hours": NA, "job_more": 1}, NA),
    ("skill_index", {"skill_use": 4, "skill_recog": 2}, 0.5),
    ("skill_index", {"skill_use": 4}, NA),
    ("int_unwilling", {"int_des": 1, "int_plan": 1}, 1),
    ("int_unwilling", {"int_des": 3, "int_plan": 1}, 0),
    ("prep_no_plan", {"int_des": 3, "int_plan": 0, "int_prep": "7"}, 1),
    ("prep_no_plan", {"int_des": 1, "int_plan": 0}, 0),
    ("dsr", {"debt_any": 1, "debt_pay": 2, "inc_own": 8}, 0.25),
    ("dsr", {"debt_any": 0}, 0),
    ("dsr", {"debt_any": 1, "debt_pay": 2, "inc_own": 0}, NA),
    ("dsr_inf", {"debt_any": 1, "debt_pay": 2, "inc_own": 0}, 1),
    ("dsr_inf", {"debt_any": 1, "debt_pay": 0, "inc_own": 0}, 0),
    ("dsr_inf", {"debt_any": NA, "inc_own": 0}, NA),
    ("dti", {"debt_any": 1, "debt_amt": 96, "inc_own": 8}, 1),
    ("dti", {"debt_any": 0, "inc_own": 0}, 0),
    ("mdebt_here", {"mdebt_st": 2}, 0),
    ("mdebt_here", {"mdebt_st": 3}, 1),
    ("mdebt_here", {"mdebt_now": 3}, 1),
    ("mdebt_here", {"mdebt_st": NA}, NA),
    ("willing", {"ret_own": 4}, 0.75),
    ("ready", {"ret_ready": 3, "ret_res": "1 4"}, 0.5),
    ("ready", {"ret_ready": 5, "ret_res": "0"}, 0.5),
    ("ready", {"ret_ready": 5, "ret_res": "1 2 3 4 5 6"}, 1),
    ("ready", {"ret_ready": 5, "ret_res": NA}, NA),
    ("fam_index", {"fam_ask": 4, "fam_press": 5, "com_rich": 2}, 2 / 3),
    ("fam_index", {"fam_ask": 4, "fam_press": 5}, 0.875),
    ("fam_index", {"com_rich": 2}, NA),
    ("assisted", {"ast_org": "4 10"}, 1),
    ("assisted", {"ast_org": "0"}, 0),
    ("assisted", {"ast_org": "96"}, 0),
    ("assisted", {"ast_org": NA}, NA),
    ("distress", {"wb_low": 1, "wb_worry": 2, "wb_sleep": 0, "wb_alone": 3}, 6),
    ("distress", {"wb_low": 1, "wb_worry": 2, "wb_sleep": 0, "wb_alone": NA}, NA),
    ("unsd98", {"scr_citizen": 1, "ret_stay12": 1, "abroad_lo": 36, "abroad_hi": 36}, 1),
    ("unsd98", {"scr_citizen": 1, "ret_stay12": 0, "abroad_lo": 36, "abroad_hi": 36}, 0),
    ("unsd98_long", {"scr_citizen": 1, "ret_stay12": 1, "abroad_lo": 11, "abroad_hi": 11}, 0),
    ("unsd98_long", {"scr_citizen": 1, "ret_stay12": 1, "abroad_lo": 11, "abroad_hi": 13}, NA),
    ("unsd98_long", {"scr_citizen": 1, "ret_stay12": 1, "abroad_lo": 12, "abroad_hi": 13}, 1),
    ("icls20_ret_worker", {"scr_lives": 1, "scr_purpose": 1, "abroad_lo": 36, "abroad_hi": 36}, 1),
    (
        "icls20_ret_worker",
        {"scr_lives": 1, "scr_purpose": 3, "jp_n_emp": 0, "abroad_lo": 36, "abroad_hi": 36},
        0,
    ),
    ("hoang2020", {"area": 1, "ret_own": 4, "abroad_lo": 36, "abroad_hi": 36}, 1),
    ("hoang2020", {"area": 2, "ret_own": 4, "abroad_lo": 36, "abroad_hi": 36}, 0),
    ("cris", {"abroad_lo": 36, "abroad_hi": 36, "since_lo": 4, "since_hi": 4}, 1),
    ("cris", {"abroad_lo": 36, "abroad_hi": 36, "since_lo": 3, "since_hi": 3}, 0),
    ("cris", {"abroad_lo": 36, "abroad_hi": 36, "since_lo": 121, "since_hi": 121}, 0),
    ("cris", {"abroad_lo": 36, "abroad_hi": 36, "since_lo": 2, "since_hi": 8}, NA),
]


@pytest.mark.parametrize(("name", "answers", "expected"), WORKED)
def test_the_worked_examples_come_out(name, answers, expected):
    got = value(name, **answers)
    if expected is NA:
        assert got is NA
    else:
        assert got == pytest.approx(expected)


def test_a_migration_debt_once_told_as_over_stays_over():
    rows = [("A", 1, 1), ("A", 1, NA), ("A", 1, 0), ("A", 1, NA), ("A", 0, NA), ("B", 1, NA)]
    waves = pd.DataFrame(rows, columns=["person_id", "interviewed", "mdebt_here"]).astype(
        {"interviewed": "Int64", "mdebt_here": "Int64"}
    )
    assert migration_debt_open(waves).tolist() == [1, NA, 0, 0, NA, NA]


def test_inputs_are_made_first_and_given_ones_are_kept():
    frame = pd.DataFrame({"lf": pd.array([1], "Int64"), "job_hours": pd.array([10], "Int64")})
    assert list(derive(frame, ["employed"]).columns) == ["lf", "job_hours", "employed"]
    assert derive(pd.DataFrame(index=[0]), ["employed"])["employed"].isna().all()
    with pytest.raises(KeyError, match="nothing"):
        derive(frame, ["nothing"])


def test_a_name_is_filed_once():
    with pytest.raises(ValueError, match="Two functions compute lf"):
        indicator("lf", source="")(lambda lf: lf)


def test_every_indicator_stands_in_derived_csv_with_frame_and_example():  # 3
    rows = {(v.frame, v.name) for v in read_derived()}
    steps = {"at_work", "mdebt_here"}  # inputs of others, not released
    assert {(i.frame, i.name) for i in INDICATORS.values() if i.name not in steps} <= rows
    assert all(i.source for i in INDICATORS.values())
    assert [i.name for i in INDICATORS.values() if "Example:" not in (i.compute.__doc__ or "")] == []


def test_the_unit_of_an_indicator_is_the_one_of_the_codebook():
    units = {(v.frame, v.name): v.unit for v in read_derived()}
    released = [i for i in INDICATORS.values() if (i.frame, i.name) in units]
    assert {i.name: i.unit.replace("–", "-") for i in released} == {
        i.name: units[i.frame, i.name].replace("–", "-") for i in released
    }


def test_indicators_have_the_type_of_their_column():
    dtypes = {(frame, name): dtype for frame, columns in FRAMES.items() for name, dtype in columns}
    assert [i.name for i in INDICATORS.values() if dtypes.get((i.frame, i.name), i.dtype) != i.dtype] == []
