"""`survey codebook`: what every variable means, to be searched, read and handed on."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import AsCsv, AsJson, app_if_any, say, show_rows
from survey.errors import SurveyError

if TYPE_CHECKING:
    from instruments.dictionary import Entry

codebook = typer.Typer(help="List, show or export the variables of all forms and of the release.")

Search = Annotated[str, typer.Option("--search", help="Words in name, label, choices, unit or source.")]
Form = Annotated[str, typer.Option("--form", help="Only of this form or release frame.")]
Module = Annotated[str, typer.Option("--module", help="Only of this module.")]
Flag = Annotated[
    str,
    typer.Option(
        "--flag",
        help="P identifying, S sensitive, T free_text, D preloaded, N independent, "
        "B1 B2 B3 back-check, C computed.",
    ),
]
FORMATS = ("md", "csv", "json", "ddi")


@codebook.command("list")
def list_variables(
    context: typer.Context,
    search: Search = "",
    form: Form = "",
    module: Module = "",
    flag: Flag = "",
    language: Annotated[str, typer.Option(help="Language of the labels.")] = "en",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show one line per variable; all options together narrow it.

    Example: survey codebook list --search income --flag S
    """
    found = _chosen(context, search, form, module, flag)
    rows = [
        {
            "name": entry.variable.name,
            "in": entry.place,
            "type": entry.variable.type,
            "unit": entry.variable.unit,
            "flags": " ".join(entry.flags),
            "label": " ".join(entry.variable.label.get(language, "").split()),
        }
        for entry in found
    ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} variables.")


@codebook.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the variable.")],
    form: Form = "",
) -> None:
    """Show all there is to know of a variable, in every form that has it.

    Example: survey codebook show inc_own
    """
    from instruments.dictionary import to_text

    every = _entries(context)
    found = [e for e in every if e.variable.name == name and form in ("", e.variable.form, e.variable.frame)]
    if not found:
        near = get_close_matches(name, {entry.variable.name for entry in every}, n=3)
        cure = f"did you mean {' or '.join(near)}?" if near else "try survey codebook list --search"
        raise SurveyError(f"no variable {name!r}", where=form, cure=cure)
    typer.echo("\n\n".join(to_text(entry) for entry in found))


@codebook.command()
def export(
    context: typer.Context,
    format_: Annotated[str, typer.Option("--format", help=" | ".join(FORMATS))] = "md",
    output: Annotated[Path | None, typer.Option(help="File to write; stdout if none is named.")] = None,
    search: Search = "",
    form: Form = "",
    module: Module = "",
    flag: Flag = "",
) -> None:
    """Write the codebook as Markdown, CSV, JSON or DDI-Codebook 2.5 (XML).

    Example: survey codebook export --format ddi --output codebook.xml
    """
    from instruments import ddi, dictionary

    if format_ not in FORMATS:
        raise typer.BadParameter(f"there is no format {format_!r}; there are {', '.join(FORMATS)}")
    writers = {
        "md": dictionary.to_markdown,
        "csv": dictionary.to_csv,
        "json": dictionary.to_json,
        "ddi": lambda entries: ddi.to_ddi(entries).decode(),
    }
    found = _chosen(context, search, form, module, flag)
    text = writers[format_](found)
    if output:
        output.write_text(text, encoding="utf-8", newline="")
        say(f"Wrote {len(found)} variables to {output}.")
    else:
        typer.echo(text.removesuffix("\n"))


def _entries(context: typer.Context) -> "Sequence[Entry]":
    """Every entry of the study's forms and plan, or of those shipped where there is no study."""
    from instruments.corridor import DEFAULT
    from instruments.dictionary import entries
    from instruments.instrument import forms, load
    from instruments.plan import load_plan

    app = app_if_any(context)
    folder = app.forms_folder if app else None
    corridor = app.settings.study.corridor if app else DEFAULT
    loaded = [load(name, folder, corridor=corridor) for name in forms(folder)]
    return entries(loaded, app.plan if app else load_plan())


def _chosen(context: typer.Context, search: str, form: str, module: str, flag: str) -> "Sequence[Entry]":
    from instruments import dictionary

    try:
        return dictionary.search(_entries(context), text=search, form=form, module=module, flag=flag)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
