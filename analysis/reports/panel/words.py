"""What several chapters of the panel report say in the same way: curves as tables, changes as sentences."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis import disclosure, tables
from analysis.disclosure import Rules
from analysis.document import Block, KeyFigure, TableBlock
from analysis.report import Source
from analysis.reports.panel.measures import paired_change
from analysis.tables import Cell, Column, Row, Table


def month_label(source: Source, month: int) -> str:
    """Month 6."""
    return source.wording("common.month", month=month)


def wave_label(source: Source, wave: int) -> str:
    """Baseline, Wave 1, …"""
    return source.wording("common.baseline") if wave == 0 else source.wording("common.wave", wave=wave)


def band_label(source: Source, band: tuple[int, int | None]) -> str:
    """0–3, …, 25 and more."""
    low, high = band
    return source.wording("common.and_more", low=low) if high is None else f"{low}–{high}"


def shown_months(curve: pd.DataFrame, months: Sequence[int]) -> list[int]:
    """The months asked for that the curve reaches after its start, and its last one."""
    first, last = int(curve["time"].iloc[0]), int(curve["time"].iloc[-1])
    return sorted({month for month in months if first < month <= last} | {last})


def curve_finding(source: Source, found: pd.Series, label: str, table: str) -> KeyFigure:
    """One month of a curve for the first page, with its interval and the people at risk."""
    word = source.wording
    people = float(found["n_risk"])
    digits = disclosure.percent_decimals(people, source.rules)
    span = word.interval(found["conf_low"] * 100, found["conf_high"] * 100, digits)
    detail = word("common.detail_risk", interval=span, n=word.number(people))
    return KeyFigure(word.percent(found["estimate"]), label, detail, table)


def curve_cells(curve: pd.DataFrame, month: int, rules: Rules) -> tuple[Cell, Cell, Cell]:
    """Estimate, interval and number at risk of a monthly curve; hidden where the curve is not drawn."""
    row = curve[curve["time"] == month]
    if row.empty:
        return tables.suppressed("probability"), tables.suppressed("probability"), tables.suppressed("count")
    found = row.iloc[0]
    people = int(found["n_risk"])
    span = tables.ends(found["conf_low"], found["conf_high"], people)
    return (
        tables.probability(found["estimate"], people),
        tables.blank() if pd.isna(found["conf_low"]) else span,
        tables.count(people),
    )


def curve_numbers(
    source: Source, key: str, title: str, curves: Mapping[str, pd.DataFrame], share: str
) -> Table:
    """Every month of the drawn curves; a heading row per curve when there are several."""
    word = source.wording
    columns = [
        Column("share", share),
        Column("interval", word("common.interval")),
        Column("n", word("common.at_risk")),
    ]
    rows: list[Row] = []
    for label, curve in curves.items():
        if label:
            rows.append(Row(label, kind="group"))
        for month in curve["time"]:
            rows.append(Row(month_label(source, int(month)), curve_cells(curve, int(month), source.rules)))
    return source.table(key, title, columns, rows)


def at_risk_ticks(curves: Mapping[str, pd.DataFrame], first: int, last: int) -> pd.DataFrame:
    """Numbers at risk at round months between first and last, one row per curve, one column per tick."""
    step = next(size for size in (1, 2, 3, 6, 12, 24, 60) if (last - first) / size <= 8)
    ticks = [month for month in range(0, last + 1, step) if month >= first]
    rows = {label: [_risk_in(curve, month) for month in ticks] for label, curve in curves.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=ticks)


def _risk_in(curve: pd.DataFrame, month: int) -> float:
    found = curve.loc[curve["time"] == month, "n_risk"]
    return float(found.iloc[0]) if len(found) else np.nan


def change_since(
    source: Source, waves: pd.DataFrame, column: str, what: str, key: str
) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """Change of a 0/1 column from the wave before: its table and the sentence for the first page.

    Nothing when too few people answered both times, or too few said yes or no in one of the waves.
    """
    word, rules = source.wording, source.rules
    found = paired_change(waves, column)
    if found is None:
        return (), ()
    wave, change = found
    told = [round(share * change.n) for share in (change.before, change.after)]
    if change.n < max(rules.few, 1) or min(*told, *(change.n - part for part in told)) < rules.smallest:
        return (), ()
    names = [wave_label(source, wave - 1), wave_label(source, wave)]
    digits = disclosure.percent_decimals(change.n, rules)
    points = [value * 100 for value in (change.difference, change.low, change.high)]
    cells = (
        *(tables.share(part, change.n) for part in told),
        tables.estimate(points[0], change.n, digits=1),
        tables.ends(points[1], points[2], change.n, digits=1),
        tables.count(change.n),
    )
    heads = [
        *(f"{name}, %" for name in names),
        word("key.difference"),
        word("common.interval"),
        word("common.n"),
    ]
    columns = [Column(str(place), head) for place, head in enumerate(heads)]
    title = word("key.change_title", what=word(what))
    table = source.table(key, title, columns, [Row(word(what), cells)], notes=[word("key.change_note")])
    clear = disclosure.is_change(change.low, change.high, change.n, change.n, rules)
    verdict = "key.no_change" if not clear else "key.rise" if change.difference > 0 else "key.fall"
    sentence = word(
        "key.change",
        what=word(what),
        before=word.percent(change.before, digits),
        after=word.percent(change.after, digits),
        wave_before=names[0].lower(),
        wave_after=names[1].lower(),
        n=word.number(change.n),
        difference=word.number(points[0], 1),
        interval=word.interval(points[1], points[2], 1),
        verdict=word(verdict),
        pointer=key,
    )
    return (TableBlock(table),), (sentence,)
