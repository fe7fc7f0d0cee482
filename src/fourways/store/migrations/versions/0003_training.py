"""What is tuned on, and the weights that came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "datasets",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_datasets")),
    )
    op.create_index(op.f("ix_datasets_tenant_definition"), "datasets", ["tenant", "definition"], unique=False)
    op.create_table(
        "dataset_sources",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("knowledge", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "dataset", "kind", "knowledge", "source", name=op.f("pk_dataset_sources")),
    )
    op.create_index(
        op.f("ix_dataset_sources_tenant_kind_source"), "dataset_sources", ["tenant", "kind", "source"], unique=False
    )
    op.create_table(
        "weights",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("recipe", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("run", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "recipe", name=op.f("pk_weights")),
    )
    op.create_index(op.f("ix_weights_tenant_digest"), "weights", ["tenant", "digest"], unique=False)
    op.create_index(op.f("ix_weights_tenant_dataset"), "weights", ["tenant", "dataset"], unique=False)
    op.create_index(op.f("ix_weights_tenant_created_at"), "weights", ["tenant", "created_at"], unique=False)
    op.create_table(
        "files",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_tenant_created_at"), "files", ["tenant", "created_at"], unique=False)
