"""Chapter: who the returnees in the panel are, as found at baseline."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis import tables
from analysis.document import Paragraph, TableBlock
from analysis.report import Section, Source
from analysis.reports.panel.measures import (
    EDUCATION,
    PROGRAMMES,
    at_baseline,
    banded,
    grouped,
    month_band,
)
from analysis.tables import Cell, Column, Row

SEXES = {"men": 1, "women": 2}
JOINED = {  # groups that become one where one of them holds few people
    "age": (4, 5),
    "education": (3, 4),
    "programme": (3, 4, 5),
    "stay": (1, 2),
    "since": (4, 5),
}


def chapter(source: Source) -> Section:
    """Table 4: groups of people at baseline, women and men apart where there are enough of both."""
    word = source.wording
    people = at_baseline(source.frame("persons"))
    sizes = {name: int((people["sex"] == code).sum()) for name, code in SEXES.items()}
    split = min(sizes.values()) >= max(source.rules.smallest, 1)
    numbers = {name: word.number(size) for name, size in sizes.items()}
    lead = word("profile.lead" if split else "profile.lead_all", people=word.number(len(people)), **numbers)
    return Section(
        word("profile.title"), (Paragraph(lead, "lead"), TableBlock(_profile(source, people, sizes, split)))
    )


def _profile(source: Source, people: pd.DataFrame, sizes: dict[str, int], split: bool) -> tables.Table:
    word = source.wording
    names = [*SEXES, "total"] if split else ["total"]
    sex_rates = min(sizes.values()) >= source.rules.few
    rates = tuple(sex_rates or name == "total" for name in names)
    columns = [
        Column(f"{name}_{part}", word(f"common.{part}"), word(f"common.{name}"))
        for name, rate in zip(names, rates, strict=True)
        for part in (("n", "percent") if rate else ("n",))
    ]
    groups = _groups(people, split)
    first = Row(word("profile.persons"), tuple(_sizes(groups, rates)), "total")
    rows = tables.crosstab(list(_blocks(source, people, groups)), source.rules, rates=rates, margin=split)
    notes = [word("profile.base_note")]
    if split and not sex_rates:
        notes.append(word("profile.counts_only", n=source.rules.few))
    return source.table("T4", word("profile.t4_title"), columns, (first, *rows), notes=notes)


def _groups(people: pd.DataFrame, split: bool) -> list[np.ndarray]:
    """Membership by column: men, women, neither where there are any (never printed), everybody."""
    everybody = np.ones(len(people), dtype=bool)
    if not split:
        return [everybody]
    members = [(people["sex"] == code).fillna(False).to_numpy(dtype=bool) for code in SEXES.values()]
    neither = ~(members[0] | members[1])
    return [*members, neither, everybody] if neither.any() else [*members, everybody]


def _sizes(groups: list[np.ndarray], rates: tuple[bool, ...]) -> Iterator[Cell]:
    printed = [*groups[: len(rates) - 1], groups[-1]]
    for members, rate in zip(printed, rates, strict=True):
        yield tables.count(int(members.sum()))
        if rate:
            yield tables.blank()


def _blocks(
    source: Source, people: pd.DataFrame, groups: list[np.ndarray]
) -> Iterator[tuple[str, list[str], np.ndarray]]:
    """Heading, labels and counts (labels, groups) of every variable of the table."""
    word = source.wording
    variables: list[tuple[str, pd.Series, int]] = [
        ("age", banded(people["age_ret"], (25, 30, 35, 45)), 5),
        ("education", grouped(people["edu_now"], EDUCATION), 4),
        ("area", people["area"], 2),
        ("programme", grouped(people["jp_prog1"], PROGRAMMES, other=5), 5),
        ("stay", banded(people["abroad_mo"], (12, 36, 60)), 4),
        ("since", month_band(people["entry"]), 5),
    ]
    for name, values, many in variables:
        codes = list(range(1, many + 1))
        labels = [word(f"profile.{name}_{code}") for code in codes]
        counts = _counts(values, codes, groups)
        yield word(f"profile.{name}"), *_joined(source, name, labels, counts)
    debt = [0, 1]
    labels = [word(f"profile.debt_{code}") for code in debt]
    yield word("profile.debt"), labels, _counts(people["mdebt_open0"], debt, groups)
    found = sorted(int(code) for code in people["frame_src"].dropna().unique())
    if len(found) > 1:
        labels = [source.choice("frame_src", code) for code in found]
        yield word("profile.source"), labels, _counts(people["frame_src"], found, groups)


def _counts(values: pd.Series, codes: list[int], groups: list[np.ndarray]) -> np.ndarray:
    is_code = [(values == code).fillna(False).to_numpy(dtype=bool) for code in codes]
    return np.array([[int((hit & members).sum()) for members in groups] for hit in is_code])


def _joined(source: Source, name: str, labels: list[str], counts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Labels and counts with the groups of `JOINED` as one, if one of them holds few people."""
    places = [code - 1 for code in JOINED.get(name, ())]
    if not places or counts[places, -1].min() >= source.rules.smallest:
        return labels, counts
    first, after = places[0], places[-1] + 1
    label = source.wording(f"profile.{name}_joined")
    together = counts[first:after].sum(axis=0, keepdims=True)
    return [*labels[:first], label, *labels[after:]], np.vstack([counts[:first], together, counts[after:]])
