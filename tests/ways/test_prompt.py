"""Way 1: what stands in the project file reaches the model, and nothing else does."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fourways.core.chat import ChatRequest
from fourways.core.errors import InvalidProject, InvalidRequest
from fourways.models.echo import Echo
from tests.ways.bench import ask, build, workshop


class Seen:
    """An echo that keeps what it was asked."""

    def __init__(self, says: str = "yes") -> None:
        self.says = says
        self.requests: list[ChatRequest] = []
        self.answer = Echo(self._reply)

    def _reply(self, request: ChatRequest) -> str:
        self.requests.append(request)
        return self.says

    @property
    def told(self) -> Sequence[tuple[str, str]]:
        return [(message["role"], message["content"]) for message in self.requests[-1].messages]


def yaml(prompt: str) -> str:
    return f"project: p\napps: {{a: {{ways: {{prompt: {{model: echo, {prompt}}}}}}}}}"


@pytest.fixture
def seen() -> Seen:
    return Seen()


async def test_system_text_and_examples_stand_before_the_question(tmp_path: Path, seen: Seen) -> None:
    text = yaml(
        "system: 'You help {{ company }}.', variables: {company: Acme}, examples: {cases: [{input: a, output: b}]}"
    )
    shop = workshop(tmp_path, text, models={"echo": seen.answer})
    answer = await ask(await build("prompt", shop), shop, "hello")
    assert answer.text == "yes"
    assert seen.told == [("system", "You help Acme."), ("user", "a"), ("assistant", "b"), ("user", "hello")]


async def test_a_request_brings_its_own_variables_and_options(tmp_path: Path, seen: Seen) -> None:
    text = yaml("system: 'In {{ language }}.', variables: {language: English}, options: {temperature: 0, seed: 7}")
    shop = workshop(tmp_path, text, models={"echo": seen.answer})
    await ask(await build("prompt", shop), shop, "hi", variables={"language": "German"}, options={"temperature": 1})
    assert seen.told[0] == ("system", "In German.")
    assert seen.requests[0].options == {"temperature": 1, "seed": 7}


async def test_only_the_nearest_examples_are_shown_nearest_last(tmp_path: Path, seen: Seen) -> None:
    lines = [{"input": text, "output": "."} for text in ("printer paper jam", "vpn", "paper is out")]
    (tmp_path / "shots.jsonl").write_text("\n".join(map(json.dumps, lines)))
    shop = workshop(tmp_path, yaml("examples: {file: shots.jsonl, nearest: 2}"), models={"echo": seen.answer})
    await ask(await build("prompt", shop), shop, "printer has a paper jam")
    assert [content for role, content in seen.told if role == "user"][:2] == ["paper is out", "printer paper jam"]


async def test_an_output_schema_is_sent_as_response_format(tmp_path: Path, seen: Seen) -> None:
    shop = workshop(tmp_path, yaml("output_schema: {type: object, title: ticket}"), models={"echo": seen.answer})
    await ask(await build("prompt", shop), shop, "hi")
    assert seen.requests[0].options["response_format"]["json_schema"]["name"] == "ticket"


async def test_a_prompts_version_is_its_digest(tmp_path: Path) -> None:
    def of(system: str) -> str:
        return yaml(f"system: '{system}'")

    one, same, other = [await build("prompt", workshop(tmp_path, of(text))) for text in ("a", "a", "b")]
    assert one.parts["prompt"]["version"] == same.parts["prompt"]["version"] != other.parts["prompt"]["version"]
    assert one.id == same.id != other.id


@pytest.mark.parametrize(
    ("template", "where"), [("one\n{{ two", "p.j2:2"), ("{% for x in %}", "p.j2:1")], ids=["unclosed", "no list"]
)
async def test_a_broken_template_is_refused_with_its_line(tmp_path: Path, template: str, where: str) -> None:
    (tmp_path / "p.j2").write_text(template)
    with pytest.raises(InvalidProject, match=where):
        await build("prompt", workshop(tmp_path, yaml("template: p.j2")))


async def test_a_broken_example_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text('{"input": "a", "output": "b"}\n{"question": "a"}\n')
    with pytest.raises(InvalidProject, match=r"e\.jsonl:2: is no example"):
        await build("prompt", workshop(tmp_path, yaml("examples: {file: e.jsonl}")))


@pytest.mark.parametrize(
    "system", ["{{ who }}", "{{ ''.__class__.__mro__ }}", "{{ 1 / 0 }}"], ids=["unset", "escape", "sum"]
)
async def test_a_template_that_cannot_be_filled_is_the_requests_error(tmp_path: Path, seen: Seen, system: str) -> None:
    shop = workshop(tmp_path, yaml(f'system: "{system}"'), models={"echo": seen.answer})
    candidate = await build("prompt", shop)
    with pytest.raises(InvalidRequest, match="the prompt cannot be filled"):
        await ask(candidate, shop, "hi")
    assert not seen.requests
