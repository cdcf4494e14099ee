"""The demo: a study on invented people, moved through its waves by the same jobs that run a real one.

What is embedded here stands in for the world outside: a Central on a loopback port, tablets with the engine
of ODK Collect, people with a known truth, and a clock that jumps from one Monday to the next. Everything the
platform itself does is done by the timetable's jobs as `scheduler.runner` ticks them; there is no rule of the
survey in this file. The same seed gives the same release and the same reports.
"""

import gc
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from types import MappingProxyType

from pydantic import SecretStr
from sqlmodel import Session, col, func, select

from analysis.simulate import Histories, simulate
from instruments.instrument import load
from scheduler import runner
from scheduler.runner import Ran
from survey import cases, release
from survey.app import App
from survey.central import Central
from survey.commands.init import start_study
from survey.config import FILE, PREFIX, TIMETABLE, CentralSettings, Settings, load_settings
from survey.errors import SettingsError, SurveyError
from survey.models import AppUserToken, Enumerator, Planned, Submission
from survey.sandbox.central import StandIn, serve
from survey.sandbox.collect import Collect
from survey.sandbox.fieldwork import Enumerator as Interviewer
from survey.sandbox.fieldwork import Field, Worked, work
from survey.sandbox.pool import Pool

START = date(2026, 3, 2)  # a Monday, two weeks after Tết
STARTS_AT, ENDS_AT = time(6, 30), time(21, 0)  # of a week in the field: Monday morning, Sunday night
EMAIL, PASSWORD = "panel@example.org", "rehearsal only"
CREW = (("101", "A", "vi"), ("102", "A", "vi"), ("103", "B", "vi en"))
FRAMES = ("persons", "person_waves", "spells", "person_months", "attempts", "retractions")
MARK = "rehearsal.txt"  # a folder that holds it was made here and may be made anew
SCHEDULE = TIMETABLE | {  # the report is asked for at the end; nobody wants a backup of invented people
    "check": "quarterly 1 05:00",
    "release": "quarterly 1 05:10",
    "report": "off",
    "backup": "off",
}


@dataclass(frozen=True, slots=True)
class Account:
    """A Central to rehearse on: its address, and a site administrator there."""

    url: str
    email: str
    password: str = field(repr=False)


class StudyClock:
    """Study time. It stands still until it is set, and never runs backwards."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def __call__(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        """Move on to `now`; an earlier moment leaves the clock where it is."""
        self._now = max(self._now, now)


@dataclass(slots=True)
class Stages:
    """Where the time went: seconds of the machine by stage."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        began = monotonic()
        try:
            yield
        finally:
            self.seconds[name] += monotonic() - began


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it: where everything lies, an instance to trace, what was counted, seconds by stage."""

    folder: Path
    release: Path
    digest: str
    reports: tuple[Path, ...]
    example: str
    counts: MappingProxyType[str, int]
    seconds: MappingProxyType[str, float]

    def summary(self) -> str:
        """Where to look, for somebody who has just seen it run."""
        counted = ", ".join(f"{number:,} {name}" for name, number in self.counts.items())
        took = ", ".join(f"{name} {spent:.0f} s" for name, spent in self.seconds.items())
        survey = f"{_from_here(Path(sys.prefix) / 'bin' / 'survey')} --settings {_from_here(self.folder)}"
        return "\n".join(
            [
                "",
                f"Done in {sum(self.seconds.values()):.0f} s ({took}).",
                f"  {counted}",
                "",
                *(f"  Report    {_from_here(path)}" for path in self.reports),
                f"  Release   {_from_here(self.release)}  (content digest {self.digest[:12]})",
                f"  Database  {_from_here(self.folder / 'survey.sqlite')}",
                "",
                "Open a report in a browser or a PDF reader, and look around:",
                f"  {survey} status",
                f"  {survey} schedule list",
                f"  {survey} release list",
                f"  {survey} trace {self.example} inc_own",
            ]
        )


def rehearse(
    folder: Path,
    *,
    people: int,
    waves: int,
    seed: int,
    tell: Callable[[str], None],
    central: Account | None = None,
    workers: int = 0,
) -> Rehearsal:
    """Run a whole study in `folder` and say how it goes; the folder must be new or an earlier rehearsal.

    With `central` it runs in a new project of that Central, whose own clock then dates what arrives.

    Raises
    ------
    SettingsError
        The environment sets something of a study, which would lead the rehearsal to a real one.
    SurveyError
        The folder holds something else, or a job failed.
    """
    _refuse_settings(os.environ)
    folder = _cleared(folder.resolve())
    stages, clock = Stages(), StudyClock(datetime.combine(START, STARTS_AT, UTC))
    with _central(central, folder, clock, seed) as account, Pool(workers) as pool:
        tell(f"Central    {account.url}, study time starts {START}")
        with stages.of("set-up"):
            app = _study(folder, account, seed=seed, waves=waves)
            histories = simulate(people, seed=seed, start_cm=(START.year - 1900) * 12 + START.month)
            clock.set(datetime.combine(START, STARTS_AT, app.zone))
            _hire(app)
        tell(f"Sample     {people} invented returnees, {len(CREW)} enumerators, {waves} waves")
        stage = _Stage(app, account, clock, histories, pool, stages, tell, _sample(histories))
        gc.freeze()  # modules and forms stay; the collector need not look at them a thousand times
        try:
            stage.play()
        finally:
            gc.unfreeze()
        made, reports = stage.curtain()
        with app.session() as session:
            counts, example = _counts(session), _example(session)
        app.engine.dispose()
    return Rehearsal(
        folder=folder,
        release=made[0],
        digest=made[1],
        reports=tuple(reports),
        example=example,
        counts=MappingProxyType(counts),
        seconds=MappingProxyType(dict(stages.seconds)),
    )


@dataclass(slots=True)
class _Stage:
    """Everything that is on while the study clock runs."""

    app: App
    account: Account
    clock: StudyClock
    histories: Histories
    pool: Pool
    stages: Stages
    tell: Callable[[str], None]
    waiting: list[tuple[date, cases.Sampled]]

    def play(self) -> None:
        """Week after week: the jobs that are due on Monday morning, then the enumerators until Sunday."""
        setting = Field.of(
            self.histories,
            [load(form, corridor=self.app.corridor) for form in self.app.settings.study.forms],
            zone=self.app.zone,
            seed=str(self.histories.seed),
            ids=str(self.app.settings.central.project),
        )
        crew: list[Interviewer] = []
        monday, month = START, Worked(0, 0, 0, 0)
        while self.waiting or monday <= _last_day(self.app):
            with self.stages.of("cases"):
                self._issue(monday)
            self._tick(monday)
            crew = crew or self._tablets()
            self._print_lists(crew, monday)
            with self.stages.of("fieldwork"):
                week = work(
                    crew,
                    monday,
                    monday + timedelta(days=6),
                    setting=setting,
                    pool=self.pool,
                    clock=self.clock.set,
                )
            month = _plus(month, week)
            monday += timedelta(days=7)
            if monday.day <= 7:
                past = monday - timedelta(days=7)
                self.tell(f"{past:%Y-%m}    {month.attempts} attempts, {month.interviews} interviews")
                month = Worked(0, 0, 0, 0)
        self._tick(monday)

    def curtain(self) -> tuple[tuple[Path, str], list[Path]]:
        """Freeze the last state, report on it, and show that another sync finds nothing new."""
        again = self._once("sync")
        self.tell(f"Sync       once more: {again.outcome['new']} new submissions")
        made = self._once("release")
        rows = ", ".join(f"{made.outcome[frame]:,} {frame}" for frame in FRAMES)
        self.tell(f"Release    {made.outcome['digest']}: {rows}")
        self._once("report")
        with self.app.session() as session:
            latest = release.latest(session)
            assert latest is not None
            folder, digest = self.app.folder / "releases" / latest.folder, latest.digest
        return (folder, digest), sorted((self.app.folder / "reports" / folder.name).iterdir())

    def _tick(self, monday: date) -> None:
        self.clock.set(datetime.combine(monday, STARTS_AT, self.app.zone))
        for ran in runner.tick(self.app, self.clock):
            self._account(ran)

    def _once(self, job: str) -> Ran:
        return self._account(runner.once(self.app, job, self.clock))

    def _account(self, ran: Ran) -> Ran:
        self.stages.seconds[ran.job] += ran.seconds
        if ran.state != "done":
            raise SurveyError(f"the job {ran.job} failed", where=ran.key, cure=ran.error)
        if ran.outcome.get("published"):
            self.tell(
                f"Forms      {ran.outcome['published']} steps: built, checked by ODK Validate, published"
            )
        return ran

    def _issue(self, monday: date) -> None:
        """Hand over the part of the sample list whose time has come."""
        ready = [row for opens, row in self.waiting if opens <= monday]
        if not ready:
            return
        self.waiting = [(opens, row) for opens, row in self.waiting if opens > monday]
        with self.app.session() as session:
            now = self.clock()
            cases.add_cases(session, ready, self.app.plan, seed=self.app.seed, now=now, issued=monday)
            session.commit()

    def _tablets(self) -> list[Interviewer]:
        """One tablet for each enumerator, set up with the key that the platform holds for them."""
        with self.app.session() as session:
            keys = {
                row.code: session.get_one(AppUserToken, row.app_user_id).token
                for row in session.exec(select(Enumerator).order_by(Enumerator.code))
            }
        project = self.app.settings.central.project
        return [
            Interviewer(
                code,
                Collect(
                    f"{self.account.url}/v1/key/{key}/projects/{project}",
                    self.app.folder / "tablets" / code,
                    device=f"collect:{code}",
                ),
            )
            for code, key in keys.items()
        ]

    def _print_lists(self, crew: Iterable[Interviewer], monday: date) -> None:
        """What each enumerator carries on paper: the new cases that are theirs."""
        with self.app.session() as session:
            due = [item for item in cases.due(session, monday) if item.wave == 0]
        for interviewer in crew:
            interviewer.sample = [
                {
                    "case_id": item.case_id,
                    "opens": item.opens.isoformat(),
                    "closes": item.closes.isoformat(),
                }
                for item in due
                if item.enumerator == interviewer.code
            ]


def _refuse_settings(environment: Iterable[str]) -> None:
    """The environment wins over the settings made here, and would lead to another study's database."""
    sections = tuple(f"{PREFIX}{name.upper()}_" for name in Settings.model_fields)
    around = sorted(
        name for name in environment if name.startswith(sections) and not name.endswith("PASSWORD")
    )
    if around:
        raise SettingsError(
            "the environment has settings of another study",
            where=", ".join(around),
            cure="unset them for the demo, which makes its own",
        )


def _cleared(folder: Path) -> Path:
    ours = folder.is_dir() and ((folder / MARK).exists() or not any(folder.iterdir()))
    if folder.exists() and not ours:
        raise SurveyError(
            "the folder holds something that is not a demo",
            where=str(folder),
            cure="name a new folder with --folder",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).write_text(
        "Made by `survey demo`, which may delete and make it anew.\n", encoding="utf-8"
    )
    return folder


@contextmanager
def _central(given: Account | None, folder: Path, clock: StudyClock, seed: int) -> Iterator[Account]:
    """The Central named, or else the embedded stand-in, in study time, for as long as it is needed."""
    if given is not None:
        yield given
        return
    standin = StandIn(folder / "central.sqlite", email=EMAIL, password=PASSWORD, clock=clock, seed=seed)
    try:
        with serve(standin) as served:
            yield Account(served.url, EMAIL, PASSWORD)
    finally:
        standin.close()


def _study(folder: Path, account: Account, *, seed: int, waves: int) -> App:
    """A study as `survey init` makes it in a new project; the password stays in this process."""
    secret = SecretStr(account.password)
    with Central(CentralSettings(url=account.url, email=account.email, password=secret)) as door:
        central = {"url": account.url, "email": account.email, "project": door.create_project("Rehearsal")}
    study = {
        "name": "rehearsal",
        "title": "Rehearsal on invented returnees",
        "seed": seed,
        "waves": waves,
        "simulated": True,
    }
    start_study(folder, {"study": study, "central": central, "schedule": SCHEDULE})
    return App(load_settings(folder / FILE, central={"password": secret}), folder)


def _sample(histories: Histories) -> list[tuple[date, cases.Sampled]]:
    """The sample list as an office would import it, each row with the day from which it may be worked."""
    people = {person.case_id: person for person in histories}
    return [
        (
            date.fromisoformat(row["opens"]),
            cases.Sampled(
                case_id=row["case_id"],
                frame_src=row["frame_src"],
                psu_code=row["psu_code"],
                stratum=row["stratum"],
                incl_prob=float(row["incl_prob"]),
                name=people[row["case_id"]].name,
                phone=people[row["case_id"]].phone,
            ),
        )
        for row in histories.sample_list()
    ]


def _hire(app: App) -> None:
    with app.session() as session:
        for code, team, languages in CREW:
            cases.add_enumerator(session, code, label=f"Enumerator {code}", team=team, langs=languages)
        session.commit()


def _last_day(app: App) -> date:
    """The last day on which anything planned can still be done; the start while nothing is planned."""
    with app.session() as session:
        open_ended = select(func.max(Planned.closes)).where(col(Planned.state) != "closed")
        return session.exec(open_ended).one() or START


def _counts(session: Session) -> dict[str, int]:
    rows = session.exec(select(Submission.form_id, func.count()).group_by(Submission.form_id)).all()
    return {form.removeprefix("rm_"): number for form, number in sorted(rows)}


def _example(session: Session) -> str:
    """The instance of an interview; of a follow-up if there is one, since forms are named in that order."""
    newest = select(Submission.instance_id).where(Submission.form_id != "rm_contact")
    return session.exec(newest.order_by(col(Submission.form_id).desc(), col(Submission.id)).limit(1)).one()


def _from_here(path: Path) -> str:
    """A path as somebody would type it in the working folder."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _plus(one: Worked, other: Worked) -> Worked:
    return Worked(
        one.attempts + other.attempts,
        one.interviews + other.interviews,
        one.sent + other.sent,
        one.refused_answers + other.refused_answers,
    )
