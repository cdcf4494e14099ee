"""`survey instrument export` and `import`: a form to Excel and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import AsCsv, AsJson, DryRun, say, short, show_findings, show_rows
from survey.commands.opening import Forms, Where, corridor_of, folder_of, opened
from survey.errors import SurveyError

if TYPE_CHECKING:
    from instruments.findings import Finding


def export(
    context: typer.Context,
    forms: Forms = None,
    output: Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")] = Path(
        "export"
    ),
    dialect: Annotated[str, typer.Option(help="odk (Central and KoboToolbox) or surveycto.")] = "odk",
    corridor: Where = "",
) -> None:
    """Write each form as an XLSForm to edit in Excel, with modules and shared lists written out.

    Every column comes along, those of the codebook too; `import` reads it back exactly.

    Example: survey instrument export rm_followup --output export
    """
    from instruments.excel.workbook import write

    findings: list[Finding] = []
    written = opened(context, forms, corridor)
    output.mkdir(parents=True, exist_ok=True)
    for form in written:
        try:
            data, told = write(dict(form.sheets), dialect)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        findings += told
        (output / f"{form.form_id}.xlsx").write_bytes(data)
        say(f"{form.form_id} {form.version}: {output / form.form_id}.xlsx")
    show_findings(findings)


def import_form(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="An XLSForm (.xlsx) of anybody's.", exists=True, dir_okay=False)
    ],
    into: Annotated[
        Path | None, typer.Option(help="Folder of forms; by default the study's own (forms_folder).")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the form's folder; by default its form_id.")] = "",
    language: Annotated[
        str, typer.Option(help="Language of texts whose heading names none, e.g. 'English (en)'.")
    ] = "",
    corridor: Where = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Read an XLSForm into a form folder and show what differs, question by question.

    A form that is there keeps the modules and lists it shares as far as its rows allow. What ODK does not do
    is an error (3): a new form is written all the same, to be mended; one that is there stays as it is.

    Example: survey instrument import rm_followup.xlsx --dry-run
    """
    from instruments import instrument as text
    from instruments.excel.intake import put, take_in
    from instruments.findings import has_errors

    folder = into or folder_of(context)
    if folder is None and not dry_run:
        raise typer.BadParameter("name a folder of forms with --into, or set forms_folder in survey.toml")
    try:
        taken = take_in(
            file, folder or text.FORMS, name=name, language=language, where=corridor_of(context, corridor)
        )
    except ValueError as error:
        raise SurveyError(f"cannot read {file.name}: {error}") from None
    rows = [
        {"sheet": e.sheet, "row": e.row, "column": e.column, "before": e.before, "after": e.after}
        for e in taken.edits
    ]
    plain = not (as_json or as_csv)
    told = [{key: short(cell) for key, cell in row.items()} if plain else row for row in rows]
    show_rows(told, as_json=as_json, as_csv=as_csv)
    refused = has_errors(taken.findings) and not taken.is_new
    if not dry_run and not refused:
        put(taken)
    did = "stays as it is" if refused or not rows else "would be written" if dry_run else "is written"
    say(f"{'New form' if taken.is_new else 'Form'} {taken.folder.name}: {len(rows)} cells differ; it {did}.")
    if taken.breaking:
        say(f"{taken.breaking} changes break comparability: see survey instrument diff.")
    show_findings(taken.findings)
