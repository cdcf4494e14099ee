"""Conditional logit by hand on pairs and a quintet, then elementary symmetric functions against enumeration.

1. Who says something: only persons whose answer changes.  2. Numbers by hand.  3. Large T neither overflows
nor loses digits.  4. Properties: order, units, person effects, turning 0 and 1 round.  5. No probabilities;
odds and (1 - ybar)b.
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln

from analysis import clogit, logit
from analysis.design import NotEstimable
from analysis.fit import FitWarning
from analysis.kernels import clogit as kernel

ROUNDING = 1e-9


def test_pairs_by_hand() -> None:
    """Of four changing pairs three chose the row with x = 1: b = log 3, information 4·(3/4)(1/4) = 3/4."""
    frame = pd.DataFrame(
        {"person": np.repeat([1, 2, 3, 4], 2), "x": [0, 1] * 4, "y": [0, 1, 0, 1, 0, 1, 1, 0]}
    )
    fit = clogit("y ~ x", frame, person="person")
    assert fit.estimates[0] == pytest.approx(np.log(3), abs=ROUNDING)
    assert fit.covariance[0, 0] == pytest.approx(4 / 3, abs=ROUNDING)
    assert fit.loglik == pytest.approx(3 * np.log(3 / 4) + np.log(1 / 4), abs=ROUNDING)
    assert fit.loglik_null == pytest.approx(4 * np.log(1 / 2), abs=ROUNDING)


def test_two_of_four_by_hand() -> None:
    """x = 1, 1, 0, 0, ones in the first and third: r/(r² + 4r + 1) at r = 1; Var Σx = 2·½·½·⅔ = 1/3."""
    frame = pd.DataFrame({"person": 1, "x": [1, 1, 0, 0], "y": [1, 0, 1, 0]})
    fit = clogit("y ~ x", frame, person="person")
    assert fit.estimates[0] == pytest.approx(0, abs=ROUNDING)
    assert fit.loglik == pytest.approx(-np.log(6))
    assert 1 / fit.covariance[0, 0] == pytest.approx(1 / 3)


def enumerated(eta: np.ndarray, x: np.ndarray, k: int) -> tuple[float, np.ndarray, np.ndarray]:
    """log B_k, gradient and Hessian from all subsets of size k."""
    sets = list(combinations(range(len(eta)), k))
    weight = np.array([np.exp(eta[list(s)].sum()) for s in sets])
    sums = np.array([x[list(s)].sum(axis=0) for s in sets])
    share = weight / weight.sum()
    mean = share @ sums
    return float(np.log(weight.sum())), mean, (sums * share[:, None]).T @ sums - np.outer(mean, mean)


@pytest.mark.parametrize(("T", "k"), [(5, 1), (5, 2), (6, 3), (9, 4), (7, 6)])
def test_recursion_is_the_sum_over_subsets(T: int, k: int) -> None:
    rng = np.random.default_rng(T * 10 + k)
    eta, x = rng.normal(0, 2, (3, T)), rng.normal(0, 1, (3, T, 2))
    value, gradient, hessian = kernel.log_symmetric(eta, x, np.full(3, k))
    for g in range(3):
        slow = enumerated(eta[g], x[g], k)
        assert value[g] == pytest.approx(slow[0], rel=1e-12)
        assert gradient[g] == pytest.approx(slow[1], rel=1e-10, abs=1e-12)
        assert hessian[g] == pytest.approx(slow[2], rel=1e-9, abs=1e-11)


def test_persons_with_different_numbers_of_ones_share_a_recursion() -> None:
    rng = np.random.default_rng(1)
    eta, x, k = rng.normal(0, 1, (3, 8)), rng.normal(0, 1, (3, 8, 2)), np.array([2, 4, 3])
    value, gradient, _ = kernel.log_symmetric(eta, x, k)
    for g in range(3):
        slow = enumerated(eta[g], x[g], int(k[g]))
        assert value[g] == pytest.approx(slow[0], rel=1e-12)
        assert gradient[g] == pytest.approx(slow[1], rel=1e-10)


@pytest.mark.parametrize("shift", [0.0, 300.0, -300.0])
def test_two_thousand_rows_a_person_do_not_overflow(shift: float) -> None:
    """With equal odds e, B_k = C(T, k) e^k, and the chosen x have the variance of drawing without
    replacement.
    """
    T, k = 2000, 900
    x = (np.arange(T) < 600).astype(float)[None, :, None]
    value, gradient, hessian = kernel.log_symmetric(np.full((1, T), shift), x, np.array([k]))
    choose = gammaln(T + 1) - gammaln(k + 1) - gammaln(T - k + 1)
    assert value[0] == pytest.approx(choose + k * shift, rel=1e-11)
    assert gradient[0, 0] == pytest.approx(k * 0.3, rel=1e-9)
    assert hessian[0, 0, 0] == pytest.approx(k * 0.3 * 0.7 * (T - k) / (T - 1), rel=1e-6)


def panel(persons: int = 120, waves: int = 6) -> pd.DataFrame:
    """Unbalanced persons with levels of their own that go with x."""
    rng = np.random.default_rng(77)
    frame = pd.DataFrame(
        {"person": np.repeat(np.arange(persons), waves), "wave": np.tile(np.arange(waves), persons)}
    )
    level = rng.normal(0, 1.5, persons)[frame["person"]]
    frame["x"] = rng.normal(0, 1, len(frame)) + level / 2
    frame["job"] = (rng.random(len(frame)) < 0.5).astype(int)
    chance = 1 / (1 + np.exp(-(0.8 * frame["x"] - 0.5 * frame["job"] + level - 0.4)))
    frame["y"] = (rng.random(len(frame)) < chance).astype(int)
    frame["area"] = frame["person"] % 20
    return frame[rng.random(len(frame)) < 0.85].reset_index(drop=True)


def test_who_says_something_is_counted() -> None:
    frame = panel()
    fit = clogit("y ~ x + job", frame, person="person")
    level = frame.groupby("person")["y"].mean()
    changing = level[(level > 0) & (level < 1)].index
    rows = frame["person"].isin(changing)
    assert fit.counts["persons"] == len(changing)
    assert fit.counts["rows"] == rows.sum()
    assert (fit.counts["persons_always_0"], fit.counts["persons_always_1"]) == (
        (level == 0).sum(),
        (level == 1).sum(),
    )
    assert fit.dropped[-1].reason == "answer does not change within the person"
    assert fit.dropped[-1].rows == (~rows).sum()
    alone = clogit("y ~ x + job", frame[rows], person="person")
    assert alone.estimates == pytest.approx(fit.estimates, abs=1e-10)
    who = fit.selection().set_index("term")
    assert who.loc["y", "used"] == pytest.approx(frame.loc[rows, "y"].mean())
    assert who.loc["x", "unchanged"] == pytest.approx(frame.loc[~rows, "x"].mean())


def test_order_person_effects_and_turning_the_answer_round_change_nothing() -> None:
    frame = panel()
    fit = clogit("y ~ x + job", frame, person="person", cluster="area")
    mixed = frame.sample(frac=1, random_state=2).assign(person=lambda d: -d["person"])
    level = np.random.default_rng(0).normal(0, 50, 120)[frame["person"]]
    for other in (mixed, frame.assign(x=frame["x"] + level)):
        again = clogit("y ~ x + job", other, person="person", cluster="area")
        assert again.estimates == pytest.approx(fit.estimates, abs=1e-8)
        assert again.std_errors == pytest.approx(fit.std_errors, abs=1e-8)
    turned = clogit("y ~ x + job", frame.assign(y=1 - frame["y"]), person="person", cluster="area")
    assert turned.estimates == pytest.approx(-fit.estimates, abs=1e-9)
    assert turned.std_errors == pytest.approx(fit.std_errors, abs=1e-9)


def test_cluster_error_is_the_sandwich_of_person_scores() -> None:
    """Scores by finite differences of each area's own log-likelihood."""
    frame = panel()
    fit = clogit("y ~ x + job", frame, person="person", cluster="area", cluster_factor="none")

    def loglik(area: int, beta: np.ndarray) -> float:
        part = frame[frame["area"] == area]
        total = 0.0
        for _, own in part.groupby("person"):
            k = int(own["y"].sum())
            if 0 < k < len(own):
                x = own[["x", "job"]].to_numpy(float)
                total += own["y"].to_numpy() @ x @ beta - enumerated(x @ beta, x, k)[0]
        return total

    h = 1e-5 * np.eye(2)
    scores = np.array(
        [[(loglik(a, fit.estimates + e) - loglik(a, fit.estimates - e)) / 2e-5 for e in h] for a in range(20)]
    )
    slow = fit.naive_covariance @ scores.T @ scores @ fit.naive_covariance
    assert fit.covariance == pytest.approx(slow, rel=1e-5)
    assert fit.counts["clusters"] == 20


def test_weights_are_copies_of_persons() -> None:
    frame = panel(40).assign(w=lambda d: 1 + d["person"] % 3)
    copies = pd.concat([frame[frame["w"] > i].assign(copy=i) for i in range(3)])
    copies["twin"] = copies["person"] * 10 + copies["copy"]
    weighted = clogit("y ~ x", frame, person="person", weights="w", cluster_factor="none")
    copied = clogit("y ~ x", copies, person="twin", cluster="person", cluster_factor="none")
    assert weighted.estimates == pytest.approx(copied.estimates, abs=1e-10)
    assert weighted.std_errors == pytest.approx(copied.std_errors, abs=1e-10)


def test_pooled_is_biased_where_the_conditional_fit_is_not() -> None:
    """Truth 0.8: levels that go with x pull the pooled fit off by over 3 SE, not the conditional one."""
    frame = panel(600)
    fixed, pooled = (
        clogit("y ~ x + job", frame, person="person"),
        logit("y ~ x + job", frame, cluster="person"),
    )
    assert abs(fixed.estimates[0] - 0.8) < 3 * fixed.std_errors[0]
    assert pooled.estimates[1] > 0.8 + 3 * pooled.std_errors[1]


def test_probabilities_are_refused_and_semi_elasticities_given() -> None:
    fit = clogit("y ~ x + job", panel(), person="person")
    with pytest.raises(ValueError, match="no probabilities"):
        fit.predict()
    effect = fit.effects(["x"]).iloc[0]
    assert effect["estimate"] == pytest.approx((1 - fit.mean_outcome) * fit.estimates[0])
    assert fit.mean_outcome == pytest.approx(fit.counts["events"] / fit.counts["rows"])
    assert np.log(fit.tidy(exponentiate=True)["estimate"]).tolist() == pytest.approx(fit.estimates.tolist())


def test_constant_terms_within_persons_have_no_estimate() -> None:
    fit = clogit("y ~ x + area", panel(), person="person")
    assert np.isnan(fit.estimates[1])
    assert fit.health().tidy()["code"].tolist() == ["fit.rank", "fit.dropped"]


def test_bad_input_is_one_sentence() -> None:
    frame = panel()
    with pytest.raises(NotEstimable, match="in none of 120 persons"):
        clogit("y ~ x", frame.assign(y=1), person="person")
    with pytest.raises(NotEstimable, match="none of area changes"):
        clogit("y ~ area", frame, person="person")
    with pytest.raises(ValueError, match="must contain whole persons"):
        clogit("y ~ x", frame, person="person", cluster="wave")
    with pytest.raises(ValueError, match="must not change within a person"):
        clogit("y ~ x", frame.assign(w=frame["wave"] + 1), person="person", weights="w")
    with pytest.warns(FitWarning, match="no finite estimate"):
        fit = clogit("y ~ x + sure", frame.assign(sure=frame["y"]), person="person")
    assert not fit.health().ok
