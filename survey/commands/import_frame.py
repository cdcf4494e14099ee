"""`survey import-frame`: a panel that exists already becomes a release folder."""

from pathlib import Path
from typing import Annotated

import typer

from survey.commands import say, show_findings


def import_frame(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8.", exists=True, dir_okay=False)],
    mapping: Annotated[Path, typer.Option("--map", help="TOML: columns to variables.", exists=True)],
    out: Annotated[Path, typer.Option(help="Folder to write, new or empty.")],
) -> None:
    """Write a foreign table as a release folder; neither study nor database is needed.

    Contradictions of the source are shown as findings and nothing is mended.

    Example: survey import-frame table1.csv --map hoang2020.toml --out seed-paper
    """
    from analysis.frames_import import import_frame as imported
    from instruments.codebook import codebook
    from instruments.instrument import forms, load

    found = imported(file, mapping, codebook(load(form) for form in forms()))
    found.dataset.write(out)
    say(f"{found.dataset} written to {out}.")
    show_findings(found.findings)
