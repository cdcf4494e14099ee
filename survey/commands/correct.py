"""`survey correct`: record a human change to one value, or say that it is right as it is."""

from typing import Annotated

import typer

from survey.commands import app_of, now_of, say
from survey.errors import SurveyError


def correct(
    context: typer.Context,
    instance: Annotated[str, typer.Argument(help="Instance id of the submission: uuid:...")],
    variable: Annotated[str, typer.Argument(help="Its variable; in a repeat with the row: sp_state[2].")],
    old: Annotated[str, typer.Argument(help="The value that stands there; '' for no answer.")],
    new: Annotated[str, typer.Argument(help="The value to put there; the old one again says it is okay.")],
    who: Annotated[str, typer.Option(help="Who decided it.")],
    why: Annotated[str, typer.Option(help="How it is known.")],
) -> None:
    """Record a correction; the raw answer stays, and the correction can be followed but never changed.

    Example: survey correct uuid:2b1c... inc_own 7500000 7.5 --who lan --why "called back, meant million"
    """
    from survey import corrections

    with app_of(context).session() as session:
        try:
            corrections.record(
                session,
                instance_id=instance,
                variable=variable,
                old=old,
                new=new,
                who=who,
                why=why,
                at=now_of(context),
            )
        except (LookupError, ValueError) as error:
            raise SurveyError(str(error)) from None
        session.commit()
    say(f"Recorded for {variable}; the next release has it.")
