"""Conditional (fixed-effects) logit: the likelihood of who answered 1, given how many times each person did.

A person with T rows and k ones contributes Π_{y=1} e_t / B_k, where e_t = exp(x_t'b) and B_k is the
elementary symmetric function of order k (Chamberlain 1980). B_k is built row by row (Howard 1972; Krailo and
Pike 1984) with its first and second derivatives, not in raw e_t, which overflow, but in the odds tilted so
that k successes are expected (Chen, Dempster and Liu 1994): with p_t = c e_t / (1 + c e_t),

    B_k = P(N = k) Π (1 + c e_t) / c^k,   N the number of successes in independent draws with chances p_t,

so every number stays between 0 and 1 for any T. c is a constant of the recursion, not differentiated. O(T k
p²) per person; persons with the same T go through it together. k > T/2 is turned round to T - k; k = 1 has a
closed form.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.kernels.newton import Array, Evaluation, independent, invert, maximise, solve
from analysis.kernels.sandwich import sum_by

Index = NDArray[np.intp]
CHUNK = 4_000_000  # numbers held at once by the recursion


@dataclass(frozen=True, slots=True)
class Batch:
    """Persons with the same T: X (g, T, p), y (g, T), k (g,), weights (g,), their places `persons` (g,)."""

    X: Array
    y: Array
    k: Index
    weights: Array
    persons: Index


@dataclass(frozen=True, slots=True)
class ClogitResult:
    """A conditional logit: beta (p,) with NaN where aliased, covariance (p, p), scores (persons, p) with
    weights in.

    `used` (persons,) marks persons whose answer changes; the others have no say. `rows_used` counts rows of
    these.
    """

    beta: Array
    covariance: Array
    loglik: float
    loglik_null: float
    score_test: float
    scores: Array
    used: NDArray[np.bool_]
    rows_used: int
    iterations: int
    converged: bool
    aliased: NDArray[np.bool_]
    diverging: NDArray[np.bool_]


def clogit(
    y: Array, X: Array, person: Index, *, weights: Array | None = None, max_iterations: int = 60
) -> ClogitResult:
    """Return the conditional-likelihood fit of y (n,) in {0, 1} on X (n, p) within person codes (n,) 0, 1, …

    Weights (persons,) are constant within the person by construction.
    """
    persons = int(person.max(initial=-1)) + 1
    weights = np.ones(persons) if weights is None else weights
    size = np.bincount(person, minlength=persons)
    ones = np.bincount(person, weights=y, minlength=persons).astype(np.intp)
    used = (ones > 0) & (ones < size)
    rows = used[person]
    scale = _spread_within(X[rows], person[rows], persons)
    batches = list(_batches(y[rows], X[rows] / scale, person[rows], ones, weights))
    p = X.shape[1]
    loglik_null, null_score, information = _evaluate(batches, np.zeros(p))
    kept = independent(information, floor=1e-9 * float(weights[used].sum()))
    use = np.flatnonzero(kept)
    part = [Batch(b.X[:, :, use], b.y, b.k, b.weights, b.persons) for b in batches]
    best = maximise(lambda b: _evaluate(part, b), np.zeros(use.size), max_iterations=max_iterations)
    beta, covariance = np.full(p, np.nan), np.full((p, p), np.nan)
    beta[use] = best.beta / scale[use]
    covariance[np.ix_(use, use)] = invert(best.information) / np.outer(scale[use], scale[use])
    scores = np.zeros((persons, p))
    scores[:, use] = _scores(part, best.beta, persons) * scale[use]
    diverging = np.zeros(p, dtype=bool)
    diverging[use] = best.diverging
    test = float(null_score[use] @ solve(information[np.ix_(use, use)], null_score[use]))
    return ClogitResult(
        beta,
        covariance,
        best.loglik,
        loglik_null,
        test,
        scores,
        used,
        int(rows.sum()),
        best.iterations,
        best.converged,
        ~kept,
        diverging,
    )


def log_symmetric(e_log: Array, X: Array, k: Index) -> tuple[Array, Array, Array]:
    """Return log B_k (g,), its gradient (g, p) and Hessian (g, p, p) for log odds e_log (g, T) and X (g, T,
    p).
    """
    return _single(e_log, X) if k.max() == 1 else _recursion(e_log, X, k)


def _spread_within(X: Array, person: Index, persons: int) -> Array:
    count = np.maximum(np.bincount(person, minlength=persons), 1)
    means = sum_by(person, X, persons) / count[:, None]
    spread = np.sqrt(np.mean((X - means[person]) ** 2, axis=0)) if len(X) else np.ones(X.shape[1])
    return np.where(spread > 1e-12 * np.abs(X).max(axis=0, initial=0.0), spread, 1.0)


def _batches(y: Array, X: Array, person: Index, ones: Index, weights: Array) -> Iterator[Batch]:
    """Yield persons of equal T, those with one success apart from the rest, X centred within the person."""
    order = np.argsort(person, kind="stable")
    present, first, size = np.unique(person[order], return_index=True, return_counts=True)
    few = np.minimum(ones[present], size - ones[present])
    p = X.shape[1]
    for length, single in sorted(set(zip(size.tolist(), (few == 1).tolist(), strict=True))):
        chosen = np.flatnonzero((size == length) & ((few == 1) == single))
        room = length * p if single else (int(few[chosen].max()) + 1) * (1 + p + p * p) * 3
        step = max(1, CHUNK // max(room, 1))
        for at in range(0, chosen.size, step):
            part = chosen[at : at + step]
            rows = order[first[part][:, None] + np.arange(length)]
            turned = np.where(2 * ones[present[part]] > length, -1.0, 1.0)
            values = (X[rows] - X[rows].mean(axis=1, keepdims=True)) * turned[:, None, None]
            answers = np.where(turned[:, None] > 0, y[rows], 1.0 - y[rows])
            yield Batch(values, answers, few[part], weights[present[part]], present[part])


def _evaluate(batches: list[Batch], beta: Array) -> Evaluation:
    p = beta.size
    loglik, score, information = 0.0, np.zeros(p), np.zeros((p, p))
    for batch in batches:
        eta = batch.X @ beta
        value, gradient, hessian = log_symmetric(eta, batch.X, batch.k)
        loglik += float(batch.weights @ ((batch.y * eta).sum(axis=1) - value))
        score += batch.weights @ (np.einsum("gt,gtp->gp", batch.y, batch.X) - gradient)
        information += np.einsum("g,gpq->pq", batch.weights, hessian)
    return loglik, score, information


def _scores(batches: list[Batch], beta: Array, persons: int) -> Array:
    out = np.zeros((persons, beta.size))
    for batch in batches:
        _, gradient, _ = log_symmetric(batch.X @ beta, batch.X, batch.k)
        own = np.einsum("gt,gtp->gp", batch.y, batch.X) - gradient
        out[batch.persons] = own * batch.weights[:, None]
    return out


def _single(eta: Array, X: Array) -> tuple[Array, Array, Array]:
    top = eta.max(axis=1, keepdims=True)
    e = np.exp(eta - top)
    total = e.sum(axis=1)
    chance = e / total[:, None]
    gradient = np.einsum("gt,gtp->gp", chance, X)
    hessian = np.einsum("gt,gtp,gtq->gpq", chance, X, X) - gradient[:, :, None] * gradient[:, None, :]
    return np.log(total) + top[:, 0], gradient, hessian


def _recursion(eta: Array, X: Array, k: Index) -> tuple[Array, Array, Array]:
    g, T, p = X.shape
    top = int(k.max())
    tilt = _tilt(eta, k)
    chance = 1.0 / (1.0 + np.exp(-np.clip(eta + tilt[:, None], -700.0, 700.0)))
    Q = np.zeros((g, top + 1))
    Q[:, 0] = 1.0
    dQ, ddQ = np.zeros((g, top + 1, p)), np.zeros((g, top + 1, p, p))
    for t in range(T):
        hit, x = chance[:, t], X[:, t]
        h1, h2, h3 = hit[:, None], hit[:, None, None], hit[:, None, None, None]
        cross = x[:, None, :, None] * dQ[:, :-1, None, :]
        outer = (x[:, :, None] * x[:, None, :])[:, None] * Q[:, :-1, None, None]
        gain = ddQ[:, :-1] + cross + cross.swapaxes(2, 3) + outer
        ddQ = ddQ * (1.0 - h3)
        ddQ[:, 1:] += h3 * gain
        step = dQ[:, :-1] + x[:, None, :] * Q[:, :-1, None]
        dQ = dQ * (1.0 - h2)
        dQ[:, 1:] += h2 * step
        before = Q[:, :-1].copy()
        Q = Q * (1.0 - h1)
        Q[:, 1:] += h1 * before
    own = np.arange(g)
    value, first, second = Q[own, k], dQ[own, k], ddQ[own, k]
    gradient = first / value[:, None]
    hessian = second / value[:, None, None] - gradient[:, :, None] * gradient[:, None, :]
    log_value = np.log(value) + np.logaddexp(0.0, eta + tilt[:, None]).sum(axis=1) - k * tilt
    return log_value, gradient, hessian


def _tilt(eta: Array, k: Index) -> Array:
    """Return log c (g,) at which about k successes are expected; Newton steps kept short, any value would be
    valid.
    """
    T = eta.shape[1]
    tilt = np.log(k / (T - k)) - eta.mean(axis=1)
    for _ in range(25):
        chance = 1.0 / (1.0 + np.exp(-np.clip(eta + tilt[:, None], -700.0, 700.0)))
        slope = np.maximum((chance * (1.0 - chance)).sum(axis=1), 1e-3)
        step = np.clip((k - chance.sum(axis=1)) / slope, -5.0, 5.0)
        tilt = tilt + step
        if np.abs(step).max() < 1e-2:
            break
    return tilt
