"""What the jobs promise, each over a study with a stand-in for Central on a real socket.

1. From an empty study to published forms, tablets' accounts and windows: sync, waves, publish, push.
2. Every job again at once changes nothing.
3. There is no report without a release; a report that was cut short is made anew.
4. While Central is down the jobs that need it fail in one line, and the others go on.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from scheduler import runner
from scheduler.jobs import JOBS
from survey import cases
from survey.app import App
from survey.central import Central
from survey.commands.init import start_study
from survey.config import load_settings
from survey.models import Outbox, Run
from survey.sandbox.central import StandIn, serve

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ACCOUNT = {"email": "office@example.org", "password": "a long enough password"}
ORDER = ("sync", "waves", "publish", "push")


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    standin = StandIn(tmp_path / "central.sqlite", **ACCOUNT, clock=lambda: NOW)
    yield standin
    standin.close()


@pytest.fixture
def forms() -> list[str]:
    return ["rm_contact"]  # one small form is enough for most promises


@pytest.fixture
def app(tmp_path: Path, standin: StandIn, forms: list[str]) -> Iterator[App]:
    with serve(standin) as served:
        central = {"url": served.url, "email": ACCOUNT["email"]}
        study = {"forms": forms}
        file = start_study(tmp_path / "study", {"central": central, "study": study})
        app = App(load_settings(file, central={"password": ACCOUNT["password"]}), file.parent)
        with Central(app.settings.central) as door:
            assert door.create_project("Panel") == app.settings.central.project
        with app.session() as session:
            cases.add_enumerator(session, "101", label="Enumerator 101")
            row = cases.Sampled("VN-0001", psu_code="A01")
            cases.add_cases(session, [row], app.plan, seed=1, now=NOW, issued=NOW.date())
            session.commit()
        yield app
        app.engine.dispose()


def play(app: App) -> dict[str, dict[str, object]]:
    """Run the jobs in order, each through the journal; what each said."""
    done = [runner.once(app, name, lambda: NOW) for name in ORDER]
    assert [(ran.job, ran.state, ran.error) for ran in done] == [(name, "done", "") for name in ORDER]
    return {ran.job: dict(ran.outcome) for ran in done}


def test_an_empty_study_comes_to_forms_accounts_and_windows(app: App) -> None:
    said = play(app)
    assert said["waves"]["due"] == 1
    with app.central() as door:
        assert [form["xmlFormId"] for form in door.forms()] == ["rm_contact"]
        assert [user["name"] for user in door.app_users()] == ["101"]
        assert door.entity_list("tracing") is not None
    assert said["push"]["sent"] == 6  # the property, the app user, their value, two rules, the form


def test_every_job_again_changes_nothing(app: App) -> None:
    play(app)
    said = play(app)
    assert said["sync"] == {"new": 0, "edits": 0}
    assert said["publish"] == {"published": 0}
    assert said["push"]["sent"] == 0
    with Session(app.engine) as session:
        assert {row.state for row in session.exec(select(Outbox))} == {"confirmed"}


def test_there_is_no_report_without_a_release(app: App) -> None:
    assert JOBS["report"](app, NOW, 1) == {"files": 0}


@pytest.mark.parametrize("forms", [["rm_baseline", "rm_followup", "rm_contact"]])
def test_a_report_that_was_cut_short_is_made_anew(app: App) -> None:
    play(app)
    runner.once(app, "release", lambda: NOW)
    (made,) = (app.folder / "releases").iterdir()
    half_done = app.folder / "reports" / f"{made.name}.part"
    half_done.mkdir(parents=True)
    (half_done / "panel.en.html").write_text("cut sho", encoding="utf-8")
    assert runner.once(app, "report", lambda: NOW).outcome == {"files": 4}
    assert not half_done.exists()
    assert "cut sho" not in (app.folder / "reports" / made.name / "panel.en.html").read_text("utf-8")[:100]


def test_while_central_is_down_the_other_jobs_go_on(app: App, standin: StandIn) -> None:
    standin.faults.refuse(status=503, times=1000)
    done = {ran.job: ran for ran in runner.tick(app, lambda: NOW)}
    assert done["sync"].state == "failed"
    assert done["waves"].state == "done"
    assert "\n" not in done["sync"].error
    with Session(app.engine) as session:
        assert session.exec(select(Run).where(Run.job == "sync")).one().error == done["sync"].error
