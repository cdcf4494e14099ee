"""Planning a large panel, timed: seconds and peak memory of laying out, comparing and telling Central.

    python -m benchmarks.planning [PEOPLE ...]        by default 5000 and 50000, from the root

Everybody is recruited within two years, a third as inflow; the plan has ten waves and a blackout a year.
*first* lays out and stores all windows of a panel that has none; *again* compares the whole panel with what
is stored and what Central was told, and finds nothing; *day* has a corrected return of one in a hundred.
Seconds are those on the wall, and beside them those that the process was on a processor. Each step runs in a
process of its own; memory is its largest resident set, as the operating system accounts it.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert
from sqlmodel import Session

from instruments.plan import Blackout, Blackouts, Track, Wave, WavePlan, add_months, load_plan
from survey import cases, outbox, store, waves
from survey.models import Case, Contact, Enumerator

NOW = datetime(2028, 1, 3, 6, 30, tzinfo=UTC)
TODAY = date(2028, 1, 3)
FIRST = date(2026, 1, 5)
TEAM = 200
SEED = "1/1"


def plan() -> WavePlan:
    """The shipped plan with ten waves in both tracks, and three weeks a year on which nobody is visited."""
    shipped = load_plan()
    tracks = {
        name: Track(name, _ten(track.waves), track.since_return) for name, track in shipped.tracks.items()
    }
    rest = tuple(
        Blackout(date(year, 1, 25), date(year, 2, 14), "Tết", "festival") for year in range(2026, 2040)
    )
    return replace(shipped, tracks=tracks, blackouts=Blackouts(rest))


def _ten(found: tuple[Wave, ...]) -> tuple[Wave, ...]:
    last = found[-1]
    more = range(1, 11 - len(found))
    return found + tuple(replace(last, number=last.number + n, months=last.months + 12 * n) for n in more)


def baselines(people: int) -> list[cases.Baseline]:
    """What the baseline interviews of a panel tell: who was recruited when, and came home when."""
    rng = np.random.default_rng(1)
    days = rng.integers(0, 730, people)
    inflow = rng.random(people) < 1 / 3
    months = np.where(inflow, rng.integers(0, 13, people), rng.integers(13, 121, people))
    made = []
    for number, (day, back) in enumerate(zip(days.tolist(), months.tolist(), strict=True)):
        recruited = FIRST + timedelta(days=day)
        made.append(
            cases.Baseline(
                f"VN-{number:05d}",
                f"uuid:{number}",
                recruited,
                add_months(recruited, -back).replace(day=1),
                f"NA{number:06d}",
                f"00000000-0000-4000-8000-{number:012d}",
            )
        )
    return made


def corrected(told: list[cases.Baseline]) -> list[cases.Baseline]:
    """The same after one person in a hundred turned out to have come home a month earlier."""
    return [
        replace(one, returned=add_months(one.returned, -1)) if number % 100 == 0 and one.returned else one
        for number, one in enumerate(told)
    ]


class Steps:
    """Seconds by step, on the wall and on the processor."""

    def __init__(self) -> None:
        self.found: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        began, worked = time.perf_counter(), time.process_time()
        yield
        self.found[name] = time.perf_counter() - began
        self.found[f"{name}, processor"] = time.process_time() - worked


def first(people: int, folder: Path) -> dict[str, float]:
    """A panel that was never planned: all windows are laid out and stored."""
    engine = store.connect("sqlite:///panel.sqlite", folder, create=True)
    store.upgrade(engine)
    told, working, steps = baselines(people), plan(), Steps()
    with Session(engine) as session:
        _sample(session, told)
        with steps.of("first: lay out and store"):
            changes = _plan_alone(session, told, working).changes
            session.commit()
    return {**steps.found, "windows": len(changes), "first: peak MB": _peak()}


def prepare(people: int, folder: Path) -> dict[str, float]:
    """Everybody linked, every open window with an enumerator, Central told; not timed."""
    engine = store.connect("sqlite:///panel.sqlite", folder)
    with Session(engine) as session:
        cases.settled(session, _facts(baselines(people)), plan(), now=NOW, today=TODAY)
        outbox.enqueue(session, _missing(session), NOW)
        session.commit()
    return {}


def daily(people: int, folder: Path) -> dict[str, float]:
    """A panel as it stands: nothing to do, then a day with corrections."""
    engine = store.connect("sqlite:///panel.sqlite", folder)
    told, working, steps = baselines(people), plan(), Steps()
    with Session(engine) as session:
        with steps.of("again: lay out and compare"):
            made = _plan_alone(session, told, working)
        with steps.of("again: what Central must be told"):
            missing = _missing(session)
        assert not made.changes
        assert not missing
        with steps.of("again: the whole settling"):
            cases.settled(session, _facts(told), working, now=NOW, today=TODAY)
        with steps.of("day: settling with corrections"):
            late = _facts(corrected(told))
            changed = cases.settled(session, late, working, now=NOW, today=TODAY).changes
            session.commit()
        with steps.of("day: what Central must be told"):
            missing = _missing(session)
    counts = {"day: windows changed": len(changed), "day: writes": len(missing)}
    return {**steps.found, **counts, "again and day: peak MB": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _facts(told: list[cases.Baseline]) -> cases.Facts:
    return cases.Facts(baselines=tuple(told), done={(one.case_id, 0): "interviewed" for one in told})


def _plan_alone(session: Session, told: list[cases.Baseline], working: WavePlan) -> waves.Outcome:
    anchors = (waves.Anchor(one.case_id, one.interviewed, one.returned) for one in told)
    return waves.lay_out_all(session, working, anchors, today=TODAY, now=NOW)


def _missing(session: Session) -> list[tuple[int, outbox.Write]]:
    wanted = outbox.wanted(session, TODAY, forms=["rm_followup"], seed=SEED)
    return outbox.plan_push(wanted, outbox.told(session))


def _sample(session: Session, told: list[cases.Baseline]) -> None:
    """The sample list and a team, put in by rows; taking them in is not what is timed here."""
    codes = [f"E{number:03d}" for number in range(TEAM)]
    session.execute(insert(Enumerator), [{"code": code} for code in codes])
    rows = [
        {"case_id": one.case_id, "person_id": f"P{n:05d}", "psu_code": f"NA-{n % 60:02d}"}
        for n, one in enumerate(told)
    ]
    session.execute(insert(Case), rows)
    session.execute(insert(Contact), [{"case_id": one.case_id, "phone1": "0900"} for one in told])
    session.commit()


STEPS = {"first": first, "prepare": prepare, "daily": daily}


def main(sizes: list[int]) -> None:
    """Print one column per size."""
    found = {people: _alone(people) for people in sizes}
    print(f"{'people, 10 waves':<46}" + "".join(f"{people:>12,}" for people in sizes))
    for name in found[sizes[0]]:
        is_time = ":" in name and not any(word in name for word in ("MB", "windows", "writes"))
        cells = (f"{one[name]:>10.2f} s" if is_time else f"{one[name]:>12,.0f}" for one in found.values())
        print(f"{name:<46}" + "".join(cells))


def _alone(people: int) -> dict[str, float]:
    """All steps for one size, each in a process of its own over the same database."""
    result: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home:
        for step in STEPS:
            call = [sys.executable, "-m", "benchmarks.planning", "--step", step, str(people), home]
            done = subprocess.run(call, capture_output=True, text=True, check=True)
            result |= json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps(STEPS[sys.argv[2]](int(sys.argv[3]), Path(sys.argv[4]))))
    else:
        main([int(size) for size in sys.argv[1:]] or [5_000, 50_000])
