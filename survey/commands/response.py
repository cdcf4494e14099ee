"""`survey response`: response and retention rates by wave and group."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, say, show_rows


def response(
    context: typer.Context,
    by: Annotated[
        str,
        typer.Option(
            help="sex, programme, province, track, source, ladder, since_return or enumerator; "
            "by default everybody together."
        ),
    ] = "",
    kind: Annotated[
        str,
        typer.Option(
            help="response (AAPOR RR1 to RR6, COOP1, REF1, CON1 of each wave) or panel (retention)."
        ),
    ] = "response",
    language: Annotated[str, typer.Option(help="Language of the groups' names.")] = "en",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show response and retention by wave and group, with the counts they are made of.

    A rate of a group that only respondents have told of is left empty.

    Example: survey response --kind panel --by programme --csv
    """
    from survey import rates

    if by and by not in (*rates.BY, rates.ENUMERATOR):
        raise typer.BadParameter(
            f"choose one of {', '.join((*rates.BY, rates.ENUMERATOR))}", param_hint="--by"
        )
    if kind not in rates.KINDS:
        raise typer.BadParameter(f"choose one of {', '.join(rates.KINDS)}", param_hint="--kind")
    app = app_of(context)
    with app.session() as session:
        try:
            made = rates.read(session, seed=app.seed, kind=kind, by=by, language=language)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--by") from None
    show_rows(made.rows, as_json=as_json, as_csv=as_csv)
    if made.referred and kind == "response":
        say(f"{made.referred} persons came by referral; they have no response rate and are left out.")
