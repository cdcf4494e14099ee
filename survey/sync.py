"""Bringing home what Central has and we do not: list what changed, decide, fetch, append.

Central's listing names, per instance, its number of edits, its review state and whether it was deleted.
`plan_sync` compares that with what is stored and is pure. Each unseen edit is then fetched as the exact XML
that was sent, since tables made from the newest form version lose what older ones asked; the listing's row
is kept beside it. Reviews, deletions, restorations and late attachments are appended as events.

A listing begins some minutes before the mark, because a slow upload is dated before it can be seen. The mark
moves only when a listing has been read to its end, and every page is committed when it is done: a crash loses
nothing and a second sync adds nothing. A restored submission has no new date, so now and then everything is
listed (`full`). What a submission says is not read here, except the form version it names.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from sqlalchemy import func
from sqlmodel import Session, col, select

from instruments.findings import Finding
from survey import store
from survey.central import Central
from survey.failpoints import passed
from survey.listing import (
    Fetch,
    Happened,
    Seen,
    newest_date,
    parse,
    plan_absent,
    plan_sync,
    read_known,
    read_row,
)
from survey.models import FormVersion, Submission, SubmissionEvent, SyncMark

if TYPE_CHECKING:
    from survey.app import App

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=10)
FULL_EVERY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync of one form did: instances listed, edits and events added, instances as they were."""

    form_id: str
    listed: int = 0
    new: int = 0
    edits: int = 0
    events: int = 0
    same: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def added(self) -> int:
        """How many rows the store has more than before."""
        return self.new + self.edits + self.events

    def row(self) -> dict[str, Any]:
        """The counts, for printing and for the journal."""
        return {name: getattr(self, name) for name in ("form_id", "listed", "new", "edits", "events", "same")}


def sync_study(app: "App", *, now: datetime, run_id: int | None = None, full: bool = False) -> list[Synced]:
    """`sync_forms` for the forms of this study, looking back as far as its settings say."""
    overlap = timedelta(seconds=app.settings.central.overlap)
    with app.session() as session, app.central() as central:
        forms = app.settings.study.forms
        return sync_forms(session, central, forms, now=now, run_id=run_id, overlap=overlap, full=full)


def sync_forms(
    session: Session,
    central: Central,
    forms: Iterable[str],
    *,
    now: datetime,
    run_id: int | None = None,
    overlap: timedelta = OVERLAP,
    full: bool = False,
) -> list[Synced]:
    """Sync every form of `forms` that Central has published, in that order."""
    published = {row["xmlFormId"] for row in central.forms() if row["publishedAt"]}
    return [
        sync_form(session, central, form, now=now, run_id=run_id, overlap=overlap, full=full)
        for form in forms
        if form in published
    ]


def sync_form(
    session: Session,
    central: Central,
    form_id: str,
    *,
    now: datetime,
    run_id: int | None = None,
    overlap: timedelta = OVERLAP,
    full: bool = False,
) -> Synced:
    """Append what Central has of one form and we do not; commits page by page, and what was pending.

    Everything is listed with `full`, at the first sync, and when the last full listing is a week old.
    """
    mark = session.get(SyncMark, form_id)
    since = None if full or mark is None or _is_stale(mark, now) else mark.since - overlap
    session.commit()
    newest: datetime | None = None
    ids: set[str] = set()
    total = Synced(form_id)
    for page in central.submission_pages(form_id, since):
        seen = [read_row(row) for row in page]
        total = _add(total, _take_page(session, central, form_id, seen, now=now, run_id=run_id))
        newest = max((*(newest_date(row) for row in page), *([newest] if newest else [])))
        ids |= {one.instance_id for one in seen}
    if since is None:
        total = _add(total, _take_absent(session, form_id, ids, now=now, run_id=run_id))
    _move_mark(session, form_id, newest, now=now, run_id=run_id, is_full=since is None)
    total = _add(total, Synced(form_id, findings=tuple(unknown_versions(session, form_id))))
    log.info(
        "sync.done form=%s listed=%s new=%s edits=%s events=%s same=%s findings=%s",
        *(form_id, total.listed, total.new, total.edits, total.events, total.same, len(total.findings)),
    )
    return total


def unknown_versions(session: Session, form_id: str) -> list[Finding]:
    """A finding for every form version that answers name and of which the text is not kept."""
    kept = set(session.exec(select(FormVersion.version).where(FormVersion.form_id == form_id)))
    counts = session.exec(
        select(Submission.form_version, func.count())
        .where(Submission.form_id == form_id, col(Submission.redaction_id).is_(None))
        .group_by(col(Submission.form_version))
        .order_by(col(Submission.form_version))
    )
    return [
        Finding(
            "error",
            "submission.unknown_version",
            f"{form_id} {version or '(none)'}",
            f"{count} submissions name a form version whose text we do not have; they are kept, not read. "
            "Check out the text of that version and run `survey publish` there, or reject them in Central.",
        )
        for version, count in counts
        if version not in kept
    ]


def _is_stale(mark: SyncMark, now: datetime) -> bool:
    return mark.full_at is None or now - mark.full_at >= FULL_EVERY


def _take_page(
    session: Session,
    central: Central,
    form_id: str,
    seen: Sequence[Seen],
    *,
    now: datetime,
    run_id: int | None,
) -> Synced:
    """Fetch and append what a page of the listing comes to; one commit at its end."""
    known = read_known(session, form_id, [one.instance_id for one in seen])
    session.commit()  # nothing stays locked while Central is asked
    plan = plan_sync(known, seen)
    rows: list[Submission] = []
    findings = [_withheld(form_id, instance) for instance in plan.withheld]
    for wanted in plan.fetch:
        fetched = _fetch(central, form_id, wanted, now=now, run_id=run_id)
        rows += fetched
        if len(fetched) < len(wanted.edits):
            findings.append(_vanished(form_id, wanted.seen.instance_id))
    findings += [_unreadable(row) for row in rows if _version(row.xml) is None]
    passed("sync.fetched")
    store.lock(session)
    new = store.append(session, [row for row in rows if row.edit == 0])
    edits = store.append(session, [row for row in rows if row.edit > 0])
    events = store.append(session, [_event(form_id, e, now=now, run_id=run_id) for e in plan.events])
    passed("sync.added")
    session.commit()
    passed("sync.kept")
    return Synced(form_id, len(seen), new, edits, events, plan.same, tuple(findings))


def _take_absent(
    session: Session, form_id: str, listed: set[str], *, now: datetime, run_id: int | None
) -> Synced:
    gone = plan_absent(read_known(session, form_id), listed)
    events = store.append(session, [_event(form_id, event, now=now, run_id=run_id) for event in gone])
    session.commit()
    return Synced(form_id, events=events)


def _fetch(
    central: Central, form_id: str, wanted: Fetch, *, now: datetime, run_id: int | None
) -> list[Submission]:
    """The wanted edits as rows; fewer when they have vanished from Central since they were listed.

    The first edit has the instance's own id; the later ones have to be asked for.
    """
    instance = wanted.seen.instance_id
    places = {0: (instance, str(wanted.seen.meta["submissionDate"]))}
    if max(wanted.edits) > 0:
        edits = central.submission_edits(form_id, instance)
        places = {one.edit: (one.version_id, one.created_at) for one in edits}
    rows = []
    for edit in wanted.edits:
        version_id, created = places.get(edit, ("", ""))
        xml = central.submission_xml(form_id, instance, version_id) if version_id else None
        if xml is not None:
            rows.append(
                Submission(
                    form_id=form_id,
                    instance_id=instance,
                    edit=edit,
                    form_version=_version(xml) or "",
                    xml=xml,
                    digest=hashlib.sha256(xml.encode()).hexdigest(),
                    meta=dict(wanted.seen.meta),
                    submitted_at=parse(created),
                    received_at=now,
                    run_id=run_id,
                )
            )
    return rows


def _event(form_id: str, happened: Happened, *, now: datetime, run_id: int | None) -> SubmissionEvent:
    return SubmissionEvent(
        form_id=form_id,
        instance_id=happened.instance_id,
        kind=happened.kind,
        meta=dict(happened.meta),
        seen_at=now,
        run_id=run_id,
    )


def _move_mark(
    session: Session,
    form_id: str,
    newest: datetime | None,
    *,
    now: datetime,
    run_id: int | None,
    is_full: bool,
) -> None:
    """Remember how far a listing that was read to its end has brought us."""
    mark = session.get(SyncMark, form_id)
    if mark is None and newest is None:
        return
    if mark is None:
        assert newest is not None
        mark = SyncMark(form_id=form_id, since=newest)
    mark.since = max(mark.since, newest) if newest else mark.since
    mark.full_at = now if is_full else mark.full_at
    mark.run_id = run_id
    session.add(mark)
    session.commit()
    passed("sync.marked")


def _version(xml: str) -> str | None:
    """The form version a submission names ("" if none); None if it is no XML."""
    try:
        return ElementTree.fromstring(xml).get("version", "")
    except ElementTree.ParseError:
        return None


def _add(one: Synced, other: Synced) -> Synced:
    counts = {
        name: getattr(one, name) + getattr(other, name)
        for name in ("listed", "new", "edits", "events", "same")
    }
    return Synced(one.form_id, **counts, findings=one.findings + other.findings)


def _withheld(form_id: str, instance: str) -> Finding:
    return Finding(
        "warning",
        "submission.withheld",
        f"{form_id}/{instance}",
        "Central has an edit by a person whose answers were redacted; it was left there; delete it there.",
    )


def _vanished(form_id: str, instance: str) -> Finding:
    return Finding(
        "note",
        "submission.vanished",
        f"{form_id}/{instance}",
        "It was listed, and gone when it was fetched; the next sync will show it as deleted.",
    )


def _unreadable(row: Submission) -> Finding:
    return Finding(
        "error",
        "submission.unreadable",
        f"{row.form_id}/{row.instance_id}",
        "It is not XML; it is kept as it came. Look at it in Central and reject it there.",
    )
