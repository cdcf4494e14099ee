"""Data dictionary: every variable with what a reader asks of it, searched and written out.

An `Entry` is a variable of the codebook and what the codebook does not hold: who is asked, in which waves,
what an answer must satisfy, how it is computed and what is computed from it. Besides its missing codes a
variable can be empty for two reasons without a code, `ABSENT`. Here entries are made, searched, and written
as text, Markdown, CSV and JSON; DDI is written in `ddi`. Nothing is read but definitions.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instruments.codebook import DERIVED, Choice, Variable, languages_of, read_derived
from instruments.editions import version_of
from instruments.instrument import Instrument, Question
from instruments.plan import WavePlan

ABSENT = ("routed_out", "not_in_wave")
FLAGS = {
    "P": "identifying",
    "S": "sensitive",
    "T": "free_text",
    "D": "preloaded",
    "N": "independent",
    "B1": "back_check_1",
    "B2": "back_check_2",
    "B3": "back_check_3",
    "C": "computed",
}
"""Flags of an entry by their letter; `--flag` takes either. D is any preload but *independent*."""
_LONG = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """One variable and its use.

    `asked_if` is its own relevance and that of the groups around it, "" when it is always asked; `waves`
    maps a track to the numbers of the waves whose form holds it, empty for a form used between waves and
    for what is computed afterwards; `used_by` names what is computed from it, `list_version` is the version
    of its choice list (`editions`), "" if it has none on record.
    """

    variable: Variable
    title: str = ""
    version: str = ""
    asked_if: str = ""
    constraint: str = ""
    formula: str = ""
    required: bool = False
    hint: Mapping[str, str] = field(default_factory=dict)
    waves: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    used_by: tuple[str, ...] = ()
    list_version: str = ""

    @property
    def place(self) -> str:
        """The form or release frame that holds it, and the repeat if it stands in one."""
        home = self.variable.form or self.variable.frame
        return f"{home}/{self.variable.repeat}" if self.variable.repeat else home

    @property
    def flags(self) -> tuple[str, ...]:
        """Its flags as words, in the order of `FLAGS`."""
        variable = self.variable
        holds = {
            "identifying": variable.is_identifying and variable.sensitivity != "free_text",
            "sensitive": variable.sensitivity == "sensitive",
            "free_text": variable.sensitivity == "free_text",
            "preloaded": variable.preload not in ("", "independent"),
            "independent": variable.preload == "independent",
            "computed": bool(variable.frame or self.formula),
            **{f"back_check_{kind}": variable.back_check == kind for kind in "123"},
        }
        return tuple(word for word in FLAGS.values() if holds[word])

    @property
    def absent(self) -> dict[str, str]:
        """Why it can be empty without a code: reason → in which case."""
        told = {"routed_out": f"unless {self.asked_if}"} if self.asked_if else {}
        if self.waves:
            told["not_in_wave"] = f"outside of {self.wave_use}"
        return told

    @property
    def wave_use(self) -> str:
        """Its waves in words."""
        if self.variable.frame:
            return "computed afterwards"
        told = [f"{track} {_spans(numbers)}" for track, numbers in self.waves.items()]
        return "; ".join(told) or "between waves"


def entries(
    instruments: Iterable[Instrument], plan: WavePlan | None = None, derived: Path | None = DERIVED
) -> tuple[Entry, ...]:
    """The entries of these forms in order, then those of `derived.csv` unless `derived` is None."""
    asked = [(instrument, variable) for instrument in instruments for variable in instrument.variables]
    computed = read_derived(derived) if derived else ()
    users = _users([*(variable for _, variable in asked), *computed])
    found = [_asked(instrument, variable, plan, users) for instrument, variable in asked]
    return (*found, *(Entry(v, used_by=users.get(v.name, ())) for v in computed))


def search(
    given: Iterable[Entry], *, text: str = "", form: str = "", module: str = "", flag: str = ""
) -> tuple[Entry, ...]:
    """The entries that meet all that is asked.

    Parameters
    ----------
    text
        Words of which each occurs in the name, a label, a choice, the unit or the source; accents and
        capitals do not matter.
    form
        A form or a release frame.
    flag
        A letter or word of `FLAGS`.

    Raises
    ------
    ValueError
        There is no such flag.
    """
    wanted = FLAGS.get(flag.upper(), flag.lower())
    if flag and wanted not in FLAGS.values():
        known = ", ".join(f"{letter} ({word})" for letter, word in FLAGS.items())
        raise ValueError(f"There is no flag {flag!r}; there are {known}.")
    words = _folded(text).split()
    return tuple(
        entry
        for entry in given
        if (not form or form in (entry.variable.form, entry.variable.frame))
        and (not module or entry.variable.module == module)
        and (not flag or wanted in entry.flags)
        and all(word in _searched(entry) for word in words)
    )


def rows(given: Sequence[Entry]) -> list[dict[str, str]]:
    """One flat row per entry, all cells text; label, hint and choices have a column per language."""
    languages = _languages(given)
    return [_row(entry, languages) for entry in given]


def to_csv(given: Sequence[Entry]) -> str:
    """The rows as CSV."""
    stream = io.StringIO()
    table = rows(given)
    writer = csv.DictWriter(stream, list(table[0]) if table else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return stream.getvalue()


def to_json(given: Sequence[Entry]) -> str:
    """The entries as a JSON list; labels by language, choices as a list, what is empty left out."""
    return json.dumps([_plain(entry) for entry in given], ensure_ascii=False, indent=1) + "\n"


def to_markdown(given: Sequence[Entry], title: str = "Codebook") -> str:
    """The entries as a document: a chapter per form or frame, a section per module, a list per variable.

    A list of more than twelve choices stands once, in a last chapter.
    """
    lines = [f"# {title}", ""]
    chapter = section = None
    long: dict[str, list[str]] = {}
    for entry in given:
        home = entry.variable.form or entry.variable.frame
        if home != chapter:
            chapter, section = home, None
            lines += [f"## {entry.title or 'Computed'} (`{home}`{_edition(entry)})", ""]
        if entry.variable.module and entry.variable.module != section:
            section = entry.variable.module
            lines += [f"### {section}", ""]
        lines += [f"#### `{entry.variable.name}`", ""]
        if len(entry.variable.choices) > _LONG:
            long.setdefault(_list_of(entry), [])
            told = (f"- = {c.name}: {_escaped(_words(c))}" for c in entry.variable.choices)
            long[_list_of(entry)] += [line for line in told if line not in long[_list_of(entry)]]
        lines += [f"- {key}: {_escaped(told)}" for key, told in _told(entry, _LONG)]
        lines.append("")
    lines += ["## Lists", ""] if long else []
    for name, choices in long.items():
        lines += [f"### {name}", "", *choices, ""]
    return "\n".join(lines)


def to_text(entry: Entry) -> str:
    """One entry for reading in a terminal."""
    told = _told(entry)
    width = max(len(key) for key, _ in told)
    head = f"{entry.variable.name}  ({entry.place}{_edition(entry)})"
    return "\n".join([head, *(f"  {key.ljust(width)}  {words}" for key, words in told)])


def _asked(
    instrument: Instrument, variable: Variable, plan: WavePlan | None, users: Mapping[str, tuple[str, ...]]
) -> Entry:
    question = instrument.question(variable.name)
    assert question is not None  # variables are made of questions
    hints = languages_of(question.cells, "hint")
    return Entry(
        variable,
        title=instrument.title,
        version=instrument.version,
        asked_if=_condition(instrument, question),
        constraint=question.cell("constraint"),
        formula=question.cell("calculation"),
        required=question.cell("required") in ("yes", "true()"),
        hint={code: question.cell(column) for code, column in hints.items()},
        waves=_waves(instrument.form_id, plan),
        used_by=users.get(variable.name, ()),
        list_version=version_of(variable.list_name, variable.choices) if variable.list_name else "",
    )


def _condition(instrument: Instrument, question: Question) -> str:
    """The relevance of the groups around and its own; each in brackets if there are several."""
    around = {block.name: block.cells.get("relevant", "") for block in instrument.blocks}
    all_of = [
        told for told in (*(around[name] for name in question.groups), question.cell("relevant")) if told
    ]
    return all_of[0] if len(all_of) == 1 else " and ".join(f"({one})" for one in all_of)


def _waves(form: str, plan: WavePlan | None) -> dict[str, tuple[int, ...]]:
    tracks = plan.tracks if plan else {}
    found = {
        name: tuple(wave.number for wave in track.waves if wave.form == form)
        for name, track in tracks.items()
    }
    return {name: numbers for name, numbers in found.items() if numbers}


def _users(variables: Iterable[Variable]) -> dict[str, tuple[str, ...]]:
    """Name → names computed from it."""
    found: dict[str, list[str]] = {}
    for variable in variables:
        for name in variable.inputs:
            found.setdefault(name, []).append(variable.name)
    return {name: tuple(dict.fromkeys(users)) for name, users in found.items()}


def _spans(numbers: Sequence[int]) -> str:
    """`wave 0`, `waves 1–8`, or each number where there are holes."""
    if len(numbers) == 1:
        return f"wave {numbers[0]}"
    whole = list(numbers) == list(range(numbers[0], numbers[-1] + 1))
    return f"waves {numbers[0]}–{numbers[-1]}" if whole else f"waves {', '.join(map(str, numbers))}"


def _languages(given: Iterable[Entry]) -> list[str]:
    return list(dict.fromkeys(code for entry in given for code in entry.variable.label))


def _row(entry: Entry, languages: Iterable[str]) -> dict[str, str]:
    variable, languages = entry.variable, list(languages)
    return {
        "name": variable.name,
        "form": variable.form,
        "frame": variable.frame,
        **{f"label_{code}": variable.label.get(code, "") for code in languages},
        "type": variable.type,
        "unit": variable.unit,
        "list": variable.list_name,
        "list_version": entry.list_version,
        **{f"choices_{code}": _choices(variable.choices, code) for code in languages},
        "missing": " ".join(f"{code}={reason}" for code, reason in variable.missing.items()),
        **{reason: entry.absent.get(reason, "") for reason in ABSENT},
        "sensitivity": variable.sensitivity,
        "waves": entry.wave_use,
        "module": variable.module,
        "group": variable.group,
        "repeat": variable.repeat,
        "source": variable.source,
        "preload": variable.preload,
        "preloaded": variable.preloaded,
        "wrong": variable.wrong,
        "corrects": variable.corrects,
        "back_check": variable.back_check,
        "constraint": entry.constraint,
        "formula": entry.formula,
        "inputs": " ".join(variable.inputs),
        "used_by": " ".join(entry.used_by),
        **{f"hint_{code}": entry.hint.get(code, "") for code in languages},
    }


def _plain(entry: Entry) -> dict[str, Any]:
    variable = entry.variable
    choices = [{"code": c.name, "label": dict(c.label), **c.attributes} for c in variable.choices]
    told: dict[str, Any] = {
        "name": variable.name,
        "form": variable.form,
        "frame": variable.frame,
        "version": entry.version,
        "label": dict(variable.label),
        "hint": dict(entry.hint),
        "type": variable.type,
        "unit": variable.unit,
        "list": variable.list_name,
        "list_version": entry.list_version,
        "choices": choices,
        "missing": dict(variable.missing),
        "absent": entry.absent,
        "sensitivity": variable.sensitivity,
        "flags": list(entry.flags),
        "waves": {track: list(numbers) for track, numbers in entry.waves.items()},
        "module": variable.module,
        "group": variable.group,
        "repeat": variable.repeat,
        "source": variable.source,
        "preload": variable.preload,
        "preloaded": variable.preloaded,
        "wrong": variable.wrong,
        "corrects": variable.corrects,
        "back_check": variable.back_check,
        "asked_if": entry.asked_if,
        "constraint": entry.constraint,
        "formula": entry.formula,
        "required": entry.required,
        "inputs": list(variable.inputs),
        "used_by": list(entry.used_by),
    }
    return {key: value for key, value in told.items() if value}


def _told(entry: Entry, most: int = 0) -> list[tuple[str, str]]:
    """What there is to say of an entry, in order; a list of over `most` choices is only named."""
    variable = entry.variable
    shown = variable.choices if not most or len(variable.choices) <= most else ()
    named = variable.list_name or len(shown) < len(variable.choices)
    type_ = f"{variable.type} ({_list_of(entry)})" if named else variable.type
    told = [
        *((f"label ({code})", words) for code, words in variable.label.items()),
        *((f"hint ({code})", words) for code, words in entry.hint.items()),
        ("type", type_),
        ("list version", entry.list_version),
        ("unit", variable.unit),
        *((f"= {choice.name}", _words(choice)) for choice in shown),
        *((f"missing {code}", reason) for code, reason in variable.missing.items()),
        *((reason.replace("_", " "), words) for reason, words in entry.absent.items()),
        ("sensitivity", variable.sensitivity),
        ("waves", entry.wave_use),
        ("module", variable.module),
        ("source", variable.source),
        ("preload", variable.preload),
        ("reads back", variable.preloaded),
        ("was wrong", variable.wrong and f"code {variable.wrong}"),
        ("corrects", variable.corrects),
        ("back-check", variable.back_check and f"type {variable.back_check}"),
        ("must be", entry.constraint),
        ("computed as", entry.formula),
        ("computed from", ", ".join(variable.inputs)),
        ("used by", ", ".join(entry.used_by)),
    ]
    return [(key, " ".join(words.split())) for key, words in told if words]


def _list_of(entry: Entry) -> str:
    return entry.variable.list_name or entry.variable.name


def _edition(entry: Entry) -> str:
    return f", version {entry.version}" if entry.version else ""


def _words(choice: Choice) -> str:
    return " / ".join(choice.label.values()) or choice.name


def _choices(choices: Iterable[Choice], language: str) -> str:
    return " | ".join(f"{c.name}={c.label.get(language, '')}" for c in choices)


def _searched(entry: Entry) -> str:
    variable = entry.variable
    words = [variable.name, variable.unit, variable.source, *variable.label.values()]
    words += [label for choice in variable.choices for label in choice.label.values()]
    return _folded(" ".join(words))


def _folded(text: str) -> str:
    """Without capitals and accents, so that `thu nhap` finds `Thu nhập`."""
    apart = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _escaped(text: str) -> str:
    """As it stands when the page is rendered."""
    return "".join(f"\\{sign}" if sign in "\\`*_<>[]$" else sign for sign in text)
