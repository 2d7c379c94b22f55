"""The first tables that are upgraded, and not made anew."""

revision = "2"
down_revision = None
lost = ""


def upgrade() -> None:
    """There is nothing before."""


def downgrade() -> None:
    """There is nothing before."""
