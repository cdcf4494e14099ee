"""Chapter: work. States by month since return, labour force status, the first job."""

import numpy as np
import pandas as pd

from analysis import disclosure, figures, tables
from analysis.design import NotEstimable
from analysis.document import Block, FigureBlock, Heading, KeyFigure, Note, Paragraph, TableBlock
from analysis.fit import Curve
from analysis.report import Section, Source
from analysis.reports.panel.measures import BANDS, WIDE_BANDS, banded, first_jobs, wilson
from analysis.reports.panel.words import (
    at_risk_ticks,
    band_label,
    change_since,
    curve_cells,
    curve_finding,
    curve_numbers,
    month_label,
    shown_months,
)
from analysis.spells import STATES
from analysis.survival import kaplan_meier
from analysis.tables import Column, Row

ORDER = ("employed", "own_farm", "study", "home", "looking", "waiting", "abroad", "unknown")
MONTHS = (1, 3, 6, 12, 18, 24)
FIRST_JOB = (1, 3, 6, 12)
SAMPLES = ("inflow", "stock")
INFLOW = 12  # months since return at baseline
LAST_MONTH = 36
SHORTEST_RUN = 3
LF = ("1", "2w", "2", "3", "4", "5")


def chapter(source: Source) -> Section:
    """States, labour force status, first job."""
    word = source.wording
    states, findings = _states(source)
    waves = source.frame("person_waves")
    change, changes = change_since(source, waves, "employed", "key.what_employed", "T11a")
    first, first_findings = _first_job(source)
    blocks: tuple[Block, ...] = (
        Paragraph(word("work.lead"), "lead"),
        Heading(word("work.heading_states")),
        *states,
        Heading(word("work.heading_lf")),
        TableBlock(_labour_force(source)),
        *change,
        Heading(word("work.heading_first")),
        *first,
    )
    return Section(word("work.title"), blocks, (*first_findings, *findings), changes)


def monthly_counts(months: pd.DataFrame) -> pd.DataFrame:
    """People by month since return (rows, from 0) and state (columns of `ORDER`)."""
    seen = months[months["t_ret"].notna() & months["state"].isin(STATES)]
    counts = pd.crosstab(seen["t_ret"].astype(int), seen["state"]).reindex(columns=list(ORDER), fill_value=0)
    return counts[(counts.index >= 0) & (counts.index <= LAST_MONTH)]


def _states(source: Source) -> tuple[list[Block], tuple[KeyFigure, ...]]:
    """Figure 3 with its numbers, and table 8a of chosen months."""
    word, rules = source.wording, source.rules
    counts = monthly_counts(source.frame("person_months"))
    enough = counts[counts.sum(axis=1) >= max(rules.few, 1)]
    if enough.empty:
        return [Note(word("work.f3_absent", few=rules.few), "reason")], ()
    enough = enough.loc[: _unbroken(enough.index)]
    shown = visible_shares(enough, rules)
    table, findings = _employed(source, enough, shown)
    return [_state_figure(source, enough, shown), TableBlock(table)], findings


def _unbroken(months: pd.Index) -> int:
    """Last month of the first run without a gap."""
    steps = np.flatnonzero(np.diff(months.to_numpy()) > 1)
    return int(months[steps[0]] if len(steps) else months[-1])


def visible_shares(counts: pd.DataFrame, rules: disclosure.Rules) -> pd.DataFrame:
    """Shares by month; states that may not be shown in a month are gathered in the column ``few``."""
    hide = np.vstack(
        [
            disclosure.hidden(np.append(row, row.sum())[None, :], rules, row_totals=True)[0, :-1]
            for row in counts.to_numpy()
        ]
    )
    hide = np.column_stack([~_longest_run(~column) for column in hide.T])
    shares = counts.div(counts.sum(axis=1), axis=0)
    open_shares = shares.mask(hide)
    gathered = shares.where(hide).sum(axis=1)
    return open_shares.assign(few=gathered).dropna(axis=1, how="all")


def _longest_run(shown: np.ndarray) -> np.ndarray:
    """Only the longest run of True, and none shorter than three: an area that flickers tells nothing."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shown, [False]]).astype(int)))
    runs = edges.reshape(-1, 2)
    kept = np.zeros(len(shown), dtype=bool)
    if len(runs):
        first, last = max(runs, key=lambda run: int(run[1] - run[0]))
        kept[first:last] = last - first >= SHORTEST_RUN
    return kept


def _state_figure(source: Source, counts: pd.DataFrame, shown: pd.DataFrame) -> FigureBlock:
    word, rules = source.wording, source.rules
    labels = {state: word(f"state.{state}") for state in ORDER}
    labels["few"] = word("common.few_states", n=rules.smallest)
    drawn = shown.loc[:, shown.fillna(0).max() > 0]
    svg = figures.stacked(
        drawn, labels, key="F3", language=word.language, xlabel=word("common.months_since_return")
    )
    first, last = int(drawn.index[0]), int(drawn.index[-1])
    ends = [
        drawn["employed"].get(month, np.nan) if "employed" in drawn else np.nan for month in (first, last)
    ]
    alt = word(
        "work.f3_alt",
        first=first,
        last=last,
        share_first=_or_dash(source, ends[0]),
        share_last=_or_dash(source, ends[1]),
    )
    return FigureBlock(
        "F3",
        svg,
        alt,
        word("work.f3_caption"),
        _state_numbers(source, counts, drawn, labels),
        (word("work.f3_note", few=rules.few, n=rules.smallest),),
    )


def _or_dash(source: Source, share: float) -> str:
    return tables.DASH if pd.isna(share) else source.wording.percent(share)


def _state_numbers(
    source: Source, counts: pd.DataFrame, drawn: pd.DataFrame, labels: dict[str, str]
) -> tables.Table:
    columns = [Column(state, labels[state]) for state in drawn.columns]
    columns.append(Column("n", source.wording("common.n")))
    rows = []
    for month, shares in drawn.iterrows():
        n = int(counts.loc[month].sum())
        cells = [
            tables.suppressed("share")
            if pd.isna(value)
            else tables.share(round(value * n), n, part_is_cell=state == "few")
            for state, value in shares.items()
        ]
        rows.append(Row(str(month), (*cells, tables.count(n))))
    title, stub = source.wording("work.n3_title"), source.wording("work.month")
    return source.table("N3", title, columns, rows, stub=stub)


def _employed(
    source: Source, counts: pd.DataFrame, shown: pd.DataFrame
) -> tuple[tables.Table, tuple[KeyFigure, ...]]:
    word = source.wording
    rows: list[Row] = []
    findings: list[KeyFigure] = []
    for month in MONTHS:
        if month not in counts.index:
            continue
        n, part = int(counts.loc[month].sum()), int(counts.loc[month, "employed"])
        low, high = wilson(part, n)
        hide = "employed" not in shown or bool(pd.isna(shown.loc[month, "employed"]))
        cells = (
            tables.share(part, n, hide=hide),
            tables.suppressed("share") if hide else tables.ends(low, high, n),
            tables.count(n),
        )
        rows.append(Row(month_label(source, month), cells))
        if month in (6, 12) and not hide:
            digits = disclosure.percent_decimals(n, source.rules)
            detail = word(
                "common.detail", interval=word.interval(low * 100, high * 100, digits), n=word.number(n)
            )
            label = word("work.finding_employed", month=month)
            findings = [KeyFigure(word.percent(part / n), label, detail, "T8a")]  # the later of the two
    columns = [
        Column("share", word("work.employed_share")),
        Column("interval", word("common.interval")),
        Column("n", word("common.n")),
    ]
    table = source.table("T8a", word("work.t8a_title"), columns, rows, notes=[word("work.t8a_note")])
    return table, tuple(findings)


def labour_force_counts(
    waves: pd.DataFrame, bands: tuple[tuple[int, int | None], ...] = BANDS
) -> pd.DataFrame:
    """People by labour force status (rows) and band of months since return, by their latest interview
    in the band."""
    known = waves[(waves["interviewed"] == 1) & waves["lf"].notna() & waves["t_ret"].notna()].copy()
    known["band"] = banded(known["t_ret"], tuple(low for low, _ in bands[1:]))
    latest = known.sort_values("wave").drop_duplicates(["person_id", "band"], keep="last")
    waiting = (latest["lf"] == 2) & (latest["lf_why"].astype("string").str.startswith("waiting")).fillna(
        False
    )
    status = latest["lf"].astype("string").mask(waiting, "2w")
    return pd.crosstab(status, latest["band"].astype(int)).reindex(
        index=list(LF), columns=list(range(1, len(bands) + 1)), fill_value=0
    )


def _labour_force(source: Source) -> tables.Table:
    word = source.wording
    bands: tuple[tuple[int, int | None], ...] = BANDS
    counts = labour_force_counts(source.frame("person_waves"), bands)
    if counts.to_numpy().sum(axis=0).min() < source.rules.few:
        bands = WIDE_BANDS
        counts = labour_force_counts(source.frame("person_waves"), bands)
    values = counts.to_numpy()
    base = values.sum(axis=0)
    hide = disclosure.hidden(np.vstack([values, base]), source.rules, column_totals=True)
    columns: list[Column] = []
    cells: list[list[tables.Cell]] = [[] for _ in range(len(LF) + 1)]
    for place, band in enumerate(counts.columns):
        label = band_label(source, bands[band - 1])
        columns += [
            Column(f"n{band}", word("common.n"), label),
            Column(f"p{band}", word("common.percent"), label),
        ]
        for line in range(len(LF)):
            hid = bool(hide[line, place])
            cells[line] += [
                tables.count(int(values[line, place]), hide=hid),
                tables.share(int(values[line, place]), int(base[place]), hide=hid),
            ]
        cells[-1] += [tables.count(int(base[place]), hide=bool(hide[-1, place])), tables.blank()]
    rows = [Row(word(f"work.lf_{name}"), tuple(line)) for name, line in zip(LF, cells, strict=False)]
    rows.append(Row(word("common.total"), tuple(cells[-1]), "total"))
    return source.table(
        "T8", word("work.t8_title"), columns, rows, stub=word("work.t8_stub"), notes=[word("work.t8_note")]
    )


def _first_job(source: Source) -> tuple[list[Block], tuple[KeyFigure, ...]]:
    """Table 10 and figure 4 by sample, the inflow first, or why they are not there."""
    word, rules = source.wording, source.rules
    times, wide = first_jobs(source.frame("persons"), source.frame("person_waves"))
    curves: dict[str, pd.DataFrame] = {}
    for sample, recent in zip(SAMPLES, (times["entry"] <= INFLOW, times["entry"] > INFLOW), strict=True):
        rising = _rising(times[recent.fillna(False).to_numpy(dtype=bool)], rules)
        if len(rising) > 1:
            curves[word(f"work.first_{sample}")] = rising
    if not curves:
        reason = word("model.reason_events", events=rules.events)
        return [Note(word("work.first_absent", reason=reason), "reason")], ()
    rows: list[Row] = []
    for label, rising in curves.items():
        rows.append(Row(label, kind="group"))
        rows += [
            Row(month_label(source, month), curve_cells(rising, month, rules))
            for month in shown_months(rising, FIRST_JOB)
        ]
    table = source.table(
        "T10",
        word("work.t10_title"),
        [
            Column("share", word("work.t10_share")),
            Column("interval", word("common.interval")),
            Column("n", word("common.at_risk")),
        ],
        rows,
        notes=[word("work.t10_note", n=rules.smallest, events=rules.events, wide=_few_or(source, wide))],
    )
    main = curves.get(word("work.first_inflow"))
    findings = () if main is None else _first_findings(source, main)
    return [TableBlock(table), _first_job_figure(source, curves)], findings


def _rising(times: pd.DataFrame, rules: disclosure.Rules) -> pd.DataFrame:
    """The drawn curve of these people, empty where too few of them or of their jobs are seen."""
    if len(times) < max(rules.smallest, 1) or int(times["event"].sum()) < max(rules.events, 1):
        return pd.DataFrame()
    try:
        return with_job(kaplan_meier(times, stop="stop", event="event"), rules)
    except NotEstimable:
        return pd.DataFrame()


def _few_or(source: Source, people: int) -> str:
    """A number of people for a note, or that it is small."""
    if 0 < people < source.rules.smallest:
        return f"< {source.rules.smallest}"
    return source.wording.number(people)


def with_job(curve: Curve, rules: disclosure.Rules) -> pd.DataFrame:
    """1 − S by whole month while enough people are at risk: time, n_risk, estimate, conf_low, conf_high."""
    table = curve.of()
    last = int(table["time"].max())
    grid = curve.at(range(0, last + 1))
    rising = pd.DataFrame(
        {
            "time": grid["time"],
            "n_risk": grid["n_risk"],
            "estimate": 1 - grid["estimate"],
            "conf_low": 1 - grid["conf_high"],
            "conf_high": 1 - grid["conf_low"],
        }
    )
    thin = np.flatnonzero((rising["n_risk"] < max(rules.smallest, 1)).to_numpy())
    kept = rising.iloc[: thin[0]] if len(thin) else rising
    nobody_yet = rising["estimate"] == 0  # no event, no interval
    kept = kept.assign(
        conf_low=kept["conf_low"].mask(nobody_yet), conf_high=kept["conf_high"].mask(nobody_yet)
    )
    return kept.dropna(subset=["estimate"]).reset_index(drop=True)


def _first_job_figure(source: Source, curves: dict[str, pd.DataFrame]) -> FigureBlock:
    word, rules = source.wording, source.rules
    last = max(int(rising["time"].iloc[-1]) for rising in curves.values())
    short = {word(f"work.first_{sample}"): word(f"work.first_{sample}_short") for sample in SAMPLES}
    drawn = {short[label]: rising for label, rising in curves.items()}
    svg = figures.curves(
        list(drawn.items()),
        at_risk_ticks(drawn, 0, last),
        key="F4",
        language=word.language,
        xlabel=word("common.months_since_return"),
        ylabel=word("work.f4_y"),
        risk_label=word("common.at_risk"),
        top=1.0,
    )
    values = "; ".join(
        word(
            "work.f4_value",
            who=label,
            month=int(rising["time"].iloc[-1]),
            share=word.percent(float(rising["estimate"].iloc[-1])),
        )
        for label, rising in curves.items()
    )
    alt = word("work.f4_alt", last=last, values=values)
    numbers = curve_numbers(source, "N4", word("work.n4_title"), curves, word("work.t10_share"))
    note = word("work.f4_note", n=rules.smallest)
    return FigureBlock("F4", svg, alt, word("work.f4_caption"), numbers, (note,))


def _first_findings(source: Source, rising: pd.DataFrame) -> tuple[KeyFigure, ...]:
    """Two months of the inflow sample at which enough people are still at risk."""
    word = source.wording
    steady = rising[rising["n_risk"] >= source.rules.few].set_index("time", drop=False)
    months = [3, *[late for late in (12, 6) if late in steady.index][:1]]
    return tuple(
        curve_finding(source, steady.loc[month], word("work.finding_first", month=month), "T10")
        for month in months
        if month in steady.index
    )
