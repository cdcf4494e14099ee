"""Rates: AAPOR response rates and the rates of a panel, from the outcomes of person-waves; no database.

Classes are those of `analysis.outcomes`: I, P, R, NC, O, U and NE; formulas are indicators.md, section 11,
after AAPOR, Standard Definitions. Living abroad is eligible and stands in the denominators. Chain referral
samples have no response rate: whoever calls `response` says for whom. Input is the frame `person_waves` (or a
part of it); rows whose class is missing, because their wave is still open, count nowhere. A rate over nobody
is missing, and so is one of a group that is known of respondents alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.claims import surely

CLASSES = ("I", "P", "R", "NC", "O", "U")
AAPOR = ("RR1", "RR2", "RR3", "RR4", "RR5", "RR6", "COOP1", "REF1", "CON1")
NOT_KNOWN = "not known"
DIED, NOT_ELIGIBLE, DUPLICATE, WITHDREW = 4100, 4200, 4300, 2130


@dataclass(frozen=True, slots=True)
class ResponseRates:
    """Cross-section rates with what they were made of: n of each class, and e, the eligible share among U."""

    n: dict[str, int]
    e: float
    e_source: str
    rr1: float
    rr2: float
    rr3: float
    rr4: float
    rr5: float
    rr6: float
    coop1: float
    ref1: float
    con1: float

    def tidy(self) -> pd.DataFrame:
        """One row per rate: rate, value."""
        return pd.DataFrame({"rate": AAPOR, "value": [getattr(self, name.lower()) for name in AAPOR]})


def response(waves: pd.DataFrame, e: float | None = None) -> ResponseRates:
    """AAPOR rates RR1–RR6, COOP1, REF1 and CON1 of one wave.

    Parameters
    ----------
    waves
        Rows of one wave with outcome_class.
    e
        Share of eligible among those of unknown eligibility, for RR3 and RR4. Without one it is estimated as
        the share of eligible among all whose eligibility is known ("CASRO").
    """
    counts = waves["outcome_class"].value_counts()
    n = {name: int(counts.get(name, 0)) for name in (*CLASSES, "NE")}
    known = sum(n[c] for c in CLASSES if c != "U")
    share = e if e is not None else _over(known, known + n["NE"])
    refused, done, some = n["R"], n["I"], n["I"] + n["P"]
    every, likely = known + n["U"], known + (0.0 if n["U"] == 0 else share * n["U"])
    reached = n["I"] + n["P"] + n["R"] + n["O"]
    return ResponseRates(
        n=n,
        e=share,
        e_source="given" if e is not None else "share eligible among known (CASRO)",
        rr1=_over(done, every),
        rr2=_over(some, every),
        rr3=_over(done, likely),
        rr4=_over(some, likely),
        rr5=_over(done, known),
        rr6=_over(some, known),
        coop1=_over(done, reached),
        ref1=_over(refused, every),
        con1=_over(reached, every),
    )


def response_by(waves: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """`response` of every wave and group: group, wave, n, counts of the classes, and the rates.

    `group` has the index of `waves`: what the person is, or who had the case in that wave. In a wave in which
    it is not known of everybody, rates of a group would be rates among those who told it: they are missing.
    """
    decided = waves[waves["outcome_class"].notna()]
    told = group.reindex(decided.index).astype("string")
    rows = []
    for wave, own in decided.groupby("wave"):
        known = told[own.index]
        for name, part in own.groupby(known.fillna(NOT_KNOWN)):
            made = response(part)
            rates = made.tidy().set_index("rate")["value"]
            shown = rates if known.notna().all() else rates * float("nan")
            rows.append({"group": name, "wave": int(wave), "n": sum(made.n.values()), **made.n, **shown})
    return pd.DataFrame(rows, columns=["group", "wave", "n", *CLASSES, "NE", *AAPOR])


def panel_by(waves: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """`panel` of every group of baseline respondents, with the group before the wave.

    `group` has the index of `waves` and says what a person is: it must be the same in all waves of one.
    `cumulative_rr` is missing where the group is not known of everybody at the baseline.

    Raises
    ------
    ValueError
        A person is in several groups.
    """
    told = group.reindex(waves.index).astype("string")
    several = told.groupby(waves["person_id"]).nunique() > 1
    if several.any():
        raise ValueError(f"{int(several.sum())} persons are in several groups; give each one for all waves")
    whole = told[surely(waves["wave"] == 0)].notna().all()
    parts = []
    for name, own in waves.groupby(told.fillna(NOT_KNOWN)):
        made = panel(own)
        if not whole:
            made["cumulative_rr"] = pd.NA
        made.insert(0, "group", name)
        parts.append(made.astype({"cumulative_rr": "Float64"}))
    return pd.concat(parts, ignore_index=True) if parts else panel(waves).assign(group="")


def panel(waves: pd.DataFrame) -> pd.DataFrame:
    """The panel rates of every wave for the cohort of baseline respondents, one row per wave.

    Columns
    -------
    wave, baseline (respondents of wave 0), eligible (alive and eligible then), issued (less permanent
    withdrawals, who stay in the denominator of cumulative rates), responded, response (wave response),
    retention (wave on wave), cumulative, continuous (responded in every wave so far), cumulative_rr (times
    RR1 of the baseline), status_known, reentry (share of those who missed the wave before that respond now).
    `retention` and `reentry` are of other people than the rest: before (responded in the wave before, still
    eligible) with stayed (respond again); missed (did not, though it was decided for them) with returned.
    A person counts in a wave that was decided for him: waves still open, and waves left out because their
    window was over at the baseline, are not held against anybody.
    """
    wide = _wide(waves)
    rr1 = response(waves[surely(waves["wave"] == 0)]).rr1
    rows = [_wave_rates(wide, position, rr1) for position in range(len(wide["wave"]))]
    return pd.DataFrame(rows).astype(
        dict.fromkeys(("wave", *_COUNTS), "Int64") | dict.fromkeys(SHARES, "Float64")
    )


_COUNTS = ("baseline", "eligible", "issued", "responded", "before", "stayed", "missed", "returned")
SHARES = ("response", "retention", "cumulative", "continuous", "cumulative_rr", "status_known", "reentry")


def _wide(waves: pd.DataFrame) -> dict[str, np.ndarray]:
    """Baseline respondents by waves: boolean arrays of shape (persons, waves)."""
    numbers = sorted(waves["wave"].dropna().unique())
    first = waves[surely(waves["wave"] == 0) & surely(waves["interviewed"] == 1)]
    cohort = pd.Index(sorted(first["person_id"]))
    rows = waves[waves["person_id"].isin(cohort)]
    place = (
        cohort.get_indexer(rows["person_id"]),
        np.searchsorted(numbers, rows["wave"].to_numpy(dtype="int64")),
    )

    def grid(mask: np.ndarray) -> np.ndarray:
        made = np.zeros((len(cohort), len(numbers)), dtype=bool)
        made[place] = mask
        return made

    out = surely(rows["outcome_class"] == "NE")
    return {
        "wave": np.array(numbers, dtype="int64"),
        "decided": grid(rows["outcome_class"].notna().to_numpy(bool)),
        "responded": grid(surely(rows["interviewed"] == 1)),
        "known": grid(surely(rows["status_known"] == 1)),
        "out": np.logical_or.accumulate(grid(out), axis=1),
        "withdrew": np.logical_or.accumulate(grid(surely(rows["outcome"] == WITHDREW)), axis=1),
    }


def _wave_rates(wide: dict[str, np.ndarray], w: int, rr1: float) -> dict[str, float]:
    """The rates of the wave in column w, over those it was decided for and those withdrawn before it."""
    decided, answered = wide["decided"], wide["responded"]
    alive = ~wide["out"][:, w] & (decided[:, w] | wide["withdrew"][:, w])
    responded = answered[:, w] & alive
    every = (answered | ~decided)[:, : w + 1].all(axis=1) & responded
    issued = alive & ~wide["withdrew"][:, w]
    before = answered[:, w - 1] & alive & (w > 0)
    missed = decided[:, w - 1] & ~answered[:, w - 1] & alive & (w > 0)
    return {
        "wave": int(wide["wave"][w]),
        "baseline": len(alive),
        "eligible": int(alive.sum()),
        "issued": int(issued.sum()),
        "responded": int(responded.sum()),
        "before": int(before.sum()),
        "stayed": int((responded & before).sum()),
        "missed": int(missed.sum()),
        "returned": int((responded & missed).sum()),
        "response": _over(responded.sum(), issued.sum()),
        "retention": _over((responded & before).sum(), before.sum()),
        "cumulative": _over(responded.sum(), alive.sum()),
        "continuous": _over(every.sum(), alive.sum()),
        "cumulative_rr": rr1 * _over(responded.sum(), alive.sum()),
        "status_known": _over((wide["known"][:, w] & alive).sum(), alive.sum()),
        "reentry": _over((responded & missed).sum(), missed.sum()),
    }


def _over(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
