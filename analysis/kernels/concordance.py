"""Concordance: how often, of two people of whom one is seen to go first, the one with the higher risk goes
first.

Harrell's (1982) pairs, extended to (start, stop] rows: an event at t is compared with every row at risk at t
that does not have its own event then. Pairs with equal risk count half. The error is the infinitesimal
jackknife in the weights of rows or clusters (Therneau and Watson 2015), as R's concordance(). O(n · events),
in pieces, refused above `LIMIT`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.riskset import Array, Index, join_ties
from analysis.kernels.sandwich import sum_by

CHUNK = 4_000_000  # pairs looked at in one piece
LIMIT = 4_000_000_000  # pairs beyond which the answer would take minutes


@dataclass(frozen=True, slots=True)
class Concordance:
    """The share of concordant pairs, its error, and the (weighted) number of pairs compared."""

    share: float
    std_error: float
    pairs: float


def concordance(
    start: Array,
    stop: Array,
    event: NDArray[np.bool_],
    risk: Array,
    *,
    weights: Array | None = None,
    stratum: Index | None = None,
    cluster: Index | None = None,
) -> Concordance:
    """Return the concordance of a risk score (n,) with the order of events; pairs stay within strata."""
    start, stop = join_ties(start, stop)
    n = stop.size
    weights = np.ones(n) if weights is None else weights
    stratum = np.zeros(n, dtype=np.intp) if stratum is None else stratum
    events = np.flatnonzero(event)
    if events.size * n > LIMIT:
        raise ValueError(f"concordance would compare {events.size} events with {n} rows; fit it on a sample")
    won, compared = np.zeros(n), np.zeros(n)  # weight of the other side of each row's pairs
    step = max(1, CHUNK // max(n, 1))
    for at in range(0, events.size, step):
        i = events[at : at + step]
        t = stop[i][:, None]
        pair = (start < t) & (t <= stop) & ~(event & (stop == t)) & (stratum == stratum[i][:, None])
        score = pair * (0.5 + 0.5 * np.sign(risk[i][:, None] - risk))
        won[i] += score @ weights
        compared[i] += pair @ weights
        won += weights[i] @ score
        compared += weights[i] @ pair
    pairs = float(weights @ compared) / 2.0
    share = float(weights @ won) / 2.0 / pairs if pairs else float("nan")
    influence = weights * (won - share * compared) / pairs if pairs else np.full(n, np.nan)
    by = influence[:, None] if cluster is None else sum_by(cluster, influence[:, None])
    return Concordance(share, float(np.sqrt((by**2).sum())), pairs)
