"""Which answers lead to a question: found by trying answers on the form's own conditions, without the engine.

The conditions around a question are taken apart at `and`; the answers they depend on, through calculations
and look-ups in lists too, are changed one after the other as long as more parts come true. A repeat is taken
to be held once. What cannot be judged here (positions, the clock) counts as half met. Nothing found is a
promise: the engine decides in the interview. Not a solver, and no proof that a question cannot be reached.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from instruments.expressions import branches, holds, parts_of, value
from instruments.instrument import REFERENCE, Question
from survey.sandbox.walks.domains import Domains, table_of

STARTS = 6  # from how many random answers the search begins anew
SWEEPS = 4
TRIED = 14  # values of one question in a sweep
LOOK_UP = re.compile(
    r"instance\s*\(\s*'([^']+)'\s*\)\s*/\s*root\s*/\s*item\s*"
    r"\[\s*(\w+)\s*=\s*\$\{\s*(\w+)\s*\}\s*\]\s*/\s*([\w.-]+)"
)
OVER_REPEATS = re.compile(r"(?:sum\s*\(|join\s*\(\s*'[^']*'\s*,)\s*\$\{\s*(\w+)\s*\}\s*\)")
_WANTS_AN_ANSWER = re.compile(r"\$\{\w+\} (=|>|>=|<|<=) |selected")
_WANTS_NONE = re.compile(r"\bor\b|\bnot\b|!=|= ''")


class Steering:
    """Searches for answers to one form."""

    def __init__(self, domains: Domains) -> None:
        self.domains, self.instrument, self.rows = domains, domains.instrument, domains.rows
        self.blocks = {block.name: block for block in self.instrument.blocks}
        self._conditions: dict[str, tuple[str, ...]] = {}

    def conditions(self, name: str) -> tuple[str, ...]:
        """All conditions that must be met for the question to be asked, from outside in."""
        if name not in self._conditions:
            question = self.domains.questions[name]
            around = [self.blocks[group].cells.get("relevant", "") for group in question.groups]
            self._conditions[name] = tuple(c for c in (*around, question.cell("relevant")) if c)
        return self._conditions[name]

    def towards(
        self, goals: Sequence[str], rng: random.Random, kept: Mapping[str, str] | None = None
    ) -> dict[str, str] | None:
        """Answers with which no goal is missed, those `kept` among them; None where none were found."""
        parts = self._on_the_way(goals)
        cone = list(self._cone(parts))
        kept = {q.name: kept[q.name] for q in cone if q.name in kept} if kept else {}
        free = [question for question in cone if question.name not in kept and self._values(question)]
        for _ in range(STARTS if free else 1):
            chosen = {question.name: rng.choice(self._values(question)) for question in free} | kept
            score, chosen = self._climbed(parts, cone, free, chosen, rng)
            if score >= len(parts):
                known = self._known(cone, chosen)
                return {name: answer for name, answer in chosen.items() if known.get(name)}
        return None

    def _climbed(
        self,
        parts: Sequence[str],
        cone: Sequence[Question],
        free: Sequence[Question],
        chosen: dict[str, str],
        rng: random.Random,
    ) -> tuple[float, dict[str, str]]:
        """The answers changed one at a time for the better."""
        best = self._score(parts, cone, chosen)
        for _ in range(SWEEPS):
            before = best
            for question in rng.sample(list(free), len(free)):
                values = self._values(question)
                ends = {values[0], max(values, key=_size)}
                for tried in (*rng.sample(values, min(TRIED, len(values))), *sorted(ends)):
                    if best >= len(parts):
                        return best, chosen
                    other = chosen | {question.name: tried}
                    score = self._score(parts, cone, other)
                    if score > best or (score == best and rng.random() < 0.2):
                        best, chosen = score, other
            if best == before:
                break
        return best, chosen

    def _score(self, parts: Sequence[str], cone: Sequence[Question], chosen: Mapping[str, str]) -> float:
        """Parts that are met, half of those nobody can tell; less for answers the form would refuse."""
        known = self._known(cone, chosen)
        met = sum({True: 1.0, None: 0.5, False: 0.0}[self._holds(part, known)] for part in parts)
        asked = [question for question in cone if known.get(question.name) and question.name in chosen]
        refused = sum(not self._is_taken(question, known[question.name], known) for question in asked)
        unknown_is_enough = all(self._holds(part, known) is not False for part in parts) and not refused
        return float(len(parts)) if unknown_is_enough else met - 0.4 * refused

    def _is_taken(self, question: Question, answer: str, known: Mapping[str, str]) -> bool:
        """Whether the form may take the answer: by its constraint, and as a choice its filter leaves."""
        if self._holds(question.cell("constraint"), known, answer) is False:
            return False
        narrowed = question.cell("choice_filter")
        if not narrowed:
            return True
        row = self._row(table_of(question), "name", answer)
        told = re.sub(r"(?<![\w{/$'])[A-Za-z_]\w*", lambda one: _cell(one[0], row), narrowed)
        return self._holds(told, known) is not False

    def _known(self, cone: Sequence[Question], chosen: Mapping[str, str]) -> dict[str, str]:
        """Name → value for what these answers settle, "" for what is then not asked; twice, for what looks
        ahead."""
        known = {"today": self.domains.when.date().isoformat()}
        for _ in range(2):
            for question in cone:
                met = [self._holds(one, known) for one in self.conditions(question.name)]
                if False in met:
                    known[question.name] = ""
                elif calculation := question.cell("calculation"):
                    self._work_out(question.name, calculation, known)
                elif question.name in chosen:
                    known[question.name] = chosen[question.name]
        return known

    def _work_out(self, name: str, calculation: str, known: dict[str, str]) -> None:
        found = self._value(calculation, known)
        known.pop(name, None)
        if found is not None:
            whole = isinstance(found, bool) or (isinstance(found, float) and found.is_integer())
            known[name] = str(int(found)) if whole else str(found)

    def _holds(self, condition: str, known: Mapping[str, str], own: str | None = None) -> bool | None:
        key = ("holds", condition, own, *map(known.get, _names(condition)))
        if key not in self._judged:
            self._judged[key] = holds(self._looked_up(condition, known), known, own)
        return self._judged[key]

    def _value(self, calculation: str, known: Mapping[str, str]) -> Any:
        key = ("value", calculation, *map(known.get, _names(calculation)))
        if key not in self._judged:
            self._judged[key] = value(self._looked_up(calculation, known), known)
        return self._judged[key]

    @cached_property
    def _judged(self) -> dict[tuple[Any, ...], Any]:
        """What conditions came to, by the answers they look at: a search asks the same again and again."""
        return {}

    def _looked_up(self, expression: str, known: Mapping[str, str]) -> str:
        """The expression with the cells in it that a known answer points to, and repeats held once."""
        expression = _held_once(expression)
        if "instance" not in expression:
            return expression

        def cell(found: re.Match[str]) -> str:
            table, key, name, column = found.groups()
            if name not in known or table not in self.rows:
                return found[0]
            row = self._row(table, key, known[name])
            return f"'{row.get(column, '')}'"

        return LOOK_UP.sub(cell, expression)

    def _row(self, table: str, key: str, wanted: str) -> Mapping[str, str]:
        return next((row for row in self.rows[table] if row.get(key) == wanted), {})

    def _cone(self, parts: Sequence[str]) -> Iterator[Question]:
        """Questions on which the parts depend, directly or through others, in the order of the form."""
        wanted: set[str] = set()
        open_ = {name for part in parts for name in REFERENCE.findall(part)}
        while open_:
            name = open_.pop()
            question = self.domains.questions.get(name)
            if question is None or name in wanted:
                continue
            wanted.add(name)
            cells = [question.cell(column) for column in ("calculation", "constraint", "choice_filter")]
            open_.update(n for text in (*self.conditions(name), *cells) for n in REFERENCE.findall(text))
        return (question for question in self.instrument.questions if question.name in wanted)

    def _values(self, question: Question) -> tuple[str, ...]:
        if question.name not in self._tried:
            calculated = question.cell("calculation")
            self._tried[question.name] = () if calculated else self.domains.values(question)
        return self._tried[question.name]

    @cached_property
    def _tried(self) -> dict[str, tuple[str, ...]]:
        return {}

    def _on_the_way(self, goals: Sequence[str]) -> list[str]:
        """The goals as parts, with what must be met for the questions to be asked whose answers they name."""
        found: dict[str, None] = {}
        open_ = [part for goal in goals for part in self._opened_up(goal)]
        while open_:
            part = open_.pop()
            if part in found:
                continue
            found[part] = None
            if _WANTS_AN_ANSWER.search(part) and not _WANTS_NONE.search(part):
                for name in _names(part):
                    question = self.domains.questions.get(name)
                    if question is not None and not question.cell("calculation"):
                        open_ += [p for one in self.conditions(name) for p in self._opened_up(one)]
        return list(found)

    def _opened_up(self, goal: str, depth: int = 4) -> list[str]:
        """The goal as parts; where it asks for the value of `if(…)`, what the condition must come to."""
        found: list[str] = []
        for part in parts_of(_held_once(goal)):
            inner = self._behind(part) if depth else None
            found += self._opened_up(inner, depth - 1) if inner else [part]
        return found

    def _behind(self, part: str) -> str | None:
        """For `${name} = 1` with the calculation `if(condition, 1, …)` or `${other}`: what that asks for."""
        equal = re.fullmatch(r"\$\{(\w+)\} = '?(-?\w+)'?", part)
        question = self.domains.questions.get(equal[1]) if equal else None
        if equal is None or question is None:
            return None
        calculation = _held_once(question.cell("calculation"))
        if REFERENCE.fullmatch(calculation):
            return f"{calculation} = {equal[2]}"
        condition, then, otherwise = branches(calculation) or ("", "", "")
        if not condition or otherwise.strip("'") == equal[2]:
            return None
        if REFERENCE.fullmatch(then):
            return f"({condition}) and {then} = {equal[2]}"
        return condition if then.strip("'") == equal[2] else None


def _size(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _held_once(expression: str) -> str:
    """The expression as if every repeat had one instance."""
    return OVER_REPEATS.sub(r"${\1}", expression)


@lru_cache(maxsize=4096)
def _names(expression: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(REFERENCE.findall(expression)))


def _cell(word: str, row: Mapping[str, str]) -> str:
    """The word of a choice filter, as the cell of the row where it names a column."""
    return f"'{row[word]}'" if word in row else word
