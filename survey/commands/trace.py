"""`survey trace`: the walk of one answer."""

from typing import Annotated

import typer

from survey.commands import app_of
from survey.errors import SurveyError


def trace(
    context: typer.Context,
    instance: Annotated[str, typer.Argument(help="Instance id of the submission: uuid:...")],
    variable: Annotated[str, typer.Argument(help="Its variable; in a repeat with the row: sp_state[2].")],
) -> None:
    """Show one answer from the row of its form to the cells of the release and the reports made of it.

    Identifying answers are not shown.

    Example: survey trace uuid:2b1c... inc_own
    """
    from survey.trace import to_text, walk

    app = app_of(context)
    with app.session() as session:
        try:
            stages = walk(
                session,
                instance,
                variable,
                seed=app.seed,
                releases=app.folder / "releases",
                reports=app.folder / "reports",
            )
        except LookupError as error:
            raise SurveyError(str(error)) from None
    typer.echo(to_text(stages))
