"""Forms, timed: building, linting and the codebook; whole follow-up interviews a second on JavaRosa.

    python -m benchmarks.instruments [INTERVIEWS]        by default 120, from the root of the repository

Forms: a fresh process each time, its imports told apart. Interviews: members who work and live at home, each
recorded beforehand with made-up answers and told again; the case list has 10,000 rows shared by 40
interviewers. The form and its lists are parsed before the clock starts. Shown is the quickest of three runs.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from instruments import load
from instruments.length import read_paths
from survey.sandbox.interview import Retold
from survey.sandbox.pool import Job, Pool
from survey.sandbox.tablet import Filled, Tablet
from survey.sandbox.walks.caselists import write_lists
from survey.sandbox.walks.walking import Walker

RUNS = 3
ROWS = 10_000
TEAM = 40
RECORDED = 24
WHEN = datetime(2031, 3, 14, 9, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
FORMS = """
import json, time
at, worked = [time.perf_counter()], [time.process_time()]
from instruments import build, forms, lint, load
from instruments.dictionary import entries, to_csv
from instruments.lint import lint_together
import pyxform.xls2xform
def done(): at.append(time.perf_counter()), worked.append(time.process_time())
done()
opened = [load(name) for name in forms()]
done()
built = [build(form) for form in opened]
done()
found = [f for form in opened for f in lint(form)] + lint_together(opened)
done()
to_csv(entries(opened))
done()
names = ("imports", "reading", "building", "linting", "codebook")
steps = zip(names, zip(at, at[1:]), zip(worked, worked[1:]))
print(json.dumps({name: [b - a, d - c] for name, (a, b), (c, d) in steps}))
"""


def forms() -> dict[str, list[float]]:
    """Seconds by step, by the clock and of processor time, of the quickest of some fresh processes."""
    runs = []
    for _ in range(RUNS):
        done = subprocess.run([sys.executable, "-c", FORMS], capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    return min(runs, key=lambda run: sum(step[0] for step in run.values()))


def recorded(folder: Path) -> tuple[Walker, list[Filled]]:
    """A follow-up laid out with its long case list, and complete interviews with it."""
    walker = Walker(load("rm_followup"), folder, Tablet(), when=WHEN)
    path, rng = read_paths()["rm_followup"]["employed"], random.Random(1)
    filled: list[Filled] = []
    while len(filled) < RECORDED:
        one = walker.along(path, rng)
        filled += [one] if one.complete else []
    rows = dict(walker.domains.rows)
    team = [{"name": f"E{n:02d}", "label": f"E{n:02d}"} for n in range(1, TEAM + 1)]
    known = rows["returnee"]
    others = [
        known[n % len(known)]
        | {"name": f"5c0f2b5e-0000-4000-9000-{n:012d}", "assigned": team[n % TEAM]["name"]}
        for n in range(ROWS - len(known))
    ]
    write_lists({"enumerators": team, "returnee": [*known, *others]}, walker.media)
    return walker, filled


def rate(walker: Walker, filled: list[Filled], processes: int, interviews: int) -> tuple[float, float]:
    """Interviews a second, once each process has the form and its lists; processor time of one, here."""
    jobs = [
        Job(walker.form, walker.media, Retold(filled[n % len(filled)]), WHEN, f"bench/{n}")
        for n in range(interviews)
    ]
    with Pool(processes) as pool:
        pool.fill(jobs[: 24 * processes])
        seconds = []
        for _ in range(RUNS):
            start = time.perf_counter(), time.process_time()
            done = pool.fill(jobs)
            seconds.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    if not all(one.complete for one in done):
        raise SystemExit("an interview was refused that was complete when it was recorded")
    clock, worked = min(seconds)
    return interviews / clock, worked / interviews


def main(interviews: int) -> None:
    """Print seconds of the forms and interviews a second, side by side."""
    steps = forms()
    print(f"{'':<44}{'clock':>10}  {'processor':>10}")
    for step, (clock, worked) in steps.items():
        print(f"{step:<44}{clock:8.2f} s  {worked:8.2f} s")
    clock, worked = (sum(step[at] for step in steps.values()) for at in (0, 1))
    print(f"{'all forms built and linted, and the codebook':<44}{clock:8.2f} s  {worked:8.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        walker, filled = recorded(Path(folder))
        asked = sum(len(one.asked) for one in filled) / len(filled)
        print(f"{'questions asked in a follow-up, on average':<44}{asked:10.0f}")
        single, worked = rate(walker, filled, 1, interviews)
        print(f"{'follow-ups a second, 1 process':<44}{single:10.1f}  {worked:8.2f} s each")
        double, _ = rate(walker, filled, 2, interviews)
        print(f"{'follow-ups a second, 2 processes':<44}{double:10.1f}")
    print(f"{'load of the machine, last minute':<44}{os.getloadavg()[0]:10.1f}")


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:2] or [120]))
