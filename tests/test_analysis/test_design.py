"""One builder owns rows: what is dropped and why, what is refused, and how formulas become columns.

1. Missing values, zero weights and rows without time are dropped and counted, each once, in that order. 2.
What cannot be meant is refused with column and rows.  3. Types of a release (Int64, boolean, string) all
work. 4. Groups follow the rows that stay.
"""

import numpy as np
import pandas as pd
import pytest

from analysis import cox, kaplan_meier
from analysis.design import Dropped, design, rows

PEOPLE = pd.DataFrame(
    {
        "start": [0, 0, 5, 2, 3, 0],
        "stop": [4, 6, 5, 1, 8, 9],
        "event": [1, 0, 0, 1, 1, 0],
        "age": [30, 41, None, 28, 35, 39],
        "w": [1.0, 2.0, 1.0, 1.0, 0.0, 3.0],
        "area": ["b", "a", "a", "b", "c", "a"],
    }
)
ROLES = {"start": "start", "stop": "stop", "event": "event"}


def test_rows_are_dropped_once_for_the_first_reason() -> None:
    used = rows(PEOPLE, variables=["age"], **ROLES, weights="w", cluster="area")
    assert used.dropped == (
        Dropped("missing age", 1),
        Dropped("weight zero in w", 1),
        Dropped("stop before start", 1),
    )
    assert used.kept.tolist() == [0, 1, 5]
    assert used.given == len(used.kept) + sum(d.rows for d in used.dropped)
    assert used.labels["cluster"] == ("a", "b")
    assert used.arrays["cluster"].tolist() == [1, 0, 0]


def test_rows_without_time_are_dropped_and_wrong_order_is_on_the_health_card() -> None:
    used = rows(PEOPLE, **ROLES)
    assert used.dropped == (Dropped("stop before start", 1), Dropped("no time at risk (start = stop)", 1))
    codes = cox("w", PEOPLE, **ROLES).health().tidy()["code"].tolist()
    assert "fit.time_order" in codes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event": [1, 0, 2, 1, 1, 0]}, "'event' must be 0 or 1; it also holds 2"),
        ({"w": [1, -2, 1, 1, 1, -3]}, r"weights='w' is negative in 2 rows \(index 1, 5\)"),
        ({"stop": ["4", "6", "5", "1", "8", "9"]}, "stop='stop' must hold numbers"),
        ({"stop": [4, np.inf, 5, 1, 8, 9]}, r"stop='stop' is infinite in 1 rows \(index 1\)"),
    ],
)
def test_what_cannot_be_meant_names_column_and_rows(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rows(PEOPLE.assign(**change), **ROLES, weights="w")


def test_negative_time_without_entry_is_refused() -> None:
    with pytest.raises(ValueError, match=r"stop='stop' is negative in 1 rows \(index 0\)"):
        kaplan_meier(PEOPLE.assign(stop=[-1, 6, 5, 1, 8, 9]), stop="stop", event="event")


def test_overlapping_rows_of_a_person_are_refused() -> None:
    frame = pd.DataFrame(
        {"start": [0, 3, 0], "stop": [4, 6, 9], "event": [0, 1, 0], "who": ["p1", "p1", "p2"]}
    )
    with pytest.raises(ValueError, match=r"1 rows overlap the row before of the same person \(index 1\)"):
        kaplan_meier(frame, **ROLES, person="who")
    with pytest.raises(ValueError, match="did you mean 'who'"):
        kaplan_meier(frame, **ROLES, person="whom")


def test_types_of_a_release_give_the_same_matrix() -> None:
    plain = pd.DataFrame(
        {"y": [0, 1, 1, 0], "n": [1, 2, 2, 3], "job": [1, 0, 1, 0], "edu": ["x", "y", "x", "z"]}
    )
    typed = plain.astype({"y": "Int64", "n": "Float64", "job": "boolean", "edu": "string"})
    one, other = (design("y ~ n * job + C(n) + edu", d, intercept=True, outcome=True) for d in (plain, typed))
    assert one.terms == ("n", "job", "n[2]", "n[3]", "edu[y]", "edu[z]", "n:job")
    assert other.terms == one.terms
    assert pytest.approx(one.X) == other.X


def test_categories_keep_their_order_and_lose_what_does_not_occur() -> None:
    frame = pd.DataFrame(
        {"y": [0, 1, 1], "edu": pd.Categorical(["mid", "low", "mid"], ["low", "mid", "high"])}
    )
    assert design("y ~ edu", frame, intercept=True, outcome=True).terms == ("edu[mid]",)
    single = design("y ~ edu", frame[frame["edu"] == "mid"], intercept=True, outcome=True)
    assert (single.terms, single.single) == ((), ("edu",))


def test_matrix_of_other_rows_follows_the_fit_and_refuses_values_not_seen() -> None:
    frame = pd.DataFrame({"y": [0, 1, 1, 0], "n": [1.0, 2, 4, 8], "edu": ["x", "y", "x", "z"]})
    made = design("y ~ center(n) + edu", frame, intercept=True, outcome=True)
    assert made.matrix(frame.iloc[[1]]) == pytest.approx(made.X[[1]])
    with pytest.raises(ValueError, match="'edu' holds q, which the fit has not seen"):
        made.matrix(frame.assign(edu="q"))


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("age +* w", "cannot be read"),
        ("log(zero)", r"log\(zero\) is not finite"),
        ("event ~ age", "needs no '~'"),
        ("age - 1", "takes the intercept out"),
        ("when", "'when' is a date"),
    ],
)
def test_formulas_that_make_no_columns_say_so(formula: str, message: str) -> None:
    frame = PEOPLE.assign(zero=0.0, when=pd.Timestamp("2026-01-01"))
    with pytest.raises(ValueError, match=message), np.errstate(divide="ignore"):
        design(formula, frame, intercept=False, outcome=False, **ROLES)


def test_arguments_are_never_changed() -> None:
    before = PEOPLE.copy()
    cox("w", PEOPLE, **ROLES, cluster="area")
    pd.testing.assert_frame_equal(PEOPLE, before)
