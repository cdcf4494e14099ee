"""Chapter: intentions. The ladder by wave, and two logit models of a plan to leave."""

from typing import Any

import numpy as np
import pandas as pd

from analysis import disclosure, figures, tables
from analysis.document import Block, FigureBlock, Heading, KeyFigure, Note, Paragraph, TableBlock
from analysis.logit import clogit, logit
from analysis.report import Section, Source
from analysis.reports.panel import models
from analysis.reports.panel.measures import lagged, wilson
from analysis.reports.panel.models import Model
from analysis.reports.panel.words import change_since, wave_label
from analysis.tables import Cell, Column, Row

RUNGS = (0, 1, 2, 3)
LAGGED = ("assisted", "debt_any")
WITHIN = ("work_before", "half", "help_lag", "debt_lag")
POOLED = ("work_before", "women", "half", "borrowed", "ssw", "age5")
HALF_YEAR = 6
SSW = (5, 6)


def chapter(source: Source) -> tuple[Section, tuple[Model, ...]]:
    """The chapter, and its models for the health cards."""
    word, waves = source.wording, source.frame("person_waves")
    ladder, findings = _ladder(source, waves)
    change, changes = change_since(source, _at_home(waves), "intent", "key.what_intent", "T18a")
    data = model_data(waves, source.frame("persons"), source.frame("person_months"))
    within, conditional = _within(source, data)
    between, pooled = _pooled(source, data)
    blocks: tuple[Block, ...] = (
        Paragraph(word("intent.lead"), "lead"),
        Heading(word("intent.heading_ladder")),
        *ladder,
        *change,
        Heading(word("intent.heading_model")),
        *between,
        *within,
    )
    return Section(word("intent.title"), blocks, findings, changes), (pooled, conditional)


def _at_home(waves: pd.DataFrame) -> pd.DataFrame:
    """Interviews with people living in the country."""
    return waves[(waves["interviewed"] == 1) & ~(waves["abroad"] == 1).fillna(False)]


def ladder_counts(waves: pd.DataFrame) -> pd.DataFrame:
    """People by rung (rows) and wave (columns) among interviews in the country."""
    known = _at_home(waves)
    known = known[known["ladder"].notna()]
    return pd.crosstab(known["ladder"].astype(int), known["wave"].astype(int)).reindex(
        list(RUNGS), fill_value=0
    )


def _ladder(source: Source, waves: pd.DataFrame) -> tuple[list[Block], tuple[KeyFigure, ...]]:
    """Table 17 and figure 6."""
    word = source.wording
    counts = ladder_counts(waves)
    if counts.empty or not counts.to_numpy().sum():
        return [Note(word("common.not_enough"), "reason")], ()
    base = counts.sum()
    hide = disclosure.hidden(np.vstack([counts, base]), source.rules, column_totals=True)
    columns: list[Column] = []
    cells: list[list[Cell]] = [[] for _ in range(len(RUNGS) + 1)]
    for place, wave in enumerate(counts.columns):
        label = wave_label(source, int(wave))
        columns += [
            Column(f"n{wave}", word("common.n"), label),
            Column(f"p{wave}", word("common.percent"), label),
        ]
        for line in range(len(RUNGS)):
            cells[line] += _pair(int(counts.iloc[line, place]), int(base[wave]), bool(hide[line, place]))
        cells[-1] += [tables.count(int(base[wave]), hide=bool(hide[-1, place])), tables.blank()]
    rows = [Row(word(f"intent.rung_{rung}"), tuple(line)) for rung, line in zip(RUNGS, cells, strict=False)]
    rows.append(Row(word("common.total"), tuple(cells[-1]), "total"))
    table = source.table(
        "T17",
        word("intent.t17_title"),
        columns,
        rows,
        stub=word("intent.t17_stub"),
        notes=[word("intent.t17_note")],
    )
    shares = counts.div(base, axis=1).mask(hide[:-1]).T
    shares = shares[base >= max(source.rules.smallest, 1)]
    blocks: list[Block] = [TableBlock(table)]
    if len(shares):
        blocks.append(_ladder_figure(source, shares, base))
    return blocks, _ladder_finding(source, counts, base)


def _pair(people: int, n: int, hid: bool) -> list[Cell]:
    return [tables.count(people, hide=hid), tables.share(people, n, hide=hid)]


def _ladder_figure(source: Source, shares: pd.DataFrame, base: pd.Series) -> FigureBlock:
    word, rules = source.wording, source.rules
    drawn = shares.rename(columns={rung: f"rung_{rung}" for rung in RUNGS})
    hidden = 1 - drawn.fillna(0).sum(axis=1)
    if drawn.isna().any(axis=None):
        drawn["few"] = hidden.where(drawn.isna().any(axis=1))
    labels = {f"rung_{rung}": word(f"intent.rung_{rung}") for rung in RUNGS}
    labels["few"] = word("common.few_states", n=rules.smallest)
    styles = dict(zip((f"rung_{rung}" for rung in RUNGS), figures.LADDER, strict=False))
    styles["few"] = figures.STATES["few"]
    named = drawn.set_axis([wave_label(source, int(wave)) for wave in drawn.index], axis=0)
    named = named.loc[:, named.notna().any()]
    bases = [word("common.detail_n", n=word.number(base[wave])) for wave in drawn.index]
    svg = figures.bars(named, labels, key="F6", language=word.language, bases=bases, styles=styles)
    values = ". ".join(
        word(
            "intent.f6_value",
            wave=wave,
            shares=", ".join(
                f"{labels[part]} {word.percent(value)}"
                for part, value in row.items()
                if pd.notna(value) and part != "few"
            ),
        )
        for wave, row in named.iterrows()
    )
    rows = [
        Row(
            str(name),
            (
                *(_share_cell(part, row[part], int(base[wave])) for part in row.index),
                tables.count(int(base[wave])),
            ),
        )
        for (name, row), wave in zip(named.iterrows(), drawn.index, strict=True)
    ]
    columns = [Column(part, labels[part]) for part in named.columns] + [Column("n", word("common.n"))]
    numbers = source.table("N6", word("intent.n6_title"), columns, rows)
    return FigureBlock(
        "F6",
        svg,
        word("intent.f6_alt", values=values),
        word("intent.f6_caption"),
        numbers,
        (word("intent.t17_note"),),
    )


def _share_cell(part: str, value: float, n: int) -> Cell:
    """A drawn share; what is gathered from small groups is printed only if ten stand behind it."""
    return (
        tables.suppressed("share")
        if pd.isna(value)
        else tables.share(round(value * n), n, part_is_cell=part == "few")
    )


def _ladder_finding(source: Source, counts: pd.DataFrame, base: pd.Series) -> tuple[KeyFigure, ...]:
    """Plan or further at the baseline, when enough people stand behind it."""
    word = source.wording
    wave = counts.columns[0]
    part, n = int(counts.loc[[2, 3], wave].sum()), int(base[wave])
    if min(part, n - part) < max(source.rules.smallest, 1):
        return ()
    low, high = wilson(part, n)
    digits = disclosure.percent_decimals(n, source.rules)
    detail = word("common.detail", interval=word.interval(low * 100, high * 100, digits), n=word.number(n))
    told = word("intent.finding")
    label = f"{told} ({wave_label(source, int(wave)).lower()})"
    return (KeyFigure(word.percent(part / n), label, detail, "T17"),)


def model_data(waves: pd.DataFrame, persons: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    """Interviews in the country with intent and what is dated before it.

    Activity is that of the calendar in the month before the interview, so that the baseline counts too;
    debt and help are those told at the interview before. The rest is settled before the return, or is time
    since then in two bands.
    """
    facts = ["person_id", "sex", "age_ret", "jp_prog1", "loan_amt"]
    rows = lagged(waves, LAGGED).merge(persons[facts], on="person_id", how="left")
    rows = rows.merge(_month_before(months), on=["person_id", "int_cm"], how="left")
    rows = rows.rename(columns={"debt_any_lag": "debt_lag", "assisted_lag": "help_lag"})
    known = rows[rows["intent"].notna() & rows["work_before"].notna()]
    return known.assign(
        half=(known["t_ret"] > HALF_YEAR).astype("Float64").mask(known["t_ret"].isna()),
        women=(known["sex"] == 2).astype("Float64").mask(~known["sex"].isin([1, 2])),
        borrowed=(known["loan_amt"] > 0).astype("Float64").mask(known["loan_amt"].isna()),
        ssw=known["jp_prog1"].isin(SSW).astype("Float64").mask(known["jp_prog1"].isna()),
        age5=known["age_ret"].astype("Float64") / 5,
        intent=known["intent"].astype("Int64"),
    ).reset_index(drop=True)


def _month_before(months: pd.DataFrame) -> pd.DataFrame:
    """Employment (0/1) in each month since the return, under the month after it."""
    here = months[(months["t_ret"] >= 0) & months["employed"].notna()]
    return pd.DataFrame(
        {
            "person_id": here["person_id"],
            "int_cm": here["cm"] + 1,
            "work_before": here["employed"].astype("Float64"),
        }
    )


def _pooled(source: Source, data: pd.DataFrame) -> tuple[list[Block], Model]:
    word = source.wording
    yes = int(data["intent"].sum()) if len(data) else 0
    cluster = models.cluster_of(data)
    model = models.fitted(
        source,
        "logit",
        data,
        POOLED,
        min(yes, len(data) - yes),
        lambda terms: logit(f"intent ~ {terms}", data, cluster=cluster),
    )
    lead = Paragraph(word("intent.pooled_lead"))
    if model.fit is None:
        return [lead, models.absent(source, model)], model
    effects = model.fit.effects()
    points = effects.assign(**{name: effects[name] * 100 for name in ("estimate", "conf_low", "conf_high")})
    people = data.loc[model.fit.design.rows.kept, "person_id"].nunique()
    columns = models.effect_columns(source, word("intent.ame"))
    rows = models.effect_rows(source, points, people, 1)
    notes = [*models.notes(source, model, cluster), word("intent.estimand_note")]
    table = source.table(
        "T21b", word("intent.pooled_title"), columns, rows, stub=word("model.term"), notes=notes
    )
    numbers = source.table("N10b", word("intent.n10_title"), columns, rows, stub=word("model.term"))
    drawing = models.forest(
        source,
        "F10b",
        word("intent.f10_caption"),
        numbers,
        points,
        xlabel=word("intent.f10_x"),
        reference=0.0,
        digits=1,
        log=False,
    )
    return [lead, TableBlock(table), drawing], model


def _within(source: Source, data: pd.DataFrame) -> tuple[list[Block], Model]:
    word, rules = source.wording, source.rules
    seen = data.groupby("person_id")["intent"].agg(["size", "nunique"])
    repeated = int((seen["size"] > 1).sum())
    changing = int((seen["nunique"] > 1).sum())
    varying = data[data["person_id"].isin(seen.index[seen["nunique"] > 1])]
    yes = int(varying["intent"].sum()) if len(varying) else 0
    if changing < max(rules.smallest, 1):
        reason = word("model.reason_events", events=rules.events)
        model = Model("clogit", None, reason)
        return [Paragraph(word("intent.fe_lead_hidden")), models.absent(source, model)], model
    model = models.fitted(
        source,
        "clogit",
        varying,
        WITHIN,
        min(yes, len(varying) - yes),
        lambda terms: clogit(f"intent ~ {terms}", data, person="person_id", cluster="person_id"),
        within=True,
    )
    lead = Paragraph(word("intent.fe_lead", persons=word.number(repeated), changing=word.number(changing)))
    if model.fit is None:
        return [lead, models.absent(source, model)], model
    odds = model.fit.tidy(exponentiate=True)
    relative = models.estimated(model.fit.effects())
    columns = [
        *models.effect_columns(source, word("intent.odds_ratio")),
        Column("semi", word("intent.semi")),
        Column("semi_interval", word("common.interval")),
    ]
    rows = [
        Row(row.label, (*row.cells, *_relative(line, changing)), row.kind)
        for row, line in zip(
            models.effect_rows(source, odds, changing, 2), relative.itertuples(index=False), strict=True
        )
    ]
    notes = [
        *models.notes(source, model, "person_id"),
        word("intent.semi_note"),
        word("intent.estimand_note"),
    ]
    table = source.table(
        "T21c", word("intent.within_title"), columns, rows, stub=word("model.term"), notes=notes
    )
    return [lead, TableBlock(table)], model


def _relative(line: Any, people: int) -> tuple[Cell, Cell]:
    """A relative change of the probability and its interval, per cent."""
    low, high = (line.conf_low * 100, line.conf_high * 100)
    return tables.estimate(line.estimate * 100, people, digits=0), tables.ends(low, high, people, digits=0)
