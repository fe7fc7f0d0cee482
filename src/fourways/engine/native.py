"""The Llama family in C++, made for the processor it runs on: compiled once, with the machine's own compiler."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from fourways.core.errors import Unavailable
from fourways.engine.adapters import MODULES, Pair
from fourways.engine.decoders import Logits, Rows
from fourways.engine.folders import cache_folder
from fourways.engine.llama import Weights
from fourways.engine.pace import Pace
from fourways.engine.shapes import Shape

if TYPE_CHECKING:
    from fourways.engine.adapters import Adapter

SOURCES = Path(__file__).parent / "native"
FLAGS = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-pthread")
LANES = 16
"""What a head's width must be a multiple of."""
ROWS = 768
"""Tokens read in one pass at most."""
PARTS = ("qkv", "out", "gate_up", "down")
_HEAD = 4


class _Shape(ctypes.Structure):
    _fields_: ClassVar = [
        *((name, ctypes.c_int) for name in ("vocabulary", "width", "layers", "heads", "keys", "head", "hidden")),
        *((name, ctypes.c_int) for name in ("window", "slots", "threads", "rows", "halves")),
        ("epsilon", ctypes.c_float),
    ]


def built() -> Path:
    """Return the library, compiled now if it was not before.

    It lies in the user's cache under a digest of sources, compiler and processor.

    Raises:
        Unavailable: there is no compiler, or it fails.
    """
    compiler = next(
        (
            found
            for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++")
            if name and (found := shutil.which(name))
        ),
        None,
    )
    if compiler is None:
        raise Unavailable("there is no C++ compiler here; install g++ or clang++, or go on with torch")
    sources = sorted(SOURCES.iterdir())
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout  # noqa: S603 - as found
    parts = [*(path.read_bytes() for path in sources), *map(str.encode, FLAGS), version, _processor().encode()]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
    cache = cache_folder()
    library = cache / f"{digest}.so"
    if not library.is_file():
        unfinished = cache / f"{digest}.{os.getpid()}.so"
        command = [compiler, *FLAGS, str(SOURCES / "decoder.cpp"), "-o", str(unfinished)]
        done = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603 - our own source
        if done.returncode:
            raise Unavailable(f"{compiler} could not compile the decoder: {done.stderr.strip()[-400:]}")
        unfinished.replace(library)
    return library


def _processor() -> str:
    """Name what `-march=native` goes by, so that a cache on a shared disk serves no other machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine())


def covers(shape: Shape) -> bool:
    """Whether the library computes a model of this shape."""
    return shape.head % LANES == 0 and shape.heads % shape.keys == 0


class NativeDecoder:
    """See `Decoder`. What a row gives does not depend, to the last bit, on which others are read with it.

    Args:
        weights: in float32 or bfloat16; not needed any more afterwards.
        threads: cores.
    """

    reuses = True

    def __init__(
        self,
        weights: Weights,
        *,
        slots: int,
        window: int,
        threads: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        shape = weights.shape
        halves = weights.dtype == torch.bfloat16
        self.vocabulary, self.window, self.slots, self._shape = shape.vocabulary, window, slots, shape
        path = built()
        self._library = _open(path)
        self._embedding = weights.embedding.contiguous()
        measures = _Shape(
            *(shape.vocabulary, shape.width, shape.layers, shape.heads, shape.keys, shape.head, shape.hidden),
            *(window, slots, threads, ROWS, int(halves), shape.epsilon),
        )
        self._own = self._library.fourways_new(
            ctypes.byref(measures), _at(weights.cos), _at(weights.sin), _at(self._embedding), _at(weights.norm)
        )
        for at, layer in enumerate(weights.layers):
            for part, name in enumerate(PARTS):
                self._library.fourways_matrix(self._own, at, part, _at(layer[name]), *layer[name].shape)
            bias = layer.get("bias")
            self._library.fourways_norms(
                self._own,
                at,
                _at(layer["before"]),
                _at(layer["between"]),
                bias is not None and _at(bias),
                len(bias if bias is not None else ()),
            )
        self._library.fourways_matrix(self._own, 0, _HEAD, _at(weights.head), *weights.head.shape)
        tiles = ", in AMX tiles" if self._library.fourways_tiles(self._own) else ""
        self.name = f"native, {'bfloat16' if halves else 'float32'}{tiles}"
        self.build = path.stem
        self._numbers, self._clock, self._pace = count(), clock, Pace(helpers=threads - 1)

    def forward(self, rows: Rows) -> Logits:
        """Read the rows; returns the wanted ones' logits."""
        out = np.empty((len(rows.wanted), self.vocabulary), np.float32)
        lists = [_ints(one) for one in (rows.tokens, rows.slots, rows.positions, rows.adapters, rows.wanted)]
        tokens, slots, positions, adapters, wanted = (one.ctypes.data for one in lists)
        if len(rows.tokens) > ROWS:
            raise ValueError(f"{len(rows.tokens)} rows; {ROWS} at most")
        helped = self._pace.helped(len(rows.tokens))
        start = self._clock()
        self._library.fourways_forward(
            self._own,
            len(rows.tokens),
            tokens,
            slots,
            positions,
            adapters,
            len(rows.wanted),
            wanted,
            out.ctypes.data,
            helped,
        )
        self._pace.took(self._clock() - start)
        return out

    def keep(self, slot: int, length: int) -> None:
        """Nothing to do: what lies behind a slot's length is written over before it is read."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy keys and values."""
        self._library.fourways_copy(self._own, source, target, length)

    def load(self, adapter: "Adapter") -> int:
        """Take an adapter in."""
        number = next(self._numbers)
        self._library.fourways_adapter(self._own, number, 0, 0, 0, 0, 0, None, None)
        for (layer, module), pair in adapter.pairs.items():
            self._load(number, layer, MODULES.index(module), pair)
        return number

    def _load(self, number: int, layer: int, module: int, pair: Pair) -> None:
        down, up = pair.down.contiguous(), pair.up.T.contiguous()
        rank, inputs = down.shape
        self._library.fourways_adapter(self._own, number, layer, module, rank, inputs, up.shape[1], _at(down), _at(up))

    def unload(self, number: int) -> None:
        """Let an adapter go."""
        self._library.fourways_forget(self._own, number)

    def __del__(self) -> None:
        if getattr(self, "_own", None):
            self._library.fourways_free(self._own)


def _open(path: Path) -> Any:  # noqa: ANN401 - a library's functions have no types
    library = ctypes.CDLL(str(path))
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures: Mapping[str, Sequence[Any]] = {
        "new": (pointer, pointer, pointer, pointer, pointer),
        "free": (pointer,),
        "tiles": (pointer,),
        "matrix": (pointer, number, number, pointer, number, number),
        "norms": (pointer, number, pointer, pointer, pointer, number),
        "adapter": (pointer, number, number, number, number, number, number, pointer, pointer),
        "forget": (pointer, number),
        "copy": (pointer, number, number, number),
        "forward": (pointer, number, pointer, pointer, pointer, pointer, number, pointer, pointer, number),
    }
    for name, arguments in signatures.items():
        function = getattr(library, f"fourways_{name}")
        function.argtypes, function.restype = arguments, None
    library.fourways_new.restype, library.fourways_tiles.restype = pointer, number
    return library


def _at(tensor: torch.Tensor) -> int:
    assert tensor.is_contiguous()  # noqa: S101 - the library reads them as they lie
    return tensor.data_ptr()


def _ints(values: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array(values, np.int32)
