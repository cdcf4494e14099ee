"""Questionnaire: an instrument as a document that people read, for ethics boards, translators and trainers.

Out come blocks of `analysis.document`: how to read it, what consent and distress lead to, the questions with
their routing in words, the lists attached. Calculations are left out unless it is technical. The order is the
form's; a group that hides one question lends it its condition, a larger one is said before its questions.
Words between the answers are data (`instruments.readable.phrases`); pages are the writers' business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.document import Block, Definitions, Document, Heading, Listing, Meta
from instruments.findings import Finding
from instruments.instrument import LISTS, Instrument, Question
from instruments.length import OPEN, Paths, lengths, total
from instruments.readable.phrases import Phrases
from survey.questionnaire.items import questions
from survey.questionnaire.making import Making, loose
from survey.questionnaire.safeguards import safeguards

CALCULATION = "calculation"
_WORDS = (
    *("table", "figure", "tables", "figures", "contents", "source", "release", "skip", "suppressed"),
    "simulated",
)


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """The document, and what a reader has to be told of it: texts not translated, conditions not in words."""

    document: Document
    findings: tuple[Finding, ...]


def questionnaire(
    instrument: Instrument, language: str, *, paths: Paths | None = None, technical: bool = False
) -> Questionnaire:
    """The questionnaire of a form in one language.

    Raises
    ------
    ValueError
        The form has no texts in that language.
    """
    if language not in instrument.languages:
        told = ", ".join(instrument.languages)
        raise ValueError(f"{instrument.form_id} has no texts in {language!r}; it has them in {told}.")
    making = Making(instrument, Phrases(language), technical)
    phrases = making.phrases
    blocks: list[Block] = [
        Heading(phrases("chapter_safeguards"), 1),
        *safeguards(making),
        Heading(phrases("chapter_questions"), 1),
        Heading(phrases("chapter_reading"), 2),
        Listing(tuple(phrases(f"reading_{number}") for number in range(1, 7))),
        *questions(making),
        *_attached(making),
        *(_technical(making) if technical else ()),
    ]
    title = making.names.text(instrument.settings, "codebook::title") or instrument.title
    document = Document(
        title=title if language != "en" else instrument.title,
        subtitle=phrases("subtitle", language=_language_name(instrument, language)),
        blocks=tuple(blocks),
        language=language,
        meta=Meta(
            report=f"{instrument.form_id} {instrument.version}",
            release=instrument.digest,
            kicker=phrases("kicker"),
            facts=_facts(making, paths),
            disclaimer=phrases("disclaimer"),
            words={word: phrases(f"word_{word}") for word in _WORDS},
        ),
    )
    return Questionnaire(document, tuple(making.findings()))


def _attached(making: Making) -> Iterator[Block]:
    """The lists that come with the form, by name and size; their entries are not printed."""
    rows: list[tuple[str, str]] = []
    for question in making.instrument.questions:
        file = question.file or (f"{question.name}.csv" if question.kind == "csv-external" else "")
        if file and file not in [name for name, _ in rows]:
            rows.append((file, _origin(making, question, file)))
    if rows:
        yield Heading(making.phrases("chapter_lists"), 1)
        yield Definitions(tuple(rows))


def _origin(making: Making, question: Question, file: str) -> str:
    path = LISTS / file
    if path.is_file():
        with path.open(encoding="utf-8") as lines:
            return making.phrases("list_package", count=sum(1 for _ in lines) - 1)
    source = question.cell("codebook::list")
    return making.phrases(f"list_{source}" if source in ("entity", "study") else "list_study")


def _technical(making: Making) -> Iterator[Block]:
    """What the tablet works out, as it is written."""
    rows = tuple(
        (
            f"{question.name}  {question.cell('codebook::source')}".strip(),
            loose(question.cell("calculation")),
        )
        for question in making.instrument.questions
        if question.kind == "calculate"
    )
    if rows:
        yield Heading(making.phrases("chapter_calculations"), 1)
        yield Definitions(rows)


def _facts(making: Making, paths: Paths | None) -> tuple[tuple[str, str], ...]:
    form, phrases = making.instrument, making.phrases
    found = lengths(form, paths)
    spread = sorted(total(found, path) for path in {one.path for one in found})
    minutes = phrases("minutes", minutes=f"{total(found, OPEN):.0f}")
    if len(spread) > 1:
        minutes = phrases(
            "minutes_paths",
            minutes=f"{total(found, OPEN):.0f}",
            low=f"{spread[0]:.0f}",
            high=f"{spread[-1]:.0f}",
        )
    return (
        (phrases("fact_form"), form.form_id),
        (phrases("fact_version"), form.version),
        (phrases("fact_language"), _language_name(form, phrases.language)),
        (phrases("fact_languages"), ", ".join(_language_name(form, code) for code in form.languages)),
        (phrases("fact_minutes"), minutes),
        (phrases("fact_questions"), str(len(making.numbers))),
        (phrases("fact_digest"), form.digest[:16]),
    )


def _language_name(form: Instrument, code: str) -> str:
    """The language as the heading of its column names it."""
    heading = next(
        column.partition("::")[2]
        for column in form.sheets["survey"][0]
        if column.startswith("label::") and column.endswith(f"({code})")
    )
    return heading.rpartition(" (")[0] or code
