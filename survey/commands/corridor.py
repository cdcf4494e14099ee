"""`survey corridor`: the corridors there are, what each changes in the forms, and whether it may."""

from typing import Annotated, Any

import typer

from survey.commands import AsCsv, AsJson, app_if_any, now_of, say, show_findings, show_rows
from survey.commands.opening import corridor_of

corridor = typer.Typer(help="List, show and check corridors: words, lists, places.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name as id-jp or IDN-JPN; by default that of the study.")]


@corridor.command("list")
def list_corridors(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show the corridors there are, with money, languages and how much each replaces.

    Example: survey corridor list
    """
    from instruments.corridor import corridor as read
    from instruments.corridor import corridors

    rows = [
        {
            "corridor": one.name,
            "title": one.title,
            "money": one.money.unit,
            "languages": ", ".join(one.languages),
            "lists": len(one.lists),
            "labels": len(one.labels),
            "places": " ".join(dict.fromkeys(one.places.values())),
            "time_zone": one.time_zone,
        }
        for one in map(read, corridors())
    ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)


@corridor.command()
def show(
    context: typer.Context,
    name: Name = "",
    blackouts: Annotated[bool, typer.Option("--blackouts", help="Show days without visits instead.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show what a corridor has in place of what the forms are written with: lists, labels, places, money.

    With --blackouts: its festivals, months of fasting and harvests, as a plan of waves can take them.

    Example: survey corridor show id-jp
    """
    from instruments.plan.blackouts import read_blackouts
    from instruments.replaced import replaced

    one = corridor_of(context, name)
    rows: list[dict[str, Any]]
    if blackouts:
        spans = read_blackouts(one.folder / "blackouts.csv")
        rows = [{"from": b.first, "to": b.last, "name": b.name, "kind": b.kind} for b in spans]
    else:
        short = _whole if as_json or as_csv else _short
        rows = [
            {"what": each.what, "name": each.name, "before": short(each.before), "here": short(each.here)}
            for each in replaced(one)
        ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{one.name} ({one.title}): {len(rows)} {'blackouts' if blackouts else 'replacements'}.")


@corridor.command()
def check(context: typer.Context, name: Name = "") -> None:
    """Check that a corridor changes lists and labels and nothing else; leaves with 3 when it changes more.

    Every form is compared with the form as it is written. Choice lists without a version are an error too.

    Example: survey corridor check id-jp
    """
    from instruments.comparability.structure import check as checked
    from instruments.editions import unrecorded

    app = app_if_any(context)
    one = corridor_of(context, name)
    found = [*checked(one, app.forms_folder if app else None), *unrecorded()]
    if not found:
        say(f"{one.name} changes lists and labels alone.")
    show_findings(found)


@corridor.command()
def versions(
    context: typer.Context,
    record: Annotated[
        bool, typer.Option("--record", help="Give each list that changed a new version, from today.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the versions of choice lists and of attached lists of places: from when, with which digest.

    --record writes to the package's own list_versions.csv: for those who change its lists.

    Example: survey corridor versions
    """
    from instruments import editions, places

    if record:
        text = editions.recorded(now_of(context).date())
        editions.RECORD.write_text(text, encoding="utf-8", newline="")
        editions.editions.cache_clear()
    rows: list[dict[str, Any]] = [
        {
            "list": one.list_name,
            "version": one.version,
            "from": one.valid_from,
            "to": "",
            "digest": one.sha256[:8],
        }
        for one in editions.editions()
    ]
    rows += [
        {
            "list": one.file,
            "version": one.name,
            "from": one.valid_from or "",
            "to": one.valid_to or "",
            "digest": one.sha256[:8],
        }
        for one in places.code_lists().values()
    ]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    show_findings(editions.unrecorded())


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _whole(text: str) -> str:
    return text
