"""Making: a form while it is laid out – which questions are shown, under which number, by which names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from analysis.document import KEY
from instruments.findings import Finding
from instruments.instrument import Block, Instrument, Question
from instruments.readable.conditions import Told
from instruments.readable.names import Names
from instruments.readable.phrases import Phrases

SILENT = (
    *("calculate", "hidden", "start", "end", "today", "deviceid", "username", "phonenumber", "email"),
    *("audit", "background-audio", "start-geopoint", "csv-external", "xml-external"),
)
OTHER = re.compile(r"\s*selected\(\s*\$\{\s*(\w+)\s*\}\s*,\s*'([^']*)'\s*\)\s*")
_LETTER = re.compile(r"([A-Z]{1,2})[.)]\s")


class Making:
    """The form while it is laid out: numbers, names, and which conditions could not be said."""

    def __init__(self, instrument: Instrument, phrases: Phrases, technical: bool) -> None:
        self.instrument, self.phrases, self.technical = instrument, phrases, technical
        asked = [question for question in instrument.questions if question.kind not in SILENT]
        self.companions = dict(_companions(instrument, asked))
        beside = {question.name for question in self.companions.values()}
        self.shown = [question for question in asked if question.name not in beside]
        self.numbers = _numbers(instrument, self.shown, Names(instrument, phrases))
        self.names = Names(instrument, phrases, self.numbers)
        self.brief = Names(instrument, phrases, self.numbers, brief=True)
        self.groups: Mapping[str, Block] = {block.name: block for block in instrument.blocks}
        self.unsaid: list[str] = []

    def said(self, told: Told, where: str) -> str:
        """The words of a condition; where they are not all words, that is noted."""
        if not told.whole and where not in self.unsaid:
            self.unsaid.append(where)
        return told.text

    def inside(self, group: str) -> list[Question]:
        """The questions shown in a group, in order."""
        return [question for question in self.shown if group in question.groups]

    def range(self, questions: Sequence[Question]) -> str:
        """“C3 to C9”, of the numbered ones."""
        numbers = [self.numbers[one.name] for one in questions if one.name in self.numbers]
        if not numbers:
            return ""
        return numbers[0] if len(numbers) == 1 else self.phrases("range", first=numbers[0], last=numbers[-1])

    def listed(self, names: Iterable[str]) -> str:
        return ", ".join(self.numbers[name] for name in names if name in self.numbers)

    def is_translated(self, question: Question) -> bool:
        columns = [key for key in question.cells if key.startswith("label::")]
        return not columns or any(key.endswith(f"({self.phrases.language})") for key in columns)

    def findings(self) -> Iterator[Finding]:
        form, language = self.instrument.form_id, self.phrases.language
        if self.phrases.missing:
            message = (
                f"{len(self.phrases.missing)} phrases are not said in {language} and stand in English: "
                f"add them to phrases/{language}.csv (survey instrument translate)."
            )
            yield Finding("warning", "print.phrases", form, message)
        bare = [question.name for question in self.shown if not self.is_translated(question)]
        if bare:
            message = f"{len(bare)} questions have no text in {language}: {', '.join(bare[:5])} …"
            yield Finding("warning", "print.untranslated", form, message)
        for where in self.unsaid:
            message = "The condition is printed as the expression it is; see instruments/readable."
            yield Finding("warning", "print.expression", f"{form}: {where}", message)

    def label(self, cells: Mapping[str, str]) -> str:
        """The label of a row as it is printed; what would be read as the key of a table is set apart."""
        return loose(self.brief.shown(self.names.text(cells)))

    def first_line(self, question: Question) -> str:
        """The first line of a question's text."""
        text = self.brief.shown(self.names.text(question.cells))
        return next((line for line in text.splitlines() if line.strip()), question.name)


def loose(text: str) -> str:
    """The text with what would be read as the key of a table (`[A1]`) set apart."""
    return KEY.sub(r"[ \1 ]", text)


def _numbers(instrument: Instrument, shown: Sequence[Question], names: Names) -> dict[str, str]:
    """The printed number of every question: the letter of its module and a count, else a count of modules."""
    letters: dict[str, str] = {}
    counts: dict[str, int] = {}
    numbers = {}
    labels = {block.name: names.text(block.cells) for block in instrument.blocks}
    for question in shown:
        module = question.groups[0] if question.groups else ""
        if module not in letters:
            found = _LETTER.match(labels.get(module, ""))
            letters[module] = found[1] if found else f"{len(letters) + 1}." if module else ""
        if question.kind != "note":
            counts[module] = counts.get(module, 0) + 1
            numbers[question.name] = f"{letters[module]}{counts[module]}"
    return numbers


def _companions(instrument: Instrument, asked: Sequence[Question]) -> Iterator[tuple[str, Question]]:
    """Name of a select → the text that says its “other” in words, where it stands right behind it."""
    for question, text in pairwise(asked):
        code = text.name.startswith(f"{question.name}_") and OTHER.fullmatch(text.cell("relevant"))
        codes = [choice.name for choice in instrument.choices(question.list_name)]
        if text.type == "text" and code and code[1] == question.name and code[2] in codes:
            yield question.name, text
