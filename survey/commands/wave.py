"""`survey wave`: the windows of all cases, how they came about, and what another plan would do."""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from survey.commands import AsCsv, AsJson, app_of, now_of, say, show_findings, show_rows, today_of
from survey.errors import SurveyError

if TYPE_CHECKING:
    from instruments.plan import WavePlan, Window
    from survey.app import App
    from survey.waves import Change

wave = typer.Typer(help="Show the windows of waves, plan them anew, or try out a plan.", no_args_is_help=True)

STATES = ("planned", "open", "closed")


@wave.command("list")
def list_windows(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="Only windows that are planned, open or closed.")] = "",
    number: Annotated[int | None, typer.Option("--wave", min=0, help="Only this wave.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the windows of all cases, by case and wave.

    Example: survey wave list --state open --wave 2
    """
    from survey import waves

    if state not in ("", *STATES):
        raise typer.BadParameter(f"choose {', '.join(STATES)}", param_hint="--state")
    with app_of(context).session() as session:
        rows = waves.table(session).to_dict("records")
    shown = [row for row in rows if state in ("", row["state"]) and number in (None, row["wave"])]
    show_rows(shown, as_json=as_json, as_csv=as_csv)
    say(f"{len(shown)} windows.")


@wave.command()
def show(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="Number of the case on the sample list: VN-0317.")],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show every window a case has and had, with reason, and the waves that it does not get.

    Example: survey wave show VN-0317
    """
    from survey import waves

    app = app_of(context)
    with app.session() as session:
        plan, findings = waves.working_plan(session, app.plan, now=now_of(context))
        try:
            rows = waves.history(session, plan, case)
        except LookupError as error:
            raise SurveyError(str(error), cure="look at `survey cases list`") from None
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    show_findings(findings)


@wave.command()
def plan(
    context: typer.Context,
    what_if: Annotated[bool, typer.Option("--what-if", help="Show the work load, keep nothing.")] = False,
    file: Annotated[Path | None, typer.Option("--plan", help="With --what-if: another plan.toml.",
                                              exists=True, dir_okay=False)] = None,
    returned: Annotated[list[str] | None, typer.Option(help="With --what-if: another month of return, "
                                                            "as VN-0317=2026-03. Can be repeated.")] = None,
    weeks: Annotated[int, typer.Option(min=1, help="Weeks of work load ahead.")] = 26,
    by: Annotated[str, typer.Option(help="Parts by which the work load is added up.")] = (
        "week,province,enumerator"
    ),
    case: Annotated[str, typer.Option(help="Only the changes of this case.")] = "",
    commit: Annotated[bool, typer.Option("--commit", help="Adopt the plan and keep the changes.")] = False,
    why: Annotated[str, typer.Option(help="With --commit: the reason, kept with what moves.")] = "",
    who: Annotated[str, typer.Option(help="Who decided it; by default who is logged in.")] = "",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Lay out all windows by the study's plan, and show each that would change before and after.

    Windows that have opened stay. Nothing is kept without --commit; then the plan is adopted, and what was
    before is kept with the reason. --what-if shows cases due, interviews and hours by week, province and
    enumerator, also for a plan or a month of return that is only an idea.

    Example: survey wave plan --what-if --plan drafts/plan.toml --by week,province
    """
    from survey import waves
    from survey.facts import facts
    from survey.replan import replan

    parts = _parts(by)
    _refuse(what_if=what_if, commit=commit, only_tried=bool(file or returned), why=why)
    app = app_of(context)
    tried = _plan_of(app, file)
    with app.session() as session:
        try:
            made = replan(
                session,
                facts(session),
                tried,
                now=now_of(context),
                today=today_of(context, app),
                returned=_returns(returned or ()),
                weeks=weeks,
                who=who or os.environ.get("USER", "operator"),
                why=why,
                rules=app.settings.assignment,
            )
        except LookupError as error:
            raise SurveyError(str(error), cure="look at `survey cases list`") from None
        if commit:
            session.commit()
        else:
            session.rollback()
    rows: list[Any] = [_shown(change) for change in made.changes if case in ("", change.case_id)]
    if what_if:
        rows = waves.compared(made.before, made.after, parts)
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    kinds = {kind: sum(one.kind == kind for one in made.changes) for kind in ("new", "moved", "dropped")}
    counted = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    say(f"{counted}{' and kept' if commit else '; nothing is kept'}.")
    show_findings([found for found in made.findings if found.code not in ("wave.moved", "wave.dropped")])


def _refuse(*, what_if: bool, commit: bool, only_tried: bool, why: str) -> None:
    if what_if and commit:
        raise typer.BadParameter("--what-if keeps nothing; leave out one of them", param_hint="--commit")
    if only_tried and not what_if:
        raise typer.BadParameter(
            "--plan and --returned need --what-if; a plan is kept by naming it in study.plan_file, a return "
            "by `survey correct`",
            param_hint="--what-if",
        )
    if commit and not why.strip():
        raise typer.BadParameter("say why; the reason is kept with what moves", param_hint="--why")


def _parts(by: str) -> list[str]:
    parts = [part.strip() for part in by.split(",")]
    if not set(parts) <= {"week", "province", "enumerator"}:
        raise typer.BadParameter(
            "parts are week, province and enumerator, apart by commas", param_hint="--by"
        )
    return parts


def _plan_of(app: "App", file: Path | None) -> "WavePlan":
    from instruments.plan import PlanError, load_plan

    try:
        if file is None:
            return app.plan
        plan, waves = load_plan(file, app.corridor.iso), app.settings.study.waves
        return plan.first(waves) if waves else plan
    except PlanError as error:
        raise SurveyError(str(error)) from None


def _returns(told: list[str] | tuple[()]) -> Mapping[str, date]:
    found = {}
    for one in told:
        case_id, _, month = one.partition("=")
        try:
            found[case_id] = date.fromisoformat(f"{month}-01")
        except ValueError:
            raise typer.BadParameter(f"{one!r}: write VN-0317=2026-03", param_hint="--returned") from None
    return found


def _shown(change: "Change") -> dict[str, Any]:
    """One change as a row, before and after."""
    return {
        "case_id": change.case_id,
        "wave": change.wave,
        "change": change.kind,
        **_days(change.before, "before"),
        **_days(change.after, "after"),
        "why": change.why or (change.after.why if change.after else ""),
    }


def _days(window: "Window | None", when: str) -> dict[str, Any]:
    names = ("opens", "due", "closes")
    return {f"{name} {when}": getattr(window, name) if window else "" for name in names}
