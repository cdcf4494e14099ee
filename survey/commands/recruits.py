"""`survey recruits`: coupons for panel members to hand on, and who recruited whom."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, DryRun, app_of, now_of, say, show_findings, show_rows

recruits = typer.Typer(help="Issue coupons, list them, show who recruited whom.", no_args_is_help=True)


@recruits.command()
def issue(
    context: typer.Context,
    case: Annotated[list[str] | None, typer.Argument(help="Numbers of the cases.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody who has been interviewed.")] = False,
    who: Annotated[str, typer.Option(help="Who issues them.")] = "office",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Give each case the coupons it lacks, and show the new ones; a second time there are none.

    Example: survey recruits issue --all --csv > coupons.csv
    """
    from survey.sample import recruits as held

    if bool(case) == everybody:
        raise typer.BadParameter("name cases, or say --all")
    app = app_of(context)
    with app.session() as session:
        wanted = held.respondents(session) if everybody else list(case or ())
        new = held.issue(
            session, wanted, app.settings.recruiting, seed=app.seed, who=who, now=now_of(context)
        )
        rows = [{"coupon": row.code, "case_id": row.case_id} for row in new]
        if not dry_run:
            session.commit()
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} coupons{' would be' if dry_run else ''} issued.")


@recruits.command()
def coupons(
    context: typer.Context,
    case: Annotated[list[str] | None, typer.Argument(help="Only of these cases.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show all coupons: to whom they were issued, and which came back. For printing take --csv.

    Example: survey recruits coupons VN-0317 --csv
    """
    from survey.sample import recruits as held

    with app_of(context).session() as session:
        rows = held.coupons_of(session, case or None)
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} coupons, {sum(row['came back'] for row in rows)} came back.")


@recruits.command("list")
def tree(context: typer.Context, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show who recruited whom, by pseudonym, with network sizes and coupons; and what does not fit.

    Example: survey recruits list --csv
    """
    from dataclasses import asdict

    from survey.sample import recruits as held

    app = app_of(context)
    with app.session() as session:
        links = held.tree(session, app.settings.recruiting)
        findings = held.coupon_findings(session)
    show_rows([asdict(link) for link in links], as_json=as_json, as_csv=as_csv)
    seeds = sum(not link.recruiter for link in links)
    say(f"{seeds} seeds, {len(links) - seeds} recruits.")
    show_findings(findings)
