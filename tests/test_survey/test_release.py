"""Releases.

1. The same answers give the same digest, and are written once. 2. A correction or a new answer gives
another. 3. What is released reads back and names nobody. 4. A name in a text column stops the release
before anything is written. 5. A dry run writes nothing. 6. Before any form is published the cure is said.
"""

from datetime import date, timedelta

import pandas as pd
import pytest
from sqlmodel import select

from analysis.dataset import Dataset
from survey import cases, corrections, release
from survey.cases import Sampled
from survey.errors import SurveyError
from survey.models import FormVersion
from survey.release import IdentityInRelease, build_release, refuse_identity


@pytest.fixture
def study(field):
    """Four cases: two interviewed at baseline, one of them again; one refused; one not reached."""
    field.sample(4)
    field.baseline(1)
    field.baseline(2, sex=2, inc_own=5)
    field.attempt(1)
    field.attempt(3, att_res=2110, soft_ref=0)
    field.settle(date(2026, 4, 9))
    field.followup(1)
    field.settle(date(2026, 4, 10))
    return field


def build(field, tmp_path, **more):
    built = build_release(
        field.session, tmp_path / "releases", name="test", seed=field.seed, now=field.now, **more
    )
    field.session.commit()
    return built


def test_the_same_answers_give_the_same_release_and_one_folder(study, tmp_path):
    first = build(study, tmp_path)
    study.now += timedelta(days=1)
    second = build(study, tmp_path)
    assert (first.digest, first.is_new) == (second.digest, True)
    assert not second.is_new
    assert [row.digest for row in release.listing(study.session)] == [first.digest]
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [first.digest[:12]]


def test_what_was_released_reads_back(study, tmp_path):
    built = build(study, tmp_path)
    dataset = Dataset.read(built.folder)
    assert dataset.digest == built.digest
    assert built.rows == {name: len(frame) for name, frame in dataset.frames.items()}
    waves = dataset["person_waves"]
    assert len(waves) == 6  # four at wave 0, two at wave 1
    assert sorted(waves["outcome"].dropna()) == [1100, 1100, 1100, 2110]
    income = waves.loc[waves["interviewed"] == 1, "inc_own"].tolist()
    assert sorted(income) == [5.0, 7.5, 8.0]


def test_a_correction_gives_another_release_and_leaves_the_first(study, tmp_path):
    first = build(study, tmp_path)
    instance = study.followup(2, inc_own=80)
    wrong = build(study, tmp_path)
    corrections.record(
        study.session,
        instance_id=instance,
        variable="inc_own",
        old="80",
        new="8",
        who="lan",
        why="call back",
        at=study.now,
    )
    right = build(study, tmp_path)
    assert len({first.digest, wrong.digest, right.digest}) == 3
    assert release.latest(study.session).digest == right.digest
    assert sorted(Dataset.read(right.folder)["person_waves"]["inc_own"].dropna()) == [5.0, 7.5, 8.0, 8.0]


def test_a_release_names_nobody(study, tmp_path):
    built = build(study, tmp_path)
    dataset = Dataset.read(built.folder)
    text = " ".join(frame.to_csv() for frame in dataset.frames.values())
    text += (built.folder / "manifest.json").read_text() + (built.folder / "README.txt").read_text()
    named = [
        "Tám",
        "0912345678",
        "0988",
        "Nguyễn",
        "VN-000",
        "NA00",
        "NA-",
        "uuid:",
        "Interviewer",
        "Chị Ba",
        "Xóm",
    ]
    assert [word for word in named if word in text] == []
    assert [c for f in dataset.frames.values() for c in f if c in dataset.codebook.identifying()] == []


def test_a_name_in_the_sample_list_where_it_does_not_belong_stops_the_release(field, tmp_path):
    row = Sampled("VN-0001", "1", "NA-1", stratum="Trần Văn Bình", name="Trần Văn Bình")
    cases.add_cases(field.session, [row], field.plan, seed=7, now=field.now, issued=date(2026, 3, 2))
    with pytest.raises(IdentityInRelease) as caught:
        build(field, tmp_path)
    assert "stratum" in str(caught.value)
    assert "Bình" not in str(caught.value)
    assert not (tmp_path / "releases").exists()
    assert release.listing(field.session) == []


@pytest.mark.parametrize(
    ("cell", "secret", "stops"),
    [
        ("lê văn tám", "Lê Văn Tám", True),
        ("seen by Lê Văn Tám", "Lê Văn Tám", True),
        ("Hoa", "hoa", True),
        ("Hoang", "hoa", False),
        ("home", "An", False),
        ("0912345678", "0912345678", True),
        ("rural", "urban", False),
    ],
)
def test_the_guard_finds_whole_cells_and_longer_words_within(cell, secret, stops):
    frames = {"persons": pd.DataFrame({"stratum": pd.array([cell, None], dtype="string")})}
    if stops:
        with pytest.raises(IdentityInRelease):
            refuse_identity(frames, {secret})
    else:
        refuse_identity(frames, {secret})


def test_our_own_pseudonyms_are_no_secret():
    frames = {"persons": pd.DataFrame({"person_id": pd.array(["P10234"], dtype="string")})}
    refuse_identity(frames, {"P10234", "10234"})


def test_a_dry_run_says_what_would_be_and_writes_nothing(study, tmp_path):
    dry = build(study, tmp_path, dry_run=True)
    assert dry.folder is None
    assert not (tmp_path / "releases").exists()
    assert release.latest(study.session) is None
    assert build(study, tmp_path).digest == dry.digest


def test_quarantined_submissions_are_counted(study, tmp_path):
    study.baseline(9)
    built = build(study, tmp_path)
    assert built.quarantined == 1
    assert "case.unknown" in [finding.code for finding in built.findings]


def test_a_study_without_answers_gives_a_release_of_issued_persons(field, tmp_path):
    field.sample(2)
    built = build(field, tmp_path)
    assert built.rows["persons"] == 2
    assert built.rows["spells"] == 0


def test_before_any_form_is_published_a_release_says_what_to_do(field, tmp_path):
    for version in field.session.exec(select(FormVersion)):
        field.session.delete(version)
    with pytest.raises(SurveyError, match="no form has been published: survey publish"):
        build(field, tmp_path, dry_run=True)
