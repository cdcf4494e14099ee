"""The virtual tablet: a real form, filled by ODK Collect's engine from a dictionary of answers.

The engine (engine.py) keeps relevance, constraints, calculations, choice filters, look-ups and entities. This
module walks the form as an interviewer does and adds what Collect's screens do: a value must be of the
question's type and among the choices shown. No HTTP (collect.py), no answers (respondents), no plan of visits
(fieldwork.py) here. Study time and ids are arguments; what a form still takes from the machine (`now()`
in a setvalue, `uuid()`) is replaced before the XML leaves, so the same inputs give the same bytes. A form is
parsed once; every interview starts from a copy of its empty instance.
"""

import random
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from hashlib import md5
from pathlib import Path
from typing import Any

from lxml import etree

from survey.sandbox.engine import Moment, PullData, engine, file_digest, forget_lists, set_zone

CONSENT_AFTER = timedelta(minutes=2)  # where in an interview a `now()` is taken to be read
XFORMS = "{http://www.w3.org/2002/xforms}"


@dataclass(frozen=True, slots=True)
class Violation:
    """An answer the tablet did not take: `kind` is type, choice_not_offered, constraint or required."""

    path: str
    kind: str
    message: str
    value: str


@dataclass(frozen=True, slots=True)
class Filled:
    """What leaves the tablet, with the route taken through the form and what was refused on the way."""

    xml: str
    instance_id: str
    complete: bool
    violations: tuple[Violation, ...]
    asked: tuple[str, ...]
    refused_at: str


def uuids(seed: str) -> Iterator[str]:
    """Version 4 UUIDs that follow from the seed alone, the same on every machine."""
    rng = random.Random(seed)
    while True:
        yield str(uuid.UUID(int=rng.getrandbits(128), version=4))


class Tablet:
    """Fills forms and keeps each one parsed."""

    def __init__(self) -> None:
        engine()
        self._opened: dict[str, OpenForm] = {}

    def fill(
        self,
        form: Path,
        media: Path,
        answers: Mapping[str, Any],
        *,
        when: datetime,
        ids: Iterator[str],
        lasted: timedelta = timedelta(minutes=30),
        language: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> Filled:
        """Answer the XForm `form`, whose attached files lie in `media`, at the aware time `when`.

        Answers go by question name, groups written out or left out; a repeat is a list of dictionaries;
        `{"tries": [200, 31]}` is an interviewer who is refused and corrects. Answers to questions the form
        does not ask stay unused. `language` is a language of the form as it names it.
        """
        if when.tzinfo is None:
            raise ValueError("an interview takes place at a time with a zone; the tablet writes dates in it")
        set_zone(when)
        engine().references.point_to(media)
        opened = self._open(form)
        opened.refresh(media)
        return Interview(opened, answers).run(Moment(when, lasted, ids), language, dict(properties or {}))

    def _open(self, form: Path) -> "OpenForm":
        digest = md5(form.read_bytes()).hexdigest()
        if digest not in self._opened:
            self._opened[digest] = OpenForm(form)
        return self._opened[digest]


@dataclass(slots=True)
class Question:
    """What does not change about a question while its form is open."""

    definition: Any
    data_type: int
    control: int
    filtered: bool
    offered: frozenset[str] | None = None


class OpenForm:
    """A parsed form: its empty instance, its attached files as last read, what is known of its questions."""

    def __init__(self, path: Path) -> None:
        self.definition = engine().XFormUtils.getFormFromFormXml(str(path.resolve()), None)
        self.empty = self.definition.getMainInstance().clone()
        self.questions: dict[str, Question] = {}
        self.pull = PullData()
        self.definition.addFunctionHandler(self.pull)
        self._tree = etree.parse(str(path))
        self._digests: dict[str, str] = {}

    @cached_property
    def shown_only(self) -> set[str]:
        """Paths of notes and other questions nobody can answer."""
        return {b.get("nodeset") for b in self._tree.iter(f"{XFORMS}bind") if b.get("readonly") == "true()"}

    @cached_property
    def filtered(self) -> set[str]:
        """Paths of selects whose choices depend on something."""
        sets = self._tree.iter(f"{XFORMS}itemset")
        return {s.getparent().get("ref") for s in sets if "[" in s.get("nodeset", "")}

    @cached_property
    def attached(self) -> dict[str, str]:
        """Instance name → where the form says its file is."""
        instances = self._tree.iter(f"{XFORMS}instance")
        return {i.get("id"): i.get("src") for i in instances if (i.get("src") or "").startswith("jr://")}

    @cached_property
    def from_machine(self) -> dict[str, str]:
        """Instance path → `time` or `id`, where the form takes the machine's clock or chance itself."""
        said = [(b.get("nodeset"), b.get("calculate", "")) for b in self._tree.iter(f"{XFORMS}bind")]
        said += [(s.get("ref"), s.get("value", "")) for s in self._tree.iter(f"{XFORMS}setvalue")]
        kinds = {"uuid(": "id", "now()": "time"}
        return {path: kind for path, words in said for word, kind in kinds.items() if word in words}

    def refresh(self, media: Path) -> None:
        """Read again the attached files that changed since the last interview."""
        self.pull.media = media
        digests = {name: file_digest(media / src.rsplit("/", 1)[-1]) for name, src in self.attached.items()}
        changed = [name for name in self._digests if digests[name] != self._digests[name]]
        for name in changed:
            file = engine().ExternalDataInstance.build(self.attached[name], name)
            self.definition.addNonMainInstance(file)
        if changed:
            forget_lists(self.definition)
            for question in self.questions.values():
                question.offered = None
        self._digests = digests

    def question(self, path: str, prompt: Any) -> Question:
        known = self.questions.get(path)
        if known is None:
            known = self.questions[path] = Question(
                definition=prompt.getQuestion(),
                data_type=int(prompt.getDataType()),
                control=int(prompt.getControlType()),
                filtered=path in self.filtered,
            )
        return known


@dataclass(slots=True)
class Interview:
    """One walk through an opened form."""

    form: OpenForm
    answers: Mapping[str, Any]
    violations: list[Violation] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def run(self, moment: Moment, language: str | None, properties: dict[str, str]) -> Filled:
        java, definition = engine(), self.form.definition
        java.properties.values = properties
        java.set_moment(definition, moment)
        definition.setInstance(self.form.empty.clone())
        definition.initialize(True, java.initialization())
        controller = java.FormEntryController(java.FormEntryModel(definition))
        if language:
            controller.setLanguage(language)
        self._walk(controller)
        refusal = definition.validate(True)
        controller.finalizeFormEntry()
        xml = bytes(java.serializer().serializeInstance(definition.getInstance(), java.root)).decode()
        xml = _in_study_time(xml, self.form.from_machine, moment)
        return Filled(
            xml=xml,
            instance_id=_instance_id(xml),
            complete=refusal is None,
            violations=tuple(self.violations),
            asked=tuple(self.asked),
            refused_at="" if refusal is None else _path(refusal.failedPrompt),
        )

    def _walk(self, controller: Any) -> None:
        java, model = engine(), controller.getModel()
        controller.jumpToIndex(java.beginning)
        while (event := int(controller.stepToNextEvent())) != java.end:
            if event == java.question:
                self._ask(controller, model.getFormIndex())
            elif event == java.new_repeat:
                index = model.getFormIndex()
                if self._wanted(index) > index.getElementMultiplicity():
                    controller.newRepeat()
            elif event == java.repeat:
                self._drop_unwanted(controller, model.getFormIndex())

    def _wanted(self, index: Any) -> int:
        found = _answer(self.answers, _path(index))
        return len(found) if isinstance(found, list) else 0

    def _drop_unwanted(self, controller: Any, index: Any) -> None:
        """The form ships a first instance of every repeat: drop it if there is nothing to put into it."""
        counted = self.form.definition.getChild(index).getCountReference() is not None
        if not counted and self._wanted(index) <= index.getElementMultiplicity():
            controller.jumpToIndex(controller.deleteRepeat(index))

    def _ask(self, controller: Any, index: Any) -> None:
        path = _path(index)
        self.asked.append(path)
        plain = re.sub(r"\[\d+\]", "", path)
        if plain in self.form.shown_only:
            return
        prompt = controller.getModel().getQuestionPrompt(index)
        question = self.form.question(plain, prompt)
        answer = _answer(self.answers, path)
        tries = answer["tries"] if isinstance(answer, Mapping) else [answer]
        for value in tries:
            if self._try(controller, index, prompt, question, path, _text(value)):
                return

    def _try(
        self, controller: Any, index: Any, prompt: Any, question: Question, path: str, text: str
    ) -> bool:
        """Whether the engine took the answer; otherwise the reason is on record."""
        data = self._data(question, prompt, path, text) if text else None
        if text and data is None:
            return False
        status = int(controller.answerQuestion(index, data, True))
        if status == engine().constraint:
            self._refuse(path, "constraint", str(prompt.getConstraintText(data)), text)
        elif status != engine().accepted:
            self._refuse(path, "required", "", text)
        return status == engine().accepted

    def _data(self, question: Question, prompt: Any, path: str, text: str) -> Any:
        """The engine's value for the text; the engine itself checks neither type nor the choices shown."""
        if question.control in engine().selects:
            if question.offered is None or question.filtered:
                question.offered = frozenset(c.getValue() for c in prompt.getSelectChoices())
            chosen = [text] if question.control == engine().select_one else text.split()
            missing = [c for c in chosen if c not in question.offered]
            if missing:
                count = len(question.offered)
                self._refuse(path, "choice_not_offered", f"{' '.join(missing)} is not among {count}", text)
                return None
        data = engine().parse_answer(text, question.data_type, question.definition)
        if data is None:
            self._refuse(path, "type", "not a value of the question's type", text)
        return data

    def _refuse(self, path: str, kind: str, message: str, value: str) -> None:
        self.violations.append(Violation(path, kind, message, value))


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


def _values(root: Any, steps: list[str]) -> list[str]:
    nodes = [root]
    for step in steps:
        if step.startswith("@"):
            return [value for node in nodes if (value := node.get(step[1:]))]
        nodes = [child for node in nodes for child in node if etree.QName(child).localname == step]
    return [node.text for node in nodes if node.text]
