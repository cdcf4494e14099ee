"""`survey init DIR`: a folder with a commented survey.toml and an empty database."""

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from survey.commands import say


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new study; made if it is not there.")],
    central: Annotated[str, typer.Option(help="Address of ODK Central.")] = "",
    project: Annotated[int, typer.Option(help="Number of the project in Central.")] = 1,
    email: Annotated[str, typer.Option(help="E-mail of the web user who logs in there.")] = "",
    corridor: Annotated[str, typer.Option(help="As survey corridor list names it, e.g. id-jp.")] = "",
    time_zone: Annotated[str, typer.Option(help="Time zone of the field, e.g. Asia/Ho_Chi_Minh.")] = "",
    database: Annotated[str, typer.Option(help="sqlite:///FILE or postgresql://HOST/NAME.")] = "",
) -> None:
    """Start a study: write a commented survey.toml and make the database.

    Example: survey init my-study --central https://central.example.org --project 3
    """
    study: dict[str, Any] = {**_of_corridor(corridor), "seed": secrets.randbelow(10**9)}
    given: dict[str, dict[str, Any]] = {
        "study": study | ({"time_zone": time_zone} if time_zone else {}),
        "central": {"url": central, "project": project, "email": email},
        "database": {"url": database},
    }
    file = start_study(folder, {name: {k: v for k, v in keys.items() if v} for name, keys in given.items()})
    say(f"Wrote {file}. Next: read it, set SURVEY_CENTRAL_PASSWORD, then `survey publish --dry-run` there.")


def _of_corridor(name: str) -> dict[str, Any]:
    """What follows from a corridor: its name, time zone, and the languages its forms are complete in."""
    from instruments.corridor import CorridorError
    from instruments.corridor import corridor as read
    from instruments.expand.localities import code_of
    from survey.errors import SettingsError

    if not name:
        return {}
    try:
        here, base = read(name), read()
    except CorridorError as error:
        raise SettingsError(str(error), where="--corridor") from None
    ready = [code_of(language) for language in here.languages if language in base.languages]
    return {"corridor": here.name, "time_zone": here.time_zone, "languages": ready}


def start_study(folder: Path, values: dict[str, dict[str, Any]]) -> Path:
    """Write survey.toml with these values into `folder` and make its database; the file's path.

    An existing survey.toml is never overwritten: `SettingsError`. Wrong values leave nothing behind.
    """
    from survey import store
    from survey.config import FILE, load_settings, settings_text
    from survey.errors import SettingsError

    file = folder / FILE
    if file.exists():
        raise SettingsError(
            "there is a study already", where=str(file), cure="edit it, or choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(settings_text(**values), encoding="utf-8")
    try:
        settings = load_settings(file)
        engine = store.connect(settings.database.url, folder, create=True)
    except Exception:
        file.unlink()
        raise
    store.upgrade(engine)
    engine.dispose()
    return file
