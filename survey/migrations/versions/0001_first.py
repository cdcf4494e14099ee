"""The first schema: what is collected, planned, sent, published and released, with its append-only guards.

Rows of `submission`, `submission_event` and `correction` are never deleted. They are changed in one way only:
from not redacted to redacted, when the row then names a tombstone in `redaction`, its payload columns are
blank and every other column is as it was. Tombstones themselves never change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PAYLOAD = {  # what a redaction blanks, and what blank means
    "submission": {"xml": "", "meta": "{}"},
    "submission_event": {"meta": "{}"},
    "correction": {"old": "", "new": "", "why": ""},
    "redaction": {},
}
KEPT = {
    "submission": "id form_id instance_id edit form_version digest submitted_at received_at run_id",
    "submission_event": "id form_id instance_id kind seen_at run_id",
    "correction": "id instance_id variable who at",
}
TABLES = (
    "app_user_token",
    "case",
    "enumerator",
    "redaction",
    "run",
    "assignment",
    "contact",
    "correction",
    "form_version",
    "outbox",
    "planned",
    "release",
    "submission",
    "submission_event",
    "sync_mark",
)


def upgrade() -> None:
    op.create_table(
        "app_user_token",
        sa.Column("app_user_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app_user_id", name=op.f("pk_app_user_token")),
    )
    op.create_table(
        "case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("panel_id", sa.String(), nullable=True),
        sa.Column("entity_uuid", sa.String(), nullable=True),
        sa.Column("track", sa.String(), nullable=True),
        sa.Column("frame_src", sa.String(), nullable=False),
        sa.Column("psu_code", sa.String(), nullable=False),
        sa.Column("stratum", sa.String(), nullable=False),
        sa.Column("incl_prob", sa.Float(), nullable=True),
        sa.Column("recruited_on", sa.Date(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'withdrawn', 'died', 'ineligible', 'duplicate', 'moved_abroad', "
            "'refused', 'lost')",
            name=op.f("ck_case_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("case_id", name=op.f("uq_case_case_id")),
        sa.UniqueConstraint("entity_uuid", name=op.f("uq_case_entity_uuid")),
        sa.UniqueConstraint("panel_id", name=op.f("uq_case_panel_id")),
        sa.UniqueConstraint("person_id", name=op.f("uq_case_person_id")),
    )
    op.create_table(
        "enumerator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("langs", sa.String(), nullable=False),
        sa.Column("gender", sa.String(), nullable=False),
        sa.Column("app_user_id", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enumerator")),
        sa.UniqueConstraint("app_user_id", name=op.f("uq_enumerator_app_user_id")),
        sa.UniqueConstraint("code", name=op.f("uq_enumerator_code")),
    )
    op.create_table(
        "redaction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redaction")),
    )
    op.create_index(op.f("ix_redaction_case_id"), "redaction", ["case_id"])

    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('requested', 'running', 'done', 'failed')", name=op.f("ck_run_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("key", name=op.f("uq_run_key")),
    )
    op.create_index(op.f("ix_run_job"), "run", ["job"])

    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("enumerator", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_assignment_case_id_case")),
        sa.ForeignKeyConstraint(
            ["enumerator"], ["enumerator.code"], name=op.f("fk_assignment_enumerator_enumerator")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint(
            "case_id", "wave", "starts_on", name=op.f("uq_assignment_case_id_wave_starts_on")
        ),
    )
    op.create_index(op.f("ix_assignment_case_id"), "assignment", ["case_id"])
    op.create_index(op.f("ix_assignment_enumerator"), "assignment", ["enumerator"])

    op.create_table(
        "contact",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone1", sa.String(), nullable=False),
        sa.Column("c1_name", sa.String(), nullable=False),
        sa.Column("c1_phone", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_contact_case_id_case")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_contact")),
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("variable", sa.String(), nullable=False),
        sa.Column("old", sa.String(), nullable=False),
        sa.Column("new", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redaction_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["redaction_id"], ["redaction.id"], name=op.f("fk_correction_redaction_id_redaction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index(op.f("ix_correction_instance_id"), "correction", ["instance_id"])

    op.create_table(
        "form_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("sheets", sa.JSON(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_form_version_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_version")),
        sa.UniqueConstraint("form_id", "version", name=op.f("uq_form_version_form_id_version")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'sent', 'confirmed', 'failed')", name=op.f("ck_outbox_state")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_outbox_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(op.f("ix_outbox_case_id"), "outbox", ["case_id"])
    op.create_index(op.f("ix_outbox_state"), "outbox", ["state"])

    op.create_table(
        "planned",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("closes", sa.Date(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('planned', 'open', 'closed')", name=op.f("ck_planned_state")),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_planned_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned")),
        sa.UniqueConstraint("case_id", "wave", name=op.f("uq_planned_case_id_wave")),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_release_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
    )
    op.create_index(op.f("ix_release_digest"), "release", ["digest"])

    op.create_table(
        "submission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("edit", sa.Integer(), nullable=False),
        sa.Column("form_version", sa.String(), nullable=False),
        sa.Column("xml", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("redaction_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["redaction_id"], ["redaction.id"], name=op.f("fk_submission_redaction_id_redaction")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_submission_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "form_id", "instance_id", "digest", name=op.f("uq_submission_form_id_instance_id_digest")
        ),
    )
    op.create_index(op.f("ix_submission_form_id_form_version"), "submission", ["form_id", "form_version"])
    op.create_index(op.f("ix_submission_instance_id"), "submission", ["instance_id"])

    op.create_table(
        "submission_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("redaction_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('review', 'deleted', 'restored', 'late')", name=op.f("ck_submission_event_kind")
        ),
        sa.ForeignKeyConstraint(
            ["redaction_id"], ["redaction.id"], name=op.f("fk_submission_event_redaction_id_redaction")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_submission_event_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_event")),
    )
    op.create_index(
        op.f("ix_submission_event_form_id_instance_id"), "submission_event", ["form_id", "instance_id"]
    )

    op.create_table(
        "sync_mark",
        sa.Column("form_id", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_sync_mark_run_id_run")),
        sa.PrimaryKeyConstraint("form_id", name=op.f("pk_sync_mark")),
    )
    for table in PAYLOAD:
        for statement in GUARDS[op.get_bind().dialect.name](table):
            op.execute(statement)


def downgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    for table in reversed(TABLES):
        op.drop_table(table)
    if postgres:
        for table in PAYLOAD:
            op.execute(f"DROP FUNCTION {table}_is_kept()")


def sqlite_guards(table: str) -> list[str]:
    """One trigger against DELETE, one against every UPDATE that is not a redaction."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    unless = f"WHEN NOT ({redaction(table, 'IS', '')})"
    return [
        f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {unless} {refuse}",
    ]


def postgres_guards(table: str) -> list[str]:
    """The same as one function per table; TRUNCATE is refused as well."""
    return [
        f"""
        CREATE FUNCTION {table}_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF {redaction(table, "IS NOT DISTINCT FROM", "::text")} THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_kept()",
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_kept()",
    ]


def redaction(table: str, same: str, cast: str) -> str:
    """The condition under which an update is a redaction."""
    if not PAYLOAD[table]:
        return "1 = 0"
    claims = [
        "OLD.redaction_id IS NULL",
        "EXISTS (SELECT 1 FROM redaction WHERE redaction.id = NEW.redaction_id)",
        *(f"NEW.{column}{cast} = '{blank}'" for column, blank in PAYLOAD[table].items()),
        *(f"NEW.{column} {same} OLD.{column}" for column in KEPT[table].split()),
    ]
    return " AND ".join(claims)


GUARDS = {"sqlite": sqlite_guards, "postgresql": postgres_guards}
