"""What results say of themselves: columns, exponentiated tables, one-row glances, tests, text, frozenness."""

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from analysis import cox, kaplan_meier, logit, logrank, nelson_aalen
from analysis.fit import CURVE, CURVE_ESTIMATES, TIDY, coefficient_table

ROWS = pd.DataFrame(
    {
        "x": [0] * 6 + [1] * 6,
        "y": [1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 1, 0],
        "stop": [3, 5, 2, 8, 4, 9, 1, 2, 3, 7, 2, 6],
        "z": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8],
    }
)


def test_tidy_has_the_columns_of_the_house() -> None:
    table = logit("y ~ x + z", ROWS).tidy()
    assert table.columns.tolist() == TIDY
    row = table.iloc[1]
    assert row["statistic"] == pytest.approx(row["estimate"] / row["std_error"])
    assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * 1.959963984540054 * row["std_error"])


def test_exponentiated_limits_are_those_of_the_logarithm() -> None:
    fit = cox("x", ROWS, stop="stop", event="y")
    raw, ratio = fit.tidy().iloc[0], fit.tidy(exponentiate=True).iloc[0]
    assert np.log(ratio["conf_low"]) == pytest.approx(raw["conf_low"])
    assert ratio["std_error"] == pytest.approx(raw["std_error"] * ratio["estimate"])
    assert ratio["p_value"] == raw["p_value"]


def test_glance_is_one_row_and_the_wald_test_of_one_term_is_its_z_squared() -> None:
    fit = logit("y ~ x + z", ROWS)
    glance = fit.glance()
    assert len(glance) == 1
    assert glance["lr_statistic"][0] == pytest.approx(2 * (fit.loglik - fit.loglik_null))
    assert glance["aic"][0] == pytest.approx(2 * 3 - 2 * fit.loglik)
    assert fit.wald(["x"]).statistic == pytest.approx(fit.tidy()["statistic"][1] ** 2)
    assert fit.wald().df == 2
    with pytest.raises(ValueError, match="no term of the model; it has Intercept, x, z"):
        fit.wald(["q"])


def test_text_says_what_was_done_and_results_do_not_change() -> None:
    fit = logit("y ~ x", ROWS.assign(z=None), cluster="stop")
    assert all(
        word in str(fit) for word in ("logit: y ~ x", "clusters 9", "sandwich by stop, factor G", "Intercept")
    )
    with pytest.raises(FrozenInstanceError):
        fit.loglik = 0.0  # type: ignore[misc]
    test = logrank(ROWS, stop="stop", event="y", by="x")
    assert str(test).startswith("log-rank test by x: chi2(1) = ")
    assert test.tidy().columns.tolist() == ["name", "statistic", "df", "p_value"]


def test_health_counts_what_the_model_can_carry() -> None:
    fit = logit("y ~ x + z", ROWS.assign(g=ROWS["z"] % 3), cluster="g")
    card = fit.health()
    assert not card.ok
    assert card.facts["events per parameter"] == 3.0
    assert card.tidy()["code"].tolist() == ["fit.events_few", "fit.clusters_few"]


def test_curves_have_their_columns_groups_and_refusals() -> None:
    curve = kaplan_meier(ROWS, stop="stop", event="y", by="x")
    assert curve.table.columns.tolist() == [*CURVE, *CURVE_ESTIMATES]
    assert curve.groups == ("0", "1")
    assert curve.glance()["events"].tolist() == [2, 4]
    assert curve.glance()["median"].tolist()[1] == pytest.approx(curve.quantiles((0.5,))["estimate"][1])
    with pytest.raises(ValueError, match="no curve for group '2'"):
        curve.of("2")
    with pytest.raises(ValueError, match="read off a survival curve"):
        nelson_aalen(ROWS, stop="stop", event="y").quantiles()


def test_a_zero_error_has_no_statistic() -> None:
    table = coefficient_table(["a"], np.array([1.0]), np.array([0.0]))
    assert np.isnan(table["statistic"][0])
    assert np.isnan(table["p_value"][0])


def test_logit_is_the_function_however_its_module_was_loaded() -> None:
    import analysis.hazard
    from analysis.logit import logit as function

    assert analysis.logit is function
    assert set(analysis.__all__) >= {"cox", "clogit", "kaplan_meier", "cumulative_incidence", "logrank"}
