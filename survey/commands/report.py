"""`survey report`: reports made from a release, from nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import app_of
from survey.errors import SurveyError

if TYPE_CHECKING:
    from survey.app import App

report = typer.Typer(help="Make reports from a release.", no_args_is_help=True)


@report.command()
def build(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Option("--from", help="A release folder; by default the newest of the study.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write; by default reports/<release> of the study.")
    ] = None,
    name: Annotated[list[str] | None, typer.Option(help="Which report; by default panel.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="By default English, or the study's.")] = None,
) -> None:
    """Write the reports of a release as HTML and PDF.

    With --from and --out neither a study nor a database is needed.

    Example: survey report build --language vi
    """
    from analysis.dataset import Dataset
    from analysis.report import names, write

    if unknown := set(name or ()) - set(names()):
        raise typer.BadParameter(
            f"no report {min(unknown)!r}; choose from {', '.join(names())}", param_hint="--name"
        )
    languages = language or ["en"]
    if source is None or out is None:
        app = app_of(context)
        source = source or app.folder / "releases" / _newest(app)
        out = out or app.folder / "reports" / source.name
        languages = language or app.settings.study.languages
    for path in write(Dataset.read(source), out, names=name or ["panel"], languages=languages):
        typer.echo(path)


def _newest(app: "App") -> str:
    from survey.release import latest

    with app.session() as session:
        row = latest(session)
    if row is None:
        raise SurveyError("there is no release yet", cure="make one with `survey release build`")
    return row.folder
