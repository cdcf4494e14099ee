"""Pooled logit by hand on eight rows, average effects by hand, then properties, separation and refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.special import logit as log_odds

from analysis import logit
from analysis.design import NotEstimable
from analysis.fit import FitWarning

ROUNDING = 1e-9
# x = 0: one of four says yes; x = 1: three of four.
EIGHT = pd.DataFrame({"x": [0] * 4 + [1] * 4, "y": [1, 0, 0, 0, 1, 1, 1, 0], "area": [1, 2, 3, 4] * 2})


def test_two_by_two_table_by_hand() -> None:
    """Log odds -log 3 and log 3: intercept -log 3, slope 2 log 3; Var slope = 1/1 + 1/3 + 1/3 + 1/1."""
    fit = logit("y ~ x", EIGHT)
    assert fit.terms == ("Intercept", "x")
    assert fit.estimates == pytest.approx([-np.log(3), 2 * np.log(3)], abs=ROUNDING)
    assert fit.covariance[1, 1] == pytest.approx(8 / 3, abs=ROUNDING)
    assert fit.loglik == pytest.approx(2 * (np.log(1 / 4) + 3 * np.log(3 / 4)))
    assert fit.loglik_null == pytest.approx(8 * np.log(1 / 2))


def test_effect_of_a_zero_one_variable_is_the_difference_of_shares() -> None:
    """3/4 - 1/4, with the binomial error √(2 · 3/16 / 4)."""
    effect = logit("y ~ x", EIGHT).effects().iloc[0]
    assert effect["contrast"] == "1 - 0"
    assert effect["estimate"] == pytest.approx(1 / 2, abs=ROUNDING)
    assert effect["std_error"] == pytest.approx(np.sqrt(2 * (3 / 16) / 4), abs=ROUNDING)


def test_cluster_sandwich_by_hand() -> None:
    """Residuals ±1/4, 3/4; scores by area: (1/4, 1/4 ...) summed, bread the inverse of 3/16 · [[8, 4], [4,
    4]].
    """
    fit = logit("y ~ x", EIGHT, cluster="area", cluster_factor="none")
    residual = np.array([3, -1, -1, -1, 1, 1, 1, -3]) / 4
    X = np.column_stack([np.ones(8), EIGHT["x"]])
    scores = (X * residual[:, None])[:4] + (X * residual[:, None])[4:]
    bread = np.linalg.inv(3 / 16 * np.array([[8, 4], [4, 4]]))
    raw = bread @ scores.T @ scores @ bread
    assert fit.covariance == pytest.approx(raw, abs=ROUNDING)
    corrected = logit("y ~ x", EIGHT, cluster="area")
    assert corrected.covariance == pytest.approx(raw * 4 / 3, abs=ROUNDING)
    both = logit("y ~ x", EIGHT, cluster="area", cluster_factor="Gnk")
    assert both.covariance == pytest.approx(raw * 4 / 3 * 7 / 6, abs=ROUNDING)
    with pytest.raises(ValueError, match="one of none, G, Gnk"):
        logit("y ~ x", EIGHT, cluster="area", cluster_factor="HC3")


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"age": rng.normal(35, 8, n), "edu": rng.choice(["low", "mid", "high"], n)})
    frame["edu"] = pd.Categorical(frame["edu"], ["low", "mid", "high"])
    frame["man"] = (rng.random(n) < 0.5).astype(int)
    eta = -2 + 0.05 * frame["age"] - 0.02 * frame["age"] * frame["man"] + 0.6 * (frame["edu"] == "high")
    frame["y"] = (rng.random(n) < expit(eta)).astype(int)
    frame["area"], frame["w"] = rng.integers(0, 30, n), rng.integers(1, 4, n)
    return frame


def test_categories_read_well_and_their_effects_are_changes_from_the_first() -> None:
    fit = logit("y ~ age + edu", people())
    assert fit.terms == ("Intercept", "age", "edu[mid]", "edu[high]")
    effects = fit.effects(["edu"])
    assert effects["contrast"].tolist() == ["mid - low", "high - low"]
    chances = [fit.predict(people().assign(edu=level))["estimate"].mean() for level in ("low", "mid", "high")]
    changes = [chances[1] - chances[0], chances[2] - chances[0]]
    assert effects["estimate"].tolist() == pytest.approx(changes)


@pytest.mark.parametrize(
    "formula", ["y ~ age * man + edu", "y ~ bs(age, df=4) + man", "y ~ age + I(age**2) + C(man)"]
)
def test_effects_go_through_interactions_and_splines(formula: str) -> None:
    """Against shifting the data and refitting nothing: means of predicted chances a little apart, delta by
    parameter.
    """
    frame = people()
    fit = logit(formula, frame, cluster="area")
    rows = fit.effects().set_index("term")
    low, high = frame["age"].min(), frame["age"].max()
    up, down = ((frame["age"] + s).clip(low, high) for s in (1e-3, -1e-3))
    slope = (fit.predict(frame.assign(age=up)) - fit.predict(frame.assign(age=down)))["estimate"] / (
        up - down
    )
    assert rows.loc["age", "estimate"] == pytest.approx(slope.mean(), rel=1e-5)
    change = (fit.predict(frame.assign(man=1)) - fit.predict(frame.assign(man=0)))["estimate"].mean()
    assert rows.loc["man", "estimate"] == pytest.approx(change, rel=1e-12)
    assert (rows["std_error"] > 0).all()


def test_effect_errors_are_the_delta_method() -> None:
    """The Jacobian in closed form against differences in each coefficient."""
    frame = people()
    fit = logit("y ~ age * man", frame, cluster="area")
    X = np.column_stack([np.ones(len(frame)), fit.design.X])
    names = list(fit.terms)

    def slope(b: np.ndarray) -> float:
        p = expit(X @ b)
        return float(
            np.mean(p * (1 - p) * (b[names.index("age")] + b[names.index("age:man")] * frame["man"]))
        )

    steps = np.diag(1e-6 * np.maximum(1, np.abs(fit.estimates)))
    jacobian = [(slope(fit.estimates + s) - slope(fit.estimates - s)) / (2 * s.max()) for s in steps]
    error = np.sqrt(np.array(jacobian) @ fit.covariance @ np.array(jacobian))
    assert fit.effects(["age"])["std_error"].iloc[0] == pytest.approx(error, rel=1e-6)


def test_order_units_and_copies_change_nothing() -> None:
    frame = people()
    fit = logit("y ~ age + man", frame, cluster="area")
    mixed = logit("y ~ age + man", frame.sample(frac=1, random_state=3), cluster="area")
    assert mixed.covariance == pytest.approx(fit.covariance, rel=1e-9)
    months = logit("y ~ age + man", frame.assign(age=frame["age"] * 12 + 2000), cluster="area")
    assert months.estimates[1] * 12 == pytest.approx(fit.estimates[1], rel=1e-9)
    weighted = logit("y ~ age + man", frame, weights="w", cluster="area", cluster_factor="none")
    copies = logit(
        "y ~ age + man", frame.loc[frame.index.repeat(frame["w"])], cluster="area", cluster_factor="none"
    )
    assert weighted.estimates == pytest.approx(copies.estimates, rel=1e-9)
    assert weighted.std_errors == pytest.approx(copies.std_errors, rel=1e-9)


def test_prediction_limits_are_made_on_the_logit_scale() -> None:
    chance = logit("y ~ x", EIGHT).predict(pd.DataFrame({"x": [1]})).iloc[0]
    assert chance["estimate"] == pytest.approx(3 / 4, abs=ROUNDING)
    width = log_odds(chance["conf_high"]) - log_odds(chance["estimate"])
    assert width == pytest.approx(1.959963984540054 * np.sqrt(1 + 1 / 3), rel=1e-9)
    with pytest.raises(ValueError, match="'x' is missing in 1 rows"):
        logit("y ~ x", EIGHT).predict(pd.DataFrame({"x": [None]}))


@pytest.mark.parametrize("kind", ["complete", "quasi"])
def test_separation_is_named(kind: str) -> None:
    frame = people()
    frame["sign"] = frame["y"] if kind == "complete" else frame["y"] * frame["man"]
    with pytest.warns(FitWarning, match="sign has no finite estimate"):
        fit = logit("y ~ age + sign", frame)
    assert "fit.separation" in fit.health().tidy().query("level == 'error'")["code"].tolist()


def test_rare_answers_are_not_called_separation() -> None:
    frame = people().assign(y=lambda d: (d.index % 40 == 0).astype(int))
    assert not logit("y ~ age + man", frame).diverging.any()


def test_bad_input_is_one_sentence() -> None:
    frame = people()
    with pytest.raises(NotEstimable, match="is 1 in all 400 rows"):
        logit("y ~ age", frame.assign(y=1))
    with pytest.raises(ValueError, match="'y' must be 0 or 1; it also holds 2"):
        logit("y ~ age", frame.assign(y=frame["y"] + 1))
    with pytest.raises(ValueError, match="'incme', which is no column of the data; did you mean 'income'"):
        logit("y ~ incme", frame.assign(income=1.0))
    with pytest.raises(ValueError, match="must read 'outcome ~ terms'"):
        logit("age + man", frame)
    with pytest.raises(TypeError, match="cov_type"):
        logit("y ~ age", frame, cov_type="HC1")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="no variable of the formula"):
        logit("y ~ age", frame).effects(["man"])
