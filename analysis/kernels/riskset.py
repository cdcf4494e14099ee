"""Who is at risk when: event times by stratum, and sums over risk sets without a loop over them.

Row i of a stratum is at risk at the event times with index first_i <= k < end_i, which is start_i < t_k <=
stop_i. A sum over every risk set then needs one pass: rows are added where they leave and taken off where
they enter, and the differences are cumulated from the last time backwards, so that small late risk sets stay
exact. Shared by Cox, Kaplan–Meier, Aalen–Johansen and log-rank; the estimators themselves live there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]

TIE_TOLERANCE = float(
    np.sqrt(np.finfo(float).eps)
)  # R's timefix: times closer than 1.5e-8, relative, are one time


@dataclass(frozen=True, slots=True)
class RiskSets:
    """Event times in order of stratum and time, and each row's place among them.

    times (m,) and stratum (m,) of each event time; offsets (s + 1,) where strata begin; first, end (n,) as in
    the module text; at (r,) the event-time index of each event row and events (r,) those rows; deaths (m,)
    their number.
    """

    times: Array
    stratum: Index
    offsets: Index
    first: Index
    end: Index
    events: Index
    at: Index
    deaths: Array

    @property
    def rows(self) -> Index:
        """Rows (any order kept) that are at risk at one event time at least; the others say nothing."""
        return np.flatnonzero(self.end > self.first)

    def total(self, values: Array) -> Array:
        """Return the sum over each risk set, (m,) or (m, q), of row values (n,) or (n, q)."""
        rows = self.rows
        late = rows[self.first[rows] > self.offsets[self.stratum[self.end[rows] - 1]]]
        change = self._bins(self.end[rows] - 1, values[rows]) - self._bins(self.first[late] - 1, values[late])
        for s in range(len(self.offsets) - 1):
            block = change[self.offsets[s] : self.offsets[s + 1]]
            block[:] = np.cumsum(block[::-1], axis=0)[::-1]
        return change

    def at_events(self, values: Array) -> Array:
        """Return the sum over the events at each event time, (m,) or (m, q), of row values (n,) or (n, q)."""
        return self._bins(self.at, values[self.events])

    def _bins(self, index: Index, values: Array) -> Array:
        m = self.times.size
        if values.ndim == 1:
            return np.bincount(index, weights=values, minlength=m).astype(float)
        return np.array(
            [np.bincount(index, weights=v, minlength=m) for v in values.T], dtype=float
        ).T.reshape(m, -1)

    def between(self, increments: Array) -> Array:
        """Return, for each row, the sum (n,) or (n, q) of increments (m,) or (m, q) at the times it is at
        risk.
        """
        path = np.concatenate([np.zeros((1, *increments.shape[1:])), np.cumsum(increments, axis=0)])
        return path[self.end] - path[self.first]


def risk_sets(start: Array, stop: Array, event: NDArray[np.bool_], stratum: Index | None = None) -> RiskSets:
    """Return the risk sets of rows (start, stop] with events at stop; `stratum` holds codes 0, 1, …

    Times must have been joined by `join_ties` when rounding may have split ties.
    """
    stratum = np.zeros(stop.size, dtype=np.intp) if stratum is None else stratum
    marks, ranks = np.unique(np.concatenate([start, stop]), return_inverse=True)
    key = np.tile(stratum, 2) * marks.size + ranks
    entered, left = key[: stop.size], key[stop.size :]
    sets, deaths = np.unique(left[event], return_counts=True)
    of = sets // marks.size
    strata = int(stratum.max(initial=0)) + 1
    offsets = np.searchsorted(of, np.arange(strata + 1))
    return RiskSets(
        times=marks[sets % marks.size],
        stratum=of,
        offsets=offsets,
        first=np.searchsorted(sets, entered, side="right"),
        end=np.searchsorted(sets, left, side="right"),
        events=np.flatnonzero(event),
        at=np.searchsorted(sets, left[event]),
        deaths=deaths.astype(float),
    )


def join_ties(start: Array, stop: Array, tolerance: float = TIE_TOLERANCE) -> tuple[Array, Array]:
    """Return start and stop with times that differ by rounding alone made equal (as R's aeqSurv).

    Neighbouring distinct times closer than `tolerance`, absolutely or relative to the mean time, become the
    earlier.
    """
    marks = np.unique(np.concatenate([start[np.isfinite(start)], stop]))
    gap = np.diff(marks)
    near = gap <= tolerance * max(1.0, float(np.abs(marks).mean())) if marks.size else gap > 0
    if not near.any():
        return start, stop
    cuts = marks[np.concatenate([[True], ~near])]
    joined = [
        np.where(np.isfinite(t), cuts[np.searchsorted(cuts, t, side="right") - 1], t) for t in (start, stop)
    ]
    return joined[0], joined[1]
