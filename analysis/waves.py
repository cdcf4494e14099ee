"""Waves: one row per issued person and wave, interviewed or not.

Nobody issued is left out: a person who was not reached has a row with the final code, and all answers
missing. What is said once about a person stands in `analysis.persons`.
"""

from __future__ import annotations

import pandas as pd

from analysis import events
from analysis.claims import surely
from analysis.indicators import derive
from analysis.indicators.economic import migration_debt_open
from analysis.months import floats
from analysis.outcomes import outcome_class

INDICATORS_BY_WAVE = (
    *(
        "lf",
        "lf_why",
        "lf_dom",
        "lf_13",
        "own_use",
        "employed",
        "discouraged",
        "underemployed",
        "skill_index",
    ),
    *("ladder", "intent", "int_unwilling", "prep_no_plan"),
    *("dsr", "dsr_inf", "dti", "mdebt_here", "fam_index", "assisted", "distress"),
)


def wave_rows(
    issued: pd.DataFrame,
    talked: pd.DataFrame,
    tried: pd.DataFrame,
    final: pd.DataFrame,
    returned: pd.DataFrame,
    spells: pd.DataFrame,
) -> pd.DataFrame:
    """One row per issued person and wave: outcome, effort, answers and what is derived from them."""
    keys = ["person_id", "wave"]
    answered = talked[talked["usable"]].drop(columns=["outcome", "form", "corridor"])
    rows = issued.rename(columns={"state": "window"})
    rows = rows.merge(final, on=keys, how="left").merge(answered, on=keys, how="left")
    rows = rows.merge(_effort(tried), on=keys, how="left")
    rows["interviewed"] = surely(rows["usable"]).astype("int64")
    rows["outcome_class"] = _wave_class(rows)
    rows["n_attempts"] = rows["n_attempts"].fillna(0)
    away = surely(rows["away"] == 1)
    rows["abroad"] = rows["int_abroad"].mask(rows["int_abroad"].isna().to_numpy() & away, 1)
    rows["status_known"] = ((rows["interviewed"] == 1) | away).astype("int64")
    rows["t_ret"] = floats(rows["int_cm"]) - floats(rows["person_id"].map(returned["ret_hi"]))
    rows["mode"], rows["act_fix"] = rows["int_mode"], rows["di_fix"]
    rows = rows.merge(_now(spells, rows), on=keys, how="left")
    rows = derive(rows, INDICATORS_BY_WAVE)
    return rows.assign(mdebt_open=migration_debt_open(rows))


def _effort(tried: pd.DataFrame) -> pd.DataFrame:
    """Attempts per person and wave, and whether they show the person away (abroad) or here (in place)."""
    away = surely(tried["whereab"] == 4) | surely(tried["att_res"] == 2240)
    marked = tried.assign(
        away=away.astype("int64"), here=events.in_place(tried).astype("int64"), n_attempts=1
    )
    return marked.groupby(["person_id", "wave"], as_index=False, sort=True).agg(
        {"n_attempts": "sum", "away": "max", "here": "max"}
    )


def _wave_class(rows: pd.DataFrame) -> pd.Series:
    """The class of the final code; a closed wave nobody tried is U, an open one is decided by I, P, NE."""
    made = outcome_class(rows["outcome"])
    closed = surely(rows["window"] == "closed")
    untried = closed & rows["outcome"].isna().to_numpy()
    pending = ~closed & ~surely(made.isin(["I", "P", "NE"]))
    return made.mask(untried, "U").mask(pending)


def _now(spells: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Activity and grouped state in the month of each interview, from the joined calendar."""
    asked = rows.loc[rows["int_cm"].notna(), ["person_id", "wave", "int_cm"]]
    pairs = asked.merge(spells[["person_id", "start", "stop", "act", "state"]], on="person_id")
    month = floats(pairs["int_cm"])
    holds = (floats(pairs["start"]) < month) & (month <= floats(pairs["stop"]))
    return pairs.loc[holds, ["person_id", "wave", "act"]].assign(state=pairs.loc[holds, "state"])
