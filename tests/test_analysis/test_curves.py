"""Kaplan–Meier, Nelson–Aalen, log-rank and restricted means by hand on at most eight rows, then their
properties.
"""

import numpy as np
import pandas as pd
import pytest

from analysis import kaplan_meier, logrank, nelson_aalen, restricted_mean
from analysis.design import NotEstimable
from analysis.kernels.curves import intervals, quantile

ROUNDING = 1e-12
# Six people: events at 1, 3, 3, 6, censored at 4 and 8. At risk 6, 5, 2.
SIX = pd.DataFrame({"stop": [1, 3, 3, 4, 6, 8], "event": [1, 1, 1, 0, 1, 0]})
ROLES = {"stop": "stop", "event": "event"}


def test_survival_and_greenwood_by_hand() -> None:
    """S = 5/6, 5/6·3/5 = 1/2, 1/4; Var S(6) = 1/16 (1/(6·5) + 2/(5·3) + 1/(2·1)) = 1/24."""
    at = kaplan_meier(SIX, **ROLES).at([0, 1, 3, 5.9, 6, 8])
    assert at["estimate"].tolist() == pytest.approx([1, 5 / 6, 1 / 2, 1 / 2, 1 / 4, 1 / 4], abs=ROUNDING)
    assert at["n_risk"].tolist() == [6, 6, 5, 2, 2, 1]
    assert at["std_error"].iloc[4] ** 2 == pytest.approx(1 / 24, abs=ROUNDING)


def test_nothing_is_known_beyond_the_last_person() -> None:
    assert kaplan_meier(SIX, **ROLES).at([9])["estimate"].isna().all()
    gone = kaplan_meier(SIX.assign(event=1), **ROLES).at([8, 9])
    assert gone["estimate"].tolist() == [0, 0]
    assert gone["std_error"].isna().all()


def test_late_entry_by_hand() -> None:
    """Entering at 3 means not at risk at 3: the sets are {1, 2}, {2, 3}, {3, 4} for events at 2, 3, 5."""
    rows = pd.DataFrame({"start": [0, 0, 2, 3], "stop": [2, 3, 5, 6], "event": [1, 1, 1, 0]})
    curve = kaplan_meier(rows, start="start", **ROLES)
    events = curve.of().query("n_event > 0")
    assert events["n_risk"].tolist() == [2, 2, 2]
    assert events["estimate"].tolist() == pytest.approx([1 / 2, 1 / 4, 1 / 8], abs=ROUNDING)
    given = kaplan_meier(rows, start="start", **ROLES, after=2)
    assert given.at([2, 3, 5])["estimate"].tolist() == pytest.approx([1, 1 / 2, 1 / 4], abs=ROUNDING)
    assert given.dropped[0].reason == "left by 2"


def test_intervals_by_hand() -> None:
    """p = 1/2, error 0.1: plain ± 0.196, log × e^±0.392, log-log exponents e^±(0.196/(0.5 log 2))."""
    z = 1.959963984540054
    p, se = np.array([0.5]), np.array([0.1])
    wide = np.exp(z * 0.1 / (0.5 * np.log(2)))
    assert np.ravel(intervals(p, se, kind="plain")) == pytest.approx([0.5 - 0.1 * z, 0.5 + 0.1 * z])
    assert np.ravel(intervals(p, se, kind="log")) == pytest.approx(
        [0.5 * np.exp(-0.2 * z), 0.5 * np.exp(0.2 * z)]
    )
    assert np.ravel(intervals(p, se)) == pytest.approx([0.5**wide, 0.5 ** (1 / wide)])
    with pytest.raises(ValueError, match="one of loglog, log, plain"):
        intervals(p, se, kind="arcsine")


def test_median_is_where_the_curve_passes_a_half_and_the_middle_where_it_rests_there() -> None:
    times = np.array([1.0, 3.0, 6.0])
    assert quantile(times, np.array([0.9, 0.5, 0.2]), 0.5) == 4.5
    assert quantile(times, np.array([0.9, 0.4, 0.2]), 0.5) == 3
    assert np.isnan(quantile(times, np.array([0.9, 0.8, 0.7]), 0.5))


def test_nelson_aalen_by_hand() -> None:
    at = nelson_aalen(SIX, **ROLES).at([6])
    assert at["estimate"][0] == pytest.approx(1 / 6 + 2 / 5 + 1 / 2, abs=ROUNDING)
    assert at["std_error"][0] ** 2 == pytest.approx(1 / 36 + 2 / 25 + 1 / 4, abs=ROUNDING)


def test_restricted_mean_by_hand() -> None:
    """Area to 6: 1 + 2·5/6 + 3·1/2 = 25/6; areas left after 1 and 3: 19/6 and 3/2."""
    mean = restricted_mean(kaplan_meier(SIX, **ROLES), 6).iloc[0]
    assert mean["estimate"] == pytest.approx(25 / 6, abs=ROUNDING)
    assert mean["std_error"] ** 2 == pytest.approx((19 / 6) ** 2 / 30 + (3 / 2) ** 2 * 2 / 15, abs=ROUNDING)


def test_restricted_means_differ_by_group_and_refuse_what_was_not_seen() -> None:
    both = pd.concat([SIX.assign(group="a"), SIX.assign(group="b", stop=SIX["stop"] * 2)])
    table = restricted_mean(kaplan_meier(both, **ROLES, by="group"), 6)
    assert table["contrast"].tolist() == ["", "", "minus a"]
    difference = table["estimate"][1] - table["estimate"][0]
    assert table["estimate"][2] == pytest.approx(difference)
    with pytest.raises(ValueError, match="beyond the follow-up"):
        restricted_mean(kaplan_meier(SIX, **ROLES), 9)
    with pytest.raises(ValueError, match="unweighted survival curve"):
        restricted_mean(kaplan_meier(SIX.assign(w=1.5), **ROLES, weights="w"), 6)


def test_logrank_by_hand() -> None:
    """a: events 1, 2; b: event 3, censored 4. Expected in a: 2/4 + 1/3 + 0; variance 1/4 + 2/9."""
    rows = pd.DataFrame({"stop": [1, 2, 3, 4], "event": [1, 1, 1, 0], "g": ["a", "a", "b", "b"]})
    test = logrank(rows, **ROLES, by="g")
    assert test.parts["expected"].tolist() == pytest.approx([5 / 6, 13 / 6])
    assert test.statistic == pytest.approx((2 - 5 / 6) ** 2 / (1 / 4 + 2 / 9))
    assert test.df == 1


def test_groups_that_never_meet_do_not_count() -> None:
    """c is at risk only after a and b are gone: the test is that of a and b, with one degree of freedom."""
    rows = pd.DataFrame({"start": [0, 0, 0, 0, 5], "stop": [1, 2, 3, 4, 7], "event": [1, 1, 1, 0, 1]})
    rows["g"] = ["a", "a", "b", "b", "c"]
    three, two = (logrank(d, start="start", **ROLES, by="g") for d in (rows, rows.head(4)))
    assert (three.df, three.statistic) == (1, pytest.approx(two.statistic))


def test_logrank_is_the_score_test_of_breslow_without_ties_and_needs_two_groups() -> None:
    from analysis import cox

    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        {"stop": rng.permutation(60) + 1, "event": rng.integers(0, 2, 60), "x": rng.integers(0, 2, 60)}
    )
    rows["start"] = rows["stop"] * rng.random(60) * 0.5
    test = logrank(rows, start="start", **ROLES, by="x")
    assert test.statistic == pytest.approx(cox("x", rows, start="start", **ROLES).score_test, rel=1e-9)
    with pytest.raises(NotEstimable, match="one group only"):
        logrank(rows.assign(x=1), **ROLES, by="x")


def random_rows(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    start = rng.integers(0, 5, n)
    rows = pd.DataFrame(
        {"start": start, "stop": start + rng.integers(1, 9, n), "event": rng.integers(0, 2, n)}
    )
    return rows.assign(w=rng.integers(1, 4, n), person=np.arange(n))


def test_numbers_at_risk_are_counted_as_the_rows_say() -> None:
    rows = random_rows()
    at = kaplan_meier(rows, start="start", **ROLES).at(np.arange(0.5, 12, 0.5))
    counted = [int(((rows["start"] < t) & (t <= rows["stop"])).sum()) for t in at["time"]]
    assert at["n_risk"].tolist() == counted


def test_splitting_shuffling_and_doubling_rows_change_nothing() -> None:
    rows = random_rows()
    times = [3, 6, 9]
    whole = kaplan_meier(rows, start="start", **ROLES).at(times)
    cut = rows["stop"] - rows["start"] > 2
    pieces = pd.concat(
        [rows.assign(start=rows["start"] + cut), rows[cut].assign(stop=rows["start"] + 1, event=0)]
    )
    for other in (pieces, rows.sample(frac=1, random_state=1)):
        pd.testing.assert_frame_equal(kaplan_meier(other, start="start", **ROLES).at(times), whole)
    weighted = kaplan_meier(rows, start="start", **ROLES, weights="w").at(times)
    copied = kaplan_meier(
        rows.loc[rows.index.repeat(rows["w"])], start="start", **ROLES, cluster="person"
    ).at(times)
    pd.testing.assert_frame_equal(weighted, copied)


def test_jackknife_of_equal_weights_is_greenwood_without_censoring() -> None:
    rows = random_rows().assign(start=0, event=1, one=1.0)
    weighted = kaplan_meier(rows, **ROLES, weights="one").at([4, 6])["std_error"]
    assert weighted.tolist() == pytest.approx(
        kaplan_meier(rows, **ROLES).at([4, 6])["std_error"].tolist(), rel=1e-9
    )


def test_no_event_is_one_sentence() -> None:
    with pytest.raises(NotEstimable, match="no events in 6 rows"):
        kaplan_meier(SIX.assign(event=0), **ROLES)
