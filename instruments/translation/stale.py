"""Stale: a lint rule for translations that no longer say what the English says.

Which texts a form uses is told by where its rows were written; what each was translated from is told by its
record. A translation with an older source is a warning with place, column and cure. A study that demands
approved translations makes it an error, and each text that nobody approved another (`demanded`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from instruments.findings import Finding
from instruments.instrument import FORMS, Instrument
from instruments.translation import records, texts
from instruments.translation.texts import SOURCE, Library, Text

_MODULE = re.compile(r"module (.+) survey row \d+")
_LIST = re.compile(r"shared list (.+)")
_WRITTEN_OUT = re.compile(r".*\(its .*\)")
_TEMPLATES = ("confirm_", "dependent_")


def stale(instrument: Instrument) -> Iterator[Finding]:
    """Translations whose source was changed after they were made."""
    if instrument.home is None:
        return
    library = Library(forms=instrument.home)
    for language in instrument.languages:
        if language == SOURCE or not (known := records.read(language, library.records)):
            continue
        for text in texts_of(instrument, language, library):
            if records.state_of(text, known) == records.STALE:
                message = (
                    f"The {SOURCE} text was changed since it was translated into {language}; translate it "
                    f"again, or say it still holds: survey instrument translate export {language}."
                )
                yield Finding("warning", "translation.stale", _where(instrument, text, language), message)


def demanded(
    instrument: Instrument, found: Iterable[Finding], languages: Collection[str]
) -> Iterator[Finding]:
    """The findings where these languages have to be approved: a stale text is an error, a draft another."""
    for finding in found:
        is_meant = finding.code == "translation.stale" and any(
            f"({one})" in finding.where for one in languages
        )
        yield replace(finding, level="error") if is_meant else finding
    for language in instrument.languages:
        if language == SOURCE or language not in languages:
            continue
        library = Library(forms=instrument.home or FORMS)
        known = records.read(language, library.records)
        mine = texts_of(instrument, language, library)
        open_ = [
            text for text in mine if records.state_of(text, known) not in ("approved", records.STALE, "")
        ]
        if open_:
            message = (
                f"{len(open_)} of {len(mine)} texts are not approved in {language}, as this study demands; "
                f"send the sheet of survey instrument translate export {language} to a reviewer."
            )
            yield Finding("error", "translation.unapproved", _where(instrument, open_[0], language), message)


def texts_of(instrument: Instrument, language: str, library: Library) -> list[Text]:
    """The texts that a form is made of: its own, its modules', its lists'."""
    rows = [place for sheet in instrument.places.values() for place in sheet]
    places = {f"forms/{instrument.form_id}"} | {
        f"modules/{one[1]}" for one in map(_MODULE.match, rows) if one
    }
    every = texts.all_texts(language, library)
    if any(_WRITTEN_OUT.fullmatch(row) for row in rows):
        places |= {
            text.place for text in every if text.place.startswith(tuple(f"modules/{t}" for t in _TEMPLATES))
        }
    return texts.selected(every, places, {one[1] for one in map(_LIST.fullmatch, rows) if one})


def _where(instrument: Instrument, text: Text, language: str) -> str:
    kind, _, name = text.place.partition("/")
    place = f"module {name} {text.sheet}" if kind == "modules" and name else text.sheet
    return (
        f"{instrument.form_id}: {place} row {text.number} ({text.row}), "
        f"column {text.column}::{texts.heading(language, Library(forms=instrument.home or FORMS))}"
    )
