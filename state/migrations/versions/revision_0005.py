"""Lost runs are found without reading through all that ever were."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("CREATE INDEX runs_lost ON runs (ended_at) WHERE status = 'lost'")
