"""Preloads: what a form carries from one interview to the next, held against what it never may.

What a tablet may not carry stands as data in `preloading.toml`: amounts, plans, feelings and the like, told
by unit, module or list. A preload is an annotation written out (`expand.dependent`), a text, default or
calculation that reads a property of an entity list, at whatever remove, or a property saved for the next
time. Properties that only frame a question (who, since when, in which unit) are no answers. What is found is
given as troubles of a row; `lint` makes findings of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from instruments.expand.dependent import MADE, MODE
from instruments.instrument import REFERENCE, Block, Instrument, Question

RULES = Path(__file__).parent / "preloading.toml"
PROPERTIES = (
    re.compile(r"instance\(\s*'([^']+)'\s*\)/root/item\s*\[[^\]]*\]/(\w+)"),
    re.compile(r"pulldata\(\s*'([^']+)'\s*,\s*'(\w+)'"),
)

_READ = ("label", "hint", "default", "calculation", "guidance_hint")
_USED = (*_READ, "relevant", "constraint", "choice_filter", "constraint_message")
_PREDICATE = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Never:
    """A kind of answer that no tablet carries: in words, why, and by what it is known."""

    what: str
    why: str
    units: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def holds(self, question: Question) -> bool:
        """Whether the question asks for this kind of answer."""
        unit = question.cell("codebook::unit")
        by_unit = any(re.search(rf"(?:^|\W){re.escape(word)}\b", unit) for word in self.units)
        return by_unit or question.module in self.modules or question.list_name in self.lists


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the preload of one row: the row, the column, a code, what to do."""

    item: Question | Block
    column: str
    code: str
    message: str


@cache
def rules(path: Path = RULES) -> tuple[tuple[Never, ...], frozenset[str]]:
    """The kinds that are never carried, and the properties that only frame a question."""
    with path.open("rb") as file:
        told = tomllib.load(file)
    kinds = tuple(
        Never(said["what"], said["why"], *(tuple(said.get(key, ())) for key in ("units", "modules", "lists")))
        for said in told["never"].values()
    )
    return kinds, frozenset(told["frame"]["properties"])


def properties_of(question: Question, lists: Iterable[str]) -> tuple[str, ...]:
    """The properties of these entity lists that the calculation of a question reads."""
    return _properties(question.cell("calculation"), set(lists))


def troubles(instrument: Instrument) -> Iterator[Trouble]:
    """Preloads that must not be, in the order of the rows, then properties that must not be saved.

    Rows made from an annotation are passed over: what is wrong is said once, of the row that bears it.
    """
    facts = _facts(instrument)
    for question in instrument.questions:
        if instrument.place("survey", question.row).endswith(MADE):
            continue
        yield from _independent(question, facts, instrument)
        yield from _never(question, facts, instrument)
        yield from _without(question, facts, instrument)
    for block in instrument.blocks:
        if block.cells.get(MODE, "").startswith("independent "):
            message = "What is asked independently is never preloaded; take the preload out."
            yield Trouble(block, MODE, "preload.independent", message)
    yield from _saved(instrument)


def _independent(question: Question, facts: Mapping[str, str], instrument: Instrument) -> Iterator[Trouble]:
    if question.mode != "independent":
        return
    if " " in question.cell(MODE) or question.cell("codebook::preloaded"):
        message = "What is asked independently is never preloaded; take the preload out."
        yield Trouble(question, MODE, "preload.independent", message)
    for column, names in _reads(question, facts, instrument, _READ):
        message = f"It is asked independently but shows what was told last time ({names}); take that out."
        yield Trouble(question, column, "preload.independent", message)


def _never(question: Question, facts: Mapping[str, str], instrument: Instrument) -> Iterator[Trouble]:
    """An amount, plan or feeling that is preloaded, by annotation or by hand."""
    kind = _kind_of(question)
    if kind is None or question.mode == "independent":
        return
    if question.mode in ("proactive", "dependent", "preload") or question.cell("codebook::preloaded"):
        message = f"It is preloaded and is {kind.what}: {kind.why}; leave {MODE} empty or write independent."
        yield Trouble(question, MODE, "preload.never", message)
        return
    for column, names in _reads(question, facts, instrument, _READ):
        message = (
            f"It asks for {kind.what} and shows what was told last time ({names}): {kind.why}; take it out."
        )
        yield Trouble(question, column, "preload.never", message)


def _without(question: Question, facts: Mapping[str, str], instrument: Instrument) -> Iterator[Trouble]:
    """A proactive question that starts from nothing."""
    if question.mode != "proactive" or question.cell("codebook::preloaded"):
        return
    if not any(_reads(question, facts, instrument, _USED)):
        message = "It is proactive but starts from no earlier answer; write proactive from PROPERTY."
        yield Trouble(question, MODE, "preload.absent", message)


def _saved(instrument: Instrument) -> Iterator[Trouble]:
    """A property saved for the next interview that holds what no tablet carries."""
    questions = {question.name: question for question in instrument.questions}
    for question in instrument.questions:
        if question.cell("save_to"):
            for name in _inputs(question, questions):
                kind = _kind_of(questions[name])
                if kind is not None or questions[name].mode == "independent":
                    what = f"{kind.what}: {kind.why}" if kind else "asked independently, so never preloaded"
                    told = "it" if name == question.name else name
                    message = f"It is saved for the next interview, but {told} is {what}; empty save_to."
                    yield Trouble(question, "save_to", "preload.saved", message)


def _kind_of(question: Question) -> Never | None:
    kinds, _ = rules()
    return next((kind for kind in kinds if kind.holds(question)), None)


def _inputs(question: Question, questions: Mapping[str, Question]) -> list[str]:
    """The question and all it is computed from, at any remove."""
    found = [question.name]
    for name in found:
        used = REFERENCE.findall(_PREDICATE.sub("", questions[name].cell("calculation")))
        found += [other for other in dict.fromkeys(used) if other in questions and other not in found]
    return found


def _facts(instrument: Instrument) -> dict[str, str]:
    """Calculations that hold an earlier answer → the properties it comes from."""
    lists = set(instrument.entity_lists_used)
    framing = rules()[1]
    held: dict[str, str] = {}
    more = True
    while more:
        more = False
        for question in instrument.questions:
            if question.name in held or not question.cell("calculation"):
                continue
            read = [name for name in properties_of(question, lists) if name not in framing]
            read += [held[name] for name in REFERENCE.findall(question.cell("calculation")) if name in held]
            if read:
                held[question.name] = " ".join(dict.fromkeys(read))
                more = True
    return held


def _reads(
    question: Question, facts: Mapping[str, str], instrument: Instrument, columns: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Columns of the row that read an earlier answer, with what is read; its own unit does not count."""
    unit = question.cell("codebook::unit").split()
    lists, framing = set(instrument.entity_lists_used), rules()[1]
    for column, text in question.cells.items():
        if column.partition("::")[0] in columns:
            names = [name for name in REFERENCE.findall(text) if name in facts and name not in unit]
            names += [name for name in _properties(text, lists) if name not in framing]
            if names:
                yield column, ", ".join(dict.fromkeys(names))


def _properties(text: str, lists: set[str]) -> tuple[str, ...]:
    found = (match for pattern in PROPERTIES for match in pattern.findall(text))
    return tuple(dict.fromkeys(name for list_name, name in found if list_name.removesuffix(".csv") in lists))
