"""Chapter: the panel. Who was issued, what became of it in each wave, response, retention, status known."""

import numpy as np
import pandas as pd

from analysis import disclosure, figures, rates, tables
from analysis.document import Block, FigureBlock, Heading, KeyFigure, Paragraph, TableBlock
from analysis.report import Section, Source
from analysis.reports.panel.measures import wilson
from analysis.reports.panel.words import wave_label
from analysis.tables import Cell, Column, Row

OUTCOMES = ("I", "P", "IP", "R", "NC", "A", "U", "O", "D", "NE", "open")
ABROAD, DIED = 2240, 4100
DRAWN = ("response", "continuous", "status_known")
REFERRAL = (6, 7)


def chapter(source: Source) -> Section:
    """Flow chart, outcomes by wave, rates by wave."""
    word = source.wording
    counts = outcome_counts(source.frame("person_waves"), source.rules)
    hidden = disclosure.hidden(counts.to_numpy(), source.rules, column_totals=True)
    safe = counts.astype("Float64").mask(pd.DataFrame(hidden, index=counts.index, columns=counts.columns))
    first = counts.columns[0]
    lead = word(
        "panel.lead",
        issued=word.number(counts.loc["total", first]),
        interviewed=word.number(interviewed(counts, first)),
    )
    table, drawing, findings = _response(source)
    blocks: tuple[Block, ...] = (
        Paragraph(lead, "lead"),
        Heading(word("panel.heading_flow")),
        _flow(source, counts, safe),
        TableBlock(_outcomes(source, safe)),
        Heading(word("panel.heading_response")),
        TableBlock(table),
        *drawing,
    )
    return Section(word("panel.title"), blocks, findings)


def outcome_counts(waves: pd.DataFrame, rules: disclosure.Rules) -> pd.DataFrame:
    """Cases by outcome (rows, the total last) and wave (columns); a wave still undecided counts as open.

    Complete and partial interviews are one row where there are few partial ones: their sum is in the flow
    chart and in the response rate, so that a suppressed number of partial interviews would follow from it.
    """
    kind = waves["outcome_class"].fillna("open")
    kind = kind.mask((waves["outcome"] == ABROAD).fillna(False), "A")
    kind = kind.mask((waves["outcome"] == DIED).fillna(False), "D")
    counts = pd.crosstab(kind, waves["wave"]).reindex(list(OUTCOMES), fill_value=0)
    if (counts.loc["P"] < rules.smallest).any():
        counts.loc["IP"] = counts.loc["I"] + counts.loc["P"]
        counts = counts.drop(index=["I", "P"])
    counts = counts[(counts.sum(axis=1) > 0) | ~counts.index.isin(["IP", "O", "open"])]
    return pd.concat([counts, counts.sum().to_frame("total").T]).astype("int64")


def interviewed(counts: pd.DataFrame, wave: int) -> int:
    """Complete and partial interviews of a wave."""
    return int(counts.loc[counts.index.isin(["I", "P", "IP"]), wave].sum())


def _outcomes(source: Source, safe: pd.DataFrame) -> tables.Table:
    word = source.wording
    columns = [Column(str(wave), wave_label(source, int(wave))) for wave in safe.columns]
    rows = [
        Row(word(f"outcome.{name}"), tuple(_count(value) for value in safe.loc[name]), _kind(name))
        for name in safe.index
    ]
    return source.table(
        "T1", word("panel.t1_title"), columns, rows, stub=word("panel.t1_stub"), notes=[word("panel.t1_note")]
    )


def _kind(name: str) -> str:
    return "total" if name == "total" else "body"


def _count(value: float) -> Cell:
    return tables.suppressed("count") if pd.isna(value) else tables.count(int(value))


def _flow(source: Source, counts: pd.DataFrame, safe: pd.DataFrame) -> FigureBlock:
    """The flow chart; a number hidden in the table of outcomes is hidden here too."""
    word = source.wording
    steps, rows = [], []
    for wave in counts.columns:
        done = interviewed(counts, wave)
        left = int(counts.loc["total", wave]) - done
        lines = {"issued": int(counts.loc["total", wave]), "done": done}
        if left >= source.rules.smallest:  # else it follows from the two, and the reasons are kept back
            lines["not"] = left
        cells = {name: tables.protected(tables.count(n), source.rules) for name, n in lines.items()}
        shown = {name: tables.cell_text(cell, word.language) for name, cell in cells.items()}
        reasons = [
            name
            for name in safe.index
            if name not in ("I", "P", "IP", "total") and pd.notna(safe.loc[name, wave])
        ]
        aside = [word("panel.flow_not", n=shown["not"])] if "not" in shown else []
        aside += [f"{word(f'outcome.{name}')}: {word.number(safe.loc[name, wave])}" for name in reasons]
        if left > sum(int(safe.loc[name, wave]) for name in reasons):
            aside.append(word("panel.flow_rest" if reasons else "panel.flow_few"))
        steps.append(
            figures.Step(
                wave_label(source, int(wave)),
                (word("panel.flow_issued", n=shown["issued"]), word("panel.flow_done", n=shown["done"])),
                tuple(aside) if left else (),
            )
        )
        labels = (word("panel.issued"), word("panel.interviewed"), word("panel.flow_not", n="").rstrip(": "))
        rows.append(Row(wave_label(source, int(wave)), kind="group"))
        rows += [Row(label, (cell,)) for label, cell in zip(labels, cells.values(), strict=False)]
        rows += [Row(word(f"outcome.{name}"), (_count(safe.loc[name, wave]),)) for name in reasons]
    first = counts.columns[0]
    alt = word("panel.flow_alt", issued=counts.loc["total", first], interviewed=interviewed(counts, first))
    numbers = source.table("N1", word("panel.n1_title"), [Column("n", word("common.n"))], rows)
    svg = figures.flow(steps, key="F1")
    return FigureBlock("F1", svg, alt, word("panel.flow_caption"), numbers, (word("panel.flow_note"),))


def _response(source: Source) -> tuple[tables.Table, tuple[Block, ...], tuple[KeyFigure, ...]]:
    """Table 2, figure 11 when there is more than one wave, and the numbers of the first page."""
    word = source.wording
    found = rates_by_wave(source)
    waves = sorted(found["wave"].unique())
    columns, rows = [], []
    for wave in waves:
        label = wave_label(source, int(wave))
        columns += [
            Column(f"p{wave}", word("common.percent"), label),
            Column(f"n{wave}", word("common.n"), label),
        ]
    for name in dict.fromkeys(found["rate"]):
        lines = found[found["rate"] == name].set_index("wave")
        cells: list[Cell] = []
        for wave in waves:
            cells += _rate_cells(lines, wave)
        rows.append(Row(word(f"rate.{name}"), tuple(cells)))
    table = source.table(
        "T2", word("panel.t2_title"), columns, rows, stub=word("panel.t2_stub"), notes=[word("panel.t2_note")]
    )
    return table, _rates_figure(source, found), _findings(source, found)


def _rate_cells(lines: pd.DataFrame, wave: int) -> list[Cell]:
    """Rate and base; a rate says nothing of who did not answer, so its base alone decides whether it
    is shown."""
    if wave not in lines.index or not lines.loc[wave, "n"]:
        return [tables.blank(), tables.blank()]
    part, n = float(lines.loc[wave, "part"]), int(lines.loc[wave, "n"])
    if np.isnan(part):
        return [tables.suppressed("share"), tables.count(n)]
    return [tables.share(part, n, part_is_cell=False), tables.count(n)]


def _rates_figure(source: Source, found: pd.DataFrame) -> tuple[Block, ...]:
    word, rules = source.wording, source.rules
    shown = found[found["rate"].isin(DRAWN) & (found["n"] >= max(rules.smallest, 1)) & found["part"].notna()]
    if shown["wave"].nunique() < 2:
        return ()
    wide = shown.assign(share=shown["part"] / shown["n"]).pivot(index="wave", columns="rate", values="share")
    wide = wide.reindex(columns=[name for name in DRAWN if name in wide])
    labels = {name: word(f"rate.{name}") for name in wide.columns}
    ticks = {float(wave): wave_label(source, int(wave)) for wave in wide.index}
    svg = figures.rates(wide, labels, key="F11", language=word.language, xlabel="", ticks=ticks)
    bases = shown.pivot(index="wave", columns="rate", values="n")
    rows = [
        Row(
            wave_label(source, int(wave)),
            tuple(
                tables.blank()
                if pd.isna(line[name])
                else tables.share(
                    line[name] * bases.loc[wave, name], int(bases.loc[wave, name]), part_is_cell=False
                )
                for name in wide.columns
            ),
        )
        for wave, line in wide.iterrows()
    ]
    columns = [Column(name, f"{label}, %") for name, label in labels.items()]
    numbers = source.table("N11", word("panel.n11_title"), columns, rows)
    values = "; ".join(
        f"{labels[name]} " + ", ".join(word.percent(value) for value in wide[name].dropna())
        for name in wide.columns
    )
    alt = word("panel.rates_alt", values=values)
    note = (word("panel.rates_note"),)
    return (FigureBlock("F11", svg, alt, word("panel.rates_caption"), numbers, note),)


def _findings(source: Source, found: pd.DataFrame) -> tuple[KeyFigure, ...]:
    """Status known and response in the latest wave with enough people."""
    word = source.wording
    made = []
    for name, label in (("status_known", "panel.finding_status"), ("response", "panel.finding_response")):
        lines = found[
            (found["rate"] == name) & (found["n"] >= max(source.rules.few, 1)) & found["part"].notna()
        ]
        if lines.empty:
            continue
        last = lines.sort_values("wave").iloc[-1]
        part, n = float(last["part"]), int(last["n"])
        low, high = wilson(part, n)
        digits = disclosure.percent_decimals(n, source.rules)
        detail = word(
            "common.detail", interval=word.interval(low * 100, high * 100, digits), n=word.number(n)
        )
        made.append(KeyFigure(word.percent(part / n), word(label), detail, "T2"))
    return tuple(made)


def rates_by_wave(source: Source) -> pd.DataFrame:
    """Rates in long form: wave, rate, part, n; part is NaN where a suppressed number would follow from it.

    The baseline has a response rate (RR2) among people found by lists, for referral chains have none; later
    waves have the rates of the panel. Status known less cumulative response is the number of people known
    to be abroad without an interview, and a base less the cases of table 1 that of people who died, were not
    eligible or withdrew: what would give away a small number is not printed.
    """
    waves, persons = source.frame("person_waves"), source.frame("persons")
    rules = source.rules
    found = [*_baseline_response(waves, persons, rules), *_panel_rates(waves, rules)]
    return pd.DataFrame(found, columns=["wave", "rate", "part", "n"])


def _baseline_response(
    waves: pd.DataFrame, persons: pd.DataFrame, rules: disclosure.Rules
) -> list[tuple[int, str, float, int]]:
    referred = persons.loc[persons["frame_src"].isin(REFERRAL), "person_id"]
    first = waves[(waves["wave"] == 0) & ~waves["person_id"].isin(referred)]
    counted = rates.response(first)
    base = sum(counted.n[name] for name in rates.CLASSES)
    n = _safe_base(base, base + counted.n["NE"], rules)
    return [(0, "response", float(counted.n["I"] + counted.n["P"]), n)] if n else []


def _panel_rates(waves: pd.DataFrame, rules: disclosure.Rules) -> list[tuple[int, str, float, int]]:
    """Waves after the baseline, each rate with the people it is taken of."""
    found: list[tuple[int, str, float, int]] = []
    listed = waves[waves["outcome_class"].notna()]["wave"].value_counts()
    for line in rates.panel(waves).itertuples(index=False):
        if line.wave == 0 or not line.eligible:
            continue
        wave, total = int(line.wave), int(listed[line.wave])
        done, known = float(line.responded), float(round(line.status_known * line.eligible))
        all_waves = float(round(line.continuous * line.eligible))
        made = {
            "response": (done, line.issued),
            "wave_on_wave": (float(line.stayed), line.before),
            "cumulative": (done, line.eligible),
            "continuous": (all_waves, line.eligible),
            "status_known": (known, line.eligible),
            "re_entry": (float(line.returned), line.missed),
        }
        for name, (part, n) in made.items():
            own = name in ("wave_on_wave", "re_entry")
            base = int(n) if own else _safe_base(int(n), total, rules)
            few_abroad = name == "status_known" and known - done < rules.smallest
            if base:
                found.append((wave, name, np.nan if few_abroad or part > base else part, base))
    return found


def _safe_base(base: int, listed: int, rules: disclosure.Rules) -> int:
    """The base of a rate, or the number of cases in table 1 where the two differ by a few people only."""
    return listed if 0 < abs(listed - base) < rules.smallest else base
