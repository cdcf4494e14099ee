"""From raw submissions to what analysis may see.

1. The newest edit counts, unless Central holds it as deleted or rejected; a restored one counts again. 2.
An answer is read under the form version it was given in. 3. An unknown case, an unknown version, XML that
cannot be read and a second interview are quarantined with a finding; the others stay. 4. A value outside
its list is a finding and the rest of the answer stays. 5. Corrections apply. 6. No identifying variable, no
key of the field and no instance id passes. 7. Every person and wave that was open is issued once. 8. Facts:
links, exits, contact details, finished waves.
"""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from sqlmodel import Session

from instruments.instrument import Instrument
from instruments.plan import load_plan
from survey import cases, corrections, release, responses, store
from survey.answers import gather, usable
from survey.cases import Baseline, Exit, Facts, Sampled
from survey.facts import entity_of, facts
from survey.models import FormVersion, Submission, SubmissionEvent

NOW = datetime(2026, 3, 6, 8, 30, tzinfo=UTC)
PLAN = load_plan()
SEED = 7
UUID = "00000000-0000-4000-8000-{:012d}"

CHOICES = [
    ["list_name", "name", "label::English (en)"],
    *(["yesno", code, code] for code in ("0", "1")),
    *(["state", code, code] for code in ("1", "5", "12")),
]
HEADER = ["type", "name", "label::English (en)", "codebook::sensitivity", "codebook::unit"]
FORMS = {
    "rm_baseline": [
        ["start", "start", "", "", ""],
        ["end", "end", "", "", ""],
        ["today", "today", "", "", ""],
        ["deviceid", "deviceid", "", "", ""],
        ["text", "enum_id", "Interviewer", "", ""],
        ["text", "case_id", "Case", "identifying", ""],
        ["integer", "ret_y", "Return, year", "", ""],
        ["integer", "ret_m", "Return, month", "", ""],
        ["select_one yesno", "con_part", "Consent", "", ""],
        ["text", "panel_id", "Card", "identifying", ""],
        ["text", "full_name", "Name", "identifying", ""],
        ["text", "job_title", "Job", "free_text", ""],
        ["decimal", "inc_own", "Income", "sensitive", "million VND/month"],
        ["begin_repeat", "ehc", "Calendar", "", ""],
        ["select_one state", "sp_state", "Activity", "", ""],
        ["text", "sp_job", "Job", "free_text", ""],
        ["end_repeat", "", "", "", ""],
        ["text", "phone1", "Phone", "identifying", ""],
    ],
    "rm_followup": [
        ["today", "today", "", "", ""],
        ["text", "enum_id", "Interviewer", "", ""],
        ["text", "returnee", "Panel member", "identifying", ""],
        ["integer", "wave", "Wave", "", ""],
        ["select_one yesno", "con_part", "Consent", "", ""],
        ["decimal", "inc_own", "Income", "sensitive", "million VND/month"],
        ["text", "phone1", "Phone", "identifying", ""],
        ["integer", "res_code", "Result", "", ""],
    ],
    "rm_contact": [
        ["today", "today", "", "", ""],
        ["text", "enum_id", "Interviewer", "", ""],
        ["text", "case_id", "Case", "identifying", ""],
        ["text", "returnee", "Panel member", "identifying", ""],
        ["integer", "wave", "Wave", "", ""],
        ["dateTime", "att_time", "When", "", ""],
        ["integer", "att_no", "Number", "", ""],
        ["integer", "att_res", "Result", "", ""],
        ["select_one yesno", "soft_ref", "Soft", "", ""],
        ["text", "new_phone", "Phone", "identifying", ""],
    ],
}


def sheets(form: str, rows: list[list[str]]) -> dict[str, list[list[str]]]:
    return {
        "survey": [HEADER, *rows],
        "choices": CHOICES,
        "settings": [["form_id", "form_title", "version"], [form, form, "1"]],
    }


def publish(session: Session, form: str, rows: list[list[str]] | None = None, suffix: str = "") -> str:
    instrument = Instrument.from_sheets(sheets(form, rows or FORMS[form]))
    version = instrument.version + suffix
    session.add(
        FormVersion(
            form_id=form,
            version=version,
            digest=instrument.digest,
            sheets=instrument.sheets,
            published_at=NOW,
        )
    )
    session.flush()
    return version


@pytest.fixture
def session(engine):
    """Three issued cases, the second linked, and one published version of each form."""
    with Session(engine) as session:
        for code in ("E1", "E2"):
            cases.add_enumerator(session, code)
        rows = [
            Sampled(f"VN-{n:04d}", "1", f"NA-{n}", "rural", 0.5, name=f"Person {n}", phone=f"0912{n:06d}")
            for n in (1, 2, 3)
        ]
        cases.add_cases(session, rows, PLAN, seed=SEED, now=NOW, issued=date(2026, 3, 2))
        linked = Baseline(
            "VN-0002", "uuid:b2", date(2026, 3, 5), date(2026, 1, 1), "NA000002", UUID.format(2)
        )
        cases.settle(session, Facts(baselines=(linked,)), PLAN, now=NOW, today=date(2026, 4, 10))
        session.info["versions"] = {form: publish(session, form) for form in FORMS}
        yield session


def send(
    session: Session, form: str, instance: str, inner: str, *, edit: int = 0, version: str = "", minutes=0
):
    version = version or session.info["versions"][form]
    xml = f'<data id="{form}" version="{version}">{inner}</data>'
    row = Submission(
        form_id=form,
        instance_id=instance,
        edit=edit,
        form_version=version,
        xml=xml,
        digest=f"{instance}{edit}",
        meta={"reviewState": None},
        submitted_at=NOW + timedelta(minutes=minutes),
        received_at=NOW,
    )
    store.append(session, [row])


def interview(case: int = 1, *, income: str = "7.5", more: str = "") -> str:
    return (
        f"<start>2026-03-05T09:00:00.000+07:00</start><today>2026-03-05</today><enum_id>E1</enum_id>"
        f"<case_id>VN-{case:04d}</case_id><ret_y>2026</ret_y><ret_m>1</ret_m><con_part>1</con_part>"
        f"<panel_id>NA{case:06d}</panel_id><full_name>Lê Văn Tám</full_name><job_title>driver</job_title>"
        f"<inc_own>{income}</inc_own><ehc><sp_state>5</sp_state></ehc>"
        f"<ehc><sp_state>1</sp_state><sp_job>driver</sp_job></ehc><phone1>0999</phone1>{more}"
    )


def entity(case: int) -> str:
    return (
        '<meta xmlns:e="http://www.opendatakit.org/xforms/entities">'
        f'<e:entity dataset="returnee" id="{UUID.format(case)}" create="1"/></meta>'
    )


def follow_up(case: int = 2, *, wave: str = "1", consent: int = 1, more: str = "") -> str:
    return (
        f"<today>2026-04-09</today><enum_id>E2</enum_id><returnee>{UUID.format(case)}</returnee>"
        f"<wave>{wave}</wave><con_part>{consent}</con_part>{more}"
    )


def attempt(inner: str, result: int, *, when: str = "2026-04-05T17:30:00.000+07:00") -> str:
    return (
        f"<today>2026-04-05</today><enum_id>E2</enum_id>{inner}<att_time>{when}</att_time>"
        f"<att_no>1</att_no><att_res>{result}</att_res>"
    )


def event(session: Session, kind: str, instance: str, **meta: object) -> None:
    row = SubmissionEvent(form_id="rm_baseline", instance_id=instance, kind=kind, meta=meta, seen_at=NOW)
    store.append(session, [row])


def read(session: Session) -> responses.Responses:
    return responses.read(session, seed=SEED)


def codes(found) -> list[str]:
    return [finding.code for finding in found.findings]


def test_an_answer_becomes_a_typed_row_of_its_person_and_wave(session):
    send(session, "rm_baseline", "a", interview())
    (row,) = read(session).frames["baseline"].to_dict("records")
    person = cases.table(session).set_index("case_id").loc["VN-0001", "person_id"]
    assert (row["person_id"], row["wave"], row["inc_own"]) == (person, 0, 7.5)
    assert row["interview_cm"] == (2026 - 1900) * 12 + 3


def test_the_newest_edit_counts(session):
    send(session, "rm_baseline", "a", interview(income="75"))
    send(session, "rm_baseline", "a", interview(income="7.5"), edit=1)
    assert read(session).frames["baseline"]["inc_own"].tolist() == [7.5]


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([("review", {"reviewState": "rejected"})], 0),
        ([("review", {"reviewState": "rejected"}), ("review", {"reviewState": "approved"})], 1),
        ([("deleted", {})], 0),
        ([("deleted", {}), ("restored", {})], 1),
        ([("late", {})], 1),
    ],
)
def test_what_central_holds_as_deleted_or_rejected_is_set_aside_by_name(session, events, count):
    send(session, "rm_baseline", "a", interview())
    for kind, meta in events:
        event(session, kind, "a", **meta)
    found = read(session)
    assert len(found.frames["baseline"]) == count
    assert len(found.quarantined) == 1 - count


def test_an_answer_is_read_under_the_version_it_was_given_in(session):
    send(session, "rm_baseline", "a", interview())
    older = [row for row in FORMS["rm_baseline"] if row[1] != "inc_own"]
    version = publish(session, "rm_baseline", [*older, ["integer", "inc_old", "Income", "", ""]])
    send(
        session,
        "rm_baseline",
        "b",
        interview(2).replace("inc_own", "inc_old").replace("7.5", "8"),
        version=version,
    )
    frame = read(session).frames["baseline"].set_index("person_id")
    assert frame["inc_own"].dropna().tolist() == [7.5]
    assert frame["inc_old"].dropna().tolist() == [8]


def test_a_question_that_was_dropped_is_as_personal_as_it_was(session):
    send(session, "rm_baseline", "a", interview())
    kept = [row for row in FORMS["rm_baseline"] if row[1] not in ("full_name", "job_title")]
    publish(session, "rm_baseline", kept)
    shown = read(session).answers["rm_baseline"]
    assert "inc_own" in shown
    assert not {"full_name", "job_title"} & set(shown)
    assert "Lê Văn Tám" in release.secrets(session, gather(session))


def test_a_version_published_again_with_other_files_reads_the_same(session):
    version = publish(session, "rm_baseline", suffix="-1")
    send(session, "rm_baseline", "a", interview(), version=version)
    found = read(session)
    assert found.frames["baseline"]["inc_own"].tolist() == [7.5]
    assert found.findings == ()


def test_an_answer_of_a_version_never_published_is_quarantined_and_the_others_stay(session):
    send(session, "rm_baseline", "a", interview())
    send(session, "rm_baseline", "b", interview(2), version="9.unknown")
    found = read(session)
    assert len(found.frames["baseline"]) == 1
    assert [(q.form, q.instance_id) for q in found.quarantined] == [("rm_baseline", "b")]
    assert codes(found) == ["version.unknown"]


@pytest.mark.parametrize(
    ("form", "inner"),
    [
        ("rm_baseline", interview(99)),
        ("rm_followup", follow_up(99)),
        ("rm_contact", attempt("<case_id>VN-0099</case_id><wave>0</wave>", 2210)),
    ],
)
def test_an_answer_of_an_unknown_case_is_quarantined_without_repeating_what_it_says(session, form, inner):
    send(session, form, "a", inner)
    found = read(session)
    assert codes(found) == ["case.unknown"]
    assert [q.instance_id for q in found.quarantined] == ["a"]
    assert "99" not in found.findings[0].message


def test_a_follow_up_without_a_wave_is_quarantined(session):
    send(session, "rm_followup", "a", follow_up(wave=""))
    assert codes(read(session)) == ["wave.unknown"]


def test_a_second_interview_of_a_wave_is_quarantined_and_the_first_kept(session):
    send(session, "rm_baseline", "a", interview(income="8"), minutes=5)
    send(session, "rm_baseline", "b", interview(income="7"))
    found = read(session)
    assert found.frames["baseline"]["inc_own"].tolist() == [7.0]
    assert codes(found) == ["interview.twice"]
    assert [q.instance_id for q in found.quarantined] == ["a"]


def test_an_interview_counts_before_a_refusal_of_the_same_wave(session):
    send(session, "rm_followup", "a", follow_up(consent=0))
    send(session, "rm_followup", "b", follow_up(), minutes=60)
    found = read(session)
    assert found.frames["followup"]["con_part"].tolist() == [1]
    assert [q.instance_id for q in found.quarantined] == ["a"]


def test_a_value_outside_its_list_is_a_finding_and_the_rest_of_the_answer_stays(session):
    send(
        session, "rm_baseline", "a", interview().replace("<sp_state>5</sp_state>", "<sp_state>77</sp_state>")
    )
    found = read(session)
    assert codes(found) == ["value.outside_list"]
    assert found.frames["baseline_calendar"]["sp_state"].tolist() == [pd.NA, 1]
    assert found.frames["baseline"]["inc_own"].tolist() == [7.5]


def test_xml_that_cannot_be_read_is_quarantined(session):
    send(session, "rm_baseline", "a", "<open>")
    send(session, "rm_baseline", "b", interview())
    found = read(session)
    assert [q.instance_id for q in found.quarantined] == ["a"]
    assert len(found.frames["baseline"]) == 1


def test_a_correction_of_the_case_number_brings_the_answer_home(session):
    send(session, "rm_baseline", "a", interview(99))
    corrections.record(
        session,
        instance_id="a",
        variable="case_id",
        old="VN-0099",
        new="VN-0001",
        who="lan",
        why="typo",
        at=NOW,
    )
    found = read(session)
    assert len(found.frames["baseline"]) == 1
    assert found.findings == ()


def test_nothing_that_identifies_a_person_passes(session):
    send(session, "rm_baseline", "a", interview())
    send(session, "rm_followup", "c", follow_up(more="<phone1>0777</phone1>"))
    send(session, "rm_contact", "d", attempt("<case_id>VN-0001</case_id><wave>0</wave>", 1100))
    found = read(session)
    hidden = {"case_id", "panel_id", "full_name", "phone1", "job_title", "sp_job", "deviceid", "returnee"}
    for frame in found.frames.values():
        assert hidden.isdisjoint(frame.columns)
        assert "instance_id" not in frame
        text = frame.to_csv()
        assert not any(
            word in text for word in ("Tám", "0999", "0777", "NA0", "VN-", "driver", "0912", "NA-")
        )


def test_every_open_person_and_wave_is_issued_once_with_its_sample(session):
    issued = read(session).frames["issued"]
    assert list(issued.columns) == list(responses.ISSUED_COLUMNS)
    assert not issued.duplicated(["person_id", "wave"]).any()
    by_person = cases.table(session).set_index("case_id")["person_id"]
    own = issued[issued["person_id"] == by_person["VN-0002"]]
    assert own[["wave", "state", "track", "incl_prob"]].to_numpy().tolist() == [
        [0, "open", "inflow", 0.5],
        [1, "open", "inflow", 0.5],
    ]
    assert own["due_cm"].tolist() == [1515, 1516]
    assert issued["psu"].str.fullmatch(r"\d{7}").all()
    assert issued["psu"].nunique() == 3


def test_attempts_keep_their_order_and_count_days_from_the_opening(session):
    member = f"<returnee>{UUID.format(2)}</returnee><wave>1</wave>"
    send(session, "rm_contact", "b", attempt(member, 1900, when="2026-04-06T10:00:00.000+07:00"))
    send(session, "rm_contact", "a", attempt(member, 2210))
    attempts = read(session).frames["attempts"]
    assert attempts["att_res"].tolist() == [2210, 1900]
    opened = date(2026, 4, 2)  # 28 days after the baseline of 5 March
    assert attempts["day"].tolist() == [
        (date(2026, 4, 5) - opened).days + 1,
        (date(2026, 4, 6) - opened).days + 1,
    ]
    assert attempts["att_cm"].tolist() == [1516, 1516]


def test_an_empty_study_gives_empty_frames_of_the_same_shape(session):
    frames = read(session).frames
    assert list(frames["attempts"].columns) == list(responses.ATTEMPT_COLUMNS)
    assert len(frames["baseline"]) == len(frames["followup"]) == len(frames["followup_calendar"]) == 0
    assert {"person_id", "wave"} <= set(frames["followup"].columns)


def test_an_area_has_the_same_number_in_every_release_and_another_in_another_study():
    assert responses.area_number(7, "NA-1") == responses.area_number(7, "NA-1")
    assert responses.area_number(7, "NA-1") != responses.area_number(8, "NA-1")
    assert responses.area_number(7, "NA-1") != responses.area_number(7, "NA-2")


def test_the_entity_of_a_baseline_is_read_from_its_xml(session):
    assert entity_of(f"<data>{entity(1)}</data>", "returnee") == UUID.format(1)
    assert entity_of(f"<data>{entity(1)}</data>", "tracing") is None
    assert entity_of("<data><meta/></data>", "returnee") is None
    assert entity_of(f"<data>{entity(1).replace('create', 'update')}</data>", "returnee") is None


def test_a_baseline_with_consent_tells_its_links_and_ends_its_wave(session):
    send(session, "rm_baseline", "a", interview(more=entity(1)))
    told = facts(session)
    assert told.baselines == (
        Baseline("VN-0001", "a", date(2026, 3, 5), date(2026, 1, 1), "NA000001", UUID.format(1)),
    )
    assert told.done == {("VN-0001", 0): "interviewed"}
    assert told.details[0].phone1 == "0999"


def test_a_return_in_an_unknown_month_counts_as_june_for_planning_only(session):
    send(
        session,
        "rm_baseline",
        "a",
        interview().replace("<ret_m>1<", "<ret_m>98<").replace("2026<", "2024<", 1),
    )
    (told,) = facts(session).baselines
    assert told.returned == date(2024, 6, 1)
    assert not told.follow


@pytest.mark.parametrize(("result", "status"), [(4100, "died"), (2130, "withdrawn"), (4300, "duplicate")])
def test_an_attempt_tells_who_left_for_good(session, result, status):
    send(session, "rm_contact", "a", attempt("<case_id>VN-0001</case_id><wave>0</wave>", result))
    assert facts(session).exits == (Exit("VN-0001", status, date(2026, 4, 5)),)


@pytest.mark.parametrize(("result", "soft", "done"), [(2110, 0, True), (2110, 1, False), (2210, 0, False)])
def test_only_a_hard_refusal_ends_a_wave_without_an_interview(session, result, soft, done):
    inner = attempt("<case_id>VN-0001</case_id><wave>0</wave>", result) + f"<soft_ref>{soft}</soft_ref>"
    send(session, "rm_contact", "a", inner)
    assert (("VN-0001", 0) in facts(session).done) is done


def test_who_is_abroad_is_no_exit(session):
    send(session, "rm_contact", "a", attempt("<case_id>VN-0001</case_id><wave>0</wave>", 2240))
    told = facts(session)
    assert told.exits == ()
    assert told.done == {}


def test_a_redacted_submission_is_read_no_more(session):
    send(session, "rm_baseline", "a", interview())
    session.commit()
    store.redact(session, "VN-0001", who="lan", why="withdrew", now=NOW)
    session.commit()
    gathered = gather(session)
    assert len(gathered.forms["rm_baseline"].frame) == 0
    assert [q.why for q in gathered.quarantined] == ["consent was withdrawn."]


def test_few_variables_come_with_the_same_rows_and_values(session):
    for case in (1, 2):
        send(session, "rm_baseline", f"uuid:b{case}", interview(case))
    send(session, "rm_followup", "uuid:f2", follow_up(2))
    whole, few = gather(session).forms, usable(session, ["inc_own"])
    for form, answers in few.items():
        assert set(answers.frame) <= set(whole[form].frame)
        pd.testing.assert_frame_equal(answers.frame, whole[form].frame[list(answers.frame)])
    assert "inc_own" in few["rm_baseline"].frame
