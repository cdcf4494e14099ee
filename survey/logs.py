"""How what happened is written down: one JSON object per line, without anybody's answers.

Modules log an event and its facts (`sync.done form=rm_baseline new=12`); only the command line decides where
that goes (`configure`). pyodk logs the whole body of a refused request, so its loggers are cut off from every
handler before a client exists (`guard`): what is left of such a record is its origin and its error's type.
"""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from survey.errors import SettingsError


def configure(*, level: str = "INFO", file: Path | None = None, stream: TextIO | None = None) -> None:
    """Send the log of our packages as JSON lines to a file, a stream, or both, in place of where it went."""
    guard()
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h.formatter, JsonLines)]:
        root.removeHandler(handler)
        handler.close()
    handlers: list[logging.Handler] = [logging.StreamHandler(stream)] if stream else []
    if file:
        handlers.append(_file_handler(file))
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(JsonLines())
        root.addHandler(handler)
    root.setLevel(level)
    for foreign in ("urllib3", "alembic", "apscheduler", "httpx", "matplotlib"):
        logging.getLogger(foreign).setLevel(logging.ERROR)


def guard() -> None:
    """Cut pyodk's loggers off from every handler but one that drops their text; may be called again."""
    logger = logging.getLogger("pyodk")
    logger.propagate = False
    if not any(isinstance(handler, WithoutBodies) for handler in logger.handlers):
        logger.handlers = [WithoutBodies()]


class WithoutBodies(logging.Handler):
    """Passes on where a record came from and which error it was; never its text."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the bare fact under our own name."""
        kind = type(record.msg).__name__ if isinstance(record.msg, Exception) else "message"
        logging.getLogger("survey.central").log(
            record.levelno, "central.pyodk source=%s error=%s", record.name, kind
        )


class JsonLines(logging.Formatter):
    """One object per line: at (UTC), level, logger, event, and the type of an exception but not its text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def _file_handler(file: Path) -> logging.Handler:
    try:
        return logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            "the log cannot be written",
            where=f"log.file = {file}",
            cure=f"name a file in a folder that exists and may be written to ({type(error).__name__})",
        ) from None
