"""Items: the questions of a form as blocks, modules as headings, groups as remarks before their questions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.document import Block, Heading, Item, Note, Option
from instruments.expressions import parts_of
from instruments.instrument import Block as Group
from instruments.instrument import Question
from instruments.readable.conditions import tell_all
from survey.questionnaire.making import OTHER, Making, loose

_UNIT_OF = re.compile(r"unit (?:of|in) (\w+)")
_KINDS = {"select_one": "one", "select_multiple": "many", "note": "say", "geopoint": "blank"}


def questions(making: Making) -> Iterator[Block]:
    """Modules as headings, groups as remarks, questions as items."""
    seen: set[str] = set()
    for question in making.shown:
        for depth, name in enumerate(question.groups):
            if name not in seen:
                seen.add(name)
                yield from _group(making, making.groups[name], depth)
        yield _item(making, question)


def _group(making: Making, group: Group, depth: int) -> Iterator[Block]:
    """What stands before the questions of a group: its name, when they are asked, whether they repeat."""
    label = making.brief.shown(making.names.text(group.cells))
    inside = making.inside(group.name)
    if depth and len(inside) == 1 and group.kind != "repeat":
        return
    if label and depth == 0:
        yield Heading(loose(label), 2)
    elif label:
        yield Heading(loose(label), 3)
    phrases, relevant = making.phrases, group.cells.get("relevant", "")
    if relevant:
        told = tell_all(parts_of(relevant), making.names)
        words = making.said(told, f"survey row {group.row} ({group.name}), column relevant")
        title = phrases("asked_only", range=making.range(inside))
        yield Note(loose(words), "reason", title)
    if group.kind == "repeat":
        yield Note(phrases("repeated", range=making.range(inside)), "reason")


def _item(making: Making, question: Question) -> Item:
    variable = making.names.variables.get(question.name)
    instruction = making.brief.shown(making.names.text(question.cells, "hint"))
    kind = _KINDS.get(question.type, "blank")
    options = tuple(_options(making, question)) if kind in ("one", "many") else ()
    if kind in ("one", "many") and not options:
        kind = "blank"
    if variable and question.type in ("integer", "decimal") and variable.missing:
        options = tuple(
            Option(code, making.names.reason(question.name, code) or reason)
            for code, reason in variable.missing.items()
        )
    text = making.brief.shown(making.names.text(question.cells))
    return Item(
        number=making.numbers.get(question.name, ""),
        text=text or question.name,
        kind=kind,
        name=" · ".join(_variables(making, question)),
        routing=_routing(making, question),
        instruction=" ".join(instruction.split()),
        options=options,
        blank=_blank(making, question) if kind == "blank" else "",
        remarks=tuple(_remarks(making, question)),
        flags=tuple(_flags(making, question)),
    )


def _routing(making: Making, question: Question) -> str:
    """When the question is asked, with the condition of groups that hold nothing else."""
    alone = [
        making.groups[name].cells.get("relevant", "")
        for name in question.groups[1:]
        if len(making.inside(name)) == 1 and making.groups[name].kind != "repeat"
    ]
    conditions = [part for one in (*alone, question.cell("relevant")) if one for part in parts_of(one)]
    if not conditions:
        return ""
    told = tell_all(conditions, making.names, question.name)
    words = making.said(told, f"survey row {question.row} ({question.name}), column relevant")
    return making.phrases("shown_if" if question.kind == "note" else "asked_if", condition=words)


def _options(making: Making, question: Question) -> Iterator[Option]:
    text = making.companions.get(question.name)
    other = OTHER.fullmatch(text.cell("relevant")) if text else None
    for choice in making.instrument.choices(question.list_name) if question.list_name else ():
        words = making.brief.shown(" ".join(making.names.choice_text(choice).split()))
        yield Option(choice.name, words, line=other is not None and other[2] == choice.name)


def _variables(making: Making, question: Question) -> Iterator[str]:
    yield question.name
    if question.name in making.companions:
        yield making.companions[question.name].name


def _blank(making: Making, question: Question) -> str:
    """What is written on the line: the kind of answer and its unit, or the list it is taken from."""
    phrases = making.phrases
    if question.file:
        return phrases("from_list", file=question.file)
    words = phrases(f"answer_{question.type}") if phrases.has(f"answer_{question.type}") else ""
    unit = question.cell("codebook::unit")
    if found := _UNIT_OF.fullmatch(unit):
        named = making.numbers.get(found[1], "")
        return phrases("with_unit", answer=words, unit=phrases("unit_of", number=named)) if named else words
    key = "unit_" + re.sub(r"[^a-z0-9]+", "_", unit.lower()).strip("_")
    if not unit or not phrases.has(key):
        return phrases("with_unit", answer=words, unit=unit) if unit and phrases.language == "en" else words
    return phrases("with_unit", answer=words, unit=phrases(key))


def _remarks(making: Making, question: Question) -> Iterator[tuple[str, str]]:
    phrases, place = making.phrases, f"survey row {question.row} ({question.name})"
    if constraint := question.cell("constraint"):
        told = tell_all(parts_of(constraint), making.brief, question.name)
        yield phrases("accepted"), making.said(told, f"{place}, column constraint")
    if message := making.names.text(question.cells, "constraint_message"):
        yield phrases("otherwise_says"), making.brief.shown(" ".join(message.split()))
    if filtered := question.cell("choice_filter"):
        told = tell_all(parts_of(filtered), making.names, question.name)
        yield phrases("offered"), making.said(told, f"{place}, column choice_filter")
    if making.technical:
        for column in ("relevant", "constraint", "choice_filter", "appearance", "default", "trigger"):
            if cell := question.cell(column):
                yield column, cell


def _flags(making: Making, question: Question) -> Iterator[str]:
    phrases = making.phrases
    companion = making.companions.get(question.name)
    for kind in dict.fromkeys([question.sensitivity, companion.sensitivity if companion else ""]):
        if kind:
            yield phrases(f"flag_{kind}")
    preload = question.cell("codebook::preload")
    if preload and phrases.has(f"flag_{preload}"):
        yield phrases(f"flag_{preload}")
    if question.kind != "note" and question.cell("required") not in ("yes", "true", "true()"):
        yield phrases("flag_optional")
    if not making.is_translated(question):
        yield phrases("flag_untranslated")
