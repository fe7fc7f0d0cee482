"""`network: none`: no packet leaves, proven by what every process tries and on a machine without a way out."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e import acme
from tests.e2e.processes import ProjectFolder, environment, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("offline")]

WATCHER = '''\
"""Notes every address that Python code of this process turns to; Python imports it by its name at the start."""
import os, sys

WATCHED = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}

def note(event, args):
    if event in WATCHED:
        address = args[0] if event.startswith("socket.get") else args[-1]
        with open(os.environ["SEEN"], "a") as file:
            file.write(f"{event} {address!r}\\n")

sys.addaudithook(note)
'''
HERE = ("'127.0.0.1'", "'::1'", "'localhost'")
OFFLINE = "project: acme\nnetwork: none\n"


def offline(project: ProjectFolder) -> ProjectFolder:
    project.edit("project: acme\n", OFFLINE)
    return project


def work(project: ProjectFolder) -> None:
    """Do a bit of everything: ingest, chat in the terminal, serve, search, answer, embed."""
    project.done("ingest")
    project.done("doctor")
    assert "level minus two" in project.done("chat", "-m", "Where do visitors park?").out
    with serving(project) as server:
        server.synced()
        client = server.client()
        messages = [{"role": "user", "content": "Where do visitors park?"}]
        answer = client.chat.completions.create(model="helpdesk", messages=messages)
        assert "level minus two" in (answer.choices[0].message.content or "")
        assert client.vector_stores.search("handbook", query="printer").data
        assert client.embeddings.create(model="minilm", input="x").data


def test_no_process_turns_to_an_address_outside(tmp_path: Path):
    seen = tmp_path / "seen"
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch/sitecustomize.py").write_text(WATCHER, encoding="utf-8")
    environ = environment(PYTHONPATH=str(tmp_path / "watch"), SEEN=str(seen), OPENAI_API_KEY="sk-must-not-be-used")
    project = offline(acme.make(tmp_path / "acme"))
    project.environ = environ
    work(project)
    tried = set(seen.read_text(encoding="utf-8").splitlines())
    assert any("'127.0.0.1'" in line for line in tried), "the watcher saw nothing"
    assert {line for line in tried if not any(here in line for here in HERE)} == set()


SHUT_OFF = ("unshare", "--net", "--map-root-user")


def can_shut_off() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return (
        subprocess.run([*SHUT_OFF, "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode == 0
    )


INSIDE = '''\
"""Run inside a machine that has nothing but loopback; says how many packets found no way out."""
import json, sys
from pathlib import Path
from tests.e2e.processes import ProjectFolder
from tests.e2e.test_offline import work

def without_a_way() -> int:
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, figures = [line.split() for line in lines if line.startswith("Ip:")]
    return int(dict(zip(names, figures))["OutNoRoutes"])

work(ProjectFolder(folder=Path(sys.argv[1])))
told = without_a_way()
import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except OSError:
    pass
print(json.dumps({"told": told, "after_one_try": without_a_way()}))
'''


def test_everything_works_on_a_machine_without_a_network_and_nothing_looks_for_one(tmp_path: Path):
    """The kernel counts what found no way out: native code (LanceDB, torch) cannot hide as from Python's hooks."""
    if not can_shut_off():
        pytest.skip("this system does not let a process have a network of its own (unshare --net)")
    project = offline(acme.make(tmp_path / "acme"))
    root = Path(__file__).resolve().parents[2]
    shell = 'ip link set lo up && exec "$0" -c "$1" "$2"'
    ended = subprocess.run(
        [*SHUT_OFF, "sh", "-c", shell, sys.executable, INSIDE, str(project.folder)],
        cwd=root,
        env=environment(PYTHONPATH=str(root)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {"told": 0, "after_one_try": 1}


@pytest.mark.parametrize("verb", ["up", "ingest", "chat"])
def test_an_external_provider_is_refused_at_the_start(project: ProjectFolder, verb: str):
    offline(project).edit("apps:\n", "providers:\n  openai: {api_key: sk-x}\napps:\n")
    ended = project.run(verb)
    assert ended.code == 2
    assert "network: none" in ended.err
    assert "openai" in ended.err
    assert "Traceback" not in ended.err


def test_an_external_source_is_refused(project: ProjectFolder):
    offline(project).edit("      - paths: [docs]\n", "      - {type: web, urls: ['https://example.com/']}\n")
    ended = project.run("ingest")
    assert ended.code == 2
    assert "fourways.yaml:6:knowledge.handbook.sources[0]: network is 'none'" in ended.err
    assert "Traceback" not in ended.err
