"""Events: first job after return and leaving again, as intervals of months with source and competing ends.

Rules: indicators.md, sections 8 and 9. A report of an event is a row with person_id, cause, lo, hi, src; the
first event of the best source counts. Everything becomes (L, R] by `months.model_time`, never by a mid-point.
Whoever is lost without trace is censored at the last month known to be in place, with `lost` 1: neither
abroad nor staying.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.claims import surely
from analysis.months import floats, interval, model_time, to_months
from analysis.spells import PLACE_ABROAD

ABROAD, INTERNAL, DEATH = 1, 2, 3
OWN, PROXY, RECORD = 1, 2, 3
EVENT_MONTHS = 3  # living elsewhere for at least so many months
PAID_WORK = (1, 2, 3)  # activities that are paid work or a business of one's own
BOUNDARY_CHANGE = 5

REPORT = ("person_id", "cause", "lo", "hi", "src", "ctry")


def own_reports(waves: pd.DataFrame) -> pd.DataFrame:
    """Leaving again and internal moves as the person told them in follow-ups (module C, place of residence).

    `waves` needs person_id, wave, int_cm, home_cm (last interview in the country before), cur_loc, move_why,
    move_y, move_m, abr_since, rm_dep_y, rm_dep_m, rm_ctry. Abroad without a date: between the last interview
    in the country and this one. A boundary change is no move.
    """
    away = waves[surely(waves["cur_loc"] == 4) | surely(waves["abr_since"] == 1)]
    left = interval(away["rm_dep_y"], away["rm_dep_m"], not_before=away["home_cm"], not_after=away["int_cm"])
    moved = waves[surely(waves["cur_loc"] == 3) & ~surely(waves["move_why"] == BOUNDARY_CHANGE)]
    shift = interval(moved["move_y"], moved["move_m"], not_before=moved["home_cm"], not_after=moved["int_cm"])
    return pd.concat(
        [
            away.assign(cause=ABROAD, lo=left.lo, hi=left.hi, src=OWN, ctry=away["rm_ctry"]),
            moved.assign(cause=INTERNAL, lo=shift.lo, hi=shift.hi, src=OWN, ctry=pd.NA),
        ],
        ignore_index=True,
    )[list(REPORT)]


def calendar_reports(spells: pd.DataFrame, base_cm: pd.Series, prov_ret34: pd.Series) -> pd.DataFrame:
    """Spells abroad or in another province after baseline, of three months or more or still going on.

    `base_cm` and `prov_ret34` are indexed by person_id. A spell in the unit of return (34 units, so that the
    merger of 2025 makes no move) is no internal move; spells need `sp_prov` to be judged by it.
    """
    rows = spells[spells["person_id"].isin(base_cm.index)]
    base = floats(rows["person_id"].map(base_cm))
    long = surely(rows["stop"] - rows["start"] >= EVENT_MONTHS) | surely(rows["right_cens"] == 1)
    later = floats(rows["start"]) + 1 >= base
    home = rows["person_id"].map(prov_ret34).astype("string")
    province = rows["sp_prov"].astype("string") if "sp_prov" in rows else pd.Series(pd.NA, index=rows.index)
    cause = np.where(
        rows["state"] == "abroad",
        ABROAD,
        np.where(surely(rows["place"] == 3) & ~surely(province == home), INTERNAL, 0),
    )
    told = rows.assign(cause=cause, lo=np.fmax(floats(rows["beg_lo"]), base), hi=floats(rows["beg_hi"]))
    told = told[long & later & (cause > 0)]
    return told.assign(hi=np.fmax(told["hi"], told["lo"]), src=OWN, ctry=pd.NA)[list(REPORT)]


def in_place(attempts: pd.DataFrame) -> np.ndarray:
    """Where an attempt shows the person in place: somebody said so, or a visit met the person."""
    told = surely(attempts["whereab"].isin([1, 2]))
    return told | (surely(attempts["att_who"] == 1) & surely(attempts["att_mode"].isin([1, 2])))


def record_reports(attempts: pd.DataFrame, home_cm: pd.Series) -> pd.DataFrame:
    """Leaving, moving and death known from the contact record.

    `attempts`: those of waves after the last interview, with person_id, att_cm, att_res, att_who, att_mode,
    whereab, wh_ctry, wh_since_y, wh_since_m. `home_cm`: last interview in the country by person_id. A date
    that is not known lies between the last month in which the person was in place and the month of the
    report.
    """
    rows = attempts.assign(home=floats(attempts["person_id"].map(home_cm)), seen=floats(attempts["att_cm"]))
    rows = rows[rows["seen"] >= rows["home"]].sort_values(["person_id", "seen"], kind="stable")
    here = pd.Series(np.where(in_place(rows), rows["seen"], np.nan), index=rows.index)
    before = (
        here.groupby(rows["person_id"], sort=False).cummax().groupby(rows["person_id"], sort=False).shift()
    )
    last = np.fmax(rows["home"], before)
    since = interval(rows["wh_since_y"], rows["wh_since_m"], not_before=last, not_after=rows["seen"])
    died = surely(rows["att_res"] == 4100)
    away = surely(rows["whereab"] == PLACE_ABROAD) | surely(rows["att_res"] == 2240)
    cause = np.select([died, away, surely(rows["whereab"] == 3)], [DEATH, ABROAD, INTERNAL], 0)
    lo = np.where(died, last, np.fmax(since.lo, rows["home"]))
    hi = np.where(died, rows["seen"], np.fmin(since.hi, rows["seen"]))
    told = rows.assign(cause=cause, lo=lo, hi=np.fmax(hi, lo), src=RECORD, ctry=rows["wh_ctry"])
    return told[cause > 0][list(REPORT)]


def first_event(reports: pd.DataFrame) -> pd.DataFrame:
    """One row per person: the earliest event of the best source, indexed by person_id.

    The order is source, then the first month in which the event is certain, then its earliest month.
    """
    ordered = reports.sort_values(["person_id", "src", "hi", "lo", "cause"], kind="stable")
    return ordered.drop_duplicates("person_id").set_index("person_id")


def leaving_again(persons: pd.DataFrame, reports: pd.DataFrame) -> pd.DataFrame:
    """rm_start, rm_L, rm_R, rm_cause, rm_src and rm_ctry for each row of `persons`, in its order.

    `persons`: person_id, ret_lo, ret_hi, base_cm, last_cm (last month known to be in place). Nobody without a
    baseline interview is at risk: all columns are then missing. `rm_start` is the delayed entry; months
    before it are never at risk, because whoever left in them could not be sampled.
    """
    event = first_event(reports).reindex(persons["person_id"])
    cause = floats(event["cause"].fillna(0))
    lo = np.where(
        cause > 0, np.fmax(floats(event["lo"]), floats(persons["base_cm"])), floats(persons["last_cm"])
    )
    hi = np.where(cause > 0, np.fmax(floats(event["hi"]), lo), np.nan)
    origin = floats(persons["ret_lo"]), floats(persons["ret_hi"])
    left, right = model_time(lo, hi, *origin)
    start = model_time(persons["base_cm"], np.nan, *origin).left
    inside = ~np.isnan(floats(persons["base_cm"]))
    return pd.DataFrame(
        {
            "rm_start": to_months(start),
            "rm_L": to_months(left),
            "rm_R": to_months(right),
            "rm_cause": to_months(np.where(inside, cause, np.nan)),
            "rm_src": to_months(np.where(inside & (cause > 0), floats(event["src"]), np.nan)),
            "rm_ctry": to_months(np.where(inside, floats(event["ctry"]), np.nan)),
            "event_lo": to_months(np.where(inside & (cause > 0), lo, np.nan)),
            "event_hi": to_months(np.where(inside & (cause > 0), hi, np.nan)),
        },
        index=persons.index,
    )


def first_job(persons: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """ttfj_L, ttfj_R, ttfj_event and ttfj_src for each row of `persons`, in its order.

    `persons`: person_id, ret_lo, ret_hi, base_cm, job1_any, job1_y, job1_m, told_cm (last month the calendars
    cover) and left_cm (first month in which the person may have left, missing if never). The baseline asks
    the date back to the return, so the risk set starts at 0. Without a job by baseline, the first later
    calendar spell of paid work or own business is the event; else the person is censored at the last
    interview, or at leaving the country. Example: returned in 1500, first job in 1500 → (0, 1]; none by the
    interview in 1506 → censored at 6.
    """
    told = interval(
        persons["job1_y"], persons["job1_m"], not_before=persons["ret_lo"], not_after=persons["base_cm"]
    )
    had = surely(persons["job1_any"] == 1)
    none = surely(persons["job1_any"] == 0)
    later = _first_paid_spell(spells, persons)
    found = none & ~np.isnan(later["lo"]) & ~(later["lo"] > floats(persons["left_cm"]))
    until = np.fmin(floats(persons["told_cm"]), floats(persons["left_cm"]))
    lo = np.where(had, told.lo, np.where(found, later["lo"], np.where(none, until, np.nan)))
    hi = np.where(had, told.hi, np.where(found, later["hi"], np.nan))
    left, right = model_time(lo, hi, persons["ret_lo"], persons["ret_hi"])
    event = np.where(had | found, 1.0, np.where(none, 0.0, np.nan))
    return pd.DataFrame(
        {
            "ttfj_L": to_months(left),
            "ttfj_R": to_months(right),
            "ttfj_event": to_months(np.where(np.isnan(left), np.nan, event)),
            "ttfj_src": to_months(np.where(had, 1.0, np.where(found, 2.0, np.nan))),
        },
        index=persons.index,
    )


def _first_paid_spell(spells: pd.DataFrame, persons: pd.DataFrame) -> dict[str, np.ndarray]:
    """The interval in which the first spell of paid work at home begins that was not told at baseline."""
    rows = spells[spells["act"].isin(PAID_WORK) & (spells["state"] == "employed")]
    base = rows["person_id"].map(persons.set_index("person_id")["base_cm"])
    rows = rows[floats(rows["start"]) + 1 >= floats(base)].sort_values(["person_id", "start"])
    first = rows.drop_duplicates("person_id").set_index("person_id").reindex(persons["person_id"])
    base = np.where(first["start"].isna(), np.nan, floats(persons["base_cm"]))
    lo = np.fmax(floats(first["beg_lo"]), base)
    return {"lo": np.where(np.isnan(base), np.nan, lo), "hi": np.fmax(floats(first["beg_hi"]), lo)}
