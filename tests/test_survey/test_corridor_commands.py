"""`survey corridor`, and the corridor of a study.

1. `list` shows every corridor; `show` what one has otherwise, of the study's corridor if none is named, or
its blackouts; one that is not there is one line. 2. `check` says that a corridor changes lists and labels
alone, and leaves with 3 when a list changed without a version; `versions` shows them, `--record` adds one.
3. `init --corridor` writes its name, time zone and languages; a study takes its forms, codebook and places.
4. A command about forms takes `--corridor`, and `diff` compares a form in two. 5. A study publishes the forms
of its corridor with the places of it, and with lists of its own in place of shipped ones; a dry run against
Central says so and sends nothing.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from instruments import editions
from instruments.corridor import corridors
from instruments.instrument import load
from survey import cli
from survey.app import open_app
from survey.commands.init import start_study
from survey.publish import local_forms

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SURVEY_SETTINGS", raising=False)


def run(*arguments: object) -> int:
    return cli.run([str(a) for a in arguments], clock=lambda: NOW)


def rows(capfd: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, str]]:
    assert run(*arguments, "--json") == 0
    found: list[dict[str, str]] = json.loads(capfd.readouterr().out)
    return found


def test_corridors_are_listed_and_shown(capfd):  # 1
    assert tuple(row["corridor"] for row in rows(capfd, "corridor", "list")) == corridors()
    shown = {(row["what"], row["name"]): row for row in rows(capfd, "corridor", "show", "id-jp")}
    assert shown["money", "unit"]["here"] == "million IDR"
    assert shown["label", "zalo"] == {
        "what": "label",
        "name": "zalo",
        "before": "Zalo number or name",
        "here": "WhatsApp number or name",
    }
    assert shown["list", "ast_org 1"]["before"] == "Commune People's Committee"
    assert rows(capfd, "corridor", "show", "vn-jp") == []


def test_blackouts_of_a_corridor_are_shown(capfd):  # 1
    found = rows(capfd, "corridor", "show", "ph-jp", "--blackouts")
    christmas = {"from": "2027-12-16", "to": "2028-01-06", "name": "Christmas 2027", "kind": "festival"}
    assert christmas in found


@pytest.mark.parametrize("verb", [("corridor", "show"), ("corridor", "check")])
def test_a_corridor_that_is_not_there_is_one_line(verb: tuple[str, ...], capfd):  # 1
    assert run(*verb, "xx-jp") == 1
    assert "There is no corridor 'xx-jp'; there are vn-jp, id-jp" in capfd.readouterr().err


def test_a_corridor_is_checked(capfd):  # 2
    assert run("corridor", "check", "ph-jp") == 0
    assert "ph-jp changes lists and labels alone" in capfd.readouterr().err


def test_versions_are_shown_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):  # 2
    record = tmp_path / "list_versions.csv"
    lines = editions.RECORD.read_text(encoding="utf-8").splitlines()
    record.write_text("\n".join(line for line in lines if not line.startswith(",yesno,")) + "\n")
    monkeypatch.setattr(editions, "RECORD", record)
    editions.editions.cache_clear()
    try:
        assert run("corridor", "check") == 3
        assert "shared: yesno" in capfd.readouterr().err
        found = {row["list"]: row for row in rows(capfd, "corridor", "versions", "--record")}
    finally:
        editions.editions.cache_clear()
    assert (found["yesno"]["version"], found["yesno"]["from"]) == ("1", "2026-03-02")
    assert found["vn_prov34.csv"]["version"] == "vn34"
    assert sorted(record.read_text().splitlines()[1:])[0].startswith(",abr_status,1,")


def test_a_study_of_a_corridor_has_its_forms_and_codebook(tmp_path: Path, capfd):  # 3
    assert run("init", "study", "--corridor", "PHL-JPN") == 0
    text = (tmp_path / "study" / "survey.toml").read_text(encoding="utf-8")
    for line in ('corridor = "ph-jp"', 'time_zone = "Asia/Manila"', 'languages = ["en"]'):
        assert line in text
    at = ("--settings", tmp_path / "study")
    capfd.readouterr()
    listed = {row["form"]: row for row in rows(capfd, *at, "instrument", "list")}
    assert listed["rm_baseline"]["version"] == load("rm_baseline", corridor="ph-jp").version
    income = rows(capfd, *at, "codebook", "list", "--search", "inc_own", "--form", "rm_baseline")
    assert "thousand PHP/month" in {row["unit"] for row in income}
    assert run(*at, "corridor", "show") == 0
    assert "ph-jp (Philippines – Japan)" in capfd.readouterr().err


def test_a_corridor_that_is_not_there_makes_no_study(tmp_path: Path, capfd):  # 3
    assert run("init", "study", "--corridor", "xx-jp") == 2
    assert not (tmp_path / "study").exists()
    (tmp_path / "survey.toml").write_text("[study]\ncorridor = 'xx-jp'\n")
    assert run("status") == 2
    assert "line 2, key study.corridor" in capfd.readouterr().err


def test_forms_are_built_and_checked_for_a_corridor(tmp_path: Path, capfd):  # 4
    assert run("instrument", "build", "rm_exit", "--corridor", "id-jp", "--no-validate") == 0
    assert "name != 360" in (tmp_path / "built" / "rm_exit.xml").read_text(encoding="utf-8")
    assert run("instrument", "lint", "rm_exit", "--corridor", "kh-jp") == 0
    assert "ខ្មែរ (km)" in capfd.readouterr().out
    assert run("instrument", "lint", "--corridor", "xx-jp") == 1


def test_a_form_is_compared_in_two_corridors(capfd):  # 4
    assert run("instrument", "diff", "rm_exit@vn-jp", "rm_exit@id-jp", "--json") == 3
    changes = json.loads(capfd.readouterr().out)
    assert {change["change"] for change in changes} == {"language", "recoded", "filtered"}


def test_an_export_for_a_corridor_comes_back_as_it_went(tmp_path: Path, capfd):  # 4
    asked = ("rm_baseline", "--corridor", "ph-jp")
    assert run("instrument", "export", *asked, "--output", "out") == 0
    assert run("instrument", "import", "out/rm_baseline.xlsx", "--corridor", "ph-jp", "--dry-run") == 0
    assert "Form rm_baseline: 0 cells differ" in capfd.readouterr().err


def test_a_study_publishes_the_places_of_its_corridor_or_its_own(tmp_path: Path):  # 5
    app = open_app(start_study(tmp_path / "study", {"study": {"corridor": "mm-jp"}}))
    (tmp_path / "study" / "lists").mkdir()
    own = b"name,label,prov\n07001,Pathein,07\n"
    (tmp_path / "study" / "lists" / "mm_township.csv").write_bytes(own)
    given = dict.fromkeys(("enumerators.csv", "psu.csv"), b"name,label\n") | app.lists
    (form,), findings = local_forms(["rm_baseline"], None, given, app.corridor)
    assert {finding.level for finding in findings} == {"note"}
    assert form.media["mm_township.csv"] == own
    assert form.media["mm_prov.csv"].startswith(b"name,label,label_en,iso,valid_from\n01,Sagaing Region")


@pytest.mark.slow
def test_a_dry_run_says_what_would_be_published(tmp_path: Path, central_at, capfd, monkeypatch):  # 5
    monkeypatch.setenv("SURVEY_CENTRAL_PASSWORD", central_at.settings.password.get_secret_value())
    central = ("--central", central_at.url, "--project", central_at.project)
    assert run("init", "study", "--corridor", "ph-jp", *central) == 0
    capfd.readouterr()
    assert run("--settings", tmp_path / "study", "publish", "--dry-run", "--json") == 0
    out, err = capfd.readouterr()
    planned = {(row["action"], row["what"]) for row in json.loads(out)}
    assert {("publish", form) for form in ("rm_baseline", "rm_followup", "rm_contact")} <= planned
    assert "Filipino (tl)" in err
    assert central_at.call("GET", "~/forms") == []
