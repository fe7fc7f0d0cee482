"""Every endpoint of the door, in one table: the router, the access rules and the OpenAPI document are made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fourways.store.access import KeyRow
from fourways.store.jobs import JobRow
from fourways.store.traces import TraceRow
from fourways.web import (
    admin,
    feedback,
    files,
    fine_tuning,
    fine_tuning_wire,
    health,
    models_list,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openapi,
    releases,
    vector_stores,
    wire,
)
from fourways.web.asgi import Exchange
from fourways.web.house import House

Handler = Callable[[House, Exchange], Awaitable[None]]


class Access(Enum):
    """Who may call an endpoint."""

    ANYBODY = "anybody"
    KEY = "key"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint.

    Attributes:
        path: with `{name}` where a name stands, `{name...}` at the end where it may hold slashes.
        request, response, query: the types of the bodies and of the query string; None where there is none.
        kind: the answer's media type where it is no JSON.
        status: of a good answer.
    """

    method: str
    path: str
    handle: Handler
    access: Access = Access.KEY
    request: Any = None
    response: Any = None
    query: Any = None
    kind: str = "application/json"
    status: int = 200

    @property
    def summary(self) -> str:
        """What it does: the first line of its handler's docstring."""
        return (self.handle.__doc__ or "").partition("\n")[0].rstrip(".")


def _of(method: str, path: str, handle: Handler, **facts: Any) -> Endpoint:  # noqa: ANN401 - Endpoint's own fields
    return Endpoint(method=method, path=path, handle=handle, **facts)


FILE = "/v1/files/{file_id}"
TUNING, TUNING_JOB = "/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs/{job_id}"
STORE = "/v1/vector_stores/{vector_store_id}"
RELEASE = "/api/releases/{app}/{release}"
ADMIN, ANYBODY = Access.ADMIN, Access.ANYBODY

ENDPOINTS: tuple[Endpoint, ...] = (
    _of(
        "POST",
        "/v1/chat/completions",
        openai_chat.chat_completions,
        request=wire.ChatBody,
        response=wire.ChatCompletion,
    ),
    _of(
        "POST",
        "/v1/completions",
        openai_completions.completions,
        request=openai_completions.CompletionBody,
        response=openai_completions.Completion,
    ),
    _of(
        "POST",
        "/v1/embeddings",
        openai_embeddings.embeddings,
        request=openai_embeddings.EmbeddingBody,
        response=openai_embeddings.EmbeddingList,
    ),
    _of("GET", "/v1/models", models_list.models, response=models_list.ModelList),
    _of("GET", "/v1/models/{model...}", models_list.model, response=models_list.ModelCard),
    _of("GET", "/v1/vector_stores", vector_stores.list_stores, response=vector_stores.StoreList),
    _of("GET", STORE, vector_stores.show_store, response=vector_stores.StoreCard),
    _of(
        "POST",
        f"{STORE}/search",
        vector_stores.search_store,
        request=vector_stores.SearchBody,
        response=vector_stores.SearchPage,
    ),
    _of("POST", "/v1/feedback", feedback.feedback, request=feedback.FeedbackBody, response=feedback.FeedbackReceipt),
    _of("GET", "/v1/files", files.list_files, access=ADMIN, query=files.FileQuery, response=files.FileList),
    _of("POST", "/v1/files", files.create_file, access=ADMIN, request=files.FileForm, response=files.FileCard),
    _of("GET", FILE, files.show_file, access=ADMIN, response=files.FileCard),
    _of("GET", f"{FILE}/content", files.file_content, access=ADMIN, kind="application/octet-stream"),
    _of("DELETE", FILE, files.delete_file, access=ADMIN, response=files.FileDeleted),
    _of(
        "GET",
        TUNING,
        fine_tuning.list_jobs,
        access=ADMIN,
        query=fine_tuning_wire.PageQuery,
        response=fine_tuning_wire.JobList,
    ),
    _of(
        "POST",
        TUNING,
        fine_tuning.create_job,
        access=ADMIN,
        request=fine_tuning_wire.JobBody,
        response=fine_tuning_wire.Job,
    ),
    _of("GET", TUNING_JOB, fine_tuning.show_job, access=ADMIN, response=fine_tuning_wire.Job),
    _of("POST", f"{TUNING_JOB}/cancel", fine_tuning.cancel_job, access=ADMIN, response=fine_tuning_wire.Job),
    _of(
        "GET",
        f"{TUNING_JOB}/events",
        fine_tuning.list_events,
        access=ADMIN,
        query=fine_tuning_wire.PageQuery,
        response=fine_tuning_wire.EventList,
    ),
    _of(
        "GET",
        f"{TUNING_JOB}/checkpoints",
        fine_tuning.list_checkpoints,
        access=ADMIN,
        query=fine_tuning_wire.PageQuery,
        response=fine_tuning_wire.CheckpointList,
    ),
    _of("GET", "/api/keys", admin.list_keys, access=ADMIN, response=admin.KeyList),
    _of("POST", "/api/keys", admin.create_key, access=ADMIN, request=admin.NewKeyBody, response=admin.NewKeyShown),
    _of("DELETE", "/api/keys/{key_id}", admin.revoke_key, access=ADMIN, response=KeyRow),
    _of("GET", "/api/traces", admin.list_traces, access=ADMIN, query=admin.TraceQuery, response=admin.TraceList),
    _of("GET", "/api/traces/{trace_id}", admin.show_trace, access=ADMIN, response=TraceRow),
    _of("GET", "/api/knowledge", admin.list_knowledge, access=ADMIN, response=admin.KnowledgeList),
    _of("POST", "/api/knowledge/{knowledge}/sync", admin.sync_knowledge, access=ADMIN, response=JobRow, status=202),
    _of(
        "GET",
        "/api/releases",
        releases.list_releases,
        access=ADMIN,
        query=releases.AppQuery,
        response=releases.ReleaseList,
    ),
    _of(
        "POST",
        "/api/releases",
        releases.create_release,
        access=ADMIN,
        request=releases.NewReleaseBody,
        response=releases.ReleaseCard,
        status=202,
    ),
    _of(
        "GET",
        "/api/releases/{app}/log",
        releases.release_log,
        access=ADMIN,
        query=releases.LogQuery,
        response=releases.ReleaseLog,
    ),
    _of(
        "GET",
        "/api/releases/{app}/diff",
        releases.diff_releases,
        access=ADMIN,
        query=releases.DiffQuery,
        response=releases.DiffList,
    ),
    _of("GET", RELEASE, releases.show_release, access=ADMIN, response=releases.ReleaseCard),
    *(
        _of(
            "POST",
            f"{RELEASE}/{move}",
            handle,
            access=ADMIN,
            request=releases.ReasonBody,
            response=releases.ReleaseCard,
        )
        for move, handle in releases.MOVES.items()
    ),
    _of("GET", "/health", health.health, access=ANYBODY, response=health.Health),
    _of("GET", "/ready", health.ready, access=ANYBODY, response=health.Readiness),
    _of("GET", "/metrics", health.metrics, access=ANYBODY, kind="text/plain"),
    _of("GET", "/openapi.json", openapi.document, access=ANYBODY),
    _of("GET", "/docs", openapi.page, access=ANYBODY, kind="text/html"),
)
