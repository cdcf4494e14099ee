"""Making Central hold the forms that open waves need: what is here, what is there, what follows; doing it.

`plan_publish` is pure: local forms and the state of Central in, actions out; a dry run prints them. A form is
published when its text is another than the one published last, and with new files when only those differ.
Forms that make an entity list go before those that read it; a list that no form makes is made by us. Every
version that Central holds and that we can build is remembered with its text (`form_version`), so that its
answers decode as they were asked. When a form is open or closed is the matter of `survey.push`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from instruments.comparability import crosswalk, structure
from instruments.comparability.attached import compared, files_of
from instruments.comparability.compare import compare
from instruments.corridor import DEFAULT, Corridor
from instruments.corridor import corridor as read_corridor
from instruments.findings import Finding, has_errors, sort_findings
from instruments.instrument import Instrument, lists, load
from instruments.lint import lint_again
from instruments.translation.stale import demanded
from instruments.xform import BuiltForm, FormError, JavaMissing, build, validate
from survey import attached, cases, store
from survey.central import Central
from survey.central.drafts import digest_of, is_text_of
from survey.errors import FormRefused
from survey.failpoints import passed
from survey.models import FormVersion
from survey.outbox import LISTS

if TYPE_CHECKING:
    from survey.app import App

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Local:
    """A form as it is here: its text and the files it carries."""

    instrument: Instrument
    media: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def form_id(self) -> str:
        """The form's id in Central."""
        return self.instrument.form_id

    @cached_property
    def built(self) -> BuiltForm:
        """What Central is sent; made when it is asked for, since most forms stay as they are."""
        return build(self.instrument)


@dataclass(frozen=True, slots=True)
class RemoteForm:
    """A form as Central holds it: published version ("" for a draft only), digests of its files."""

    version: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remote:
    """Central's forms by id, and its entity lists with their properties."""

    forms: Mapping[str, RemoteForm] = field(default_factory=dict)
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: `kind` is list, publish, files, properties or remember."""

    kind: str
    target: str
    why: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was planned, what came of it (empty for a dry run), and what was noticed."""

    actions: tuple[Action, ...]
    done: tuple[str, ...]
    findings: tuple[Finding, ...]

    def rows(self) -> list[dict[str, str]]:
        """One row per action, for printing."""
        done = [*self.done, *[""] * (len(self.actions) - len(self.done))]
        pairs = zip(self.actions, done, strict=True)
        return [{"action": a.kind, "what": a.target, "why": a.why, "outcome": came} for a, came in pairs]


def publish_forms(
    session: Session,
    central: Central,
    forms: Sequence[str],
    *,
    folder: Path | None,
    corridor: str | Corridor = DEFAULT,
    files: Mapping[str, bytes],
    entity_lists: Mapping[str, Sequence[str]],
    now: datetime,
    run_id: int | None = None,
    dry_run: bool = False,
    approved: Collection[str] = (),
    judge: Callable[[BuiltForm], list[Finding]] = validate,
) -> Outcome:
    """Bring Central's forms up to the text in `folder` (the shipped one if None), or say what it would take.

    Words, choice lists and places are those of the corridor. `files` are the lists that only the study can
    give, and those it has in place of shipped ones; `entity_lists` the properties each list must have.
    `judge` looks at every form that is to go: ODK Validate, unless told otherwise. In the languages of
    `approved` every text has to be approved by a reviewer.

    Raises
    ------
    FormRefused
        A form has findings at error level, among them changes that break comparability with the version
        published last; nothing was sent.
    """
    local, findings = local_forms(forms, folder, files, corridor, approved)
    remote = read_remote(central, local, entity_lists)
    actions = plan_publish(local, remote, known_versions(session), entity_lists)
    sent = {action.target for action in actions if action.kind == "publish"}
    findings += [f for form in local if form.form_id in sent for f in _judged(form, judge)]
    going = {action.target for action in actions if action.kind in ("publish", "files")}
    named = {name: form for name, form in zip(forms, local, strict=True) if form.form_id in going}
    findings += [f for name, form in named.items() for f in broken(session, form, name, folder)]
    _refuse_errors(findings)
    done = () if dry_run else apply(actions, local, central, session, now=now, run_id=run_id)
    if not dry_run:
        _keep_lists(session, local, now=now, run_id=run_id)
    return Outcome(tuple(actions), tuple(done), tuple(sort_findings(findings)))


def publish_study(app: App, *, now: datetime, run_id: int | None = None, dry_run: bool = False) -> Outcome:
    """`publish_forms` for the forms, files and entity lists of this study."""
    with app.session() as session, app.central() as central:
        return publish_forms(
            session,
            central,
            app.settings.study.forms,
            folder=app.forms_folder,
            corridor=app.corridor,
            files=app.lists | cases.lists(session),
            entity_lists=LISTS,
            now=now,
            run_id=run_id,
            dry_run=dry_run,
            approved=app.settings.study.approved_languages,
        )


def broken(session: Session, form: Local, name: str, folder: Path | None) -> list[Finding]:
    """Changes since the version published last that break comparability and that no crosswalk covers.

    Attached code lists are compared as they were published last, by whatever form.
    `name` is that of the form's folder in `folder`, beside which its crosswalk stands.
    """
    last = last_version(session, form.form_id)
    if last is None:
        return []
    rulings, findings = crosswalk.read(crosswalk.path_of(name, folder))
    files = code_lists(form)
    changes = [
        *compare(Instrument.from_sheets(last.sheets), form.instrument),
        *compared(attached.held(session, files), files),
    ]
    open_ = crosswalk.uncovered(changes, rulings, last.published_at.date())
    return findings + crosswalk.to_findings(open_, name, last.version)


def code_lists(form: Local) -> dict[str, bytes]:
    """The attached code lists of a form by file name."""
    return {file: form.media[file] for file in files_of(form.instrument) if file in form.media}


def last_version(session: Session, form_id: str, version: str = "") -> FormVersion | None:
    """The version of a form that was published last, or the one of that name; None if none was."""
    query = select(FormVersion).where(FormVersion.form_id == form_id)
    if version:
        query = query.where(FormVersion.version == version)
    return session.exec(
        query.order_by(col(FormVersion.published_at).desc(), col(FormVersion.id).desc())
    ).first()


def superseded(session: Session, form_id: str, version: str) -> datetime | None:
    """When the version of that name was followed by another; None while it is the newest one."""
    if (one := last_version(session, form_id, version)) is None or not version:
        return None
    query = select(FormVersion).where(FormVersion.form_id == form_id, col(FormVersion.id) > one.id)
    later = session.exec(query.order_by(col(FormVersion.id))).first()
    return later.published_at if later else None


def local_forms(
    forms: Iterable[str],
    folder: Path | None,
    files: Mapping[str, bytes],
    corridor: str | Corridor = DEFAULT,
    approved: Collection[str] = (),
) -> tuple[list[Local], list[Finding]]:
    """The forms of that name, linted and with their files; `FormRefused` when one cannot be used.

    So it is when the corridor changes more than words, lists and places.
    """
    found: list[Local] = []
    where = corridor if isinstance(corridor, Corridor) else read_corridor(corridor)
    findings = [] if where.is_default else structure.check(where, folder)
    for name in forms:
        try:
            instrument = load(name, folder, corridor=where)
            media = {file: _file(file, files) for file in instrument.media}
            linted = list(demanded(instrument, lint_again(instrument), approved))
            findings += linted
            if not has_errors(linted):
                found.append(Local(instrument, media))
        except (FileNotFoundError, ValueError) as error:
            findings.append(Finding("error", "form.unreadable", name, str(error)))
    _refuse_errors(findings)
    return found, findings


def plan_publish(
    local: Sequence[Local],
    remote: Remote,
    known: Collection[tuple[str, str]],
    entity_lists: Mapping[str, Sequence[str]],
) -> list[Action]:
    """What makes Central hold these forms, in the order in which it can be done; nothing when it does.

    `known` are the (form, version) pairs already remembered, `entity_lists` the properties each list must
    have.
    """
    made = {form.instrument.entity_list for form in local}
    used = {name for form in local for name in form.instrument.entity_lists_used}
    absent = sorted((used | set(entity_lists)) - made - set(remote.lists))
    actions = [
        Action("list", name, "no form makes it and Central has none", tuple(entity_lists.get(name, ())))
        for name in absent
    ]
    for form in _makers_first(local):
        actions += _form_actions(form, remote.forms.get(form.form_id), known)
    for name, wanted in entity_lists.items():
        lacking = tuple(item for item in wanted if item not in remote.lists.get(name, frozenset()))
        if lacking and name not in absent:
            actions.append(Action("properties", name, f"it lacks {', '.join(lacking)}", lacking))
    return actions


def apply(
    actions: Iterable[Action],
    local: Sequence[Local],
    central: Central,
    session: Session,
    *,
    now: datetime,
    run_id: int | None = None,
) -> list[str]:
    """Do the actions in order, remembering versions as they are published; what came of each.

    Taking them twice does no harm, so after an error the whole is simply planned and applied again.
    """
    forms = {form.form_id: form for form in local}
    done = []
    for action in actions:
        came = "done"
        if action.kind in ("list", "properties"):
            central.create_entity_list(action.target, action.names)
            passed("publish.listed")
        elif action.kind in ("publish", "files"):
            published = central.publish(forms[action.target].built, forms[action.target].media)
            remember(session, forms[action.target], published.version, now=now, run_id=run_id)
            came = f"{published.outcome} {published.version}"
        elif action.kind == "remember":
            remember(session, forms[action.target], action.names[0], now=now, run_id=run_id)
        log.info("publish.done action=%s what=%s outcome=%s", action.kind, action.target, came)
        done.append(came)
    return done


def read_remote(central: Central, local: Iterable[Local], entity_lists: Iterable[str]) -> Remote:
    """What Central holds of these forms and lists."""
    ours = {form.form_id for form in local}
    forms = {
        row["xmlFormId"]: RemoteForm(
            row["version"] if row["publishedAt"] else "", central.files(row["xmlFormId"])
        )
        for row in central.forms()
        if row["xmlFormId"] in ours
    }
    used = {name for form in local for name in form.instrument.entity_lists_used}
    found = {name: central.entity_list(name) for name in {*used, *entity_lists}}
    properties = {
        name: frozenset(item["name"] for item in row["properties"]) for name, row in found.items() if row
    }
    return Remote(forms, properties)


def known_versions(session: Session) -> set[tuple[str, str]]:
    """Every (form, version) whose text is kept."""
    return {
        (form, version) for form, version in session.exec(select(FormVersion.form_id, FormVersion.version))
    }


def remember(
    session: Session, form: Local, version: str, *, now: datetime, run_id: int | None = None
) -> None:
    """Keep the text of a published version; commits. Nothing happens when it is kept already."""
    store.lock(session)
    if (form.form_id, version) in known_versions(session):
        session.commit()
        return
    session.add(
        FormVersion(
            form_id=form.form_id,
            version=version,
            digest=form.instrument.digest,
            title=form.instrument.title,
            sheets=dict(form.instrument.sheets),
            published_at=now,
            run_id=run_id,
        )
    )
    session.commit()
    passed("publish.remembered")


def _keep_lists(session: Session, local: Iterable[Local], *, now: datetime, run_id: int | None) -> None:
    """Remember the code lists that Central holds now."""
    files = {file: data for form in local for file, data in code_lists(form).items()}
    attached.remember(session, files, now=now, run_id=run_id)
    session.commit()


def _form_actions(form: Local, there: RemoteForm | None, known: Collection[tuple[str, str]]) -> list[Action]:
    version = form.instrument.version
    if there is None or not there.version:
        actions = [Action("publish", form.form_id, f"Central has no version of it, we have {version}")]
    elif not is_text_of(there.version, version):
        actions = [Action("publish", form.form_id, f"Central has {there.version}, we have {version}")]
    elif differing := [n for n, data in form.media.items() if there.files.get(n) != digest_of(data)]:
        actions = [Action("files", form.form_id, f"the same text with other {', '.join(differing)}")]
    elif (form.form_id, there.version) not in known:
        actions = [Action("remember", form.form_id, f"Central has {there.version} already", (there.version,))]
    else:
        actions = []
    return actions


def _makers_first(local: Sequence[Local]) -> list[Local]:
    """Forms in an order in which every entity list is made before a form reads it; otherwise as given."""
    makers = {
        form.instrument.entity_list
        for form in local
        if form.instrument.entity_list not in form.instrument.entity_lists_used
    }
    return sorted(local, key=lambda form: bool(makers & set(form.instrument.entity_lists_used)))


def _file(name: str, files: Mapping[str, bytes]) -> bytes:
    return files[name] if name in files else lists(name)


def _judged(form: Local, judge: Callable[[BuiltForm], list[Finding]]) -> list[Finding]:
    """What building the form and judging what was built have to say."""
    try:
        return judge(form.built)
    except FormError as error:
        return list(error.findings)
    except JavaMissing:
        message = "ODK Validate did not look at it: there is no Java here."
        return [Finding("note", "form.not_validated", form.form_id, message)]


def _refuse_errors(findings: Sequence[Finding]) -> None:
    if has_errors(findings):
        raise FormRefused(
            "a form has faults, nothing was published",
            sort_findings(findings),
            cure="mend what stands at the findings above, then publish again",
        )
