"""Safeguards: what consent opens, what distress leads to, which answers are guarded, what is recorded.

Read off the form itself: a consent question is a select whose name begins with `con_`, the rule of distress
is the calculation `distress_flag`, and what hangs on either is what names it in its condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.document import Block, Definitions, Heading, Item, Paragraph
from instruments.instrument import REFERENCE
from instruments.readable.conditions import tell
from instruments.readable.syntax import Call, parse
from survey.questionnaire.making import Making, loose

CONSENT = "con_"
DISTRESS = "distress_flag"
RECORDED = ("start", "end", "deviceid", "username", "phonenumber", "audit", "background-audio")


def safeguards(making: Making) -> Iterator[Block]:
    """What consent opens, what distress leads to, which answers are guarded, what is recorded unasked."""
    phrases = making.phrases
    yield Paragraph(phrases("safeguards_lead"), "lead")
    consents = [
        Item(
            making.numbers[question.name],
            making.first_line(question),
            name=question.name,
            remarks=tuple(_opened(making, question.name)),
        )
        for question in making.shown
        if question.name.startswith(CONSENT) and question.type == "select_one"
    ]
    if consents:
        yield Heading(phrases("part_consent"), 2)
        yield from consents
    yield from _part(phrases("part_distress"), list(_distress(making)))
    yield from _part(phrases("part_data"), list(_guarded(making)))


def _opened(making: Making, name: str) -> Iterator[tuple[str, str]]:
    """What is asked only after this answer: whole parts of the form, and questions by number."""
    parts = [
        making.label(group.cells)
        for group in making.groups.values()
        if name in REFERENCE.findall(group.cells.get("relevant", ""))
        and len(making.inside(group.name)) > 1
        and making.names.text(group.cells)
    ]
    named = [one.name for one in making.shown if name in REFERENCE.findall(one.cell("relevant"))]
    if parts:
        yield making.phrases("opens_parts"), "; ".join(parts)
    if questions := making.listed(named):
        yield making.phrases("opens_questions"), questions
    if not parts and not questions:
        yield making.phrases("opens_nothing_title"), making.phrases("opens_nothing")


def _distress(making: Making) -> Iterator[tuple[str, str]]:
    """The rule that tells distress, and what the form then does."""
    rule = making.instrument.question(DISTRESS)
    if rule is None:
        return
    condition = _condition_of(rule.cell("calculation"))
    told = tell(condition, making.names)
    yield making.phrases("distress_if"), making.said(told, f"survey row {rule.row} ({DISTRESS})")
    for question in making.shown:
        if DISTRESS in REFERENCE.findall(question.cell("relevant")):
            number = making.numbers.get(question.name, making.phrases("word_note"))
            yield making.phrases("distress_then"), f"{number}: {making.first_line(question)}"


def _condition_of(calculation: str) -> str:
    """The condition of `if(condition, 1, 0)`; the calculation itself where it is something else."""
    try:
        tree = parse(calculation)
    except ValueError:
        return calculation
    if isinstance(tree, Call) and tree.name == "if":
        inner = calculation.strip().removeprefix("if(")
        return inner.rpartition(")")[0].rsplit(",", 2)[0]
    return calculation


def _guarded(making: Making) -> Iterator[tuple[str, str]]:
    phrases = making.phrases
    for kind in ("sensitive", "identifying", "free_text"):
        beside = {one.name: making.companions.get(one.name, one) for one in making.shown}
        guarded = [
            one.name for one in making.shown if kind in (one.sensitivity, beside[one.name].sensitivity)
        ]
        if numbers := making.listed(guarded):
            yield phrases(f"guarded_{kind}"), numbers
    fresh = making.listed(one.name for one in making.shown if one.cell("codebook::preload") == "independent")
    if fresh:
        yield phrases("guarded_independent"), fresh
    recorded = [
        phrases(f"recorded_{question.kind}")
        for question in making.instrument.questions
        if question.kind in RECORDED
    ]
    if recorded:
        yield phrases("recorded"), "; ".join(dict.fromkeys(recorded))


def _part(title: str, rows: Sequence[tuple[str, str]]) -> Iterator[Block]:
    if rows:
        yield Heading(title, 2)
        yield Definitions(tuple((loose(term), loose(words)) for term, words in rows))
