"""`survey households`: which cases live together; makes the same interviewer likely, and nothing else."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, now_of, say, show_rows

households = typer.Typer(help="Link cases of one household, part them, list the links.", no_args_is_help=True)

ONE = Annotated[str, typer.Argument(help="Number of a case.")]
WHO = Annotated[str, typer.Option(help="Who says so.")]
WHY = Annotated[str, typer.Option(help="How it is known, without names.")]


@households.command()
def link(context: typer.Context, one: ONE, other: ONE, who: WHO, why: WHY) -> None:
    """Say that two cases share a household.

    Example: survey households link VN-0317 VN-0318 --who lan --why "same phone, both say so"
    """
    from survey.people import households as held

    with app_of(context).session() as session:
        new = held.link(session, one, other, who=who, why=why, now=now_of(context))
        session.commit()
    say("Linked." if new else "They were linked already.")


@households.command()
def part(context: typer.Context, one: ONE, other: ONE, who: WHO, why: WHY) -> None:
    """Say that two cases do not share a household any more; the link stays in the history.

    Example: survey households part VN-0317 VN-0318 --who lan --why "moved out"
    """
    from survey.people import households as held

    with app_of(context).session() as session:
        new = held.part(session, one, other, who=who, why=why, now=now_of(context))
        session.commit()
    say("Parted." if new else "They were not linked.")


@households.command("list")
def list_links(context: typer.Context, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show the links that stand.

    Example: survey households list --csv
    """
    from survey.people import households as held

    with app_of(context).session() as session:
        rows = [
            {
                "case": row.case_a,
                "with": row.case_b,
                "since": row.at.date().isoformat(),
                "who": row.who,
                "why": row.why,
            }
            for row in held.links(session)
        ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} links.")
