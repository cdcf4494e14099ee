"""Telling a service manager that we work, and ending the process when we do not.

`Pulse` holds by when the next sign of life is due: minutes between ticks, hours within a job. While it is
kept, systemd is pinged (`sd_notify`: a datagram to the socket it names, when there is one). When it is
overdue, the process ends itself, so that whatever keeps it starts it again and the run that hung is taken up;
under systemd a process that cannot even do that is ended by `WatchdogSec`.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from survey.errors import FAILED

log = logging.getLogger(__name__)

TICK_LIMIT = 15 * 60.0  # seconds from one tick to the next, jobs apart
JOB_LIMIT = 3 * 60 * 60.0  # seconds a job may take; what it did until then is kept
PING_SECONDS = 30.0


class Pulse:
    """By when the next sign of life is due, and what is being done until then."""

    def __init__(self) -> None:
        self._due, self._doing = monotonic() + TICK_LIMIT, "starting"

    def expect(self, seconds: float, doing: str) -> None:
        """Give the next piece of work this long."""
        self._due, self._doing = monotonic() + seconds, doing

    def overdue(self) -> str:
        """What hangs; empty while all is well."""
        return self._doing if monotonic() > self._due else ""


def notify(state: str) -> bool:
    """Tell systemd (`READY=1`, `STOPPING=1`, `STATUS=…`); False where no systemd listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    place = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        try:
            wire.sendto(state.encode(), place)
        except OSError as error:
            log.warning("watchdog.unheard error=%s", type(error).__name__)
            return False
    return True


def ping_seconds() -> float:
    """How often systemd wants to hear of us: half of `WatchdogSec`, or our own measure without it."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    return min(int(wanted) / 2e6, PING_SECONDS) if wanted.isdigit() and int(wanted) else PING_SECONDS


@contextmanager
def watched(pulse: Pulse, *, end: Callable[[int], object] = os._exit) -> Iterator[None]:
    """Ping as long as the pulse is kept, within the block; `end` the process when it is overdue."""
    over = threading.Event()
    every = ping_seconds()

    def look() -> None:
        while not over.wait(every):
            if hangs := pulse.overdue():
                log.error("watchdog.overdue doing=%s", hangs)
                end(FAILED)
                return
            notify("WATCHDOG=1")

    thread = threading.Thread(target=look, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
