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


def imports(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith(("import ", "from "))]
