"""What the clockwork promises.

1. A job that is due runs once, whoever ticks and however often.
2. Missed moments coalesce: after a week of silence each job runs once.
3. A run that was cut short is taken up again when its heartbeat is stale, not before.
4. A run that failed is tried again after a pause, a few times, and stops there.
5. A requested run is done at the next tick.
6. What failed leaves one line without personal data, and the other jobs go on.
7. A run that was asked for and cut short is done again; what nobody waits for any more is closed.
8. Days are days of the field, through both clock changes: each moment once, an hourly job every hour.
9. A clock set back by an hour runs nothing twice; one that is days behind runs nothing at all.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from scheduler import claims, heart, runner
from scheduler.jobs import Job
from scheduler.journal import request
from scheduler.lock import sole
from survey.app import App, open_app
from survey.commands.init import start_study
from survey.errors import CentralUnreachable
from survey.models import Run

MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # Monday, 8 o'clock in Ha Noi
SCHEDULE = {"sync": "hourly :55", "waves": "daily 04:30"}


class Clock:
    """A clock that the test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = open_app(start_study(tmp_path / "study", {"schedule": SCHEDULE}))
    yield app
    app.engine.dispose()


def counting(done: list[str], name: str) -> Job:
    def run(app: App, now: datetime, run_id: int) -> dict[str, int]:
        done.append(name)
        return {"new": len(done)}

    return run


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def jobs(done: list[str]) -> dict[str, Job]:
    return {name: counting(done, name) for name in SCHEDULE}


def journal(app: App, job: str) -> list[Run]:
    with Session(app.engine) as session:
        return list(session.exec(select(Run).where(Run.job == job)))


def test_a_due_job_runs_once_however_often_the_clock_ticks(app: App, jobs: dict, done: list[str]) -> None:
    clock = Clock(MORNING)
    for _ in range(3):
        runner.tick(app, clock, jobs=jobs)
    assert done == ["sync", "waves"]
    assert [(run.state, run.outcome) for run in journal(app, "sync")] == [("done", {"new": 1})]


def test_missed_moments_coalesce(app: App, jobs: dict, done: list[str]) -> None:
    clock = Clock(MORNING)
    runner.tick(app, clock, jobs=jobs)
    clock.now += timedelta(days=7)
    runner.tick(app, clock, jobs=jobs)
    assert done == ["sync", "waves"] * 2


def cut_short(app: App, clock: Callable[[], datetime]) -> Job:
    def killed(app: App, now: datetime, run_id: int) -> dict[str, int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.tick(app, clock, jobs={"sync": killed, "waves": killed})
    return killed


def test_a_run_cut_short_is_taken_up_when_its_heartbeat_is_stale(
    app: App, jobs: dict, done: list[str]
) -> None:
    clock = Clock(MORNING)
    cut_short(app, clock)
    clock.now += timedelta(minutes=5)
    assert "sync" not in {ran.job for ran in runner.tick(app, clock, jobs=jobs)}
    clock.now += timedelta(minutes=6)
    assert "sync" in {ran.job for ran in runner.tick(app, clock, jobs=jobs)}
    assert [run.state for run in journal(app, "sync")].count("done") == 1


def test_a_failed_run_is_tried_again_after_a_pause_and_not_for_ever(app: App) -> None:
    clock, calls = Clock(MORNING), []

    def down(app: App, now: datetime, run_id: int) -> dict[str, int]:
        calls.append(now)
        raise CentralUnreachable("Central does not answer", where="http://127.0.0.1:1", cure="is it up?")

    for _ in range(40):
        runner.tick(app, clock, jobs={"sync": down, "waves": down})
        clock.now += timedelta(minutes=1)
    per_key = [run.outcome["tries"] for run in journal(app, "waves")]
    assert per_key == [3]
    assert len(journal(app, "sync")) == 1
    assert journal(app, "waves")[0].error.startswith(
        "Central does not answer (http://127.0.0.1:1): is it up?"
    )
    clock.now += timedelta(hours=3)
    for _ in range(40):
        runner.tick(app, clock, jobs={"sync": down, "waves": down})
        clock.now += timedelta(minutes=16)
    assert max(run.outcome["tries"] for run in journal(app, "waves")) == claims.TRIES


def test_a_requested_run_is_done_at_the_next_tick(app: App, jobs: dict, done: list[str]) -> None:
    clock = Clock(MORNING)
    runner.tick(app, clock, jobs=jobs)
    with Session(app.engine) as session:
        session.add(Run(job="waves", key="waves asked by a supervisor", asked_at=MORNING))
        session.commit()
    assert [ran.key for ran in runner.tick(app, clock, jobs=jobs)] == ["waves asked by a supervisor"]


def test_a_failure_keeps_no_text_of_a_foreign_error_and_the_others_go_on(
    app: App, jobs: dict, done: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(app: App, now: datetime, run_id: int) -> dict[str, int]:
        raise ValueError("Nguyen Van Canary, 0912 345 678")

    with caplog.at_level("INFO"):
        ran = runner.tick(app, Clock(MORNING), jobs={**jobs, "sync": broken})
    assert [(one.job, one.state) for one in ran] == [("sync", "failed"), ("waves", "done")]
    assert ran[0].error.startswith("ValueError at test_runner.py:")
    assert "Canary" not in caplog.text + journal(app, "sync")[0].error


def test_an_unknown_job_in_the_timetable_fails_with_the_known_ones_named(app: App, jobs: dict) -> None:
    ran = runner.tick(app, Clock(MORNING), jobs={"waves": jobs["waves"]})
    assert "no job named 'sync'" in ran[0].error
    assert "use one of waves" in ran[0].error


def test_once_runs_a_job_whatever_the_timetable_says(app: App, jobs: dict, done: list[str]) -> None:
    clock = Clock(MORNING)
    runner.tick(app, clock, jobs=jobs)
    assert runner.once(app, "waves", clock, jobs=jobs).state == "done"
    assert done == ["sync", "waves", "waves"]


# 7


def die(app: App, now: datetime, run_id: int) -> dict[str, int]:
    raise KeyboardInterrupt


def test_a_requested_run_that_was_cut_short_is_done_again(app: App, jobs: dict, done: list[str]) -> None:
    clock = Clock(MORNING)
    runner.tick(app, clock, jobs=jobs)
    request(app, "waves", MORNING)
    with pytest.raises(KeyboardInterrupt):
        runner.tick(app, clock, jobs={**jobs, "waves": die})
    with pytest.raises(KeyboardInterrupt):
        runner.once(app, "sync", clock, jobs={"sync": die})
    done.clear()
    clock.now += timedelta(minutes=11)
    ran = {ran.key.split()[1]: ran.state for ran in runner.tick(app, clock, jobs=jobs)}
    assert ran == {"requested": "done", "by": "done"}
    assert done == ["waves", "sync"]
    assert runner.tick(app, clock, jobs=jobs) == []


def test_what_a_later_run_made_good_is_closed(app: App, jobs: dict, done: list[str]) -> None:
    """A moment that was cut short and then overtaken used to stand as running for ever."""
    clock = Clock(MORNING)
    cut_short(app, clock)
    clock.now += timedelta(hours=1)
    runner.tick(app, clock, jobs=jobs)
    assert [run.state for run in journal(app, "sync")] == ["failed", "done"]
    assert journal(app, "sync")[0].error == "cut short; later runs of this job made it good"


def test_a_run_whose_process_always_dies_is_given_up(app: App, jobs: dict, done: list[str]) -> None:
    clock = Clock(MORNING - timedelta(minutes=30))
    runner.tick(app, clock, jobs=jobs)
    clock.now += timedelta(days=1)
    for _ in range(claims.TRIES):
        with pytest.raises(KeyboardInterrupt):
            runner.tick(app, clock, jobs={**jobs, "waves": die})
        clock.now += timedelta(minutes=11)
    runner.tick(app, clock, jobs=jobs)
    assert [(run.state, run.error) for run in journal(app, "waves")] == [
        ("done", ""),
        ("failed", f"cut short {claims.TRIES} times"),
    ]


# 8


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),  # the clock jumps from 2 to 3
        ("Europe/Berlin", "2026-10-25", 25),  # the hour from 2 to 3 comes twice
        ("Asia/Ho_Chi_Minh", "2026-03-29", 24),
    ],
)
def test_every_moment_of_a_day_comes_once_through_clock_changes(
    tmp_path: Path, zone: str, day: str, hours: int
) -> None:
    seen: list[tuple[str, datetime]] = []

    def noting(name: str) -> Job:
        def run(app: App, now: datetime, run_id: int) -> dict[str, int]:
            seen.append((name, now.astimezone(app.zone)))
            return {}

        return run

    jobs = {"sync": noting("sync"), "waves": noting("waves"), "push": noting("push")}
    schedule = {"sync": "hourly :05", "waves": "daily 02:30", "push": "daily 23:50"}
    study = {"study": {"time_zone": zone}, "schedule": schedule}
    app = open_app(start_study(tmp_path / "study", study))
    midnight = datetime.fromisoformat(day).replace(tzinfo=app.zone)
    clock = Clock(midnight.astimezone(UTC) - timedelta(minutes=10))
    runner.tick(app, clock, jobs=jobs)  # the evening before
    seen.clear()
    while (clock.now + timedelta(minutes=10)).astimezone(app.zone).date() == midnight.date():
        clock.now += timedelta(minutes=10)
        runner.tick(app, clock, jobs=jobs)
    count = Counter(name for name, _ in seen)
    assert count == {"sync": hours, "waves": 1, "push": 1}
    assert {at.date() for _, at in seen} == {midnight.date()}
    (night,) = [at for name, at in seen if name == "waves"]
    assert (night.hour, night.minute) == (3 if hours == 23 else 2, 30)
    app.close()


# 9


def test_a_clock_set_back_by_an_hour_runs_nothing_twice(app: App, jobs: dict, done: list[str]) -> None:
    clock = Clock(MORNING)
    for minutes in (0, 60, 120):
        clock.now = MORNING + timedelta(minutes=minutes)
        runner.tick(app, clock, jobs=jobs)
    assert done == ["sync", "waves", "sync", "sync"]
    for minutes in range(60, 181, 5):
        clock.now = MORNING + timedelta(minutes=minutes)
        runner.tick(app, clock, jobs=jobs)
    assert done == ["sync", "waves", "sync", "sync", "sync"]  # the next is that of the third hour


def test_a_run_cut_short_before_the_clock_was_set_back_is_taken_up(
    app: App, jobs: dict, done: list[str]
) -> None:
    """Its heartbeat lies in the future; it used to be waited for until the clock had come there."""
    clock = Clock(MORNING)
    cut_short(app, clock)
    clock.now -= timedelta(minutes=20)
    key = journal(app, "sync")[0].key
    with Session(app.engine) as session:
        run = session.exec(select(Run).where(Run.key == key)).one()
        run.heartbeat_at = MORNING + timedelta(minutes=20)
        session.add(run)
        session.commit()
    clock.now = MORNING
    assert key in {ran.key for ran in runner.tick(app, clock, jobs=jobs)}


def test_a_clock_that_is_days_behind_runs_nothing(app: App, jobs: dict, done: list[str]) -> None:
    """A machine that starts in 1970 would open and close windows by that day."""
    runner.tick(app, Clock(MORNING), jobs=jobs)
    done.clear()
    with pytest.raises(heart.ClockBehind, match=r"clock says 1970-01-01.*last beat was at 2026-03-02"):
        runner.tick(app, Clock(datetime(1970, 1, 1, tzinfo=UTC)), jobs=jobs)
    behind = Clock(MORNING - timedelta(days=2))
    with pytest.raises(heart.ClockBehind), sole(app.engine, behind):
        pass
    with sole(app.engine, behind, trust_clock=True):
        runner.tick(app, behind, jobs=jobs)
    assert done
