"""An interviewee made up on the spot: at each screen an answer from what the question can take.

All chance is one generator passed in, so an interview can be repeated, or chosen by a property test. What is
wished for is tried first; a refused answer is followed by others, as an interviewer corrects. A share of the
answers may be wrong on purpose, corrected or left so.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from instruments.instrument import Instrument, Question
from survey.sandbox.interview import Shown
from survey.sandbox.walks.domains import Domains

MOST_TRIES = 14
MOST_CHOICES = 60
PERIODS = (1, 1, 2, 2, 3)
SKIPPED = 0.25  # of questions nobody has to answer
GIVEN_UP = 0.15  # of wrong answers that are not put right
ONCE = 0.93
_COUNTED = re.compile(r"sum\(\s*\$\{\s*(\w+)\s*\}\s*\)")


class Improviser:
    """Answers one interview; `wishes` by question name, `wrong` as a share of all answers.

    `once` is how often a yes that is counted over the periods of a repeat is said in the last of them alone.
    """

    def __init__(
        self,
        domains: Domains,
        rng: random.Random,
        wishes: Mapping[str, str] | None = None,
        *,
        wrong: float = 0.0,
        once: float = ONCE,
    ) -> None:
        self.domains, self.rng, self.wishes = domains, rng, wishes or {}
        self.wrong, self.once = wrong, once
        self._wished = self.wishes.keys() & domains.questions.keys()
        self._instances: dict[str, int] = {}

    def tries(self, shown: Shown) -> Iterator[str]:
        question = self.domains.questions.get(shown.name)
        if question is None:
            return
        if shown.name in self.wishes:
            yield self.wishes[shown.name]
        if self.wrong and self.rng.random() < self.wrong:
            yield self.domains.wrong(question, self.rng)
            if self.rng.random() < GIVEN_UP:
                return
        if self._may_be_left(question, shown) and self.rng.random() < SKIPPED:
            yield ""
        if shown.choices is not None and question.type == "select_one":
            yield from self._one(question, shown, shown.choices)
        else:
            for _ in range(MOST_TRIES):
                yield self._answer(question, shown.choices)
            yield from question.cell("codebook::missing").replace("=", " ").split()[:1]

    def instances(self, path: str) -> int:
        """As many periods as drawn once for the repeat; a single one if something in it is wished for."""
        name = re.sub(r"\[\d+\]$", "", path)
        if name not in self._instances:
            repeat = name.rpartition("/")[2]
            wished = any(self.domains.questions[one].repeat == repeat for one in self._wished)
            self._instances[name] = 1 if wished else self.rng.choice(PERIODS)
            if self.wrong and self.rng.random() < self.wrong:
                self._instances[name] = 0
        return self._instances[name]

    def _may_be_left(self, question: Question, shown: Shown) -> bool:
        """Whether the form lets it go unanswered; a question that is always refused never is."""
        return question.cell("required") in ("", "no", "false()") and shown.name not in self.wishes

    def _one(self, question: Question, shown: Shown, choices: Sequence[str]) -> Iterator[str]:
        """The choices in an order drawn; first those with which a later list has something to offer."""
        if question.name in self._counted and set(choices) == {"0", "1"}:
            yield self._once(shown)
        order = self.rng.sample(range(len(choices)), min(len(choices), MOST_CHOICES))
        useful = self.domains.useful.get(question.name)
        if useful is not None:
            yield from (code for at in order if (code := choices[at]) in useful)
        yield from (choices[at] for at in order)

    def _answer(self, question: Question, choices: Sequence[str] | None) -> str:
        if choices is None:
            return self.domains.draw(question, self.rng)
        return self._several(choices, whole=question.kind == "rank") if len(choices) else ""

    def _once(self, shown: Shown) -> str:
        """A yes in the last period and in no other, mostly."""
        if self.rng.random() >= self.once:
            return self.rng.choice(("0", "1"))
        repeat, _, place = re.sub(r"\]?/\w+$", "", shown.path).partition("[")
        return str(int(int(place or 1) == self._instances.get(repeat, 1)))

    def _several(self, choices: Sequence[str], *, whole: bool) -> str:
        count = len(choices) if whole else min(self.rng.choice((1, 1, 2, 3)), len(choices))
        return " ".join(choices[at] for at in self.rng.sample(range(len(choices)), count))

    @cached_property
    def _counted(self) -> frozenset[str]:
        """Questions in repeats whose answers are summed up."""
        return counted(self.domains.instrument)


def counted(instrument: Instrument) -> frozenset[str]:
    """Names of the questions of repeats that a `sum(${name})` counts."""
    return frozenset(
        name for question in instrument.questions for name in _COUNTED.findall(question.cell("calculation"))
    )
