"""Opening forms for commands: those of the study, those shipped, or a folder or workbook that is named."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import app_if_any
from survey.errors import SurveyError

if TYPE_CHECKING:
    from instruments.instrument import Instrument

Forms = Annotated[
    list[str] | None, typer.Argument(help="Names of forms, folders or .xlsx files; by default all forms.")
]


def folder_of(context: typer.Context) -> Path | None:
    """Where the forms lie: as the study says, else those shipped."""
    app = app_if_any(context)
    return app.forms_folder if app else None


def opened(context: typer.Context, names: Sequence[str] | None) -> "list[Instrument]":
    """The forms of these names; all there are if none is named."""
    from instruments import instrument as text

    folder = folder_of(context)
    return [open_form(name, folder) for name in names or text.forms(folder)]


def open_form(name: str, folder: Path | None) -> "Instrument":
    """The form of that name, in the folder or file of that name."""
    from instruments import instrument as text
    from instruments.excel.workbook import read

    path = Path(name)
    try:
        if path.suffix == ".xlsx":
            return text.Instrument.from_sheets(read(path)[0])
        return text.load(path if (path / "survey.csv").is_file() else name, folder)
    except (FileNotFoundError, ValueError) as error:
        cure = f"the forms are {', '.join(text.forms(folder))}; or name a folder or an .xlsx file"
        raise SurveyError(f"cannot read the form {name!r}: {error}", cure=cure) from None
