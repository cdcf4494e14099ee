"""Migrations: up, down and up again on both databases, and no table that they do not make."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from survey import migrations, store
from survey.models import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without a table."""
    if request.param == "sqlite":
        engine = store.connect("sqlite:///empty.sqlite", tmp_path, create=True)
    else:
        engine = request.getfixturevalue("postgres_empty")
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_the_steps_make_exactly_the_tables_of_the_models(empty: Engine):
    store.upgrade(empty)
    assert tables(empty) == set(metadata.tables)
    assert store.differences(empty) == []
    store.require_current(empty)


def test_down_and_up_again_leaves_nothing_behind(empty: Engine):
    store.upgrade(empty)
    store.downgrade(empty)
    assert tables(empty) == set()
    store.upgrade(empty)
    assert store.differences(empty) == []


def test_upgrading_twice_is_upgrading_once(empty: Engine):
    store.upgrade(empty)
    store.upgrade(empty)
    assert tables(empty) == set(metadata.tables)


def test_a_table_changed_by_hand_is_noticed(empty: Engine):
    store.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("ALTER TABLE contact ADD COLUMN nickname VARCHAR"))
    assert any("nickname" in difference for difference in store.differences(empty))


def test_the_newest_step_is_the_one_the_store_asks_for():
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [store.HEAD]


def test_no_step_leans_on_the_living_code():
    for step in (Path(migrations.__file__).parent / "versions").glob("*.py"):
        assert "survey" not in [line.split()[1].split(".")[0] for line in imports(step)]


def test_assignments_made_before_get_their_place_in_the_series(empty: Engine):
    store.upgrade(empty, "0002")
    given = [(1, "E1", "2026-03-02"), (1, "E2", "2026-04-01"), (0, "E1", "2026-03-01")]
    with empty.begin() as connection:
        names = "case_id, person_id, frame_src, psu_code, stratum, status"
        connection.execute(text(f'INSERT INTO "case" ({names}) '
                                "VALUES ('VN-0001', 'P00001', '', '', '', 'active')"))  # fmt: skip
        connection.execute(text("INSERT INTO contact (case_id, name, phone1, c1_name, c1_phone) "
                                "VALUES ('VN-0001', 'A', '0912000111', '', '')"))  # fmt: skip
        for code in ("E1", "E2"):
            connection.execute(text("INSERT INTO enumerator (code, label, team, langs, gender, active) "
                                    f"VALUES ('{code}', '', '', '', '', true)"))  # fmt: skip
        for wave, code, day in given:
            connection.execute(text("INSERT INTO assignment (case_id, wave, enumerator, starts_on) "
                                    f"VALUES ('VN-0001', {wave}, '{code}', '{day}')"))  # fmt: skip
    store.upgrade(empty)
    with empty.connect() as connection:
        asked = "SELECT wave, number, enumerator FROM assignment ORDER BY wave, number"
        rows = connection.execute(text(asked))
        assert [tuple(row) for row in rows] == [(0, 1, "E1"), (1, 1, "E1"), (1, 2, "E2")]
        assert connection.execute(text("SELECT listed_phone FROM contact")).scalar() == "0912000111"
    store.downgrade(empty, "0002")
    with empty.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM assignment")).scalar() == 3


def imports(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith(("import ", "from "))]
