"""Settings.

1. What `settings_text` writes reads back. 2. The environment wins over the file, what is given in code over
both. 3. A fault is one line with file, line or variable, key and cure. 4. No secret in the file, none in a
repr or a message; a password file lies outside.
"""

from pathlib import Path

import pytest

from survey.config import Settings, load_settings, settings_text
from survey.errors import SettingsError


def write(folder: Path, text: str) -> Path:
    (folder / "survey.toml").write_text(text, encoding="utf-8")
    return folder / "survey.toml"


# 1 and 2


def test_the_text_written_reads_back_as_the_defaults(tmp_path: Path):
    read = load_settings(write(tmp_path, settings_text()))
    assert read.model_dump() == Settings().model_dump()


def test_values_given_stand_in_the_text_and_every_key_has_a_comment(tmp_path: Path):
    text = settings_text(study={"title": 'Về "quê"', "languages": ["vi"]}, schedule={"sync": "off"})
    read = load_settings(write(tmp_path, text))
    assert (read.study.title, read.study.languages, read.schedule) == ('Về "quê"', ["vi"], {"sync": "off"})
    lines = text.partition("[schedule]")[0].splitlines()
    keys = [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert all(lines[i - 1].startswith("# ") for i in keys)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SURVEY_STUDY_TIME_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("SURVEY_CENTRAL_PROJECT", "7")
    read = load_settings(write(tmp_path, "[central]\nproject = 3\nurl = 'https://c.example.org/v1/'\n"))
    assert (read.zone.key, read.central.project, read.central.url) == (
        "Asia/Tokyo",
        7,
        "https://c.example.org",
    )


def test_what_is_given_in_code_wins_and_leaves_the_rest(tmp_path: Path):
    file = write(tmp_path, "[central]\nproject = 3\nemail = 'a@b.org'\n")
    read = load_settings(file, central={"password": "s3cret", "project": 4})
    assert (read.central.project, read.central.email) == (4, "a@b.org")
    assert read.central.password.get_secret_value() == "s3cret"


# 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[study]\n\ncorridr = 'VNM-JPN'\n", ["'study.corridr'", "line 3", "did you mean 'corridor'"]),
        ("[studdy]\nname = 'x'\n", ["'studdy'", "line 1", "did you mean 'study'"]),
        ("x = 1\n", ["'x'", "line 1", "known here are"]),
        ("[study]\nname = 3\n", ["study.name", "line 2", "valid string"]),
        ("[study]\nseed = -1\n", ["study.seed", "line 2", "greater than or equal to 0"]),
        ("[study]\ntime_zone = 'Asia/Hochiminh'\n", ["study.time_zone", "did you mean 'Asia/Ho_Chi_Minh'"]),
        ("[study]\nname = [1,\n", ["not valid TOML", "survey.toml, "]),
        ("[study\nname = 3\n", ["not valid TOML", "line 1, column 7"]),
        ("[central]\nurl = 'central.example.org'\n", ["central.url", "https://"]),
        ("[central]\noverlap = 5\n", ["central.overlap", "60"]),
        ("[database]\nurl = 'mysql://h/d'\n", ["database.url", "use sqlite or postgresql"]),
        ("[database]\nurl = 'nonsense'\n", ["database.url", "not a database address"]),
        ("[schedule]\nsync = 3\n", ["schedule.sync", "line 2"]),
    ],
)
def test_a_fault_names_file_line_key_and_cure(tmp_path: Path, text: str, told: list[str]):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    assert [part for part in [*told, "survey.toml"] if part not in message] == []


def test_a_fault_in_the_environment_names_the_variable(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SURVEY_CENTRAL_PROJECT", "seven")
    with pytest.raises(SettingsError, match="environment variable SURVEY_CENTRAL_PROJECT"):
        load_settings(write(tmp_path, ""))


def test_a_misspelt_variable_is_not_lost(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SURVEY_CENTRAL_PASWORD", "s3cret")
    with pytest.raises(SettingsError, match="SURVEY_CENTRAL_PASWORD") as caught:
        load_settings(write(tmp_path, ""))
    assert "s3cret" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(SettingsError, match="survey init DIR"):
        load_settings(tmp_path / "survey.toml")


def test_a_file_that_is_not_utf8_is_one_line(tmp_path: Path):
    (tmp_path / "survey.toml").write_bytes(b"[study]\ntitle = '\xff'\n")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(tmp_path / "survey.toml")


# 4


@pytest.mark.parametrize(
    "text", ["[central]\npassword = 's3cret'\n", "[database]\nurl = 'postgresql://u:s3cret@h/d'\n"]
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, text: str):
    with pytest.raises(SettingsError, match="password does not belong") as caught:
        load_settings(write(tmp_path, text))
    assert "line 2" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_password_shows_in_no_repr(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SURVEY_CENTRAL_PASSWORD", "s3cret")
    read = load_settings(write(tmp_path, ""))
    assert read.central.password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(read) + str(read.model_dump())


def study_with_password_file(tmp_path: Path, name: str) -> Path:
    (tmp_path / "study").mkdir()
    return write(tmp_path / "study", f"[central]\npassword_file = '{name}'\n")


def test_the_password_may_come_from_a_file_outside(tmp_path: Path, monkeypatch):
    (tmp_path / "secret").write_text("s3cret\n")
    file = study_with_password_file(tmp_path, "../secret")
    assert load_settings(file).central.password.get_secret_value() == "s3cret"
    monkeypatch.setenv("SURVEY_CENTRAL_PASSWORD", "other")
    assert load_settings(file).central.password.get_secret_value() == "other"


@pytest.mark.parametrize("name", ["secret", "../repository/deep/secret"])
def test_a_password_file_that_would_be_copied_along_is_refused(tmp_path: Path, name: str):
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    with pytest.raises(SettingsError, match="outside any repository"):
        load_settings(study_with_password_file(tmp_path, name))


def test_a_password_file_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"cannot be read .*\.\./nope.*SURVEY_CENTRAL_PASSWORD"):
        load_settings(study_with_password_file(tmp_path, "../nope"))
