"""The scheduler as a service: woken every minute, ticking until it is told to stop.

APScheduler is the waker and nothing else: it sets an event on every minute of UTC, from the memory of this
process. Should its thread die, we wake up by ourselves a little later. Ticks run in the main thread, so a
tick that fails ends the process with its error, for its keeper to start it again. On SIGTERM the job at work
is finished, nothing more is begun, and the right to this database is given back.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from scheduler.jobs import JOBS
from scheduler.lock import Check, SchedulerBusy, sole
from scheduler.runner import Ran, tick
from scheduler.watchdog import JOB_LIMIT, TICK_LIMIT, Pulse, notify, watched
from survey.app import App

log = logging.getLogger(__name__)

WAKE_SECONDS = 90.0  # when nobody has woken us until then, we look by ourselves
WAIT_SECONDS = 10.0  # between two looks whether the right is free


def serve(
    app: App,
    clock: Callable[[], datetime],
    *,
    wait: bool = False,
    trust_clock: bool = False,
    tell: Callable[[str], None] = log.info,
) -> None:
    """Follow the timetable until stopped.

    With `wait`, stand by while another scheduler works on this database, and take over when it ends.
    Raises `SchedulerBusy` without it, and what a tick raises.
    """
    stopping, wake = threading.Event(), threading.Event()
    trust_clock = trust_clock or app.settings.study.simulated  # invented time may lie ahead
    with _stopped_by_signal(stopping, wake):
        while not stopping.is_set():
            try:
                with sole(app.engine, clock, trust_clock=trust_clock) as check:
                    tell(f"Following the timetable of {app.settings.study.name} ({app.zone.key}).")
                    _follow(app, clock, check, stopping, wake)
            except SchedulerBusy as busy:
                if not wait:
                    raise
                log.info("service.waits %s", busy.where)
                notify("READY=1\nSTATUS=standing by")
                wake.wait(WAIT_SECONDS)


def _follow(
    app: App, clock: Callable[[], datetime], check: Check, stopping: threading.Event, wake: threading.Event
) -> None:
    pulse = Pulse()

    def before(job: str) -> bool:
        pulse.expect(JOB_LIMIT, job)
        return not stopping.is_set()

    with _woken(wake), watched(pulse):
        notify("READY=1\nSTATUS=following the timetable")
        while not stopping.is_set():
            wake.clear()
            check()
            pulse.expect(JOB_LIMIT, "tick")
            _say(tick(app, clock, jobs=JOBS, before=before))
            pulse.expect(TICK_LIMIT, "waiting")
            if not wake.wait(WAKE_SECONDS):
                log.warning("service.waker_silent seconds=%s", WAKE_SECONDS)
        notify("STOPPING=1")


@contextmanager
def _woken(wake: threading.Event) -> Iterator[None]:
    """APScheduler, for the time of the block; times are UTC, so no clock change concerns it."""
    from apscheduler.schedulers.background import BackgroundScheduler

    waker = BackgroundScheduler(timezone=UTC)
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    waker.add_job(wake.set, "cron", minute="*", id="wake", **defaults)
    waker.start()
    try:
        yield
    finally:
        waker.shutdown(wait=False)


@contextmanager
def _stopped_by_signal(stopping: threading.Event, wake: threading.Event) -> Iterator[None]:
    """SIGTERM stops in good order; only the main thread can be told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        wake.set()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(done: list[Ran]) -> None:
    """Let systemd's status line show how the last tick that did something went."""
    if done:
        failed = [ran.job for ran in done if ran.state == "failed"]
        last = done[-1].key
        notify(f"STATUS={len(done)} runs, last {last}" + (f"; failed: {', '.join(failed)}" if failed else ""))
