"""What a tablet does over the network, against the stand-in on a real socket.

1. It lists, downloads and keeps the forms its app user was given, with their attached files.
2. It downloads again only what changed.
3. It posts as Collect does; the same bytes twice do no harm.
4. What the server does not take stays in the outbox; errors name what was asked, never the app user's token.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from survey.sandbox.central import StandIn, serve
from survey.sandbox.collect import Collect, CollectError

NOW = datetime(2027, 1, 4, 7, tzinfo=UTC)
FORM = """<?xml version="1.0"?><h:html xmlns="http://www.w3.org/2002/xforms"
 xmlns:h="http://www.w3.org/1999/xhtml" xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>Visit</h:title>
<model><instance><data id="visit" version="{version}"><place/><meta><instanceID/></meta></data></instance>
<instance id="places" src="jr://file-csv/places.csv"/><bind nodeset="/data/place" type="string"/>
<bind nodeset="/data/meta/instanceID" type="string" readonly="true()" jr:preload="uid"/></model></h:head>
<h:body><select1 ref="/data/place"><label>Place</label><itemset nodeset="instance('places')/root/item">
<value ref="name"/><label ref="label"/></itemset></select1></h:body></h:html>"""
SUBMISSION = (
    '<data id="visit" version="1"><place>{place}</place>'
    "<meta><instanceID>uuid:{id}</instanceID></meta></data>"
)
FIRST, SECOND = "7b6f2f2e-38f9-4f0b-9d6e-4f5a0a8d0001", "7b6f2f2e-38f9-4f0b-9d6e-4f5a0a8d0002"


@dataclass
class Office:
    """The office's side of the stand-in, by plain REST."""

    url: str
    session: requests.Session
    standin: StandIn

    def ask(self, method: str, path: str, **what: object) -> requests.Response:
        reply = self.session.request(method, f"{self.url}/v1/projects/1{path}", timeout=10, **what)
        reply.raise_for_status()
        return reply

    def publish(self, version: str, places: str) -> None:
        xml = {"data": FORM.format(version=version), "headers": {"Content-Type": "application/xml"}}
        if version == "1":
            self.ask("POST", "/forms?publish=false", **xml)
        else:
            self.ask("POST", "/forms/visit/draft", **xml)
        csv = {"data": places.encode(), "headers": {"Content-Type": "text/csv"}}
        self.ask("POST", "/forms/visit/draft/attachments/places.csv", **csv)
        self.ask("POST", "/forms/visit/draft/publish")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    standin = StandIn(tmp_path / "central.db", email="a@b.org", password="a long one", clock=lambda: NOW)
    with serve(standin) as served:
        session = requests.Session()
        account = {"email": "a@b.org", "password": "a long one"}
        token = session.post(f"{served.url}/v1/sessions", json=account, timeout=10).json()["token"]
        session.headers["Authorization"] = f"Bearer {token}"
        session.post(f"{served.url}/v1/projects", json={"name": "Panel"}, timeout=10).raise_for_status()
        made = Office(served.url, session, standin)
        made.publish("1", "name,label\na,A\n")
        yield made
        session.close()
    standin.close()


@pytest.fixture
def tablet(office: Office, tmp_path: Path) -> Iterator[Collect]:
    user = office.ask("POST", "/app-users", json={"displayName": "E01"}).json()
    office.ask("POST", f"/forms/visit/assignments/app-user/{user['id']}")
    with requests.Session() as session:
        base = f"{office.url}/v1/key/{user['token']}/projects/1"
        yield Collect(base, tmp_path / "E01", device="collect:E01", session=session)


def test_the_first_update_brings_forms_and_attached_files(tablet):
    assert tablet.update(NOW) == ["visit/form.xml", "visit/media/places.csv"]
    assert 'version="1"' in tablet.form("visit").read_text()
    assert (tablet.media("visit") / "places.csv").read_text() == "name,label\na,A\n"
    assert tablet.has("visit")
    assert not tablet.has("other")


def test_a_second_update_brings_nothing(tablet):
    tablet.update(NOW)
    assert tablet.update(NOW) == []


def test_an_update_brings_only_what_changed(tablet, office):
    tablet.update(NOW)
    office.publish("2", "name,label\na,A\n")
    assert tablet.update(NOW) == ["visit/form.xml"]
    assert [form.version for form in tablet.form_list(NOW)] == ["2"]


def test_a_lost_file_is_downloaded_again(tablet):
    tablet.update(NOW)
    (tablet.media("visit") / "places.csv").unlink()
    assert tablet.update(NOW) == ["visit/media/places.csv"]


def test_finished_forms_leave_the_outbox_in_order_and_reach_the_server(tablet, office):
    tablet.keep(f"uuid:{FIRST}", SUBMISSION.format(place="a", id=FIRST))
    tablet.keep(f"uuid:{SECOND}", SUBMISSION.format(place="b", id=SECOND))
    assert tablet.send(NOW, most=1) == 1
    assert len(tablet.unsent()) == 1
    assert tablet.send(NOW) == 1
    rows = office.ask("GET", "/forms/visit/submissions").json()
    assert {row["instanceId"] for row in rows} == {f"uuid:{FIRST}", f"uuid:{SECOND}"}
    assert {row["deviceId"] for row in rows} == {"collect:E01"}
    assert tablet.unsent() == []


def test_the_same_bytes_twice_do_no_harm(tablet, office):
    xml = SUBMISSION.format(place="a", id=FIRST)
    tablet.post(xml, NOW)
    tablet.post(xml, NOW + timedelta(hours=1))
    assert len(office.ask("GET", "/forms/visit/submissions").json()) == 1


def test_an_answer_lost_on_the_way_is_made_good_by_sending_again(tablet, office):
    tablet.keep(f"uuid:{FIRST}", SUBMISSION.format(place="a", id=FIRST))
    office.standin.faults.drop_reply(where="submission")
    with pytest.raises(CollectError, match="no answer"):
        tablet.send(NOW)
    assert tablet.send(NOW) == 1
    assert len(office.ask("GET", "/forms/visit/submissions").json()) == 1


def test_a_refused_submission_stays_with_the_servers_words(tablet):
    tablet.keep(
        "uuid:x", "<data id='nothing' version='1'><meta><instanceID>uuid:x</instanceID></meta></data>"
    )
    with pytest.raises(CollectError, match=r"404 .*resource") as refused:
        tablet.send(NOW)
    assert refused.value.status == 404
    assert len(tablet.unsent()) == 1


def test_a_server_that_is_down_loses_nothing_and_no_token_is_told(tmp_path):
    with requests.Session() as session:
        tablet = Collect("http://127.0.0.1:9/v1/key/secret/projects/1", tmp_path, session=session)
        tablet.keep("uuid:x", "<data/>")
        with pytest.raises(CollectError, match="no answer") as lost:
            tablet.send(NOW)
    assert lost.value.status is None
    assert "secret" not in str(lost.value)
    assert len(tablet.unsent()) == 1


def test_a_wrong_token_is_refused_in_one_line(office, tmp_path):
    with requests.Session() as session:
        tablet = Collect(f"{office.url}/v1/key/{'x' * 64}/projects/1", tmp_path / "t", session=session)
        with pytest.raises(CollectError, match=r"GET .*formList: 40[13]") as refused:
            tablet.update(NOW)
    assert "xxxx" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_addresses_are_asked_where_the_tablet_knows_the_server(tablet, office):
    other = tablet.base.replace("127.0.0.1", "localhost")
    with requests.Session() as session:
        same = Collect(other, tablet.folder.parent / "again", session=session)
        assert same.update(NOW) == ["visit/form.xml", "visit/media/places.csv"]
