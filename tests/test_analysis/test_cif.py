"""Cumulative incidence by hand on five rows, then what must hold on any rows."""

import numpy as np
import pandas as pd
import pytest

from analysis import cumulative_incidence, kaplan_meier
from analysis.fit import CURVE

# Causes at 1 (1), 2 (2), 4 (1), censored at 3 and 5. At risk 5, 4, 2.
FIVE = pd.DataFrame({"stop": [1, 2, 3, 4, 5], "cause": [1, 2, 0, 1, 0]})
ROLES = {"stop": "stop", "cause": "cause"}


def test_incidence_by_hand() -> None:
    """S before 1, 2, 4 is 1, 4/5, 3/5; so F1 = 1/5, then 1/5 + 3/10, and F2 = 1/5."""
    curve = cumulative_incidence(FIVE, **ROLES)
    assert curve.at([1, 4]).query("cause == 1")["estimate"].tolist() == pytest.approx([1 / 5, 1 / 2])
    assert curve.at([1, 4]).query("cause == 2")["estimate"].tolist() == pytest.approx([0, 1 / 5])


def test_aalen_variance_by_hand() -> None:
    """F1(4), with S 1, 4/5, 3/5 before, 4/5, 3/5, 3/10 after and F1 1/5, 1/5, 1/2: terms at 1, 2 and 4."""
    first = (1 / 5) ** 2 * (1 - (3 / 10) / (4 / 5)) ** 2
    other = (4 / 5 / 4) ** 2 * ((3 / 10) / (3 / 5)) ** 2
    last = (3 / 5 / 2) ** 2
    error = cumulative_incidence(FIVE, **ROLES).at([4]).query("cause == 1")["std_error"]
    assert error.iloc[0] ** 2 == pytest.approx(first + other + last)


def test_late_entry_by_hand() -> None:
    """Whoever enters at 2 is not at risk at 2: at risk 2, 3, 3 at times 1, 2, 4."""
    rows = pd.DataFrame(
        {"start": [0, 0, 1, 1, 2], "stop": [1, 4, 2, 5, 5], "cause": [2, 1, 1, 0, 0]},
    )
    curve = cumulative_incidence(rows, start="start", **ROLES)
    assert curve.of(cause=1).query("n_event > 0")["n_risk"].tolist() == [3, 3]
    first = 1 / 2 * 1 / 3
    assert curve.at([2, 4]).query("cause == 1")["estimate"].tolist() == pytest.approx(
        [first, first + 1 / 2 * 2 / 3 * 1 / 3]
    )


def random_rows(n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    start = rng.integers(0, 4, n)
    rows = pd.DataFrame(
        {"start": start, "stop": start + rng.integers(1, 12, n), "cause": rng.integers(0, 4, n)}
    )
    return rows.assign(
        area=rng.integers(0, 15, n), w=rng.integers(1, 4, n), person=np.arange(n), any=rows["cause"] > 0
    )


def test_causes_and_survival_add_up_to_one() -> None:
    rows = random_rows()
    times = np.arange(1, 14)
    shares = cumulative_incidence(rows, start="start", **ROLES).at(times).groupby("time")["estimate"].sum()
    survival = kaplan_meier(rows, start="start", stop="stop", event="any").at(times)["estimate"]
    assert shares.to_numpy() + survival.to_numpy() == pytest.approx(np.ones(len(times)), abs=1e-12)


def test_one_cause_has_the_jackknife_error_of_kaplan_meier() -> None:
    rows = random_rows().assign(one=lambda d: d["any"].astype(int))
    options = {"start": "start", "stop": "stop", "weights": "w", "cluster": "area"}
    incidence = cumulative_incidence(rows, cause="one", **options).at([4, 8])
    survival = kaplan_meier(rows, event="one", **options).at([4, 8])
    assert incidence["std_error"].tolist() == pytest.approx(survival["std_error"].tolist(), rel=1e-12)


def test_weights_are_copies_clustered_by_person() -> None:
    rows = random_rows()
    copies = rows.loc[rows.index.repeat(rows["w"])]
    weighted = cumulative_incidence(rows, start="start", **ROLES, weights="w").at([3, 7])
    copied = cumulative_incidence(copies, start="start", **ROLES, cluster="person").at([3, 7])
    pd.testing.assert_frame_equal(weighted, copied)


def test_jackknife_is_what_leaving_one_out_gives() -> None:
    """The infinitesimal jackknife against finite differences in the weight of each row."""
    rows = random_rows(30)
    step = 1e-5

    def incidence(weights: np.ndarray) -> float:
        at = cumulative_incidence(rows.assign(w=weights), start="start", **ROLES, weights="w").at([8])
        return float(at.query("cause == 1")["estimate"].iloc[0])

    one = np.ones(len(rows))
    slopes = [(incidence(one + step * e) - incidence(one - step * e)) / (2 * step) for e in np.eye(len(rows))]
    at = cumulative_incidence(rows, start="start", **ROLES, cluster="person").at([8]).query("cause == 1")
    assert at["std_error"].iloc[0] ** 2 == pytest.approx(np.square(slopes).sum(), rel=1e-6)


def test_among_those_still_here_later_the_curve_starts_at_zero_there() -> None:
    curve = cumulative_incidence(random_rows(), start="start", **ROLES, after=3)
    head = curve.of(cause=1).iloc[0]
    assert (head["time"], head["estimate"], head["conf_high"]) == (3, 0, 0)
    assert list(curve.table.columns[: len(CURVE)]) == CURVE


def test_causes_are_whole_numbers() -> None:
    with pytest.raises(
        ValueError, match=r"cause='cause' must be 0 \(censored\), 1, 2, … *; it is not in 1 rows"
    ):
        cumulative_incidence(FIVE.assign(cause=[1, 2, 0, 1.5, 0]), **ROLES)
