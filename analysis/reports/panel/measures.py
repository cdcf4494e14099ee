"""What the chapters of the panel report count: groups, bands, shares with intervals, changes within persons.

Frames in, small frames or numbers out; no words, no layout. Clocks and risk sets follow the convention of the
release: months since return, intervals (L, R].
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

Z = 1.959963984540054
BANDS = ((0, 3), (4, 6), (7, 12), (13, 24), (25, None))
WIDE_BANDS = ((0, 6), (7, 12), (13, None))
PROGRAMMES = {1: (2, 3, 4), 2: (5, 6), 3: (12,), 4: (1,)}
AWAY = (2230, 2240, 3100, 4100)  # results of attempts that tell of a person away
EDUCATION = {1: (0, 1, 2), 2: (3,), 3: (4, 5), 4: (6, 7, 8)}


@dataclass(frozen=True, slots=True)
class Change:
    """Difference of a share between two waves among those who answered in both."""

    before: float
    after: float
    difference: float
    low: float
    high: float
    n: int


def wilson(part: float, n: int) -> tuple[float, float]:
    """Wilson's 95 per cent interval (1927) of a share of n persons."""
    share = part / n
    middle = share + Z**2 / (2 * n)
    half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return float((middle - half) / scale), float((middle + half) / scale)


def banded(values: pd.Series, edges: tuple[int, ...]) -> pd.Series:
    """Number of the band a value falls into: 1 below the first edge, 2 from there on, …; missing stays
    missing."""
    bands = np.searchsorted(
        edges, values.astype("Float64").to_numpy(dtype=float, na_value=np.nan), side="right"
    )
    return pd.Series(bands + 1, index=values.index, dtype="Int64").mask(values.isna())


def month_band(values: pd.Series) -> pd.Series:
    """Number of the band of months since return: 0–3, 4–6, 7–12, 13–24, 25 and more."""
    return banded(values, tuple(low for low, _ in BANDS[1:]))


def grouped(codes: pd.Series, groups: dict[int, tuple[int, ...]], other: int | None = None) -> pd.Series:
    """Codes gathered into groups; known codes of no group become ``other`` (or missing)."""
    lookup = {code: group for group, members in groups.items() for code in members}
    found = codes.map(lookup).astype("Int64")
    return found if other is None else found.fillna(other).mask(codes.isna())


def at_baseline(persons: pd.DataFrame) -> pd.DataFrame:
    """Persons with a baseline interview."""
    return persons[persons["base_cm"].notna()].reset_index(drop=True)


def paired_change(waves: pd.DataFrame, column: str) -> tuple[int, Change] | None:
    """Change of a 0/1 column from the wave before to the latest wave, with the latest wave's number.

    The latest wave is the last in which the column is known for anyone. The interval is that of a paired
    difference: mean of the within-person differences and its normal limits.
    """
    known = waves[waves[column].notna()]
    if known.empty or known["wave"].nunique() < 2:
        return None
    last = int(known["wave"].max())
    wide = known[known["wave"].isin([last - 1, last])].pivot(index="person_id", columns="wave", values=column)
    pairs = wide.dropna()
    if pairs.shape[1] < 2 or len(pairs) < 2:
        return None
    before, after = pairs[last - 1].astype(float), pairs[last].astype(float)
    steps = after - before
    half = Z * float(steps.std(ddof=1)) / np.sqrt(len(steps))
    middle = float(steps.mean())
    return last, Change(
        float(before.mean()), float(after.mean()), middle, middle - half, middle + half, len(pairs)
    )


def first_jobs(persons: pd.DataFrame, waves: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Months to the first job of persons seen at baseline (stop, event), and how many dates are a wide
    interval."""
    base = at_baseline(persons)
    known = base[base["ttfj_event"].notna() & base["ttfj_L"].notna()]
    told = waves.groupby("person_id")["int_cm"].max()
    return _times(known, "ttfj_L", "ttfj_R", known["ttfj_event"].astype(int), told)


def departures(
    persons: pd.DataFrame, waves: pd.DataFrame, attempts: pd.DataFrame
) -> tuple[pd.DataFrame, int]:
    """Time at risk of leaving (start, stop, cause) of persons seen at baseline, and the number of wide
    intervals."""
    base = at_baseline(persons)
    known = base[base["rm_cause"].notna() & base["rm_L"].notna() & base["rm_start"].notna()]
    told = last_report(waves, attempts)
    times, wide = _times(known, "rm_L", "rm_R", known["rm_cause"].astype(int), told)
    return times.rename(columns={"event": "cause"}).assign(start=times["rm_start"].astype(float)), wide


def last_report(waves: pd.DataFrame, attempts: pd.DataFrame) -> pd.Series:
    """By person the month of the first report of the last wave that has one: an interview, or an attempt
    that found the person away, abroad or dead."""
    heard = attempts.loc[attempts["res"].isin(AWAY), ["person_id", "wave", "att_cm"]]
    met = waves.loc[waves["int_cm"].notna(), ["person_id", "wave", "int_cm"]]
    reports = pd.concat([heard.rename(columns={"att_cm": "cm"}), met.rename(columns={"int_cm": "cm"})])
    first = reports.groupby(["person_id", "wave"])["cm"].min().reset_index()
    return first.sort_values("wave").drop_duplicates("person_id", keep="last").set_index("person_id")["cm"]


def _times(
    known: pd.DataFrame, low: str, high: str, event: pd.Series, told: pd.Series
) -> tuple[pd.DataFrame, int]:
    """Stop and event: the end of a one-month interval, the middle (whole month) of a wider one, L if
    censored.

    A person without an event is watched until the month before the last report; an event in the month of
    the last report itself would stand in a month in which nobody else is at risk, so it ends the time
    without an event. (In a demo it made 41 per cent abroad by month 10 into 55 by month 11.)
    """
    left, right, back, last = (
        column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        for column in (known[low], known[high], known["ret_hi"], known["person_id"].map(told))
    )
    happened = (event > 0).to_numpy() & ~np.isnan(right)
    wide = happened & (right - left > 1)
    stop = np.where(happened, np.where(wide, np.ceil((left + right) / 2), right), left)
    late = happened & (stop > last - back)
    stop = np.where(late, np.maximum(last - back, 0), stop)
    times = known.assign(stop=stop, event=np.where(happened & ~late, event, 0))
    return times.reset_index(drop=True), int((wide & ~late).sum())


def at_risk(start: pd.Series, stop: pd.Series) -> pd.Series:
    """Persons at risk in each month t, over (t − 1, t]: entered before and not yet gone; index 1, 2, …"""
    months = np.arange(1, int(stop.max()) + 1) if len(stop) and stop.max() >= 1 else np.arange(0)
    counts = [int(((start < month) & (stop >= month)).sum()) for month in months]
    return pd.Series(counts, index=months, dtype="int64")


def stable_window(risk: pd.Series, smallest: int) -> tuple[int, int] | None:
    """(s, last month): the longest run of months with at least ``smallest`` at risk; s is the month
    before it."""
    best: tuple[int, int] | None = None
    first: int | None = None
    for month, people in [*risk.items(), (int(risk.index.max() if len(risk) else 0) + 1, -1)]:
        if people >= max(smallest, 1):
            first = month if first is None else first
        elif first is not None:
            if best is None or month - first > best[1] - best[0]:
                best = (first - 1, month - 1)
            first = None
    return best


def lagged(waves: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Interviews in the country with ``<column>_lag`` from the person's interview before; abroad ends
    a person's rows."""
    rows = waves[waves["interviewed"] == 1].sort_values(["person_id", "wave"])
    away = (rows["abroad"] == 1).fillna(False).groupby(rows["person_id"]).cummax()
    home = rows[~away].copy()
    before = home.groupby("person_id")[list(columns)].shift(1)
    return home.join(before.add_suffix("_lag")).reset_index(drop=True)
