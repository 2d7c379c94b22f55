"""Tables brought from one version to another, on both databases, by Alembic's operations."""
