"""Simulated people as a whole (`Histories`) and one by one (`Truth`).

A person is on the sample list only if still living at the place of return when recruitment begins: candidates
who left, moved or died before are drawn and dropped, so delayed entry is in the data as it is in the field.
Months are century months, (year − 1900) · 12 + month.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.simulate.coefficients import Coefficients
from analysis.simulate.months import EVENTS, PATHS, Months, live
from analysis.simulate.people import Area, Columns, default_areas, draw_people, phone


@dataclass(frozen=True, slots=True)
class Truth:
    """One invented person. `facts` holds the columns of people.py; arrays go by month since return.

    `state`, `place`, `job`, `plan`, `desire`, `steps`, `debt`, `assisted`, `lost` are as in months.py.
    """

    number: int
    case_id: str
    panel_id: str
    name: str
    phone: str
    contact_name: str
    contact_phone: str
    area: Area
    facts: dict[str, Any]
    state: NDArray[np.int8]
    place: NDArray[np.int8]
    job: NDArray[np.int16]
    plan: NDArray[np.bool_]
    desire: NDArray[np.bool_]
    steps: NDArray[np.bool_]
    debt: NDArray[np.bool_]
    assisted: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    first_job_cm: int | None
    left_cm: int | None
    back_cm: int | None
    moved_cm: int | None
    died_cm: int | None
    invented: bool = True

    @property
    def ret_cm(self) -> int:
        return int(self.facts["ret_cm"])

    @property
    def track(self) -> str:
        return "inflow" if self.facts["inflow"] else "stock"

    def at(self, cm: int) -> int:
        """The column of a century month, held within what was simulated."""
        return min(max(cm - self.ret_cm, 0), len(self.state) - 1)

    def spells(self, until: int, since: int | None = None) -> list[dict[str, Any]]:
        """Spells of one activity, job and place from `since` (the return) to `until`.

        Each has beg and end (century months; a spell ends in the month in which the next begins; the last is
        open, None), state, place, job. The first keeps its true beginning, even before `since`.
        """
        first, last = self.at(since if since is not None else self.ret_cm), self.at(until)
        same = (np.diff(self.state) == 0) & (np.diff(self.place) == 0) & (np.diff(self.job) == 0)
        starts = [0, *(np.flatnonzero(~same) + 1).tolist()]
        ends = [*starts[1:], None]
        return [
            {
                "beg": self.ret_cm + b,
                "end": None if e is None or e > last else self.ret_cm + e,
                "state": int(self.state[b]),
                "place": int(self.place[b]),
                "job": int(self.job[b]),
            }
            for b, e in zip(starts, ends, strict=True)
            if b <= last and (e is None or e > first)
        ]


@dataclass(frozen=True, slots=True)
class Histories:
    """People on the sample list with everything that is true of them."""

    people: Columns
    months: Months
    areas: tuple[Area, ...]
    effects: Coefficients
    seed: int

    def __len__(self) -> int:
        return len(self.people["sex"])

    def __iter__(self) -> Iterator[Truth]:
        return (self.person(i) for i in range(len(self)))

    def person(self, i: int) -> Truth:
        p = self.people
        ret = int(p["ret_cm"][i])
        life: dict[str, Any] = {name: getattr(self.months, name)[i] for name in PATHS}
        life |= {f"{name}_cm": _month(ret, getattr(self.months, name)[i]) for name in EVENTS}
        return Truth(
            number=i + 1,
            case_id=f"VN-{i + 1:06d}",
            panel_id=f"VN{i + 1:06d}",
            name=str(p["name"][i]),
            phone=phone(i + 1),
            contact_name=str(p["name"][(i * 7 + 3) % len(self)]),
            contact_phone=phone(i + 1, 1),
            area=self.areas[int(p["area"][i])],
            facts={k: v[i].item() for k, v in p.items() if k not in ("name", "area")},
            **life,
        )

    def sample_list(self, field_days: int = 56) -> list[dict[str, str]]:
        """The printed list, by case_id: frame, area, track, and the days in which to recruit the case."""
        return [
            {
                "case_id": t.case_id,
                "frame_src": str(t.facts["frame_src"]),
                "psu_code": t.area.code,
                "stratum": t.area.stratum,
                "incl_prob": f"{0.05 + 0.2 * (i + 1) / len(self.areas):.4f}",
                "track": t.track,
                "opens": _first_day(t.facts["recruit_cm"]).isoformat(),
                "closes": (_first_day(t.facts["recruit_cm"]) + timedelta(days=field_days)).isoformat(),
            }
            for t, i in zip(self, self.people["area"].tolist(), strict=True)
        ]

    def area_list(self) -> list[dict[str, str]]:
        """Rows of psu.csv, the list of sampling areas attached to the baseline form."""
        rows = [(a.code, a.label, a.prov_old, a.prov_new, a.stratum) for a in self.areas]
        return [
            dict(zip(("name", "label", "prov_old", "prov_new", "stratum"), row, strict=True)) for row in rows
        ]

    def persons(self) -> pd.DataFrame:
        """One row per person: facts, entry (months from return to recruitment), first events since return."""
        out = pd.DataFrame({k: v for k, v in self.people.items() if k not in ("name", "area")})
        out.insert(0, "case_id", [f"VN-{i + 1:06d}" for i in range(len(self))])
        out["entry"] = out["recruit_cm"] - out["ret_cm"]
        for name in EVENTS:
            month = pd.Series(getattr(self.months, name), dtype="Int64")
            out[name] = month.where(month >= 0)
        return out

    def person_months(self) -> pd.DataFrame:
        """One row per person and month since return with state, place, plan, debt, assisted, lost."""
        n, t = self.months.state.shape
        out = pd.DataFrame({name: getattr(self.months, name).ravel() for name in PATHS})
        out.insert(0, "t", np.tile(np.arange(t), n))
        out.insert(0, "case_id", np.repeat([f"VN-{i + 1:06d}" for i in range(n)], t))
        return out


def simulate(
    n: int,
    *,
    seed: int,
    start_cm: int,
    recruit_months: int = 2,
    follow_months: int = 36,
    inflow: float = 0.65,
    areas: tuple[Area, ...] | None = None,
    effects: Coefficients | None = None,
) -> Histories:
    """`n` returnees living where they came back to when recruited, and their months until `follow_months` on.

    Parameters
    ----------
    start_cm
        Century month in which recruitment begins.
    inflow
        Share drawn from the inflow sample (back 0–12 months before recruitment); the others 13–60 months.

    Raises
    ------
    ValueError
        If `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"cannot simulate {n} people; ask for at least 1")
    rng = np.random.default_rng(seed)
    effects, areas = effects or Coefficients(), areas or default_areas()
    pool = 6 * n + 300
    people = draw_people(
        rng, pool, start_cm=start_cm, recruit_months=recruit_months, inflow=inflow, areas=len(areas)
    )
    months = live(rng, people, 61 + follow_months, effects)
    entry = people["recruit_cm"] - people["ret_cm"]
    chosen = np.flatnonzero(_still_there(months, entry))[:n]
    if len(chosen) < n:
        raise ValueError(f"only {len(chosen)} of {n} people remained; the hazards leave nobody to recruit")
    kept = Months(**{f.name: getattr(months, f.name)[chosen] for f in fields(Months)})
    return Histories({k: v[chosen] for k, v in people.items()}, kept, areas, effects, seed)


def _still_there(months: Months, entry: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Whether no departure, move or death happened up to and in the month of recruitment."""
    out = np.ones(len(entry), bool)
    for first in (months.left, months.moved, months.died):
        out &= (first < 0) | (first > entry)
    return out


def _first_day(cm: int) -> date:
    return date(1900 + (cm - 1) // 12, (cm - 1) % 12 + 1, 1)


def _month(ret_cm: int, since: np.int16) -> int | None:
    return None if since < 0 else ret_cm + int(since)
