"""Cox by hand on six and five rows, then the properties that no data may break.

1. Ties (Breslow, Efron, exact) as worked on paper.  2. (start, stop]: a row that starts at an event is not at
risk. 3. Splitting rows, their order, doubling against weights, units and origins change nothing.  4. Strata,
clusters. 5. Separation, constant terms, no events: said, never a number that means nothing.  6. One way in, a
closed list.
"""

import numpy as np
import pandas as pd
import pytest

from analysis import cox
from analysis.design import NotEstimable
from analysis.fit import FitWarning
from analysis.kernels import cox as kernel
from analysis.kernels.sandwich import sandwich

ROUNDING = 1e-9  # Newton ends at the maximum; what remains is rounding
ALWAYS = np.full(6, -np.inf)

# Six people, r = exp(b). Risk sets: t=2 all (3r + 3), t=3 the last four (2r + 2), t=5 the last two (2).
STOP = np.array([2.0, 2.0, 3.0, 3.0, 5.0, 7.0])
EVENT = np.array([1, 0, 1, 1, 1, 0], dtype=bool)
X = np.array([[0.0], [1.0], [1.0], [1.0], [0.0], [0.0]])


def fitted(ties: str) -> tuple[kernel.CoxData, kernel.CoxResult]:
    data = kernel.prepare(ALWAYS, STOP, EVENT, X, ties=ties)
    return data, kernel.fit(data)


def test_breslow_ties_by_hand() -> None:
    """L = 2b - log(3r + 3) - 2 log(2r + 2) - log 2: 2 = 3r/(r + 1), r = 2, information 3r/(r + 1)² = 2/3."""
    _, result = fitted("breslow")
    assert result.beta[0] == pytest.approx(np.log(2), abs=ROUNDING)
    assert result.covariance[0, 0] == pytest.approx(3 / 2, abs=ROUNDING)
    assert result.loglik_null == pytest.approx(-np.log(6 * 4 * 4 * 2), abs=ROUNDING)
    assert result.loglik == pytest.approx(2 * np.log(2) - np.log(9 * 6 * 6 * 2), abs=ROUNDING)
    assert result.score_test == pytest.approx((2 - 3 / 2) ** 2 / (3 / 4), abs=ROUNDING)


def test_efron_ties_by_hand() -> None:
    """The second of the two tied deaths sees half of both: log(r + 2) for log(2r + 2), so r² - r - 4 = 0."""
    _, result = fitted("efron")
    r = (1 + np.sqrt(17)) / 2
    assert result.beta[0] == pytest.approx(np.log(r), abs=ROUNDING)
    assert 1 / result.covariance[0, 0] == pytest.approx(
        2 * r / (r + 1) ** 2 + 2 * r / (r + 2) ** 2, abs=ROUNDING
    )
    assert result.loglik == pytest.approx(2 * np.log(r) - np.log((3 * r + 3) * (2 * r + 2) * (r + 2) * 2))


def test_exact_ties_by_hand() -> None:
    """Two of {r, r, 1, 1} die: r²/(r² + 4r + 1), so r³ - 5r - 2 = 0, r = 1 + √2."""
    result = kernel.fit_exact(kernel.prepare(ALWAYS, STOP, EVENT, X, ties="exact"))
    r = 1 + np.sqrt(2)
    assert result.beta[0] == pytest.approx(np.log(r), abs=ROUNDING)
    assert result.loglik == pytest.approx(2 * np.log(r) - np.log((3 * r + 3) * (r * r + 4 * r + 1) * 2))


def test_martingale_residuals_by_hand() -> None:
    """At r = 2 the hazard rises by 1/9, 2/6 and 1/2."""
    data, result = fitted("breslow")
    by_hand = [8 / 9, -2 / 9, 1 / 9, 1 / 9, 1 / 18, -17 / 18]
    assert kernel.martingale_residuals(data, result.beta) == pytest.approx(by_hand, abs=ROUNDING)


def test_efron_residuals_share_the_tied_hazard_by_hand() -> None:
    """At b = 0 the tied pair passes 1/4 and half of 1/3 at t = 3, the others 1/4 + 1/3."""
    data, _ = fitted("efron")
    first, tied = 1 / 6, 1 / 4 + 1 / 6
    late = 1 / 6 + 1 / 4 + 1 / 3 + 1 / 2
    by_hand = [1 - first, -first, 1 - first - tied, 1 - first - tied, 1 - late, -late]
    assert kernel.martingale_residuals(data, np.zeros(1)) == pytest.approx(by_hand, abs=ROUNDING)


def test_baseline_hazard_by_hand() -> None:
    frame = pd.DataFrame({"stop": STOP, "died": EVENT, "x": X[:, 0]})
    base = cox("x", frame, stop="stop", event="died", ties="breslow").baseline(at="zero")
    assert base["time"].tolist() == [2, 3, 5]
    assert base["cumulative_hazard"].tolist() == pytest.approx([1 / 9, 1 / 9 + 1 / 3, 1 / 9 + 1 / 3 + 1 / 2])


# Five (start, stop] rows. t=2: rows 1, 2, 4 (r + 2); t=4: rows 2, 3, 4, 5 (2r + 2); t=6: row 5 alone.
ROWS = pd.DataFrame(
    {
        "start": [0, 0, 2, 1, 3],
        "stop": [2, 4, 5, 4, 6],
        "event": [1, 1, 0, 0, 1],
        "x": [1, 0, 1, 0, 1],
        "person": [1, 2, 3, 4, 5],
    }
)


def test_row_that_starts_at_an_event_time_is_not_at_risk_at_it() -> None:
    """1 = r/(r + 2) + r/(r + 1) gives r = √2. With row 3 at risk at t = 2, as in statsmodels' PHReg, b would
    be 0.
    """
    fit = cox("x", ROWS, start="start", stop="stop", event="event")
    r = np.sqrt(2)
    assert fit.estimates[0] == pytest.approx(np.log(2) / 2, abs=ROUNDING)
    assert fit.loglik == pytest.approx(-np.log((r + 2) * (2 * r + 2) / r))
    assert fit.counts["events"] == 3


def many(seed: int = 20261122, n: int = 160) -> pd.DataFrame:
    """Rows with late entry, ties, two strata and covariates of odd scales."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 6, n)
    frame = pd.DataFrame({"start": start, "stop": start + rng.integers(1, 14, n)})
    frame["event"] = rng.integers(0, 2, n)
    frame["age"] = rng.normal(35, 9, n)
    frame["debt"] = rng.exponential(50, n)
    frame["sex"] = np.where(rng.random(n) < 0.4, "man", "woman")
    frame["area"], frame["source"] = rng.integers(0, 25, n), rng.integers(0, 3, n)
    frame["w"] = rng.integers(1, 4, n)
    frame["person"] = np.arange(n)
    return frame


ROLES = {"start": "start", "stop": "stop", "event": "event"}
FORMULA = "age + debt + sex"


def split(frame: pd.DataFrame, at: float) -> pd.DataFrame:
    """Cut every row that spans `at` in two; the event stays with the second piece."""
    spans = (frame["start"] < at) & (at < frame["stop"])
    head = frame[spans].assign(stop=at, event=0)
    return pd.concat([frame.assign(start=frame["start"].where(~spans, at)), head], ignore_index=True)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_splitting_rows_changes_nothing(ties: str) -> None:
    whole = many()
    pieces = split(split(split(whole, 4), 7.5), 9)
    assert len(pieces) > len(whole) + 100
    options = {**ROLES, "ties": ties, "cluster": "person", "weights": "w", "strata": "source"}
    one, other = cox(FORMULA, whole, **options), cox(FORMULA, pieces, **options)
    assert other.estimates == pytest.approx(one.estimates, abs=1e-10)
    assert other.std_errors == pytest.approx(one.std_errors, abs=1e-10)
    assert other.naive_covariance == pytest.approx(one.naive_covariance, abs=1e-12)
    assert other.loglik == pytest.approx(one.loglik, abs=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_order_of_rows_changes_nothing(ties: str) -> None:
    frame = many(n=60)
    mixed = frame.sample(frac=1, random_state=7)
    one, other = (cox(FORMULA, data, **ROLES, strata="source", ties=ties) for data in (frame, mixed))
    assert other.estimates == pytest.approx(one.estimates, abs=1e-10)
    assert other.std_errors == pytest.approx(one.std_errors, abs=1e-10)


def test_weight_two_is_two_rows_for_breslow_and_not_for_efron() -> None:
    frame = many()
    repeated = frame.loc[frame.index.repeat(frame["w"])]
    gap = {}
    for ties in ("breslow", "efron"):
        weighted = cox(FORMULA, frame, **ROLES, weights="w", ties=ties)
        copied = cox(FORMULA, repeated, **ROLES, ties=ties)
        gap[ties] = np.abs(weighted.estimates - copied.estimates).max()
        if ties == "breslow":
            assert weighted.naive_covariance == pytest.approx(copied.covariance, abs=1e-12)
    assert gap["breslow"] < 1e-10
    assert gap["efron"] > 1e-5


def test_units_and_origins_change_only_what_they_must() -> None:
    frame = many()
    moved = frame.assign(age=frame["age"] * 12 + 1900, start=frame["start"] + 100, stop=frame["stop"] + 100)
    one, other = (cox("age + debt", data, **ROLES) for data in (frame, moved))
    assert other.estimates * [12, 1] == pytest.approx(one.estimates, rel=1e-9)
    assert other.loglik == pytest.approx(one.loglik, abs=1e-9)


def test_strata_add_up() -> None:
    frame = many()
    together = cox("age", frame, **ROLES, strata="source")
    data = {s: frame[frame["source"] == s] for s in range(3)}
    prepared = [
        kernel.prepare(
            *(d[c].to_numpy(float) for c in ("start", "stop")),
            d["event"].to_numpy(bool),
            d[["age"]].to_numpy(),
        )
        for d in data.values()
    ]
    parts = [kernel.evaluate(p, together.estimates * p.scale)[0] for p in prepared]
    assert sum(parts) == pytest.approx(together.loglik, abs=1e-9)
    assert together.counts["strata"] == 3


def test_score_residuals_add_up_to_the_score_and_are_those_of_r_by_definition() -> None:
    """Row by row and time by time, ∫ (x - xbar) dM for Breslow, without any of the shortcuts."""
    frame = many(n=40)
    start, stop = (frame[c].to_numpy(float) for c in ("start", "stop"))
    event, x, w = frame["event"].to_numpy(bool), frame[["age"]].to_numpy(), frame["w"].to_numpy(float)
    data = kernel.prepare(start, stop, event, x, weights=w, ties="breslow")
    beta = kernel.fit(data).beta
    slow = np.zeros(len(frame))
    for t in np.unique(stop[event]):
        there = (start < t) & (t <= stop)
        died = event & (stop == t)
        risk = w * np.exp((x[:, 0] - x.mean()) * beta[0]) * there
        gap = x[:, 0] - risk @ x[:, 0] / risk.sum()
        slow += gap * (died - risk / w * w[died].sum() / risk.sum())
    fast = kernel.score_residuals(data, beta)[:, 0]
    assert fast == pytest.approx(slow, abs=1e-9)
    assert w @ fast == pytest.approx(0, abs=1e-7)


def test_clusters_of_one_row_give_the_error_by_row_and_factors_are_stated() -> None:
    frame = many()
    raw = cox(FORMULA, frame, **ROLES, cluster="person")
    corrected = cox(FORMULA, frame, **ROLES, cluster="person", cluster_factor="G")
    g = len(frame)
    assert corrected.covariance == pytest.approx(raw.covariance * g / (g - 1), rel=1e-12)
    data = raw.data
    by_row = sandwich(raw.naive_covariance, kernel.score_residuals(data, raw.estimates))
    assert raw.covariance == pytest.approx(by_row, rel=1e-12)
    assert raw.how["covariance"] == "sandwich by person, factor none"


def test_times_that_differ_by_rounding_are_ties_unless_told_otherwise() -> None:
    frame = pd.DataFrame({"stop": STOP, "event": EVENT, "x": X[:, 0]})
    frame.loc[3, "stop"] = 3 + 1e-12
    roles = {"stop": "stop", "event": "event"}
    tied = cox("x", frame, **roles)
    apart = cox("x", frame, **roles, tie_tolerance=0.0)
    assert tied.estimates[0] == pytest.approx(np.log((1 + np.sqrt(17)) / 2), abs=ROUNDING)
    assert apart.loglik_null == pytest.approx(-np.log(6 * 4 * 3 * 2))


def test_proportional_hazards_test_is_the_score_test_of_terms_that_grow_with_time() -> None:
    """Rows cut at every event time carry age·t and debt·t; their score at no change is the test, exactly."""
    frame = many()
    fit = cox("age + debt", frame, **ROLES)
    pieces = frame
    for at in np.unique(frame.loc[frame["event"] == 1, "stop"]):
        pieces = split(pieces, float(at))
    start, stop, event = (pieces[c].to_numpy(float) for c in ("start", "stop", "event"))
    x = pieces[["age", "debt"]].to_numpy()
    data = kernel.prepare(start, stop, event.astype(bool), np.hstack([x, x * stop[:, None]]))
    beta = np.concatenate([fit.estimates, [0, 0]]) * data.scale
    _, score, information = kernel.evaluate(data, beta)
    test = fit.proportional_hazards("identity")
    assert test.statistic == pytest.approx(score @ np.linalg.solve(information, score), rel=1e-6)
    one = [0, 1, 2]
    first = score[one] @ np.linalg.solve(information[np.ix_(one, one)], score[one])
    assert test.parts["statistic"][0] == pytest.approx(first, rel=1e-6)


def test_effect_that_turns_with_time_is_on_the_health_card() -> None:
    rng = np.random.default_rng(4)
    x = rng.integers(0, 2, 600)
    early = rng.exponential(np.where(x == 1, 2.0, 8.0))
    stop = np.where(early < 4, early, 4 + rng.exponential(np.where(x == 1, 20.0, 4.0)))
    frame = pd.DataFrame({"x": x, "stop": stop, "event": 1})
    card = cox("x", frame, stop="stop", event="event").health()
    assert card.ok
    assert card.tidy()["code"].tolist() == ["fit.proportional_hazards"]


def test_concordance_by_hand() -> None:
    """The event at 2 (x = 0) meets 1, 1, 1, 0, 0, those at 3 (x = 1) meet 0, 0, that at 5 (x = 0) meets 0."""
    frame = pd.DataFrame({"stop": STOP, "died": EVENT, "x": X[:, 0]})
    found = cox("x", frame, stop="stop", event="died").concordance().iloc[0]
    assert found["pairs"] == 5 + 2 * 2 + 1
    assert found["estimate"] == pytest.approx((2 / 2 + 4 + 1 / 2) / 10)


def test_separated_term_is_named_and_the_fit_is_not_healthy() -> None:
    frame = many().assign(never=lambda d: ((d["event"] == 0) & (d["person"] % 2 == 0)).astype(int))
    with pytest.warns(FitWarning, match="never has no finite estimate"):
        fit = cox("age + never", frame, **ROLES)
    card = fit.health()
    assert not card.ok
    assert [f.code for f in card.findings if f.level == "error"] == ["fit.separation"]


def test_constant_and_repeated_terms_have_no_estimate_and_leave_the_rest_alone() -> None:
    frame = many().assign(one=1.0, months=lambda d: d["age"] * 12, country="VNM")
    fit = cox("age + one + months + country", frame, **ROLES)
    alone = cox("age", frame, **ROLES)
    assert fit.tidy().set_index("term")["estimate"].isna().to_dict() == {
        "age": False,
        "one": True,
        "months": True,
    }
    assert fit.estimates[0] == pytest.approx(alone.estimates[0], rel=1e-12)
    assert fit.parameters == 1
    named = fit.health().tidy().query("code == 'fit.rank'")["message"].str.split().str[0].tolist()
    assert named == ["country", "months", "one"]


def test_nothing_to_estimate_is_one_sentence() -> None:
    with pytest.raises(NotEstimable, match="no events in 160 rows"):
        cox("age", many().assign(event=0), **ROLES)
    with pytest.raises(NotEstimable, match="none of one varies"):
        cox("one", many().assign(one=1), **ROLES)
    with pytest.raises(NotEstimable, match="one cluster"):
        cox("age", many().assign(here="same"), **ROLES, cluster="here")


def test_few_events_are_an_error_on_the_health_card() -> None:
    card = cox("x", ROWS, **ROLES).health()
    assert "fit.events_few" in card.tidy().query("level == 'error'")["code"].tolist()


def test_unknown_keyword_is_an_error() -> None:
    with pytest.raises(TypeError, match="freq_weights"):
        cox("age", many(), **ROLES, freq_weights="w")  # type: ignore[call-arg]


def test_exact_ties_refuse_weights_and_clusters() -> None:
    for extra in ({"weights": "w"}, {"cluster": "area"}):
        with pytest.raises(ValueError, match="use ties='efron'"):
            cox("age", many(), **ROLES, ties="exact", **extra)
    with pytest.raises(ValueError, match="must be one of efron, breslow, exact"):
        cox("age", many(), **ROLES, ties="average")


def test_survival_of_a_profile_is_refused_when_covariates_change_within_persons() -> None:
    pieces = split(many(), 6).assign(now=lambda d: d["start"] // 6)
    fit = cox("age + now", pieces, **ROLES, person="person")
    with pytest.raises(ValueError, match="would need their path"):
        fit.predict(pieces.head(1), times=[3])
    assert fit.predict(kind="relative").mean() > 0


def test_predicted_survival_without_a_difference_is_near_kaplan_meier_and_follows_strata() -> None:
    frame = many()
    fit = cox("age", frame, **ROLES, strata="source")
    curve = fit.predict(pd.DataFrame({"age": [20.0, 60.0]}, index=["young", "old"]), times=[0, 8, 12])
    assert curve.groups == tuple(f"{p}, {s}" for s in range(3) for p in ("young", "old"))
    assert (curve.at([0])["estimate"] == 1).all()
    young, old = (curve.of(f"{p}, 0")["estimate"].iloc[1] for p in ("young", "old"))
    assert (young > old) == (fit.estimates[0] > 0)
