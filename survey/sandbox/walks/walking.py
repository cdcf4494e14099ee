"""A form walked on the engine until every question was on the screen: what was asked, what never, how long.

First come the main paths of the form, then interviews steered towards a question that nobody was asked yet,
and what is left of the number of interviews is filled by chance. A question that stays unasked is told with
the condition that was never met. Minutes are those of `instruments.length`: estimates by type of question.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from instruments.fidelity import losses
from instruments.instrument import REFERENCE, Instrument
from instruments.length import BUDGET, Length, Paths, held
from instruments.xform import build
from survey.sandbox.tablet import Filled, Tablet, uuids
from survey.sandbox.walks.caselists import case_lists, write_lists
from survey.sandbox.walks.domains import Domains
from survey.sandbox.walks.improviser import ONCE, Improviser
from survey.sandbox.walks.steering import Steering

GIVE_UP = 6  # interviews steered towards one question in vain
TOGETHER = 24  # questions that one interview may be meant for
CHANCE = "chance"
HIDDEN = (
    *("start", "end", "today", "deviceid", "username", "audit", "calculate", "hidden", "start-geopoint"),
    *(
        "background-audio",
        "csv-external",
        "xml-external",
        "phonenumber",
        "email",
        "simserial",
        "subscriberid",
    ),
)


@dataclass(frozen=True, slots=True)
class Walked:
    """One interview of a walk: what it was meant for (a path, a question, chance) and how it went."""

    aim: str
    filled: Filled
    asked: Counter[str]
    lengths: tuple[Length, ...]
    gates: str
    lost: tuple[str, ...]

    @property
    def minutes(self) -> float:
        return round(sum(one.minutes for one in self.lengths), 1)


@dataclass(frozen=True, slots=True)
class Unasked:
    """A question that was on no screen, where it stands in the form and why it was not asked.

    `is_given_up` tells that interviews were aimed at it in vain; otherwise there were too few to try.
    """

    name: str
    where: str
    why: str
    is_given_up: bool


@dataclass(slots=True)
class Walk:
    """All interviews with one form."""

    instrument: Instrument
    held: list[Walked] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    unasked: list[Unasked] = field(default_factory=list)

    @property
    def questions(self) -> int:
        """How many questions and notes the form can show."""
        return len(shown_by(self.instrument))

    @property
    def complete(self) -> int:
        return sum(one.filled.complete for one in self.held)

    @property
    def longest(self) -> Walked | None:
        """The complete interview that takes longest by the estimate."""
        whole = [one for one in self.held if one.filled.complete]
        return max(whole, key=lambda one: one.minutes, default=None)

    def over(self, budget: float = BUDGET) -> list[Walked]:
        """Complete interviews that take longer than the budget, longest first, one for each set of gates."""
        found: dict[str, Walked] = {}
        for one in sorted(self.held, key=lambda one: -one.minutes):
            if one.filled.complete and one.minutes > budget:
                found.setdefault(one.gates, one)
        return list(found.values())


class Walker:
    """A form built and laid out with made-up lists, ready to be walked on a tablet."""

    def __init__(
        self,
        instrument: Instrument,
        folder: Path,
        tablet: Tablet,
        *,
        when: datetime,
        seed: int = 1,
        language: str | None = None,
    ) -> None:
        self.instrument, self.tablet, self.when, self.seed = instrument, tablet, when, seed
        self.language = language
        self.form, self.media = folder / f"{instrument.form_id}.xml", folder / f"{instrument.form_id}-media"
        self.form.write_text(build(instrument).xml, encoding="utf-8")
        rows = case_lists(instrument, when.date(), random.Random(f"{seed}/{instrument.form_id}/lists"))
        write_lists(rows, self.media)
        self.domains = Domains(instrument, when, rows)
        self.steering = Steering(self.domains)

    def interview(
        self,
        rng: random.Random,
        wishes: Mapping[str, str] | None = None,
        *,
        wrong: float = 0.0,
        once: float = ONCE,
    ) -> Filled:
        """One interview, with these answers where they are asked and taken; see `Improviser`."""
        return self.tablet.fill(
            self.form,
            self.media,
            Improviser(self.domains, rng, wishes, wrong=wrong, once=once),
            when=self.when,
            ids=uuids(f"{self.seed}/{rng.random()}"),
            language=self.language,
            properties={"deviceid": "collect:walk", "username": "walk"},
        )

    def along(self, path: Mapping[str, str], rng: random.Random) -> Filled:
        """One interview on a path: the answers known on it, and what leads to values it names."""
        goals = [f"${{{name}}} = '{value}'" for name, value in path.items()]
        return self.interview(rng, {**(self.steering.towards(goals, rng) or {}), **path}, once=1.0)


def walk(
    walker: Walker, interviews: int, paths: Paths | None = None, *, until_all_asked: bool = False
) -> Walk:
    """That many interviews with the form, aimed at asking every question once; fewer if that is enough."""
    rng = random.Random(f"{walker.seed}/{walker.instrument.form_id}")
    done = Walk(walker.instrument)
    tried: Counter[str] = Counter()
    named = [(f"path {name}", path) for name, path in (paths or {}).items()]
    for _ in range(interviews):
        if named:
            aim, path = named.pop(0)
            filled = walker.along(path, rng)
        elif targets := _next(done, tried):
            aim = targets[0]
            filled = _towards(walker, targets[:1] if tried[aim] else targets, rng)
            tried[aim] += 1
        elif until_all_asked:
            break
        else:
            aim, filled = CHANCE, walker.interview(rng)
        _note(done, aim, filled)
    done.unasked = list(_unasked(done, walker, tried))
    return done


def walk_form(
    instrument: Instrument,
    interviews: int,
    *,
    when: datetime,
    seed: int,
    tablet: Tablet,
    paths: Paths | None = None,
) -> Walk:
    """`walk` in a folder of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return walk(Walker(instrument, Path(folder), tablet, when=when, seed=seed), interviews, paths)


def shown_by(instrument: Instrument) -> list[str]:
    """Names of all questions and notes that have a screen, in the order of the form."""
    return [question.name for question in instrument.questions if question.kind not in HIDDEN]


def names(filled: Filled) -> Counter[str]:
    """How often each question was asked, by name."""
    return Counter(path.rpartition("/")[2].partition("[")[0] for path in filled.asked)


def _next(done: Walk, tried: Mapping[str, int]) -> list[str]:
    """The questions nobody was asked yet and that are not given up; those least tried come first."""
    left = [n for n in shown_by(done.instrument) if not done.asked[n] and tried.get(n, 0) < GIVE_UP]
    return sorted(left, key=lambda name: tried.get(name, 0))


def _towards(walker: Walker, targets: Sequence[str], rng: random.Random) -> Filled:
    """An interview meant for the first target, and for as many of the others as go with it."""
    wishes: dict[str, str] = {}
    for target in targets[:TOGETHER]:
        found = walker.steering.towards(walker.steering.conditions(target), rng, wishes)
        wishes |= found or {}
    return walker.interview(rng, wishes)


def _note(done: Walk, aim: str, filled: Filled) -> None:
    asked = names(filled)
    done.asked.update(asked)
    done.held.append(
        Walked(
            aim=aim,
            filled=filled,
            asked=asked,
            lengths=tuple(held(done.instrument, asked)),
            gates=_gates(done.instrument, filled),
            lost=tuple(losses(filled.xml, done.instrument)) if filled.complete else (),
        )
    )


def _gates(instrument: Instrument, filled: Filled) -> str:
    """The answers that open and close whole modules: what names a path."""
    gates = gate_names(instrument)
    told = {path.rpartition("/")[2]: answer for path, answer in filled.answered}
    return " ".join(f"{name}={told[name]}" for name in gates if name in told)


def gate_names(instrument: Instrument) -> list[str]:
    """Single-choice questions on which the relevance of a module depends, directly."""
    modules = [block for block in instrument.blocks if not block.around]
    named = {name for block in modules for name in REFERENCE.findall(block.cells.get("relevant", ""))}
    return [q.name for q in instrument.questions if q.name in named and q.kind == "select_one"]


def _unasked(done: Walk, walker: Walker, tried: Mapping[str, int]) -> Iterator[Unasked]:
    """What nobody was asked, with the outermost condition that never let it through."""
    questions = walker.domains.questions
    reached = {group for name in done.asked for group in questions[name].groups}
    for name in shown_by(done.instrument):
        if done.asked[name]:
            continue
        question = questions[name]
        shut = next((group for group in question.groups if group not in reached), "")
        cells = walker.steering.blocks[shut].cells if shut else question.cells
        why = f"{f'the group {shut}' if shut else 'it'} is asked only if {cells.get('relevant', '')}"
        where = done.instrument.place("survey", question.row)
        yield Unasked(name, where, why, tried.get(name, 0) >= GIVE_UP)
