"""Retractions: what people say was told wrong in an earlier interview, with what they say instead.

A dependent question reads an earlier answer back; who says it was wrong is asked what was right. That is a
new fact of the later interview: the earlier answer stays as it is, and the retraction is laid beside it with
its source. Which questions can tell one, the text of the form says (`codebook::wrong`, `codebook::corrects`).
Nothing is stored: a later interview that is corrected or rejected takes its retractions back. Corrections
that people of the team record are `corrections`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from sqlmodel import Session

from instruments.instrument import Instrument, Question
from instruments.preloads import properties_of
from survey.answers import BASELINE, FOLLOWUP, Gathered, gather, holds, newest_instruments
from survey.corrections import as_text

COLUMNS = {
    "person_id": "string",
    "wave": "Int64",
    "variable": "string",
    "old": "string",
    "new": "string",
    "source_wave": "Int64",
    "source": "string",
}


@dataclass(frozen=True, slots=True)
class Retraction:
    """An earlier answer (person, wave, instance, variable) said to be wrong, and where that was said.

    `new` is "" where nothing was told in its place. `is_identifying` says that neither value may be shown.
    """

    person_id: str
    wave: int
    instance_id: str
    variable: str
    old: str
    new: str
    source_wave: int
    source_instance: str
    source: str
    day: str
    is_identifying: bool


@dataclass(frozen=True, slots=True)
class _Screen:
    """A question that reads back: name, code for "wrong", the preload, its property, the correction."""

    name: str
    wrong: str
    preload: str
    property: str
    correction: str


@dataclass(frozen=True, slots=True)
class _Interview:
    wave: int
    form: str
    instance_id: str


def retractions(session: Session, gathered: Gathered | None = None) -> list[Retraction]:
    """All retractions of the usable interviews, by person and the wave that told them."""
    gathered = gathered or gather(session)
    forms = newest_instruments(session)
    earlier = _interviews(gathered)
    found = [
        retraction
        for form in (BASELINE, FOLLOWUP)
        if form in forms
        for screen in _screens(forms[form])
        for retraction in _told(screen, gathered, form, forms, earlier)
    ]
    return sorted(found, key=lambda r: (r.person_id, r.source_wave, r.source))


def frame(found: list[Retraction]) -> pd.DataFrame:
    """The retractions that analysis may see, one row each: columns of `COLUMNS`, no identifying variable."""
    rows = [r for r in found if not r.is_identifying]
    return pd.DataFrame(
        {name: pd.Series([getattr(r, name) for r in rows], dtype=kind) for name, kind in COLUMNS.items()}
    )


def _screens(form: Instrument) -> Iterator[_Screen]:
    """The questions of a form that read back and know a code for "wrong"."""
    preloads = {question.name: question for question in form.questions if question.mode == "preload"}
    corrections = {
        q.cell("codebook::corrects"): q.name for q in form.questions if q.cell("codebook::corrects")
    }
    for question in form.questions:
        name, wrong = question.cell("codebook::preloaded"), question.cell("codebook::wrong")
        if wrong and name in preloads:
            read = properties_of(preloads[name], form.entity_lists_used)
            yield _Screen(question.name, wrong, name, next(iter(read), name), corrections.get(name, ""))


def _interviews(gathered: Gathered) -> dict[str, list[_Interview]]:
    """The interviews of each person in which they took part, in the order of the waves."""
    found: dict[str, list[_Interview]] = {}
    for form in (BASELINE, FOLLOWUP):
        rows = gathered.forms[form].frame
        for row in rows[holds(rows, "con_part", 1)].itertuples():
            found.setdefault(row.person_id, []).append(_Interview(int(row.wave), form, row.instance_id))
    return {person: sorted(those, key=lambda one: one.wave) for person, those in found.items()}


def _told(
    screen: _Screen,
    gathered: Gathered,
    form: str,
    forms: Mapping[str, Instrument],
    interviews: Mapping[str, list[_Interview]],
) -> Iterator[Retraction]:
    rows = gathered.forms[form].frame
    if screen.name not in rows:
        return
    for row in rows[rows[screen.name].map(as_text) == screen.wrong].to_dict("records"):
        before = [one for one in interviews.get(row["person_id"], []) if one.wave < row["wave"]]
        last = before[-1] if before else None
        saved = _saved(forms[last.form], screen.property) if last and last.form in forms else None
        variable = gathered.codebook.get(screen.preload, form)
        yield Retraction(
            person_id=row["person_id"],
            wave=last.wave if last else int(row["wave"]) - 1,
            instance_id=last.instance_id if last else "",
            variable=saved.name if saved else screen.property,
            old=as_text(row.get(screen.preload)),
            new=as_text(row.get(screen.correction)) if screen.correction else "",
            source_wave=int(row["wave"]),
            source_instance=row["instance_id"],
            source=screen.name,
            day=as_text(row.get("today")),
            is_identifying=variable is None or variable.is_identifying,
        )


def _saved(form: Instrument, name: str) -> Question | None:
    """The question whose answer a form saves as that property."""
    return next((question for question in form.questions if question.cell("save_to") == name), None)
