"""Dataset: a release in memory and in its folder.

1. What is written is read back equal, with labels of all languages inside each file.
2. The same dataset twice gives the same bytes; nothing tells when or where it was written.
3. The content digest depends on values, types and labels, and on nothing else.
4. Identifying columns, columns without a variable and published data without a citation are refused.
5. A changed, missing or foreign file is noticed.
"""

import hashlib
import json
import struct
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.dataset import Dataset, DatasetError, content_digest
from instruments.codebook import Choice, Codebook, Variable

YES_NO = (Choice("0", {"en": "No", "vi": "Không"}), Choice("1", {"en": "Yes", "vi": "Có"}))
BOOK = Codebook(
    [
        Variable(
            "works", form="f", type="select_one", label={"en": "Works?", "vi": "Có việc?"}, choices=YES_NO
        ),
        Variable("prov", form="f", type="select_one", choices=(Choice("01"), Choice("40"))),
        Variable("pay", form="f", type="decimal", unit="million VND", missing={"-98": "dont_know"}),
        Variable("met", form="f", type="date"),
        Variable("phone1", form="f", type="text", sensitivity="identifying"),
        Variable("wave", form="f", type="integer"),
        Variable("person_id", frame="persons", type="text"),
        Variable("ready", frame="persons", type="integer", inputs=("works",)),
    ]
)


def persons(**changed):
    columns = {
        "person_id": ["P2", "P1"],
        "prov": ["01", None],
        "pay": [7.5, None],
        "met": ["2026-03-01", None],
        "ready": [1, None],
    }
    return pd.DataFrame(columns | changed)


def dataset(frame=None, book=BOOK, **more):
    return Dataset.from_frames({"persons": persons() if frame is None else frame}, book, name="try", **more)


def test_what_is_written_is_read_back_equal(tmp_path):  # 1
    made = dataset()
    made.write(tmp_path / "r")
    read = Dataset.read(tmp_path / "r")
    pd.testing.assert_frame_equal(read["persons"], made["persons"])
    assert read.codebook == made.codebook
    assert read.digest == made.digest == content_digest(read.frames, read.codebook)
    assert sorted(p.name for p in (tmp_path / "r").iterdir()) == [
        *("README.txt", "codebook.csv", "codebook.json", "manifest.json", "persons.parquet")
    ]


def test_rows_are_in_order_and_columns_have_their_types():
    frame = dataset()["persons"]
    assert frame["person_id"].tolist() == ["P1", "P2"]
    assert [str(t) for t in frame.dtypes] == ["string", "string", "Float64", "datetime64[s]", "Int64"]
    assert frame["prov"].tolist() == [pd.NA, "01"]  # a code with a leading zero stays text


def test_labels_of_all_languages_travel_in_the_file(tmp_path):  # 1
    dataset(pd.DataFrame({"person_id": ["P1"], "works": [1]})).write(tmp_path)
    metadata = json.loads(pq.read_schema(tmp_path / "persons.parquet").metadata[b"returnee_panel"])
    works = next(v for v in metadata["variables"] if v["name"] == "works")
    assert works["label"] == {"en": "Works?", "vi": "Có việc?"}
    assert works["choices"] == [["0", {"en": "No", "vi": "Không"}], ["1", {"en": "Yes", "vi": "Có"}]]


def test_the_codebook_of_a_release_holds_its_columns_and_their_inputs():
    assert [v.name for v in dataset().codebook.variables] == [
        *("works", "prov", "pay", "met", "person_id", "ready")
    ]


def test_writing_twice_gives_the_same_bytes(tmp_path):  # 2
    dataset().write(tmp_path / "a")
    dataset(persons()[::-1]).write(tmp_path / "b")
    dataset().write(tmp_path / "a")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_content_digest_can_be_worked_out_without_any_of_our_libraries():  # 3
    frame = pd.DataFrame({"person_id": ["P2", "P1"], "pay": [7.5, None]})
    nothing = {"choices": [], "label": {}, "sensitivity": "", "unit": ""}
    pay = nothing | {"missing": {"-98": "dont_know"}, "name": "pay", "type": "decimal", "unit": "million VND"}
    person = nothing | {"missing": {}, "name": "person_id", "type": "text"}
    hashed = hashlib.sha256(
        b"persons:2\n"
        + json.dumps(["persons", "pay", "decimal", pay], sort_keys=True).encode()
        + struct.pack("<dd", 0.0, 7.5)  # P1 first; missing is 0 ...
        + bytes([1, 0])  # ... and marked
        + json.dumps(["persons", "person_id", "text", person], sort_keys=True).encode()
        + json.dumps(["P1", "P2"]).encode()
    )
    assert dataset(frame).digest == hashed.hexdigest()


@pytest.mark.parametrize(
    "frame",
    [
        persons(pay=[7.6, None]),
        persons(pay=[7.5, 0.0]),
        persons(prov=["40", None]),
        persons(person_id=["P2", "P3"]),
        persons().drop(columns="pay"),
    ],
)
def test_another_value_is_another_digest(frame):  # 3
    assert dataset(frame).digest != dataset().digest


def test_another_label_is_another_digest_and_another_order_is_not():  # 3
    relabelled = Codebook(replace(v, label={"en": "Pay"}) if v.name == "pay" else v for v in BOOK.variables)
    assert dataset(book=relabelled).digest != dataset().digest
    assert dataset(persons()[persons().columns[::-1]].iloc[::-1]).digest == dataset().digest


def test_minus_zero_and_zero_are_the_same_value():
    assert dataset(persons(pay=[-0.0, None])).digest == dataset(persons(pay=[0.0, None])).digest


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"phone1": ["0912", "0913"]}, "persons.phone1 is identifying"),
        ({"colour": ["red", "blue"]}, "persons.colour is not in the codebook"),
        ({"ready": ["yes", "no"]}, "persons.ready is integer"),
        ({"ready": [1.5, 2]}, "persons.ready is integer"),
        ({"person_id": ["P1", "P1"]}, "repeat the key person_id"),
    ],
)
def test_what_cannot_be_released_is_refused_with_its_place(columns, message):  # 4
    with pytest.raises(DatasetError, match=message) as refused:
        dataset(persons(**columns))
    assert "0912" not in str(refused.value)


def test_published_data_need_their_citation():  # 4
    with pytest.raises(DatasetError, match="citation"):
        dataset(disclosure="published")
    with pytest.raises(DatasetError, match="disclosure"):
        dataset(disclosure="open")
    made = dataset(disclosure="published", citation="Somebody (2020)")
    assert made.manifest.disclosure == "published"
    assert dataset().manifest.disclosure == "restricted"


def test_a_changed_or_missing_file_is_noticed(tmp_path):  # 5
    dataset().write(tmp_path)
    table = tmp_path / "codebook.csv"
    table.write_text(table.read_text() + "more\n")
    with pytest.raises(DatasetError, match=r"codebook\.csv was changed"):
        Dataset.read(tmp_path)
    table.unlink()
    with pytest.raises(DatasetError, match=r"codebook\.csv is missing"):
        Dataset.read(tmp_path)


def test_a_folder_without_or_with_another_release_is_refused(tmp_path):  # 5
    with pytest.raises(DatasetError, match="no release"):
        Dataset.read(tmp_path)
    dataset().write(tmp_path)
    with pytest.raises(DatasetError, match="another release"):
        dataset(persons(pay=[1.0, 2.0])).write(tmp_path)


def test_nobody_changes_a_release_by_accident(tmp_path):
    made = dataset()
    mine = made["persons"]
    mine["pay"] = 99.0
    assert content_digest(made.frames, made.codebook) == made.digest
    with pytest.raises(KeyError, match="no frame 'waves'"):
        made["waves"]
    with pytest.raises(TypeError):
        made.frames["persons"] = persons()


def test_a_manifest_tells_its_frames_and_nothing_of_the_machine(tmp_path):  # 2
    manifest = dataset().write(tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert set(told) == {"name", "content_digest", "disclosure", "citation", "simulated", "frames", "files"}
    assert manifest.frames["persons"] == {"rows": 2, "columns": 5}
    assert str(dataset()) == f"try [{manifest.content_digest[:12]}]: persons 2 × 5"
