"""A little fieldwork on the shipped forms, and the way from us and from a tablet to a Central.

`Field` holds cases, a team, published versions and submissions as from tablets. `there` is a Central over a
`line` that can be cut, `tablet` one of its tablets: first of the stand-in, then of a real one; `each_central`
says when.
"""

import select as sockets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import Engine
from sqlmodel import Session, select

from instruments.instrument import Instrument, load
from instruments.plan import load_plan
from survey import cases, store
from survey.cases import Sampled
from survey.central import Central
from survey.facts import facts
from survey.models import FormVersion, Submission
from survey.sandbox.collect import Collect

NOW = datetime(2026, 3, 6, 8, 30, tzinfo=UTC)
FORMS = ("rm_baseline", "rm_followup", "rm_contact")

ANSWERS: dict[str, dict[str, Any]] = {
    "rm_baseline": {
        "today": "2026-03-05", "enum_id": "E1", "wave": 0, "birth_y": 1996, "birth_m": 5, "corridor": "1",
        "scr_adult": 1, "scr_citizen": 1, "scr_lives": 1, "scr_purpose": 1, "elig": 1, "dep_y": 2022,
        "dep_m": 2,
        "ret_y": 2026, "ret_m": 1, "con_part": 1, "con_sens": 1, "con_recon": 1, "sex": 1, "area": 1,
        "atw_pay": 1, "is_emp": 1, "inc_own": 7.5, "int_des": 1, "int_plan": 0, "res_code": 1100,
        "job1_any": 0,
        "full_name": "Lê Văn Tám", "alias": "Tám Lùn", "phone1": "0912345678", "c1_name": "Chị Ba",
        "vill_cur": "Xóm 7",
        "start": "2026-03-05T09:00:00.000+07:00", "end": "2026-03-05T09:41:00.000+07:00", "now_cm": 1515,
    },
    "rm_followup": {
        "today": "2026-04-09", "enum_id": "E1", "wave": 1, "con_part": 1, "con_sens": 1, "cur_loc": 1,
        "di_state": 1,
        "ehc_skip": 1, "atw_pay": 1, "is_emp": 1, "inc_own": 8.0, "int_des": 1, "int_plan": 0,
        "res_code": 1100,
        "now_cm": 1516, "id_ok": 1,
    },
    "rm_contact": {
        "today": "2026-03-05", "enum_id": "E1", "wave": 0, "att_stage": 1, "att_no": 1, "att_mode": 1,
        "att_who": 1,
        "att_res": 1100, "att_time": "2026-03-05T09:50:00.000+07:00", "now_cm": 1515,
    },
}  # fmt: skip
PERIOD = {"sp_beg_y": 2026, "sp_beg_m": 1, "sp_state": 1, "sp_place": 1, "sp_on": 1, "sp_beg_cm": 1513}


class Field:
    """One study in a database, to which answers are sent as if by tablets."""

    def __init__(self, session: Session) -> None:
        self.session, self.seed, self.plan, self.now = session, 7, load_plan(), NOW
        self.forms: dict[str, Instrument] = {form: load(form) for form in FORMS}
        self._sent = len(session.exec(select(Submission.id)).all())
        if session.exec(select(FormVersion.id)).first() is None:
            self._start()

    def _start(self) -> None:
        """A team and published forms."""
        session = self.session
        for code in ("E1", "E2"):
            cases.add_enumerator(session, code, label=f"Interviewer {code}")
        for form, instrument in self.forms.items():
            session.add(
                FormVersion(
                    form_id=form,
                    version=instrument.version,
                    digest=instrument.digest,
                    sheets=instrument.sheets,
                    published_at=NOW,
                )
            )
        session.commit()

    def sample(self, count: int) -> None:
        """Issue the cases VN-0001 and so on."""
        rows = [
            Sampled(
                f"VN-{n:04d}",
                "1",
                f"NA-{n % 2}",
                "rural",
                0.5,
                name=f"Nguyễn Thị {n:03d}",
                phone=f"0988{n:06d}",
            )
            for n in range(1, count + 1)
        ]
        cases.add_cases(self.session, rows, self.plan, seed=self.seed, now=NOW, issued=date(2026, 3, 2))
        self.settle(date(2026, 3, 2))

    def settle(self, today: date) -> None:
        """Bring cases and waves in line with what was sent."""
        cases.settle(self.session, facts(self.session), self.plan, now=NOW, today=today)
        self.session.commit()

    def baseline(self, number: int = 1, **more: Any) -> str:
        """A baseline interview of a case, which makes its entity; the instance id."""
        keys = {"case_id": f"VN-{number:04d}", "panel_id": f"NA{number:06d}"}
        periods = more.pop("ehc", [PERIOD])
        return self.send("rm_baseline", keys | more, repeats={"ehc": periods}, meta=_entity(number))

    def followup(self, number: int = 1, **more: Any) -> str:
        """A follow-up interview of a linked case in wave 1; the instance id."""
        return self.send("rm_followup", {"returnee": entity_of(number), "panel_id": f"NA{number:06d}"} | more)

    def attempt(self, number: int = 1, **more: Any) -> str:
        """A contact attempt at a case of the sample list; the instance id."""
        return self.send("rm_contact", {"case_id": f"VN-{number:04d}"} | more)

    def send(
        self,
        form: str,
        answers: Mapping[str, Any],
        *,
        repeats: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        meta: str = "",
        instance: str = "",
        edit: int = 0,
    ) -> str:
        """Store one submission of a form with its usual answers and these; None leaves one out."""
        self._sent += 1
        instance = instance or f"uuid:{form}-{self._sent:04d}"
        inner = _leaves(ANSWERS[form] | dict(answers))
        for name, rows in (repeats or {}).items():
            inner += "".join(f"<{name}>{_leaves(row)}</{name}>" for row in rows)
        version = self.forms[form].version
        row = Submission(
            form_id=form,
            instance_id=instance,
            edit=edit,
            form_version=version,
            xml=f'<data id="{form}" version="{version}">{inner}{meta}</data>',
            digest=f"{self._sent:064d}",
            submitted_at=NOW + timedelta(minutes=self._sent),
            received_at=NOW,
        )
        store.append(self.session, [row])
        self.session.commit()
        return instance


def entity_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def _entity(number: int) -> str:
    where = 'xmlns:e="http://www.opendatakit.org/xforms/entities"'
    return f'<meta {where}><e:entity dataset="returnee" id="{entity_of(number)}" create="1"/></meta>'


def _leaves(answers: Mapping[str, Any]) -> str:
    told = ((name, value) for name, value in answers.items() if value is not None)
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in told)


@pytest.fixture
def open_field() -> type[Field]:
    """The fieldwork of any session: started if it was not."""
    return Field


@pytest.fixture
def field(engine: Engine) -> Iterator[Field]:
    """A study with a team and published forms, no cases yet."""
    with Session(engine) as session:
        yield Field(session)


class Line:
    """A wire to a server; one that is cut delivers what is asked and loses the answer."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self._there = (there.hostname or "", there.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cuts: list[tuple[bytes, bytes]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, method: str, where: str = "", times: int = 1) -> None:
        """Lose the answers to the next requests of that kind."""
        self.cuts += [(method.encode(), where.encode())] * times

    def close(self) -> None:
        """Nobody connects any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._there) as far, suppress(OSError):
            doomed = False
            while True:
                for end in sockets.select([near, far], [], [])[0]:
                    data = end.recv(65536)
                    if not data or (end is far and doomed):
                        return
                    doomed = doomed or (end is near and self._falls(data))
                    (far if end is near else near).sendall(data)

    def _falls(self, data: bytes) -> bool:
        asked = data.partition(b"\r\n")[0]
        for cut in self.cuts:
            if asked.startswith(cut[0] + b" ") and cut[1] in asked:
                self.cuts.remove(cut)
                return True
        return False


@pytest.fixture
def line(each_central) -> Iterator[Line]:
    wire = Line(each_central.url)
    yield wire
    wire.close()


@pytest.fixture
def there(each_central, line: Line) -> Iterator[Central]:
    """Central as we ask it, over a line that can be cut."""
    settings = each_central.settings.model_copy(update={"url": line.url, "timeout": 30})
    with Central(settings, backoff=0) as connection:
        yield connection


@pytest.fixture
def tablet(each_central, line: Line, tmp_path: Path) -> Iterator[Callable[[str], Collect]]:
    """Makes the tablet that holds a token; its way to Central can be cut as ours can."""
    session = requests.Session()

    def made(token: str) -> Collect:
        base = f"{line.url}/v1/key/{token}/projects/{each_central.project}"
        return Collect(base, tmp_path / f"tablet-{token[:8]}", session=session)

    yield made
    session.close()


@pytest.fixture(scope="session")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Each shipped form on one virtual tablet, with made-up lists, at 9:30 on 14 March 2031."""
    from survey.sandbox.tablet import Tablet
    from survey.sandbox.walks.walking import Walker

    folder, tablet = tmp_path_factory.mktemp("walks"), Tablet()
    when = datetime(2031, 3, 14, 9, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))

    @cache
    def of(form: str) -> Walker:
        return Walker(load(form), folder, tablet, when=when, language="Tiếng Việt (vi)")

    return of
