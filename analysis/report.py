"""Reports: a registered function turns a release into sections; here they become a document and files.

A report sees a `Source` – release, words, rules for small numbers – and nothing else: no clock, no
database, no settings. What every report has in common is added here: chapter numbers, the annex with the
numbers of all figures, how to trace a number, the words on cover and foot. To add a report, add a file in
`analysis/reports` with a function under ``@report("name")``.
"""

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd

from analysis import disclosure, reports
from analysis.dataset import Dataset
from analysis.disclosure import Rules
from analysis.document import (
    Block,
    Definitions,
    Document,
    FigureBlock,
    Heading,
    KeyFigure,
    Listing,
    Meta,
    Paragraph,
    TableBlock,
)
from analysis.tables import Column, Row, Table
from analysis.wording import Wording
from analysis.writers import docx, html, pdf
from instruments.findings import Finding

FORMATS: dict[str, Callable[[Document], bytes]] = {
    "html": html.write,
    "pdf": pdf.write,
    "docx": docx.write,
}


@dataclass(frozen=True, slots=True)
class Source:
    """What a report is made from: one release, the words of one language, the rules its declaration sets."""

    dataset: Dataset
    wording: Wording
    rules: Rules

    @property
    def simulated(self) -> bool:
        """Whether the manifest declares the people of this release to be made up."""
        return bool(getattr(self.dataset.manifest, "simulated", False))

    @property
    def notices(self) -> tuple[Finding, ...]:
        """What an import found in its source, from the frame `findings` of the release."""
        found = self.dataset.frames.get("findings")
        return () if found is None else tuple(Finding(*row) for row in found.itertuples(index=False))

    def frame(self, name: str) -> pd.DataFrame:
        """A copy of a frame of the release."""
        return self.dataset[name]

    def choice(self, variable: str, code: object) -> str:
        """The words for a code, from the codebook of the release."""
        return self.dataset.codebook.choice_label(variable, code, self.wording.language)

    def table(
        self,
        key: str,
        title: str,
        columns: Sequence[Column],
        rows: Iterable[Row],
        *,
        stub: str = "",
        notes: Sequence[str] = (),
    ) -> Table:
        """A table with small numbers removed, its marks explained and its release named."""
        made = Table(key, title, tuple(columns), tuple(rows), stub, tuple(notes), self.dataset.digest)
        safe = made.protect(self.rules)
        marks = safe.marks()
        return safe.with_notes(
            self.wording("common.note_suppressed", n=self.rules.smallest)
            if disclosure.SUPPRESSED in marks
            else "",
            self.wording("common.note_few", low=self.rules.smallest, high=self.rules.few - 1)
            if disclosure.FEW in marks
            else "",
        )


@dataclass(frozen=True, slots=True)
class Section:
    """One chapter: title, blocks, and what of it belongs on the first page."""

    title: str
    blocks: tuple[Block, ...]
    findings: tuple[KeyFigure, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Sections under a title, with the words and facts of the cover."""

    title: str
    subtitle: str
    kicker: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    disclaimer: str = ""
    banner: str = ""


Maker = Callable[[Source], Report]
_REPORTS: dict[str, Maker] = {}


def report(name: str) -> Callable[[Maker], Maker]:
    """Register a function from a source to a report under a name."""

    def registered(maker: Maker) -> Maker:
        if name in _REPORTS:
            raise ValueError(f"a report named {name!r} is registered already")
        _REPORTS[name] = maker
        return maker

    return registered


def names() -> tuple[str, ...]:
    """Names of all reports."""
    for module in pkgutil.iter_modules(reports.__path__):
        import_module(f"{reports.__name__}.{module.name}")
    return tuple(sorted(_REPORTS))


def build(name: str, dataset: Dataset, *, language: str = "en") -> Document:
    """The report of that name on this release, as a document in this language.

    Raises
    ------
    ValueError
        There is no such report or language.
    """
    if name not in names():
        raise ValueError(f"there is no report {name!r}; choose from {', '.join(names())}")
    source = Source(dataset, Wording(language), disclosure.rules(dataset.manifest.disclosure))
    return document(name, _REPORTS[name](source), source)


def render(document: Document, format: str) -> bytes:
    """The document as bytes of a format."""
    if format not in FORMATS:
        raise ValueError(f"no writer for {format!r}; choose from {', '.join(FORMATS)}")
    return FORMATS[format](document)


def write(
    dataset: Dataset,
    folder: Path,
    names: Sequence[str] = ("panel",),
    languages: Sequence[str] = ("en",),
    formats: Sequence[str] = ("html", "pdf"),
) -> list[Path]:
    """Files ``<report>.<language>.<format>`` in the folder, in the order asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names:
        for language in languages:
            made = build(name, dataset, language=language)
            for format in formats:
                path = folder / f"{name}.{language}.{format}"
                path.write_bytes(render(made, format))
                written.append(path)
    return written


def document(name: str, made: Report, source: Source) -> Document:
    """Sections in order, then how to trace a number, then the numbers of all figures."""
    sections = [*made.sections, _tracing(source), *_annex(made, source)]
    blocks: list[Block] = []
    for number, section in enumerate(sections, start=1):
        blocks += _numbered(section, number)
    return Document(
        title=made.title,
        subtitle=made.subtitle,
        blocks=tuple(blocks),
        language=source.wording.language,
        meta=Meta(
            report=name,
            release=source.dataset.digest,
            kicker=made.kicker,
            facts=made.facts,
            banner=made.banner,
            disclaimer=made.disclaimer,
            words=_words(source),
        ),
    )


def _numbered(section: Section, number: int) -> list[Block]:
    """The section's blocks under a numbered heading, its own headings numbered below."""
    blocks: list[Block] = [Heading(section.title, 1, str(number))]
    below = 0
    for block in section.blocks:
        if isinstance(block, Heading):
            below += 1
            block = Heading(block.text, 2, f"{number}.{below}")
        blocks.append(block)
    return blocks


def _annex(made: Report, source: Source) -> list[Section]:
    """The numbers of every figure as tables; nothing when there is no figure."""
    figures = [
        block for section in made.sections for block in section.blocks if isinstance(block, FigureBlock)
    ]
    if not figures:
        return []
    lead = Paragraph(source.wording("annex.lead"))
    return [
        Section(source.wording("annex.title"), (lead, *(TableBlock(figure.numbers) for figure in figures)))
    ]


def _tracing(source: Source) -> Section:
    """How a reader walks from a printed number back to the answers."""
    wording, manifest = source.wording, source.dataset.manifest
    sizes = ", ".join(f"{name} ({wording.number(size['rows'])})" for name, size in manifest.frames.items())
    facts = [
        (wording("trace.release"), manifest.content_digest),
        (wording("trace.dataset"), manifest.name),
        (wording("trace.frames"), sizes),
        (wording("trace.disclosure"), wording(f"trace.{manifest.disclosure}")),
    ]
    if manifest.citation:
        facts.append((wording("trace.citation"), manifest.citation))
    steps = tuple(wording(f"trace.step{step}") for step in range(1, 5))
    return Section(
        wording("trace.title"), (Paragraph(wording("trace.lead")), Listing(steps), Definitions(tuple(facts)))
    )


def _words(source: Source) -> dict[str, str]:
    keys = (
        "table",
        "figure",
        "tables",
        "figures",
        "contents",
        "source",
        "release",
        "skip",
        "suppressed",
        "simulated",
    )
    return {key: source.wording(f"words.{key}") for key in keys}
