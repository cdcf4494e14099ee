"""The shelf of backups: making one for a run, listing them, taking the oldest away.

One file per run, `STUDY-TIME-runNUMBER.tar.gz.age`, and beside it a `.json` that says without a key what it
holds (schema, rows by table, digest of the sealed file). A run that was cut short finds its file, or makes it
anew. In clear there is only the copy of the database, in the study's own folder while it is being read; what
a killed process left there is wiped by the next one. A person who withdrew is gone from the shelf when
`backup.keep` newer backups stand on it.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import logging
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from survey.backup import copies, sealed
from survey.config import FILE
from survey.errors import BackupError
from survey.failpoints import passed
from survey.models import Run

if TYPE_CHECKING:
    from survey.app import App

log = logging.getLogger(__name__)

SUFFIX = ".tar.gz.age"
WORKSHOP = ".backup"  # in the study's folder: the copy of the database, in clear, while it is worked on
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup as it was made, or found to be there: its file, what it holds, what went for it."""

    file: Path
    is_new: bool
    rows: int
    removed: int


def make(app: App, *, run_id: int) -> Made:
    """The verified, encrypted backup of this run; again for the same run, it is the same file.

    Raises
    ------
    BackupError
        No recipient is set, the copy is not what the database was, or another backup is being made.
    """
    settings = app.settings.backup
    if not settings.recipients:
        raise BackupError(
            "no backup was made: there is no key to encrypt it to",
            where="[backup] recipients",
            cure='make one with `survey backup key FILE`, or set backup = "off" in [schedule]',
        )
    shelf = shelf_of(app)
    shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _workshop(app) as workshop:
        file = shelf / f"{_name(app, run_id)}{SUFFIX}"
        is_new = not file.exists()
        if is_new:
            for left in shelf.glob(f"{app.settings.study.name}-*.part"):
                left.unlink()
            _make(app, file, workshop, run_id)
        removed = _thin(app)
    rows = sum(json.loads(_beside(file).read_text(encoding="utf-8"))["database"]["rows"].values())
    log.info("backup.done file=%s new=%s rows=%s removed=%s", file.name, is_new, rows, removed)
    return Made(file, is_new, rows, removed)


def listing(app: App, *, check: bool = False) -> list[dict[str, Any]]:
    """The backups on the shelf, the newest first; with `check` each is read and held against its digest."""
    rows = []
    for file in _files(app):
        told = told_of(file)
        made = datetime.fromisoformat(told["made_at"]).astimezone(app.zone)
        rows.append(
            {
                "file": file.name,
                "made": made.isoformat(" ", "minutes"),
                "database": told["database"]["kind"],
                "schema": told["database"]["revision"],
                "submissions": told["database"]["rows"].get("submission", 0),
                "bytes": file.stat().st_size,
                **({"intact": _digest(file) == told["sha256"]} if check else {}),
            }
        )
    return rows


def told_of(file: Path) -> dict[str, Any]:
    """What stands beside a backup about it. Raises `BackupError` where nothing does."""
    try:
        told: dict[str, Any] = json.loads(_beside(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BackupError(
            "nothing tells what this backup holds",
            where=str(_beside(file)),
            cure="copy the .json of the same name beside it",
        ) from None
    return told


def parts(app: App) -> Iterator[tuple[str, Path]]:
    """What is in a backup beside the database: settings, the study's own forms, plan and lists, its releases.

    Releases are frozen and may be cited; later answers make others, so they cannot be had again. Reports can
    be rendered again from a release, and Central keeps attachments: neither is in it.
    """
    study = app.settings.study
    yield FILE, app.folder / FILE
    for name in (study.forms_folder, study.plan_file, "lists", "releases"):
        inside = (app.folder / name).resolve()
        if name and inside.exists() and inside.is_relative_to(app.folder.resolve()):
            yield inside.relative_to(app.folder.resolve()).as_posix(), inside


def shelf_of(app: App) -> Path:
    """The folder of this study's backups."""
    return app.folder / Path(app.settings.backup.folder).expanduser()


def _make(app: App, file: Path, workshop: Path, run_id: int) -> None:
    tools = app.settings.backup.postgres_tools
    copied, wanted = copies.copy(app.engine, workshop, tools=tools)
    passed("backup.copied")
    copies.require_same(wanted, copies.examine(copied, tools=tools), copied)
    passed("backup.verified")
    manifest = {
        "study": app.settings.study.name,
        "made_at": _started(app, run_id).isoformat(timespec="seconds"),
        "database": wanted.to_json(),
        "recipients": app.settings.backup.recipients,
    }
    part = file.with_name(f"{file.name}.part")
    sealed.seal(lambda out: _pack(out, app, manifest, copied), part, app.settings.backup.recipients)
    copied.unlink()
    passed("backup.sealed")
    told = {**manifest, "sha256": _digest(part)}
    _beside(file).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    part.rename(file)
    passed("backup.placed")


def _pack(out: BinaryIO, app: App, manifest: Mapping[str, Any], copied: Path) -> None:
    with tarfile.open(fileobj=out, mode="w|gz") as tar:
        text = json.dumps(manifest, indent=2).encode()
        head = tarfile.TarInfo(MANIFEST)
        head.size = len(text)
        tar.addfile(head, io.BytesIO(text))
        tar.add(copied, copied.name)
        for name, place in parts(app):
            tar.add(place, f"study/{name}")


def _thin(app: App) -> int:
    """Take away what is more than `keep`, the oldest first; each file before what stands beside it."""
    surplus = _files(app)[app.settings.backup.keep :]
    for file in surplus:
        file.unlink()
        _beside(file).unlink(missing_ok=True)
    passed("backup.thinned")
    return len(surplus)


def _files(app: App) -> list[Path]:
    return sorted(shelf_of(app).glob(f"{app.settings.study.name}-*{SUFFIX}"), reverse=True)


def _name(app: App, run_id: int) -> str:
    return f"{app.settings.study.name}-{_started(app, run_id):%Y%m%dT%H%M%SZ}-run{run_id}"


def _started(app: App, run_id: int) -> datetime:
    """When the run began for the first time: the same however often it is taken up again."""
    with app.session() as session:
        started = session.get_one(Run, run_id).started_at
    assert started is not None
    return started.astimezone(UTC)


def _beside(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(SUFFIX) + ".json")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _workshop(app: App) -> Iterator[Path]:
    """A folder for the copy in clear, empty now and gone afterwards; one at a time."""
    home = app.folder / WORKSHOP
    home.mkdir(mode=0o700, exist_ok=True)
    with (app.folder / f"{WORKSHOP}.lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupError(
                "another backup of this study is being made", where=str(home), cure="wait for it to end"
            ) from None
        shutil.rmtree(home)
        home.mkdir(mode=0o700)
        try:
            yield home
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(home)
