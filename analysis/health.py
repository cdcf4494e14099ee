"""The health card of a fit: what the data could carry, said before anyone reads a coefficient.

Facts are always printed; findings say what is wrong and what to do about it. An error-level finding means
that the numbers must not be reported: no maximum was found, a term walks off to infinity, or there are too
few events. Rules read a `Fit` and nothing else; the limits stand at the top.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from instruments.findings import Finding, has_errors, sort_findings

if TYPE_CHECKING:
    from analysis.fit import Fit

MIN_EVENTS = 10  # report.md 6: nothing is reported on fewer events
EVENTS_PER_TERM = 10  # estimands.md 3: below this Firth or fewer terms
FEW_CLUSTERS = 40  # estimands.md 4: below this the sandwich is too small
DROPPED_SHARE = 0.05  # rows left out that deserve a second look


@dataclass(frozen=True, slots=True)
class Health:
    """Facts by name, and findings sorted by gravity; `ok` is False when a report must not print the fit."""

    facts: dict[str, float | int | str | bool]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether the estimates may be reported."""
        return not has_errors(self.findings)

    def tidy(self) -> pd.DataFrame:
        """Return one row per finding: level, code, where, message."""
        columns = ["level", "code", "where", "message"]
        return pd.DataFrame([[f.level, f.code, f.where, f.message] for f in self.findings], columns=columns)

    def __str__(self) -> str:
        facts = "; ".join(f"{name} {value}" for name, value in self.facts.items())
        return "\n".join([facts, *(f"{f.level}: {f.message} [{f.code}]" for f in self.findings)])


def health(fit: "Fit") -> Health:
    """Return the health card of a fit."""
    facts: dict[str, float | int | str | bool] = {
        "rows": fit.counts["rows"],
        "events": fit.counts["events"],
        "parameters": fit.parameters,
        "events per parameter": round(fit.rarer / max(fit.parameters, 1), 1),
        "converged": fit.converged,
        "iterations": fit.iterations,
    }
    if "clusters" in fit.counts:
        facts["clusters"] = fit.counts["clusters"]
    return Health(facts, tuple(sort_findings(_findings(fit))))


def _findings(fit: "Fit") -> Iterator[Finding]:
    yield from _estimation(fit)
    yield from _information(fit)
    yield from _rows(fit)


def _estimation(fit: "Fit") -> Iterator[Finding]:
    where = f"{fit.model}: {fit.formula}"
    if not fit.converged:
        text = f"No maximum was reached in {fit.iterations} iterations; scale or drop terms."
        yield Finding("error", "fit.convergence", where, text)
    for term in np.array(fit.terms, dtype=object)[fit.diverging]:
        text = f"{term} separates events from others: no finite estimate; merge its values or drop it."
        yield Finding("error", "fit.separation", where, text)
    for term in [*np.array(fit.terms, dtype=object)[fit.aliased], *fit.single]:
        text = f"{term} does not vary, or is a combination of the terms before it; no estimate."
        yield Finding("warning", "fit.rank", where, text)


def _information(fit: "Fit") -> Iterator[Finding]:
    where = f"{fit.model}: {fit.formula}"
    if fit.rarer < MIN_EVENTS:
        text = f"{fit.rarer} events (or non-events); a model is reported from {MIN_EVENTS} on."
        yield Finding("error", "fit.events_few", where, text)
    elif fit.rarer < EVENTS_PER_TERM * fit.parameters:
        text = (
            f"{fit.rarer / fit.parameters:.1f} events per parameter; shorten the list of terms or penalise."
        )
        yield Finding("warning", "fit.events_per_parameter", where, text)
    if fit.counts.get("clusters", FEW_CLUSTERS) < FEW_CLUSTERS:
        text = f"{fit.counts['clusters']} clusters; below {FEW_CLUSTERS} robust errors come out too small."
        yield Finding("warning", "fit.clusters_few", where, text)


def _rows(fit: "Fit") -> Iterator[Finding]:
    where = f"{fit.model}: {fit.formula}"
    for drop in fit.dropped:
        if " before " in drop.reason:
            text = f"{drop.rows} rows with {drop.reason} were left out; correct them."
            yield Finding("warning", "fit.time_order", where, text)
        elif drop.rows > DROPPED_SHARE * fit.counts["given"]:
            text = f"{drop.rows} of {fit.counts['given']} rows were left out: {drop.reason}."
            yield Finding("note", "fit.dropped", where, text)
    for term in np.array(fit.terms, dtype=object)[fit.seen_once]:
        yield Finding("note", "fit.category_once", where, f"{term} is seen in one row only.")
