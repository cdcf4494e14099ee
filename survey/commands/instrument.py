"""`survey instrument`: the forms as text, what is wrong with them, how long they take; to and from Excel."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from survey.commands import (
    AsCsv,
    AsJson,
    app_if_any,
    app_of,
    now_of,
    placed,
    say,
    short,
    show_findings,
    show_rows,
)
from survey.commands.opening import Forms, Where, demanded_by
from survey.commands.opening import corridor_of as _corridor
from survey.commands.opening import folder_of as _folder
from survey.commands.opening import open_form as _open
from survey.commands.opening import opened as _opened
from survey.commands.printing import print_forms
from survey.commands.spreadsheets import export, import_form
from survey.commands.translation import translate
from survey.errors import FINDINGS, SurveyError

if TYPE_CHECKING:
    from datetime import date

    from instruments.comparability.changes import Change
    from instruments.findings import Finding
    from instruments.instrument import Instrument

instrument = typer.Typer(
    help="List, check, build and compare forms, to and from Excel.", no_args_is_help=True
)


@instrument.command("list")
def list_forms(
    context: typer.Context, corridor: Where = "", as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Show the forms there are, with version, size, languages and estimated minutes.

    Example: survey instrument list
    """
    from instruments.length import lengths, total

    rows = [
        {
            "form": form.form_id,
            "version": form.version,
            "questions": len(form.variables),
            "languages": " ".join(form.languages),
            "minutes": f"{total(lengths(form)):.0f}",
            "title": form.title,
        }
        for form in _opened(context, None, corridor)
    ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)


@instrument.command()
def lint(
    context: typer.Context,
    forms: Forms = None,
    minutes: Annotated[
        bool, typer.Option("--minutes", help="Show minutes by module and path in place of the findings.")
    ] = False,
    budget: Annotated[float, typer.Option(help="Minutes that no path should exceed.")] = 60.0,
    corridor: Where = "",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show what is wrong with the forms: sheet, row, column and cure; leaves with 3 when one is an error.

    With --minutes: how long each module takes on each path, estimated by the type of its questions. Paths
    stand in paths.toml beside the forms.

    Example: survey instrument lint rm_baseline --minutes
    """
    from instruments.comparability import structure
    from instruments.findings import has_errors, sort_findings, to_text
    from instruments.length import over_budget, read_paths
    from instruments.lint import lint as linted
    from instruments.lint import lint_together
    from instruments.translation.stale import demanded

    opened, languages = _opened(context, forms, corridor), demanded_by(context)
    paths = read_paths(_folder(context))
    found = [f for form in opened for f in demanded(form, linted(form), languages)]
    found += [f for form in opened for f in over_budget(form, paths.get(form.form_id), budget)]
    where = _corridor(context, corridor)
    found += [] if where.is_default else structure.check(where, _folder(context))
    found = sort_findings([*found, *lint_together(opened)])
    if minutes:
        _show_minutes(opened, paths, as_json=as_json, as_csv=as_csv)
        found = [finding for finding in found if finding.code == "length.over_budget"]
    elif as_json or as_csv:
        show_rows(map(placed, found), as_json=as_json, as_csv=as_csv)
    if as_json or as_csv or not found:
        say(f"{len(found)} findings in {len(opened)} forms.")
    elif minutes:
        say(to_text(found))
    else:
        typer.echo(to_text(found))
    if has_errors(found):
        raise typer.Exit(FINDINGS)


@instrument.command()
def build(
    context: typer.Context,
    forms: Forms = None,
    output: Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")] = Path(
        "built"
    ),
    validate: Annotated[
        bool, typer.Option(help="Let ODK Validate read each form; about a second each.")
    ] = True,
    corridor: Where = "",
) -> None:
    """Write each form as .xlsx and as the .xml that tablets run; leaves with 3 when one cannot run.

    Example: survey instrument build rm_baseline --output built
    """
    from instruments.findings import Finding
    from instruments.xform import FormError, JavaMissing
    from instruments.xform import build as built_of
    from instruments.xform import validate as validated

    findings: list[Finding] = []
    output.mkdir(parents=True, exist_ok=True)
    for form in _opened(context, forms, corridor):
        try:
            built = built_of(form)
        except FormError as error:
            findings += error.findings
            continue
        (output / f"{built.form_id}.xlsx").write_bytes(built.xlsx)
        (output / f"{built.form_id}.xml").write_text(built.xml, encoding="utf-8", newline="")
        findings += [Finding("note", "form.warning", built.form_id, words) for words in built.warnings]
        try:
            findings += validated(built) if validate else []
        except JavaMissing as error:
            findings.append(Finding("note", "form.not_validated", built.form_id, str(error)))
        media = f"; attach {', '.join(built.media)}" if built.media else ""
        say(f"{built.form_id} {built.version}: {output / built.form_id}.xlsx and .xml{media}")
    show_findings(findings)


@instrument.command()
def walk(
    context: typer.Context,
    forms: Forms = None,
    interviews: Annotated[int, typer.Option(min=1, help="How many interviews with each form.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same interviews.")] = 1,
    budget: Annotated[float, typer.Option(help="Minutes that no path should exceed.")] = 60.0,
    questions: Annotated[
        bool, typer.Option("--questions", help="A row for each question: how often it was asked.")
    ] = False,
    corridor: Where = "",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Fill forms on the engine of ODK Collect with made-up answers until every question was asked.

    Shows the share of questions asked, those never asked, and the longest interview in estimated minutes; a
    path over the budget is named with its modules. Leaves with 3 when a question cannot be reached or an
    answer is lost in decoding.

    Example: survey instrument walk rm_followup --interviews 100
    """
    from instruments.length import read_paths

    try:
        from survey.sandbox.tablet import Tablet
        from survey.sandbox.walks import report
        from survey.sandbox.walks.walking import walk_form
    except ModuleNotFoundError as error:
        missing = f"the engine cannot be started, {error.name} is not installed"
        raise SurveyError(missing, cure="install returnee-panel with the extra demo") from None
    opened, paths, tablet = _opened(context, forms, corridor), read_paths(_folder(context)), Tablet()
    app = app_if_any(context)
    when = now_of(context).astimezone(app.zone if app else None)
    found: list[Finding] = []
    rows: list[dict[str, Any]] = []
    for form in opened:
        known = paths.get(form.form_id)
        done = walk_form(form, interviews, when=when, seed=seed, tablet=tablet, paths=known)
        rows += report.by_question(done) if questions else [report.summary(done)]
        found += report.findings(done, budget)
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    show_findings(found)


@instrument.command()
def diff(
    context: typer.Context,
    before: Annotated[
        str,
        typer.Argument(help="A form: its name, FORM@CORRIDOR, folder or .xlsx, or published:FORM[@VERSION]."),
    ],
    after: Annotated[str, typer.Argument(help="The form to compare with it, named likewise.")],
    breaking: Annotated[bool, typer.Option("--breaking", help="Only what breaks comparability.")] = False,
    rows: Annotated[
        bool,
        typer.Option(
            "--crosswalk", help="Print crosswalk rows for what is not covered yet, to be filled in."
        ),
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare two versions of a form by meaning; leaves with 3 when a change breaks comparability.

    A change that a row of the crosswalk beside the form covers (reason, author, date) is shown and let pass.
    Attached code lists are compared too, as they were while a version was the newest and as they are here.

    Example: survey instrument diff published:rm_followup rm_followup
    """
    from instruments.comparability import crosswalk
    from instruments.comparability.attached import compared
    from instruments.comparability.compare import compare

    (old, published), (new, _) = _version(context, before), _version(context, after)
    lists = compared(_lists(context, before, old), _lists(context, after, new))
    changes = [change for change in (*compare(old, new), *lists) if change.breaks or not breaking]
    rulings, findings = crosswalk.read(_crosswalk_of(context, after, new))
    open_ = crosswalk.uncovered(changes, rulings, published)
    if rows:
        typer.echo(crosswalk.template(open_, today=now_of(context).date()).removesuffix("\n"))
    else:
        show_rows([_changed(change, change in open_) for change in changes], as_json=as_json, as_csv=as_csv)
    breaks = sum(change.breaks for change in changes)
    say(
        f"{old.form_id} {old.version} → {new.form_id} {new.version}: {len(changes)} changes, {breaks} break "
        f"comparability, {breaks - len(open_)} of them covered by a crosswalk."
    )
    show_findings(findings)
    if open_:
        raise typer.Exit(FINDINGS)


def _show_minutes(
    forms: "Sequence[Instrument]", paths: dict[str, Any], *, as_json: bool, as_csv: bool
) -> None:
    """One row per form and module with a column per path, and a last row with the sum."""
    from instruments.length import lengths, total

    tables: list[list[dict[str, Any]]] = []
    for form in forms:
        found = lengths(form, paths.get(form.form_id))
        names = list(dict.fromkeys(one.path for one in found))
        at = {(one.module, one.path): one.minutes for one in found}
        rows: list[dict[str, Any]] = [
            {"form": form.form_id, "module": module}
            | {path: f"{at.get((module, path), 0.0):.1f}" for path in names}
            for module in dict.fromkeys(one.module for one in found)
        ]
        whole = {path: f"{total(found, path):.1f}" for path in names}
        tables.append([*rows, {"form": form.form_id, "module": "(all)"} | whole])
    if as_json or as_csv:
        long = [
            {"form": row["form"], "module": row["module"], "path": path, "minutes": told}
            for table in tables
            for row in table
            for path, told in row.items()
            if path not in ("form", "module")
        ]
        show_rows(long, as_json=as_json, as_csv=as_csv)
    else:
        for table in tables:
            show_rows(table)
            typer.echo()


def _version(context: typer.Context, name: str) -> "tuple[Instrument, date | None]":
    """A form as it is, or as it was published and on which day."""
    from instruments.instrument import Instrument
    from survey.publish import last_version

    kind, separator, rest = name.partition(":")
    if kind != "published" or not separator:
        form, _, corridor = (name, "", "") if Path(name).exists() else name.partition("@")
        return _open(form, _folder(context), _corridor(context, corridor)), None
    form, _, version = rest.partition("@")
    with app_of(context).session() as session:
        row = last_version(session, form, version)
        if row is None:
            what = f"version {version} of {form}" if version else f"{form}"
            raise SurveyError(f"{what} was never published from here", cure="survey publish does that")
        return Instrument.from_sheets(row.sheets), row.published_at.date()


def _lists(context: typer.Context, name: str, form: "Instrument") -> "dict[str, bytes]":
    """The attached code lists of a form: as they are here, or as they were while a version was the newest."""
    from instruments.comparability.attached import files_of
    from instruments.instrument import lists
    from instruments.places import list_files

    files = files_of(form)
    if not name.startswith("published:"):
        return {file: lists(file) for file in files if file in list_files()}
    from survey import attached
    from survey.publish import superseded

    form_id, _, version = name.removeprefix("published:").partition("@")
    with app_of(context).session() as session:
        return attached.held(session, files, superseded(session, form_id, version))


def _crosswalk_of(context: typer.Context, name: str, form: "Instrument") -> Path:
    """The crosswalk beside the folder that was named, else beside the form of that id."""
    from instruments.comparability.crosswalk import path_of

    path = Path(name)
    if (path / "survey.csv").is_file():
        return path_of(path.resolve().name, path.resolve().parent)
    return path_of(form.form_id, _folder(context))


def _changed(change: "Change", is_open: bool) -> dict[str, Any]:
    told = "breaks" if is_open else "covered" if change.breaks else ""
    place = {"change": change.kind, "variable": change.variable, "comparability": told}
    return place | {
        "before": short(change.before),
        "after": short(change.after),
        "language": change.language,
        "why": change.why,
    }


instrument.command("print")(print_forms)
instrument.command("export")(export)
instrument.command("import")(import_form)
instrument.add_typer(translate, name="translate")
