"""How Alembic reaches the database: over the connection that `survey.store` hands it, never by an address."""

from alembic import context
from sqlalchemy.engine import Connection

from survey.models import metadata


def run(connection: Connection) -> None:
    """Apply what `survey.store` asked for, in one transaction on both databases."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
