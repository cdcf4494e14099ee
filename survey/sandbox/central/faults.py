"""Failures on order, for tests: refusals, lost sessions, answers that never arrive.

A `Faults` object belongs to a stand-in and changes nothing until told. Each fault may be limited to
addresses that contain a text, and happens a number of times and then no more.
"""

from dataclasses import dataclass, field

UNLIMITED = 1_000_000


@dataclass(slots=True)
class _Fault:
    kind: str
    where: str
    method: str
    skip: int
    times: int
    status: int = 503


@dataclass(slots=True)
class Faults:
    """Failures waiting for the calls they are meant for."""

    _waiting: list[_Fault] = field(default_factory=list)

    def refuse(
        self, *, status: int = 503, where: str = "", method: str = "", skip: int = 0, times: int = 1
    ) -> None:
        """Answers with a bare status instead of doing anything."""
        self._waiting.append(_Fault("refuse", where, method, skip, times, status))

    def expire_session(self, *, after: int = 0, times: int = 1) -> None:
        """Answers 401.2 to a bearer token after that many calls that carried one, and forgets the session."""
        self._waiting.append(_Fault("expire", "", "", after, times, 401))

    def drop_reply(self, *, where: str = "", method: str = "POST", skip: int = 0, times: int = 1) -> None:
        """Does what was asked, keeps it, and breaks the connection instead of answering."""
        self._waiting.append(_Fault("drop", where, method, skip, times))

    def clear(self) -> None:
        self._waiting.clear()

    def due(self, method: str, path: str, *, bearer: bool) -> tuple[str, int] | None:
        """The failure meant for this call as (kind, status), or None."""
        for fault in self._waiting:
            fits = fault.where in path and fault.method in ("", method) and (bearer or fault.kind != "expire")
            if not fits:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self._waiting.remove(fault)
            return fault.kind, fault.status
        return None
