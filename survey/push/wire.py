"""Wire: what one push works with, and what it has read of Central's entity lists so far.

A list is read once in a push, when it is first needed, and kept up to date by what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from instruments.findings import Finding
from survey.central import Central
from survey.errors import CentralRejected
from survey.models import Outbox

BATCH = 100  # rows marked as sent in one commit; new entities in one request
STALE = "409.15"  # Central's code for an entity that is at a later version than the one named

Outcome = tuple[str, list[Finding]]
Sender = Callable[[Outbox], Outcome]


@dataclass(slots=True)
class Wire:
    """The database, Central, the time, and the entity lists read so far."""

    session: Session
    central: Central
    now: datetime
    _lists: dict[str, Entities] = field(default_factory=dict)

    def entities(self, name: str) -> Entities:
        """An entity list of Central; read now if it was not yet."""
        if name not in self._lists:
            self._lists[name] = Entities(self.central, name)
        return self._lists[name]


class Entities:
    """One entity list of Central as last read, and updates against the versions read."""

    def __init__(self, central: Central, name: str) -> None:
        self.central, self.name = central, name
        self.held = self._read()

    def update(self, row: Outbox, data: Mapping[str, str]) -> Outcome:
        """Bring one entity to `data`; another's change in between is read and met once more."""
        key = row.payload["uuid"]
        if self.stands(key, data):
            return "standing", []
        try:
            self._send(key, data)
            return "sent", []
        except CentralRejected as error:
            if error.code != STALE:
                raise
        self.held = self._read()
        message = "the entity had changed at Central since it was read; it was read again and told once more."
        found = [Finding("note", "entity.conflict", f"outbox/{row.key}", message)]
        if self.stands(key, data):
            return "standing", found
        self._send(key, data)
        return "sent", found

    def stands(self, key: str, data: Mapping[str, str]) -> bool:
        """Whether an entity has these values as last read."""
        present = self.held[key]["data"]
        return all((present.get(name) or "") == value for name, value in data.items())

    def _read(self) -> dict[str, dict[str, Any]]:
        return {item["uuid"]: item for item in self.central.entities(self.name)}

    def _send(self, key: str, data: Mapping[str, str]) -> None:
        held = self.held[key]
        version = self.central.update_entity(self.name, key, data, held["version"])
        self.held[key] = {**held, "version": version, "data": {**held["data"], **data}}
