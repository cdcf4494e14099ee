"""The panel report on a made-up release. Requirements:

1. computed from the release alone, changes nothing in it, the same bytes twice
2. every number drawn in a figure stands in the annex table of that figure
3. no printed count of people is between 1 and 9, and none follows from two tables
4. no identifying variable is read
5. both languages have every word; wording rules hold (no "failed", no "RSS", no causal claim)
6. small panels give a report that says why something is missing
7. a model whose health is bad is not printed
"""

import re

import numpy as np
import pandas as pd
import pytest

from analysis import disclosure, panel, report, wording
from analysis.dataset import Dataset
from analysis.document import Document, FigureBlock, Note, TableBlock, words_of
from analysis.logit import logit
from analysis.reports.panel import fieldwork, leaving, measures, models, work
from analysis.tables import DASH
from analysis.wording import Wording
from instruments.codebook import Choice, Codebook, Variable, read_derived

BASE = (2026 - 1900) * 12 + 3
DUE = (0, 6, 12, 18)
FOUND = {1: "List", 2: "Centre", 7: "Referral"}
TYPES = {"string": "text", "Int64": "integer", "Float64": "decimal"}


def release(people: int = 150, seed: int = 4) -> Dataset:
    """A release of made-up people with the columns of `panel.FRAMES`."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in panel.FRAMES}
    for number in range(people):
        _person(f"P{number:05d}", rng, rows)
    frames = {
        name: panel.conform(pd.DataFrame(rows[name], columns=[c for c, _ in columns]), columns)
        for name, columns in panel.FRAMES.items()
    }
    return Dataset.from_frames(frames, codebook(), name="made-up panel")


def codebook() -> Codebook:
    known = {(variable.frame, variable.name): variable for variable in read_derived()}
    choices = {
        "frame_src": tuple(Choice(str(code), {"en": label, "vi": label}) for code, label in FOUND.items()),
        "corridor": (Choice("1", {"en": "Viet Nam – Japan", "vi": "Việt Nam – Nhật Bản"}),),
    }
    return Codebook(
        known.get((frame, name))
        or Variable(name, frame=frame, type=TYPES[kind], choices=choices.get(name, ()))
        for frame, columns in panel.FRAMES.items()
        for name, kind in columns
    )


def _person(person: str, rng: np.random.Generator, rows: dict[str, list[dict[str, object]]]) -> None:
    """One history: return, job, departure or move, loss, interviews."""
    entry = int(rng.integers(0, 13) if rng.random() < 0.6 else rng.integers(13, 40))
    base, answered = BASE + int(rng.integers(0, 3)), bool(rng.random() < 0.92)
    leave, move = entry + int(rng.geometric(0.025)), entry + int(rng.geometric(0.008))
    job, lost, debt = int(rng.geometric(0.13)), entry + int(rng.geometric(0.012)), int(rng.random() < 0.45)
    who = {"person_id": person, "track": "inflow" if entry <= 12 else "stock", "psu": str(rng.integers(12))}
    taste, last = rng.normal(0, 0.8), entry
    for wave, due in enumerate(DUE if answered else DUE[:1]):
        t = entry + due
        outcome = _outcome(rng, answered, t >= leave, t > lost) if wave else (1100 if answered else 2110)
        done = outcome in (1100, 1200)
        row = {
            **who,
            "wave": wave,
            "due_cm": base + due,
            "outcome": outcome,
            "outcome_class": _class(outcome),
        }
        row |= {"interviewed": int(done), "status_known": int(done or outcome == 2240)}
        if done:
            last = t
            row |= {
                "int_cm": base + due,
                "t_ret": t,
                "abroad": int(t >= leave),
                **_answers(rng, t, job, debt, taste, leave),
            }
        rows["person_waves"].append(row)
    ends = min(leave, move)
    happened = ends <= last + 3 and ends <= lost
    person_row = {
        **who,
        "corridor": 1,
        "frame_src": int(rng.choice(list(FOUND))),
        "sex": 2 if rng.random() < 0.4 else 1,
        "age_ret": int(rng.integers(21, 46)),
        "edu_now": int(rng.choice([2, 3, 3, 5, 7])),
        "area": 1 + int(rng.random() < 0.35),
        "jp_prog1": int(rng.choice([3, 3, 4, 5, 12])),
        "abroad_mo": int(rng.choice([12, 36, 60])),
        "mdebt_open0": debt,
        "loan_amt": 80.0 if int(person[1:]) % 3 else 0.0,
        "assisted0": int(rng.random() < 0.3),
    }
    if answered:
        person_row |= {
            "base_cm": base,
            "entry": entry,
            "ret_lo": base - entry,
            "ret_hi": base - entry,
            "rm_start": entry,
            "lost": int(lost < entry + DUE[-1]),
        }
        person_row |= {"rm_cause": (1 if leave <= move else 2) if happened else 0}
        person_row |= {"rm_L": ends - 1, "rm_R": ends} if happened else {"rm_L": last}
        person_row |= {"ttfj_event": int(job <= last), "ttfj_L": min(job - 1, last)}
        person_row |= {"ttfj_R": job} if job <= last else {}
        for t in range(entry + DUE[-1] + 1):
            state = (
                "abroad"
                if leave <= t <= last
                else "unknown"
                if t > last
                else "employed"
                if t >= job
                else "looking"
            )
            rows["person_months"].append(
                {
                    "person_id": person,
                    "cm": base - entry + t,
                    "t_ret": t,
                    "state": state,
                    "employed": None if state in ("abroad", "unknown") else int(state == "employed"),
                    "pre_entry": int(t < entry),
                }
            )
    rows["persons"].append(person_row)


def _outcome(rng: np.random.Generator, answered: bool, gone: bool, lost: bool) -> int:
    if lost:
        return int(rng.choice([2110, 2220, 3100]))
    return int(rng.choice([1100, 2240]) if gone else rng.choice([1100, 1200, 2210], p=[0.9, 0.04, 0.06]))


def _class(outcome: int) -> str:
    return {1100: "I", 1200: "P", 2110: "R", 2210: "NC", 2220: "NC", 2240: "NC", 3100: "U"}[outcome]


def _answers(
    rng: np.random.Generator, t: int, job: int, debt: int, taste: float, leave: int
) -> dict[str, object]:
    if t >= leave:
        return {"lf": 5, "employed": 0}
    employed = int(t >= job and rng.random() < 0.85)
    rung = int(np.digitize(taste - 0.6 * employed + 0.5 * debt + rng.normal(0, 0.8), [-0.5, 0.2, 0.9]))
    return {
        "lf": 1 if employed else int(rng.choice([2, 2, 3, 4])),
        "employed": employed,
        "ladder": rung,
        "intent": int(rung >= 2),
        "debt_any": int(rng.random() < 0.3 + 0.4 * debt),
        "fam_index": round(float(rng.random()), 2),
        "distress": int(rng.integers(0, 10)),
        "assisted": int(rng.random() < 0.3),
    }


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return release()


@pytest.fixture(scope="module")
def english(dataset: Dataset) -> Document:
    return report.build("panel", dataset)


@pytest.fixture(scope="module")
def vietnamese(dataset: Dataset) -> Document:
    return report.build("panel", dataset, language="vi")


@pytest.fixture(scope="module")
def source(dataset: Dataset) -> report.Source:
    return report.Source(dataset, Wording("en"), disclosure.RESTRICTED)


def test_the_report_has_its_standard_tables_and_figures(english: Document) -> None:
    assert {"T1", "T2", "T4", "T8", "T10", "T17", "T20", "T21a", "T21b"} <= set(english.keys())
    assert {"F1", "F3", "F4", "F5", "F6", "F10a", "F10b", "F11"} <= set(english.keys())


def test_building_changes_nothing_and_gives_the_same_bytes(dataset: Dataset, english: Document) -> None:  # 1
    before = {name: frame.copy() for name, frame in dataset.frames.items()}
    again = report.build("panel", dataset)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(dataset.frames[name], frame)
    for format in ("html", "pdf"):
        assert report.render(again, format) == report.render(english, format)


def test_files_are_named_by_report_language_and_format(dataset: Dataset, tmp_path: object) -> None:
    written = report.write(dataset, tmp_path / "out", ["panel"], ["vi"], ["html"])  # type: ignore[operator]
    assert [path.name for path in written] == ["panel.vi.html"]
    assert b'lang="vi"' in written[0].read_bytes()


def test_every_figure_brings_its_numbers_into_the_annex(english: Document) -> None:  # 2
    printed = {table.key: table for table in english.tables()}
    for figure in english.figures():
        assert printed[figure.numbers.key] == figure.numbers
        assert figure.numbers.rows
        assert set(_numbers(figure.alt)) <= _table_numbers(figure), figure.key


def _numbers(text: str) -> list[str]:
    return re.findall(r"[\u2212]?\d+(?:\.\d+)?", text)


def _table_numbers(figure: FigureBlock) -> set[str]:
    """Numbers of the annex table as printed and rounded further, with constants of the sentence."""
    cells = [cell.text for line in figure.numbers.texts() for cell in line]
    found = {
        number for text in [*cells, *(row.label for row in figure.numbers.rows)] for number in _numbers(text)
    }
    rounded = {f"{float(number):.0f}" for number in found if "\u2212" not in number}
    return found | rounded | {"95", "100", "0", "1"}


def test_no_table_prints_a_count_under_ten(english: Document) -> None:  # 3
    for table in english.tables():
        for row in table.rows:
            for cell in row.cells:
                assert not (cell.kind == "count" and cell.value is not None and cell.value < 10), (
                    table.key,
                    row,
                )


def test_what_is_gathered_from_small_groups_is_printed_from_ten_people_on(english: Document) -> None:  # 3
    gathered = [
        row.cells[place]
        for table in english.tables()
        for place, column in enumerate(table.columns)
        if column.key == "few"
        for row in table.rows
    ]
    assert gathered
    assert all(cell.value is None or cell.value * (cell.base or 0) > 9.5 for cell in gathered)


def test_outcomes_follow_neither_from_their_total_nor_from_the_flow_chart(source: report.Source) -> None:  # 3
    counts = fieldwork.outcome_counts(source.frame("person_waves"), source.rules)
    hidden = disclosure.hidden(counts.to_numpy(), source.rules, column_totals=True)
    assert "P" not in counts.index  # few partial interviews: one row with the complete ones
    assert (hidden[:-1].sum(axis=0) != 1).all()
    assert not hidden[-1].any()


def test_status_known_is_hidden_where_the_people_known_abroad_would_follow(
    source: report.Source,
) -> None:  # 3
    counts = fieldwork.outcome_counts(source.frame("person_waves"), source.rules)
    rates = fieldwork.rates_by_wave(source).set_index(["rate", "wave"])["part"]
    for wave in (1, 2, 3):
        assert np.isnan(rates["status_known", wave]) == (counts.loc["A", wave] < 10)


def test_shares_of_states_add_up_and_show_no_state_of_few(source: report.Source) -> None:  # 3
    counts = work.monthly_counts(source.frame("person_months"))
    counts = counts[counts.sum(axis=1) >= 30]
    shares = work.visible_shares(counts, source.rules)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1.0)
    for state in shares.columns.drop("few"):
        people = (shares[state] * counts.sum(axis=1)).dropna()
        assert (people >= 10 - 1e-9).all()


def test_no_identifying_or_free_text_variable_is_in_reach(dataset: Dataset) -> None:  # 4
    reached = {column for frame in dataset.frames.values() for column in frame.columns}
    assert not reached & dataset.codebook.identifying()
    book = Codebook([Variable("phone1", form="f", sensitivity="identifying")])
    with pytest.raises(ValueError, match="identifying"):
        Dataset.from_frames({"persons": pd.DataFrame({"phone1": ["1"]})}, book, name="x")


def test_person_numbers_are_printed_nowhere(english: Document, dataset: Dataset) -> None:  # 4
    page = report.render(english, "html").decode()
    assert not [person for person in dataset["persons"]["person_id"] if person in page]


def test_every_entry_has_both_languages_with_the_same_blanks() -> None:  # 5
    for name, texts in wording.catalogue().items():
        assert set(texts) == set(wording.LANGUAGES), name
        assert len({wording.placeholders(text) for text in texts.values()}) == 1, name


def test_every_entry_of_the_catalogue_is_used() -> None:  # 5
    root = wording.CATALOGUE.parent.parent
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py")))
    asked = "|".join(
        re.sub(r"\\\{.*?\\\}", ".+", re.escape(text)) + (".+" if text.endswith(".") else "")
        for text in set(re.findall(r'"([a-z0-9]+\.[^" ]*)"', code))
    )
    made = {f"words.{name}" for name in ("table", "figure", "tables", "figures", "contents", "source")}
    unused = [name for name in wording.catalogue() if not re.fullmatch(asked, name) and name not in made]
    assert unused == []


FORBIDDEN = ("failed return", "failure to", "illegal", "runaway", "disappear", "rss", "caused by", "impact")


def test_wording_rules_hold_in_every_entry() -> None:  # 5
    for name, texts in wording.catalogue().items():
        found = [word for word in FORBIDDEN if word in texts["en"].lower()]
        assert not found, (name, found)


def test_the_vietnamese_report_is_the_same_report(english: Document, vietnamese: Document) -> None:  # 5
    assert vietnamese.keys() == english.keys()
    assert report.render(vietnamese, "pdf").startswith(b"%PDF")
    digest = english.meta.release
    english_words = {text for block in english.blocks for text in words_of(block) if len(text) > 25} - {
        digest
    }
    left = [text for block in vietnamese.blocks for text in words_of(block) if text in english_words]
    assert left == []


def test_both_languages_print_the_same_numbers(english: Document, vietnamese: Document) -> None:  # 5
    for one, other in zip(english.tables(), vietnamese.tables(), strict=True):
        assert [row.cells for row in one.rows] == [row.cells for row in other.rows]


@pytest.mark.parametrize("people", [3, 25])
def test_a_small_panel_gives_a_report_that_says_why(people: int) -> None:  # 6
    document = report.build("panel", release(people, seed=2))
    reasons = [block.text for block in document.blocks if isinstance(block, Note) and block.kind == "reason"]
    assert any("model is not shown" in reason for reason in reasons)
    assert len(report.render(document, "pdf")) > 10_000


def test_a_release_in_which_nobody_was_interviewed_still_gives_a_report() -> None:  # 6
    made = release(12, seed=3)
    waves = made["person_waves"]
    waves = waves[waves["wave"] == 0].assign(
        interviewed=0, outcome=2110, outcome_class="R", int_cm=pd.NA, t_ret=pd.NA
    )
    for column in ("lf", "ladder", "intent", "employed", "abroad"):
        waves[column] = pd.NA
    persons = made["persons"].assign(base_cm=pd.NA, rm_cause=pd.NA, ttfj_event=pd.NA)
    frames = {
        "persons": panel.conform(persons, panel.PERSONS),
        "person_waves": panel.conform(waves, panel.PERSON_WAVES),
        "person_months": made["person_months"].iloc[:0],
        "attempts": made["attempts"],
    }
    document = report.build("panel", Dataset.from_frames(frames, codebook(), name="nobody"))
    assert "T1" in document.keys()  # noqa: SIM118


def test_a_model_with_bad_health_is_named_with_its_reason_and_not_printed(source: report.Source) -> None:  # 7
    frame = pd.DataFrame(
        {
            "person_id": [str(n) for n in range(60)],
            "psu": "1",
            "split": [0.0] * 30 + [1.0] * 30,
            "y": [0] * 30 + [1] * 30,
        }
    )
    model = models.fitted(source, "logit", frame, ("split",), 30, lambda terms: logit(f"y ~ {terms}", frame))
    assert model.fit is None
    assert "separates" in model.reason


def test_few_events_are_not_fitted_at_all(source: report.Source) -> None:  # 7
    def never(_: str) -> object:
        raise AssertionError("a model on nine events was fitted")

    model = models.fitted(source, "cox", pd.DataFrame(), ("women",), 9, never)  # type: ignore[arg-type]
    assert (model.fit, model.reason) == (None, "fewer than 10 events")


def test_the_window_starts_where_ten_stay_at_risk() -> None:
    risk = pd.Series([4, 12, 9, 10, 11, 15, 10, 3, 12], index=range(1, 10))
    assert measures.stable_window(risk, 10) == (3, 7)
    assert measures.stable_window(pd.Series([1, 2], index=[1, 2]), 10) is None


def test_at_risk_counts_from_entry_to_exit() -> None:
    start, stop = pd.Series([0, 2, 2]), pd.Series([3, 3, 4])
    assert measures.at_risk(start, stop).to_dict() == {1: 1, 2: 1, 3: 3, 4: 1}


def test_a_wide_date_goes_to_the_middle_of_its_interval() -> None:
    persons = pd.DataFrame(
        {"base_cm": 1, "ttfj_event": [1, 1, 0], "ttfj_L": [2, 2, 6], "ttfj_R": [3, 8, pd.NA], "ret_hi": 100}
    ).astype("Int64")
    persons["person_id"] = ["a", "b", "c"]
    waves = pd.DataFrame({"person_id": ["a", "b", "c"], "int_cm": [110, 110, 106]})
    times, wide = measures.first_jobs(persons, waves)
    assert times["stop"].tolist() == [3.0, 5.0, 6.0]
    assert wide == 1


def test_an_event_in_the_month_of_the_last_report_waits_for_the_next_one() -> None:
    """Others interviewed in that month are not at risk in it; the leaver alone would jump the curve."""
    persons = pd.DataFrame(
        {"base_cm": 100, "rm_cause": [1, 1, 0], "rm_start": 0, "rm_L": [10, 10, 10], "ret_hi": 100}
    ).assign(rm_R=pd.array([11, 11, None], "Int64"), person_id=["a", "b", "c"])
    waves = pd.DataFrame({"person_id": list("abc"), "wave": 1, "int_cm": pd.array([110, None, 110], "Int64")})
    attempts = pd.DataFrame({"person_id": ["b", "b"], "wave": 1, "res": 2240, "att_cm": [111, 112]})
    times, _ = measures.departures(persons, waves, attempts)
    assert times[["stop", "cause"]].to_numpy().tolist() == [[10.0, 0], [11.0, 1], [10.0, 0]]


def test_wilson_interval_of_five_in_ten() -> None:
    # (0.5 + z²/20 ± z √(0.025 + z²/400)) / (1 + z²/10) with z = 1.96
    assert measures.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=5e-5)


def test_change_is_taken_within_people_who_answered_both_times() -> None:
    waves = pd.DataFrame(
        {"person_id": list("abcabd"), "wave": [0, 0, 0, 1, 1, 1], "intent": [0, 1, 1, 1, 1, 0]}
    )
    found = measures.paired_change(waves, "intent")
    assert found is not None
    wave, change = found
    assert (wave, change.before, change.after, change.difference, change.n) == (1, 0.5, 1.0, 0.5, 2)


def test_covariates_come_from_the_interview_before_and_abroad_ends_the_rows() -> None:
    waves = pd.DataFrame(
        {
            "person_id": ["a", "a", "a", "a"],
            "wave": [0, 1, 2, 3],
            "interviewed": [1, 0, 1, 1],
            "abroad": [0, pd.NA, 0, 1],
            "employed": [1, pd.NA, 0, 0],
        }
    )
    rows = measures.lagged(waves, ("employed",))
    assert rows["wave"].tolist() == [0, 2]
    assert rows["employed_lag"].isna().tolist() == [True, False]
    assert rows.loc[1, "employed_lag"] == 1


def test_departures_before_entry_are_not_counted_at_risk(source: report.Source) -> None:
    times, _ = measures.departures(*(source.frame(name) for name in ("persons", "person_waves", "attempts")))
    assert (leaving.covariates(times)["left"] == (times["cause"] == 1)).all()
    assert (times["stop"] >= times["start"]).all()


def test_the_simulated_banner_stands_only_where_the_manifest_says_so(english: Document) -> None:
    assert english.meta.banner == ""


def test_an_unknown_report_language_or_format_is_refused(dataset: Dataset, english: Document) -> None:
    with pytest.raises(ValueError, match="choose from panel, table1"):
        report.build("annual", dataset)
    with pytest.raises(ValueError, match="en and vi"):
        report.build("panel", dataset, language="km")
    with pytest.raises(ValueError, match="html, pdf, docx"):
        report.render(english, "odt")


def test_dashes_are_explained_under_the_table(english: Document) -> None:
    for block in english.blocks:
        if isinstance(block, TableBlock):
            dashed = any(cell.text == DASH for line in block.table.texts() for cell in line)
            assert dashed == any(note.startswith(DASH) for note in block.table.notes), block.table.key
