"""One answer's whole way, from the truth of an invented person to the cell of the release.

1. What people answer by their truth is what stands in the raw submissions, for every question asked.
2. A raw answer is the decoded value, the cell of the response frame and the cell of the release.
3. What cannot be misremembered is the truth itself: birth year, sex, loan, labour status, being abroad.
4. Months of return, first job and leaving again lie in the intervals of the release; who had no event by then
   is censored before it. 5. `survey trace` prints the walk with these values. 6. Everybody on the sample list
and every wave that opened is a row. 7. Refusal and absence exist only through contact attempts, and final
codes follow from attempts and interviews.
"""

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from sqlmodel import select

from analysis.dataset import Dataset
from analysis.simulate import Truth
from instruments.decode import decode
from instruments.instrument import Instrument, load
from survey import answers, cli, release, responses
from survey.models import Case, FormVersion, Planned, Submission
from survey.sandbox.respondents import Respondent, Screen, answer_baseline, answer_followup

BASELINE, FOLLOWUP, CONTACT = "rm_baseline", "rm_followup", "rm_contact"
EMPLOYED, ABROAD = (1, 2, 3, 4), 4
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")  # a code like 01 is none

CARRIED = [  # form, question, and the frame of the release that carries the answer under the same name
    (BASELINE, "birth_y", "persons"),
    (BASELINE, "sex", "persons"),
    (BASELINE, "loan_amt", "persons"),
    (BASELINE, "jp_prog1", "persons"),
    (BASELINE, "inc_own", "person_waves"),
    (BASELINE, "debt_any", "person_waves"),
    (FOLLOWUP, "inc_own", "person_waves"),
    (FOLLOWUP, "life_sat", "person_waves"),
    (FOLLOWUP, "cur_loc", "person_waves"),
]


@dataclass(frozen=True)
class Interview:
    """One interview as it came in, and whose it is."""

    instance_id: str
    form: str
    person_id: str
    wave: int
    truth: Truth
    day: date
    raw: dict[str, str]
    xml: str


class Study:
    """The rehearsal as it lies in its database, on its tablets and in its release."""

    def __init__(self, played: Any) -> None:
        self.played = played
        with played.session() as session:
            self.cases = session.exec(select(Case)).all()
            self.planned = session.exec(select(Planned)).all()
            self.submissions = session.exec(select(Submission).order_by(Submission.submitted_at)).all()
            self.sheets = {(v.form_id, v.version): v.sheets for v in session.exec(select(FormVersion)).all()}
            self.gathered = answers.gather(session)
            self.frames = responses.read(session, seed=played.seed, gathered=self.gathered).frames
            latest = release.latest(session)
            session.expunge_all()
        assert latest is not None
        self.release = Dataset.read(played.folder / "releases" / latest.folder)
        self.digest = latest.digest
        self.truths = {t.case_id: t for t in played.histories}
        self.interviews = [
            self._interview(row) for row in self.submissions if row.form_id in (BASELINE, FOLLOWUP)
        ]

    def of(self, form: str) -> list[Interview]:
        return [interview for interview in self.interviews if interview.form == form]

    def cell(self, frame: str, interview: Interview, column: str) -> Any:
        """One cell of the release."""
        rows = self.release[frame]
        rows = rows[rows["person_id"] == interview.person_id]
        if "wave" in rows:
            rows = rows[rows["wave"] == interview.wave]
        assert len(rows) == 1
        return rows[column].iloc[0]

    def person(self, interview: Interview) -> pd.Series:
        rows = self.release["persons"].set_index("person_id")
        return rows.loc[interview.person_id]

    def told(self, interview: Interview) -> dict[str, Any]:
        """What the person answers by their truth and the seed, told anew as on the day of the interview."""
        person = Respondent(interview.truth, interview.day, interview.wave, str(self.played.seed))
        code, raw = interview.raw["enum_id"], interview.raw
        screen = Screen(self.played.folder / "tablets" / code / "forms" / interview.form / "media")
        mode, form = int(raw["int_mode"]), load(interview.form)
        if interview.form == BASELINE:
            return answer_baseline(person, screen, form, enumerator=code, mode=mode)
        shown = {"name": raw["returnee"], "last_cm": raw["pl_last_cm"], "last_state": raw["pl_state"]}
        shown["last_loc"] = raw.get("pl_loc", "")
        return answer_followup(person, screen, form, enumerator=code, shown=shown, mode=mode)

    def _interview(self, row: Submission) -> Interview:
        raw = leaves(row.xml)
        by_card = {t.panel_id: t for t in self.truths.values()}
        truth = by_card[raw["panel_id"]]
        person_id = next(case.person_id for case in self.cases if case.case_id == truth.case_id)
        wave = 0 if row.form_id == BASELINE else int(raw["wave"])
        day = date.fromisoformat(raw["today"])
        return Interview(row.instance_id, row.form_id, person_id, wave, truth, day, raw, row.xml)


def leaves(xml: str) -> dict[str, str]:
    """The answers of a submission outside its repeats, as text; what was not asked is left out."""
    root = ElementTree.fromstring(xml)
    inside = {id(leaf) for repeat in root.iter() if local(repeat) == "ehc" for leaf in repeat.iter()}
    found = ((local(e), e.text or "") for e in root.iter() if not len(e) and id(e) not in inside)
    return {name: text for name, text in found if text}


def local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def as_asked(value: Any) -> str:
    """A told answer in the words of an XForm: the last entry of several tries, codes apart by blanks."""
    if isinstance(value, dict):
        value = value["tries"][-1]
    words = [str(code) for code in value] if isinstance(value, list) else str(value).split()
    return " ".join(f"{float(word):.10g}" if NUMBER.fullmatch(word) else word for word in words)


@pytest.fixture(scope="module")
def study(played) -> Study:
    return Study(played)


@pytest.fixture
def trace(played, capfd):
    """What `survey trace` prints, by stage."""

    def run(instance: str, variable: str) -> dict[str, list[str]]:
        code = cli.run(["--settings", str(played.folder), "trace", instance, variable])
        out, err = capfd.readouterr()
        assert (code, err) == (0, "")
        stages: dict[str, list[str]] = {}
        for line in out.splitlines():
            if not line.startswith(" "):
                stages[line.partition(". ")[2]] = []
            else:
                stages[list(stages)[-1]].append(line.strip())
        return stages

    return run


# 1


def test_the_rehearsal_has_what_these_tests_are_about(study):
    """Its seed was chosen so; with nothing to look at the tests below would prove nothing."""
    assert len(study.of(BASELINE)) >= 10
    assert len(study.of(FOLLOWUP)) >= 5
    outcomes = set(study.release["person_waves"]["outcome_class"])
    assert {"I", "R"} <= outcomes
    assert (study.release["persons"]["rm_cause"] == 1).any()


@pytest.mark.parametrize("form", [BASELINE, FOLLOWUP])
def test_what_people_answer_by_their_truth_stands_in_the_raw_submissions(study, form):
    asked = 0
    for interview in study.of(form):
        told = study.told(interview)
        given = {name: text for name, text in interview.raw.items() if name in told and name != "returnee"}
        asked += len(given)
        assert {name: as_asked(text) for name, text in given.items()} == {
            name: as_asked(told[name]) for name in given
        }, (form, interview.wave)
    assert asked > 60 * len(study.of(form))


# 2


@pytest.mark.parametrize(("form", "name", "frame"), CARRIED)
def test_a_raw_answer_is_decoded_responded_and_released(study, form, name, frame):
    responded = study.frames["baseline" if form == BASELINE else "followup"].set_index(["person_id", "wave"])
    seen = 0
    for interview in study.of(form):
        version = ElementTree.fromstring(interview.xml).get("version", "")
        instrument = Instrument.from_sheets(study.sheets[form, version])
        frames = decode([(interview.instance_id, interview.xml)], instrument).frames
        missing = next(v.missing for v in instrument.variables if v.name == name)
        text = interview.raw.get(name)
        expected = None if text is None else float(text)
        decoded = frames[""][name].iloc[0]
        response = responded.loc[(interview.person_id, interview.wave), name]
        released = study.cell(frame, interview, name)
        assert [none_or_float(decoded), none_or_float(response)] == [expected, expected]
        is_answer = text is not None and as_asked(text) not in missing
        assert none_or_float(released) == (expected if is_answer else None)
        seen += is_answer
    assert seen >= 2


def none_or_float(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


# 3


def test_what_is_told_once_is_the_truth(study):
    for interview in study.of(BASELINE):
        facts = interview.truth.facts
        assert study.cell("persons", interview, "birth_y") == facts["birth_y"]
        assert study.cell("persons", interview, "sex") == facts["sex"]
        loan = study.cell("persons", interview, "loan_amt")
        assert pd.isna(loan) or loan == facts["loan_amt"]


def test_labour_status_and_place_are_the_truth_of_the_month_of_the_interview(study):
    known = 0
    for interview in study.interviews:
        truth, month = interview.truth, (interview.day.year - 1900) * 12 + interview.day.month
        at = truth.at(month)
        is_abroad = truth.place[at] == ABROAD
        assert study.cell("person_waves", interview, "abroad") == is_abroad
        employed = study.cell("person_waves", interview, "employed")
        if is_abroad:
            assert pd.isna(employed)  # who lives abroad is not asked about work here
        elif not pd.isna(employed):
            assert employed == (truth.state[at] in EMPLOYED), (interview.truth.case_id, interview.wave)
            known += 1
    assert known >= 12


# 4


def test_the_return_lies_in_its_interval(study):
    for interview in study.of(BASELINE):
        row = study.person(interview)
        assert row["ret_lo"] <= interview.truth.ret_cm <= row["ret_hi"]
        assert row["entry"] <= month_of(interview) - interview.truth.ret_cm


def test_the_first_job_lies_in_its_interval_or_after_the_last_interview(study):
    events = 0
    for interview in study.of(BASELINE):
        row, truth = study.person(interview), interview.truth
        since = None if truth.first_job_cm is None else truth.first_job_cm - truth.ret_cm
        if row["ttfj_event"] == 1:
            assert since is not None
            assert row["ttfj_L"] <= since < row["ttfj_R"]
            events += 1
        else:
            assert since is None or since >= row["ttfj_L"]
    assert events >= 5


def test_leaving_again_lies_in_its_interval_or_after_the_last_interview(study):
    events = 0
    for interview in study.of(BASELINE):
        row, truth = study.person(interview), interview.truth
        since = None if truth.left_cm is None else truth.left_cm - truth.ret_cm
        if row["rm_cause"] == 1:
            assert since is not None
            assert row["rm_start"] <= row["rm_L"] <= since < row["rm_R"]
            events += 1
        else:
            assert since is None or since >= row["rm_L"]
    assert events >= 1


def test_an_activity_known_to_the_month_is_the_truth_of_its_months(study):
    """Where a spell's beginning was remembered; a forgotten one may begin months off, so it is left out."""
    known = 0
    for interview in study.of(BASELINE):
        truth = interview.truth
        own = study.release["spells"].query("person_id == @interview.person_id").sort_values("start")
        assert all(one.stop == next_.start for one, next_ in pairwise(own.itertuples()))
        for one, next_ in pairwise([*own.itertuples(), None]):
            if not all(known_month(spell) for spell in (one, next_) if spell is not None):
                continue
            months = range(one.start + 1, one.stop + 1)
            assert {int(truth.state[truth.at(month)]) for month in months} == {one.act}
            known += 1
    assert known >= 10


def known_month(spell: Any) -> bool:
    return not pd.isna(spell.beg_fuzzy) and spell.beg_fuzzy == 0


def month_of(interview: Interview) -> int:
    return (interview.day.year - 1900) * 12 + interview.day.month


# 5


@pytest.mark.parametrize(
    ("form", "name", "frame"), [(BASELINE, "birth_y", "persons"), (FOLLOWUP, "inc_own", "person_waves")]
)
def test_trace_prints_the_walk_with_these_values(study, trace, form, name, frame):
    interview = next(i for i in study.of(form) if float(i.raw.get(name, -1)) > 0)
    value = as_asked(interview.raw[name])
    told = trace(interview.instance_id, name)
    version = ElementTree.fromstring(interview.xml).get("version")
    assert told["Form text"][0].startswith(f"forms/{form}/survey.csv row ")
    assert told["Form version"][0] == f"{form} version {version}"
    assert f"<{name}> {interview.raw[name]}" in told["Submission"]
    assert f"value {value}" in told["Decoded value, corrections laid over it"]
    assert told["Case and wave"] == [f"person {interview.person_id}, wave {interview.wave}"]
    assert told["Release"][0].startswith(study.digest[:12])
    assert f"{frame}.{name} = {value}" in told["Release"]
    assert "panel.en.pdf" in told["Reports of this release"]


def test_trace_names_the_cells_that_are_computed_from_an_answer(study, trace):
    interview = next(i for i in study.of(FOLLOWUP) if i.raw.get("atw_pay") == "1")
    told = trace(interview.instance_id, "atw_pay")
    assert "<atw_pay> 1" in told["Submission"]
    assert {"person_waves.lf = 1", "person_waves.employed = 1"} <= set(told["Release"])


def test_trace_walks_an_answer_of_a_calendar_row(study, trace):
    interview = study.of(BASELINE)[0]
    told = trace(interview.instance_id, "sp_state[1]")
    first = interview.truth.spells(month_of(interview))[0]
    assert f"<sp_state> {first['state']}" in told["Submission"]
    assert f"value {first['state']}" in told["Decoded value, corrections laid over it"]


# 6


def test_everybody_on_the_sample_list_and_every_wave_that_opened_is_a_row(study):
    person = {case.case_id: case.person_id for case in study.cases}
    assert set(person) == set(study.truths)
    opened = {(person[row.case_id], row.wave) for row in study.planned if row.state != "planned"}
    rows = study.release["person_waves"]
    assert set(zip(rows["person_id"], rows["wave"], strict=True)) == opened
    assert sorted(study.release["persons"]["person_id"]) == sorted(person.values())
    assert set(rows[rows["wave"] == 0]["person_id"]) == set(person.values())


# 7


@pytest.fixture(scope="module")
def tried(study) -> dict[tuple[str, int], list[int]]:
    """The results of the attempts by person and wave, in the order in which they were made."""
    truths = {t.panel_id: t.case_id for t in study.truths.values()}
    person = {case.case_id: case.person_id for case in study.cases}
    out: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for row in study.submissions:
        if row.form_id == CONTACT:
            raw = leaves(row.xml)
            case_id = raw.get("case_id") or truths[raw["panel_id"]]
            made = (raw["att_time"], int(raw["att_res"]))
            out.setdefault((person[case_id], int(raw["wave"])), []).append(made)
    return {key: [result for _, result in sorted(made)] for key, made in out.items()}


ORDER = [(2130,), (2110, 2111), (1900, 2320, 2330, 2340), (2210, 2220, 2230, 2240), (3100, 3200)]


def final_code(results: list[int]) -> int:
    """By hand: the most advanced of the results without an interview, among equals the last."""
    for codes in ORDER:
        if found := [result for result in results if result in codes]:
            return found[-1]
    raise AssertionError(results)


def test_final_codes_follow_from_attempts_and_interviews(study, tried):
    interviewed = {(i.person_id, i.wave) for i in study.interviews}
    for row in study.release["person_waves"].itertuples():
        results = tried.get((row.person_id, row.wave), [])
        assert row.n_attempts == len(results)
        assert row.interviewed == ((row.person_id, row.wave) in interviewed)
        if row.interviewed:
            assert row.outcome in (1100, 1200)
            assert set(results) & {1100, 1200}
        else:
            assert row.outcome == final_code(results)


def test_refusal_and_absence_exist_only_through_contact_attempts(study, tried):
    assert {interview.raw["con_part"] for interview in study.interviews} == {"1"}
    rows = study.release["person_waves"]
    refused = rows[rows["outcome_class"] == "R"]
    assert len(refused) >= 1
    for row in refused.itertuples():
        assert {2110, 2111} & set(tried[row.person_id, row.wave])
    quiet = rows[rows["interviewed"] == 0]
    answered = [c for c in ("inc_own", "lf", "employed", "intent", "life_sat", "int_cm") if c in rows]
    assert quiet[answered].isna().all().all()
    told = study.release["attempts"].groupby(["person_id", "wave"]).size()
    assert told.to_dict() == {key: len(results) for key, results in tried.items()}
