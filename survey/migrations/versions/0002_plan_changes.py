"""Earlier dates of planned windows and the plans a study adopted; both can be added to and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("plan_change", "adopted_plan")


def upgrade() -> None:
    op.create_table(
        "plan_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("opens", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("closes", sa.Date(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("was", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("change IN ('moved', 'dropped')", name=op.f("ck_plan_change_change")),
        sa.ForeignKeyConstraint(["case_id"], ["case.case_id"], name=op.f("fk_plan_change_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_change")),
    )
    op.create_index(op.f("ix_plan_change_case_id"), "plan_change", ["case_id"])
    op.create_table(
        "adopted_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adopted_plan")),
    )
    for table in TABLES:
        for statement in GUARDS[op.get_bind().dialect.name](table):
            op.execute(statement)


def downgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    for table in TABLES:
        op.drop_table(table)
        if postgres:
            op.execute(f"DROP FUNCTION {table}_is_kept()")


def sqlite_guards(table: str) -> list[str]:
    """One trigger against DELETE and one against UPDATE."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    return [
        f"CREATE TRIGGER {table}_{what.lower()} BEFORE {what} ON {table} {refuse}"
        for what in ("DELETE", "UPDATE")
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


GUARDS = {"sqlite": sqlite_guards, "postgresql": postgres_guards}
