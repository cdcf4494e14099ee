"""Answers: the usable submissions of every form, typed, corrected, and tied to their case and wave.

`gather` goes from the raw store to typed frames: newest edit neither deleted nor rejected → decoded under
the form version it was answered in → corrections → case and wave → one interview per person and wave. What
cannot be used (no such case, no such form version, a second interview) is quarantined by name with a
finding; nothing is dropped in silence. Answers hold everything, identifying variables too, and stay inside
`survey`: `survey.responses` makes of them what analysis may see, `survey.facts` what they tell about cases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import pandas as pd
from sqlmodel import Session, col, select

from instruments.codebook import Codebook, Variable, codebook
from instruments.comparability.renames import names_now
from instruments.decode import decode
from instruments.findings import Finding
from instruments.instrument import Instrument
from survey import cases, corrections
from survey.models import FormVersion, Submission, SubmissionEvent
from survey.people import late

BASELINE, FOLLOWUP, ATTEMPT = "rm_baseline", "rm_followup", "rm_contact"
FORMS = (BASELINE, FOLLOWUP, ATTEMPT)
KEYS = ("case_id", "rds_coupon", "returnee", "wave", "today", "now_cm", "con_part", "enum_id")
"""What ties an answer to its place, and says whose work it is."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A submission that is kept but not used, and why."""

    form: str
    instance_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The usable answers of one form before anything is taken away, and its repeats.

    `frame` has instance_id, form_version, submitted_at and every variable; `repeats` the frames of the
    repeats.
    """

    frame: pd.DataFrame
    repeats: dict[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The usable answers by form, with the codebook of today, and what was met on the way.

    `identifying` has every variable, by form and name, that names somebody in any version answered in: a
    question that was dropped since is as personal as it was.
    """

    forms: dict[str, Answers]
    codebook: Codebook
    quarantined: tuple[Quarantined, ...] = ()
    findings: tuple[Finding, ...] = ()
    okay: frozenset[tuple[str, str]] = frozenset()
    identifying: Mapping[tuple[str, str], Variable] = field(default_factory=dict)


def gather(session: Session) -> Gathered:
    """All usable answers as they stand now. Of attempts all count, of interviews one per person and wave."""
    log = _Log()
    forms = _usable(session, log)
    return Gathered(
        forms,
        study_codebook(session),
        tuple(log.quarantined),
        tuple(log.findings),
        frozenset(log.okay),
        log.identifying,
    )


def usable(session: Session, names: Collection[str]) -> dict[str, Answers]:
    """The usable answers by form as `gather` gives them, with these variables alone: forms are wide."""
    return _usable(session, _Log(), {*KEYS, *names})


def arrived(session: Session, form: str, names: Collection[str]) -> pd.DataFrame:
    """Every submission of a form that is neither deleted nor rejected, typed, not yet tied to a case."""
    return _typed(session, form, _Log(), {*KEYS, *names}).frame


def late_work(session: Session) -> list[late.Late]:
    """Everything that former enumerators sent after a hand-over, ruled on or not; by form and time."""
    people = cases.table(session)
    placed = {
        form: _placed(form, _typed(session, form, _Log(), KEYS), people, _Log()).frame for form in FORMS
    }
    return [item for form, frame in placed.items() for item in late.found(session, form, frame)]


def study_codebook(session: Session) -> Codebook:
    """The codebook of the newest version of every form that was published, with the computed variables."""
    return codebook(newest.values()) if (newest := newest_instruments(session)) else codebook()


class Edit(NamedTuple):
    """One edit of one instance as the store has it; a plain row, since a panel has tens of thousands."""

    instance_id: str
    form_version: str
    xml: str
    meta: Mapping[str, object]
    submitted_at: datetime
    redaction_id: int | None


def newest_instruments(session: Session) -> dict[str, Instrument]:
    """The text of each form in the version published last; forms never published are left out."""
    query = select(FormVersion).order_by(col(FormVersion.published_at), col(FormVersion.id))
    newest = {row.form_id: row for row in session.exec(query)}
    return {form: Instrument.from_sheets(newest[form].sheets) for form in FORMS if form in newest}


def newest_edits(session: Session, form: str) -> list[Edit]:
    """The newest edit of every instance of a form, deleted and rejected ones included, by instance."""
    columns = select(*(getattr(Submission, name) for name in Edit._fields))
    query = columns.where(Submission.form_id == form).order_by(col(Submission.edit), col(Submission.id))
    newest = {row.instance_id: row for row in map(Edit._make, session.exec(query))}
    return [newest[instance] for instance in sorted(newest)]


def set_aside(session: Session, form: str, edits: Iterable[Edit]) -> dict[str, str]:
    """Instances that Central holds as deleted or rejected, and which of the two; the latest word counts."""
    states: dict[str, dict[str, str]] = {}
    for row in edits:
        states[row.instance_id] = {"review": _review(row.meta), "gone": "deleted" if _gone(row.meta) else ""}
    query = select(SubmissionEvent).where(SubmissionEvent.form_id == form).order_by(col(SubmissionEvent.id))
    for event in session.exec(query):
        held = states.setdefault(event.instance_id, {"review": "", "gone": ""})
        if event.kind == "review":
            held["review"] = _review(event.meta)
        elif event.kind in ("deleted", "restored"):
            held["gone"] = "deleted" if event.kind == "deleted" else ""
    out = {
        name: held["gone"] or ("rejected" if held["review"] == "rejected" else "")
        for name, held in states.items()
    }
    return {name: why for name, why in out.items() if why}


@dataclass(slots=True)
class _Log:
    """What one reading gathers on its way."""

    findings: list[Finding] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    okay: set[tuple[str, str]] = field(default_factory=set)
    identifying: dict[tuple[str, str], Variable] = field(default_factory=dict)

    def put_aside(self, form: str, instance: str, code: str, why: str, *, level: str = "error") -> None:
        self.quarantined.append(Quarantined(form, instance, why))
        self.findings.append(Finding(level, code, f"{form}/{instance}", why))


def _review(meta: Mapping[str, object]) -> str:
    return str(_system(meta).get("reviewState") or "")


def _gone(meta: Mapping[str, object]) -> bool:
    return bool(_system(meta).get("deletedAt"))


def _system(meta: Mapping[str, object]) -> Mapping[str, object]:
    """The `__system` part of an OData row, whether the row or that part was kept."""
    inner = meta.get("__system", meta)
    return inner if isinstance(inner, Mapping) else {}


def _usable(session: Session, log: _Log, names: Collection[str] | None = None) -> dict[str, Answers]:
    people = cases.table(session)
    forms = {form: _placed(form, _typed(session, form, log, names), people, log) for form in FORMS}
    forms = {form: _without_late(session, form, placed, log) for form, placed in forms.items()}
    for form in (BASELINE, FOLLOWUP):
        forms[form] = _one_per_wave(form, forms[form], log)
    return forms


def _typed(session: Session, form: str, log: _Log, names: Collection[str] | None) -> Answers:
    """All usable submissions of a form, decoded version by version and corrected."""
    edits = newest_edits(session, form)
    aside = set_aside(session, form, edits)
    versions = {
        row.version: row for row in session.exec(select(FormVersion).where(FormVersion.form_id == form))
    }
    texts = {row.digest: row.sheets for row in versions.values()}  # versions can differ in their files alone
    groups: dict[str, list[Edit]] = {digest: [] for digest in texts}
    for row in edits:
        if row.redaction_id is not None:
            log.put_aside(
                form, row.instance_id, "submission.redacted", "consent was withdrawn.", level="note"
            )
        elif row.instance_id in aside:
            why = f"Central holds it as {aside[row.instance_id]}."
            log.put_aside(form, row.instance_id, "submission.set_aside", why, level="note")
        elif row.form_version not in versions:
            why = f"version {row.form_version} was never published from here; publish it or ask who made it."
            log.put_aside(form, row.instance_id, "version.unknown", why)
        else:
            groups[versions[row.form_version].digest].append(row)
    changes = corrections.changes(session)
    now = renamed(session, form)
    parts = [
        _decoded(form, rows, Instrument.from_sheets(texts[digest]), changes, log, names, now)
        for digest, rows in groups.items()
        if rows
    ]
    return _together(parts)


def renamed(session: Session, form: str) -> dict[str, str]:
    """Former name of a question → its name in the version published last."""
    query = select(FormVersion).where(FormVersion.form_id == form)
    versions = session.exec(query.order_by(col(FormVersion.published_at), col(FormVersion.id)))
    return names_now([row.sheets for row in versions])


def _decoded(
    form: str,
    rows: Sequence[Edit],
    instrument: Instrument,
    changes: Sequence[corrections.Change],
    log: _Log,
    names: Collection[str] | None,
    renamed: Mapping[str, str],
) -> Answers:
    """Answers of one version, read as its text says, then under the names of today."""
    own = codebook([instrument], derived=None)
    now = {old: name for old, name in renamed.items() if old in own and name not in own}
    personal = (variable for variable in own.variables if variable.is_identifying)
    log.identifying |= {(form, now.get(v.name, v.name)): v for v in personal}
    if names is not None:
        names = {*names, *(old for old, name in now.items() if name in names)}
    found = decode([(row.instance_id, row.xml) for row in rows], instrument, own, names=names)
    # The version was chosen by the answer itself; Central adds a suffix when only files changed.
    log.findings += [f for f in found.findings if f.code != "submission.other_form"]
    applied = corrections.apply(found.frames, corrections.under(changes, now), own, form)
    log.findings += applied.findings
    log.okay |= {(instance, now.get(name, name)) for instance, name in applied.okay}
    read = set(found.frames[""]["instance_id"])
    log.quarantined += [
        Quarantined(form, row.instance_id, "its XML cannot be read.")
        for row in rows
        if row.instance_id not in read
    ]
    frames = {name: frame.rename(columns=now) for name, frame in applied.frames.items()}
    told = pd.DataFrame(
        {
            "instance_id": [row.instance_id for row in rows],
            "form_version": [row.form_version for row in rows],
            "submitted_at": [row.submitted_at for row in rows],
        }
    )
    return Answers(frames.pop("").merge(told, on="instance_id", how="left"), frames)


def _together(parts: Sequence[Answers]) -> Answers:
    """The answers of several versions under each other; a variable that a version lacks is missing there."""
    if not parts:
        return Answers(pd.DataFrame({"instance_id": pd.Series(dtype="string")}), {})
    repeats = dict.fromkeys(name for part in parts for name in part.repeats)
    return Answers(
        pd.concat([part.frame for part in parts], ignore_index=True),
        {
            name: pd.concat([part.repeats[name] for part in parts if name in part.repeats], ignore_index=True)
            for name in repeats
        },
    )


def _placed(form: str, typed: Answers, people: pd.DataFrame, log: _Log) -> Answers:
    """The answers with case_id, person_id, wave and interview_cm; those of no known case are quarantined."""
    frame = typed.frame.copy()
    owner = _owner(form, frame, people)
    wave = pd.Series(0, frame.index, dtype="Int64") if form == BASELINE else whole(frame, "wave")
    unknown = owner.isna()
    coupons = text_of(frame, "rds_coupon").notna()
    for instance in frame.loc[unknown & ~coupons, "instance_id"]:
        why = "it names no known case; look up the case number and record a correction, or import the case."
        log.put_aside(form, instance, "case.unknown", why)
    for instance in frame.loc[unknown & coupons, "instance_id"]:
        why = "its coupon was never issued from here; look at the coupon and record a correction."
        log.put_aside(form, instance, "coupon.unknown", why)
    lost = ~unknown & wave.isna()
    for instance in frame.loc[lost, "instance_id"]:
        log.put_aside(form, instance, "wave.unknown", "it names no wave; record a correction of wave.")
    pseudonyms = dict(zip(people["case_id"], people["person_id"], strict=True))
    frame["case_id"], frame["wave"] = owner, wave
    frame["person_id"] = owner.map(pseudonyms).astype("string")
    frame["interview_cm"] = _interview_month(form, frame)
    kept = frame[~unknown & ~lost].sort_values(
        ["person_id", "wave", "submitted_at"] if len(frame) else "person_id"
    )
    first = ["instance_id", "person_id", "wave"]
    kept = kept[[*first, *(name for name in kept if name not in first)]].reset_index(drop=True)
    return Answers(kept, typed.repeats)


def _without_late(session: Session, form: str, placed: Answers, log: _Log) -> Answers:
    """The answers without work that came late from a former enumerator, unless somebody accepted it."""
    aside = {item.instance_id: item for item in late.found(session, form, placed.frame)}
    for instance, item in aside.items():
        if item.verdict == "rejected":
            log.put_aside(form, instance, "late.rejected", "it came late and was rejected.", level="note")
        elif not item.verdict:
            why = "it came from the interviewer before, after the hand-over; rule on it: `survey cases late`."
            log.put_aside(form, instance, "late.waiting", why, level="warning")
    waiting = [instance for instance, item in aside.items() if item.verdict != "accepted"]
    if not waiting:
        return placed
    kept = placed.frame[~placed.frame["instance_id"].isin(waiting)].reset_index(drop=True)
    return Answers(kept, placed.repeats)


def _owner(form: str, frame: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """The case of each answer: by its number on the list or its coupon, else by the entity on the tablet."""
    known = set(people["case_id"])
    by_number = text_of(frame, "case_id").where(lambda s: s.isin(known))
    if form == BASELINE:  # the case of a recruit has the number of its coupon
        return by_number.fillna(text_of(frame, "rds_coupon").where(lambda s: s.isin(known)))
    linked = people[people["entity_uuid"].notna()]
    by_entity = text_of(frame, "returnee").map(
        dict(zip(linked["entity_uuid"], linked["case_id"], strict=True))
    )
    return by_entity.astype("string") if form == FOLLOWUP else by_number.fillna(by_entity.astype("string"))


def _interview_month(form: str, frame: pd.DataFrame) -> pd.Series:
    """The century month of the interview by the form's own `today`, else by its computed `now_cm`."""
    day = pd.to_datetime(frame["today"]) if "today" in frame else pd.Series(pd.NaT, frame.index)
    months = ((day.dt.year - 1900) * 12 + day.dt.month).astype("Int64")
    return months.fillna(whole(frame, "now_cm"))


def _one_per_wave(form: str, typed: Answers, log: _Log) -> Answers:
    """One interview per person and wave: with consent first, then the first sent; others quarantined."""
    frame = typed.frame
    if frame.empty:
        return typed
    order = frame.assign(_agreed=~holds(frame, "con_part", 1)).sort_values(
        ["person_id", "wave", "_agreed", "submitted_at", "instance_id"]
    )
    second = order.duplicated(["person_id", "wave"])
    coupon = text_of(order, "case_id").eq(text_of(order, "rds_coupon")).fillna(False)
    for instance in order.loc[second & ~coupon, "instance_id"]:
        why = "the person was interviewed in this wave already; check the wave, or reject one in Central."
        log.put_aside(form, instance, "interview.twice", why)
    for instance in order.loc[second & coupon, "instance_id"]:
        why = "its coupon was used before; ask both people, and correct one coupon or reject one in Central."
        log.put_aside(form, instance, "coupon.twice", why)
    kept = order[~second].drop(columns="_agreed").reset_index(drop=True)
    return Answers(kept, typed.repeats)


def text_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column as text; all missing if the frame lacks it."""
    return frame[name].astype("string") if name in frame else pd.Series(pd.NA, frame.index, dtype="string")


def whole(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column as whole numbers; missing where it holds none, all missing if the frame lacks it."""
    if name not in frame:
        return pd.Series(pd.NA, frame.index, dtype="Int64")
    return pd.to_numeric(frame[name], errors="coerce").astype("Float64").round().astype("Int64")


def holds(frame: pd.DataFrame, name: str, code: int) -> pd.Series:
    """Whether the answer is this code, by row; no answer is not."""
    return whole(frame, name).eq(code).fillna(False).astype(bool)
