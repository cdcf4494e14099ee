"""The command line.

1. `python -m survey` is ours and quick. 2. Every command has help with an example. 3. Errors are one line
and an exit code; a trace shows with --debug alone. 4. A study is started, published and synced from
nothing. 5. Data go to stdout, talk to stderr. 6. The log is JSON lines that hold no body.
"""

import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from sqlmodel import Session, select

import survey
from survey import cli, logs, store
from survey.commands import show_rows
from survey.commands.init import start_study
from survey.models import FormVersion, Run, Submission

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
HELP_SECONDS = 3.0
"""A bare interpreter, Typer and our light modules; pandas alone would take longer on a busy machine."""


def run(*arguments: object) -> int:
    return cli.run([str(a) for a in arguments], clock=lambda: NOW)


def commands(group: typer.core.TyperGroup | typer.core.TyperCommand, path: tuple[str, ...] = ()) -> Iterator:
    if isinstance(group, typer.core.TyperGroup):
        for name, command in group.commands.items():
            yield from commands(command, (*path, name))  # type: ignore[arg-type]
    else:
        yield path, group


# 1 and 2


def test_the_package_that_is_imported_is_ours():
    here = Path(__file__).parents[2]
    assert Path(survey.__file__ or "").is_relative_to(here)


def test_python_m_survey_is_the_command_and_help_is_quick(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(survey.__file__ or "").parents[1])}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "survey", "--help"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    assert time.perf_counter() - began < HELP_SECONDS
    assert "sync" in done.stdout


def test_help_imports_nothing_heavy():
    heavy = "pandas", "statsmodels", "pyodk", "matplotlib", "sqlmodel", "alembic", "fastapi"
    code = f"import sys, survey.cli as c; c.run(['--help']); print([m for m in {heavy} if m in sys.modules])"
    root = Path(survey.__file__ or "").parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_every_command_has_help_with_an_example():
    root = typer.main.get_command(cli.root(lambda: NOW))
    found = dict(commands(root))  # type: ignore[arg-type]
    assert {("init",), ("publish",), ("sync",), ("db", "upgrade"), ("db", "check")} <= set(found)
    without = [" ".join(path) for path, command in found.items() if "Example" not in (command.help or "")]
    assert without == []


# 3


def test_a_missing_settings_file_is_one_line_and_wrong_usage(tmp_path: Path, capfd):
    assert run("--settings", tmp_path / "survey.toml", "sync") == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.strip().splitlines()[-1].startswith("survey: no settings file")
    assert "Traceback" not in err


def test_the_trace_shows_with_debug_alone(tmp_path: Path, capfd):
    assert run("--debug", "--settings", tmp_path, "sync") == 2
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [("nope",), ("db", "nope"), ("sync", "--nope"), ("init",)])
def test_wrong_usage_leaves_with_2(arguments: tuple[str, ...], capfd):
    assert run(*arguments) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_misspelt_key_is_one_line_and_leaves_with_2(tmp_path: Path, capfd, monkeypatch):
    (tmp_path / "survey.toml").write_text("[central]\nprojct = 3\n")
    monkeypatch.setenv("SURVEY_SETTINGS", str(tmp_path))
    assert run("db", "check") == 2
    told = capfd.readouterr().err.strip().splitlines()[-1]
    assert told == (
        f"survey: unknown setting 'central.projct' ({tmp_path}/survey.toml, line 2, key central.projct): "
        "did you mean 'project'?"
    )


def test_a_form_with_faults_shows_its_findings_and_leaves_with_3(
    tmp_path: Path, central_at, capfd, monkeypatch
):
    monkeypatch.setenv("SURVEY_CENTRAL_PASSWORD", central_at.settings.password.get_secret_value())
    central = {"url": central_at.url, "project": central_at.project}
    file = start_study(tmp_path / "study", {"central": central, "study": {"forms": ["rm_nothing"]}})
    assert run("--settings", file, "publish") == 3
    err = capfd.readouterr().err
    assert "form.unreadable" in err
    assert err.strip().splitlines()[-1].startswith("survey: a form has faults, nothing was published")


def test_an_error_of_others_is_not_quoted(tmp_path: Path, capfd, monkeypatch):
    start_study(tmp_path / "study", {})
    monkeypatch.setattr(store, "differences", lambda engine: {}["Nguyễn Thị Hoa"])
    assert run("--settings", tmp_path / "study", "db", "check") == 1
    err = capfd.readouterr().err
    assert "unexpected KeyError" in err
    assert "Hoa" not in err


def test_a_database_that_is_not_made_yet_says_how_to_make_it(tmp_path: Path, capfd):
    file = start_study(tmp_path / "study", {})
    (file.parent / "survey.sqlite").unlink()
    assert run("--settings", file, "db", "check") == 1
    assert "survey db upgrade" in capfd.readouterr().err
    assert run("--settings", file, "db", "upgrade") == 0
    assert run("--settings", file, "db", "check") == 0


def test_a_central_that_is_down_is_one_line_and_a_failed_run(tmp_path: Path, capfd, monkeypatch):
    monkeypatch.setenv("SURVEY_CENTRAL_PASSWORD", "s3cret")
    central = {"url": "http://127.0.0.1:9", "retries": 0}
    file = start_study(tmp_path / "study", {"central": central})
    assert run("--settings", file, "sync") == 1
    err = capfd.readouterr().err
    assert "survey: Central does not answer" in err.strip().splitlines()[-1]
    engine = store.connect("sqlite:///survey.sqlite", file.parent)
    with Session(engine) as session:
        failed = session.exec(select(Run)).one()
    engine.dispose()
    assert (failed.job, failed.state, failed.started_at) == ("sync", "failed", NOW)
    assert "does not answer" in failed.error


# 4


def test_init_never_overwrites_a_study(tmp_path: Path, capfd):
    assert run("init", tmp_path / "study", "--corridor", "KHM-JPN") == 0
    text = (tmp_path / "study" / "survey.toml").read_text()
    assert 'corridor = "kh-jp"' in text
    assert 'time_zone = "Asia/Phnom_Penh"' in text
    assert run("init", tmp_path / "study") == 2
    assert (tmp_path / "study" / "survey.toml").read_text() == text


def test_init_with_a_wrong_value_leaves_nothing_behind(tmp_path: Path, capfd):
    assert run("init", tmp_path / "study", "--time-zone", "Mars") == 2
    assert list((tmp_path / "study").iterdir()) == []


def test_a_study_goes_from_nothing_to_answers(tmp_path: Path, central_at, capfd, monkeypatch):
    monkeypatch.setenv("SURVEY_CENTRAL_PASSWORD", central_at.settings.password.get_secret_value())
    monkeypatch.setenv("SURVEY_STUDY_FORMS", '["rm_contact"]')
    arguments = ("--central", central_at.url, "--project", central_at.project)
    assert run("init", tmp_path / "study", *arguments) == 0
    at = ("--settings", tmp_path / "study")
    capfd.readouterr()

    assert run(*at, "publish", "--dry-run", "--json") == 0
    out, err = capfd.readouterr()
    assert {row["outcome"] for row in json.loads(out)} == {""}
    assert "Nothing was sent." in err
    assert central_at.call("GET", "~/forms") == []

    assert run(*at, "publish") == 0
    assert [form["xmlFormId"] for form in central_at.call("GET", "~/forms")] == ["rm_contact"]
    capfd.readouterr()
    assert run(*at, "publish") == 0
    assert "Central holds all forms" in capfd.readouterr().err

    engine = store.connect("sqlite:///survey.sqlite", tmp_path / "study")
    with Session(engine) as session:
        version = session.exec(select(FormVersion.version).where(FormVersion.form_id == "rm_contact")).one()
    xml = (
        f'<data id="rm_contact" version="{version}"><case_id>404</case_id>'
        "<meta><instanceID>uuid:a</instanceID></meta></data>"
    )
    central_at.submit("rm_contact", xml)
    assert run(*at, "sync", "--csv") == 3
    out, err = capfd.readouterr()
    assert "rm_contact,1,1,0,0,0" in out.splitlines()
    assert "case.unknown" in err
    assert run(*at, "sync", "--csv") == 3
    assert "rm_contact,1,0,0,0,1" in capfd.readouterr().out.splitlines()
    with Session(engine) as session:
        assert session.exec(select(Submission)).one().xml == xml
        assert {run.state for run in session.exec(select(Run))} == {"done"}
    engine.dispose()


# 5


def test_rows_come_as_table_json_or_csv(capsys):
    rows = [{"form": "f", "new": 3, "why": None}, {"form": "longer", "new": 12, "why": "Về quê"}]
    show_rows(rows)
    assert capsys.readouterr().out == "form    new  why\nf       3\nlonger  12   Về quê\n"
    show_rows(rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == rows
    show_rows(rows, as_csv=True)
    assert capsys.readouterr().out == "form,new,why\nf,3,\nlonger,12,Về quê\n"


def test_no_rows_are_an_empty_list_in_json_alone(capsys):
    show_rows([])
    show_rows([], as_csv=True)
    show_rows([], as_json=True)
    assert capsys.readouterr().out == "[]\n"


# 6


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the log writes, with everything put back afterwards."""
    stream, root = io.StringIO(), logging.getLogger()
    level = root.level
    logs.configure(stream=stream)
    yield stream
    for handler in [h for h in root.handlers if isinstance(h.formatter, logs.JsonLines)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_the_log_is_json_lines(written: io.StringIO):
    logging.getLogger("survey.sync").info("sync.done form=%s new=%s", "Về", 3)
    line = json.loads(written.getvalue())
    assert (line["level"], line["logger"], line["event"]) == (
        "INFO",
        "survey.sync",
        "sync.done form=Về new=3",
    )
    assert datetime.fromisoformat(line["at"]).tzinfo is not None


def test_an_exception_is_logged_by_its_type_alone(written: io.StringIO):
    try:
        raise ValueError("Nguyễn Thị Hoa")
    except ValueError:
        logging.getLogger("survey").exception("job.failed")
    assert json.loads(written.getvalue())["error"] == "ValueError"
    assert "Hoa" not in written.getvalue()


def test_a_body_that_pyodk_logs_is_dropped(written: io.StringIO):
    logging.getLogger("pyodk._endpoints.entities").error("Status: 400, content: Nguyễn Thị Hoa")
    assert "Hoa" not in written.getvalue()
    events = [json.loads(line)["event"] for line in written.getvalue().splitlines()]
    assert any(event.startswith("central.pyodk source=pyodk") for event in events)


def test_configuring_again_replaces_where_the_log_went(written: io.StringIO, tmp_path: Path):
    logs.configure(file=tmp_path / "survey.log")
    logging.getLogger("survey").warning("now")
    assert written.getvalue() == ""
    assert json.loads((tmp_path / "survey.log").read_text())["event"] == "now"


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path, capfd):
    file = start_study(tmp_path / "study", {"log": {"file": "no/such/folder.log"}})
    assert run("--settings", file, "db", "check") == 2
    assert "log.file = " in capfd.readouterr().err
