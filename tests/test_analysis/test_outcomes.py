"""Outcomes: final AAPOR code of a case in a wave (indicators.md, section 11)."""

import pandas as pd
import pytest

from analysis.outcomes import CLASSES, final_outcome, interview_outcome, outcome_class

FULL = {
    **{"con_part": 1, "elig": 1, "res_code": 1100, "at_work": 1, "int_abroad": 0},
    **{"int_plan": 0, "int_des": 1, "has_calendar": 1},
}


def attempts(*codes):
    rows = [("A", 1, n, code) for n, code in enumerate(codes, 1)]
    frame = pd.DataFrame(rows, columns=["person_id", "wave", "att_no", "att_res"])
    return frame.astype({"person_id": "string", "att_res": "Int64"})


def interviews(*codes):
    rows = [("A", 1, code) for code in codes]
    frame = pd.DataFrame(rows, columns=["person_id", "wave", "outcome"])
    return frame.astype({"person_id": "string", "wave": "int64", "outcome": "Int64"})


@pytest.mark.parametrize(
    ("codes", "final"),
    [
        ((2210, 2110), 2110),
        ((2110, 2210), 2110),  # the most advanced, not the last
        ((2130, 2110), 2130),  # withdrawal before refusal
        ((2110, 2120), 2110),  # refusal before break-off
        ((2320, 2210), 2320),
        ((2210, 3200), 2210),
        ((2210, 2240), 2240),  # among equals the latest
        ((2110, 4100), 4100),  # death overrides all
        ((1900, 2210), 1900),
        ((1900, 2110), 2110),
    ],
)
def test_the_final_code_is_the_most_advanced_of_the_attempts(codes, final):
    made, findings = final_outcome(attempts(*codes), interviews())
    assert made["outcome"].tolist() == [final]
    assert findings == []


def test_an_interview_counts_before_all_but_death():
    assert final_outcome(attempts(2110), interviews(1200))[0]["outcome"].tolist() == [1200]
    assert final_outcome(attempts(4300), interviews(1100))[0]["outcome"].tolist() == [4300]


def test_an_interview_that_only_an_attempt_claims_is_logged_and_left_aside():
    made, (finding,) = final_outcome(attempts(2210, 1100), interviews())
    assert made["outcome"].tolist() == [2210]
    assert (finding.code, finding.where) == ("outcome.no_interview", "attempts/A/wave 1")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 1100),
        ({"at_work": pd.NA}, 2120),  # consent, but nothing usable
        ({"int_plan": pd.NA, "int_des": pd.NA}, 1200),
        ({"has_calendar": 0}, 1200),
        ({"int_abroad": 1, "at_work": pd.NA, "int_plan": pd.NA, "int_des": pd.NA}, 1100),
        ({"con_part": 0, "res_code": 2110}, 2110),
        ({"con_part": 0, "res_code": 2130}, 2130),
        ({"con_part": 0, "res_code": pd.NA}, 2110),
        ({"con_part": pd.NA, "elig": 0, "res_code": 4200}, 4200),
        ({"con_part": pd.NA, "elig": 0, "res_code": 4300}, 4300),
        ({"con_part": pd.NA}, pd.NA),
    ],
)
def test_an_interview_speaks_for_itself(changed, code):
    row = pd.DataFrame({k: pd.array([v], "Int64") for k, v in (FULL | changed).items()})
    assert interview_outcome(row).tolist() == [code]


def test_every_code_has_one_class():
    codes = [code for codes in CLASSES.values() for code in codes]
    assert len(codes) == len(set(codes)) == 19
    assert outcome_class(pd.Series([2240, 4100, None], dtype="Int64")).tolist() == ["NC", "NE", pd.NA]
