"""Which values a question can take, read off its type, its constraint and the conditions that look at it.

Choices come from the screen; here are numbers, years, dates, texts and places, missing codes among them, and
values that are wrong on purpose. A number is tried around the numbers that the form compares it with, since
that is where routing changes. Whether a value is taken is for the engine to say.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from instruments.expressions import holds, tokens
from instruments.instrument import REFERENCE, Instrument, Question

AMOUNTS = (0, 1, 40, 900, 50_000, 3_000_000, 900_000_000, 40_000_000_000)
WORDS = ("Thợ hàn", "Bán tạp hóa", "không nhớ rõ", "ok", "Xóm 4, nhà số 2", 'a < b & "c"')
DRAWN = 40  # values, until the constraint lets one through as far as it can be judged
YEARS_BACK = (0, 0, 1, 1, 2, 3, 4, 6, 9, 14, 25, 38)
_REGEX = re.compile(r"regex\(\s*\.\s*,\s*'([^']*)'\s*\)")
_ATOM = re.compile(r"(\[[^\]]+\]|\\.|\([^()]*\)|.)(?:\{(\d+)(?:,(\d+))?\}|([?*+]))?")
FILTER = re.compile(r"(?<![\w{/$])([A-Za-z_]\w*)\s*(=|!=)\s*\$\{\s*(\w+)\s*\}")
_RANGE = re.compile(r"(.)-(.)|(.)")


Rows = Mapping[str, Sequence[Mapping[str, str]]]


class Domains:
    """Values for the questions of one form at the time of an interview.

    `rows` are those of the lists on the choices sheet and of the attached ones, by the name of the list.
    """

    def __init__(self, instrument: Instrument, when: datetime, attached: Rows) -> None:
        self.instrument, self.when = instrument, when
        own = {
            name: [{"name": choice.name, **choice.attributes} for choice in choices]
            for name, choices in instrument.lists.items()
        }
        self.rows: Rows = {**own, **attached}
        self.questions = {question.name: question for question in instrument.questions}

    @cached_property
    def compared(self) -> Mapping[str, tuple[float, ...]]:
        """Name → the numbers that stand in its own constraint and in conditions and calculations with it."""
        found: dict[str, set[float]] = {}
        for name, expression in _expressions(self.instrument):
            numbers = _numbers(expression)
            for named in {name, *REFERENCE.findall(expression)}:
                found.setdefault(named, set()).update(numbers)
        return {name: tuple(sorted(numbers)) for name, numbers in found.items()}

    @cached_property
    def useful(self) -> Mapping[str, frozenset[str]]:
        """Name → the answers with which a later list, filtered by them, has something to offer."""
        return {
            name: frozenset(row.get(column, "") for row in self.rows.get(table_of(question), ()))
            for question in self.instrument.questions
            for column, sign, name in FILTER.findall(question.cell("choice_filter"))
            if sign == "=" and self.rows.get(table_of(question))
        }

    def values(self, question: Question) -> tuple[str, ...]:
        """Every value worth trying: codes of a list on the choices sheet, numbers around those compared."""
        if table := table_of(question):
            return tuple(row["name"] for row in self.rows.get(table, ()))
        if question.type in ("integer", "decimal"):
            missing = tuple(question.cell("codebook::missing").replace("=", " ").split()[::2])
            return tuple(dict.fromkeys([*map(_number, self._numbers(question)), *missing]))
        return ()

    def draw(self, question: Question, rng: random.Random) -> str:
        """One value of an open question; of those drawn, the first that its constraint may let through."""
        known = {"today": self.when.date().isoformat()}
        for _ in range(DRAWN):
            value = self._drawn(question, rng)
            if holds(question.cell("constraint"), known, value) is not False:
                break
        return value

    def _drawn(self, question: Question, rng: random.Random) -> str:
        if question.kind == "range":
            return _number(rng.randint(*_bounds(question)))
        if question.type in ("integer", "decimal"):
            missing = question.cell("codebook::missing").replace("=", " ").split()[::2]
            if missing and rng.random() < 0.08:
                return str(rng.choice(missing))
            return _number(self._drawn_number(question, rng))
        if question.type in ("date", "datetime"):
            return self._moment(question, rng)
        if question.type == "geopoint":
            return f"{rng.uniform(8.6, 23.3):.5f} {rng.uniform(102.2, 109.4):.5f} {rng.randint(1, 900)} 6"
        if question.kind == "time":
            return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00.000+07:00"
        if question.kind == "acknowledge":
            return "OK"
        return self._text(question, rng)

    def wrong(self, question: Question, rng: random.Random) -> str:
        """A value that is not of its domain, or none at all."""
        if question.type in ("integer", "decimal"):
            return rng.choice(("", "ba mươi", "-1", "-97", "1e400", "7777777", "0.5"))
        if question.type.startswith("select"):
            return rng.choice(("", "no_such_choice", "-1"))
        if question.type in ("date", "datetime"):
            return rng.choice(("", "2031-02-30", "yesterday", (self.when + timedelta(400)).isoformat()))
        return rng.choice(("", " ", "?", "0" * 40))

    def _numbers(self, question: Question) -> list[float]:
        """Around each number compared with it; of years, some before today; of amounts, some of each size."""
        own = self.compared.get(question.name, ())
        near = {number + step for number in own if number < 1900 for step in (-1, 0, 1)}
        if any(1900 <= number <= 2100 for number in own):
            near = {float(self.when.year - back) for back in YEARS_BACK}
        elif question.type == "decimal":
            near |= {float(amount) for amount in AMOUNTS}
        return sorted(number for number in near | {1.0} if number >= 0)

    def _drawn_number(self, question: Question, rng: random.Random) -> float:
        numbers = self._numbers(question)
        if numbers[0] > 1900 or rng.random() < 0.6:
            return rng.choice(numbers)
        low, high = sorted(rng.choices(numbers, k=2))
        drawn = rng.uniform(low, high)
        return round(drawn, 1) if question.type == "decimal" else float(round(drawn))

    def _moment(self, question: Question, rng: random.Random) -> str:
        moment = self.when + timedelta(days=rng.choice((-40, -3, -1, 0, 1, 5)), minutes=rng.randint(-500, 0))
        whole = moment.isoformat(timespec="milliseconds")
        return whole[:10] if question.type == "date" else whole

    def _text(self, question: Question, rng: random.Random) -> str:
        pattern = _REGEX.search(question.cell("constraint"))
        return matching(pattern[1], rng) if pattern else rng.choice(WORDS)


def table_of(question: Question) -> str:
    """The name of the list a select chooses from; "" for others."""
    return question.file.rpartition(".")[0] or question.list_name


def matching(pattern: str, rng: random.Random) -> str:
    """A text that a pattern of classes, single signs and counts lets through."""
    text = ""
    for atom, least, most, sign in _ATOM.findall(pattern.removeprefix("^").removesuffix("$")):
        low = int(least) if least else {"?": 0, "*": 0}.get(sign, 1)
        high = int(most) if most else low if least else {"?": 1, "*": 3, "+": 3}.get(sign, 1)
        text += "".join(_sign(atom, rng) for _ in range(rng.randint(low, high)))
    return text


def _sign(atom: str, rng: random.Random) -> str:
    if atom.startswith("["):
        ranges = [(a or c, b or c) for a, b, c in _RANGE.findall(atom[1:-1])]
        low, high = rng.choice(ranges)
        return chr(rng.randint(ord(low), ord(high)))
    if atom.startswith("("):
        return matching(rng.choice(atom[1:-1].removeprefix("?:").split("|")), rng)
    classes = {"\\d": "0123456789", "\\w": "abcXYZ019", "\\s": " ", ".": "ab1"}
    return rng.choice(classes.get(atom, atom[-1]))


def _expressions(instrument: Instrument) -> Iterable[tuple[str, str]]:
    """Every expression of the form with the name of the row it stands in."""
    rows: Sequence[tuple[str, Mapping[str, str]]] = [
        *((block.name, block.cells) for block in instrument.blocks),
        *((question.name, question.cells) for question in instrument.questions),
    ]
    for name, cells in rows:
        for column in ("relevant", "constraint", "calculation", "choice_filter"):
            if cells.get(column):
                yield (name if column == "constraint" else ""), cells[column]


def _numbers(expression: str) -> set[float]:
    """The numbers in it, those in quotes too; not what a function only formats with."""
    try:
        parts = [part.strip("'\"") for part in tokens(expression)]
    except ValueError:
        return set()
    return {float(part) for part in parts if part.replace(".", "", 1).isdecimal()}


def _bounds(question: Question) -> tuple[int, int]:
    said = dict(part.partition("=")[::2] for part in question.cell("parameters").split())
    return int(float(said.get("start", 0))), int(float(said.get("end", 10)))


def _number(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)
