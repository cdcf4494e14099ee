"""Models of the panel report: covariates that may enter, the fit with its health card, its table and forest.

The list of covariates of each model is fixed here, in order; it is cut from its end to keep about ten
events per parameter, and a yes–no covariate needs enough people on either side. A fit whose health card is
not ok is not printed.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import figures, tables
from analysis.design import NotEstimable
from analysis.disclosure import Rules
from analysis.document import FigureBlock, Note
from analysis.fit import Fit, FitWarning
from analysis.health import EVENTS_PER_TERM, FEW_CLUSTERS
from analysis.report import Source
from analysis.tables import Column, Row
from analysis.wording import catalogue


@dataclass(frozen=True, slots=True)
class Model:
    """A fit or the reason why there is none; ``left_out`` names covariates cut from the list."""

    name: str
    fit: Fit | None
    reason: str = ""
    left_out: tuple[str, ...] = ()


def fitted(
    source: Source,
    name: str,
    data: pd.DataFrame,
    covariates: Sequence[str],
    events: int,
    fit: Callable[[str], Fit],
    *,
    person: str = "person_id",
    within: bool = False,
) -> Model:
    """The model with as many covariates as the events carry; ``fit`` takes the right side of the formula.

    With ``within`` a covariate enters only if it changes within enough persons.
    """
    rules, word = source.rules, source.wording
    if events < max(rules.events, 1):
        return Model(name, None, word("model.reason_events", events=rules.events), tuple(covariates))
    enough = _changes if within else _enough
    usable = [term for term in covariates if enough(data, term, person, rules)]
    kept = usable[: max(1, events // EVENTS_PER_TERM)]
    left_out = tuple(term for term in covariates if term not in kept)
    if not kept:
        return Model(name, None, word("model.reason_terms", n=rules.smallest), left_out)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitWarning)  # what they say stands in the health card
            result = fit(" + ".join(kept))
    except (NotEstimable, np.linalg.LinAlgError):
        return Model(name, None, word("model.reason_estimable"), left_out)
    card = result.health()
    if not card.ok:
        problems = [remark(source, finding.code) for finding in card.findings if finding.level == "error"]
        reason = word("model.reason_health", problems=word.listed(dict.fromkeys(problems)))
        return Model(name, None, reason, left_out)
    return Model(name, result, "", left_out)


def _enough(data: pd.DataFrame, term: str, person: str, rules: Rules) -> bool:
    """Whether a covariate varies, and a yes–no one is held by enough people on either side."""
    values = data[[person, term]].dropna()
    kinds = values[term].astype(float).unique()
    if len(kinds) < 2:
        return False
    if set(kinds) <= {0.0, 1.0}:
        return bool(values.groupby(term)[person].nunique().min() >= max(rules.smallest, 1))
    return True


def _changes(data: pd.DataFrame, term: str, person: str, rules: Rules) -> bool:
    """Whether a covariate changes within enough persons."""
    kinds = data[[person, term]].dropna().groupby(person)[term].nunique()
    return bool((kinds > 1).sum() >= max(rules.smallest, 1))


def remark(source: Source, code: str) -> str:
    """A finding of the health card in the words of the report."""
    name = "health." + code.replace(".", "_")
    return source.wording(name) if source.wording.has(name) else source.wording("health.other", code=code)


def cluster_of(data: pd.DataFrame, person: str = "person_id") -> str:
    """Sampling area when there are enough of them for the sandwich, otherwise the person."""
    return "psu" if data["psu"].nunique() >= FEW_CLUSTERS else person


def facts(source: Source, model: Model, cluster: str) -> str:
    """What the model rests on, in one sentence."""
    assert model.fit is not None
    word, counts = source.wording, model.fit.counts
    ratio = model.fit.rarer / max(model.fit.parameters, 1)
    return word(
        "model.facts",
        rows=word.number(counts["rows"]),
        events=word.number(counts["events"]),
        parameters=model.fit.parameters,
        ratio=word.number(ratio, 1),
        cluster=word(f"model.cluster_{cluster}"),
        clusters=word.number(counts.get("clusters", counts["rows"])),
    )


def notes(source: Source, model: Model, cluster: str) -> list[str]:
    """Facts and what was left out."""
    word = source.wording
    found = [facts(source, model, cluster)]
    if model.left_out:
        names = word.listed(word(f"term.{term}") for term in model.left_out)
        found.append(word("model.shortened", terms=names, n=source.rules.smallest))
    return found


def absent(source: Source, model: Model) -> Note:
    """Why the model is not shown."""
    return Note(source.wording("model.not_shown", reason=model.reason), "reason")


def effect_rows(source: Source, effects: pd.DataFrame, people: int, digits: int) -> list[Row]:
    """Label, estimate, interval and p-value of each estimated term; ``effects`` has the tidy columns."""
    rows = []
    for line in estimated(effects).itertuples(index=False):
        cells = (
            tables.estimate(line.estimate, people, digits=digits),
            tables.ends(line.conf_low, line.conf_high, people, digits=digits),
            tables.p_value(line.p_value),
        )
        rows.append(Row(source.wording(f"term.{line.term}"), cells))
    return rows


def estimated(effects: pd.DataFrame) -> pd.DataFrame:
    """The terms that have an estimate with an error, in the order of the catalogue of words."""
    known = effects.dropna(subset=["estimate", "conf_low", "conf_high"])
    entries = [name.removeprefix("term.") for name in catalogue() if name.startswith("term.")]
    places = {name: place for place, name in enumerate(entries)}
    return known.sort_values("term", key=lambda terms: terms.map(places), kind="stable").reset_index(
        drop=True
    )


def effect_columns(source: Source, heading: str) -> list[Column]:
    """Columns to `effect_rows`."""
    word = source.wording
    return [
        Column("estimate", heading),
        Column("interval", word("common.interval")),
        Column("p", word("common.p_value")),
    ]


def forest(
    source: Source,
    key: str,
    caption: str,
    numbers: tables.Table,
    effects: pd.DataFrame,
    *,
    xlabel: str,
    reference: float,
    digits: int,
    log: bool,
) -> FigureBlock:
    """The effects as a drawing, with the numbers of the annex."""
    word = source.wording
    drawn = estimated(effects)
    drawn = drawn.assign(label=[word(f"term.{term}") for term in drawn["term"]])
    svg = figures.forest(
        drawn, key=key, language=word.language, xlabel=xlabel, reference=reference, log=log, digits=digits
    )
    shown = word.number(reference, 0)
    values = "; ".join(
        f"{line.label} {word.number(line.estimate, digits)} "
        f"({word.interval(line.conf_low, line.conf_high, digits)})"
        for line in drawn.itertuples(index=False)
    )
    alt = word("model.forest_alt", values=values, reference=shown)
    return FigureBlock(key, svg, alt, caption, numbers, (word("model.forest_note", reference=shown),))


def health_card(source: Source, model: Model) -> tuple[str, str]:
    """Name and card of a model for the chapter on methods."""
    word = source.wording
    name = word(f"health.{model.name}")
    if model.fit is None:
        return name, word("health.absent", reason=model.reason)
    card = model.fit.health()
    line = word(
        "health.facts",
        rows=word.number(model.fit.counts["rows"]),
        events=word.number(model.fit.counts["events"]),
        ratio=word.number(model.fit.rarer / max(model.fit.parameters, 1), 1),
        iterations=model.fit.iterations,
    )
    remarks = list(dict.fromkeys(remark(source, finding.code) for finding in card.findings))
    return name, word("health.remarks", facts=line, remarks="; ".join(remarks)) if remarks else word(
        "health.good", facts=line
    )
