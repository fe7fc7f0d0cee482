"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "audit",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_audit")),
    )
    op.create_table(
        "candidates",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("built_at", sa.Double(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "app", "digest", name=op.f("pk_candidates")),
    )
    op.create_index(
        op.f("ix_candidates_tenant_app_way_built_at"), "candidates", ["tenant", "app", "way", "built_at"], unique=False
    )
    op.create_table(
        "denylist",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("knowledge", sa.String(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "knowledge", "uri", name=op.f("pk_denylist")),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("knowledge", sa.String(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("added_in", sa.Integer(), nullable=False),
        sa.Column("removed_in", sa.Integer(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("recipe", sa.String(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("acl", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("pages", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint(
            "tenant", "knowledge", "uri", "added_in", name=op.f("uq_documents_tenant_knowledge_uri_added_in")
        ),
    )
    op.create_index(
        op.f("ix_documents_tenant_knowledge_removed_in"),
        "documents",
        ["tenant", "knowledge", "removed_in"],
        unique=False,
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("thumb", sa.Integer(), nullable=True),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("correction", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("tenant", "trace_id", "user", name=op.f("uq_feedback_tenant_trace_id_user")),
    )
    op.create_index(op.f("ix_feedback_tenant_created_at"), "feedback", ["tenant", "created_at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_state_created_at"), "jobs", ["state", "created_at"], unique=False)
    op.create_index(op.f("ix_jobs_tenant_created_at"), "jobs", ["tenant", "created_at"], unique=False)
    op.create_index(
        "uq_jobs_active",
        "jobs",
        ["tenant", "kind", "digest"],
        unique=True,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("apps", sa.JSON(), nullable=True),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_keys_hash")),
    )
    op.create_table(
        "knowledges",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("knowledge", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "knowledge", name=op.f("pk_knowledges")),
    )
    op.create_table(
        "revisions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_revisions")),
    )
    op.create_table(
        "snapshots",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("knowledge", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("published_at", sa.Double(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "knowledge", "number", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "traces",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("first_token", sa.Double(), nullable=True),
        sa.Column("app", sa.Text(), nullable=True),
        sa.Column("way", sa.String(), nullable=True),
        sa.Column("candidate", sa.String(), nullable=True),
        sa.Column("release", sa.String(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=True),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "started_at", name=op.f("pk_traces")),
    )
    op.create_index(op.f("ix_traces_tenant_app_started_at"), "traces", ["tenant", "app", "started_at"], unique=False)
    op.create_index(op.f("ix_traces_tenant_started_at"), "traces", ["tenant", "started_at"], unique=False)
    op.create_index(op.f("ix_traces_tenant_user"), "traces", ["tenant", "user"], unique=False)
    op.create_table(
        "vectors",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model", "digest", name=op.f("pk_vectors")),
    )
    op.create_table(
        "passages",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_passages_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "ordinal", name=op.f("pk_passages")),
    )
    op.create_index(op.f("ix_passages_digest"), "passages", ["digest"], unique=False)


def downgrade() -> None:

    op.drop_index(op.f("ix_passages_digest"), table_name="passages")
    op.drop_table("passages")
    op.drop_table("vectors")
    op.drop_index(op.f("ix_traces_tenant_user"), table_name="traces")
    op.drop_index(op.f("ix_traces_tenant_started_at"), table_name="traces")
    op.drop_index(op.f("ix_traces_tenant_app_started_at"), table_name="traces")
    op.drop_table("traces")
    op.drop_table("snapshots")
    op.drop_table("revisions")
    op.drop_table("knowledges")
    op.drop_table("keys")
    op.drop_index(
        "uq_jobs_active",
        table_name="jobs",
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index(op.f("ix_jobs_tenant_created_at"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_state_created_at"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_feedback_tenant_created_at"), table_name="feedback")
    op.drop_table("feedback")
    op.drop_index(op.f("ix_documents_tenant_knowledge_removed_in"), table_name="documents")
    op.drop_table("documents")
    op.drop_table("denylist")
    op.drop_index(op.f("ix_candidates_tenant_app_way_built_at"), table_name="candidates")
    op.drop_table("candidates")
    op.drop_table("audit")
