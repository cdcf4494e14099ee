"""The way back: one backup opened with its key, examined, and made a study again.

Nothing that is there is overwritten. Into a new folder everything is restored, and its settings name the
restored database; in the study's own folder only what is missing comes back. A database with tables in it is
never touched.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from survey import store
from survey.backup import copies, sealed
from survey.backup.copies import Facts
from survey.backup.shelf import MANIFEST
from survey.config import FILE
from survey.errors import BackupError, StoreUnreachable

SQLITE = "sqlite:///survey.sqlite"


def restore(file: Path, key: Path, folder: Path, *, database: str = "", tools: str = "") -> Facts:
    """Restore a backup into `folder`, its database at `database` (by default survey.sqlite there).

    Raises
    ------
    BackupError
        The key does not open it, it is damaged, or there is a database already where it should go.
    """
    target = _located(database or SQLITE, folder)
    _require_free(target)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=folder) as name:
        home = Path(name)
        manifest, copied = _opened(file, key, home)
        wanted = Facts.from_json(manifest["database"])
        if wanted.kind != target.get_backend_name():
            raise BackupError(
                f"the backup holds a database of {wanted.kind}",
                where=str(file),
                cure="name a place for one with --database (postgresql://host/name of an empty database)",
            )
        copies.require_same(wanted, copies.examine(copied, tools=tools), copied)
        copies.load(copied, target, tools=tools)
        _require_loaded(target, wanted)
        _put_back(home / "study", folder, database or SQLITE)
    return wanted


def _opened(file: Path, key: Path, home: Path) -> tuple[dict[str, Any], Path]:
    plain = home / "plain.tar.gz"
    sealed.unseal(file, plain, key)
    with tarfile.open(plain) as tar:
        tar.extractall(home, filter="data")
    plain.unlink()
    manifest = json.loads((home / MANIFEST).read_text(encoding="utf-8"))
    return manifest, home / copies.NAMES[manifest["database"]["kind"]]


def _located(database: str, folder: Path) -> URL:
    try:
        address = make_url(database)
    except ArgumentError:
        raise BackupError(
            "not a database address", where="--database", cure=f"write {SQLITE} or postgresql://host/name"
        ) from None
    if address.get_backend_name() == "sqlite":
        return address.set(database=str((folder / str(address.database)).resolve()))
    return address


def _require_free(target: URL) -> None:
    if target.get_backend_name() == "sqlite":
        taken = Path(str(target.database)).exists()
    else:
        engine = store.connect(target.render_as_string(hide_password=False))
        taken = bool(inspect(engine).get_table_names())
        engine.dispose()
    if taken:
        raise BackupError(
            "there is a database already, and a backup never goes over one",
            where=target.render_as_string(hide_password=True),
            cure="restore beside it with --into FOLDER (PostgreSQL: and --database), or move it away first",
        )


def _require_loaded(target: URL, wanted: Facts) -> None:
    try:
        engine = store.connect(target.render_as_string(hide_password=False))
    except StoreUnreachable as error:
        raise BackupError("the restored database does not open", where=error.where, cure=error.cure) from None
    found = copies.count(engine)
    engine.dispose()
    copies.require_same(wanted, found, Path(str(target.database)))


def _put_back(study: Path, folder: Path, database: str) -> None:
    """Bring back the files that are missing; settings that come back name the restored database."""
    settings = study / FILE
    if not (folder / FILE).exists():
        plain = make_url(database).set(drivername=make_url(database).get_backend_name())
        address = re.sub(r"(://[^/@]*?):[^/@]*@", r"\1@", plain.render_as_string(hide_password=False))
        text = settings.read_text(encoding="utf-8")
        settings.write_text(_with_database(text, address), encoding="utf-8")
    for file in sorted(path for path in study.rglob("*") if path.is_file()):
        place = folder / file.relative_to(study)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, place)


def _with_database(text: str, address: str) -> str:
    """Settings whose `url` in the section [database] is this one."""
    head, mark, tail = text.partition("[database]")
    if not mark:
        return f'{text}\n[database]\nurl = "{address}"\n'
    body, bracket, rest = tail.partition("\n[")
    line = f'url = "{address}"'
    body, found = re.subn(r"(?m)^url\s*=.*$", lambda _: line, body)
    return head + mark + (body if found else f"\n{line}{body}") + bracket + rest
