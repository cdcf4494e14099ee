"""Length of an interview in minutes, by module and path, estimated from the form alone.

The times are those of the specification (instruments.md, section 6): a standard time by type, half weight for
a question whose condition is not known, three periods for a repeat, 30 per cent for talk; the condition of a
whole module counts as met unless the path says otherwise. A path is a few answers known beforehand (a person
with paid work, one who refuses); what follows from them is worked out, the rest stays open. These are
estimates for design: nobody held a watch, and a pilot replaces them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from instruments.expressions import holds, value
from instruments.findings import Finding
from instruments.instrument import FORMS, Instrument, Question

SECONDS: Mapping[str, float] = {
    "select_one": 7,
    "select_multiple": 15,
    "integer": 8,
    "decimal": 10,
    "text": 12,
    "date": 10,
    "datetime": 10,
    "geopoint": 12,
    "file": 12,
}
"""Seconds by type of answer: single choice 7, multiple 15, numbers and texts 8 to 12."""
TALK = 1.3
PERIODS = 3
BUDGET = 60.0
OPEN = "open"
HELD = "held"
_SILENT = ("audit", "background-audio", "start-geopoint", "start", "end", "today", "deviceid", "username")

Paths = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Length:
    """Minutes that one module takes on one path; `questions` is how many of it are asked, as weighed."""

    path: str
    module: str
    questions: float
    minutes: float


def read_paths(folder: Path | None = None) -> dict[str, Paths]:
    """Form → path → answers known on it, from `paths.toml` in the folder of forms; none if it has none.

    Raises
    ------
    ValueError
        The file is no TOML, or says something else than answers by name.
    """
    file = (folder or FORMS) / "paths.toml"
    if not file.is_file():
        return {}
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        return {
            form: {
                path: {name: str(answer) for name, answer in known.items()} for path, known in some.items()
            }
            for form, some in told.items()
        }
    except (tomllib.TOMLDecodeError, AttributeError) as error:
        raise ValueError(f"{file.name}: write [form.path] and below it name = answer ({error}).") from error


def lengths(instrument: Instrument, paths: Paths | None = None) -> list[Length]:
    """Minutes per module on the open path and on each of `paths`, in the order of the form."""
    found = []
    for path, known in {OPEN: {}, **(paths or {})}.items():
        counted: dict[str, list[float]] = {}
        for question, weight in _weights(instrument, known):
            place = counted.setdefault(_module(question), [0, 0])
            place[0] += weight
            place[1] += weight * _seconds(question)
        found += [Length(path, name, round(n, 1), _minutes(s)) for name, (n, s) in counted.items()]
    return found


def total(found: list[Length], path: str = OPEN) -> float:
    """Minutes of a whole path."""
    return sum(one.minutes for one in found if one.path == path)


def held(instrument: Instrument, asked: Mapping[str, int]) -> list[Length]:
    """Minutes per module of an interview that was held: how often each question was asked, by name."""
    counted: dict[str, list[float]] = {}
    for question in instrument.questions:
        if _is_asked(question) and (times := asked.get(question.name, 0)):
            place = counted.setdefault(_module(question), [0, 0])
            place[0] += times
            place[1] += times * _seconds(question)
    return [Length(HELD, name, n, _minutes(seconds)) for name, (n, seconds) in counted.items()]


def minutes_of(instrument: Instrument, asked: Mapping[str, int]) -> float:
    """Minutes of a whole interview that was held."""
    return _minutes(sum(_seconds(q) * asked.get(q.name, 0) for q in instrument.questions if _is_asked(q)))


def over_budget(instrument: Instrument, paths: Paths | None = None, budget: float = BUDGET) -> list[Finding]:
    """A warning for each path whose estimate is over the budget."""
    found = lengths(instrument, paths)
    findings = []
    for path in dict.fromkeys(one.path for one in found):
        if (taken := total(found, path)) > budget:
            longest = max((one for one in found if one.path == path), key=lambda one: one.minutes)
            message = (
                f"The path {path} takes about {taken:.0f} minutes, the budget is {budget:.0f}; "
                f"the longest module is {longest.module} ({longest.minutes:.0f} minutes)."
            )
            findings.append(Finding("warning", "length.over_budget", instrument.form_id, message))
    return findings


def _weights(instrument: Instrument, path: Mapping[str, str]) -> Iterator[tuple[Question, float]]:
    """Each question that is asked with how often, knowing what follows from the answers of the path."""
    known = dict(path)
    gates = {block.name: block.cells.get("relevant", "") for block in instrument.blocks}
    repeats = set(instrument.repeats)
    for question in instrument.questions:
        met = [holds(gates[name], known) for name in question.groups] + [
            holds(question.cell("relevant"), known)
        ]
        if False in met:
            known.setdefault(question.name, "")
            continue
        if question.cell("calculation") and question.name not in known:
            _work_out(question, known)
        if _is_asked(question):
            open_ = None in met[1:] if question.groups else None in met
            times = PERIODS ** sum(name in repeats for name in question.groups)
            yield question, (0.5 if open_ else 1.0) * times


def _work_out(question: Question, known: dict[str, str]) -> None:
    found = value(question.cell("calculation"), known)
    if found is not None:
        whole = isinstance(found, float) and found.is_integer()
        known[question.name] = str(int(found)) if whole or isinstance(found, bool) else str(found)


def _is_asked(question: Question) -> bool:
    """Whether somebody answers it: notes and calculations take no time of their own."""
    return question.kind not in _SILENT and question.kind != "calculate" and question.type in SECONDS


def _module(question: Question) -> str:
    return question.module or next(iter(question.groups), "")


def _seconds(question: Question) -> float:
    return SECONDS[question.type]


def _minutes(seconds: float) -> float:
    return round(seconds * TALK / 60, 2)
