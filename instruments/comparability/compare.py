"""Two versions of a form compared by meaning: what a panel can bear, and what breaks its comparability.

`compare` pairs questions by name (or by `codebook::formerly`) and says of each pair what an answer would mean
differently: another type, unit, list, code, range, wording, place, routing or computation. Texts are compared
without regard to capitals, punctuation and blanks, conditions without regard to how they are written. When in
doubt a change breaks: the words people hear are those of the default language, and only a researcher can say
that other words mean the same. That is said in a crosswalk (`crosswalk`). Nothing is read or stored here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from instruments.codebook import languages_of
from instruments.comparability import consequences
from instruments.comparability.changes import Change, bare
from instruments.comparability.recoding import choices
from instruments.expressions import let_through, meaning, parts_of
from instruments.instrument import REFERENCE, Block, Instrument, Question

ALIKE = 0.85
_WIDER = (("integer", "decimal"),)
_WORDS = ("label", "hint", "guidance_hint", "constraint_message", "required_message")


@dataclass(frozen=True, slots=True)
class _Pair:
    """A question before and after, with what is needed to judge them."""

    a: Instrument
    b: Instrument
    before: Question
    after: Question
    names: Mapping[str, str]
    spoken: str

    @property
    def name(self) -> str:
        return self.after.name

    def said(self, expression: str) -> str:
        """An expression of the old form with the names of the new one."""
        return meaning(REFERENCE.sub(lambda m: f"${{{self.names.get(m[1], m[1])}}}", expression))


Changes = Iterator[Change]


def compare(a: Instrument, b: Instrument) -> list[Change]:
    """What changed in meaning from `a` to `b`: the form as a whole, its lists, then questions as in `b`.

    Equal questions give nothing; the same form twice gives an empty list.
    """
    before, after = _by_key(a), _by_key(b)
    names = _renamed(before, after)
    pairs = {
        names.get(key, key): (key, question)
        for key, question in before.items()
        if names.get(key, key) in after
    }
    spoken = _spoken(b) or _spoken(a)
    changes = [*_languages(a, b), *_lists(a, b, pairs, after, spoken), *_blocks(a, b, names, spoken)]
    elsewhere = moved([pairs[key][0] for key in after if key in pairs], list(before))
    for key, question in after.items():
        if key not in pairs:
            why = "earlier waves have no answer to it"
            changes.append(Change("added", key, "", _shown(question, spoken), False, why))
            continue
        old_key, old = pairs[key]
        pair = _Pair(a, b, old, question, names, spoken)
        if old_key != key:
            why = "analysis looks for the new name, earlier answers stand under the old"
            changes.append(Change("renamed", key, old_key, key, question.is_stored, why))
        for rule in _RULES:
            changes += rule(pair)
        changes += _place(pair, old_key in elsewhere)
    gone = {key: question for key, question in before.items() if names.get(key, key) not in after}
    new = {key: question for key, question in after.items() if key not in pairs}
    for key, question in gone.items():
        why = "later waves have no answer to it"
        changes.append(Change("dropped", key, _shown(question, spoken), "", question.is_stored, why))
    return consequences.without([*changes, *_perhaps(gone, new, spoken)], a, b)


def _by_key(instrument: Instrument) -> dict[str, Question]:
    """Questions by name; by the path of groups where a form uses a name twice."""
    counted: dict[str, int] = {}
    for question in instrument.questions:
        counted[question.name] = counted.get(question.name, 0) + 1
    return {
        question.name
        if counted[question.name] == 1
        else "/".join((*question.groups, question.name)): question
        for question in instrument.questions
        if question.name
    }


def _renamed(before: Mapping[str, Question], after: Mapping[str, Question]) -> dict[str, str]:
    """Old name → new name, as the new form says; a name that is still there was not renamed."""
    found = {}
    for key, question in after.items():
        for old in question.cell("codebook::formerly").split():
            if old in before and old not in after and key not in before:
                found[old] = key
    return found


def _type(pair: _Pair) -> Changes:
    before, after = pair.before, pair.after
    if "calculate" in (before.type, after.type) and before.kind == after.kind:
        if before.type != after.type:
            why = "its type was not written on one side"
            yield Change("retyped", pair.name, before.type, after.type, False, why)
    elif before.type != after.type:
        wider = (before.type, after.type) in _WIDER
        why = "earlier answers stay as they are" if wider else "answers of the two types are no one column"
        yield Change("retyped", pair.name, before.type, after.type, not wider and after.is_stored, why)
    elif _is_computed(before) != _is_computed(after):
        why = "one is answered, the other computed"
        yield Change("retyped", pair.name, before.kind, after.kind, True, why)
    elif before.kind != after.kind and not after.type.startswith("select"):
        yield Change("retyped", pair.name, before.kind, after.kind, False, "entered in another way")


def _unit(pair: _Pair) -> Changes:
    before, after = pair.before.cell("codebook::unit"), pair.after.cell("codebook::unit")
    if before != after:
        breaks = bool(before and after)
        why = "the same number is another amount" if breaks else "the unit was not written on one side"
        yield Change("unit", pair.name, before, after, breaks, why)


def _list(pair: _Pair) -> Changes:
    """A question that uses another list than before; a list both use is compared once, in `_lists`."""
    before, after = pair.before, pair.after
    if (before.list_name, before.file) == (after.list_name, after.file):
        return
    if before.file or after.file or not (before.list_name and after.list_name):
        if before.list_name or before.file:
            told = before.list_name or before.file, after.list_name or after.file
            yield Change("list", pair.name, *told, True, "the codes are those of another list")
        return
    codes = pair.a.choices(before.list_name), pair.b.choices(after.list_name)
    changes = list(choices(pair.name, *codes, pair.spoken))
    yield from changes
    if not changes:
        why = "the lists say the same"
        yield Change("list", pair.name, before.list_name, after.list_name, False, why)


def _missing(pair: _Pair) -> Changes:
    before, after = pair.before.cell("codebook::missing"), pair.after.cell("codebook::missing")
    if set(before.split()) != set(after.split()):
        lost = set(before.split()) - set(after.split())
        why = "codes for no answer are read as amounts" if lost else "a new code for no answer"
        yield Change("missing", pair.name, before, after, bool(lost), why)


def _range(pair: _Pair) -> Changes:
    before, after = pair.said(pair.before.cell("constraint")), meaning(pair.after.cell("constraint"))
    if before == after:
        return
    told = pair.before.cell("constraint"), pair.after.cell("constraint")
    verdict = let_through(before, after)
    if verdict == "wider":
        yield Change("ranged", pair.name, *told, False, "values that were refused are let through")
    elif verdict == "narrower":
        yield Change("ranged", pair.name, *told, True, "values that were let through are refused")
    elif verdict == "other":
        yield Change("ranged", pair.name, *told, True, "some values are refused, others let through")
    elif verdict == "unknown":
        yield Change("ranged", pair.name, *told, True, "it cannot be told which values differ")


def _words(pair: _Pair) -> Changes:
    for field in _WORDS:
        before, after = (_texts(q.cells, field, pair.spoken) for q in (pair.before, pair.after))
        for language in (code for code in after if code in before):
            old = REFERENCE.sub(lambda m: f"${{{pair.names.get(m[1], m[1])}}}", before[language])
            if bare(old) != bare(after[language]):
                heard = field == "label" and language == pair.spoken and pair.after.is_stored
                computed = _is_computed(pair.after)
                why = (
                    "people hear other words"
                    if heard and not computed
                    else f"the {field} of {language or 'it'}"
                )
                told = before[language], after[language]
                yield Change("reworded", pair.name, *told, heard and not computed, why, language)
        if bool(before) != bool(after) and field == "hint":
            told = before.get(pair.spoken, ""), after.get(pair.spoken, "")
            yield Change("reworded", pair.name, *told, False, "a hint came or went", pair.spoken)


def _routing(pair: _Pair) -> Changes:
    """Who is asked, apart from what a group around both decides: that is told of the group."""
    shared = set(pair.before.groups) & set(pair.after.groups)
    before = _conditions(pair.a, pair.before, shared, pair.said)
    after = _conditions(pair.b, pair.after, shared, meaning)
    if set(before) != set(after):
        told = " and ".join(before), " and ".join(after)
        yield Change("rerouted", pair.name, *told, pair.after.is_stored, "it is asked of other people")


def _computing(pair: _Pair) -> Changes:
    before, after = pair.before.cell("calculation"), pair.after.cell("calculation")
    if pair.said(before) != meaning(after):
        constant = all(len(part) > 1 and part[0] == part[-1] == "'" for part in (before, after))
        why = "a text that the form itself sets" if constant else "the same answers give another value"
        yield Change("recomputed", pair.name, before, after, not constant, why)
    for column, kind, why in (
        ("choice_filter", "filtered", "other choices are offered"),
        ("default", "prefilled", "an answer that stands there is easily left"),
    ):
        before, after = pair.before.cell(column), pair.after.cell(column)
        if pair.said(before) != meaning(after):
            yield Change(kind, pair.name, before, after, True, why)


def _marks(pair: _Pair) -> Changes:
    before, after = pair.before, pair.after
    modes = before.cell("codebook::preload"), after.cell("codebook::preload")
    if modes[0] != modes[1]:
        why = "being reminded of an earlier answer changes the answer"
        yield Change("preload", pair.name, *modes, any(m in ("proactive", "independent") for m in modes), why)
    must = before.cell("required"), after.cell("required")
    if must[0] != must[1]:
        yield Change("required", pair.name, *must, False, "more or fewer answers will be missing")
    guarded = before.sensitivity, after.sensitivity
    if guarded[0] != guarded[1]:
        yield Change("sensitivity", pair.name, *guarded, False, "releases hold it or leave it out")


_RULES: tuple[Callable[[_Pair], Changes], ...] = (
    _type,
    _unit,
    _list,
    _missing,
    _range,
    _words,
    _routing,
    _computing,
    _marks,
)


def _place(pair: _Pair, moved: bool) -> Changes:
    before, after = pair.before, pair.after
    if before.repeat != after.repeat and pair.names.get(before.repeat, before.repeat) != after.repeat:
        why = "one answer on one side, several on the other"
        yield Change("repeated", pair.name, before.repeat, after.repeat, after.is_stored, why)
    elif moved or before.groups != after.groups:
        told = "/".join(before.groups), "/".join(after.groups)
        why = "other questions come before it" if moved else "its group is another"
        yield Change("moved", pair.name, *told, False, why)


def _languages(a: Instrument, b: Instrument) -> Changes:
    if a.languages and b.languages and set(a.languages) != set(b.languages):
        told = " ".join(a.languages), " ".join(b.languages)
        yield Change("language", "", *told, False, "words came or went in these languages")
    spoken = _spoken(a), _spoken(b)
    if all(spoken) and spoken[0] != spoken[1]:
        yield Change("language", "", *spoken, True, "people hear another language unless it is chosen")


def _lists(
    a: Instrument,
    b: Instrument,
    pairs: Mapping[str, tuple[str, Question]],
    after: Mapping[str, Question],
    spoken: str,
) -> Changes:
    """Changes of lists that questions used before and use now, each list once."""
    used = {
        question.list_name
        for key, (_, question) in pairs.items()
        if question.list_name and question.list_name == after[key].list_name
    }
    for name in (name for name in b.lists if name in used):
        yield from choices(f"[{name}]", a.choices(name), b.choices(name), spoken)


def _blocks(a: Instrument, b: Instrument, names: Mapping[str, str], spoken: str) -> Changes:
    """Conditions and numbers of groups and repeats that are in both."""
    before = {block.name: block for block in a.blocks}
    for block in b.blocks:
        if (old := before.get(block.name)) is not None:
            yield from _block(old, block, names, spoken)


def _block(before: Block, after: Block, names: Mapping[str, str], spoken: str) -> Changes:
    def said(expression: str) -> str:
        return meaning(REFERENCE.sub(lambda m: f"${{{names.get(m[1], m[1])}}}", expression))

    for column, kind, why in (
        ("relevant", "rerouted", "all in it is asked of other people"),
        ("repeat_count", "repeated", "it is asked another number of times"),
    ):
        told = before.cells.get(column, ""), after.cells.get(column, "")
        if set(parts_of(said(told[0]))) != set(parts_of(meaning(told[1]))):
            yield Change(kind, after.name, *told, True, why)
    words = (_texts(cells, "label", spoken) for cells in (before.cells, after.cells))
    old, new = words
    for language in (code for code in new if code in old):
        if bare(old[language]) != bare(new[language]):
            told = old[language], new[language]
            yield Change("reworded", after.name, *told, False, "the heading of a group", language)


def _perhaps(gone: Mapping[str, Question], new: Mapping[str, Question], spoken: str) -> Changes:
    """Added questions that look like a dropped one."""
    for key, question in new.items():
        for old, other in gone.items():
            words = bare(_shown(other, spoken)), bare(_shown(question, spoken))
            alike = SequenceMatcher(None, words[0], words[1]).ratio() if all(words) else 0.0
            if question.type == other.type and alike >= ALIKE:
                why = f"if it is the same question, write {old} in its codebook::formerly"
                yield Change("perhaps_renamed", key, old, key, False, why)


def moved(kept: Sequence[str], before: Sequence[str]) -> set[str]:
    """Which of the names stand in another order: all but a longest run that keeps its order."""
    place = {key: number for number, key in enumerate(before)}
    ends: list[int] = []
    at: list[int] = []
    back: list[int] = []
    for number, key in enumerate(kept):
        length = bisect_left(ends, place[key])
        back.append(at[length - 1] if length else -1)
        ends[length:] = [place[key], *ends[length + 1 :]]
        at[length:] = [number, *at[length + 1 :]]
    staying, number = set(), at[-1] if at else -1
    while number >= 0:
        staying.add(kept[number])
        number = back[number]
    return set(kept) - staying


def _conditions(
    instrument: Instrument, question: Question, without: Iterable[str], said: Callable[[str], str]
) -> list[str]:
    """The parts that must all be met for the question to be asked, leaving out these groups."""
    gates = {block.name: block.cells.get("relevant", "") for block in instrument.blocks}
    all_of = [*(gates[name] for name in question.groups if name not in without), question.cell("relevant")]
    return list(dict.fromkeys(part for one in all_of for part in parts_of(said(one))))


def _is_computed(question: Question) -> bool:
    return question.kind == "calculate"


def _spoken(instrument: Instrument) -> str:
    """The code of the default language; of the first if none is set; "" where labels name no language."""
    told = instrument.settings.get("default_language", "")
    code = told[told.rindex("(") + 1 : -1] if told.endswith(")") and "(" in told else ""
    return code or next(iter(instrument.languages), "")


def _texts(cells: Mapping[str, str], field: str, spoken: str) -> dict[str, str]:
    """Texts of a field by language; one without language counts as the default's."""
    found = {code: cells[column] for code, column in languages_of(cells, field).items() if cells[column]}
    return found or ({spoken: cells[field]} if cells.get(field) else {})


def _shown(question: Question, spoken: str) -> str:
    texts = _texts(question.cells, "label", spoken)
    return texts.get(spoken) or next(iter(texts.values()), question.cell("calculation"))
