"""Codebook: what each variable means, asked or computed, in one ordered list.

A `Variable` carries label, type, unit, choices, missing codes and sensitivity. Asked variables come from
the `codebook::` columns of the forms, computed ones from `derived.csv`. The same name may occur in several
forms (it then means the same question); look-ups take the first unless a form or frame is named. No data
live here, and nothing else of this package is imported, so that analysis can stand on it alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

DERIVED = Path(__file__).parent / "derived.csv"

TYPES = (
    "integer",
    "decimal",
    "text",
    "select_one",
    "select_multiple",
    "date",
    "datetime",
    "geopoint",
    "note",
    "calculate",
    "file",
    "state",
)
SENSITIVITIES = ("", "sensitive", "identifying", "free_text")
REASONS = ("dont_know", "refused", "unknown")


@dataclass(frozen=True, slots=True)
class Choice:
    """One coded answer: its code as text, its label by language, and what else its row says."""

    name: str
    label: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variable:
    """One column with its meaning.

    `form` is the form that asks it, `frame` the release frame that holds it if it is computed; one of both
    is set. `missing` maps a code, as text, to its reason (`dont_know`, `refused`, `unknown`). `inputs` are
    the names it is computed from, `source` the construct or reference it serves, `preload` its
    dependent-interviewing mode. `preloaded` names the preload that a dependent question is about, `wrong` the
    code that says the preload was wrong, `corrects` the preload that a correction replaces.
    """

    name: str
    form: str = ""
    type: str = "text"
    label: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    list_name: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)
    sensitivity: str = ""
    inputs: tuple[str, ...] = ()
    source: str = ""
    module: str = ""
    group: str = ""
    repeat: str = ""
    preload: str = ""
    preloaded: str = ""
    wrong: str = ""
    corrects: str = ""
    back_check: str = ""
    frame: str = ""

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"{self.name}: type is one of {', '.join(TYPES)}, not {self.type!r}.")
        if self.sensitivity not in SENSITIVITIES:
            raise ValueError(f"{self.name}: sensitivity is one of {SENSITIVITIES}, not {self.sensitivity!r}.")

    @property
    def is_identifying(self) -> bool:
        """Whether the variable must never reach a release: direct identifiers, free text, places, files."""
        return self.sensitivity in ("identifying", "free_text") or self.type in ("geopoint", "file")


class Codebook:
    """Variables in order, looked up by name. Equal when the variables are equal."""

    def __init__(self, variables: Iterable[Variable] = ()) -> None:
        self.variables = tuple(variables)
        self._index: dict[tuple[str, str], Variable] = {}
        for variable in self.variables:
            self._index.setdefault((variable.name, ""), variable)
            self._index.setdefault((variable.name, variable.form or variable.frame), variable)

    def __getitem__(self, name: str) -> Variable:
        """The first variable of that name.

        Raises
        ------
        KeyError
            No variable is called so.
        """
        found = self.get(name)
        if found is None:
            raise KeyError(f"The codebook has no variable {name!r}.")
        return found

    def __contains__(self, name: object) -> bool:
        return (name, "") in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(variable.name for variable in self.variables))

    def __len__(self) -> int:
        return len(self.variables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Codebook) and self.variables == other.variables

    def __hash__(self) -> int:
        return hash(tuple(variable.name for variable in self.variables))

    def __repr__(self) -> str:
        return f"Codebook({len(self.variables)} variables of {', '.join((*self.forms, *self.frames))})"

    @property
    def forms(self) -> tuple[str, ...]:
        """Form ids in order of first appearance."""
        return tuple(dict.fromkeys(v.form for v in self.variables if v.form))

    @property
    def frames(self) -> tuple[str, ...]:
        """Release frames of the computed variables, in order of first appearance."""
        return tuple(dict.fromkeys(v.frame for v in self.variables if v.frame))

    def get(self, name: str, form: str | None = None) -> Variable | None:
        """The variable of that name, in that form or frame if one is given; None if there is none."""
        return self._index.get((name, form or ""))

    def of(self, form: str) -> tuple[Variable, ...]:
        """The variables of one form, or of one release frame, in order."""
        return tuple(v for v in self.variables if form in (v.form, v.frame) and form)

    def identifying(self) -> frozenset[str]:
        """Names that never reach a release: identifying in at least one form."""
        return frozenset(v.name for v in self.variables if v.is_identifying)

    def label(self, name: str, language: str = "en") -> str:
        """The label in that language, else in English, else the name itself."""
        variable = self.get(name)
        return name if variable is None else _in_language(variable.label, language, name)

    def choice_label(self, name: str, code: object, language: str = "en") -> str:
        """The words for one code of one variable; the code itself if its list does not hold it."""
        variable = self.get(name)
        wanted = _code(code)
        for choice in variable.choices if variable else ():
            if choice.name == wanted:
                return _in_language(choice.label, language, wanted)
        return wanted

    def to_frame(self, language: str = "en") -> pd.DataFrame:
        """One row per variable, all cells text: the data dictionary a reader opens in a spreadsheet."""
        rows = [_row(variable, language) for variable in self.variables]
        return pd.DataFrame(rows, columns=list(_COLUMNS), dtype="str")

    def to_json(self) -> str:
        """The whole codebook as text from which `from_json` makes an equal one."""
        return json.dumps([_plain(v) for v in self.variables], ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Codebook:
        """The codebook that `to_json` wrote."""
        return cls(_variable(item) for item in json.loads(text))


class Asking(Protocol):
    """What asks: an instrument, known here by its variables alone."""

    @property
    def variables(self) -> tuple[Variable, ...]: ...


def codebook(instruments: Iterable[Asking] = (), derived: Path | None = DERIVED) -> Codebook:
    """All variables of these instruments in order, then those of `derived.csv` unless `derived` is None."""
    asked = [variable for instrument in instruments for variable in instrument.variables]
    return Codebook([*asked, *(read_derived(derived) if derived else ())])


def read_derived(path: Path = DERIVED) -> tuple[Variable, ...]:
    """The computed variables of a `derived.csv`.

    Columns: name, frame, type, unit, label::English (en), label::Tiếng Việt (vi), choices (`1=Yes | 0=No`, or
    English / Vietnamese `1=Yes / Có | 0=No / Không`), inputs (names apart by blanks), sensitivity, source.

    Raises
    ------
    ValueError
        A row's type or sensitivity is not known, or a name stands twice in one frame; the message names the
        row.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    variables, seen = [], set()
    for number, row in enumerate(rows, start=2):
        key = (row["frame"], row["name"])
        if key in seen:
            raise ValueError(f"{path.name} row {number}: {row['name']} stands twice in frame {row['frame']}.")
        seen.add(key)
        try:
            variables.append(_derived(row))
        except ValueError as error:
            raise ValueError(f"{path.name} row {number}: {error}") from error
    return tuple(variables)


def languages_of(columns: Iterable[str], field_name: str) -> dict[str, str]:
    """Which column holds `field_name` in which language: `{"en": "label::English (en)", …}`."""
    return dict(_languages(tuple(columns), field_name))


@cache
def _languages(columns: tuple[str, ...], field_name: str) -> dict[str, str]:
    found = {}
    for column in columns:
        head, _, language = column.rpartition("::")
        if head == field_name and language.endswith(")") and "(" in language:
            found[language[language.rindex("(") + 1 : -1]] = column
    return found


def _derived(row: Mapping[str, str]) -> Variable:
    labels = {code: row[column] for code, column in languages_of(row, "label").items() if row[column]}
    return Variable(
        name=row["name"],
        frame=row["frame"],
        type=row["type"],
        unit=row["unit"],
        label=labels,
        choices=tuple(_derived_choice(part) for part in row["choices"].split("|") if part.strip()),
        inputs=tuple(row["inputs"].split()),
        sensitivity=row.get("sensitivity") or "",
        source=row["source"],
    )


def _derived_choice(text: str) -> Choice:
    name, separator, words = text.partition("=")
    if not separator:
        raise ValueError(f"a choice is written code=words, not {text.strip()!r}.")
    parts = [part.strip() for part in words.split(" / ")]
    return Choice(name.strip(), dict(zip(("en", "vi"), parts, strict=False)))


_COLUMNS = (
    "name",
    "form",
    "frame",
    "type",
    "label",
    "unit",
    "choices",
    "missing",
    "sensitivity",
    "module",
    "repeat",
    "preload",
    "back_check",
    "inputs",
    "source",
)


def _row(variable: Variable, language: str) -> dict[str, str]:
    words = {name: getattr(variable, name) for name in _COLUMNS}
    return words | {
        "label": _in_language(variable.label, language, ""),
        "choices": " | ".join(
            f"{c.name}={_in_language(c.label, language, c.name)}" for c in variable.choices
        ),
        "missing": " ".join(f"{code}={reason}" for code, reason in variable.missing.items()),
        "inputs": " ".join(variable.inputs),
    }


def _plain(variable: Variable) -> dict[str, Any]:
    return {key: value for key, value in asdict(variable).items() if value or key in ("name", "type")}


def _variable(item: dict[str, Any]) -> Variable:
    choices = tuple(Choice(**choice) for choice in item.pop("choices", ()))
    return replace(Variable(**item), choices=choices, inputs=tuple(item.get("inputs", ())))


def _in_language(label: Mapping[str, str], language: str, otherwise: str) -> str:
    return label.get(language) or label.get("en") or otherwise


def _code(code: object) -> str:
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
