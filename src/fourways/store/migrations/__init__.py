"""Alembic's migrations, one file each under versions/."""
