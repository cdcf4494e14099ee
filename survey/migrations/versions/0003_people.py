"""People in the field: why a case is with whom, hand-overs, late work, changed samples, coupons, households.

What people decided is kept as it was decided: the new tables and `assignment` can only be added to from here
on. An assignment gets a place in the series of its case and wave, so that a case can change hands twice on
one day, and two operators cannot give it away at once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEPT = ("assignment", "case_change", "coupon", "handover_step", "household_link", "late_ruling")
CASE = ("sample", "gender", "language", "wish")
CONTACT = ("commune", "listed_phone")
NUMBERED = """
    UPDATE assignment SET number = (
        SELECT COUNT(*) FROM assignment AS earlier
        WHERE earlier.case_id = assignment.case_id AND earlier.wave = assignment.wave
          AND (earlier.starts_on < assignment.starts_on
               OR (earlier.starts_on = assignment.starts_on AND earlier.id <= assignment.id)))
"""


def upgrade() -> None:
    for table, columns in (("case", CASE), ("contact", CONTACT), ("enumerator", ("areas",))):
        for column in columns:
            op.add_column(table, sa.Column(column, sa.String(), nullable=False, server_default=""))
    op.add_column("enumerator", sa.Column("capacity", sa.Integer(), nullable=True))
    op.execute("UPDATE contact SET listed_phone = phone1")

    with op.batch_alter_table("assignment") as batch:
        batch.add_column(sa.Column("number", sa.Integer(), nullable=False, server_default="1"))
        batch.add_column(sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("made_by", sa.String(), nullable=False, server_default="rules"))
        batch.add_column(sa.Column("why", sa.JSON(), nullable=False, server_default="{}"))
        batch.drop_constraint(op.f("uq_assignment_case_id_wave_starts_on"), type_="unique")
    op.execute(NUMBERED)
    with op.batch_alter_table("assignment") as batch:
        batch.create_unique_constraint(
            op.f("uq_assignment_case_id_wave_number"), ["case_id", "wave", "number"]
        )

    op.create_table(
        "case_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("variable", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_case_change_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_change")),
    )
    op.create_index(op.f("ix_case_change_case_id"), "case_change", ["case_id"])

    op.create_table(
        "coupon",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_coupon_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon")),
        sa.UniqueConstraint("code", name=op.f("uq_coupon_code")),
    )
    op.create_index(op.f("ix_coupon_case_id"), "coupon", ["case_id"])

    op.create_table(
        "handover_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("former", sa.String(), nullable=False),
        sa.Column("successor", sa.String(), nullable=True),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('frozen', 'released', 'moved', 'cancelled')", name=op.f("ck_handover_step_state")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_handover_step_case_id_case")),
        sa.ForeignKeyConstraint(
            ["former"], ["enumerator.code"], name=op.f("fk_handover_step_former_enumerator")
        ),
        sa.ForeignKeyConstraint(
            ["successor"], ["enumerator.code"], name=op.f("fk_handover_step_successor_enumerator")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover_step")),
        sa.UniqueConstraint("case_id", "number", "state", name=op.f("uq_handover_step_case_id_number_state")),
    )
    op.create_index(op.f("ix_handover_step_case_id"), "handover_step", ["case_id"])

    op.create_table(
        "household_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_a", sa.String(), nullable=False),
        sa.Column("case_b", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("case_a < case_b", name=op.f("ck_household_link_order")),
        sa.CheckConstraint("state IN ('linked', 'parted')", name=op.f("ck_household_link_state")),
        sa.ForeignKeyConstraint(["case_a"], ["case.case_id"], name=op.f("fk_household_link_case_a_case")),
        sa.ForeignKeyConstraint(["case_b"], ["case.case_id"], name=op.f("fk_household_link_case_b_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_link")),
    )
    op.create_index(op.f("ix_household_link_case_a"), "household_link", ["case_a"])
    op.create_index(op.f("ix_household_link_case_b"), "household_link", ["case_b"])

    op.create_table(
        "late_ruling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("verdict IN ('accepted', 'rejected')", name=op.f("ck_late_ruling_verdict")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_ruling")),
    )
    op.create_index(op.f("ix_late_ruling_instance_id"), "late_ruling", ["instance_id"])

    for table in KEPT:
        for statement in GUARDS[op.get_bind().dialect.name](table):
            op.execute(statement)


def downgrade() -> None:
    for statement in UNGUARDED[op.get_bind().dialect.name]("assignment"):
        op.execute(statement)
    for table in KEPT[1:]:
        op.drop_table(table)  # its triggers go with it
    if op.get_bind().dialect.name == "postgresql":
        for table in KEPT[1:]:
            op.execute(f"DROP FUNCTION {table}_is_kept()")
    with op.batch_alter_table("assignment") as batch:
        batch.drop_constraint(op.f("uq_assignment_case_id_wave_number"), type_="unique")
    op.execute(
        "DELETE FROM assignment WHERE EXISTS (SELECT 1 FROM assignment AS later "
        "WHERE later.case_id = assignment.case_id AND later.wave = assignment.wave "
        "AND later.starts_on = assignment.starts_on AND later.number > assignment.number)"
    )
    with op.batch_alter_table("assignment") as batch:
        for column in ("number", "made_at", "made_by", "why"):
            batch.drop_column(column)
        batch.create_unique_constraint(
            op.f("uq_assignment_case_id_wave_starts_on"), ["case_id", "wave", "starts_on"]
        )
    for table, columns in (("case", CASE), ("contact", CONTACT), ("enumerator", ("areas", "capacity"))):
        for column in columns:
            op.drop_column(table, column)


def sqlite_guards(table: str) -> list[str]:
    """One trigger against DELETE, one against UPDATE."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    return [
        f"CREATE TRIGGER {table}_{verb} BEFORE {verb.upper()} ON {table} {refuse}"
        for verb in ("delete", "update")
    ]


def postgres_guards(table: str) -> list[str]:
    """The same as one function per table; TRUNCATE is refused as well."""
    return [
        f"""
        CREATE FUNCTION {table}_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_kept()",
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_kept()",
    ]


def sqlite_unguarded(table: str) -> list[str]:
    return [f"DROP TRIGGER {table}_{verb}" for verb in ("delete", "update")]


def postgres_unguarded(table: str) -> list[str]:
    return [
        f"DROP TRIGGER {table}_rows ON {table}",
        f"DROP TRIGGER {table}_truncate ON {table}",
        f"DROP FUNCTION {table}_is_kept()",
    ]


GUARDS = {"sqlite": sqlite_guards, "postgresql": postgres_guards}
UNGUARDED = {"sqlite": sqlite_unguarded, "postgresql": postgres_unguarded}
