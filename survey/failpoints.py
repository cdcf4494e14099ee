"""Failpoints: the named places where a process that dies leaves an effect without its record, or half of one.

Every job is a chain of effects (something changes at Central, in a folder, in the database) and records of
them. `passed(point)` stands between two links of such a chain and does nothing, unless a test has put a hook
here that ends the process at that place. Nothing in the program and nothing in the environment sets the hook:
`tests/test_scheduler/doomed.py` does. `POINTS` is the list of all places; tests hold it to the calls in the
code, and kill the scheduler at each of them.
"""

from collections.abc import Callable

POINTS = {
    "tick.begun": "the heart has beaten, nothing is claimed",
    "run.claimed": "the journal says running, the job has not begun",
    "run.worked": "the job has returned, the journal still says running",
    "run.recorded": "the journal says done, the next job has not begun",
    "sync.fetched": "submissions are here in memory only",
    "sync.added": "their rows are added and not committed",
    "sync.kept": "their rows are committed, the mark has not moved",
    "sync.marked": "the mark has moved, the next form is not asked for",
    "waves.settled": "cases and windows are settled and not committed",
    "waves.kept": "cases and windows are committed",
    "draft.made": "Central has a draft without its files",
    "draft.attached": "the draft has one file more",
    "draft.linked": "the draft has one entity list more",
    "draft.published": "Central has published what no row here remembers",
    "publish.listed": "Central has an entity list or its properties, the forms are as before",
    "publish.remembered": "a published version is remembered, the next form is not sent",
    "push.planned": "rows of the outbox are planned and not committed",
    "push.queued": "rows of the outbox are committed, nothing is sent",
    "push.marked": "rows are committed as sent, Central has not been told",
    "push.told": "Central has been told, the row still says sent",
    "push.confirmed": "the rows of one batch are confirmed",
    "push.compared": "every tablet's lists are compared, nothing is kept of it",
    "push.looked": "what was compared is kept, what is wrong is not told again",
    "check.found": "the checks have run, nothing is noted",
    "release.written": "the folder of a release is there without its row",
    "release.noted": "the row of a release is added and not committed",
    "report.drawn": "a report is complete under its working name",
    "report.placed": "a report has its name, the journal does not know",
    "backup.copied": "the database is copied, in clear, and not verified",
    "backup.verified": "the copy is verified and not sealed",
    "backup.sealed": "the backup is encrypted under its working name",
    "backup.placed": "a backup has its name, older ones are not taken away",
    "backup.thinned": "older backups are gone, the journal does not know",
}


def _nothing(point: str) -> None:
    """What happens at every point outside of tests."""


_hook: Callable[[str], None] = _nothing


def passed(point: str) -> None:
    """The program is at this point; a name that is not in `POINTS` raises `KeyError` under a hook."""
    _hook(point)


def watch(hook: Callable[[str], None]) -> None:
    """Call `hook` with the name of every point that is passed from now on; for tests."""
    global _hook

    def checked(point: str) -> None:
        POINTS[point]
        hook(point)

    _hook = checked
