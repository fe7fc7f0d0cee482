"""The kernel's walls around a process: limits everywhere; namespaces, Landlock and seccomp on Linux.

Runs in the process that shuts itself in. Standard library only; ctypes is imported late and forgotten again, so that
what runs afterwards does not find it.
"""

import os
import platform
import resource
import signal
import stat
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

Libc = Any
"""A `ctypes.CDLL`."""

# ---------------------------------------------------------------- limits


def limit(task: Mapping[str, Any]) -> None:
    """Bound memory, processor seconds, file sizes, open files, processes; no core dumps."""
    bounds = {
        resource.RLIMIT_AS: (task["memory_bytes"], 0),
        resource.RLIMIT_CPU: (task["cpu_seconds"], 1),  # a second between the signal that says why and the last one
        resource.RLIMIT_FSIZE: (task["file_bytes"], 0),
        resource.RLIMIT_NOFILE: (64, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NPROC: (task["processes"], 0),
    }
    for what, (bound, more) in bounds.items():
        hard = resource.getrlimit(what)[1]
        allowed = [one if hard == resource.RLIM_INFINITY else min(one, hard) for one in (bound, bound + more)]
        try:
            resource.setrlimit(what, (allowed[0], allowed[1]))
        except (ValueError, OSError):
            if sys.platform == "linux":  # macOS knows RLIMIT_AS and refuses it
                raise


# ---------------------------------------------------------------- the kernel's fences (Linux)


def namespaces(libc: Libc) -> bool:
    """Move into a network without interfaces, with shared memory of its own; a user namespace makes that allowed."""
    new_user, new_ipc, new_net = 0x10000000, 0x08000000, 0x40000000
    return bool(libc.unshare(new_user | new_ipc | new_net) == 0)


def landlock(libc: Libc, folder: str, readable: Sequence[str]) -> bool:
    """Leave of the file system one folder to write in and a few to read (landlock(7)); no TCP, no signals outside."""
    create, add, restrict = 444, 445, 446
    version = libc.syscall(create, None, 0, 1)
    if version < 1:
        return False
    every = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    network, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)  # noqa: PLR2004 - the interface's versions
    attributes = struct.pack("QQQ", every, network, scopes)[: 24 if scopes else 16 if network else 8]
    ruleset = libc.syscall(create, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    read, of_files = 0b1101, 0b1100000000000111 & every  # execute, read files, list folders; all that a file can have
    rights = dict.fromkeys(readable, read) | {"/dev/null": 0b110, "/dev/urandom": 0b100, folder: every}
    for path, right in rights.items():
        with suppress(OSError):  # what does not exist needs no rule
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = right if stat.S_ISDIR(os.fstat(place).st_mode) else right & of_files
            libc.syscall(add, ruleset, 1, struct.pack("=Qi", allowed, place), 0)
            os.close(place)
    return bool(libc.syscall(restrict, ruleset, 0) == 0)


ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What the kernel calls a machine (AUDIT_ARCH in its audit.h)."""
SYSTEM_CALLS = {
    "x86_64": """clone 56 prlimit64 302 kill 62 tgkill 234 socket 41 connect 42 accept 43 bind 49 listen 50 accept4 288
        fork 57 vfork 58 execve 59 execveat 322 ptrace 101 setrlimit 160 process_vm_readv 310 process_vm_writev 311
        tkill 200 rt_sigqueueinfo 129 rt_tgsigqueueinfo 297 mount 165 umount2 166 chroot 161 pivot_root 155 unshare 272
        setns 308 bpf 321 perf_event_open 298 userfaultfd 323 add_key 248 request_key 249 keyctl 250 init_module 175
        finit_module 313 pidfd_send_signal 424 io_uring_setup 425 pidfd_open 434 pidfd_getfd 438""",
    "aarch64": """clone 220 prlimit64 261 kill 129 tgkill 131 socket 198 connect 203 accept 202 bind 200 listen 201
        accept4 242 execve 221 execveat 281 ptrace 117 setrlimit 164 process_vm_readv 270 process_vm_writev 271
        tkill 130 rt_sigqueueinfo 138 rt_tgsigqueueinfo 240 mount 40 umount2 39 chroot 51 pivot_root 41 unshare 97
        setns 268 bpf 280 perf_event_open 241 userfaultfd 282 add_key 217 request_key 218 keyctl 219 init_module 105
        finit_module 273 pidfd_send_signal 424 io_uring_setup 425 pidfd_open 434 pidfd_getfd 438""",
}
"""The numbers of the calls that are refused, and of the first four, which are looked into (the kernel's unistd.h)."""
LOOKED_INTO = ("clone", "prlimit64", "kill", "tgkill")


def seccomp(libc: Libc, address_of: Callable[[bytes], int]) -> bool:
    """Refuse system calls that open sockets, start processes, or reach into others (seccomp(2)); threads may start."""
    machine = platform.machine()
    if machine not in SYSTEM_CALLS:
        return False
    words = SYSTEM_CALLS[machine].split()
    calls = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    code = b"".join(_filter(ARCHITECTURES[machine], calls, os.getpid()))
    header = struct.pack("HxxxxxxP", len(code) // 8, address_of(code))
    set_seccomp, by_filter = 22, 2
    return bool(libc.prctl(set_seccomp, by_filter, header, 0, 0) == 0)


def _filter(architecture: int, calls: Mapping[str, int], own: int) -> Iterator[bytes]:
    """Write the filter in classic BPF: 8 bytes an instruction (code, jump if so, jump if not, operand)."""
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, refuse, unknown = 0x7FFF0000, 0x80000000, 0x50001, 0x50000 + 38  # EPERM, ENOSYS
    number, of_architecture, first, third, third_high = 0, 4, 16, 32, 36

    def step(operation: int, operand: int, so: int = 0, not_so: int = 0) -> bytes:
        return struct.pack("HBBI", operation, so, not_so, operand)

    yield from (step(load, of_architecture), step(equal, architecture, 1, 0), step(give, kill))
    yield step(load, number)
    yield from (step(at_least, 0x40000000, 0, 1), step(give, refuse))  # x32: the same calls under other numbers
    yield from (step(equal, 435, 0, 1), step(give, unknown))  # clone3 hides its flags; libc then takes clone
    for refused in calls.keys() - set(LOOKED_INTO):
        yield from (step(equal, calls[refused], 0, 1), step(give, refuse))
    yield from (step(equal, calls["clone"], 0, 4), step(load, first))
    yield from (step(any_bit, 0x10000, 1, 0), step(give, refuse), step(give, allow))  # CLONE_THREAD
    for name in ("kill", "tgkill"):  # itself, as abort() does
        yield from (step(equal, calls[name], 0, 4), step(load, first))
        yield from (step(equal, own, 1, 0), step(give, refuse), step(give, allow))
    yield from (step(equal, calls["prlimit64"], 0, 6), step(load, third), step(equal, 0, 0, 2))  # reading limits only
    yield from (step(load, third_high), step(equal, 0, 1, 0), step(give, refuse), step(give, allow))
    yield step(give, allow)


def shut_in(task: Mapping[str, Any], folder: str, readable: Sequence[str]) -> list[str]:
    """Put up the limits, and the fences that this kernel has; return the fences' names."""
    if sys.platform != "linux":
        limit(task)
        return []
    import ctypes

    def address_of(data: bytes) -> int:
        kept.append(ctypes.create_string_buffer(data, len(data)))
        return ctypes.addressof(kept[-1])

    kept: list[Any] = []
    libc: Any = ctypes.CDLL(None, use_errno=True)
    libc.mallopt(-8, 1)  # one arena: each thread would else reserve 64 MiB of the address space that is bounded
    end_with_parent, no_new_privileges = 1, 38
    fences = ["namespaces"] if namespaces(libc) else []
    limit(task)  # now, for processes are counted by namespace; later, seccomp would refuse it
    libc.prctl(end_with_parent, signal.SIGKILL, 0, 0, 0)
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0:
        fences += ["landlock"] if landlock(libc, folder, readable) else []
        fences += ["seccomp"] if seccomp(libc, address_of) else []
    for name in [name for name in sys.modules if name.partition(".")[0] in {"ctypes", "_ctypes"}]:
        del sys.modules[name]
    return fences
