"""Contents of attached code lists as they were published; they can be added to and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "attached_list"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_attached_list_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attached_list")),
    )
    op.create_index(op.f("ix_attached_list_file"), TABLE, ["file"])
    for statement in GUARDS[op.get_bind().dialect.name](TABLE):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table(TABLE)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {TABLE}_is_kept()")


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
