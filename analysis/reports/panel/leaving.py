"""Chapter: living abroad again. Cumulative incidence with delayed entry and competing moves, and a Cox
model."""

import pandas as pd

from analysis import figures
from analysis.design import NotEstimable
from analysis.document import Block, FigureBlock, Heading, KeyFigure, Note, Paragraph, TableBlock
from analysis.fit import Curve, Fit
from analysis.hazard import cox
from analysis.report import Section, Source
from analysis.reports.panel import models
from analysis.reports.panel.measures import at_risk, departures, stable_window
from analysis.reports.panel.models import Model
from analysis.reports.panel.words import (
    at_risk_ticks,
    curve_cells,
    curve_finding,
    curve_numbers,
    month_label,
    shown_months,
)
from analysis.survival import cumulative_incidence
from analysis.tables import Column, Row, Table

CAUSES = (1, 2, 3)
MONTHS = (6, 12, 24)
LAST_MONTH = 36
COVARIATES = ("plan0", "women", "ssw", "mdebt", "age5", "assisted")
SSW = (5, 6)


def chapter(source: Source) -> tuple[Section, Model]:
    """The chapter, and its model for the health cards."""
    word = source.wording
    times, wide = departures(*(source.frame(name) for name in ("persons", "person_waves", "attempts")))
    curve_blocks, findings = _incidence(source, times, wide)
    model_blocks, model = _cox(source, times)
    blocks: tuple[Block, ...] = (
        Paragraph(word("leaving.lead"), "lead"),
        Heading(word("leaving.heading_curve")),
        *curve_blocks,
        Heading(word("leaving.heading_model")),
        Paragraph(word("leaving.cox_lead")),
        *model_blocks,
    )
    return Section(word("leaving.title"), blocks, findings), model


def _incidence(source: Source, times: pd.DataFrame, wide: int) -> tuple[list[Block], tuple[KeyFigure, ...]]:
    word, rules = source.wording, source.rules
    inside = times[times["stop"] > times["start"]]
    window = stable_window(at_risk(inside["start"], inside["stop"]), rules.smallest)
    if window is None:
        return [_absent(source, word("leaving.reason_risk", n=rules.smallest))], ()
    s, end = window[0], min(window[1], LAST_MONTH)
    within = inside[inside["stop"] > s]
    events = {cause: int(((within["cause"] == cause) & (within["stop"] <= end)).sum()) for cause in CAUSES}
    shown = [cause for cause in CAUSES if events[cause] >= max(rules.events, 1)]
    if not shown:
        reason = word("leaving.reason_events", events=rules.events, known=word("leaving.reason_known"))
        return [_absent(source, reason)], ()
    try:
        curve = cumulative_incidence(within, start="start", stop="stop", cause="cause", after=float(s))
    except NotEstimable:
        return [_absent(source, word("model.reason_estimable"))], ()
    parts = {cause: monthly(curve, cause, s, end) for cause in shown}
    table = _table(source, parts, s, wide)
    block = _figure(source, parts, s)
    lead = Paragraph(word("leaving.condition", s=s, n=rules.smallest, end=end))
    return [lead, TableBlock(table), block], _findings(source, parts, s)


def _absent(source: Source, reason: str) -> Note:
    return Note(source.wording("leaving.absent", reason=reason), "reason")


def monthly(curve: Curve, cause: int, s: int, end: int) -> pd.DataFrame:
    """One cause by whole month from s to the end: time, n_risk, estimate, conf_low, conf_high."""
    last = min(end, int(curve.table["time"].max()))
    grid = curve.at(range(s, last + 1))
    part = grid[grid["cause"] == cause].reset_index(drop=True)
    nothing_yet = part["estimate"] == 0  # no event, no interval
    part[["conf_low", "conf_high"]] = part[["conf_low", "conf_high"]].mask(nothing_yet)
    return part[["time", "n_risk", "estimate", "conf_low", "conf_high"]]


def _table(source: Source, parts: dict[int, pd.DataFrame], s: int, wide: int) -> Table:
    word, rules = source.wording, source.rules
    rows: list[Row] = []
    for cause, part in parts.items():
        rows.append(Row(word(f"leaving.cause_{cause}"), kind="group"))
        rows += [
            Row(month_label(source, month), curve_cells(part, month, rules))
            for month in shown_months(part, MONTHS)
        ]
    columns = [
        Column("share", word("leaving.t20_share")),
        Column("interval", word("common.interval")),
        Column("n", word("common.at_risk")),
    ]
    people = f"< {rules.smallest}" if 0 < wide < rules.smallest else word.number(wide)
    notes = [word("leaving.t20_note", n=rules.smallest, events=rules.events, wide=people)]
    notes += [
        word("leaving.cause_left_out", cause=word(f"leaving.cause_{cause}"), events=rules.events)
        for cause in CAUSES
        if cause not in parts
    ]
    return source.table("T20", word("leaving.t20_title", s=s), columns, rows, notes=notes)


def _figure(source: Source, parts: dict[int, pd.DataFrame], s: int) -> FigureBlock:
    word, rules = source.wording, source.rules
    first = next(iter(parts.values()))
    end = int(first["time"].iloc[-1])
    svg = figures.curves(
        [(word(f"leaving.cause_{cause}_short"), part) for cause, part in parts.items()],
        at_risk_ticks({word("common.all"): first}, s, end),
        key="F5",
        language=word.language,
        xlabel=word("common.months_since_return"),
        ylabel=word("leaving.f5_y"),
        risk_label=word("common.at_risk"),
    )
    values = "; ".join(
        f"{word(f'leaving.cause_{cause}')} {word.percent(part['estimate'].iloc[-1])}"
        for cause, part in parts.items()
    )
    labelled = {word(f"leaving.cause_{cause}"): part for cause, part in parts.items()}
    return FigureBlock(
        "F5",
        svg,
        word("leaving.f5_alt", s=s, end=end, values=values),
        word(
            "leaving.f5_caption",
            causes=word.listed(word(f"leaving.cause_{cause}").lower() for cause in parts),
        ),
        curve_numbers(source, "N5", word("leaving.n5_title"), labelled, word("leaving.t20_share")),
        (word("leaving.f5_note", s=s, n=rules.smallest, events=rules.events),),
    )


def _findings(source: Source, parts: dict[int, pd.DataFrame], s: int) -> tuple[KeyFigure, ...]:
    """The latest month in the table at which enough people are at risk."""
    if 1 not in parts:
        return ()
    steady = parts[1][parts[1]["n_risk"] >= source.rules.few].set_index("time", drop=False)
    for month in reversed(shown_months(parts[1], MONTHS)):
        if month in steady.index and steady.loc[month, "estimate"] > 0:
            label = source.wording("leaving.finding", month=month, s=s)
            return (curve_finding(source, steady.loc[month], label, "T20"),)
    return ()


def covariates(times: pd.DataFrame) -> pd.DataFrame:
    """Covariates known at baseline, numeric: yes–no as 0/1, age at return in steps of five years."""
    programme = times["jp_prog1"]
    return times.assign(
        plan0=times["intent0"].astype("Float64"),
        mdebt=times["mdebt_open0"].astype("Float64"),
        women=(times["sex"] == 2).astype("Float64").mask(~times["sex"].isin([1, 2])),
        age5=times["age_ret"].astype("Float64") / 5,
        ssw=programme.isin(SSW).astype("Float64").mask(programme.isna()),
        assisted=times["assisted0"].astype("Float64"),
        left=(times["cause"] == 1).astype("Int64"),
    )


def _cox(source: Source, times: pd.DataFrame) -> tuple[list[Block], Model]:
    word = source.wording
    data = covariates(times[times["stop"] > times["start"]])
    cluster = models.cluster_of(data)

    def fit(terms: str) -> Fit:
        return cox(terms, data, start="start", stop="stop", event="left", cluster=cluster)

    model = models.fitted(source, "cox", data, COVARIATES, int(data["left"].sum()), fit)
    if model.fit is None:
        return [models.absent(source, model)], model
    ratios = model.fit.tidy(exponentiate=True)
    people = int(model.fit.counts["rows"])
    columns = models.effect_columns(source, word("leaving.hazard_ratio"))
    rows = models.effect_rows(source, ratios, people, 2)
    notes = models.notes(source, model, cluster)
    table = source.table(
        "T21a", word("leaving.t21a_title"), columns, rows, stub=word("model.term"), notes=notes
    )
    numbers = source.table("N10a", word("leaving.n10a_title"), columns, rows, stub=word("model.term"))
    drawing = models.forest(
        source,
        "F10a",
        word("leaving.f10a_caption"),
        numbers,
        ratios,
        xlabel=word("leaving.hazard_ratio"),
        reference=1.0,
        digits=2,
        log=True,
    )
    return [TableBlock(table), drawing], model
