"""`survey cases`: the people who are followed, by their numbers: taken in, shown, given out, handed over.

Names and phones come out in one place, `export --contacts`, which writes a file for the field.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from survey.commands import AsCsv, AsJson, DryRun, app_of, now_of, say, show_findings, show_rows, today_of
from survey.errors import SurveyError

if TYPE_CHECKING:
    from sqlmodel import Session

cases = typer.Typer(help="Take in, show, give out and hand over cases.", no_args_is_help=True)

CASE = Annotated[str, typer.Argument(help="Number on the sample list, pseudonym or panel number.")]
WHO = Annotated[str, typer.Option(help="Who decided it.")]
WHY = Annotated[str, typer.Option(help="Why, without naming the person.")]


@cases.command("list")
def list_cases(
    context: typer.Context,
    due: Annotated[bool, typer.Option("--due", help="Only who is to be visited now, and by whom.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show every case with its keys, sample and status, or who is due.

    Example: survey cases list --due --csv
    """
    from dataclasses import asdict

    from survey import cases as held

    app = app_of(context)
    with app.session() as session:
        if due:
            rows = [asdict(item) for item in held.due(session, today_of(context, app))]
        else:
            rows = held.table(session).astype(object).where(lambda f: f.notna(), None).to_dict("records")
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} cases.")


@cases.command()
def show(
    context: typer.Context,
    case: CASE,
    part: Annotated[
        str, typer.Option(help="waves, assignments, handovers, late or changes; all by default.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show one case: where each wave stands, who has it since when and why, and what happens next.

    Example: survey cases show VN-0317
    """
    from dataclasses import asdict

    from survey.card import card

    parts = ("waves", "assignments", "handovers", "late", "changes")
    if part and part not in parts:
        raise typer.BadParameter(f"choose {', '.join(parts)}", param_hint="--part")
    app = app_of(context)
    with app.session() as session:
        seen = asdict(card(session, case, today=today_of(context, app)))
    if as_json:
        show_rows(seen[part] if part else [seen], as_json=True)
        return
    if not part:
        show_rows([{"what": name, "is": value} for name, value in seen["case"].items() if value])
    for name in [part] if part else parts:
        if seen[name]:
            say(f"\n{name}")
            show_rows(seen[name])
    say("")
    typer.echo(f"Next: {seen['next']}")


@cases.command("import")
def import_cases(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Sample list, .xlsx or .csv.", exists=True, dir_okay=False)],
    map_file: Annotated[
        Path | None, typer.Option("--map", help="What its columns mean (TOML).", exists=True, dir_okay=False)
    ] = None,
    sample: Annotated[str, typer.Option(help="Name of the sample, where there is more than one.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Take in a sample list: new cases, whose baseline opens today, and cells that were put right.

    Columns: case_id, name, phone, commune, frame_src, psu_code, stratum, incl_prob, returned (2026-03),
    gender, language, wish. Bad rows and people who stand there twice are findings by row and are left out; a
    second import adds nothing.

    Example: survey cases import sample.xlsx --map sample.toml --dry-run
    """
    from dataclasses import asdict

    from survey.people.phones import COUNTRIES
    from survey.sample import intake
    from survey.sample.mapping import load_map

    app = app_of(context)
    today = today_of(context, app)
    mapping = load_map(map_file) if map_file else None
    country = COUNTRIES.get(app.corridor.origin, "84")
    with app.session() as session:
        read = intake.read_intake(session, file, mapping, sample=sample, issued=today, country=country)
        added = intake.take_in(
            session, read, app.plan, seed=app.seed, now=now_of(context), issued=today, source=file.name
        )
        if not dry_run:
            session.commit()
    hidden = dict.fromkeys(("before", "after"), "(not shown)")
    show_rows([asdict(c) | (hidden if c.variable in intake.HIDDEN else {}) for c in read.changes])
    would = " would be" if dry_run else ""
    counts = f"{added} new cases{would} added, {len(read.changes)} cells{would} put right"
    say(f"{counts}, {read.same} known already.")
    show_findings(read.findings)


@cases.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write: .xlsx or .csv.", dir_okay=False)],
    contacts: Annotated[
        bool, typer.Option("--contacts", help="With names, phones and communes; readable by you alone.")
    ] = False,
    enumerator: Annotated[str, typer.Option(help="Only the cases this enumerator has.")] = "",
) -> None:
    """Write the cases to a file; the paper list of an enumerator with --contacts.

    Example: survey cases export e07.xlsx --enumerator E07 --contacts
    """
    from survey.sample import export as out

    with app_of(context).session() as session:
        rows = out.rows(session, contacts=contacts, enumerator=enumerator)
    out.write(rows, file, private=contacts)
    safe = "; it holds names, keep it safe and delete it after use" if contacts else ""
    say(f"{len(rows)} cases in {file}{safe}.")


@cases.command()
def assign(
    context: typer.Context,
    dry_run: DryRun = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also what was said of everybody.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Give every open case without an enumerator to one, by the rules under [assignment].

    Example: survey cases assign --dry-run --explain
    """
    from survey.people import assignment

    app = app_of(context)
    with app.session() as session:
        chosen = assignment.assign(
            session, today_of(context, app), now=now_of(context), rules=app.settings.assignment
        )
        if not dry_run:
            session.commit()
    rows: list[dict[str, Any]] = []
    for choice in chosen:
        row = {
            "case_id": choice.seat.case_id,
            "wave": choice.seat.wave,
            "enumerator": choice.enumerator or "nobody",
            "why": choice.reason,
        }
        rows.append(row | ({"everybody": _said(choice.weighed)} if explain else {}))
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    given = sum(choice.enumerator is not None for choice in chosen)
    say(f"{given} cases{' would be' if dry_run else ''} given out, {len(chosen) - given} fit nobody.")


@cases.command("hand-over")
def hand_over(
    context: typer.Context,
    case: Annotated[list[str] | None, typer.Argument(help="Numbers of the cases.")] = None,
    former: Annotated[str, typer.Option("--from", help="All cases of this enumerator.")] = "",
    to: Annotated[str, typer.Option(help="Who gets them; by the rules if nobody is named.")] = "",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Say that nothing more comes from the former tablet.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Leave them where they were.")] = False,
    who: WHO = "",
    why: WHY = "",
    dry_run: DryRun = False,
) -> None:
    """Hand cases over: they leave the old list at once, and move when its tablet has sent or on --confirm.

    Example: survey cases hand-over --from E01 --to E02 --who lan --why "on leave"
    """
    from survey.people import handover

    if not who:
        raise typer.BadParameter("say who decides", param_hint="--who")
    if bool(case) == bool(former) or (confirm and cancel):
        raise typer.BadParameter("name cases or --from, and one of --to, --confirm, --cancel")
    app, now = app_of(context), now_of(context)
    act: dict[str, Any] = {"who": who, "why": why, "now": now}
    findings: tuple[Any, ...] = ()
    with app.session() as session:
        ids = _ids(session, case or [])
        if confirm or cancel:
            under_way = handover.on_the_way(session)
            ids = ids or [name for name, step in under_way.items() if step.former == former]
            done = (handover.cancel if cancel else handover.confirm)(session, ids, **act)
        else:
            ids = ids or handover.cases_of(session, former)
            act |= {"former": former or None, "successor": to or None}
            frozen = handover.freeze(session, ids, **act)
            done = list(frozen.cases)
            findings = frozen.findings + tuple(_objections(app, session, frozen.cases, to))
        if not dry_run:
            session.commit()
    verb = "left where they were" if cancel else "released" if confirm else "frozen"
    would = " would be" if dry_run else ""
    say(f"{len(done)} cases{would} {verb}; `survey schedule once waves` takes them on.")
    show_findings(findings)


@cases.command()
def late(
    context: typer.Context,
    instance: Annotated[str, typer.Argument(help="Instance id of a submission; without one, the list.")] = "",
    accept: Annotated[bool, typer.Option("--accept", help="Let it count.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Keep it, and do not let it count.")] = False,
    who: WHO = "",
    why: WHY = "",
    everything: Annotated[bool, typer.Option("--all", help="Also those that were ruled on.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List what former enumerators sent after a hand-over, or rule on one of them.

    Example: survey cases late uuid:2b1c... --accept --who minh --why "done before the leave"
    """
    from dataclasses import asdict

    from survey.answers import late_work
    from survey.people import late as lane

    with app_of(context).session() as session:
        found = late_work(session)
        if not instance:
            rows = [asdict(item) for item in found if everything or not item.verdict]
            show_rows(rows, as_json=as_json, as_csv=as_csv)
            say(f"{sum(not item.verdict for item in found)} wait for a ruling.")
            return
        if accept == reject or not who or not why:
            raise typer.BadParameter("give --accept or --reject, with --who and --why")
        if instance not in {item.instance_id for item in found}:
            raise SurveyError("this is no late work", where=instance, cure="copy it from `survey cases late`")
        lane.rule(session, instance, accept=accept, who=who, why=why, now=now_of(context))
        session.commit()
    say(f"{'Accepted' if accept else 'Rejected'}, and kept.")


def _ids(session: "Session", keys: list[str]) -> list[str]:
    from survey.card import find

    return [find(session, key).case_id for key in keys]


def _objections(app: Any, session: "Session", frozen: tuple[str, ...], to: str) -> list[Any]:
    """What the rules say against the one who was named; a note, since people may know better."""
    from instruments.findings import Finding
    from survey.people.moves import objection

    notes = []
    for case_id in frozen if to else ():
        if said := objection(session, case_id, to, app.settings.assignment):
            message = f"the rules would not have given it to {to} ({said}); it goes there all the same."
            notes.append(Finding("note", "handover.against_rules", case_id, message))
    return notes


def _said(weighed: Any) -> str:
    words = {
        code: said if isinstance(said, str) else "/".join(map(str, said)) for code, said in weighed.items()
    }
    return ", ".join(f"{code} {said}" for code, said in words.items())
