"""Releases: a frozen data set made of all responses as they stand, under a digest of its content.

`build_release` reads the responses, lets `analysis` lay them out, and writes them as a folder named by the
content digest: the same answers, corrections and cases give the same digest and are not written twice.
Before anything is written the text columns are held against every name, phone and key we know; a release
that holds one is refused. A release has no case number, instance id, interviewer name, server time or
wall-clock time in it; `survey.trace` finds those in the store. What a release folder is, `analysis.dataset`
says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from sqlmodel import Session, col, select

from analysis import panel
from analysis.dataset import Dataset
from instruments.findings import Finding, sort_findings
from survey import answers, cases, responses
from survey.errors import FINDINGS, SurveyError
from survey.failpoints import passed
from survey.models import FormVersion, Release

if TYPE_CHECKING:
    from survey.app import App

FOLDER = "releases"  # within the folder of a study
OURS = ("person_id", "psu")  # pseudonyms, made by us
SHORT = 3  # a secret of fewer characters is not looked for
PHRASE = 5  # a secret of so many characters is looked for inside other text, a shorter one as the whole cell


class IdentityInRelease(SurveyError):
    """A release would have named somebody; nothing was written."""

    exit_code = FINDINGS


@dataclass(frozen=True, slots=True)
class Built:
    """A release as it was made, or found to be there already; `folder` is None for a dry run."""

    digest: str
    folder: Path | None
    is_new: bool
    rows: Mapping[str, int]
    findings: tuple[Finding, ...]
    quarantined: int


def build_release(
    session: Session,
    folder: Path,
    *,
    name: str,
    seed: int,
    now: datetime,
    simulated: bool = False,
    run_id: int | None = None,
    dry_run: bool = False,
) -> Built:
    """Make the release of the responses as they stand in `folder`/<digest>, and its row; the caller commits.

    Raises
    ------
    SurveyError
        No form has been published, so there is nothing to read answers by.
    IdentityInRelease
        A text column holds a name, a phone or a key of the field.
    """
    if session.exec(select(FormVersion.id).limit(1)).first() is None:
        raise SurveyError(
            "there is nothing to release: no form has been published", cure="survey publish, then survey sync"
        )
    gathered = answers.gather(session)
    read = responses.read(session, seed=seed, gathered=gathered)
    made = panel.build(read.frames, read.codebook)
    refuse_identity(made.frames, secrets(session, gathered))
    dataset = Dataset.from_frames(made.frames, read.codebook, name=name, simulated=simulated)
    home = folder / dataset.digest[:12]
    held = session.exec(select(Release.id).where(Release.digest == dataset.digest)).first()
    is_new = held is None or not (home / "manifest.json").exists()
    if is_new and not dry_run:
        dataset.write(home)
        passed("release.written")
    if held is None and not dry_run:
        session.add(Release(digest=dataset.digest, folder=home.name, made_at=now, run_id=run_id))
        session.flush()
        passed("release.noted")
    return Built(
        digest=dataset.digest,
        folder=None if dry_run else home,
        is_new=is_new,
        rows={frame: len(made.frames[frame]) for frame in made.frames},
        findings=tuple(sort_findings([*read.findings, *made.findings])),
        quarantined=len(read.quarantined),
    )


def release_study(app: App, *, now: datetime, run_id: int | None = None, dry_run: bool = False) -> Built:
    """`build_release` for this study, in the folder `releases` of it."""
    study = app.settings.study
    with app.session() as session:
        built = build_release(
            session,
            app.folder / FOLDER,
            name=study.name,
            seed=study.seed,
            now=now,
            simulated=study.simulated,
            run_id=run_id,
            dry_run=dry_run,
        )
        session.commit()
    return built


def listing(session: Session) -> list[Release]:
    """All releases, the oldest first."""
    return list(session.exec(select(Release).order_by(col(Release.made_at), col(Release.id))))


def latest(session: Session) -> Release | None:
    """The release made last, if there is one."""
    rows = listing(session)
    return rows[-1] if rows else None


def secrets(session: Session, gathered: answers.Gathered) -> frozenset[str]:
    """Every text that names a person: from contacts, cases, and all identifying answers that are text."""
    told: set[str] = set()
    for form, typed in gathered.forms.items():
        for (where, name), variable in gathered.identifying.items():
            spoken = variable.sensitivity == "identifying" and not variable.choices and not variable.list_name
            if where == form and spoken:
                frame = typed.repeats.get(variable.repeat) if variable.repeat else typed.frame
                if frame is not None and name in frame:
                    told |= set(frame[name].dropna().astype(str))
        told |= set(typed.frame["instance_id"])
    return cases.secrets(session) | frozenset(word.strip() for word in told)


def refuse_identity(frames: Mapping[str, pd.DataFrame], secrets: Collection[str]) -> None:
    """Raise if a text column of any frame holds a secret as a cell, or a longer one within a cell."""
    whole = {word.casefold() for word in secrets if len(word) >= SHORT}
    inside = [word for word in whole if len(word) >= PHRASE]
    for place, cells in _texts(frames):
        held = cells & whole
        text = "\n".join(sorted(cells))
        if held or any(word in text for word in inside):
            raise IdentityInRelease(
                "the release would hold a name, a phone or a key of the field",
                where=f"column {place}",
                cure="mark its variable as identifying in the form, or mend the sample list",
            )


def _texts(frames: Mapping[str, pd.DataFrame]) -> Iterable[tuple[str, set[str]]]:
    """Each text column that is not our own pseudonym, as `frame.column`, and the set of its cells."""
    for name, frame in frames.items():
        for column in frame.columns:
            if column not in OURS and pd.api.types.is_string_dtype(frame[column].dtype):
                yield f"{name}.{column}", {str(cell).casefold() for cell in frame[column].dropna().unique()}
