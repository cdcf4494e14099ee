"""Central through pyodk, over a real socket.

1. Login: a refused password, an expired session, a server that is down are each one line. 2. No token on
disk, no body in a log or a message. 3. GET is repeated, POST is not, and a lost answer is asked after. 4.
Publishing takes up where it was left. 5. Listings are read to their end, on the address we know. 6.
Entities are text and are written once. 7. App users and assignments may be asked for twice.
"""

import io
import logging
import socket
import uuid
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import SecretStr

from instruments.instrument import Instrument
from instruments.xform import BuiltForm, build
from survey.central import Central, central
from survey.config import CentralSettings
from survey.errors import CentralRefused, CentralRejected, CentralUnreachable, SessionExpired

ANA = str(uuid.UUID(int=1, version=4))
BINH = str(uuid.UUID(int=2, version=4))


@cache
def form(label: str = "Age", reads: str = "", makes: str = "") -> BuiltForm:
    """A form of two questions, with a file to choose from or an entity list to make."""
    survey = [["type", "name", "label", "save_to"], ["text", "case_id", "Case", ""]]
    survey += [["integer", "age", label, "age" if makes else ""]]
    survey += [[f"select_one_from_file {reads}", "area", "Area", ""]] if reads else []
    sheets = {"survey": survey, "settings": [["form_title", "form_id", "version"], ["F", "f", "1"]]}
    if makes:
        sheets["entities"] = [["list_name", "label"], [makes, "${case_id}"]]
    return build(Instrument.from_sheets(sheets))


def answer(version: str, instance: str, age: int = 30, replaces: str = "") -> str:
    old = f"<deprecatedID>{replaces}</deprecatedID>" if replaces else ""
    return (
        f'<data id="f" version="{version}"><case_id>17</case_id><age>{age}</age>'
        f"<meta>{old}<instanceID>{instance}</instanceID></meta></data>"
    )


@pytest.fixture
def there(central_at) -> Iterator[Central]:
    with Central(central_at.settings, backoff=0) as connection:
        yield connection


# 1 and 2: login, errors, secrets


def test_a_refused_password_is_one_line_without_it(central_at):
    wrong = central_at.settings.model_copy(update={"password": SecretStr("hunter2-hunter2")})
    with pytest.raises(CentralRefused) as caught, Central(wrong, backoff=0):
        pass
    assert "does not accept the e-mail or the password" in str(caught.value)
    assert "SURVEY_CENTRAL_PASSWORD" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_password_is_said_before_anything_is_sent():
    with pytest.raises(CentralRefused, match=r"there is no password .*SURVEY_CENTRAL_PASSWORD"):
        Central(CentralSettings(url="http://127.0.0.1:9"))


def test_a_server_that_is_down_is_one_line():
    nowhere = CentralSettings(url="http://127.0.0.1:9", password=SecretStr("x"), timeout=2)
    with pytest.raises(CentralUnreachable, match=r"does not answer .*127.0.0.1:9.*nothing is lost"):
        Central(nowhere, backoff=0).__enter__()


def test_a_server_that_hangs_is_given_up_on_plain_http(central_at):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        slow = CentralSettings(
            url=f"http://127.0.0.1:{port}", password=SecretStr("x"), timeout=0.2, retries=0
        )
        with pytest.raises(CentralUnreachable, match="too long to answer"):
            Central(slow, backoff=0).__enter__()


def test_a_session_that_expires_is_renewed_once(there: Central, central_at):
    central_at.standin.faults.expire_session()
    assert there.forms() == []


def test_a_session_that_expires_at_once_again_is_an_error(there: Central, central_at):
    central_at.standin.faults.expire_session(times=2)
    with pytest.raises(SessionExpired, match="ends our session at once"):
        there.forms()


def test_no_token_is_written_to_disk(there: Central, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PYODK_CACHE_FILE", str(tmp_path / "cache.toml"))
    there.forms()
    assert not (tmp_path / "cache.toml").exists()
    assert there._session.auth.service.cache_path is None


def test_leaving_ends_the_session_in_central(central_at):
    with Central(central_at.settings, backoff=0) as connection:
        token = connection._session.headers["Authorization"]
    with pytest.raises(AssertionError, match="401"):
        central_at.call("GET", "users/current", headers={"Authorization": token})


def test_what_central_quotes_reaches_neither_the_message_nor_a_log(there: Central, caplog):
    caplog.set_level(logging.DEBUG)
    there.create_entity_list("people", ["phone"])
    with pytest.raises(CentralRejected) as caught:
        there.update_entity("people", ANA, {"phone": "0912345678"}, 1, label="Nguyễn Thị Hoa")
    assert caught.value.status == 404
    assert "Hoa" not in str(caught.value) + caplog.text
    assert "0912" not in str(caught.value) + caplog.text


def test_a_body_that_pyodk_logs_itself_is_cut_off(there: Central):
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    logging.getLogger("pyodk._endpoints.bases").error("content: Nguyễn Thị Hoa")
    logging.getLogger().removeHandler(handler)
    assert written.getvalue() == "central.pyodk source=pyodk._endpoints.bases error=message\n"


def test_an_account_without_rights_is_told_what_it_needs():
    with responses.RequestsMock() as wire:
        wire.post("https://central.example.org/v1/sessions", json={"token": "t"})
        refusal = {"code": 403.1, "message": "no"}
        wire.get("https://central.example.org/v1/projects/1/forms", json=refusal, status=403)
        connection = Central(CentralSettings(password=SecretStr("x")), backoff=0)
        connection._session.log_in()
        with pytest.raises(CentralRejected, match="needs the role Project Manager") as caught:
            connection.forms()
    assert caught.value.code == "403.1"


# 3: repeats


def test_reading_is_repeated_when_central_is_busy(there: Central, central_at):
    central_at.standin.faults.refuse(status=503, where="/forms", method="GET", times=2)
    assert there.forms() == []


def test_writing_is_not_repeated(there: Central, central_at):
    central_at.standin.faults.refuse(status=500, where="/datasets", method="POST", times=1)
    with pytest.raises(CentralRejected) as caught:
        there.create_entity_list("people", ["phone"])
    assert caught.value.status == 500
    assert there.entity_list("people") is None


# 4: publishing


def test_publishing_again_is_the_same(there: Central):
    first = there.publish(form())
    assert (first.outcome, first.version) == ("published", form().version)
    assert there.publish(form()).outcome == "same"
    assert [(row["xmlFormId"], row["version"]) for row in there.forms()] == [("f", form().version)]


@pytest.mark.parametrize("upload", ["xlsx", "xml"])
def test_a_form_goes_as_workbook_or_as_xform(central_at, upload: str):
    settings = central_at.settings.model_copy(update={"upload": upload})
    with Central(settings, backoff=0) as connection:
        connection.publish(form())
        assert connection.versions("f") == [form().version]


def test_changed_text_becomes_the_next_version(there: Central):
    there.publish(form())
    assert there.publish(form("Age now")).outcome == "published"
    assert there.versions("f") == [form("Age now").version, form().version]


def test_text_that_comes_back_gets_a_version_of_its_own(there: Central):
    for label in ("Age", "Age now", "Age"):
        published = there.publish(form(label))
    assert published.version == f"{form().version}-1"
    assert there.publish(form()).outcome == "same"


def test_a_left_over_draft_is_taken_up(there: Central, central_at):
    central_at.standin.faults.refuse(status=500, where="/draft/publish")
    with pytest.raises(CentralRejected):
        there.publish(form())
    assert there.publish(form()).outcome == "resumed"
    assert there.versions("f") == [form().version]


def test_the_draft_of_another_text_is_replaced(there: Central, central_at):
    central_at.standin.faults.refuse(status=500, where="/draft/publish")
    with pytest.raises(CentralRejected):
        there.publish(form("Age once"))
    assert there.publish(form()).outcome == "published"
    assert there.versions("f") == [form().version]


@pytest.mark.parametrize("lost", ["/forms", "/draft/attachments/areas.csv", "/draft/publish"])
def test_a_lost_answer_while_publishing_ends_well_at_the_latest_with_the_next_try(
    there: Central, central_at, lost: str
):
    built, media = form(reads="areas.csv"), {"areas.csv": b"name,label\n1,North\n"}
    central_at.standin.faults.drop_reply(where=lost)
    try:
        there.publish(built, media)
    except CentralUnreachable:
        assert there.publish(built, media).outcome == "resumed"
    assert there.versions("f") == [built.version]
    assert there.publish(built, media).outcome == "same"


def test_new_files_alone_make_a_version_of_the_same_text(there: Central):
    built = form(reads="areas.csv")
    there.publish(built, {"areas.csv": b"name,label\n1,North\n"})
    again = there.publish(built, {"areas.csv": b"name,label\n1,North\n2,South\n"})
    assert (again.outcome, again.version) == ("files", f"{built.version}-1")
    assert there.publish(built, {"areas.csv": b"name,label\n1,North\n2,South\n"}).outcome == "same"


def test_a_form_without_a_file_it_needs_is_not_published(there: Central):
    with pytest.raises(CentralRejected, match=r"needs the file areas.csv, which was not given"):
        there.publish(form(reads="areas.csv"))
    assert there.versions("f") == []


def test_an_entity_list_is_linked_not_sent(there: Central, central_at):
    there.create_entity_list("areas", ["label_vi"])
    there.publish(form(reads="areas.csv"))
    slot = central_at.call("GET", "~/forms/f/attachments")[0]
    assert (slot["datasetExists"], slot["blobExists"]) == (True, False)


def test_publishing_makes_the_entity_list(there: Central):
    there.publish(form(makes="returnee"))
    made = there.entity_list("returnee")
    assert made is not None
    assert [item["name"] for item in made["properties"]] == ["age"]


def test_a_closed_form_can_be_opened(there: Central):
    there.publish(form())
    there.form_state("f", "closed")
    there.form_state("f", "open")
    assert there.forms()[0]["state"] == "open"


# 5: submissions


def test_edits_come_oldest_first_each_with_its_own_xml(there: Central, central_at):
    version = there.publish(form()).version
    central_at.submit("f", answer(version, "uuid:a"))
    central_at.edit("f", "uuid:a", answer(version, "uuid:a2", 31, replaces="uuid:a"))
    edits = there.submission_edits("f", "uuid:a")
    assert [(one.edit, one.version_id) for one in edits] == [(0, "uuid:a"), (1, "uuid:a2")]
    texts = [there.submission_xml("f", "uuid:a", one.version_id) for one in edits]
    assert [text and text.split("<age>")[1][:2] for text in texts] == ["30", "31"]


def test_what_is_gone_is_none(there: Central):
    there.publish(form())
    assert there.submission_xml("f", "uuid:none") is None
    assert there.submission_edits("f", "uuid:none") == []
    assert there.entity_list("none") is None


def test_pages_are_followed_to_the_end(there: Central, central_at, monkeypatch):
    monkeypatch.setattr(central, "PAGE", 2)
    version = there.publish(form()).version
    for name in "abcde":
        central_at.submit("f", answer(version, f"uuid:{name}"))
    pages = list(there.submission_pages("f"))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {row["__id"] for page in pages for row in page} == {f"uuid:{name}" for name in "abcde"}


def odata(wire: responses.RequestsMock, page: dict[str, Any]) -> None:
    wire.get("https://central.example.org/v1/projects/1/forms/f.svc/Submissions", json=page)


def test_the_next_page_is_asked_from_the_address_we_know():
    """Behind a proxy Central may name itself otherwise; the token must not go there."""
    link = "http://inside:8383/v1/projects/1/forms/f.svc/Submissions?%24skiptoken=x"
    with responses.RequestsMock() as wire:
        wire.post("https://central.example.org/v1/sessions", json={"token": "t"})
        odata(wire, {"value": [{"__id": "a"}], "@odata.nextLink": link, "@odata.count": 2})
        odata(wire, {"value": [{"__id": "b"}], "@odata.count": 2})
        connection = Central(CentralSettings(password=SecretStr("x")), backoff=0)
        connection._session.log_in()
        assert [row["__id"] for row in connection.submissions_since("f")] == ["a", "b"]
        assert wire.calls[-1].request.url.endswith("?%24skiptoken=x")


def test_a_listing_that_breaks_off_is_not_taken_for_its_end():
    """A cursor on a purged row gives 200 and no rows; one of three submissions would have been lost."""
    link = "https://central.example.org/v1/projects/1/forms/f.svc/Submissions?%24skiptoken=x"
    with responses.RequestsMock() as wire:
        wire.post("https://central.example.org/v1/sessions", json={"token": "t"})
        odata(wire, {"value": [{"__id": "a"}, {"__id": "b"}], "@odata.nextLink": link, "@odata.count": 3})
        odata(wire, {"value": [], "@odata.count": 3})
        connection = Central(CentralSettings(password=SecretStr("x")), backoff=0)
        connection._session.log_in()
        with pytest.raises(CentralUnreachable, match="broke off half-way"):
            list(connection.submissions_since("f"))


def test_what_changed_is_asked_by_all_three_dates_in_utc():
    asked = central._changed_since(datetime.fromisoformat("2026-03-02T15:30:00+07:00"))
    assert asked == (
        "__system/submissionDate ge 2026-03-02T08:30:00.000Z or "
        "__system/updatedAt ge 2026-03-02T08:30:00.000Z or "
        "__system/deletedAt ge 2026-03-02T08:30:00.000Z"
    )
    with pytest.raises(ValueError, match="time zone"):
        central._changed_since(datetime(2026, 3, 2, 8, 30))


# 6: entities


def test_entity_values_are_text(there: Central):
    there.create_entity_list("people", ["n", "x", "none", "yes"])
    values = {"n": 3, "x": 2.0, "none": None, "yes": True}
    there.create_entities("people", [{"uuid": ANA, "label": "17", "data": values}])
    assert there.entities("people")[0]["data"] == {"n": "3", "x": "2", "none": "", "yes": "true"}


def test_creating_entities_twice_makes_them_once(there: Central):
    there.create_entity_list("people", ["n"])
    rows = [{"uuid": ANA, "label": "A", "data": {"n": 1}}, {"uuid": BINH, "label": "B", "data": {"n": 2}}]
    assert there.create_entities("people", rows[:1]) == 1
    assert there.create_entities("people", rows) == 1
    assert there.create_entities("people", rows) == 0
    assert {row["uuid"] for row in there.entities("people")} == {ANA, BINH}


def test_a_lost_answer_to_creating_entities_is_asked_after(there: Central, central_at):
    there.create_entity_list("people", ["n"])
    central_at.standin.faults.drop_reply(where="/entities")
    assert there.create_entities("people", [{"uuid": ANA, "label": "A"}]) == 1
    assert [row["uuid"] for row in there.entities("people")] == [ANA]


def test_an_id_that_central_would_refuse_is_refused_here(there: Central):
    with pytest.raises(ValueError, match="version-4"):
        there.create_entities("people", [{"uuid": str(uuid.UUID(int=1, version=5)), "label": "A"}])


def test_a_lost_answer_to_an_update_is_asked_after(there: Central, central_at):
    there.create_entity_list("people", ["n"])
    there.create_entities("people", [{"uuid": ANA, "label": "A", "data": {"n": 1}}])
    central_at.standin.faults.drop_reply(where="/entities", method="PATCH")
    assert there.update_entity("people", ANA, {"n": 2}, base_version=1) == 2
    assert there.entities("people")[0]["version"] == 2


def test_an_update_on_a_stale_version_is_refused(there: Central):
    there.create_entity_list("people", ["n"])
    there.create_entities("people", [{"uuid": ANA, "label": "A", "data": {"n": 1}}])
    there.update_entity("people", ANA, {"n": 2}, base_version=1)
    with pytest.raises(CentralRejected) as caught:
        there.update_entity("people", ANA, {"n": 3}, base_version=1)
    assert caught.value.code == "409.15"


def test_an_entity_list_grows_by_what_it_lacks(there: Central):
    there.create_entity_list("people", ["a"])
    there.create_entity_list("people", ["a", "b"])
    made = there.entity_list("people")
    assert made is not None
    assert [item["name"] for item in made["properties"]] == ["a", "b"]


# 7: app users


def test_an_app_user_is_made_once_even_when_the_answer_is_lost(there: Central, central_at):
    central_at.standin.faults.drop_reply(where="/app-users")
    made = there.create_app_user("E1")
    assert there.create_app_user("E1") == made
    assert len(there.app_users()) == 1
    assert made["token"]


def test_a_revoked_app_user_gets_a_successor(there: Central):
    first = there.create_app_user("E1")
    there.revoke(first["id"])
    assert [user["token"] for user in there.app_users()] == [None]
    assert there.create_app_user("E1")["id"] != first["id"]


def test_assigning_twice_is_assigning_once(there: Central, central_at):
    there.publish(form())
    user = there.create_app_user("E1")
    there.assign("f", user["id"])
    there.assign("f", user["id"])
    assert len(central_at.call("GET", "~/forms/f/assignments/2")) == 1


def test_the_token_of_a_tablet_is_not_in_the_error_of_revoking_it(there: Central, central_at):
    user = there.create_app_user("E1")
    central_at.standin.faults.refuse(status=500, where="/sessions", method="DELETE")
    with pytest.raises(CentralRejected) as caught:
        there.revoke(user["id"])
    assert user["token"] not in str(caught.value)
