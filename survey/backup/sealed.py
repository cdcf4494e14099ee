"""Encryption to recipients by age (https://age-encryption.org): whoever makes a backup cannot read it.

A recipient is a public key (`age1…`); the secret key that opens what was sealed is a line in a file which its
owner keeps elsewhere. The `age` and `rage` tools read and write the same files.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO

import pyrage

from survey.errors import BackupError

SECRET = "AGE-SECRET-KEY-"


def new_key(file: Path) -> str:
    """Write a new secret key to `file`, for its owner alone, and return its recipient."""
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        place = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupError(
            "there is a file already", where=str(file), cure="name another; a key is never overwritten"
        ) from None
    with os.fdopen(place, "w", encoding="ascii") as out:
        out.write(f"# recipient: {public}\n{identity}\n")
    return public


def seal(write: Callable[[BinaryIO], None], file: Path, recipients: Sequence[str]) -> None:
    """Encrypt what `write` writes into `file`, as it is written; nothing of it is on disk in clear."""
    keys = [_recipient(one) for one in recipients]
    reading, writing = os.pipe()
    faults: list[BaseException] = []

    def feed() -> None:
        try:
            with os.fdopen(writing, "wb") as out:
                write(out)
        except BaseException as error:
            faults.append(error)

    feeder = Thread(target=feed, name="backup-feed")
    feeder.start()
    try:
        with os.fdopen(reading, "rb") as plain, file.open("wb") as out:
            pyrage.encrypt_io(plain, out, keys)
            out.flush()
            os.fsync(out.fileno())
    finally:
        feeder.join()
    if faults:
        with suppress(FileNotFoundError):
            file.unlink()
        raise faults[0]


def unseal(file: Path, plain: Path, key: Path) -> None:
    """Decrypt `file` to `plain` with the secret key in the file `key`.

    Raises `BackupError` when the key cannot be read, or is not one that the file was sealed to.
    """
    identities = [pyrage.x25519.Identity.from_str(line) for line in _secrets(key)]
    try:
        with file.open("rb") as sealed, plain.open("wb") as out:
            pyrage.decrypt_io(sealed, out, identities)
    except pyrage.DecryptError:
        raise BackupError(
            "this key does not open the backup, or the backup is damaged",
            where=str(file),
            cure="use the secret key of a recipient it names; `survey backup list --check` finds damage",
        ) from None


def _recipient(text: str) -> "pyrage.x25519.Recipient":
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise BackupError(
            "a recipient is not a public key of age",
            where=f"backup.recipients, {text[:12]}…",
            cure="paste the whole line that begins with age1",
        ) from None


def _secrets(key: Path) -> list[str]:
    try:
        lines = [line.strip() for line in key.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        lines = []
    found = [line for line in lines if line.startswith(SECRET)]
    if not found:
        raise BackupError(
            "no secret key there",
            where=str(key),
            cure=f"name the file with the line that begins with {SECRET}",
        )
    return found
