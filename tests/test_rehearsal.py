"""The rehearsal: the main job as a whole, twice, broken off, and in the wrong place.

1. The same seed gives the same release, file by file, and the same reports, whatever process, time zone and
order of hashing; another seed gives others. 2. Everybody who was asked for is in it. 3. A report names the
digest of its release. 4. Every job of the journal is done. 5. A second sync adds nothing. 6. Jobs that die
at work are run again, and a study that lost its database comes to the same release from Central alone.
7. A folder that is not its own is left alone; its own is made anew.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlmodel import Session, select

import survey
from analysis.dataset import Dataset
from scheduler import heart, runner
from scheduler.jobs import JOBS
from scheduler.rehearsal import MARK
from survey import cli, release, store
from survey.app import open_app
from survey.cases import Sampled, add_cases, add_enumerator
from survey.models import Case, Enumerator, Planned, Run, Submission, SubmissionEvent
from survey.sync import sync_study

TINY = ("--people", "6", "--waves", "1")
ROOT = Path(survey.__file__ or "").parents[1]


def demo(folder: Path, seed: int, **environment: str) -> subprocess.Popen[str]:
    """`survey demo` on six people, in a process and an environment of its own."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SURVEY_")}
    command = [sys.executable, "-m", "survey", "demo", *TINY, "--seed", str(seed), "--folder", str(folder)]
    return subprocess.Popen(
        command,
        env={**bare, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of the releases and the reports, by place in the study."""
    found = [p for part in ("releases", "reports") for p in sorted((folder / part).rglob("*")) if p.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def tiny(once) -> dict[str, Path]:
    """Two small demos of one seed, side by side, each in an environment of its own."""
    home = once("demos", play)
    return {"one": home / "one", "twin": home / "twin"}


def play(home: Path) -> None:
    home.mkdir()
    playing = {
        "one": demo(home / "one", 3, PYTHONHASHSEED="1", TZ="Asia/Ho_Chi_Minh", LC_ALL="C.UTF-8"),
        "twin": demo(home / "twin", 3, PYTHONHASHSEED="2", TZ="America/Lima", LC_ALL="C"),
    }
    for process in playing.values():
        finished(process)


def finished(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate(timeout=900)
    assert (process.returncode, out) == (0, ""), err


# 1


def test_the_same_seed_gives_the_same_bytes_in_releases_and_reports(tiny):
    one, twin = files(tiny["one"]), files(tiny["twin"])
    assert {Path(name).suffix for name in one} == {".parquet", ".csv", ".json", ".txt", ".html", ".pdf"}
    assert list(one) == list(twin)
    assert [name for name in one if one[name] != twin[name]] == []


def test_nothing_in_the_files_tells_where_or_when_they_were_made(tiny):
    machine = [str(tiny["one"]).encode(), str(Path.home()).encode() + b"/", b"/CreationDate", b"127.0.0.1"]
    for name, content in files(tiny["one"]).items():
        assert [word for word in machine if word in content] == [], name


# 2


def test_everybody_who_was_asked_for_is_in_the_release(tiny):
    """One wave of six used to end with two of them, before those of the second month were issued."""
    made = newest(tiny["one"])
    assert len(made["persons"]) == 6
    assert len(made["person_waves"]) == 6


def newest(folder: Path) -> Dataset:
    engine = store.connect("sqlite:///survey.sqlite", folder)
    with Session(engine) as session:
        latest = release.latest(session)
    engine.dispose()
    assert latest is not None
    return Dataset.read(folder / "releases" / latest.folder)


# 3


def test_a_report_names_the_digest_of_its_release(played):
    made = newest(played.folder)
    home = played.folder / "reports" / made.digest[:12]
    assert sorted(path.name for path in home.iterdir()) == [
        f"panel.{language}.{kind}" for language in ("en", "vi") for kind in ("html", "pdf")
    ]
    for path in home.glob("*.html"):
        assert made.digest[:12] in path.read_text(encoding="utf-8")
    for path in home.glob("*.pdf"):
        text = "".join(page.extract_text() for page in PdfReader(path).pages)
        assert made.digest[:12] in re.sub(r"\s", "", text)


def test_what_was_said_at_the_end_is_what_lies_there(played):
    made = newest(played.folder)
    said = next(line for line in reversed(played.told) if line.startswith("Release"))
    rows = ", ".join(f"{len(made[frame]):,} {frame}" for frame in made.frames)
    assert said == f"Release    {made.digest[:12]}: {rows}"


# 4


def test_every_job_of_the_journal_is_done(played):
    with played.session() as session:
        runs = [run for run in session.exec(select(Run)).all() if run.job != heart.HEART]
    assert {run.job for run in runs} == set(JOBS) - {"backup"}
    assert {(run.state, run.error) for run in runs} == {("done", "")}
    assert all(run.started_at and run.finished_at and run.started_at <= run.finished_at for run in runs)


# 5


def test_the_rehearsal_says_that_another_sync_found_nothing(played):
    assert "Sync       once more: 0 new submissions" in played.told


def test_a_second_sync_adds_nothing(revived):
    before = revived.count(Submission), revived.count(SubmissionEvent)
    for arguments in (("sync", "--json"), ("sync", "--full", "--json")):
        said = revived.run(*arguments)
        assert said.code == 0, said.err
        assert {(row["new"], row["edits"], row["events"]) for row in json.loads(said.out)} == {(0, 0, 0)}
    assert (revived.count(Submission), revived.count(SubmissionEvent)) == before


def test_a_release_of_the_same_answers_is_the_same_release(revived):
    before = files(revived.folder)
    said = revived.run("release", "build")
    assert said.code == 0, said.err
    assert "there already" in said.err
    assert files(revived.folder) == before


# 6


class Killed(BaseException):
    """Somebody pulled the plug."""


@pytest.fixture
def bereft(revived):
    """The study with its Central as it was and an empty database: the sample and the team, nothing else."""
    with revived.session() as session:
        known = session.exec(select(Case).order_by(Case.case_id)).all()
        issued = {p.case_id: p.opens for p in session.exec(select(Planned).where(Planned.wave == 0))}
        team = session.exec(select(Enumerator).order_by(Enumerator.code)).all()
        session.expunge_all()
    for file in revived.folder.glob("survey.sqlite*"):
        file.unlink()
    assert revived.run("db", "upgrade").code == 0
    app = open_app(revived.folder)
    with app.session() as session:
        for one in team:
            add_enumerator(session, one.code, label=one.label, team=one.team, langs=one.langs)
        for day in sorted(set(issued.values())):
            rows = [sampled(case) for case in known if issued[case.case_id] == day]
            add_cases(session, rows, app.plan, seed=app.seed, now=revived.clock(), issued=day)
        session.commit()
    yield revived, app
    app.engine.dispose()


def sampled(case: Case) -> Sampled:
    return Sampled(case.case_id, case.frame_src, case.psu_code, case.stratum, case.incl_prob)


def test_a_study_that_lost_its_database_comes_to_the_same_release_though_every_job_dies_once(bereft):
    revived, app = bereft
    wanted = newest_of_folder(revived.folder)
    died: set[str] = set()

    def mortal(name: str):
        def job(app, now, run_id):
            if name == "sync" and name not in died:
                died.add(name)
                revived.central.standin.faults.refuse(status=503, where=".xml", skip=9, times=99)
                sync_study(app, now=now, run_id=run_id)
            outcome = JOBS[name](app, now, run_id)
            if name not in died:
                died.add(name)
                raise Killed  # after its work, before the journal could tell
            return outcome

        return job

    jobs = {name: mortal(name) for name in JOBS}
    order = ("publish", "sync", "waves", "push", "release", "report")
    for name in order:
        try:
            ran = runner.once(app, name, revived.clock, jobs=jobs)
            assert (name, ran.state) == ("sync", "failed")
            assert "Central is not up" in ran.error
        except Killed:
            pass
        revived.central.standin.faults.clear()
        revived.clock.set(revived.clock() + timedelta(minutes=1))
        again = runner.once(app, name, revived.clock, jobs=jobs)
        assert again.state == "done", again.error
    assert died == set(order)
    with app.session() as session:
        latest = release.latest(session)
    assert latest is not None
    assert latest.folder == wanted


def newest_of_folder(folder: Path) -> str:
    """The release that has reports: the rehearsal's last."""
    return next((folder / "reports").iterdir()).name


def test_a_run_cut_off_is_taken_up_when_its_heart_has_stopped(revived):
    """The process died in the middle: its run stands as running, and a later tick does it again."""
    app = open_app(revived.folder)
    revived.clock.set(revived.clock() + timedelta(days=1))
    jobs = dict(JOBS) | {name: lambda app, now, run_id: {} for name in JOBS if name != "waves"}

    def killed(app, now, run_id):
        JOBS["waves"](app, now, run_id)
        raise Killed

    with pytest.raises(Killed):
        runner.tick(app, revived.clock, jobs=jobs | {"waves": killed})
    with app.session() as session:
        cut = session.exec(select(Run).where(Run.state == "running", Run.job == "waves")).one()
        key = cut.key
    revived.clock.set(revived.clock() + timedelta(minutes=11))
    ran = {one.key: one.state for one in runner.tick(app, revived.clock, jobs=jobs)}
    assert ran[key] == "done"
    app.engine.dispose()


# 7


@pytest.fixture
def alone(monkeypatch):
    """An environment without settings."""
    for name in [name for name in os.environ if name.startswith("SURVEY_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", ["SURVEY_DATABASE_URL", "SURVEY_CENTRAL_URL", "SURVEY_STUDY_SEED"])
def test_settings_of_a_real_study_in_the_environment_stop_the_demo(alone, tmp_path, monkeypatch, capfd, name):
    """They won over its own: its cases, forms and schema would have gone to that database and Central."""
    monkeypatch.setenv(name, "sqlite:///real.sqlite")
    code = cli.run(["demo", *TINY, "--folder", str(tmp_path / "demo")])
    err = capfd.readouterr().err
    assert (code, err.count("\n")) == (2, 1)
    assert f"the environment has settings of another study ({name}): unset" in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_its_own_is_left_alone(alone, tmp_path, capfd):
    home = tmp_path / "thesis"
    home.mkdir()
    (home / "chapter1.txt").write_text("two years of work")
    assert cli.run(["demo", *TINY, "--folder", str(home)]) == 1
    assert capfd.readouterr().err.splitlines() == [
        f"survey: the folder holds something that is not a demo ({home}): name a new folder with --folder"
    ]
    assert [path.name for path in home.iterdir()] == ["chapter1.txt"]


def test_a_file_in_the_place_of_the_folder_is_left_alone(alone, tmp_path, capfd):
    file = tmp_path / "thesis.txt"
    file.write_text("two years of work")
    assert cli.run(["demo", *TINY, "--folder", str(file)]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert str(file) in lines[0]
    assert file.read_text() == "two years of work"


def test_the_mark_says_that_the_folder_may_be_made_anew(tiny):
    assert "may delete and make it anew" in (tiny["one"] / MARK).read_text()


@pytest.mark.slow
def test_its_own_folder_is_made_anew_and_another_seed_gives_another_release(tiny, tmp_path):
    before, again = files(tiny["one"]), tmp_path / "again"
    shutil.copytree(tiny["one"], again)
    (again / "releases" / "stray.txt").touch()
    finished(demo(again, 4))
    after = files(again)
    assert "releases/stray.txt" not in after
    assert {place.split("/")[1] for place in before} & {place.split("/")[1] for place in after} == set()
    assert len(newest(again)["persons"]) == 6
