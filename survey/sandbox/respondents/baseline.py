"""Answers to the baseline form: screening, consents, household, the stay, its costs, the return.

Everything follows from the truth in the month of the visit. A person whose stay was too short for the panel
answers the screening truthfully and is found not eligible.
"""

from typing import Any

from instruments.instrument import Instrument
from survey.sandbox.respondents import life
from survey.sandbox.respondents.calendar import last_change, told_calendar, told_change, told_return
from survey.sandbox.respondents.habits import (
    Answers,
    Respondent,
    Screen,
    filled_up,
    home_commune,
    slips,
    year_month,
)

MILLION_DONG = 1


def answer_baseline(
    person: Respondent, screen: Screen, instrument: Instrument, *, enumerator: str, mode: int = 1
) -> Answers:
    """What the person and the enumerator say to the baseline form on the day of the visit."""
    answers: Answers = {"enum_id": enumerator, "int_mode": mode}
    answers |= _set_up(person) | _consents(person) | _household(person, screen) | _before(person)
    answers |= _stay(person) | _costs(person) | _return(person)
    answers |= _first_work(person) | {"ehc": told_calendar(person, screen, _calendar_begins(person))}
    answers |= life.work_last_week(person) | life.main_job(person) | life.looking_for_work(person)
    answers |= life.money(person) | life.family(person) | life.help_received(person, None)
    answers |= life.plans(person) | life.life_here(person) | life.well_being(person)
    answers |= _network(person) | contacts(person) | closing(person, eligible=not person.facts["short_stay"])
    return slips(filled_up(answers, instrument, person), person)


def _set_up(person: Respondent) -> Answers:
    f = person.facts
    dep_y, dep_m = person.month(_departure(person), "dep")
    ret_y, ret_m = told_return(person)
    if dep_y == 9998:
        dep_y = year_month(_departure(person))[0]
    return {
        "corridor": 1,
        "frame_src": f["frame_src"],
        "case_id": person.truth.case_id,
        "psu_code": person.truth.area.code,
        "int_lang": 1,
        "interp": 0,
        "birth_y": f["birth_y"],
        "birth_m": f["birth_m"],
        "scr_adult": 1,
        "scr_citizen": 1,
        "scr_lives": 1,
        "dep_y": dep_y,
        "dep_m": dep_m,
        "ret_y": ret_y,
        "ret_m": ret_m,
        "scr_purpose": f["purpose"],
        "scr_12m": int(not f["short_stay"]),
        "scr_10y": 1,
    }


def _departure(person: Respondent) -> int:
    return person.truth.ret_cm - 5 if person.facts["short_stay"] else int(person.facts["dep_cm"])


def _consents(person: Respondent) -> Answers:
    place = person.fixed("gps")
    point = f"{18.6 + place.random():.4f} {105.4 + place.random():.4f} 12 6"
    return {
        "priv_ok": person.yes(0.95),
        "con_part": 1,
        "con_sens": person.yes(0.96),
        "con_recon": person.yes(0.98),
        "con_proxy": person.yes(0.9),
        "con_share": person.yes(0.93),
        "con_xfer": person.yes(0.9),
        "con_gps": person.yes(0.5),
        "con_audio": person.yes(0.3),
        "con_method": person.rng.choice((1, 2, 2)),
        "gps": point,
    }


def _household(person: Respondent, screen: Screen) -> Answers:
    f, area = person.facts, person.truth.area
    born = area.prov_old if f["born_here"] else person.fixed("born").choice(("01", "36", "54"))
    return {
        "panel_id": person.truth.panel_id,
        "full_name": person.truth.name,
        "alias": "",
        "sex": f["sex"],
        "prov_birth": born,
        "prov_cur": area.prov_new,
        "comm_cur": home_commune(person, screen),
        "vill_cur": f"Xóm {person.fixed('village').randint(1, 12)}",
        "prov_ret": area.prov_old,
        "area": 1 if f["rural"] else 2,
        "marital": 2 if f["married"] else 1,
        "hh_size": f["hh_size"],
        "hh_child": f["hh_child"],
        "hh_abroad": int(f["hh_abroad"]),
        "edu_now": f["edu"],
    }


def _before(person: Respondent) -> Answers:
    f = person.facts
    return {
        "pre_act": f["pre_act"],
        "pre_job": {1: "Công nhân", 2: "Phụ hồ", 3: "Làm ruộng", 4: "Buôn bán"}.get(f["pre_act"], ""),
        "pre_isic": {1: 3, 2: 6, 3: 1, 4: 7}.get(f["pre_act"], 3),
        "pre_inc": round(person.fixed("pre_inc").uniform(2, 7), 1),
        "pre_edu": f["edu"],
        "why_go": sorted({1, *person.some((2, 3, 4, 5, 6, 7, 8))}),
        "n_prior": f["n_prior"],
        "prior_ctry": person.fixed("prior").choice((158, 410, 392)),
        "pre_src": person.some((2, 3, 7, 8, 9)),
        "pre_train": 1,
    }


def _stay(person: Respondent) -> Answers:
    f = person.facts
    return {
        "jp_prog1": f["prog1"],
        "jp_prog2": f["prog2"],
        "jp_n_emp": max(f["n_emp"], int(f["purpose"] == 1)),
        "jp_pref": f["pref"],
        "jp_sector": f["sector"],
        "jp_job": person.fixed("jp_job").choice(("Đứng máy", "Lắp ráp", "Chế biến thực phẩm", "Buộc thép")),
        "jp_early": person.yes(0.05),
        "con_read": person.yes(0.75),
        "job_as_told": person.rng.choice((1, 1, 1, 2)),
        "pay_as_told": person.rng.choice((1, 1, 2)),
        "pay_contr": f["pay_contr"],
        "pay_first": f["pay_first"],
        "ded_house": round(f["pay_first"] * 0.2, -3),
        "ded_recr": 0,
        "pay_last": f["pay_last"],
        "sav_abr": f["sav_abr"],
        "jlpt_ret": f["jlpt"],
        "cert_jp": sorted({5, *person.some((1, 2, 4))}) if f["prog1"] == 2 else [3] if f["ssw"] else [0],
        "jp_problem": person.some((1, 2, 3, 5, 8)) if person.yes(0.2) else [0],
    }


def _costs(person: Respondent) -> Answers:
    """Amounts in million dong; the items add up to the total as told."""
    f = person.facts
    total = f["rc_total"]
    parts = {"rc_agency": 0.55, "rc_broker": 0.1, "rc_train": 0.18, "rc_docs": 0.04, "rc_med": 0.03}
    out: Answers = {name: round(total * share, 1) for name, share in parts.items()}
    deposit = person.fixed("deposit").choice((0.0, 0.0, 20.0))
    return (
        out
        | {
            "rc_ccy": MILLION_DONG,
            "rc_paid_y": max(1985, year_month(int(f["dep_cm"]) - 3)[0]),
            "rc_total": total,
            "rc_split": person.yes(0.8),
            "rc_travel": round(total * 0.05, 1),
            "rc_inform": round(total * 0.03, 1),
            "rc_other": round(total * 0.02, 1),
            "rc_depos": deposit,
            "rc_dep_ret": person.yes(0.8),
            "rc_reimb": 0,
            "fin_src": sorted({1, *person.some((2, 3, 4, 5, 6))}) if f["loan_amt"] else [1],
            "loan_amt": f["loan_amt"],
            "loan_rate": f["loan_rate"],
            "loan_int": round(f["loan_amt"] * f["loan_rate"] / 100 * f["repay_mo"] * 0.6, 1),
            "loan_coll": person.yes(0.4),
            "mdebt_mo": f["repay_mo"],
        }
        | migration_debt(person)
    )


def migration_debt(person: Respondent) -> Answers:
    """What became of the loan by now: 0 none, 1 repaid abroad, 2 after the return, 3 still owed."""
    f = person.facts
    if not f["loan_amt"]:
        return {"mdebt_st": 0}
    if person.truth.debt[person.now]:
        return {"mdebt_st": 3}
    if f["debt_at_return"]:
        cleared = last_change(person, "debt")
        return {"mdebt_st": 2} | _dated("mdebt", told_change(person, cleared))
    year, month = person.month(int(f["dep_cm"] + f["repay_mo"]), "repaid")
    return {"mdebt_st": 1} | _dated("mdebt", (year, month))


def _dated(name: str, when: tuple[int, int]) -> dict[str, Any]:
    return {f"{name}_y": when[0], f"{name}_m": when[1]}


def _return(person: Respondent) -> Answers:
    f = person.facts
    has_business = int(person.truth.state[person.now]) == 2
    return {
        "ret_why": f["ret_why"],
        "ret_own": f["willing"],
        "ret_ready": f["ready"],
        "ret_res": person.some((1, 2, 3, 4, 6, 7)) if f["ready"] > 2 else [0],
        "ret_stay12": person.yes(0.7),
        "ret_info": person.yes(0.3),
        "sav_ccy": MILLION_DONG,
        "sav_ret": f["sav_ret"],
        "sav_use": person.some((1, 2, 3, 6, 7, 8, 9, 10, 14)),
        "bus_try": int(has_business or person.yes(0.1)),
        "bus_now": int(has_business),
        "nenkin": person.yes(0.7),
    }


def _first_work(person: Respondent) -> Answers:
    first = person.truth.first_job_cm
    if first is None or first > person.cm:
        return {"job1_any": 0, "srch1_st": person.yes(0.5), "srch1_mo": person.rng.randint(0, 6)}
    year, month = told_change(person, first)
    return {
        "job1_any": 1,
        "job1_y": year,
        "job1_m": month,
        "job1_title": "Việc đầu tiên",
        "srch1_st": person.yes(0.6),
        "srch1_mo": max(0, first - person.truth.ret_cm - 1),
    }


def _calendar_begins(person: Respondent) -> int:
    """The month from which the form asks: the return as told, at most two years back."""
    year, month = told_return(person)
    told = (year - 1900) * 12 + (6 if month == 98 else month)
    return max(told, person.cm - 24)


def _network(person: Respondent) -> Answers:
    known = int(person.fixed("network").lognormvariate(2.3, 0.8))
    return {"net_know": known, "net_30d": min(known, max(1, known // 3))}


def contacts(person: Respondent) -> Answers:
    """Phone numbers and a contact person; invented, as all names and numbers of simulated people."""
    t = person.truth
    return {
        "phone1": t.phone,
        "phone2": "",
        "zalo": t.phone,
        "facebook": "",
        "c1_name": t.contact_name,
        "c1_rel": person.fixed("contact").choice((2, 4, 5, 6)),
        "c1_phone": t.contact_phone,
        "c2_name": "",
        "c_told": person.yes(0.85),
        "move_plan": int(bool(t.plan[person.now]) and person.yes(0.4)),
        "move_where": "",
        "best_time": person.fixed("time").choice(("buổi tối", "cuối tuần", "")),
        "next_ok": person.yes(0.985),
        "incent": 1,
    }


def closing(person: Respondent, *, eligible: bool = True) -> Answers:
    """What the enumerator notes at the end."""
    return {
        "others_pres": [0] if person.yes(0.7) else person.some((1, 2, 4), 2),
        "obs_under": min(5, max(2, person.rating(0.8))),
        "obs_coop": min(5, max(2, person.rating(0.8))),
        "res_code": (1200 if person.yes(0.02) else 1100) if eligible else 4200,
    }
