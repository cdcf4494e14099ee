"""Table 1 of the published paper, described from its import: the facts that the paper prints."""

from pathlib import Path

import pytest

from analysis import report
from analysis.dataset import Dataset
from analysis.document import Document
from analysis.frames_import import Imported, hoang2020
from analysis.tables import Table
from instruments.codebook import codebook
from instruments.instrument import load


@pytest.fixture(scope="module")
def imported() -> Imported:
    return hoang2020(codebook([load("rm_baseline"), load("rm_followup")]))


@pytest.fixture(scope="module")
def document(imported: Imported) -> Document:
    return report.build("table1", imported.dataset)


def counts(table: Table) -> dict[str, dict[str, float]]:
    """First number of each row by group and label."""
    found: dict[str, dict[str, float]] = {}
    group = ""
    for row in table.rows:
        if row.kind == "group":
            group = row.label
        else:
            found.setdefault(group, {})[row.label] = row.cells[0].value
    return found


def test_the_facts_of_the_paper_are_reproduced(document: Document) -> None:
    facts = counts(next(document.tables()))
    assert facts["Sex"] == {"Male": 13, "Female": 5}
    assert facts["Province of birth, name at that time"]["Nghe An"] == 11
    assert facts["Months abroad, as stated"] == {
        "12 months": 3,
        "24 months": 3,
        "36 months": 12,
        "Median months abroad": 36,
    }
    assert sum(facts["Activity before departure"].values()) == 18
    assert facts["Intention to leave again"] == {"None": 11, "Desire": 1, "Prepared": 6}


def test_small_numbers_are_printed_because_they_are_in_print_already(document: Document) -> None:
    assert all(not table.marks() for table in document.tables())


def test_all_with_an_intention_are_without_work(document: Document) -> None:
    table = next(table for table in document.tables() if table.key == "T2")
    assert [[cell.value for cell in row.cells] for row in table.rows] == [[11, 0, 11], [0, 7, 7], [11, 7, 18]]


def test_the_citation_is_printed_and_no_model_is_fitted(document: Document, imported: Imported) -> None:
    assert imported.dataset.manifest.citation in dict(document.meta.facts).values()
    assert not any(key.startswith(("T21", "F")) for key in document.keys())  # noqa: SIM118


def test_contradictions_of_the_source_are_listed_with_their_row(
    document: Document, imported: Imported
) -> None:
    table = next(table for table in document.tables() if table.key == "T3")
    listed = [(row.label, row.cells[0].value) for row in table.rows]
    assert listed == [(f.where, f.message) for f in imported.findings if f.level != "note"]
    assert any("No.17" in where and "34" in str(what) for where, what in listed)


def test_contradictions_reach_a_report_that_is_made_from_the_folder_alone(
    imported: Imported, document: Document, tmp_path: Path
) -> None:
    imported.dataset.write(tmp_path)
    again = report.build("table1", Dataset.read(tmp_path))
    assert report.render(again, "html") == report.render(document, "html")
    assert b"Age 34 is quoted" in report.render(again, "html")


def test_both_languages_and_formats_render(imported: Imported) -> None:
    for language in ("en", "vi"):
        made = report.build("table1", imported.dataset, language=language)
        assert b"Hoang Anh Tuan" in report.render(made, "html")
        assert report.render(made, "pdf").startswith(b"%PDF")
