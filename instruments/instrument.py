"""Instrument: the sheets of a form read as questions, choice lists, groups and repeats.

`load` takes a form from text, with the modules and lists it shares written out (`includes`);
`Instrument.from_sheets` takes sheets kept anywhere, so an old answer can be read under the form it was given
in. A `Question` keeps all cells of its row and knows where it stands; what
its variable means (type, missing codes, sensitivity) comes from the `codebook::` columns, and for choices
from the column `missing`. Building an XForm is `xform`, finding faults is `lint`, reading answers is
`decode`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from instruments import corridor as corridors
from instruments import places
from instruments import sheets as sheet_io
from instruments.codebook import SENSITIVITIES, TYPES, Choice, Variable, languages_of
from instruments.corridor import DEFAULT, Corridor
from instruments.expand import includes, quotes
from instruments.sheets import Sheets

FORMS = Path(__file__).parent / "forms"
LISTS = Path(__file__).parent / "lists"

REFERENCE = re.compile(r"\$\{\s*([^}\s]+)\s*\}")
_TYPES = {
    "integer": "integer",
    "int": "integer",
    "range": "decimal",
    "decimal": "decimal",
    "text": "text",
    "string": "text",
    "barcode": "text",
    "date": "date",
    "today": "date",
    "datetime": "datetime",
    "start": "datetime",
    "end": "datetime",
    "time": "text",
    "geopoint": "geopoint",
    "geotrace": "geopoint",
    "geoshape": "geopoint",
    "start-geopoint": "geopoint",
    "note": "note",
    "calculate": "calculate",
    "hidden": "text",
    "acknowledge": "text",
    "deviceid": "text",
    "username": "text",
    "phonenumber": "text",
    "email": "text",
    "audit": "file",
    "image": "file",
    "audio": "file",
    "video": "file",
    "file": "file",
    "background-audio": "file",
    "select_one": "select_one",
    "select_one_from_file": "select_one",
    "select_multiple": "select_multiple",
    "select_multiple_from_file": "select_multiple",
    "rank": "text",
}
_IDENTIFYING_TYPES = ("deviceid", "username", "phonenumber", "email", "audit")


@dataclass(frozen=True, slots=True)
class Question:
    """One row of the survey sheet that is not the beginning or end of a group.

    `row` is its number in the sheet with all modules written out, `groups` the names of the groups around it
    from outside in, `repeat` the innermost repeat ("" outside of any). `file` is the attached list of a
    select, `list_name` the list on the choices sheet.
    """

    row: int
    kind: str
    name: str
    cells: Mapping[str, str]
    groups: tuple[str, ...] = ()
    repeat: str = ""
    module: str = ""
    list_name: str = ""
    file: str = ""

    @property
    def type(self) -> str:
        """The type of its variable: as `codebook::type` says, else as the question type implies."""
        said = self.cell("codebook::type").partition(" ")[0]
        return said if said in TYPES else _TYPES.get(self.kind, "text")

    @property
    def sensitivity(self) -> str:
        """How the answer has to be guarded: as `codebook::sensitivity` says, else as the type implies."""
        said = self.cell("codebook::sensitivity")
        implied = "identifying" if self.kind in _IDENTIFYING_TYPES else ""
        return said if said and said in SENSITIVITIES else implied

    @property
    def is_stored(self) -> bool:
        """Whether an answer or computed value of it can occur in a submission."""
        return self.kind not in ("note", "csv-external", "xml-external")

    @property
    def mode(self) -> str:
        """Its mode of dependent interviewing: `proactive`, `dependent`, `independent`, `preload` or ""."""
        return self.cell("codebook::preload").partition(" ")[0]

    def cell(self, column: str) -> str:
        """The text of one cell of its row, "" if empty."""
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class Block:
    """A group or repeat: where it begins, what stands around it, and its own cells."""

    row: int
    kind: str
    name: str
    cells: Mapping[str, str]
    around: tuple[str, ...] = ()
    module: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A form as designed. Equal sheets (by digest) make equal instruments."""

    form_id: str
    title: str
    number: str
    digest: str
    sheets: Sheets = field(compare=False, repr=False)
    questions: tuple[Question, ...] = field(compare=False, repr=False)
    blocks: tuple[Block, ...] = field(compare=False, repr=False)
    lists: Mapping[str, tuple[Choice, ...]] = field(compare=False, repr=False)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    awaited: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)
    home: Path | None = field(default=None, compare=False, repr=False)  # the folder of forms it was read from

    @classmethod
    def from_sheets(
        cls,
        sheets: Sheets,
        places: Mapping[str, tuple[str, ...]] | None = None,
        awaited: Mapping[str, tuple[int, int]] | None = None,
    ) -> Instrument:
        """The instrument of these sheets; `places` tells where a row was written if not in them.

        `awaited` are languages it does not come in yet, with how many of how many texts are not translated.

        Raises
        ------
        ValueError
            There is no survey sheet or no form_id; the message says what to add.
        """
        if not sheets.get("survey"):
            raise ValueError("The form has no survey sheet; add survey.csv with the columns type and name.")
        settings = (sheet_io.rows(sheets.get("settings", [])) or [{}])[0]
        if not settings.get("form_id"):
            raise ValueError(
                "The settings sheet names no form_id; add the column form_id with the form's name."
            )
        questions, blocks = _read_survey(sheets["survey"])
        return cls(
            form_id=settings["form_id"],
            title=settings.get("form_title", settings["form_id"]),
            number=settings.get("version", "1"),
            digest=sheet_io.digest(sheets),
            sheets=sheets,
            questions=questions,
            blocks=blocks,
            lists=_read_choices(sheets.get("choices", [])),
            places=places or {},
            awaited=awaited or {},
        )

    @property
    def version(self) -> str:
        """The author's number and the beginning of the digest: changed text never reuses a version."""
        return f"{self.number}.{self.digest[:8]}"

    @property
    def settings(self) -> Mapping[str, str]:
        """The one row of the settings sheet."""
        return (sheet_io.rows(self.sheets.get("settings", [])) or [{}])[0]

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes of the labels, in the order of their columns."""
        return tuple(languages_of(self.sheets["survey"][0], "label"))

    @property
    def repeats(self) -> tuple[str, ...]:
        """Names of the repeats, in order."""
        return tuple(block.name for block in self.blocks if block.kind == "repeat")

    @property
    def entity_list(self) -> str | None:
        """The entity list that a submission of this form creates or updates, if any."""
        rows = sheet_io.rows(self.sheets.get("entities", []))
        return (rows[0].get("list_name") or rows[0].get("dataset")) if rows else None

    @property
    def entity_lists_used(self) -> tuple[str, ...]:
        """Entity lists the form reads from: rows whose `codebook::list` is `entity`."""
        files = (_file_of(q) for q in self.questions if q.cell("codebook::list") == "entity")
        return tuple(dict.fromkeys(name.removesuffix(".csv") for name in files))

    @property
    def media(self) -> tuple[str, ...]:
        """Files to attach to the form, in order; entity lists, which Central attaches itself, left out."""
        names = dict.fromkeys(filter(None, map(_file_of, self.questions)))
        return tuple(name for name in names if name.removesuffix(".csv") not in self.entity_lists_used)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """One variable per question that stores something, in the order of the form."""
        return tuple(self._variable(question) for question in self.questions if question.is_stored)

    def choices(self, list_name: str) -> tuple[Choice, ...]:
        """The choices of one list of the choices sheet; none if there is no such list."""
        return self.lists.get(list_name, ())

    def place(self, sheet: str, row: int) -> str:
        """Where an editor finds a row of a sheet: `survey row 7`, or `module job survey row 3`."""
        known = self.places.get(sheet, ())
        return known[row - 2] if 2 <= row < len(known) + 2 else f"{sheet} row {row}"

    def question(self, name: str) -> Question | None:
        """The question of that name."""
        return next((question for question in self.questions if question.name == name), None)

    def _variable(self, question: Question) -> Variable:
        choices = self.choices(question.list_name) or _shipped_choices(question.file)
        return Variable(
            name=question.name,
            form=self.form_id,
            type=question.type,
            label=_labels(question.cells),
            unit=question.cell("codebook::unit"),
            choices=choices,
            list_name=question.list_name or question.file,
            missing=_reasons(question.cell("codebook::missing")) or _missing_choices(choices),
            sensitivity=question.sensitivity,
            inputs=tuple(dict.fromkeys(REFERENCE.findall(question.cell("calculation")))),
            source=question.cell("codebook::source"),
            module=question.module,
            group=question.groups[-1] if question.groups else "",
            repeat=question.repeat,
            preload=question.mode,
            preloaded=question.cell("codebook::preloaded"),
            wrong=question.cell("codebook::wrong"),
            corrects=question.cell("codebook::corrects"),
            back_check=question.cell("codebook::back_check"),
        )


def load(form: str | Path, folder: Path | None = None, *, corridor: str | Corridor = DEFAULT) -> Instrument:
    """The instrument of that name in `folder` (the package's own if none), or at the path of a form folder.

    Words, choice lists and places are those of the corridor.

    Raises
    ------
    FileNotFoundError
        There is no such form.
    ValueError
        It is no form, it includes what is not there, or there is no such corridor.
    """
    path = Path(form) if isinstance(form, Path) else Path(folder or FORMS) / form
    where = corridor if isinstance(corridor, Corridor) else corridors.corridor(corridor)
    whole = includes.write_out(sheet_io.read_folder(path), where=where)
    made = Instrument.from_sheets(whole.sheets, whole.places, whole.awaited)
    return replace(made, home=path.resolve().parent)


def forms(folder: Path | None = None) -> tuple[str, ...]:
    """Names of the forms in `folder` (the package's own if none), sorted."""
    return tuple(sorted(path.parent.name for path in Path(folder or FORMS).glob("*/survey.csv")))


def lists(name: str, provinces: Collection[str] | None = None) -> bytes:
    """An attached list shipped with the package, as the CSV to upload.

    Parameters
    ----------
    name
        `vn_prov_hist.csv`, `vn_prov34.csv`, `vn_commune.csv` or one of a corridor, as `id_prov.csv`; the
        ending may be left out.
    provinces
        Codes of provinces to which a list of communes is narrowed, so that the form opens faster. Other
        lists are given whole, because people move.

    Raises
    ------
    FileNotFoundError
        The package ships no such list; `enumerators.csv` and `psu.csv` belong to the study.
    """
    path = places.list_files().get(name if name.endswith(".csv") else f"{name}.csv")
    if path is None:
        shipped = ", ".join(places.list_files())
        raise FileNotFoundError(
            f"No list {name!r} is shipped (there are {shipped}); the study has to provide it."
        )
    data = path.read_bytes()
    return data if provinces is None else _narrowed(data, provinces)


def _narrowed(data: bytes, provinces: Collection[str]) -> bytes:
    reader = csv.DictReader(io.StringIO(data.decode()))
    if "prov" not in (reader.fieldnames or ()):
        return data
    stream = io.StringIO()
    writer = csv.DictWriter(stream, reader.fieldnames or (), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in reader if row["prov"] in provinces)
    return stream.getvalue().encode()


def _read_survey(table: list[list[str]]) -> tuple[tuple[Question, ...], tuple[Block, ...]]:
    questions: list[Question] = []
    blocks: list[Block] = []
    around: list[Block] = []
    for number, cells in enumerate(sheet_io.rows(table), start=2):
        words = cells.get("type", "").split()
        kind = words[0].replace(" ", "_") if words else ""
        kind = "_".join(words[:2]) if kind in ("begin", "end") else kind
        if kind in ("begin_group", "begin_repeat"):
            block = _block(number, kind.removeprefix("begin_"), cells, around)
            blocks.append(block)
            around.append(block)
        elif kind in ("end_group", "end_repeat"):
            if around:
                around.pop()
        elif kind:
            questions.append(_question(number, words, cells, around))
    return tuple(questions), tuple(blocks)


def _block(number: int, kind: str, cells: Mapping[str, str], around: list[Block]) -> Block:
    module = cells.get("codebook::module") or (around[-1].module if around else "")
    return Block(number, kind, cells.get("name", ""), cells, tuple(b.name for b in around), module)


def _question(number: int, words: list[str], cells: Mapping[str, str], around: list[Block]) -> Question:
    kind = words[0].lower() if words[0].lower() in _TYPES else words[0]
    said = cells.get("codebook::type", "").partition(" ")[2]
    argument = words[1] if len(words) > 1 else said
    from_file = kind.endswith("_from_file")
    return Question(
        row=number,
        kind=kind,
        name=cells.get("name", ""),
        cells=cells,
        groups=tuple(block.name for block in around),
        repeat=next((block.name for block in reversed(around) if block.kind == "repeat"), ""),
        module=cells.get("codebook::module") or (around[-1].module if around else ""),
        list_name="" if from_file else argument,
        file=argument if from_file else "",
    )


def _read_choices(table: list[list[str]]) -> dict[str, tuple[Choice, ...]]:
    found: dict[str, list[Choice]] = {}
    for cells in sheet_io.rows(table):
        if cells.get("list_name"):
            found.setdefault(cells["list_name"], []).append(_choice(cells))
    return {name: tuple(choices) for name, choices in found.items()}


def _choice(cells: Mapping[str, str]) -> Choice:
    known = ("list_name", "name", "label")
    other = {
        key: text
        for key, text in cells.items()
        if key.partition("::")[0] not in known and not key.startswith(quotes.WORDS)
    }
    return Choice(cells.get("name", ""), _labels(cells), other)


def _labels(cells: Mapping[str, str]) -> dict[str, str]:
    labels = {code: cells[column] for code, column in languages_of(cells, "label").items()}
    return labels or ({"en": cells["label"]} if cells.get("label") else {})


def _reasons(text: str) -> dict[str, str]:
    """`"-98=dont_know -99=refused"` as a mapping."""
    pairs = (part.partition("=") for part in text.split())
    return {code: reason for code, _, reason in pairs}


def _missing_choices(choices: Iterable[Choice]) -> dict[str, str]:
    return {choice.name: choice.attributes["missing"] for choice in choices if "missing" in choice.attributes}


def _file_of(question: Question) -> str:
    if question.kind == "csv-external":
        return f"{question.name}.csv"
    return question.file


def _shipped_choices(file: str) -> tuple[Choice, ...]:
    """The choices of a shipped list of provinces; communes never get as far as a table, so none of theirs."""
    path = places.list_files().get(file)
    if path is None or "prov" not in file:
        return ()
    language = next((known.language for known in places.code_lists().values() if known.file == file), "")
    with path.open(encoding="utf-8", newline="") as stream:
        return tuple(Choice(row["name"], _place_labels(row, language)) for row in csv.DictReader(stream))


def _place_labels(row: Mapping[str, str], language: str) -> dict[str, str]:
    """The names of a place by language; `language` is that of its plain label, "" where it is mixed."""
    labels = {column[6:]: text for column, text in row.items() if column.startswith("label_") and text}
    return labels | ({language: row["label"]} if language else {})
