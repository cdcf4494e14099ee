"""Discrete-time hazard by hand on two months, then what ties it to life tables, Cox and the logit."""

import numpy as np
import pandas as pd
import pytest

from analysis import hazard, kaplan_meier, logit
from analysis.design import NotEstimable
from analysis.fit import FitWarning

# Ten persons at risk in month 1, two leave; eight in month 2, four leave.
MONTHS = pd.DataFrame({"t": [1] * 10 + [2] * 8, "left": [1, 1] + [0] * 8 + [1] * 4 + [0] * 4})


def test_two_months_by_hand() -> None:
    """λ1 = -log 0.8, λ2 = -log 0.5, so the slope is log(λ2/λ1); Var log λ = h/((1 - h) n λ²) by the delta
    method.
    """
    fit = hazard("left ~ C(t)", MONTHS)
    first, second = -np.log(0.8), -np.log(0.5)
    assert fit.estimates == pytest.approx([np.log(first), np.log(second / first)], abs=1e-9)
    variance = [0.2 / (0.8 * 10 * first**2), 0.5 / (0.5 * 8 * second**2)]
    assert np.diag(fit.covariance) == pytest.approx([variance[0], sum(variance)], abs=1e-9)
    assert fit.loglik == pytest.approx(2 * np.log(0.2) + 8 * np.log(0.8) + 8 * np.log(0.5))


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_months_as_dummies_give_the_life_table_and_greenwood(link: str) -> None:
    fit = hazard("left ~ C(t)", MONTHS, link=link)
    people = pd.DataFrame({"stop": [1] * 2 + [2] * 8, "left": [1] * 6 + [0] * 4})
    table = kaplan_meier(people, stop="stop", event="left").at([1, 2])
    found = fit.survival(pd.DataFrame({"t": [1, 2]}))
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        assert found[column].tolist() == pytest.approx(table[column].tolist(), abs=1e-8)
    assert fit.predict(pd.DataFrame({"t": [2]}))["estimate"].iloc[0] == pytest.approx(0.5, abs=1e-9)


def test_logit_link_is_the_logit() -> None:
    rng = np.random.default_rng(8)
    frame = MONTHS.assign(x=rng.normal(size=18), g=np.arange(18) % 6)
    one, other = (
        hazard("left ~ t + x", frame, link="logit", cluster="g"),
        logit("left ~ t + x", frame, cluster="g"),
    )
    assert one.estimates == pytest.approx(other.estimates, abs=1e-12)
    assert one.covariance == pytest.approx(other.covariance, abs=1e-12)
    assert (one.ratio, hazard("left ~ t", MONTHS).ratio) == ("odds ratio", "hazard ratio")


def test_slope_is_the_hazard_ratio_whatever_the_length_of_the_period() -> None:
    """Truth log 2 under a constant hazard, in months and half-years alike; the odds ratio moves away."""
    rng = np.random.default_rng(12)
    x = rng.integers(0, 2, 4000)
    time = rng.exponential(10 / 2.0**x)

    def periods(length: float, link: str) -> float:
        last = np.minimum(np.ceil(time / length), np.floor(24 / length)).astype(int)
        rows = pd.DataFrame({"x": np.repeat(x, last), "t": np.concatenate([np.arange(k) + 1 for k in last])})
        rows["left"] = (rows["t"] * length >= np.repeat(time, last)).astype(int)
        return float(hazard("left ~ x", rows, link=link).estimates[1])

    assert periods(1, "cloglog") == pytest.approx(np.log(2), abs=0.1)
    assert periods(6, "cloglog") == pytest.approx(np.log(2), abs=0.1)
    assert periods(6, "logit") > np.log(2) + 0.2


def test_scores_and_copies_agree_under_weights() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"t": rng.integers(1, 9, 300), "x": rng.normal(size=300), "g": rng.integers(0, 20, 300)}
    )
    frame["left"], frame["w"] = (rng.random(300) < 0.2).astype(int), rng.integers(1, 4, 300)
    options = {"cluster": "g", "cluster_factor": "none"}
    weighted = hazard("left ~ log(t) + x", frame, weights="w", **options)
    copies = hazard("left ~ log(t) + x", frame.loc[frame.index.repeat(frame["w"])], **options)
    assert weighted.estimates == pytest.approx(copies.estimates, abs=1e-10)
    assert weighted.std_errors == pytest.approx(copies.std_errors, abs=1e-10)


def test_months_without_events_have_no_finite_hazard_and_it_is_said() -> None:
    frame = pd.concat([MONTHS, pd.DataFrame({"t": [3] * 4, "left": [0] * 4})])
    with pytest.warns(FitWarning, match=r"t\[3\] has no finite estimate"):
        fit = hazard("left ~ C(t)", frame)
    assert not fit.health().ok


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(NotEstimable, match="is 0 in all 18 rows"):
        hazard("left ~ t", MONTHS.assign(left=0))
    with pytest.raises(ValueError, match="one of cloglog, logit"):
        hazard("left ~ t", MONTHS, link="probit")
