"""The longitudinal report of the panel: one file per chapter, put together here.

Chapters compute from the release alone and hand back their blocks with what belongs on the first page;
nothing is estimated twice.
"""

from analysis.document import Block, Heading, KeyFigures, Listing, Note, Paragraph
from analysis.report import Report, Section, Source, report
from analysis.reports.panel import closing, fieldwork, intentions, leaving, profile, work
from analysis.reports.panel.measures import at_baseline

MOST_FINDINGS = 8


@report("panel")
def panel(source: Source) -> Report:
    """The report of one release."""
    word = source.wording
    departures, hazard_model = leaving.chapter(source)
    plans, intent_models = intentions.chapter(source)
    chapters = (fieldwork.chapter(source), profile.chapter(source), work.chapter(source), departures, plans)
    closing_chapters = (
        closing.limitations(source),
        closing.methods(source, (hazard_model, *intent_models)),
    )
    corridor = _corridor(source)
    return Report(
        title=word("cover.title"),
        subtitle=word("cover.subtitle", corridor=corridor),
        kicker=word("cover.kicker"),
        facts=_facts(source, corridor),
        sections=(_key_findings(source, chapters), *chapters, *closing_chapters),
        disclaimer=word("cover.disclaimer"),
        banner=word("cover.banner") if source.simulated else "",
    )


def _key_findings(source: Source, chapters: tuple[Section, ...]) -> Section:
    """First page: numbers of all chapters, changes since the wave before, one caution."""
    word = source.wording
    people = len(at_baseline(source.frame("persons")))
    findings = [finding for chapter in chapters for finding in chapter.findings][:MOST_FINDINGS]
    changes = tuple(change for chapter in chapters for change in chapter.changes if change)
    blocks: list[Block] = [Paragraph(word("key.lead", people=word.number(people)), "lead")]
    if findings:
        blocks.append(KeyFigures(tuple(findings)))
    if changes:
        blocks += [Heading(word("key.changes")), Listing(changes)]
    blocks.append(Note(word("key.caution"), "caution", word("key.caution_title")))
    return Section(word("key.title"), tuple(blocks))


def _corridor(source: Source) -> str:
    codes = source.frame("persons")["corridor"].dropna().unique()
    names = [source.choice("corridor", int(code)) for code in sorted(codes)]
    return ", ".join(names) or source.dataset.manifest.name


def _facts(source: Source, corridor: str) -> tuple[tuple[str, str], ...]:
    word, waves = source.wording, source.frame("person_waves")
    people = len(at_baseline(source.frame("persons")))
    months = waves["int_cm"].dropna()
    facts = [
        (word("cover.study"), source.dataset.manifest.name),
        (word("cover.corridor"), corridor),
        (word("cover.people"), word.number(people)),
        (word("cover.waves"), word("cover.waves_value", n=int(waves["wave"].max()))),
    ]
    if len(months):
        first, last = _calendar(int(months.min())), _calendar(int(months.max()))
        facts.append((word("cover.period"), word("cover.period_value", first=first, last=last)))
    facts.append((word("cover.release"), source.dataset.digest[:12]))
    return tuple(facts)


def _calendar(month: int) -> str:
    """A century month as MM/YYYY."""
    year, rest = divmod(month - 1, 12)
    return f"{rest + 1:02d}/{1900 + year}"
