"""Answers: codes that stand for a reason become missing, and windows of calendars follow one another."""

import pandas as pd

from analysis.answers import known, returns, windows
from instruments.codebook import Codebook, Variable

DK = {"98": "dont_know", "99": "refused"}
BOOK = Codebook(
    [
        Variable("int_plan", form="f", type="select_one", missing=DK),
        Variable("ast_org", form="f", type="select_multiple", missing=DK),
        Variable("inc_own", form="f", type="decimal", missing={"-98": "dont_know"}),
        Variable("prov", form="f", type="select_one", missing={"98": "unknown"}),
        Variable("age", form="f", type="integer"),
    ]
)


def test_do_not_know_and_refused_become_missing_in_every_type():
    told = pd.DataFrame(
        {
            "int_plan": pd.array([1, 98, 99], "Int64"),
            "ast_org": pd.array(["4 10", "98", "1 98"], "string"),
            "inc_own": pd.array([98.0, -98.0, 0.0], "Float64"),
            "prov": pd.array(["01", "98", "40"], "string"),
            "age": pd.array([98, 99, 30], "Int64"),
            "free": pd.array(["98", None, "x"], "string"),
        }
    )
    before = told.copy(deep=True)
    made = known(told, BOOK, "f")
    assert made["int_plan"].tolist() == [1, pd.NA, pd.NA]
    assert made["ast_org"].tolist() == ["4 10", pd.NA, pd.NA]
    assert made["inc_own"].tolist() == [98.0, pd.NA, 0.0]
    assert made["prov"].tolist() == ["01", pd.NA, "40"]
    assert made["age"].tolist() == [98, 99, 30]  # no missing codes declared: 98 is an age
    assert made["free"].tolist() == ["98", pd.NA, "x"]
    pd.testing.assert_frame_equal(told, before)


def met(*rows):
    columns = ["person_id", "wave", "int_cm", "skip", "usable", "di_fix"]
    kinds = {"wave": "Int64", "int_cm": "Int64", "skip": "int64", "di_fix": "Int64"}
    return pd.DataFrame(rows, columns=columns).astype(kinds)


def test_a_calendar_holds_from_the_return_or_two_years_back_and_then_from_the_interview_before():
    rows = met(
        *[("A", 0, 1500, 0, True, None), ("A", 1, 1506, 1, False, None), ("A", 2, 1512, 0, True, None)],
        *[("B", 0, 1500, 0, True, None), ("C", 1, 1506, 1, True, None)],
    )
    made = windows(rows, pd.DataFrame({"ret_lo": {"A": 1490, "B": 1400}}))
    assert made[["person_id", "wave", "from_cm"]].to_numpy().tolist() == [
        *[["A", 0, 1490], ["A", 2, 1500], ["B", 0, 1476], ["C", 1, 1482]]
    ]
    assert made["skip"].tolist() == [0, 0, 0, 0]  # nothing can be carried on without an interview before


def test_a_return_of_unknown_month_lies_between_departure_and_interview():
    row = {"person_id": "A", "int_cm": 1500, "dep_y": 2024, "dep_m": 5, "ret_y": 2024, "ret_m": 98}
    made = returns(pd.DataFrame([row])).loc["A"]
    assert made[["dep_lo", "dep_hi", "ret_lo", "ret_hi"]].tolist() == [1493, 1493, 1493, 1500]
    assert made[["abroad_lo", "abroad_hi", "since_lo", "since_hi"]].tolist() == [0, 7, 0, 7]
