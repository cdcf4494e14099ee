"""The engine of ODK Web Forms as a second opinion on the one of ODK Collect. Requirements:

1. The same form and the same answers give the same routing, the same calculated values and the same XML:
   every element, empty ones of notes and unanswered questions included, and every attribute.
2. What differs is known, and no more differs:
   - ids are drawn by each engine, and `end` is the moment of finishing;
   - a truth written into an entity attribute is 1 or 0 by JavaRosa, true or false by Web Forms;
   - a decimal is 9.0E8 by JavaRosa, 900000000.0 by Web Forms: one number;
   - several choices stand in the order of tapping by JavaRosa, of the list by Web Forms: one set;
   - `now()` is read when it is asked, here by a clock that stands still.
3. An interview that one engine does not let finish is not let finish by the other, at the same question.

Needs Node (20.19 or later) and the packages of tests/webforms: npm ci --prefix tests/webforms
"""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from instruments.instrument import forms
from instruments.length import read_paths
from survey.sandbox.interview import Retold
from survey.sandbox.tablet import Filled
from survey.sandbox.walks.walking import Walker

FOLDER = Path(__file__).resolve().parents[1] / "webforms"
PACKAGE = FOLDER / "node_modules/@getodk/xforms-engine"
LANGUAGE = "Tiếng Việt (vi)"
DRAWN = ("/data/meta/instanceID", "/data/meta/entity/@id", "/data/mod_a/end")
NOW = ("/data/mod_a/con_time", "/data/mod_b/con_time")
MORE = 4  # interviews by chance beside the main paths
PATIENCE = 600

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("the program node is not there: install Node 20.19 or later")
    if not PACKAGE.is_dir():
        pytest.skip("the package @getodk/xforms-engine is not there: npm ci --prefix tests/webforms")
    return found


def webforms(node: str, to: Walker, told: Sequence[Filled]) -> list[dict[str, Any]]:
    """The same interviews on Web Forms."""
    job = {
        "form": str(to.form),
        "media": str(to.media),
        "now": to.when.isoformat(),
        "properties": {"deviceID": "collect:walk", "username": "walk"},
        "interviews": [interview(to, filled) for filled in told],
    }
    done = subprocess.run(
        [node, str(FOLDER / "fill.mjs")],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        env={**os.environ, "TZ": str(to.when.tzinfo)},
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def interview(to: Walker, filled: Filled) -> dict[str, Any]:
    again = Retold(filled)
    blocks = [block for block in to.instrument.blocks if block.kind == "repeat"]
    paths = ["/".join(["/data", *block.around, block.name]) for block in blocks]
    repeats = {path: again.instances(path) for path in paths}
    return {"answers": list(filled.answered), "repeats": repeats, "language": LANGUAGE}


def contents(xml: str) -> dict[str, str]:
    """Path → text of every leaf, "" of an empty one, and of every attribute below the root."""
    found: dict[str, str] = {}

    def below(element: etree._Element, path: str) -> None:
        seen: dict[str, int] = {}
        for child in element:
            name = etree.QName(child).localname
            seen[name] = seen.get(name, 0) + 1
            here = f"{path}/{name}" + (f"[{seen[name]}]" if seen[name] > 1 else "")
            found.update({f"{here}/@{etree.QName(key).localname}": cell for key, cell in child.items()})
            below(child, here)
            if not len(child):
                found[here] = child.text or ""

    below(etree.fromstring(xml.encode()), "/data")
    return found


def differences(collect: str, web: str, several: frozenset[str]) -> dict[str, tuple[str | None, str | None]]:
    """What is not the same, beyond what is known to differ."""
    one, other = contents(collect), contents(web)
    return {
        path: (one.get(path), other.get(path))
        for path in sorted(one.keys() | other.keys())
        if path not in (*DRAWN, *NOW) and not alike(path, one.get(path), other.get(path), several)
    }


def alike(path: str, one: str | None, other: str | None, several: frozenset[str]) -> bool:
    if one == other or one is None or other is None:
        return one == other
    if path.startswith("/data/meta/entity/@"):
        return {"1": "true", "0": "false"}.get(one) == other
    if path.rpartition("/")[2] in several:
        return sorted(one.split()) == sorted(other.split())
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def test_the_comparison_sees_what_differs() -> None:  # 2
    one = '<data><a>1</a><b>9.0E8</b><c>2 1</c><n/><meta><entity create="1"/></meta></data>'
    other = '<data><a>2</a><b>900000000.0</b><c>1 2</c><meta><entity create="true"/></meta></data>'
    assert differences(one, other, frozenset("c")) == {"/data/a": ("1", "2"), "/data/n": ("", None)}
    assert "/data/c" in differences(one, other, frozenset())


@pytest.mark.parametrize("form", forms())
def test_both_engines_give_the_same(node: str, walker, form: str) -> None:  # 1 2 3
    to, rng = walker(form), random.Random(form)
    told = [to.along(path, rng) for path in read_paths()[form].values()]
    told += [to.interview(rng) for _ in range(MORE)]
    several = frozenset(q.name for q in to.instrument.questions if q.kind.startswith("select_multiple"))
    for filled, web in zip(told, webforms(node, to, told), strict=True):
        assert web["unanswered"] == []
        assert differences(filled.xml, web["xml"], several) == {}
        assert (web["status"] == "ready") == filled.complete
        stopped = [reference.replace("[1]", "") for reference, _, _ in web["violations"]]
        assert filled.complete or filled.refused_at in stopped


@pytest.mark.parametrize("form", ["rm_exit", "rm_contact"])
def test_both_refuse_what_is_missing(node: str, walker, form: str) -> None:  # 3
    to, rng = walker(form), random.Random(form)
    wrong = [to.interview(rng, wrong=0.4) for _ in range(12)]
    stopped = [filled for filled in wrong if not filled.complete]
    assert stopped
    for filled, web in zip(stopped, webforms(node, to, stopped), strict=True):
        assert web["status"] == "pending"
        assert filled.refused_at in [reference.replace("[1]", "") for reference, _, _ in web["violations"]]
