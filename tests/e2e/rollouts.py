"""A project whose app's prompt is answered by a persona, and the people who ask it while releases come and go."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import yaml
from tests.e2e.personas import FACTS
from tests.e2e.processes import ProjectFolder, Server, wait_until

PATIENCE = 90.0
USERS = 24
CANARY = {
    "steps": [{"setWeight": 50}, {"analysis": {}}],
    "analysis": {
        "requests": 60,
        "looks": 3,
        "minimum": 20,
        "max_error_increase": 0.25,
        "max_latency_ratio": 2.0,
        "max_thumbs_drop": 0.2,
    },
}


def make(folder: Path, url: str, persona: str = "right", **release: Any) -> ProjectFolder:
    """Write the project; its test cases are what the right persona knows."""
    cases = [{"input": question, "expected_output": answer} for question, answer in FACTS.items()]
    app = {
        "ways": {"prompt": {"model": f"fake/{persona}", "system": "Answer briefly."}},
        "tests": {"cases": cases},
        "release": {
            "approval": "none",
            "gate": [{"metric": "passed", "at_least": 0.9}, {"metric": "errors", "at_most": 0.01}],
            "canary": CANARY,
            **release,
        },
    }
    provider = {"dialect": "openai", "base_url": url, "network": "internal"}
    model = {"targets": [f"fake/{persona}"], "retry": {"attempts": 1}, "breaker": {"failures": 1000}}
    app["ways"]["prompt"]["model"] = "main"  # type: ignore[index]
    plain = {"project": "rollout", "providers": {"fake": provider}, "models": {"main": model}, "apps": {"desk": app}}
    folder.mkdir(parents=True, exist_ok=True)
    project = ProjectFolder(folder=folder)
    project.write("fourways.yaml", yaml.safe_dump(plain, sort_keys=False))
    return project


def use(project: ProjectFolder, old: str, new: str) -> None:
    """Have the app answered by another persona from the next candidate on."""
    project.edit(f"fake/{old}", f"fake/{new}")


def release(project: ProjectFolder) -> str:
    """Make a release of what the project file says; it must pass its gate. Returns its name."""
    ended = project.done("release", "create", "--json", seconds=PATIENCE)
    assert ended.json["standing"]["state"] in {"approved", "canary", "live"}, ended
    return f"r{ended.json['release']['number']}"


def state(project: ProjectFolder, name: str) -> str:
    """Where a release stands."""
    return str(project.done("release", "status", name, "--json").json["standing"]["state"])


@dataclass
class Crowd:
    """People who ask all the while, each as themselves.

    Attributes:
        thumbs: whether they say what they think of an answer.
        served: which releases each user was served, in order, without repetitions.
        failed: errors by the release that should have answered; None where nobody knows.
    """

    server: Server
    thumbs: bool = False
    served: dict[str, list[str | None]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    asked: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def one(self, client: Any) -> None:
        number = next(self._numbers)
        user = f"user-{number % USERS}"
        question = list(FACTS)[number % len(FACTS)]
        messages = [{"role": "user", "content": f"Please: {question}"}]
        try:
            answer = client.chat.completions.create(model="desk", messages=messages, user=user)
        except openai.APIError as error:
            self.failed.append(str(error))
            return
        finally:
            self.asked += 1
        told = answer.fourways
        seen = self.served.setdefault(user, [])
        if not seen or seen[-1] != told.get("release"):
            seen.append(told.get("release"))
        if self.thumbs:
            right = FACTS[question] in answer.choices[0].message.content
            body = {"trace_id": told["trace_id"], "thumb": "up" if right else "down", "user": user}
            self.server.post("/v1/feedback", body)

    def _ask_on(self) -> None:
        client = self.server.client()
        while not self._stop.is_set():
            self.one(client)


@contextmanager
def asking(server: Server, *, thumbs: bool = False, at_once: int = 3) -> Iterator[Crowd]:
    """Let people ask for the block."""
    crowd = Crowd(server=server, thumbs=thumbs)
    with ThreadPoolExecutor(at_once) as pool:
        running = [pool.submit(crowd._ask_on) for _ in range(at_once)]
        try:
            yield crowd
        finally:
            crowd._stop.set()
            for each in running:
                each.result(30)


def until(project: ProjectFolder, name: str, wanted: str) -> None:
    """Wait for a release to stand somewhere; where it came to its end elsewhere, say why at once."""

    def there() -> bool:
        standing = project.done("release", "status", name, "--json").json["standing"]
        over = standing["state"] in {"live", "rolled_back", "rejected", "superseded"} and standing["state"] != wanted
        assert not over, f"{name} was to be {wanted}, and is {standing}"
        return bool(standing["state"] == wanted)

    wait_until(there, f"{name} to be {wanted}", seconds=PATIENCE, every=0.5)
