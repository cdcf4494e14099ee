"""`survey enumerators`: the field team; each member gets a login for the tablet at the next push."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, say, show_rows

enumerators = typer.Typer(help="List the field team, or add to it.", no_args_is_help=True)


@enumerators.command("list")
def list_team(context: typer.Context, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show the team: code, team, languages, whether active and whether a tablet can log in.

    Example: survey enumerators list
    """
    from sqlmodel import select

    from survey.models import Enumerator

    with app_of(context).session() as session:
        team = session.exec(select(Enumerator).order_by(Enumerator.code)).all()
        rows = [
            {
                "code": one.code,
                "team": one.team,
                "langs": one.langs,
                "gender": one.gender,
                "areas": one.areas,
                "capacity": one.capacity,
                "active": one.active,
                "has login": one.app_user_id is not None,
            }
            for one in team
        ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} enumerators.")


@enumerators.command()
def add(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="Code, never used for anybody else later: E07.")],
    label: Annotated[str, typer.Option(help="What the tablet shows in the list of interviewers.")] = "",
    team: Annotated[str, typer.Option(help="Team or province.")] = "",
    langs: Annotated[str, typer.Option(help="Languages, apart by blanks: vi en.")] = "",
    gender: Annotated[str, typer.Option(help="f or m, where it matters to respondents.")] = "",
    areas: Annotated[
        str, typer.Option(help="Strata, or how codes of sampling areas begin, apart by blanks: NA HT-02.")
    ] = "",
    capacity: Annotated[int | None, typer.Option(min=0, help="Most open cases at one time.")] = None,
) -> None:
    """Add a member of the team, or change what is known of one.

    Example: survey enumerators add E07 --label "Team Vinh 7" --langs "vi tai" --gender f --areas "NA"
    """
    from survey import cases

    with app_of(context).session() as session:
        given = {"label": label, "team": team, "langs": langs, "gender": gender, "areas": areas}
        cases.add_enumerator(session, code, **given, capacity=capacity)
        session.commit()
    say(f"{code} is in the team; `survey publish` and `survey schedule once push` tell Central.")
