"""The modules that baseline and follow-up share: work, main job, money, family, help, plans, well-being.

Answers follow from the state of the month of the visit: activity, job, plan to go, debt, help received.
What is only an opinion follows mood. Names are those of the forms; which of the answers are asked is the
form's matter.
"""

from survey.sandbox.respondents.calendar import job_of, last_change
from survey.sandbox.respondents.habits import Answers, Respondent, country_of

CONCRETE = (3, 4, 6, 7, 8, 9, 10, 11)  # steps that count as preparation
SEARCHING = (1, 2, 5)  # steps that do not


def works(person: Respondent) -> bool:
    """Whether the present activity is employment (own-use farming is not)."""
    return int(person.truth.state[person.now]) in (1, 2, 3, 4)


def work_last_week(person: Respondent) -> Answers:
    """Labour force questions, from the activity of the month."""
    state = int(person.truth.state[person.now])
    out: Answers = {"atw_pay": 0, "atw_bus": 0, "atw_fam": 0, "abs_job": 0, "agf_chk": 0}
    away = person.yes(0.04)
    if state == 1:
        out["atw_pay"] = int(not away)
    elif state in (2, 3, 5):
        out["atw_bus"] = int(not away)
        out["agf_chk"] = int(state != 2)
        out["agf_use"] = {2: 1, 3: person.rng.choice((1, 2)), 5: person.rng.choice((3, 4))}[state]
    elif state == 4:
        out |= {"atw_fam": 1, "agf_chk": 0}
    if state in (1, 2, 3, 5) and away:
        out |= {"abs_job": 1, "abs_why": person.rng.choice((1, 2, 4))}
    return out | _without_work(person, state)


def _without_work(person: Respondent, state: int) -> Answers:
    looking = state == 6 or (state in (7, 11) and person.yes(0.15))
    reason = {5: 9, 7: 1, 8: 5, 9: 6, 10: 7, 11: 8}.get(state, 3)
    months = max(0, person.cm - last_change(person, "state"))
    return {
        "srch_4w": int(looking),
        "srch_how": sorted(person.rng.sample((1, 2, 3, 5), 2)),
        "srch_mo": min(months, 240),
        "fut_start": person.yes(0.05),
        "wait_abr": int(state == 7),
        "want_work": person.yes(0.3 if state in (8, 9, 10) else 0.6),
        "why_nosrch": reason,
        "avail_2w": int(state in (5, 6, 11)) and person.yes(0.9),
    }


def main_job(person: Respondent) -> Answers:
    """The main job, the same at every visit while it lasts; a farm for those who have none."""
    state = int(person.truth.state[person.now])
    state = state if state in (1, 2, 3, 4) else 3
    number = int(person.truth.job[person.now])
    title, tasks, isco, activity, isic = job_of(person, state, number)
    kept = person.fixed(f"job {number} kept")
    status = {1: 1, 2: kept.choice((2, 3)), 3: 3, 4: 5}[state]
    beg_y, beg_m = person.month(last_change(person, "job"), "change")
    return {
        "job_title": title,
        "job_tasks": tasks,
        "job_isco1": isco,
        "job_activity": activity,
        "job_isic": isic,
        "job_status": status,
        "job_employer": kept.choice((1, 2, 3, 3, 4)) if state == 1 else 5,
        "job_contr": kept.choice((1, 2, 2, 3)),
        "job_si": int(kept.random() < 0.7),
        "job_beg_y": beg_y,
        "job_beg_m": beg_m,
        "job_place": 1 if person.truth.place[person.now] == 1 else 3,
        "job_find": kept.choice((1, 2, 3, 4)),
        "job_hours": kept.choice((30, 44, 48, 48, 56)),
        "job_more": person.yes(0.3),
        "job_pay": earnings(person),
        "match_job": kept.choice((1, 2, 3, 3)),
        "match_qual": kept.choice((1, 2, 2, 3)),
    }


def earnings(person: Respondent) -> float:
    """Monthly take-home pay in million dong: of the job for its whole length, with a little noise."""
    state, number = int(person.truth.state[person.now]), int(person.truth.job[person.now])
    middle = {1: 8.5, 2: 9.0, 3: 6.0, 4: 0.0, 12: 28.0}.get(state, 0.0)
    base = middle * person.fixed(f"job {number} pay").lognormvariate(0, 0.25)
    return round(base * (1 + 0.05 * person.rng.gauss(0, 1)), 1) if base else 0.0


def looking_for_work(person: Respondent) -> Answers:
    """Barriers, reservation wage and offers turned down; asked of everybody at home."""
    easy = works(person) and person.yes(0.3)
    return {
        "barriers": [0] if easy else person.some((1, 2, 3, 4, 5, 6, 9, 10, 13)),
        "resv_wage": round(person.fixed("resv").uniform(6, 15), 1),
        "n_offer": person.rng.choice((0, 0, 0, 1, 2)),
    }


def money(person: Respondent) -> Answers:
    """Income, debts and savings now, in million dong."""
    migration = bool(person.truth.debt[person.now])
    other = person.fixed(f"other debt {person.wave // 2}").random() < 0.18
    purposes = [1] * migration + [person.rng.choice((3, 4, 6))] * other
    owed = 0.6 * person.facts["loan_amt"] * migration + person.fixed("owes").uniform(10, 60) * other
    saves = person.facts["sav_ret"] > 150 or person.yes(0.2)
    left = max(1.0, person.facts["sav_ret"] * 0.97 ** max(0, person.cm - person.truth.ret_cm))
    return {
        "inc_own": round(earnings(person) + person.fixed("extra").choice((0.0, 0.0, 1.0, 2.0)), 1),
        "inc_suff": person.rating(0.3 if works(person) else -0.8),
        "debt_any": int(migration or other),
        "debt_amt": round(owed, 0),
        "debt_pay": round(owed * 0.03, 1),
        "debt_src": person.some((1, 2, 3) if not person.yes(0.08) else (4, 5)),
        "debt_purp": purposes or [7],
        "debt_worry": min(5, person.rng.randint(1, 4) + int(migration)),
        "sav_any": int(saves),
        "sav_bal": round(left, 0),
    }


def family(person: Respondent) -> Answers:
    return {
        "fam_depend": min(20, person.facts["hh_child"] + person.rng.randint(0, 2)),
        "fam_ask": 6 - person.rating(0.2),
        "fam_press": 6 - person.rating(0.0 if works(person) else -0.6),
        "com_rich": 6 - person.rating(-0.4),
        "fam_view": 1
        if person.truth.plan[person.now] and person.yes(0.7)
        else person.rng.choice((2, 2, 3, 4)),
        "fam_apart": person.yes(0.04),
    }


def help_received(person: Respondent, before: int | None) -> Answers:
    """Help since the return (`before` None) or since the column `before` of the last interview."""
    helped = bool(person.truth.assisted[person.now])
    if helped and before is not None and person.truth.assisted[before]:
        helped = bool(person.yes(0.3))
    return {
        "ast_org": person.some((1, 2, 3, 4, 7, 9, 11)) if helped else [0],
        "ast_type": person.some((1, 2, 3, 8, 10)),
        "ast_need": person.some((1, 2, 3, 4, 6, 10)),
        "so_contact": person.yes(0.2),
        "train_any": person.yes(0.15),
    }


def plans(person: Respondent) -> Answers:
    """The intent ladder of the month; plan and steps are the truth, desire without plan too."""
    t, now = person.truth, person.now
    plan, desire, steps = bool(t.plan[now]), bool(t.desire[now]), bool(t.steps[now])
    prepared = person.some(CONCRETE) if steps else person.rng.choice(([0], [1], [1, 2], [5]))
    country, route = country_of(person)
    target = (
        person.rng.randint(5, 10)
        if plan
        else person.rng.randint(2, 5)
        if desire
        else person.rng.randint(0, 2)
    )
    stepwise = person.fixed("steps").random() < 0.2
    return {
        "int_des": person.rng.choice((3, 3, 4)) if desire else person.rng.choice((1, 1, 1, 1, 2)),
        "int_plan": int(plan),
        "int_prep": prepared,
        "int_prob": target,
        "int_dest1": country,
        "int_step": int(stepwise),
        "int_dest2": 36 if country != 36 else 840,
        "int_route": route,
        "int_why": person.some((1, 2, 3, 4, 5, 6, 7)),
        "int_stop": person.some((0,) if plan and person.yes(0.4) else (1, 2, 3, 5, 6, 9)),
        "int_fam": person.yes(0.75),
    }


def life_here(person: Respondent) -> Answers:
    """Economic, social and psychosocial items; the person's mood and work colour them."""
    stays = not (person.truth.plan[person.now] and person.yes(0.3)) and person.yes(0.95)
    owes = bool(person.truth.debt[person.now])
    lift = 0.3 if works(person) else -0.6
    return {
        "rs_econ_sat": person.rating(lift - 0.4 * owes),
        "rs_food": 6 - person.rating(lift + 1.0),
        "rs_bor_can": person.yes(0.8),
        "rs_bor_frq": 6 - person.rating(0.8 - 0.6 * owes),
        "rs_debt_sp": person.rng.choice((1, 2, 3)) if owes else 0,
        "rs_asset": [0] if person.fixed("asset").random() < 0.4 else person.some((1, 2, 4, 5, 6), 2),
        "rs_child": 1 if person.facts["hh_child"] else 4,
        "rs_id": 1,
        "rs_confl": 6 - person.rating(1.0),
        "rs_discr": 6 - person.rating(1.3),
        "rs_help": person.yes(0.04),
        "rs_stay": int(stays),
        "rs_leave": person.some((1, 2, 3, 7)),
    }


def well_being(person: Respondent) -> Answers:
    """Life satisfaction and four items on low spirits, worse without work and with debt."""
    strain = (
        -0.5 * person.facts["mood"] + 0.7 * (not works(person)) + 0.5 * bool(person.truth.debt[person.now])
    )

    def item(base: float) -> int:
        return min(3, max(0, round(base + 0.5 * strain + person.rng.gauss(0, 0.5))))

    return {
        "life_sat": min(10, max(0, round(6.5 - 1.2 * strain + person.rng.gauss(0, 1)))),
        "wb_low": item(0.3),
        "wb_worry": item(0.3),
        "wb_sleep": item(0.4),
        "wb_alone": item(0.1),
        "ref_want": person.yes(0.4),
    }
