"""Opening forms for commands: those of the study, those shipped, or a folder or workbook that is named.

A form is opened as one corridor has it: the one named, else that of the study, else the default.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import app_if_any
from survey.errors import SurveyError

if TYPE_CHECKING:
    from instruments.corridor import Corridor
    from instruments.instrument import Instrument

Forms = Annotated[
    list[str] | None, typer.Argument(help="Names of forms, folders or .xlsx files; by default all forms.")
]


Where = Annotated[
    str, typer.Option("--corridor", help="Corridor, e.g. id-jp; by default that of the study, else vn-jp.")
]


def folder_of(context: typer.Context) -> Path | None:
    """Where the forms lie: as the study says, else those shipped."""
    app = app_if_any(context)
    return app.forms_folder if app else None


def corridor_of(context: typer.Context, name: str = "") -> "Corridor":
    """The corridor that was named, else that of the study, else the one the forms are written for."""
    from instruments.corridor import CorridorError
    from instruments.corridor import corridor as read

    app = app_if_any(context) if not name else None
    try:
        return app.corridor if app else read(name) if name else read()
    except CorridorError as error:
        raise SurveyError(str(error)) from None


def demanded_by(context: typer.Context) -> list[str]:
    """Languages in which the study demands that every text is approved."""
    app = app_if_any(context)
    return app.settings.study.approved_languages if app else []


def opened(context: typer.Context, names: Sequence[str] | None, corridor: str = "") -> "list[Instrument]":
    """The forms of these names; all there are if none is named."""
    from instruments import instrument as text

    folder, where = folder_of(context), corridor_of(context, corridor)
    return [open_form(name, folder, where) for name in names or text.forms(folder)]


def open_form(name: str, folder: Path | None, corridor: "Corridor") -> "Instrument":
    """The form of that name, in the folder or file of that name, as the corridor has it."""
    from instruments import instrument as text
    from instruments.excel.workbook import read

    path = Path(name)
    try:
        if path.suffix == ".xlsx":
            return text.Instrument.from_sheets(read(path)[0])
        form = path if (path / "survey.csv").is_file() else name
        return text.load(form, folder, corridor=corridor)
    except (FileNotFoundError, ValueError) as error:
        cure = f"the forms are {', '.join(text.forms(folder))}; or name a folder or an .xlsx file"
        raise SurveyError(f"cannot read the form {name!r}: {error}", cure=cure) from None
