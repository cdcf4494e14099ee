"""What every tablet could download at each push, beside what it should."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tablet_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enumerator", sa.String(), nullable=False),
        sa.Column("entity_list", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("too_much", sa.JSON(), nullable=False),
        sa.Column("too_little", sa.JSON(), nullable=False),
        sa.Column("other", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["enumerator"], ["enumerator.code"], name=op.f("fk_tablet_check_enumerator_enumerator")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_tablet_check_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tablet_check")),
    )
    op.create_index(op.f("ix_tablet_check_enumerator"), "tablet_check", ["enumerator"])


def downgrade() -> None:
    op.drop_table("tablet_check")
