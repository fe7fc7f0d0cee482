"""An edited project file takes effect in a running server, whole; a bad edit changes nothing and says why."""

import time
from typing import Any

import openai
import pytest
from tests.e2e.processes import ProjectFolder, Server, serving, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("reload")]

SOON = 5.0
"""Seconds within which an edit is in force."""


def say(server: Server, model: str, text: str, **options) -> Any:
    messages = [{"role": "user", "content": text}]
    return server.client().chat.completions.create(model=model, messages=messages, **options)


def test_a_good_edit_is_in_force_at_the_next_answer_and_a_bad_one_never(project: ProjectFolder):
    project.done("ingest")
    question = "Who won the football world cup in 1998?"
    with serving(project, "--no-sync") as server:

        def answer() -> Any:
            return say(server, "helpdesk", question).choices[0].message.content or ""

        before = say(server, "helpdesk", question)
        pinned = f"helpdesk@{before.fourways['candidate'][:12]}"

        project.edit("model: extractive,", 'model: extractive, abstain_text: "No page of ours says so.",')
        wait_until(lambda: "No page of ours" in answer(), "the edit", seconds=SOON)
        assert say(server, pinned, question).choices[0].message.content == before.choices[0].message.content

        good = project.file.read_text(encoding="utf-8")
        project.write("fourways.yaml", good.replace("No page", "Nothing").replace("model: echo", "modle: echo"))
        wait_until(lambda: "did you mean 'model'?" in server.log, "why the edit is not used", seconds=SOON)
        assert "fourways.yaml:9:apps.helpdesk.ways.prompt.modle" in server.log
        assert "No page of ours" in answer()
        assert [line for line in server.trouble() if "edited project file is not used" not in line] == []
        server.forgive("edited project file is not used")

        wrong = good.replace("project: acme\n", "project: acme\nnetwork: none\nserver: {max_body_bytes: 1024}\n")
        project.write("fourways.yaml", wrong.replace("apps:\n", "providers:\n  openai: {api_key: sk-x}\napps:\n"))
        wait_until(lambda: "the project says network: none" in server.log, "why that is not used", seconds=SOON)
        assert say(server, "parrot", "x" * 2000).choices[0].message.content == "x" * 2000

        project.write("fourways.yaml", good.replace("  parrot:", "  sparrow:"))
        wait_until(
            lambda: "sparrow" in [card.id for card in server.client().models.list()], "the new app", seconds=SOON
        )
        with pytest.raises(openai.NotFoundError):
            say(server, "parrot", "x")


def test_new_system_text_reaches_the_model_with_the_next_answer(project: ProjectFolder, heard):
    url, requests = heard
    project.write("prompts/it.j2", "You are the help desk.")
    project.edit(
        "apps:\n",
        f"providers:\n  local: {{dialect: openai, base_url: '{url}', network: internal}}\n"
        "apps:\n  it:\n    ways:\n      prompt: {model: local/m, template: prompts/it.j2}\n",
    )
    with serving(project, "--no-sync") as server:

        def system_text() -> Any:
            say(server, "it", "hello")
            return requests[-1].json["messages"][0]["content"]

        assert system_text() == "You are the help desk."
        project.write("prompts/it.j2", "You are a pirate.")
        wait_until(lambda: system_text() == "You are a pirate.", "the edited template", seconds=SOON)
        project.edit("template: prompts/it.j2", 'system: "You are a poet."')
        wait_until(lambda: system_text() == "You are a poet.", "the new system text", seconds=SOON)


def test_answers_go_on_while_the_file_is_edited(project: ProjectFolder):
    with serving(project, "--no-sync") as server:
        for number in range(8):
            project.write("fourways.yaml", project.file.read_text(encoding="utf-8") + f"# {number}\n")
            until = time.monotonic() + 0.4
            while time.monotonic() < until:
                assert say(server, "parrot", f"still {number}").choices[0].message.content == f"still {number}"
