"""The stand-in held to recorded exchanges with a real ODK Central v2026.2.2.

The scenarios in `tests/data/central/record.py` run against the stand-in over a socket, and every exchange
must agree with the record: status, headers that matter, body. Requirements: 1. Everything agrees but what
`DIFFERENT` lists with a reason. 2. What is listed does differ, so that the list cannot outlive a mend.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from survey.sandbox.central import Served, StandIn, serve

DATA = Path(__file__).parents[1] / "data" / "central"
SECTIONS = sorted(path.stem for path in (DATA / "recorded").glob("[0-9]*.json"))
EMAIL, PASSWORD = "admin@example.org", "recorder-password"

DIFFERENT = {
    ("06_submissions", "diffs"): "nothing here reads differences between versions; answered 501",
    (
        "06_submissions",
        "audits of a submission",
    ): "entities are made at once, so their entry is there already",
    ("14_evolution", "CSV"): "nothing here reads CSV exports; answered 501",
    ("14_evolution", "CSV with deleted fields"): "nothing here reads CSV exports; answered 501",
}


class Clock:
    """A clock that moves on by itself at every look, so that no two moments are equal."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=11)
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("standin") / "central.sqlite"
    standin = StandIn(file, email=EMAIL, password=PASSWORD, clock=clock)
    with serve(standin) as running:
        yield running
    standin.close()


@pytest.fixture(scope="module")
def scenarios() -> Iterator[ModuleType]:
    """The scenario script and the recorder it imports from its own folder."""
    sys.path.insert(0, str(DATA))
    try:
        spec = importlib.util.spec_from_file_location("standin_scenarios", DATA / "record.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(DATA))


def record(scenarios: ModuleType, served: Served, clock: Clock, section: str, folder: Path) -> dict[str, Any]:
    """What the stand-in answers in one section, by the name of the exchange."""
    recorder = scenarios.Recorder(served.url, folder)
    try:
        recorder.name_value(EMAIL, "<admin-email>")
        recorder.name_value(PASSWORD, "<admin-password>")
        for path in sorted((DATA / "forms").glob("*.xml")):
            recorder.know_file(f"forms/{path.name}", path.read_text())
        for name, content in (
            ("regions.csv", scenarios.REGIONS),
            ("regions.csv with west", scenarios.REGIONS2),
            ("households.csv upload", scenarios.HOUSEHOLDS_CSV),
            ("the photo", scenarios.JPG),
        ):
            recorder.know_file(name, content)
        run = scenarios.Run(recorder, EMAIL, PASSWORD, clock.pause)
        run.login()
        headers = {"Authorization": f"Bearer {recorder.token}"}
        current = recorder.http.get(f"{served.url}/v1/users/current", headers=headers)
        recorder.restart_numbers(current.json()["id"])
        getattr(run, f"s{section}")()
        recorder.flush()
    finally:
        recorder.http.close()
    return exchanges(folder / f"{section}.json")


def exchanges(path: Path) -> dict[str, Any]:
    return {exchange["name"]: exchange for exchange in json.loads(path.read_text())["exchanges"]}


def differences(want: Any, got: Any, where: str) -> list[str]:
    """Where two JSON values differ, as readable lines."""
    if isinstance(want, dict) and isinstance(got, dict):
        out = []
        for key in want.keys() | got.keys():
            if key in want and key in got:
                out += differences(want[key], got[key], f"{where}/{key}")
            else:
                out.append(f"{where}/{key}: {'missing' if key in want else 'extra'}")
        return out
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        pairs = enumerate(zip(want, got, strict=True))
        return [line for i, (x, y) in pairs for line in differences(x, y, f"{where}[{i}]")]
    return [] if want == got else [f"{where}: {json.dumps(want)[:200]} != {json.dumps(got)[:200]}"]


def compared(exchange: dict[str, Any]) -> dict[str, Any]:
    """What counts of an exchange: the answer without caching headers and cookies."""
    parts = {part: exchange.get(part) for part in ("response", "observed", "http", "result")}
    if parts["response"]:
        left_out = ("Cache-Control", "Vary", "Set-Cookie")
        kept = {k: v for k, v in parts["response"]["headers"].items() if k not in left_out}
        parts["response"] = {**parts["response"], "headers": kept}
    return parts


@pytest.mark.parametrize("section", SECTIONS)
def test_every_exchange_agrees_with_the_record(
    section: str, scenarios: ModuleType, served: Served, clock: Clock, tmp_path: Path
) -> None:
    want = exchanges(DATA / "recorded" / f"{section}.json")
    got = record(scenarios, served, clock, section, tmp_path)
    assert list(got) == list(want)
    wrong = {
        name: lines
        for name in want
        if (lines := differences(compared(want[name]), compared(got[name]), ""))
        and (section, name) not in DIFFERENT
    }
    assert wrong == {}


def test_what_is_listed_as_different_does_differ(
    scenarios: ModuleType, served: Served, clock: Clock, tmp_path: Path
) -> None:
    stale = []
    for section in sorted({section for section, _ in DIFFERENT}):
        want = exchanges(DATA / "recorded" / f"{section}.json")
        got = record(scenarios, served, clock, section, tmp_path)
        names = [name for listed, name in DIFFERENT if listed == section]
        stale += [name for name in names if not differences(compared(want[name]), compared(got[name]), "")]
    assert stale == []


def test_the_record_is_the_one_the_readme_counts() -> None:
    counted = sum(len(exchanges(DATA / "recorded" / f"{section}.json")) for section in SECTIONS)
    readme = (Path(__file__).parents[2] / "survey" / "sandbox" / "README.md").read_text()
    assert f"{counted - len(DIFFERENT)} of {counted} recorded exchanges" in readme
