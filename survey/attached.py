"""Attached lists as they were published: every content of a code list that Central was given, with its day.

Central holds the newest file of a form alone, so what codes stood for when an answer was given is kept here,
one row per content, append-only. What a change of a file means is `instruments.comparability.attached`, what
is done about it `publish`. Lists of people (interviewers, panel members) are no code lists and not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

from sqlmodel import Session, col, select

from survey.models import AttachedList


def remember(
    session: Session, files: Mapping[str, bytes], *, now: datetime, run_id: int | None = None
) -> None:
    """Keep the content of each file unless it is the one kept last; the caller commits."""
    for file, data in files.items():
        digest = sha256(data).hexdigest()
        last = _last(session, file)
        if last is None or last.sha256 != digest:
            text = data.decode("utf-8")
            session.add(AttachedList(file=file, sha256=digest, text=text, published_at=now, run_id=run_id))
    session.flush()


def held(session: Session, files: Iterable[str], before: datetime | None = None) -> dict[str, bytes]:
    """The content of each file that was published last, or last before a moment; unknown ones left out."""
    found = {file: _last(session, file, before) for file in files}
    return {file: row.text.encode() for file, row in found.items() if row is not None}


def _last(session: Session, file: str, before: datetime | None = None) -> AttachedList | None:
    query = select(AttachedList).where(AttachedList.file == file)
    if before is not None:
        query = query.where(AttachedList.published_at < before)
    return session.exec(query.order_by(col(AttachedList.id).desc())).first()
