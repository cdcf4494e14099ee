"""What the stand-in promises beyond the recorded answers.

1. A restart keeps everything, and goes on with numbers never given before.
2. The same clock, seed and calls leave the same data; another seed makes other tokens.
3. An app user reaches the forms given to it and nothing else.
4. Sessions end by the given clock.
5. Entities follow their submissions at once, in the order of arrival.
6. What is not supported says so.
7. Faults happen when ordered and leave what they should.
8. Calls from several tablets at once all arrive.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from survey.sandbox.central import Served, StandIn, serve

FORMS = Path(__file__).parents[1] / "data" / "central" / "forms"
ACCOUNT = {"email": "office@example.org", "password": "a long one"}
XML = {"Content-Type": "application/xml"}
OPENROSA = {"X-OpenRosa-Version": "1.0"}
HOUSE = "4b1c2f7e-0000-4000-a000-00000000000"


class Clock:
    """Study time: it stands until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Office:
    """Somebody with the administrator's session, and the tablets they hand out."""

    def __init__(self, url: str) -> None:
        self.url, self.http = url, requests.Session()
        self.login()
        self.project = f"/v1/projects/{self.ask('POST', '/v1/projects', json={'name': 'Panel'}).json()['id']}"

    def login(self) -> None:
        token = self.http.post(f"{self.url}/v1/sessions", json=ACCOUNT, timeout=5).json()["token"]
        self.http.cookies.clear()
        self.http.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.http.request(method, self.url + path, timeout=5, **more)

    def publish(self, name: str) -> None:
        xml = (FORMS / f"{name}.xml").read_bytes()
        reply = self.ask("POST", f"{self.project}/forms?publish=true", data=xml, headers=XML)
        assert reply.status_code == 200

    def tablet(self, *forms: str) -> str:
        """The address of a tablet that was given some forms."""
        user = self.ask("POST", f"{self.project}/app-users", json={"displayName": "Tablet"}).json()
        for form in forms:
            self.ask("POST", f"{self.project}/forms/{form}/assignments/2/{user['id']}")
        return f"{self.url}/v1/key/{user['token']}/projects/{self.project.rsplit('/', 1)[1]}"

    def close(self) -> None:
        self.http.close()


def baseline(number: int, label: str = "House") -> bytes:
    """A baseline submission that makes an entity."""
    return (
        '<data id="returnee_baseline" version="2026010101">'
        f"<hh><head_name>{label}</head_name><phone>0</phone></hh>"
        f'<meta><instanceID>uuid:base-{number}</instanceID><entity dataset="households" create="1"'
        f' id="{HOUSE}{number}"><label>{label}</label></entity></meta></data>'
    ).encode()


def followup(name: str, number: int, base: int, phone: str) -> bytes:
    """A follow-up submission that updates an entity."""
    return (
        f'<data id="returnee_followup" version="w1"><phone>{phone}</phone>'
        f"<meta><instanceID>uuid:{name}</instanceID>"
        f'<entity dataset="households" update="1" id="{HOUSE}{number}" baseVersion="{base}" trunkVersion=""'
        ' branchId=""/></meta></data>'
    ).encode()


def post(tablet: str, xml: bytes) -> int:
    files = {"xml_submission_file": ("s.xml", xml, "text/xml")}
    return requests.post(f"{tablet}/submission", files=files, headers=OPENROSA, timeout=5).status_code


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(tmp_path: Path, clock: Clock) -> Iterator[Served]:
    standin = StandIn(tmp_path / "central.sqlite", clock=clock, seed=1, **ACCOUNT)
    with serve(standin) as running:
        yield running
    standin.close()


@pytest.fixture
def office(served: Served) -> Iterator[Office]:
    office = Office(served.url)
    yield office
    office.close()


# 1
def test_a_restart_keeps_everything(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "central.sqlite"
    first = StandIn(file, clock=clock, seed=1, **ACCOUNT)
    with serve(first) as served:
        office = Office(served.url)
        office.publish("returnee_baseline.v1")
        tablet = office.tablet("returnee_baseline").removeprefix(served.url)
        assert post(served.url + tablet, baseline(1)) == 201
        office.close()
    first.close()
    second = StandIn(file, clock=clock, seed=1, **ACCOUNT)
    with serve(second) as served:
        assert post(served.url + tablet, baseline(1)) == 201
        office = Office(served.url)
        old = "/v1/projects/1"
        kept = office.ask("GET", f"{old}/forms/returnee_baseline/submissions").json()
        assert [row["instanceId"] for row in kept] == ["uuid:base-1"]
        entities = office.ask("GET", f"{old}/datasets/households/entities").json()
        assert [row["uuid"] for row in entities] == [f"{HOUSE}1"]
        assert office.project == "/v1/projects/2"
        office.close()
    second.close()


def test_numbers_of_dropped_test_submissions_are_not_given_again(office: Office) -> None:
    office.publish("returnee_baseline.v1")
    form = f"{office.project}/forms/returnee_baseline"
    office.ask("POST", f"{form}/draft")
    office.ask("POST", f"{form}/draft/submissions", data=baseline(7), headers=XML)
    office.ask("DELETE", f"{form}/draft")
    office.ask("POST", f"{form}/submissions", data=baseline(1), headers=XML)
    history = office.ask("GET", f"{form}/submissions/uuid:base-1/audits").json()
    # it used to list the dropped submission's creation as a third entry
    assert [entry["action"] for entry in history] == ["entity.create", "submission.create"]


# 2
def everything(file: Path, seed: int) -> list[tuple[Any, ...]]:
    """All rows that one fixed round of calls leaves behind."""
    standin = StandIn(file, clock=Clock(), seed=seed, **ACCOUNT)
    with serve(standin) as served:
        office = Office(served.url)
        for name in ("returnee_baseline.v1", "returnee_followup.v1"):
            office.publish(name)
        tablet = office.tablet("returnee_baseline", "returnee_followup")
        for number in (1, 2):
            post(tablet, baseline(number))
        post(tablet, followup("wave-1", 1, 1, "111"))
        office.close()
    names = [row["name"] for row in standin.store.all("select name from sqlite_master where type = 'table'")]
    rows = [(name, *row) for name in names for row in standin.store.all(f"select * from {name}")]
    standin.close()
    return rows


def test_the_same_seed_and_calls_leave_the_same_rows(tmp_path: Path) -> None:
    first, second = (everything(tmp_path / f"{name}.sqlite", 5) for name in "ab")
    assert first == second


def test_another_seed_makes_other_tokens(tmp_path: Path) -> None:
    tokens = [
        {row[1] for row in everything(tmp_path / f"{seed}.sqlite", seed) if row[0] == "session"}
        for seed in (5, 6)
    ]
    assert tokens[0].isdisjoint(tokens[1])
    assert all(len(token) == 64 for token in tokens[0])


def test_identifiers_made_by_the_server_are_version_4(office: Office) -> None:
    office.ask("POST", f"{office.project}/datasets", json={"name": "people"})
    made = office.ask("POST", f"{office.project}/datasets/people/entities", json={"label": "A"}).json()
    assert UUID(made["uuid"]).version == 4


# 3
def test_a_tablet_sees_only_forms_given_to_it(office: Office) -> None:
    office.publish("returnee_baseline.v1")
    office.publish("returnee_followup.v1")
    tablet = office.tablet("returnee_baseline")
    forms = requests.get(f"{tablet}/formList", headers=OPENROSA, timeout=5).text
    assert "<formID>returnee_baseline</formID>" in forms
    assert "returnee_followup" not in forms
    assert requests.get(f"{tablet}/forms/returnee_baseline.xml", timeout=5).status_code == 200
    assert requests.get(f"{tablet}/forms/returnee_followup.xml", timeout=5).status_code == 403
    assert post(tablet, followup("wave-1", 1, 1, "1")) == 401
    assert (
        requests.get(f"{tablet}/datasets/households/integrity", headers=OPENROSA, timeout=5).status_code
        == 403
    )


@pytest.mark.parametrize(
    "path",
    [
        "/app-users",
        "/forms",
        "/forms/returnee_baseline/submissions",
        "/forms/returnee_baseline.svc/Submissions",
        "/datasets/households/entities",
        "/datasets/households.svc/Entities",
        "/datasets/households/entities.csv",
    ],
)
def test_a_tablet_reads_no_data(office: Office, path: str) -> None:
    office.publish("returnee_baseline.v1")
    assert requests.get(office.tablet("returnee_baseline") + path, timeout=5).status_code == 403


def test_the_entity_list_of_a_given_form_is_for_its_tablets(office: Office) -> None:
    office.publish("returnee_baseline.v1")
    office.publish("returnee_followup.v1")
    tablet = office.tablet("returnee_followup")
    office.ask("POST", f"{office.project}/forms/returnee_baseline/submissions", data=baseline(1), headers=XML)
    csv = requests.get(f"{tablet}/forms/returnee_followup/attachments/households.csv", timeout=5).text
    assert csv.splitlines() == [
        "name,label,__version,head_name,phone,region,return_date,still_here,employment",
        f"{HOUSE}1,House,1,House,0,,,,",
    ]


# 4
def test_a_session_ends_after_a_day_of_the_given_clock(office: Office, clock: Clock) -> None:
    clock.now += timedelta(hours=23)
    assert office.ask("GET", "/v1/users/current").status_code == 200
    clock.now += timedelta(hours=2)
    assert office.ask("GET", "/v1/users/current").json()["code"] == 401.2
    office.login()
    assert office.ask("GET", "/v1/users/current").status_code == 200


def test_what_arrives_carries_the_given_time(office: Office, clock: Clock) -> None:
    office.publish("returnee_baseline.v1")
    clock.now = datetime(2027, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)
    office.login()
    office.ask("POST", f"{office.project}/forms/returnee_baseline/submissions", data=baseline(1), headers=XML)
    rows = office.ask("GET", f"{office.project}/forms/returnee_baseline.svc/Submissions").json()["value"]
    assert rows[0]["__system"]["submissionDate"] == "2027-03-01T09:30:00.250Z"


# 5
def test_an_update_is_there_when_the_reply_arrives(office: Office) -> None:
    office.publish("returnee_baseline.v1")
    office.publish("returnee_followup.v1")
    tablet = office.tablet("returnee_baseline", "returnee_followup")
    post(tablet, baseline(1))
    post(tablet, followup("wave-1", 1, 1, "111"))
    entity = office.ask("GET", f"{office.project}/datasets/households/entities/{HOUSE}1").json()
    assert entity["currentVersion"]["version"] == 2
    assert entity["currentVersion"]["data"] == {"head_name": "House", "phone": "111"}


def test_rows_of_one_instant_page_without_loss(office: Office) -> None:
    office.publish("returnee_baseline.v1")
    form = f"{office.project}/forms/returnee_baseline"
    for number in range(1, 6):
        office.ask("POST", f"{form}/submissions", data=baseline(number), headers=XML)
    page = office.ask("GET", f"{form}.svc/Submissions?$top=2&$select=__id").json()
    seen = [row["__id"] for row in page["value"]]
    while "@odata.nextLink" in page:
        page = office.ask("GET", page["@odata.nextLink"].removeprefix(office.url)).json()
        seen += [row["__id"] for row in page["value"]]
    assert seen == [f"uuid:base-{number}" for number in (5, 4, 3, 2, 1)]


def test_waiting_entities_are_made_when_approval_is_no_longer_required(office: Office) -> None:
    datasets = f"{office.project}/datasets"
    office.ask("POST", datasets, json={"name": "households", "approvalRequired": True})
    office.publish("returnee_baseline.v1")
    office.ask("POST", f"{office.project}/forms/returnee_baseline/submissions", data=baseline(1), headers=XML)
    assert office.ask("GET", f"{datasets}/households/entities").json() == []
    office.ask("PATCH", f"{datasets}/households?convert=true", json={"approvalRequired": False})
    made = office.ask("GET", f"{datasets}/households/entities").json()
    assert [row["uuid"] for row in made] == [f"{HOUSE}1"]


# 6
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/forms/returnee_baseline/submissions.csv.zip", 501.1),
        ("GET", "/forms/returnee_baseline/submissions.geojson", 501.1),
        ("GET", "/forms/returnee_baseline/submissions/uuid:base-1/diffs", 501.1),
        ("GET", "/forms/returnee_baseline/public-links", 404.1),
        ("POST", "/key", 404.1),
        ("GET", "/forms/returnee_baseline.svc/Submissions?$apply=x", 501.1),
    ],
)
def test_what_is_not_supported_says_so(office: Office, method: str, path: str, code: float) -> None:
    office.publish("returnee_baseline.v1")
    office.ask("POST", f"{office.project}/forms/returnee_baseline/submissions", data=baseline(1), headers=XML)
    reply = office.ask(method, office.project + path)
    assert (reply.status_code, reply.json()["code"]) == (int(code), code)


# 7
def test_a_refusal_on_order_happens_once_and_changes_nothing(office: Office, served: Served) -> None:
    served.standin.faults.refuse(status=503, where="/projects", method="POST")
    assert office.ask("POST", "/v1/projects", json={"name": "Lost"}).status_code == 503
    assert [row["name"] for row in office.ask("GET", "/v1/projects").json()] == ["Panel"]
    assert office.ask("POST", "/v1/projects", json={"name": "Kept"}).status_code == 200


def test_a_session_lost_on_order_needs_a_new_login(office: Office, served: Served) -> None:
    served.standin.faults.expire_session(after=1)
    answers = [office.ask("GET", "/v1/users/current").status_code for _ in range(3)]
    assert answers == [200, 401, 401]
    office.login()
    assert office.ask("GET", "/v1/users/current").status_code == 200


def test_a_reply_lost_on_order_leaves_the_submission_and_a_retry_is_accepted(
    office: Office, served: Served
) -> None:
    office.publish("returnee_baseline.v1")
    tablet = office.tablet("returnee_baseline")
    served.standin.faults.drop_reply(where="/submission")
    with pytest.raises(requests.exceptions.ConnectionError):
        post(tablet, baseline(1))
    assert post(tablet, baseline(1)) == 201
    rows = office.ask("GET", f"{office.project}/forms/returnee_baseline/submissions").json()
    assert len(rows) == 1


def test_faults_can_be_called_off(office: Office, served: Served) -> None:
    served.standin.faults.refuse(times=5)
    served.standin.faults.clear()
    assert office.ask("GET", "/v1/users/current").status_code == 200


# 8
def test_tablets_may_send_at_the_same_time(office: Office) -> None:
    office.publish("returnee_baseline.v1")
    tablet = office.tablet("returnee_baseline")
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda n=number: statuses.append(post(tablet, baseline(n))))
        for number in range(1, 9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 8
    page = office.ask("GET", f"{office.project}/datasets/households.svc/Entities?$count=true&$top=0").json()
    assert page["@odata.count"] == 8


def test_a_port_in_use_is_an_error_at_once(served: Served, tmp_path: Path) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    other = StandIn(tmp_path / "other.sqlite", **ACCOUNT)
    with pytest.raises(OSError, match="in use"), serve(other, port):
        pass
    other.close()
