"""What the platform does by itself, a few lines each over `survey`: the score that the timetable plays.

Jobs reconcile, they do not react: each makes good what is missing at the moment it runs, so that a missed
tick, a doubled tick and a run by hand are the same thing. A job takes the study, the time and the number of
its run, and returns what it counted, which the journal keeps. What a job decides is decided in `survey`; when
it runs, in the timetable.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from instruments.findings import Finding, count
from survey.app import App
from survey.failpoints import passed

Outcome = Mapping[str, Any]
Job = Callable[[App, datetime, int], Outcome]
JOBS: dict[str, Job] = {}


def job(function: Job) -> Job:
    """Enter a function under its own name, by which the timetable calls it."""
    JOBS[function.__name__] = function
    return function


@job
def sync(app: App, now: datetime, run_id: int) -> Outcome:
    """Append what Central has and we do not."""
    from survey.sync import sync_study

    done = sync_study(app, now=now, run_id=run_id)
    findings = [finding for one in done for finding in one.findings]
    return {"new": sum(one.new for one in done), "edits": sum(one.edits for one in done), **_levels(findings)}


@job
def waves(app: App, now: datetime, run_id: int) -> Outcome:
    """Link what was answered to its case, open and close windows, give each to an enumerator."""
    from survey import cases
    from survey.facts import facts
    from survey.sample import recruits

    today = now.astimezone(app.zone).date()
    with app.session() as session:
        rules = app.settings.assignment
        recruits.enrol(session, app.plan, seed=app.seed, now=now)
        findings = cases.settle(session, facts(session), app.plan, now=now, today=today, rules=rules)
        due = len(cases.due(session, today))
        passed("waves.settled")
        session.commit()
    passed("waves.kept")
    return {"due": due, **_levels(findings)}


@job
def publish(app: App, now: datetime, run_id: int) -> Outcome:
    """Make Central hold the study's forms as their text is here."""
    from survey.publish import publish_study

    outcome = publish_study(app, now=now, run_id=run_id)
    return {"published": len(outcome.actions), **_levels(outcome.findings)}


@job
def push(app: App, now: datetime, run_id: int) -> Outcome:
    """Tell Central who is due, with whom and until when, and see what every tablet shows of it."""
    from survey.push import push_study

    pushed = push_study(app, now=now, run_id=run_id)
    counts = {name: getattr(pushed, name) for name in ("sent", "standing", "waiting", "failed")}
    return {**counts, **_levels(pushed.findings)}


@job
def check(app: App, now: datetime, run_id: int) -> Outcome:
    """Look at everything that came in, and count what looks wrong by its code."""
    from survey import responses
    from survey.checks import run_checks

    with app.session() as session:
        read = responses.read(session, seed=app.seed)
    findings = [*read.findings, *run_checks(read, read.codebook)]
    passed("check.found")
    codes = Counter(finding.code for finding in findings)
    return {**_levels(findings), **dict(sorted(codes.items()))}


@job
def release(app: App, now: datetime, run_id: int) -> Outcome:
    """Freeze the data as they stand; the same data are not frozen twice."""
    from survey.release import release_study

    built = release_study(app, now=now, run_id=run_id)
    return {"digest": built.digest[:12], "new": int(built.is_new), **built.rows, **_levels(built.findings)}


@job
def report(app: App, now: datetime, run_id: int) -> Outcome:
    """Render what the latest release has no report of yet."""
    from analysis.dataset import Dataset
    from analysis.report import write
    from survey.release import latest

    with app.session() as session:
        made = latest(session)
    if made is None:
        return {"files": 0}
    home = app.folder / "reports" / made.folder
    if not home.exists():
        dataset = Dataset.read(app.folder / "releases" / made.folder)
        half_done = home.with_name(f"{home.name}.part")
        shutil.rmtree(half_done, ignore_errors=True)
        write(dataset, half_done, languages=app.settings.study.languages)
        passed("report.drawn")
        half_done.rename(home)
        passed("report.placed")
    return {"files": sum(1 for _ in home.iterdir())}


@job
def backup(app: App, now: datetime, run_id: int) -> Outcome:
    """Put a verified copy, encrypted to the study's recipients, on the shelf of backups."""
    from survey.backup import shelf

    made = shelf.make(app, run_id=run_id)
    return {"rows": made.rows, "removed": made.removed, "file": made.file.name}


def _levels(findings: Any) -> dict[str, int]:
    """How many findings there are of each level, the empty levels left out."""
    found: list[Finding] = list(findings)
    return {f"{level}s": number for level, number in count(found).items() if number}
