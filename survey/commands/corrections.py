"""`survey corrections`: what was corrected, by the team and by the people themselves."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, say, show_rows

HIDDEN = "(identifying: not shown)"


def corrections(
    context: typer.Context,
    instance: Annotated[str, typer.Option(help="Only of this submission: uuid:...")] = "",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List the corrections: those the team recorded, and what people said was wrong in an earlier interview.

    The team's are laid over the answers. What people take back stands beside the earlier answer, with the
    wave and the question in which they said so; nothing is overwritten.

    Example: survey corrections --csv
    """
    from survey.answers import gather
    from survey.corrections import listing
    from survey.retractions import retractions

    with app_of(context).session() as session:
        gathered = gather(session)
        hidden = gathered.codebook.identifying()
        rows = [
            {
                "instance": row.instance_id,
                "variable": row.variable,
                "old": HIDDEN if row.variable.partition("[")[0] in hidden else row.old,
                "new": HIDDEN if row.variable.partition("[")[0] in hidden else row.new,
                "by": row.who,
                "on": row.at.date().isoformat(),
                "why": row.why,
            }
            for row in listing(session)
            if row.redaction_id is None
        ]
        rows += [
            {
                "instance": told.instance_id,
                "variable": told.variable,
                "old": HIDDEN if told.is_identifying else told.old,
                "new": HIDDEN if told.is_identifying else told.new,
                "by": "respondent",
                "on": told.day,
                "why": f"was wrong, said in wave {told.source_wave}: {told.source} of {told.source_instance}",
            }
            for told in retractions(session, gathered)
        ]
    rows = [row for row in rows if instance in ("", row["instance"])]
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} corrections.")
