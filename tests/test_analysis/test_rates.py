"""Rates worked by hand on a handful of persons (indicators.md, section 11)."""

import pandas as pd
import pytest

from analysis.rates import panel, panel_by, response, response_by


def wave_of(**counts):
    return pd.DataFrame(
        {"outcome_class": pd.array([c for c, n in counts.items() for _ in range(n)], "string")}
    )


def test_aapor_rates_by_hand():
    rates = response(wave_of(I=40, P=10, R=20, NC=15, O=5, U=10, NE=10))
    assert rates.e == pytest.approx(90 / 100)
    assert rates.rr1 == pytest.approx(40 / 100)
    assert rates.rr2 == pytest.approx(50 / 100)
    assert rates.rr3 == pytest.approx(40 / 99)
    assert rates.rr4 == pytest.approx(50 / 99)
    assert rates.rr5 == pytest.approx(40 / 90)
    assert rates.rr6 == pytest.approx(50 / 90)
    assert rates.coop1 == pytest.approx(40 / 75)
    assert rates.ref1 == pytest.approx(20 / 100)
    assert rates.con1 == pytest.approx(75 / 100)
    assert rates.tidy()["rate"].tolist()[:2] == ["RR1", "RR2"]


def test_a_given_share_of_eligible_is_used_and_named():
    rates = response(wave_of(I=40, U=10), e=0.5)
    assert (rates.e, rates.e_source) == (0.5, "given")
    assert rates.rr3 == pytest.approx(40 / 45)


def test_open_waves_count_nowhere_and_a_rate_over_nobody_is_missing():
    pending = pd.DataFrame({"outcome_class": pd.array([None, None], "string")})
    assert response(pending).n == dict.fromkeys(("I", "P", "R", "NC", "O", "U", "NE"), 0)
    assert pd.isna(response(pending).rr1)


def waves(*rows):
    """(person, codes by wave): I and P responded, A is known abroad, W withdrew, a dot was never issued."""
    outcome = {"I": 1100, "P": 1200, "R": 2110, "N": 2210, "A": 2240, "W": 2130, "D": 4100}
    cls = {"I": "I", "P": "P", "R": "R", "N": "NC", "A": "NC", "W": "R", "D": "NE"}
    made = [
        (p, w, outcome.get(c), cls.get(c), int(c in "IP"), int(c in "IPA"))
        for p, codes in rows
        for w, c in enumerate(codes)
        if c != "."
    ]
    columns = ["person_id", "wave", "outcome", "outcome_class", "interviewed", "status_known"]
    types = ["string", "Int64", "Int64", "string", "Int64", "Int64"]
    return pd.DataFrame(made, columns=columns).astype(dict(zip(columns, types, strict=True)))


def test_panel_rates_by_hand():
    rates = panel(
        waves(
            ("A", "III"),
            ("B", "INI"),  # comes back
            ("C", "IIA"),  # known abroad
            ("D", "IID"),  # dies
            ("E", "IW."),  # withdraws for good, no longer issued
            ("F", "IPN"),
            ("G", "R.."),  # never in the cohort
            ("H", "N.."),
        )
    ).set_index("wave")
    assert rates["baseline"].tolist() == [6, 6, 6]
    assert rates["eligible"].tolist() == [6, 6, 5]  # D died
    assert rates["issued"].tolist() == [6, 5, 4]  # E withdrew in wave 1
    assert rates["responded"].tolist() == [6, 4, 2]
    second = rates.loc[2]
    assert second["response"] == pytest.approx(2 / 4)
    assert second["cumulative"] == pytest.approx(2 / 5)  # E stays in the denominator
    assert second["retention"] == pytest.approx(1 / 3)  # of A, C, F
    assert second["continuous"] == pytest.approx(1 / 5)  # A
    assert second["status_known"] == pytest.approx(3 / 5)  # A, B, C
    assert second["reentry"] == pytest.approx(1 / 2)  # B of B and E
    assert second[["stayed", "before"]].tolist() == [1, 3]
    assert second[["returned", "missed"]].tolist() == [1, 2]
    assert second["cumulative_rr"] == pytest.approx(6 / 8 * 2 / 5)


def test_a_wave_that_never_came_to_a_person_is_not_held_against_anybody():
    left_out, late = panel(waves(("A", "I.I"), ("B", "III"))), panel(waves(("A", "I??"), ("B", "II?")))
    assert left_out["cumulative"].tolist() == [1, 1, 1]
    assert left_out["continuous"].tolist() == [1, 1, 1]
    assert late["eligible"].tolist() == [2, 1, 0]
    assert late["response"].tolist()[:2] == [1, 1]


def test_rates_of_groups_are_those_of_their_rows():
    rows = waves(("A", "III"), ("B", "INI"), ("C", "IIA"), ("D", "IID"), ("E", "IW."), ("F", "IPN"))
    sex = rows["person_id"].map({"A": "1", "B": "1", "C": "1", "D": "2", "E": "2", "F": "2"})
    made = response_by(rows, sex).set_index(["group", "wave"])
    assert made.loc[("1", 1), ["n", "I", "NC"]].tolist() == [3, 2, 1]
    assert made.loc[("1", 1), "RR1"] == pytest.approx(2 / 3)
    assert made.loc[("2", 1), "REF1"] == pytest.approx(1 / 3)  # E withdrew
    assert made.loc[("2", 2), ["n", "NE"]].tolist() == [2, 1]
    kept = panel_by(rows, sex).set_index(["group", "wave"])
    assert kept.loc[("1", 2), "cumulative"] == pytest.approx(2 / 3)
    assert kept.loc[("2", 2), "cumulative"] == pytest.approx(0 / 2)  # D died, E counts
    assert kept.loc[("1", 0), "cumulative_rr"] == pytest.approx(1.0)


def test_a_group_known_of_respondents_alone_has_no_response_rate():
    rows = waves(("A", "I"), ("B", "I"), ("C", "R"))
    sex = rows["person_id"].map({"A": "1", "B": "2"})
    made = response_by(rows, sex).set_index("group")
    assert made.loc["1", "I"] == 1
    assert made["RR1"].isna().all()
    assert made.loc["not known", "R"] == 1
    assert panel_by(rows, sex)["cumulative_rr"].isna().all()


def test_who_had_the_case_may_change_between_waves_but_what_a_person_is_may_not():
    rows = waves(("A", "II"), ("B", "IN"))
    who = pd.Series(["E1", "E2", "E2", "E1"], rows.index)
    made = response_by(rows, who).set_index(["group", "wave"])["RR1"]
    assert (made["E2", 1], made["E1", 1]) == (1.0, 0.0)
    with pytest.raises(ValueError, match="2 persons are in several groups"):
        panel_by(rows, who)
