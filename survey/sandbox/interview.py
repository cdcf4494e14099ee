"""One interview: a walk through an opened form as an interviewer does it, from the first screen to the last.

The engine (engine.py) keeps relevance, constraints, calculations, choice filters, look-ups and entities. Here
is added what Collect's screens do: a value must be of the question's type and among the choices shown. Where
answers come from is an `Answering`: written down beforehand (`Written`) or made up at each screen (walks/).
What a form takes from the machine (`now()` in a setvalue, `uuid()`) is replaced before the XML leaves, so the
same inputs give the same bytes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from lxml import etree

from survey.sandbox.engine import Moment, engine
from survey.sandbox.openform import OpenForm, Question

CONSENT_AFTER = timedelta(minutes=2)  # where in an interview a `now()` is taken to be read
PLACE = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Violation:
    """An answer the tablet did not take: `kind` is type, choice_not_offered, constraint or required.

    `message` is what the form says about it, in the language on the screen; empty where it says nothing.
    """

    path: str
    kind: str
    message: str
    value: str


@dataclass(frozen=True, slots=True)
class Filled:
    """What leaves the tablet, with the route taken through the form and what was refused on the way.

    `asked` are the screens shown, `answered` the answers taken, as they were given; a path goes with the
    number of its repeat instance from the second on.
    """

    xml: str
    instance_id: str
    complete: bool
    violations: tuple[Violation, ...]
    asked: tuple[str, ...]
    refused_at: str
    answered: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A question as it stands on the screen: where, and the choices offered (none for an open question)."""

    path: str
    name: str
    choices: Sequence[str] | None


class Answering(Protocol):
    """Where answers come from."""

    def tries(self, shown: Shown) -> Iterable[Any]:
        """Answers to try one after the other until the tablet takes one; None or "" leaves it empty."""

    def instances(self, path: str) -> int:
        """How many instances the repeat at this path is to have."""


class Written:
    """Answers by question name, groups written out or left out; a repeat is a list of dictionaries."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers

    def tries(self, shown: Shown) -> Iterable[Any]:
        answer = _answer(self.answers, shown.path)
        return answer["tries"] if isinstance(answer, Mapping) else [answer]

    def instances(self, path: str) -> int:
        found = _answer(self.answers, path)
        return len(found) if isinstance(found, list) else 0


class Retold:
    """The answers an interview took, to be given once more: the same route, if the form is the same."""

    def __init__(self, filled: Filled) -> None:
        self.answers = dict(filled.answered)
        self._asked = filled.asked

    def tries(self, shown: Shown) -> Iterable[Any]:
        return [self.answers.get(shown.path)]

    def instances(self, path: str) -> int:
        """The highest number of an instance below which something was asked."""
        repeat = re.sub(r"\[\d+\]$", "", path)
        inside = [asked.removeprefix(repeat) for asked in self._asked if asked.startswith(repeat)]
        numbers = [re.match(r"(?:\[(\d+)\])?/", rest) for rest in inside]
        return max((int(found[1] or 1) for found in numbers if found), default=0)


@dataclass(slots=True)
class Interview:
    """One walk through an opened form."""

    form: OpenForm
    answers: Answering
    language: str | None = None
    violations: list[Violation] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)

    def run(self, moment: Moment, properties: dict[str, str]) -> Filled:
        java, definition = engine(), self.form.definition
        java.properties.values = properties
        java.set_moment(definition, moment)
        definition.setInstance(self.form.empty.clone())
        definition.initialize(True, java.initialization())
        controller = java.FormEntryController(java.FormEntryModel(definition))
        if self.language:
            controller.setLanguage(self.language)
        self._walk(controller)
        refused_at = self._finish(controller)
        xml = bytes(java.serializer().serializeInstance(definition.getInstance(), java.root)).decode()
        xml = _in_study_time(xml, self.form.from_machine, moment)
        return Filled(
            xml=xml,
            instance_id=_instance_id(xml),
            complete=not refused_at,
            violations=tuple(self.violations),
            asked=tuple(self.asked),
            refused_at=refused_at,
            answered=tuple(self.answered.items()),
        )

    def _walk(self, controller: Any) -> None:
        java, model = engine(), controller.getModel()
        controller.jumpToIndex(java.beginning)
        while (event := int(controller.stepToNextEvent())) != java.end:
            if event == java.question:
                self._ask(controller, model.getFormIndex())
            elif event == java.new_repeat:
                index = model.getFormIndex()
                if self.answers.instances(_path(index)) > index.getElementMultiplicity():
                    controller.newRepeat()
            elif event == java.repeat:
                self._drop_unwanted(controller, model.getFormIndex())

    def _drop_unwanted(self, controller: Any, index: Any) -> None:
        """The form ships a first instance of every repeat: drop it if there is nothing to put into it."""
        counted = self.form.definition.getChild(index).getCountReference() is not None
        if not counted and self.answers.instances(_path(index)) <= index.getElementMultiplicity():
            controller.jumpToIndex(controller.deleteRepeat(index))

    def _finish(self, controller: Any) -> str:
        """Where the form, looked over as a whole, refuses to be finished; "" when it does not."""
        refusal = self.form.definition.validate(True)
        at = "" if refusal is None else _path(refusal.failedPrompt)
        if at and not any(violation.path == at for violation in self.violations):
            prompt = controller.getModel().getQuestionPrompt(refusal.failedPrompt)
            self._refuse_by(int(refusal.outcome), prompt, at, self.answered.get(at, ""))
        controller.finalizeFormEntry()
        return at

    def _ask(self, controller: Any, index: Any) -> None:
        path = _path(index)
        self.asked.append(path)
        plain = PLACE.sub("", path)
        if plain in self.form.shown_only:
            return
        prompt = controller.getModel().getQuestionPrompt(index)
        question = self.form.question(plain, prompt)
        choices = question.choices(prompt) if question.control in engine().selects else None
        for value in self.answers.tries(Shown(path, plain.rpartition("/")[2], choices)):
            if self._try(controller, index, prompt, question, path, choices, _text(value)):
                return

    def _try(
        self,
        controller: Any,
        index: Any,
        prompt: Any,
        question: Question,
        path: str,
        choices: Sequence[str] | None,
        text: str,
    ) -> bool:
        """Whether the engine took the answer; otherwise the reason is on record."""
        data = self._data(question, choices, path, text) if text else None
        if text and data is None:
            return False
        status = int(controller.answerQuestion(index, data, True))
        if status != engine().accepted:
            self._refuse_by(status, prompt, path, text, data)
            return False
        self.answered.pop(path, None)
        if text:
            self.answered[path] = text
        return True

    def _data(self, question: Question, choices: Sequence[str] | None, path: str, text: str) -> Any:
        """The engine's value for the text; the engine itself checks neither type nor the choices shown."""
        if choices is not None:
            chosen = [text] if question.control == engine().select_one else text.split()
            missing = [c for c in chosen if c not in choices]
            if missing:
                where = f"{' '.join(missing)} is not among {len(choices)}"
                self.violations.append(Violation(path, "choice_not_offered", where, text))
                return None
        data = engine().parse_answer(text, question.data_type, question.definition)
        if data is None:
            self.violations.append(Violation(path, "type", "not a value of the question's type", text))
        return data

    def _refuse_by(self, status: int, prompt: Any, path: str, text: str, data: Any = None) -> None:
        """Record what the form says, in the language on the screen."""
        if status == engine().constraint:
            value = prompt.getAnswerValue() if data is None else data
            violation = Violation(path, "constraint", str(prompt.getConstraintText(value)), text)
        else:
            message = self.form.required_message(PLACE.sub("", path), self.language)
            violation = Violation(path, "required", message, text)
        self.violations.append(violation)


def _path(index: Any) -> str:
    """/data/mod_h/ehc[2]/sp_state: the first instance goes without its number."""
    return index.getReference().toString(True).replace("[1]", "")


def _answer(answers: Mapping[str, Any], path: str) -> Any:
    """The answer at an instance path, whether or not the dictionary writes out the groups."""
    *steps, last = path.split("/")[2:]
    here: Any = answers
    for step in steps:
        name, _, place = step.partition("[")
        inside = here.get(name)
        if isinstance(inside, list):
            at = int(place[:-1]) - 1 if place else 0
            here = inside[at] if at < len(inside) else {}
        elif isinstance(inside, Mapping):
            here = inside
    return here.get(last.partition("[")[0])


def _text(value: Any) -> str:
    """An answer as the engine reads it."""
    if value is None:
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(_text(v) for v in value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(int(value)) if isinstance(value, bool) else str(value)


def _instance_id(xml: str) -> str:
    found = re.search(r"<(?:\w+:)?instanceID>([^<]+)<", xml)
    return found.group(1) if found else ""


def _in_study_time(xml: str, from_machine: Mapping[str, str], moment: Moment) -> str:
    """The XML with study time and seeded ids where the machine's stood, copies of them included."""
    if not from_machine:
        return xml
    root = etree.fromstring(xml.encode())
    for path, kind in from_machine.items():
        for old in _values(root, path.split("/")[2:]):
            after = (moment.when + CONSENT_AFTER).isoformat(timespec="milliseconds")
            xml = xml.replace(old, next(moment.ids) if kind == "id" else after)
    return xml


def _values(root: Any, steps: list[str]) -> Iterator[str]:
    nodes = [root]
    for step in steps:
        if step.startswith("@"):
            yield from [value for node in nodes if (value := node.get(step[1:]))]
            return
        nodes = [child for node in nodes for child in node if etree.QName(child).localname == step]
    yield from [node.text for node in nodes if node.text]
