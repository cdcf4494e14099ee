"""Trace: the walk of one answer, from the row of the form that asked it to the cells it became.

`walk` gives the stages in order, each a title and lines: form text, form version, submission, decoded value,
corrections, case and wave, checks, release, report. It reads the store and the newest release folder and
changes nothing. Answers to identifying questions are not shown. This is the one place where instance ids,
server times and released rows stand side by side; its output is for the team, not for sharing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from sqlmodel import Session, col, select

from analysis.dataset import Dataset
from instruments.codebook import Codebook, Variable
from instruments.instrument import Instrument
from survey import answers, checks, corrections, release, responses, retractions
from survey.corrections import as_text
from survey.models import FormVersion, Submission, SubmissionEvent

HIDDEN = "(identifying: not shown)"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the walk: what it is called and what there is to say, line by line."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is traced: a question in a form version, at a place in one submission; `now` is its name today."""

    submission: Submission
    version: FormVersion
    instrument: Instrument
    variable: Variable
    position: int
    now: str

    @property
    def form(self) -> str:
        return self.submission.form_id

    @property
    def place(self) -> str:
        return f"{self.variable.name}[{self.position}]" if self.position else self.variable.name

    @property
    def where(self) -> str:
        return f"{self.form}/{self.submission.instance_id}/{self.place}"

    def show(self, value: object) -> str:
        return HIDDEN if self.variable.is_identifying else as_text(value) or "(no answer)"


def walk(
    session: Session, instance_id: str, place: str, *, seed: int, releases: Path, reports: Path
) -> list[Stage]:
    """The stages of the answer at `place` (`inc_own`, or `sp_state[2]` in a repeat) of one submission.

    Raises
    ------
    LookupError
        No such submission is stored, its form version is unknown, or it has no such variable.
    """
    answer = _find(session, instance_id, place)
    gathered = answers.gather(session)
    read = responses.read(session, seed=seed, gathered=gathered)
    keys = _keys(read, answer)
    stages = [
        _form_text(answer),
        _form_version(answer),
        _submission(session, answer),
        _decoded(gathered, answer),
        _corrections(session, answer, gathered),
        _case(read, answer, keys),
        _checks(read, answer),
    ]
    return [*stages, *_release(session, answer, keys, releases, reports)]


def to_text(stages: Iterable[Stage]) -> str:
    """The walk as printed: numbered stages, their lines indented."""
    blocks = [
        "\n".join([f"{number}. {stage.name}", *(f"   {line}" for line in stage.lines)])
        for number, stage in enumerate(stages, start=1)
    ]
    return "\n".join(blocks)


def _find(session: Session, instance_id: str, place: str) -> _Answer:
    query = select(Submission).where(Submission.instance_id == instance_id)
    row = session.exec(query.order_by(col(Submission.edit).desc(), col(Submission.id).desc())).first()
    if row is None:
        raise LookupError(f"no submission {instance_id} is stored; run `survey sync`, or check the id")
    known = FormVersion.form_id == row.form_id, FormVersion.version == row.form_version
    version = session.exec(select(FormVersion).where(*known)).first()
    if version is None:
        raise LookupError(f"form {row.form_id} version {row.form_version} was never published from here")
    instrument = Instrument.from_sheets(version.sheets)
    name, _, rest = place.partition("[")
    variable = next((v for v in instrument.variables if v.name == name), None)
    if variable is None:
        raise LookupError(f"form {row.form_id} version {row.form_version} has no variable {name}")
    if variable.repeat and not rest:
        raise LookupError(f"{name} stands in the repeat {variable.repeat}; say which row, as {name}[1]")
    now = answers.renamed(session, row.form_id).get(name, name)
    return _Answer(row, version, instrument, variable, int(rest.rstrip("]") or 0) if rest else 0, now)


def _form_text(answer: _Answer) -> Stage:
    question = answer.instrument.question(answer.variable.name)
    variable = answer.variable
    lines = [f"forms/{answer.form}/survey.csv row {question.row if question else '?'}: {variable.name}"]
    lines.append(f"type {variable.type}" + (f", unit {variable.unit}" if variable.unit else ""))
    lines += [f"label ({language}) {text}" for language, text in variable.label.items() if text]
    if variable.missing:
        lines.append("missing " + ", ".join(f"{code} {why}" for code, why in variable.missing.items()))
    if answer.now != variable.name:
        lines.append(f"called {answer.now} today")
    if variable.sensitivity:
        lines.append(f"sensitivity {variable.sensitivity}")
    return Stage("Form text", tuple(lines))


def _form_version(answer: _Answer) -> Stage:
    row = answer.version
    lines = (
        f"{row.form_id} version {row.version}",
        f"text sha256 {row.digest}",
        f"published {row.published_at.isoformat(timespec='seconds')}" + _by(row.run_id),
    )
    return Stage("Form version", lines)


def _submission(session: Session, answer: _Answer) -> Stage:
    row = answer.submission
    lines = [
        f"instance {row.instance_id}, edit {row.edit}",
        f"sent {row.submitted_at.isoformat(timespec='seconds')}",
        f"received {row.received_at.isoformat(timespec='seconds')}{_by(row.run_id)}",
        f"xml sha256 {row.digest}",
        f"<{answer.variable.name}> {answer.show(_raw(answer))}",
    ]
    happened = select(SubmissionEvent).where(SubmissionEvent.instance_id == row.instance_id)
    for event in session.exec(happened.order_by(col(SubmissionEvent.id))):
        lines.append(f"{event.kind} seen {event.seen_at.isoformat(timespec='seconds')}")
    return Stage("Submission", tuple(lines))


def _raw(answer: _Answer) -> str:
    """The text as it stands in the XML."""
    if answer.submission.redaction_id is not None:
        return "(redacted)"
    root = ElementTree.fromstring(answer.submission.xml)
    homes = [root]
    if answer.variable.repeat:
        rows = [e for e in root.iter() if _local(e) == answer.variable.repeat and not _is_template(e)]
        homes = rows[answer.position - 1 : answer.position]
    found = [e for home in homes for e in home.iter() if _local(e) == answer.variable.name]
    return (found[0].text or "").strip() if found else ""


def _decoded(gathered: answers.Gathered, answer: _Answer) -> Stage:
    """The value of the usable answer (with its corrections), and what decoding noticed about it."""
    typed = gathered.forms.get(answer.form)
    lines = [f"type {answer.variable.type}" + (f", {answer.variable.unit}" if answer.variable.unit else "")]
    found = _cell(typed, answer) if typed else None
    lines.append("not among the usable answers" if found is None else f"value {answer.show(found[0])}")
    if found is not None and not answer.variable.is_identifying and answer.variable.choices:
        lines.append(
            f"which is: {Codebook([answer.variable]).choice_label(answer.variable.name, as_text(found[0]))}"
        )
    instance = f"{answer.form}/{answer.submission.instance_id}"
    lines += [f"{f.level}: {f.message}" for f in gathered.findings if f.where in (answer.where, instance)]
    return Stage("Decoded value, corrections laid over it", tuple(lines))


def _cell(typed: answers.Answers, answer: _Answer) -> tuple[object] | None:
    """The cell in a tuple of one, since the value may itself be missing; None if there is no row for it."""
    frame = typed.repeats.get(answer.variable.repeat) if answer.variable.repeat else typed.frame
    usable = answer.submission.instance_id in set(typed.frame["instance_id"])
    if frame is None or not usable or answer.now not in frame:
        return None
    rows = frame[frame["instance_id"] == answer.submission.instance_id]
    if answer.position:
        rows = rows[rows["position"] == answer.position]
    return (rows[answer.now].iloc[0],) if len(rows) else None


def _corrections(session: Session, answer: _Answer, gathered: answers.Gathered) -> Stage:
    own = [
        row
        for row in corrections.listing(session, answer.submission.instance_id)
        if row.variable in (answer.place, answer.place.replace(answer.variable.name, answer.now, 1))
    ]
    lines = [
        f"{row.at.isoformat(timespec='seconds')} by {row.who}: "
        + ("okay" if row.old == row.new else f"{answer.show(row.old)} to {answer.show(row.new)}")
        for row in own
    ]
    place = (answer.submission.instance_id, answer.place)
    lines += [
        f"{told.day} by the respondent, {told.source} of wave {told.source_wave}: "
        f"{answer.show(told.old)} was wrong, {answer.show(told.new)}; beside it, not over it"
        for told in retractions.retractions(session, gathered)
        if (told.instance_id, told.variable) == place
    ]
    return Stage("Corrections", tuple(lines) or ("none",))


def _keys(read: responses.Responses, answer: _Answer) -> tuple[str, int] | None:
    frame = read.answers[answer.form]
    own = frame[frame["instance_id"] == answer.submission.instance_id]
    return (str(own["person_id"].iloc[0]), int(own["wave"].iloc[0])) if len(own) else None


def _case(read: responses.Responses, answer: _Answer, keys: tuple[str, int] | None) -> Stage:
    if keys:
        return Stage("Case and wave", (f"person {keys[0]}, wave {keys[1]}",))
    why = [q.why for q in read.quarantined if q.instance_id == answer.submission.instance_id]
    return Stage("Case and wave", tuple(f"quarantined: {text}" for text in why) or ("none",))


def _checks(read: responses.Responses, answer: _Answer) -> Stage:
    found = [f for f in checks.run_checks(read, read.codebook) if f.where == answer.where]
    return Stage("Checks", tuple(f"{f.level} {f.code}: {f.message}" for f in found) or ("nothing found",))


def _release(
    session: Session, answer: _Answer, keys: tuple[str, int] | None, releases: Path, reports: Path
) -> Iterator[Stage]:
    """The cells of the newest release that hold the answer or are computed from it; its reports."""
    row = release.latest(session)
    if row is None or not (releases / row.folder / "manifest.json").exists():
        yield Stage("Release", ("none yet; make one with `survey release build`",))
        return
    dataset = Dataset.read(releases / row.folder)
    lines = [f"{row.digest[:12]} made {row.made_at.isoformat(timespec='seconds')}{_by(row.run_id)}"]
    if answer.variable.is_identifying or answer.variable.sensitivity == "free_text":
        lines.append("identifying and free text never enter a release")
    elif keys is None:
        lines.append("the submission is quarantined and in no release")
    else:
        lines += list(_cells(dataset, answer, *keys)) or ["no cell is made from it"]
    yield Stage("Release", tuple(lines))
    made = sorted((reports / row.folder).glob("*.*")) if (reports / row.folder).is_dir() else []
    yield Stage("Reports of this release", tuple(path.name for path in made) or ("none yet",))


def _cells(dataset: Dataset, answer: _Answer, person: str, wave: int) -> Iterator[str]:
    descended = _descended(dataset.codebook, answer.now)
    for name, frame in dataset.frames.items():
        columns = [
            column for column in frame.columns if column in descended and column not in ("wave", "person_id")
        ]
        if not columns:
            continue
        rows = frame[frame["person_id"] == person]
        if "source_wave" in frame or "wave" in frame:
            rows = rows[rows["wave" if "wave" in frame else "source_wave"] == wave]
        if len(rows) == 1:
            yield from (f"{name}.{column} = {as_text(rows[column].iloc[0]) or 'NA'}" for column in columns)
        elif len(rows):
            yield f"{name}: {len(rows)} rows of this person, columns {', '.join(columns)}"


def _descended(codebook: Codebook, name: str) -> set[str]:
    """The variable and every computed one that takes it in, at any remove."""
    found = {name}
    while True:
        more = {v.name for v in codebook.variables if v.frame and found & set(v.inputs)} - found
        if not more:
            return found
        found |= more


def _by(run_id: int | None) -> str:
    return f" by run {run_id}" if run_id is not None else ""


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _is_template(element: ElementTree.Element) -> bool:
    return any(str(name).rpartition("}")[2] == "template" for name in element.attrib)
