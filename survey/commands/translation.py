"""`survey instrument translate`: the sheet of a language for translators, out and in, and how far each is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import AsCsv, AsJson, DryRun, say, show_findings, show_rows
from survey.commands.opening import folder_of
from survey.errors import SurveyError

if TYPE_CHECKING:
    from instruments.translation.texts import Library, Text

translate = typer.Typer(
    help="Sheets for translators, out and in, and how far each language is.", no_args_is_help=True
)

Language = Annotated[
    str, typer.Argument(help="Code of a language (vi, id, ja), or its name and code: 'Deutsch (de)'.")
]
Parts = Annotated[
    list[str] | None,
    typer.Argument(help="Names of forms, modules or corridors, or phrases; by default everything."),
]


@translate.command()
def export(
    context: typer.Context,
    language: Language,
    parts: Parts = None,
    output: Annotated[
        Path | None, typer.Option(help="The .xlsx; by default translate-LANGUAGE.xlsx.")
    ] = None,
) -> None:
    """Write the texts of forms or modules as a sheet to translate: source, context, translation and state.

    A language that is not there yet has empty translations; a text whose English changed since is stale.

    Example: survey instrument translate export id plans --output plans-id.xlsx
    """
    from instruments.sheets import write_xlsx
    from instruments.translation import exchange, records

    code, _ = _language(language)
    library = _library(context)
    known = records.read(code, library.records)
    texts = _chosen(code, parts, library)
    path = output or Path(f"translate-{code}.xlsx")
    table = exchange.sheet(texts, known)
    states = {"state": (*records.STATES,)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write_xlsx({code: table}, widths=exchange.WIDTHS, offered=states))
    counts = exchange.states(texts, known)
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    say(f"{path}: {len(texts)} texts for {code}: {said}.")


@translate.command("import")
def import_sheet(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A filled sheet (.xlsx).", exists=True, dir_okay=False)],
    language: Annotated[str, typer.Option(help="Its language; by default the name of its first sheet.")] = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Write the translations of a filled sheet into the files they belong to, and keep their states.

    What would break a form is refused row by row (3): braces that changed, a state nobody knows, Burmese in
    Zawgyi; and what all studies share, from within a study. The other rows are written.

    Example: survey instrument translate import plans-id.xlsx --dry-run
    """
    from instruments.sheets import read_xlsx
    from instruments.translation import exchange, records, texts

    try:
        sheets = read_xlsx(file)
        title, table = next(iter(sheets.items()))
        code, named = _language(language or title)
        library = _library(context)
        known = records.read(code, library.records)
        every = texts.all_texts(code, library)
        taken = exchange.take_in(table or [[]], every, known, code, file.name, library.owns)
    except ValueError as error:
        raise SurveyError(f"cannot read {file.name}: {error}") from None
    rows = [
        {
            "place": edit.text.place,
            "row": edit.text.row,
            "column": edit.text.column,
            "before": edit.text.translation,
            "after": edit.translation,
            "state": f"{edit.before or '(none)'} → {edit.record.state}",
        }
        for edit in taken.edits
    ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    if not dry_run and taken.edits:
        for path in texts.put(taken.translations, code, library, named):
            say(str(path))
        records.write(known | taken.records, code, library.records)
    did = "would change" if dry_run else "changed"
    say(f"{code}: {len(taken.translations)} texts and {len(taken.edits)} records {did}.")
    show_findings(taken.findings)


@translate.command()
def status(
    context: typer.Context,
    languages: Annotated[
        list[str] | None, typer.Argument(help="Codes of languages; by default all that are recorded.")
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show how many texts of each language are missing, draft, back-translated, approved or stale.

    Records of texts that are no longer there are kept and counted as gone.

    Example: survey instrument translate status vi
    """
    from instruments.translation import exchange, records, texts

    library = _library(context)
    rows = []
    for code in languages or sorted(path.stem for path in library.records.glob("*.csv")):
        known = records.read(code, library.records)
        every = texts.all_texts(code, library)
        for place in ("forms", "modules", "corridors", "phrases"):
            mine = [text for text in every if text.place.partition("/")[0] == place]
            gone = [r for r in records.gone(every, known) if r.place.partition("/")[0] == place]
            rows.append({"language": code, "of": place, **exchange.states(mine, known), "gone": len(gone)})
    show_rows(rows, as_json=as_json, as_csv=as_csv)


def _language(said: str) -> tuple[str, str]:
    """The code of a language and, where it was given with its name, how its columns are to be headed."""
    from instruments.languages import code_of, named

    said = said.strip()
    code = said.lower() if said.isascii() and said.isalpha() and len(said) <= 3 else code_of(said)
    if not code or code == "en":
        raise typer.BadParameter(f"{said!r} is no language to translate into; write a code, as vi or id")
    return code, named(said) if said.endswith(")") else ""


def _library(context: typer.Context) -> "Library":
    from instruments.instrument import FORMS
    from instruments.translation.texts import Library

    return Library(forms=folder_of(context) or FORMS)


def _chosen(code: str, parts: Sequence[str] | None, library: "Library") -> "Sequence[Text]":
    """The texts of these forms and modules, with the lists they use; everything if none is named."""
    from instruments import instrument
    from instruments.translation import stale, texts

    every = texts.all_texts(code, library)
    chosen = set()
    for part in parts or ():
        if (library.forms / part / "survey.csv").is_file():
            form = instrument.load(part, library.forms)
            chosen |= {text.key for text in stale.texts_of(form, code, library)}
        elif (library.modules / part / "survey.csv").is_file():
            lists = texts.lists_of(library.modules / part / "survey.csv")
            chosen |= {text.key for text in texts.selected(every, {f"modules/{part}"}, lists)}
        elif mine := [text.key for text in every if text.place in (part, f"corridors/{part}")]:
            chosen |= set(mine)
        else:
            raise typer.BadParameter(f"there is no form, module or corridor {part!r}")
    return [text for text in every if text.key in chosen] if parts else every
