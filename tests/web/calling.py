"""A call of the door as any HTTP client makes it."""

import json as encoding
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from tests.web.conftest import Running


@dataclass
class Answered:
    status_code: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return encoding.loads(self.text)


def call(
    running: Running,
    method: str,
    path: str,
    key: str = "none",
    *,
    json: Any = None,
    headers: dict[str, str] | None = None,
) -> Answered:
    link = HTTPConnection("127.0.0.1", running.port, timeout=10)
    body = None if json is None else encoding.dumps(json)
    link.request(method, path, body, {"authorization": f"Bearer {key}", **(headers or {})})
    answer = link.getresponse()
    got = Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
    link.close()
    return got
