"""`survey instrument print`: forms as questionnaires to read on paper, for ethics boards and translators."""

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import say, show_findings
from survey.commands.opening import Forms, Where, folder_of, opened

if TYPE_CHECKING:
    from analysis.document import Document
    from instruments.findings import Finding

FORMATS = ("pdf", "docx", "html")


def print_forms(
    context: typer.Context,
    forms: Forms = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Code of a language; by default the form's first.")
    ] = None,
    format: Annotated[list[str] | None, typer.Option(help="pdf, docx or html; by default pdf.")] = None,
    output: Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")] = Path(
        "questionnaires"
    ),
    technical: Annotated[
        bool, typer.Option("--technical", help="Print calculations and expressions as well.")
    ] = False,
    fonts: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of fonts, for PDF in scripts beyond Latin.", exists=True, file_okay=False),
    ] = None,
    corridor: Where = "",
) -> None:
    """Write each form as a questionnaire to read: routing in words, answers to tick, consent and safety.

    Leaves with 3 when a font lacks a character: no page is printed with boxes in place of letters.

    Example: survey instrument print rm_baseline --language vi --format docx
    """
    from instruments.findings import Finding
    from instruments.length import read_paths
    from survey.questionnaire import questionnaire

    formats = format or ["pdf"]
    if unknown := [one for one in formats if one not in FORMATS]:
        raise typer.BadParameter(f"no format {unknown[0]!r}; choose from {', '.join(FORMATS)}")
    findings: list[Finding] = []
    paths = read_paths(folder_of(context))
    output.mkdir(parents=True, exist_ok=True)
    for form in opened(context, forms, corridor):
        for code in language or form.languages[:1]:
            try:
                made = questionnaire(form, code, paths=paths.get(form.form_id), technical=technical)
            except ValueError as error:
                findings.append(Finding("error", "print.language", form.form_id, str(error)))
                continue
            findings += made.findings
            for kind in formats:
                name = f"{form.form_id}.{code}.{kind}"
                findings += _write(made.document, kind, output / name, fonts or [])
    show_findings(findings)


def _write(document: "Document", kind: str, path: Path, fonts: list[Path]) -> "list[Finding]":
    """Write one file; what a reader of it has to know."""
    from analysis.writers import docx, html, pdf
    from instruments.findings import Finding

    try:
        if kind == "pdf":
            path.write_bytes(pdf.write(document, fonts))
        else:
            path.write_bytes({"docx": docx.write, "html": html.write}[kind](document))
    except pdf.GlyphError as error:
        font = _font_for(error.sign)
        message = f"{error}. Put a font for it ({font}) into a folder and name that with --fonts."
        return [Finding("error", "print.glyphs", path.name, message)]
    except FileNotFoundError as error:
        return [Finding("error", "print.no_font", path.name, f"{error}; name a folder that holds fonts.")]
    say(str(path))
    try:
        pdf.check_glyphs(document)
    except pdf.GlyphError as error:
        if kind == "docx":
            message = f"Word needs a font such as {_font_for(error.sign)} where the file is read."
            return [Finding("note", "print.fonts", path.name, message)]
    return []


def _font_for(sign: str) -> str:
    """A free font for the script of a character, by Unicode's name of it."""
    script = unicodedata.name(sign, "SYMBOL").split()[0]
    named = {"CJK": "CJK JP", "HIRAGANA": "CJK JP", "KATAKANA": "CJK JP", "HANGUL": "CJK KR"}
    return f"Noto Sans {named.get(script, script.capitalize())}"
