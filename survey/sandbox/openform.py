"""A parsed form kept open: its empty instance, its attached files as last read, what its questions are.

Parsing takes longer than an interview, so it happens once; files that changed since are read again. How a
form is walked is interview.py; the Java objects come from engine.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree

from survey.sandbox.engine import PullData, engine, file_digest, forget_lists

XFORMS = "{http://www.w3.org/2002/xforms}"
JAVAROSA = "{http://openrosa.org/javarosa}"


class Offered(Sequence[str]):
    """The choices on the screen, turned into texts only as far as somebody asks for them."""

    def __init__(self, choices: Any) -> None:
        self._choices = choices
        self._codes: frozenset[str] | None = None

    def __len__(self) -> int:
        return int(self._choices.size())

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        return str(self._choices.get(at).getValue())

    def __contains__(self, code: object) -> bool:
        if self._codes is None:
            self._codes = frozenset(str(choice.getValue()) for choice in self._choices)
        return code in self._codes


@dataclass(slots=True)
class Question:
    """What does not change about a question while its form is open."""

    definition: Any
    data_type: int
    control: int
    filtered: bool
    offered: Offered | None = None

    def choices(self, prompt: Any) -> Offered:
        """The choices now on the screen; asked of the engine again only where a filter may change them."""
        if self.offered is None or self.filtered:
            self.offered = Offered(prompt.getSelectChoices())
        return self.offered


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

    @cached_property
    def required_messages(self) -> dict[str, str]:
        """Path → what the form says where an answer is missing, as it is written there."""
        said = {b.get("nodeset"): b.get(f"{JAVAROSA}requiredMsg") for b in self._tree.iter(f"{XFORMS}bind")}
        return {path: words for path, words in said.items() if words}

    def required_message(self, path: str, language: str | None) -> str:
        """What the form says in `language` where an answer is missing; "" if it leaves that to the tablet."""
        words = self.required_messages.get(path, "")
        if not words.startswith("jr:itext("):
            return words
        key = words.removeprefix("jr:itext(").rstrip(")").strip("'\"")
        texts = self._tree.iter(f"{XFORMS}translation")
        chosen = [t for t in texts if language is None or t.get("lang") == language]
        found = chosen[0].find(f"{XFORMS}text[@id='{key}']/{XFORMS}value") if chosen else None
        return "" if found is None else (found.text or "")

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
