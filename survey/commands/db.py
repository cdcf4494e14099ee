"""`survey db`: the schema of the database, brought up to date or checked."""

import typer

from survey.commands import app_of, say

db = typer.Typer(help="Bring the database up to date, or check it.", no_args_is_help=True)


@db.command()
def upgrade(context: typer.Context) -> None:
    """Make the database, or bring it to the schema this version needs; back it up first.

    Example: survey db upgrade
    """
    from survey import store

    app = app_of(context)
    engine = store.connect(app.settings.database.url, app.folder, create=True)
    store.upgrade(engine)
    say(f"The database has schema {store.HEAD}.")


@db.command()
def check(context: typer.Context) -> None:
    """Check that the database opens and has exactly the tables this version needs.

    Example: survey db check
    """
    from survey import store
    from survey.errors import StoreOutdated

    engine = app_of(context).engine
    if wrong := store.differences(engine):
        raise StoreOutdated(
            f"{len(wrong)} differences between the tables and this version",
            where=wrong[0],
            cure="undo changes made by hand, or restore a backup",
        )
    say(f"The database has schema {store.HEAD}, and every table is as it should be.")
