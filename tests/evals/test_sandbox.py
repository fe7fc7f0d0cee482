"""Programs that somebody else wrote: what they may do, what they may not, what is said of them."""

import asyncio
import os
import sys
import textwrap
from pathlib import Path

import pytest

import fourways
from fourways.evals.sandbox import Limits, Outcome, Program, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no sandbox on Windows")
HOME = Path(fourways.__file__).parents[1]


async def became(source: str, *, tests: str = "", entry_point: str = "", **limits: float) -> Outcome:
    program = Program(parts=(("answer", (textwrap.dedent(source),)),), tests=tests, entry_point=entry_point)
    return await run(program, Limits(**{"seconds": 5.0, "memory_mib": 256, **limits}))  # type: ignore[arg-type]


# program, what becomes of it, what is said
PROGRAMS = {
    "it runs": ("print(sum(range(4)))", "passed", ""),
    "a syntax error": ("def f(:\n    pass", "does not compile", "invalid syntax (answer, line 1: def f(:)"),
    "too deep to compile": ("x = " + "-" * 100_000 + "1", "does not compile", "MemoryError"),
    "an exception": ("x = []\nx[1]", "raised", "IndexError: list index out of range (answer, line 2: x[1])"),
    "endless recursion": ("def f():\n    f()\nf()", "raised", "RecursionError"),
    "an exception without words": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "raised",
        "E (answer, line 3: raise E)",
    ),
    "it exits": ("import sys\nsys.exit(3)", "failed", "it exited by itself: 3"),
    "it exits hard": ("import os\nos._exit(0)", "ended", "before its end, by status 0"),
    "it aborts": ("import os\nos.abort()", "ended", "before its end, by SIGABRT"),
    "it asks for input": ("input()", "raised", "EOFError"),
    "a memory bomb": ("x = []\nwhile True:\n    x.append(bytearray(10**6))", "out of memory", "more than 256 MiB"),
    "a great lump of memory": ("x = bytearray(10**10)", "out of memory", "more than 256 MiB"),
    "endless output": ("while True:\n    print('x' * 1000)", "wrote too much", "more than 262144 bytes"),
    "endless complaints": ("import sys\nwhile True:\n    sys.stderr.write('x' * 1000)", "wrote too much", "more than"),
    "a great file": ("open('f', 'wb').write(bytes(10**8))", "raised", "File too large"),
    "many threads": (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(9,)).start()",
        "raised",
        "can't start new thread",
    ),
    "a fork bomb": ("import os\nwhile True:\n    os.fork()", "raised", "os.fork is not allowed here"),
    "another program": ("import subprocess\nsubprocess.run(['ls'])", "raised", "subprocess.Popen is not allowed here"),
    "a shell": ("import os\nos.system('ls')", "raised", "os.system is not allowed here"),
    "beneath subprocess": (
        "import _posixsubprocess\n_posixsubprocess.fork_exec([b'/bin/ls'])",
        "raised",
        "starting a process is not allowed here",
    ),
    "another process image": ("import os\nos.execv('/bin/ls', ['ls'])", "raised", "os.exec is not allowed here"),
    "killing who started it": ("import os\nos.kill(os.getppid(), 9)", "raised", "os.kill is not allowed here"),
    "a socket": ("import socket\nsocket.socket()", "raised", "socket.__new__ is not allowed here"),
    "a connection": (
        "import socket\nsocket.create_connection(('127.0.0.1', 80))",
        "raised",
        "socket.getaddrinfo is not allowed here",
    ),
    "a download": ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1')", "raised", "not allowed here"),
    "foreign functions": ("import ctypes", "raised", "ctypes may not be imported here"),
    "writing elsewhere": ("open('/tmp/evil', 'w')", "raised", "writing '/tmp/evil' is not allowed here"),
    "climbing out": ("open('../evil', 'w')", "raised", "writing '../evil' is not allowed here"),
    "a way out by link": (
        "import os\nos.symlink('/etc', 'etc')\nprint(open('etc/passwd').read())",
        "raised",
        "not allowed here",
    ),
    "removing elsewhere": ("import os\nos.remove('/tmp/evil')", "raised", "os.remove outside its folder"),
    "reading elsewhere": ("open('/etc/passwd').read()", "raised", "reading '/etc/passwd' is not allowed here"),
    "looking around": ("import os\nos.listdir('/etc')", "raised", "os.listdir outside its folder"),
    "our own packages": ("import numpy", "raised", "No module named 'numpy'"),
}


@pytest.mark.parametrize(("source", "kind", "detail"), PROGRAMS.values(), ids=PROGRAMS)
async def test_what_becomes_of_a_program(source, kind, detail):
    outcome = await became(source)
    assert outcome.kind == kind, outcome
    assert detail in outcome.detail
    assert outcome.passed == (kind == "passed")


async def test_an_endless_loop_and_an_endless_sleep_end_with_their_time():
    sources = ("while True: pass", "import time\ntime.sleep(99)", "import signal\nsignal.pause()")
    for outcome in await asyncio.gather(*(became(source, seconds=0.7) for source in sources)):
        assert (outcome.kind, outcome.detail) == ("timed out", "after 0.7 s")
        assert 0.7 <= outcome.seconds < 5


async def test_what_programs_need_works():
    outcome = await became(
        """
        import asyncio, concurrent.futures, dataclasses, json, tempfile, zoneinfo
        from dataclasses import dataclass

        @dataclass
        class Point:
            x: "int"

        async def later():
            await asyncio.sleep(0)
            return Point(1)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            squares = list(pool.map(lambda x: x * x, range(5)))
        with open("notes.txt", "w") as file:
            json.dump(squares, file)
        with open("notes.txt") as file, tempfile.TemporaryFile() as other:
            print(file.read(), asyncio.run(later()), zoneinfo.ZoneInfo("Europe/Berlin"))
        """
    )
    assert outcome.kind == "passed", outcome
    assert outcome.output == "[0, 1, 4, 9, 16] Point(x=1) Europe/Berlin\n"


async def test_the_environment_is_empty_and_the_folder_is_gone_afterwards(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    outcome = await became("import os\nprint(sorted(os.environ), os.listdir(), os.getcwd())")
    environment, files, folder = outcome.output.strip().rsplit(" ", 2)
    assert "OPENAI" not in environment
    assert files == "[]"
    assert folder.startswith("/")
    assert not os.access(folder, os.F_OK)


async def test_tests_decide():
    double = "def double(x):\n    return x + x"
    assert (await became(double, tests="assert double(2) == 4", entry_point="double")).passed
    missed = await became(double, tests="\nassert double(2) == 5")
    assert (missed.kind, missed.detail) == ("failed", "AssertionError (tests, line 2: assert double(2) == 5)")
    lacking = await became("def triple(x): pass", tests="double(2)", entry_point="double")
    assert (lacking.kind, lacking.detail) == ("failed", "it defines no function 'double'")
    raised = await became("def double(x):\n    return x + '1'", tests="double(2)")
    assert (raised.kind, raised.detail[:9]) == ("raised", "TypeError")
    assert "answer, line 2: return x + '1'" in raised.detail
    gone = await became("import sys\ndef double(x): sys.exit(0)", tests="assert double(2) == 4")
    assert (gone.kind, gone.detail) == ("failed", "it exited by itself: 0")
    broken = await became(double, tests="assert double(2) ==")
    assert broken.kind == "broken tests"


async def test_a_program_is_main_only_where_there_are_no_tests():
    source = "if __name__ == '__main__':\n    print('main')"
    assert (await became(source)).output == "main\n"
    assert (await became(source, tests="pass")).output == ""


async def test_the_first_reading_that_compiles_is_run():
    program = Program(parts=(("answer", ("def f(:", "x = 1", "x = 2")),), tests="assert x == 1")
    assert (await run(program)).passed


async def test_a_run_that_is_called_off_leaves_no_process():
    source = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(99)"
    running = asyncio.create_task(became(source, seconds=60))
    children = set[str]()
    while not children:
        await asyncio.sleep(0.02)
        children = _children()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not children & _children()


def _children() -> set[str]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if parent == str(os.getpid()) and state != "Z" and b"fourways.evals.confined" in _command(stat.parent):
            found.add(stat.parent.name)
    return found


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


# ---------------------------------------------------------------- the kernel's walls, without the audit hook

WALLS = """
import os, resource, socket, sys
sys.path.insert(0, {home!r})
from fourways.evals.walls import shut_in
task = dict(memory_bytes=2**29, cpu_seconds=5, file_bytes=2**20, processes=64)
fences = shut_in(task, {folder!r}, ["/usr", "/lib", "/lib64", sys.base_prefix])
print(*fences)
for name, attempt in dict(
    fork=os.fork,
    exec=lambda: os.execv("/bin/ls", ["ls"]),
    socket=socket.socket,
    kill=lambda: os.kill(os.getppid(), 0),
    limit=lambda: resource.setrlimit(resource.RLIMIT_CPU, (4, 5)),
    read=lambda: open("/etc/passwd"),
    list=lambda: os.listdir("/etc"),
    write=lambda: open("/tmp/evil", "w"),
    own=lambda: open({folder!r} + "/mine", "w"),
    pair=socket.socketpair,
).items():
    try:
        attempt()
    except (PermissionError, ValueError):  # resource says ValueError of a call that is refused
        print(name, "refused")
    else:
        print(name, "done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these walls")
async def test_the_kernel_refuses_what_no_audit_hook_sees(tmp_path):
    source = WALLS.format(home=str(HOME), folder=str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", source, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = (stream.decode() for stream in await process.communicate())
    assert process.returncode == 0, err
    fences, *attempts = out.splitlines()
    if {"landlock", "seccomp"} - set(fences.split()):
        pytest.skip(f"this kernel has only: {fences}")
    refused = "fork exec socket kill limit read list write".split()
    assert attempts == [*(f"{name} refused" for name in refused), "own done", "pair done"]
