"""Report: the eighteen returnees of a published table, described; no model.

Runs on any frame of persons with these columns; columns that a data set lacks are left out. Contradictions
of the source come with the release, as the frame that the import made of them, and are listed as found.
"""

from collections.abc import Iterator

import pandas as pd

from analysis import tables
from analysis.document import Block, Note, Paragraph, TableBlock
from analysis.report import Report, Section, Source, report
from analysis.tables import Column, Row, Table
from instruments.findings import Finding

CODED = ("sex", "prov_birth", "jp_sector", "pre_act", "act", "ladder")
MEN, WOMEN, NGHE_AN = 1, 2, "40"


@report("table1")
def table1(source: Source) -> Report:
    """The description of one published table."""
    word, manifest = source.wording, source.dataset.manifest
    people = source.frame("persons")
    facts = [
        (word("table1.people"), word.number(len(people))),
        (word("cover.release"), source.dataset.digest[:12]),
    ]
    if manifest.citation:
        facts.append((word("table1.source"), manifest.citation))
    return Report(
        title=word("table1.title"),
        subtitle=word("table1.subtitle"),
        kicker=word("table1.kicker"),
        facts=tuple(facts),
        sections=(_people(source, people), _work(source, people), _contradictions(source)),
        disclaimer=word("table1.disclaimer", people=word.number(len(people))),
    )


def _people(source: Source, people: pd.DataFrame) -> Section:
    word = source.wording
    lead = word(
        "table1.lead",
        people=len(people),
        men=int((people["sex"] == MEN).sum()),
        women=int((people["sex"] == WOMEN).sum()),
        nghe_an=int((people["prov_birth"] == NGHE_AN).sum()),
        intent=int((people["ladder"] >= 1).sum()),
    )
    blocks: list[Block] = [Paragraph(lead, "lead"), TableBlock(_description(source, people))]
    return Section(word("table1.people_title"), tuple(blocks))


def _description(source: Source, people: pd.DataFrame) -> Table:
    """Counts and shares of every coded column, months abroad as stated, years of birth."""
    word = source.wording
    rows: list[Row] = []
    for name in CODED:
        if name not in people:
            continue
        rows.append(Row(word(f"table1.{name}"), kind="group"))
        rows += _counted(people[name], [(code, source.choice(name, code)) for code in _order(people[name])])
        if name == "prov_birth":
            rows += list(_stay(source, people))
    columns = [Column("n", word("common.n")), Column("p", word("common.percent"))]
    notes = [word("table1.t1_note", people=len(people), one=word.number(100 / len(people), 1))]
    if source.dataset.manifest.citation:
        notes.append(word("table1.citation_note", citation=source.dataset.manifest.citation))
    return source.table("T1", word("table1.t1_title"), columns, rows, notes=notes)


def _order(values: pd.Series) -> list[object]:
    """Codes, the most frequent first; ladders and other numbers of few steps in their own order."""
    counts = values.dropna().value_counts()
    if values.name == "ladder":
        return sorted(counts.index)
    return [code for code, _ in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))]


def _counted(values: pd.Series, labels: list[tuple[object, str]]) -> list[Row]:
    n = int(values.notna().sum())
    rows = []
    for code, label in labels:
        part = int((values == code).sum())
        rows.append(Row(label, (tables.count(part), tables.share(part, n))))
    return rows


def _stay(source: Source, people: pd.DataFrame) -> Iterator[Row]:
    word = source.wording
    months = people["abroad_mo"]
    yield Row(word("table1.abroad_mo"), kind="group")
    yield from _counted(
        months, [(value, word("table1.months", n=int(value))) for value in sorted(months.dropna().unique())]
    )
    known = months.dropna().astype(float)
    yield Row(
        word("table1.median"), (tables.median(float(known.median()), len(known), digits=0), tables.blank())
    )


def _work(source: Source, people: pd.DataFrame) -> Section:
    """Work after return against intention."""
    word = source.wording
    working, intends = people["employed"] == 1, people["ladder"] >= 1
    rows = []
    for label, group in (("working", working), ("not_working", ~working)):
        cells = [tables.count(int((group & part).sum())) for part in (~intends, intends)]
        rows.append(Row(word(f"table1.{label}"), (*cells, tables.count(int(group.sum())))))
    totals = [int((~intends).sum()), int(intends.sum()), len(people)]
    rows.append(Row(word("common.total"), tuple(tables.count(total) for total in totals), "total"))
    columns = [
        Column("none", word("table1.none")),
        Column("some", word("table1.some")),
        Column("all", word("common.total")),
    ]
    table = source.table("T2", word("table1.t2_title"), columns, rows, stub=word("table1.t2_stub"))
    lead = "table1.work_lead" if not (working & intends).any() else "table1.work_lead_mixed"
    return Section(word("table1.work_title"), (Paragraph(word(lead), "lead"), TableBlock(table)))


def _contradictions(source: Source) -> Section:
    word = source.wording
    title = word("table1.findings_title")
    if not source.notices:
        return Section(title, (Note(word("table1.findings_none"), "reason"),))
    against = [notice for notice in source.notices if notice.level != "note"]
    remarks = [notice for notice in source.notices if notice.level == "note"]
    lead = word("table1.findings_lead") + " " + word("table1.findings_language")
    blocks: list[Block] = [Paragraph(lead.strip(), "lead")]
    for key, name, notices in (("T3", "t3_title", against), ("T4", "t4_title", remarks)):
        if notices:
            blocks.append(TableBlock(_listed(source, key, word(f"table1.{name}"), notices)))
    return Section(title, tuple(blocks))


def _listed(source: Source, key: str, title: str, notices: list[Finding]) -> Table:
    word = source.wording
    rows = [Row(notice.where, (tables.text(notice.message),)) for notice in notices]
    columns = [Column("what", word("table1.t3_what"), words=True)]
    return source.table(key, title, columns, rows, stub=word("table1.t3_person"))
