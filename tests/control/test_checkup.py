"""The doctor names the servers that fourways starts: those that run, and those that cannot."""

import os
from pathlib import Path

from tests.models.test_started import SCRIPT, folder_of

from fourways.control.checkup import examine
from fourways.models.child import Announced, Record, ServerSpec
from fourways.models.kept import KeptServer


async def test_servers_that_run_those_that_ended_and_programs_that_are_not_there(tmp_path: Path) -> None:
    folder_of(tmp_path / "base")
    (tmp_path / "fourways.yaml").write_text(
        "project: p\nproviders: {mine: {dialect: vllm, serve: {model: base, program: [absent/vllm]}}}\n"
    )
    state = tmp_path / ".fourways"
    arguments = ("engine", "--model", "x", "--name", "x", "--announce", "{announce}", "--port", "0")
    server = KeptServer(ServerSpec(name="model-1", command=(*SCRIPT, *arguments)), state)
    at = await server.ready()
    Record(at=Announced(port=1, pid=1), spec="", started=0).write(state / "model-2.json")
    findings = {finding.subject: finding for finding in examine(tmp_path, os.environ)}
    await server.stop()
    assert findings["server model-1"].found == f"up at 127.0.0.1:{at.port}, process {at.pid}"
    assert (findings["server model-2"].level, findings["provider mine"].level) == ("note", "bad")
    assert "providers.mine.serve.program" in findings["provider mine"].mend
