"""Persons: one row per issued person – who it is, what was told once, and the events as intervals.

Baseline answers, departure and return as closed months, indicators of the first interview, first job and
leaving again (`analysis.events`). A person without a baseline interview has a row, at risk of nothing. What
changes from wave to wave stands in `analysis.waves`.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pandas as pd

from analysis import events
from analysis.claims import flag, same, surely
from analysis.indicators import derive
from analysis.months import floats, to_months, year_month

INFLOW_MONTHS = 12
VIET_NAM = 1  # of the list of corridors; the corridor whose provinces were merged
INDICATORS_OF_PERSON = ("willing", "ready", "unsd98", "unsd98_long", "icls20_ret_worker", "hoang2020", "cris")


def person_rows(
    issued: pd.DataFrame,
    baseline: pd.DataFrame,
    returned: pd.DataFrame,
    waves: pd.DataFrame,
    tried: pd.DataFrame,
    talked: pd.DataFrame,
    spells: pd.DataFrame,
) -> pd.DataFrame:
    """One row per issued person: baseline facts, indicators of wave 0, events as intervals."""
    frame = issued.drop_duplicates("person_id").drop(columns=["wave", "form"])
    told = baseline.drop(columns=["wave", "form", "outcome"]).rename(columns={"int_cm": "base_cm"})
    rows = frame.merge(told, on="person_id", how="left").merge(
        returned.reset_index(), on="person_id", how="left"
    )
    first = waves[surely(waves["wave"] == 0)].set_index("person_id")
    for name in ("mdebt_open", "debt_any", "assisted", "intent", "ladder", "outcome"):
        rows[f"{name}0"] = rows["person_id"].map(first[name])
    rows = derive(rows.drop(columns=["debt_any", "rm_ctry"]), INDICATORS_OF_PERSON)
    rows["abroad_mo"] = rows["abroad_lo"].where(rows["abroad_lo"] == rows["abroad_hi"])
    rows["prov_ret34"] = province_now(rows["prov_ret"], rows["corridor"])
    rows["age_ret"] = _age_at_return(rows)
    home = _home(talked)
    silent = tried[floats(tried["wave"]) > floats(tried["person_id"].map(home["wave"]))]
    rows["last_cm"] = _last_month(rows, home, silent)
    reports = pd.concat(
        [
            events.own_reports(_since_home(talked)),
            events.calendar_reports(spells, home["base_cm"], rows.set_index("person_id")["prov_ret34"]),
            events.record_reports(silent, home["home_cm"]),
        ],
        ignore_index=True,
    )
    rows = pd.concat([rows, events.leaving_again(rows, reports)], axis=1)
    rows["told_cm"] = rows["person_id"].map(talked[talked["usable"]].groupby("person_id")["int_cm"].max())
    rows["left_cm"] = rows["event_lo"].where(surely(rows["rm_cause"] == events.ABROAD))
    rows = pd.concat([rows, events.first_job(rows, spells)], axis=1)
    rows["entry"] = rows["rm_start"]
    rows["inflow"] = flag((rows["entry"] <= INFLOW_MONTHS).mask(rows["entry"].isna()))
    rows["lost"] = _lost(rows, waves)
    return rows


def province_now(province: pd.Series, corridor: pd.Series) -> pd.Series:
    """The unit of today of a province at the time: by the mergers in Viet Nam, elsewhere the same code."""
    merged = province.map(provinces()).astype("string")
    return merged.where(corridor.fillna(VIET_NAM) == VIET_NAM, province.astype("string"))


def provinces() -> pd.Series:
    """The unit of today's 34 by the code of the province at the time (63, and Ha Tay), as text."""
    with files("analysis.mappings").joinpath("vn_provinces.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype="string").set_index("prov_hist")["prov34"]


def _age_at_return(rows: pd.DataFrame) -> pd.api.extensions.ExtensionArray:
    """Years between the year of birth and the year of return; missing where the latter is not known."""
    (first, _), (last, _) = year_month(rows["ret_lo"]), year_month(rows["ret_hi"])
    return to_months(np.where(first == last, first - floats(rows["birth_y"]), np.nan))


def _home(talked: pd.DataFrame) -> pd.DataFrame:
    """Last interview in the country by person: home_cm, wave; and base_cm, the baseline interview."""
    here = talked[talked["usable"] & surely(same(talked["int_abroad"], 0))]
    last = here.groupby("person_id").agg(home_cm=("int_cm", "last"))
    any_wave = talked[talked["usable"]].groupby("person_id")["wave"].last()
    base = here[surely(here["wave"] == 0)].set_index("person_id")["int_cm"]
    return last.assign(wave=any_wave, base_cm=base)


def _since_home(talked: pd.DataFrame) -> pd.DataFrame:
    """Usable follow-ups with the month of the last interview in the country before each."""
    used = talked[talked["usable"]]
    here = used["int_cm"].where(surely(same(used["int_abroad"], 0)))
    by = used["person_id"]
    before = here.groupby(by, sort=False).ffill().groupby(by, sort=False).shift()
    return used.assign(home_cm=before)[surely(used["wave"] > 0)]


def _last_month(
    rows: pd.DataFrame, home: pd.DataFrame, silent: pd.DataFrame
) -> pd.api.extensions.ExtensionArray:
    """Last month in which a person without event is known to be in place, by interview or record."""
    seen = silent[events.in_place(silent)].groupby("person_id")["att_cm"].max()
    return to_months(
        np.fmax(floats(rows["person_id"].map(home["home_cm"])), floats(rows["person_id"].map(seen)))
    )


def _lost(rows: pd.DataFrame, waves: pd.DataFrame) -> pd.Series:
    """1 where the last closed wave found no trace: not reached, not abroad, not in place, no event."""
    closed = waves[waves["outcome_class"].notna()].drop_duplicates("person_id", keep="last")
    traceless = surely(closed["outcome_class"].isin(["NC", "U"])) & surely(closed["status_known"] == 0)
    traceless &= ~surely(closed["here"] == 1)
    gone = pd.Series(traceless, index=closed["person_id"])
    lost = rows["person_id"].map(gone).astype("boolean") & same(rows["rm_cause"], 0)
    return flag(lost.mask(rows["base_cm"].isna()))
