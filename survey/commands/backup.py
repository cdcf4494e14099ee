"""`survey backup`: encrypted copies of the study, and the way back."""

from pathlib import Path
from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_if_any, app_of, clock_of, say, show_rows
from survey.errors import FAILED

backup = typer.Typer(help="Make, list or restore encrypted backups.", no_args_is_help=True)


@backup.command()
def make(context: typer.Context) -> None:
    """Copy the database while it is in use, verify the copy, encrypt it with the study's files.

    In it: the database, survey.toml, the study's own forms, plan and lists, its releases. Not in it: reports,
    which are rendered from a release, and attachments, which Central keeps.

    Example: survey backup make
    """
    from survey import store
    from survey.backup import shelf

    app, clock = app_of(context), clock_of(context)
    with store.recorded(app.engine, "backup", clock) as run:
        made = shelf.make(app, run_id=run.id)
        run.outcome = {"file": made.file.name, "rows": made.rows, "removed": made.removed}
    say(f"{made.rows} rows in {made.file}; {made.removed} older backups taken away.")


@backup.command("list")
def list_(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Read each file and compare its digest.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the backups, the newest first, with what they hold.

    Example: survey backup list --check
    """
    from survey.backup import shelf

    app = app_of(context)
    rows = shelf.listing(app, check=check)
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} backups in {shelf.shelf_of(app)}.")
    if damaged := [row["file"] for row in rows if not row.get("intact", True)]:
        say(f"survey: damaged: {', '.join(damaged)}: make another now, and look at the disk")
        raise typer.Exit(FAILED)


@backup.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The backup.")],
    key: Annotated[Path, typer.Option(help="File with the secret key of one of its recipients.")],
    into: Annotated[
        Path | None, typer.Option(help="A new folder for the study; by default the study's own.")
    ] = None,
    database: Annotated[
        str, typer.Option(help="Where the database goes with --into: survey.sqlite there, or postgresql://…")
    ] = "",
) -> None:
    """Restore a backup beside the study, or in its place where its database is gone.

    Nothing is overwritten: a database that is in use is refused. Afterwards run `survey db upgrade`, then
    `survey sync --full`; what Central got since the backup comes home again.

    Example: survey backup restore backups/FILE.tar.gz.age --key /media/key/panel.key --into restored
    """
    from survey.backup.restore import restore as bring_back

    if into is not None:
        around = app_if_any(context)
        tools = around.settings.backup.postgres_tools if around else ""
        facts = bring_back(file, key, into, database=database, tools=tools)
        folder = into
    else:
        app = app_of(context)
        own, tools = app.settings.database.url, app.settings.backup.postgres_tools
        facts = bring_back(file, key, app.folder, database=database or own, tools=tools)
        folder = app.folder
    held = facts.rows.get("submission", 0)
    rows = sum(facts.rows.values())
    say(f"Restored into {folder}: schema {facts.revision}, {rows} rows, {held} submissions.")


@backup.command()
def key(
    file: Annotated[Path, typer.Argument(help="Where the secret key goes: not into the study's folder.")],
) -> None:
    """Make a key pair: the secret key goes into FILE, its recipient is printed for backup.recipients.

    Keep the file off this machine, twice. Without it no backup can be opened, by nobody.

    Example: survey backup key /media/key/panel.key
    """
    from survey.backup.sealed import new_key
    from survey.config import FILE
    from survey.errors import BackupError

    inside = [up for up in file.resolve().parents if (up / FILE).exists() or (up / ".git").exists()]
    if inside:
        raise BackupError(
            "the secret key would lie beside what it protects",
            where=str(inside[0]),
            cure="name another folder",
        )
    typer.echo(new_key(file))
    say(f"The secret key is in {file}. Put the line above into backup.recipients, and the file in a safe.")
