"""What simulated histories must be.

1. The same seed gives the same people; another seed others.
2. Everybody on the list lives where they came back to when recruited; nobody has left, moved or died by then.
3. State, place and job never contradict each other or the months of first events.
4. The stated coefficients are the ones at work: models fitted to many people recover them.
5. A pooled comparison of the intention is biased for debt, a comparison within persons is not.
6. Names and phone numbers are invented and say so.
"""

import time

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.simulate import Coefficients, Histories, simulate

START = (2027 - 1900) * 12 + 1
WITHIN = 3.5  # standard errors: a recovered coefficient lies further off once in two thousand tries


@pytest.fixture(scope="module")
def many() -> Histories:
    return simulate(3000, seed=11, start_cm=START)


def at_risk(many: Histories, event: str, *, since_entry: bool) -> pd.DataFrame:
    """Person-months at risk of a first event, with the covariates of the month before."""
    months, people = many.person_months(), many.persons()
    n_months = many.months.state.shape[1]
    by_person = months.groupby("case_id", sort=False)
    before = by_person[["state", "plan", "debt", "assisted", "place"]].shift(1).add_suffix("_before")
    out = pd.concat([months, before], axis=1)
    first = getattr(many.months, event).astype(float)
    out["event_at"] = np.repeat(np.where(first < 0, np.inf, first), n_months)
    out["entry"] = np.repeat(people["entry"].to_numpy(), n_months)
    for name in ("female", "ssw", "married"):
        out[name] = np.repeat(people[name].to_numpy(), n_months).astype(float)
    out["y"] = (out["t"] == out["event_at"]).astype(float)
    begin = out["entry"] + 1 if since_entry else 1
    return out[(out["t"] >= begin) & (out["t"] <= out["event_at"])].dropna()


def cloglog(rows: pd.DataFrame, terms: list[str]):
    link = sm.families.Binomial(sm.families.links.CLogLog())
    return sm.GLM(rows["y"], sm.add_constant(rows[terms].astype(float)), family=link).fit()


def assert_recovers(fit, truth: dict[str, float]) -> None:
    for term, value in truth.items():
        assert abs(fit.params[term] - value) < WITHIN * fit.bse[term], (term, fit.params[term], value)


def test_the_same_seed_gives_the_same_people():
    one, same, other = (simulate(50, seed=s, start_cm=START) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one.persons(), same.persons())
    pd.testing.assert_frame_equal(one.person_months(), same.person_months())
    assert not one.persons()["birth_y"].equals(other.persons()["birth_y"])


def test_everybody_is_at_the_place_of_return_when_recruited(many):
    entry = many.persons()["entry"].to_numpy()
    for first in (many.months.left, many.months.moved, many.months.died):
        assert ((first < 0) | (first > entry)).all()
    assert (many.months.place[np.arange(len(many)), entry] == 1).all()
    assert not many.months.lost[np.arange(len(many)), entry].any()


def test_samples_enter_as_long_after_return_as_planned(many):
    people = many.persons()
    inflow, stock = people[people["inflow"]], people[~people["inflow"]]
    assert inflow["entry"].between(0, 12).all()
    assert stock["entry"].between(13, 60).all()


def test_state_place_and_events_agree(many):
    m = many.months
    assert ((m.state == 12) == (m.place == 4)).all()
    assert ((m.state == 0) == (m.place == 0)).all()
    columns = np.arange(m.state.shape[1])
    worked = np.isin(m.state, (1, 2, 3))
    has = worked.any(axis=1)
    assert (m.first_job[has] == worked.argmax(axis=1)[has]).all()
    abroad = m.place == 4
    assert (m.left[abroad.any(axis=1)] == abroad.argmax(axis=1)[abroad.any(axis=1)]).all()
    dead = (m.died >= 0)[:, None] & (columns >= m.died[:, None])
    assert (dead == (m.place == 0)).all()


def test_debt_help_and_loss_are_never_undone(many):
    m = many.months
    assert (np.diff(m.debt.astype(int), axis=1) <= 0).all()
    assert (np.diff(m.assisted.astype(int), axis=1) >= 0).all()
    assert (np.diff(m.lost.astype(int), axis=1) >= 0).all()


def test_leaving_follows_the_stated_coefficients(many):
    rows = at_risk(many, "left", since_entry=True)
    rows = rows[rows["place_before"].isin([1, 3])]
    rows["debt"], rows["intent"] = rows["debt_before"], rows["plan_before"]
    rows["jobless"] = rows["state_before"].isin([5, 6, 7, 8, 9, 10, 11])
    rows["waiting"] = rows["state_before"] == 7
    rows["months_1_3"] = rows["t"] + 1 <= 3
    rows["months_13_24"] = rows["t"].add(1).between(13, 24)
    rows["months_25_up"] = rows["t"] + 1 > 24
    terms = ["female", "debt", "intent", "jobless", "waiting", "months_13_24", "months_25_up"]
    assert_recovers(cloglog(rows[~rows["months_1_3"]], terms), {t: Coefficients().leave[t] for t in terms})


def test_the_first_job_follows_the_stated_coefficients(many):
    rows = at_risk(many, "first_job", since_entry=False)
    rows = rows[(rows["place_before"] == 1) & (rows["place"] == 1)]  # a mover finds work by moving
    rows["assisted"], rows["log_month"] = rows["assisted_before"], np.log(rows["t"] + 1)
    terms = ["female", "ssw", "assisted", "log_month"]
    assert_recovers(cloglog(rows, terms), {t: Coefficients().first_job[t] for t in terms})


def log_odds_within(many: Histories, x: np.ndarray, others: list[np.ndarray]) -> tuple[float, float]:
    """Log odds ratio of a plan, from pairs of months that differ in the plan and in `x` alone."""
    entry = many.persons()["entry"].to_numpy()
    who = np.arange(len(many))
    a, b = (who, entry), (who, entry + 12)
    here = many.months.place[b] == 1
    same = np.logical_and.reduce([o[a] == o[b] for o in others])
    plan = many.months.plan
    use = here & same & (plan[a] != plan[b]) & (x[a] != x[b])
    with_plan = np.where(plan[a], x[a], x[b])[use]
    for_it, against = with_plan.sum(), (~with_plan).sum()
    return float(np.log(for_it / against)), float(np.sqrt(1 / for_it + 1 / against))


def test_within_persons_the_intention_follows_the_stated_coefficients(many):
    employed = np.isin(many.months.state, (1, 2, 3, 4))
    debt, helped = many.months.debt, many.months.assisted
    estimate, error = log_odds_within(many, employed, [debt, helped])
    assert abs(estimate - Coefficients().intent["employed"]) < WITHIN * error
    estimate, error = log_odds_within(many, debt, [employed, helped])
    assert abs(estimate - Coefficients().intent["debt"]) < WITHIN * error


def test_between_persons_debt_looks_worse_than_it_is(many):
    entry = many.persons()["entry"].to_numpy()
    at = (np.arange(len(many)), entry)
    x = pd.DataFrame(
        {
            "employed": np.isin(many.months.state[at], (1, 2, 3, 4)),
            "debt": many.months.debt[at],
            "assisted": many.months.assisted[at],
        }
    ).astype(float)
    fit = sm.Logit(many.months.plan[at].astype(float), sm.add_constant(x)).fit(disp=0)
    assert fit.params["debt"] > Coefficients().intent["debt"]


def test_spells_cover_the_time_without_gaps(many):
    for person in list(many)[:200]:
        until = person.ret_cm + int(person.facts["recruit_cm"]) - person.ret_cm + 18
        spells = person.spells(until)
        assert spells[0]["beg"] == person.ret_cm
        assert [s["end"] for s in spells[:-1]] == [s["beg"] for s in spells[1:]]
        assert spells[-1]["end"] is None
        assert spells[-1]["state"] == person.state[person.at(until)]


def test_spells_since_a_month_keep_their_true_beginning(many):
    person = next(p for p in many if p.first_job_cm and p.first_job_cm < p.facts["recruit_cm"])
    later = person.spells(person.ret_cm + 60, since=person.ret_cm + 30)
    assert later[0]["beg"] <= person.ret_cm + 30
    assert later == [
        s for s in person.spells(person.ret_cm + 60) if s["end"] is None or s["end"] > person.ret_cm + 30
    ]


def test_names_and_numbers_are_invented_and_say_so():
    people = list(simulate(20, seed=3, start_cm=START))
    assert all(p.invented and p.phone.startswith("000") and p.contact_phone.startswith("000") for p in people)
    assert len({p.phone for p in people}) == 20


def test_the_sample_list_names_areas_on_the_area_list():
    made = simulate(30, seed=3, start_cm=START)
    areas = {row["name"] for row in made.area_list()}
    assert {row["psu_code"] for row in made.sample_list()} <= areas
    assert all(0 < float(row["incl_prob"]) < 1 for row in made.sample_list())


def test_every_coefficient_is_listed_once():
    rows = Coefficients().rows()
    assert len({(equation, term) for equation, term, _ in rows}) == len(rows)
    assert ("leave", "debt", 0.5) in rows


def test_nobody_cannot_be_simulated():
    with pytest.raises(ValueError, match="at least 1"):
        simulate(0, seed=1, start_cm=START)


def test_a_thousand_people_take_less_than_a_second():
    began = time.process_time()
    simulate(1000, seed=1, start_cm=START)
    assert time.process_time() - began < 1.0
