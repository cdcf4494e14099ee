"""`survey release`: freeze the data as they stand, and say which releases there are."""

import typer

from survey.commands import AsCsv, AsJson, DryRun, app_of, clock_of, say, show_findings, show_rows

release = typer.Typer(help="Build a release, or list those made.", no_args_is_help=True)


@release.command()
def build(
    context: typer.Context, dry_run: DryRun = False, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Freeze all responses as they stand, in releases/<digest>; the same answers give the same digest.

    Leaves with 3 when an answer cannot be placed or read; the release is made all the same, without it.

    Example: survey release build --dry-run
    """
    from survey import store
    from survey.release import release_study

    app, clock = app_of(context), clock_of(context)
    if dry_run:
        built = release_study(app, now=clock(), dry_run=True)
    else:
        with store.recorded(app.engine, "release", clock) as run:
            built = release_study(app, now=clock(), run_id=run.id)
            run.outcome = {"digest": built.digest, "new": built.is_new, **built.rows}
    rows = [{"frame": frame, "rows": count} for frame, count in built.rows.items()]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    place = "would be written" if dry_run else "written to" if built.is_new else "there already:"
    say(f"Release {built.digest[:12]} {place} {built.folder or ''}".rstrip() + ".")
    if built.quarantined:
        say(f"{built.quarantined} submissions are kept and not in it.")
    show_findings(built.findings)


@release.command("list")
def list_releases(context: typer.Context, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show the releases made so far, the oldest first.

    Example: survey release list --json
    """
    from survey.release import listing

    app = app_of(context)
    with app.session() as session:
        rows = [
            {
                "release": row.folder,
                "made": row.made_at.astimezone(app.zone).isoformat(timespec="minutes"),
                "digest": row.digest,
            }
            for row in listing(session)
        ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} releases.")
