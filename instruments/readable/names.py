"""Names: what the rows of a form are called in a sentence, in one language.

A question is called by its printed number and the beginning of its label, a choice by its label in quotes, a
computed value as `modules/computed.csv` calls it (one name means one thing in all forms), else by its cell
`codebook::source`. Nothing is called by its variable name: what has no words raises `Nameless`, and the
caller shows the expression.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.codebook import Choice, languages_of
from instruments.expand.includes import MODULES
from instruments.instrument import REFERENCE, Instrument
from instruments.readable.phrases import SOURCE, Phrases
from instruments.sheets import Row

LONG, SHORT = 60, 36
_MOMENTS = ("today", "start", "end")
_OF_LANGUAGE = re.compile(r"(\w+)_[a-z]{2,3}")


class Nameless(ValueError):
    """Something a sentence would have to name and cannot."""


class Names:
    """The names of one form's rows; `numbers` are the printed numbers of its questions.

    Where there is a number the label is cut shorter, and left out if `brief`.
    """

    def __init__(
        self,
        instrument: Instrument,
        phrases: Phrases,
        numbers: Mapping[str, str] | None = None,
        *,
        brief: bool = False,
    ) -> None:
        self.phrases, self.numbers, self.brief = phrases, numbers or {}, brief
        self.questions = {question.name: question for question in instrument.questions}
        self.blocks = {block.name: block for block in instrument.blocks}
        self.variables = {variable.name: variable for variable in instrument.variables}

    def of(self, name: str) -> str:
        """What the answer to a question, a computed value or a repeat is called.

        Raises
        ------
        Nameless
            It has no words in any language.
        """
        if name in self.blocks:
            return self.phrases("quote", text=shortened(self._said(self.blocks[name].cells, name)))
        if name not in self.questions:
            raise Nameless(name)
        question = self.questions[name]
        if question.kind in _MOMENTS:
            return self.phrases(f"moment_{question.kind}")
        if question.kind in ("calculate", "hidden"):
            return self._computed(name, question.cell("codebook::source"))
        number = self.numbers.get(name, "")
        if number and self.brief:
            return number
        said = shortened(self._said(question.cells, name), SHORT if number else LONG)
        label = self.phrases("quote", text=said)
        return self.phrases("numbered", number=number, label=label) if number else label

    def text(self, cells: Mapping[str, str], column: str = "label") -> str:
        """The text of a row in this language, else in English, else in whatever language there is."""
        columns = languages_of(cells, column)
        ordered = [columns[code] for code in (self.phrases.language, SOURCE) if code in columns]
        found = next((cells[one] for one in (*ordered, *columns.values()) if cells[one].strip("- ")), "")
        return found or cells.get(column, "")

    def shown(self, text: str) -> str:
        """A text with what is put into it on the tablet named in square brackets."""
        return REFERENCE.sub(lambda found: f"[{self._put_in(found[1].partition(':')[0])}]", text)

    def choices(self, name: str) -> Sequence[Choice]:
        """The choices of a select, or of a computed value that has the codes of one."""
        variable = self.variables.get(name)
        return variable.choices if variable else ()

    def choice(self, choice: Choice) -> str:
        """The label of a choice, in quotes."""
        return self.phrases("quote", text=" ".join(self.choice_text(choice).split()))

    def choice_text(self, choice: Choice) -> str:
        """The label of a choice, in English where this language has none."""
        labels = choice.label
        own, source = labels.get(self.phrases.language, ""), labels.get(SOURCE, "")
        return own.strip("- ") or source or next(iter(labels.values()), "") or choice.name

    def unit(self, name: str) -> str:
        """The unit of a number, "" if it has none."""
        variable = self.variables.get(name)
        return variable.unit if variable else ""

    def reason(self, name: str, code: str) -> str:
        """Why a number of this variable is no number but a missing code; "" if it is one."""
        variable = self.variables.get(name)
        reason = variable.missing.get(code, "") if variable else ""
        return self.phrases(f"reason_{reason}") if reason and self.phrases.has(f"reason_{reason}") else ""

    def _computed(self, name: str, source: str) -> str:
        words = self.text(computed().get(name, {})) or source
        if not words:
            raise Nameless(name)
        return words

    def _said(self, cells: Mapping[str, str], name: str) -> str:
        text = self.text(cells)
        if not text:
            raise Nameless(name)
        return self.shown(text)

    def _put_in(self, name: str) -> str:
        """What stands for `${name}` in a printed text; the words of an answer stand for the answer."""
        found = _OF_LANGUAGE.fullmatch(name)
        if name not in self.numbers and found and found[1] in self.questions:
            name = found[1]
        if name in self.numbers:
            return self.phrases("answer_to", number=self.numbers[name])
        try:
            return self.of(name)
        except Nameless:
            return name


@cache
def computed(folder: Path = MODULES) -> dict[str, Row]:
    """What computed values are called: name → row with a label per language; none if there is no file."""
    path = folder / "computed.csv"
    rows = sheet_io.rows(sheet_io.read_csv(path)) if path.is_file() else []
    return {row["name"]: row for row in rows}


def shortened(text: str, length: int = LONG) -> str:
    """The beginning of a text, cut at a blank."""
    plain = " ".join(text.split())
    if len(plain) <= length:
        return plain
    head, separator, _ = plain[:length].rpartition(" ")
    return f"{head if separator and len(head) > length // 2 else plain[: length - 1]} …"
