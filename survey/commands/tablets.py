"""`survey tablets`: what each tablet could download, beside what it should."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, now_of, say, show_findings, show_rows


def tablets(
    context: typer.Context,
    look: Annotated[
        bool, typer.Option("--look", help="Download every tablet's lists now and compare; changes nothing.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the last comparison of every tablet's lists with what its enumerator should hold.

    Example: survey tablets --look
    """
    from survey.push import shown
    from survey.push.study import look_now

    app = app_of(context)
    if look:
        compared = look_now(app, now=now_of(context))
        rows = [_row(one, "now") for one in compared]
    else:
        with app.session() as session:
            compared = []
            rows = [
                _row(one, f"{one.at.astimezone(app.zone):%Y-%m-%d %H:%M}")
                for one in shown.last_checks(session)
            ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(
        f"{len(rows)} lists of tablets."
        if rows
        else "No tablet was looked at yet; `survey schedule once push` does."
    )
    show_findings([*shown.alarms(compared, mended=False), *shown.differing(compared)])


def _row(one: object, at: str) -> dict[str, object]:
    names = ("enumerator", "entity_list", "expected", "held")
    counted = {
        name.replace("_", " "): len(getattr(one, name)) for name in ("too_much", "too_little", "other")
    }
    reason = getattr(one, "reason", "")
    return {
        "looked": at,
        **{name.replace("_", " "): getattr(one, name) for name in names},
        **counted,
        "": reason,
    }
