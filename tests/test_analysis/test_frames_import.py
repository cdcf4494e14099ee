"""Import of tables that exist already, tried on the eighteen returnees of Table 1 in Hoang (2020)."""

from collections import Counter
from functools import cache

import pandas as pd
import pytest

from analysis.dataset import Dataset, DatasetError
from analysis.frames_import import MappingError, hoang2020, import_frame, profile
from instruments.codebook import Choice, Codebook, Variable, codebook
from instruments.instrument import load


@cache
def table1():
    return hoang2020(codebook([load(form) for form in ("rm_baseline", "rm_followup", "rm_contact")]))


def test_the_facts_of_table_1_come_out():
    facts = profile(table1().dataset["persons"])
    assert facts["persons"] == 18
    assert facts["sex"] == {1: 13, 2: 5}
    assert facts["prov_birth"]["40"] == 11  # Nghe An
    assert facts["prov_birth"]["28"] == 1  # Ha Tay, merged in 2008 and coded all the same
    assert facts["abroad_mo"] == {12: 3, 24: 3, 36: 12}
    assert facts["pre_act"] == {1: 11, 5: 7}  # seven were students
    assert facts["act"] == {1: 9, 2: 2, 6: 1, 7: 6}  # after: employee, own business, looking, waiting
    assert facts["leaving_again"] == 7
    assert facts["waiting"] == 6


def test_an_intention_is_a_desire_at_least_and_a_wait_the_highest_rung():
    ladder = table1().dataset["persons"].set_index("person_id")["ladder"]
    assert ladder[ladder > 0].to_dict() == {
        **{"No.02": 1, "No.03": 3, "No.05": 3, "No.06": 3},
        **{"No.07": 3, "No.08": 3, "No.11": 3},
    }


def test_titles_become_codes_and_the_words_stay_in_the_raw_table():
    persons = table1().dataset["persons"].set_index("person_id")
    assert persons.loc["No.01", ["pre_isco", "jp_isco", "job_isco"]].tolist() == ["723", "8114", "7421"]
    assert persons.loc["No.12", ["pre_isco", "job_isco"]].isna().all()  # "Worker" tells no occupation
    assert persons.loc["No.10", ["jp_sector", "job_isic"]].tolist() == [20, 3]
    assert "Coffee Shop Owner" in table1().raw["job_after"].tolist()
    assert not (persons.astype("string") == "Coffee Shop Owner").any(axis=None)


def test_a_stay_of_unknown_months_is_an_interval():
    row = table1().dataset["persons"].set_index("person_id").loc["No.03"]
    assert row[["dep_lo", "dep_hi", "ret_lo", "ret_hi"]].tolist() == [1381, 1392, 1417, 1428]


def test_contradictions_of_the_source_are_kept_and_nothing_is_mended():
    found = {(f.code, f.where): f for f in table1().findings}
    codes = Counter(f.code for f in table1().findings)
    assert codes["source.age"] == 11
    assert "Age 34 is quoted" in found["source.age", "No.17"].message
    assert "30 in 2018" in found["source.age", "No.17"].message
    stays = sorted(where for code, where in found if code == "source.stay")
    assert stays == ["No.01", "No.04", "No.05", "No.06", "No.18"]  # calendar years counted inclusively
    assert "less than one year in Japan" in found["source.note", "No.09"].message
    assert codes["source.note"] == 18
    assert table1().dataset["persons"]["birth_y"].tolist()[16] == 1988


def test_nothing_in_the_packaged_mapping_is_left_uncoded():
    assert [f for f in table1().findings if f.level == "error"] == []


def test_the_frame_is_declared_published_with_its_citation(tmp_path):
    manifest = table1().dataset.write(tmp_path)
    assert manifest.disclosure == "published"
    assert "https://doi.org/10.24517/00058198" in manifest.citation
    assert "10.24517/00058198" in (tmp_path / "README.txt").read_text()
    assert Dataset.read(tmp_path).digest == table1().dataset.digest


BOOK = Codebook(
    [
        Variable("person_id", frame="persons", type="text"),
        Variable("sex", form="f", type="select_one", choices=(Choice("1"), Choice("2"))),
        Variable("full_name", form="f", type="text", sensitivity="identifying"),
    ]
)
MAPPING = """
name = "Mine"
frame = "persons"
[columns]
person_id = { column = "id" }
sex = { column = "gender", codes = { man = 1, woman = 2 } }
"""
PEOPLE = pd.DataFrame({"id": ["1", "2", "3"], "gender": ["man", "woman", "other"], "name": ["X", "Y", "Z"]})


def mapping(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_anybody_brings_a_table_with_a_small_mapping(tmp_path):
    made = import_frame(PEOPLE, mapping(tmp_path, MAPPING), BOOK)
    assert made.dataset["persons"]["sex"].tolist() == [1, 2, pd.NA]
    assert made.dataset.manifest.disclosure == "restricted"
    assert [(f.code, f.where) for f in made.findings] == [("code.missing", "sex/other")]


def test_a_csv_file_gives_the_same_as_the_frame(tmp_path):
    PEOPLE.to_csv(tmp_path / "people.csv", index=False)
    by_file = import_frame(tmp_path / "people.csv", mapping(tmp_path, MAPPING), BOOK)
    assert by_file.dataset.digest == import_frame(PEOPLE, tmp_path / "mine.toml", BOOK).dataset.digest


def test_a_code_outside_its_list_is_reported(tmp_path):
    made = import_frame(PEOPLE, mapping(tmp_path, MAPPING.replace("woman = 2", "woman = 7")), BOOK)
    assert ("value.outside_list", "sex/row 2") in [(f.code, f.where) for f in made.findings]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MAPPING.replace('"gender"', '"genre"'), "no column 'genre'"),
        (MAPPING.replace('name = "Mine"', ""), "lacks 'name'"),
        (MAPPING + "[", "not TOML"),
    ],
)
def test_a_mapping_that_cannot_be_followed_says_what_to_mend(tmp_path, text, message):
    with pytest.raises(MappingError, match=message):
        import_frame(PEOPLE, mapping(tmp_path, text), BOOK)


def test_a_missing_mapping_file_is_named(tmp_path):
    with pytest.raises(MappingError, match="does not exist"):
        import_frame(PEOPLE, tmp_path / "none.toml", BOOK)


def test_names_cannot_be_imported_and_do_not_show_in_the_message(tmp_path):
    with pytest.raises(DatasetError, match="identifying") as refused:
        import_frame(PEOPLE, mapping(tmp_path, MAPPING + 'full_name = { column = "name" }\n'), BOOK)
    assert "X" not in str(refused.value)
