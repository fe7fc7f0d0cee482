"""`python -m fourways.engine`: load a model, serve it, say where, and end when told to or when the parent ends."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server

from fourways.core.errors import FourwaysError, InvalidRequest, Unavailable
from fourways.engine.app import HANDLERS, App
from fourways.engine.lifeline import watch_parent
from fourways.engine.service import Engine, Loaded, Settings
from fourways.models.folders import is_reader

if TYPE_CHECKING:
    from fourways.engine.chat_service import ChatEngine, LoadedModel
    from fourways.engine.opening import Options
    from fourways.engine.span_service import ReaderEngine
    from fourways.engine.spans import LoadedReader

    Served = Engine | ChatEngine | ReaderEngine

GRACE = 30
"""Seconds that requests under way get to finish after SIGTERM."""
WORKERS = 8
"""Threads at most of an embedding model, unless more are asked for."""
SWITCH = 0.0005
"""Seconds that the event loop may keep the interpreter while the model's thread waits for it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the engine until it is stopped; returns the exit code: 0 stopped, 1 could not start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    # Each worker is one core's: libraries that spread one product over all cores lose more than they gain.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        asyncio.run(_serve(options))
    except FourwaysError as error:
        sys.stderr.write(f"fourways.engine: {error.message}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fourways.engine", description=__doc__)
    add = parser.add_argument
    add("--embedding", default="minilm", help="minilm, or a folder of a sentence-transformers model")
    add("--rerank", metavar="FOLDER", help="a cross-encoder; without one, rerank goes by cosine")
    add(
        "--model",
        type=Path,
        metavar="FOLDER",
        help="a causal model, or a span reader, in transformers' format: serve that, and no embeddings",
    )
    add("--adapter", action="append", default=[], metavar="NAME=FOLDER", help="a LoRA adapter on --model; repeatable")
    add("--name", help="the name it answers to; the model's own where not given")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--uds", metavar="PATH", help="a Unix socket instead of host and port")
    add("--announce", type=Path, metavar="FILE", help="written once the port is open: pid, host, port, instance")
    add("--instance", default=None, help="the id /health answers with; random where not given")
    add("--dtype", default="auto", choices=("auto", "float32", "bfloat16"))
    add("--threads", type=int, help="cores; with an embedding model or a reader, packs computed at a time")
    add("--pack-tokens", type=int, default=512, help="tokens in a pack: what a question may have to wait for")
    add("--queue-tokens", type=int, default=400_000, help="tokens that may wait before 503")
    add("--slots", type=int, default=16, help="sequences generated at once (--model)")
    add("--max-model-len", type=int, help="tokens of a sequence at most; the model's window where not given (--model)")
    add(
        "--decoder", default="auto", choices=("auto", "native", "torch", "transformers"), help="what computes (--model)"
    )
    add("--no-probe", action="store_true", help="do not compare with transformers at start (--model)")
    add("--queue", type=int, default=256, help="sequences, or a reader's requests, that may wait before 503 (--model)")
    add("--detach", action="store_true", help="go on when the parent ends")
    add("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    return parser


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


async def _serve(options: argparse.Namespace) -> None:
    options.instance = options.instance or os.urandom(8).hex()
    if options.model and is_reader(options.model):
        from fourways.engine.span_app import READER_HANDLERS

        reader = _reader_engine(options)
        await _run(options, reader, App(reader, READER_HANDLERS))
    elif options.model:
        from fourways.engine.chat_app import CHAT_HANDLERS

        chat = _chat_engine(options)
        await _run(options, chat, App(chat, CHAT_HANDLERS))
    else:
        engine = _embedding_engine(options)
        await _run(options, engine, App(engine, HANDLERS))


def _embedding_engine(options: argparse.Namespace) -> Engine:
    settings = Settings(
        model=options.name or Path(options.embedding).name,
        instance=options.instance,
        workers=max(1, options.threads or min(WORKERS, _cores())),
        pack_tokens=options.pack_tokens,
        queue_tokens=options.queue_tokens,
    )
    return Engine(settings, lambda: _load(options))


def _chat_engine(options: argparse.Namespace) -> "ChatEngine":
    from fourways.engine.chat_service import ChatEngine, ChatSettings

    sys.setswitchinterval(SWITCH)
    pairs = [given.partition("=") for given in options.adapter]
    if any(not (name and folder) for name, _, folder in pairs):
        raise InvalidRequest("--adapter takes NAME=FOLDER")
    settings = ChatSettings(
        model=options.name or options.model.resolve().name,
        instance=options.instance,
        adapters=tuple((name, Path(folder)) for name, _, folder in pairs),
        queue=options.queue,
    )
    return ChatEngine(settings, lambda: _load_model(options))


def _reader_engine(options: argparse.Namespace) -> "ReaderEngine":
    from fourways.engine.span_service import ReaderEngine, ReaderSettings

    if options.adapter:
        raise InvalidRequest(f"--adapter goes with a causal model; {options.model} is a reader: leave it out")
    settings = ReaderSettings(
        model=options.name or options.model.resolve().name,
        instance=options.instance,
        workers=max(1, options.threads or min(WORKERS, _cores())),
        pack_tokens=options.pack_tokens,
        queue_tokens=options.queue_tokens,
        queue=options.queue,
    )
    return ReaderEngine(settings, lambda: _load_reader(options))


async def _run(options: argparse.Namespace, engine: "Served", app: App[Any]) -> None:
    """Load and serve until told to stop."""
    listener = _listen(options)
    server = Server(
        Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=75,
        )
    )
    if not options.detach:
        watch_parent(lambda: _end(server))
    # uvicorn drains at SIGTERM and then raises it again: by then there is nothing left to do but end as asked.
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    loading = asyncio.create_task(_load_into(engine, server))
    _announce(options, engine.settings.model, listener)
    try:
        await server.serve(sockets=[listener])
        await loading
    finally:
        _forget(options)
        engine.close()


async def _load_into(engine: "Served", server: Server) -> None:
    """Load the models; an engine that cannot is stopped, and its error goes up."""
    try:
        await engine.load()
    except BaseException:
        server.should_exit = True
        raise


def _check_installed() -> None:
    try:
        import safetensors  # noqa: F401 - only asked whether it is there
        import tokenizers  # noqa: F401 - the same
        import torch  # noqa: F401 - the same
    except ImportError as error:
        msg = f"{error.name} is not installed; the engine needs: pip install 'fourways[engine]'"
        raise Unavailable(msg) from error


def _load(options: argparse.Namespace) -> Loaded:
    _check_installed()
    import torch

    torch.set_num_threads(1)
    from fourways.engine.encoders import CrossEncoder, open_encoder

    return Loaded(
        encoder=open_encoder(options.embedding, options.dtype),
        reranker=CrossEncoder(Path(options.rerank), options.dtype) if options.rerank else None,
    )


def _load_model(options: argparse.Namespace) -> "LoadedModel":
    _check_installed()
    from fourways.engine.opening import open_model

    return open_model(options.model, _opening(options))


def _load_reader(options: argparse.Namespace) -> "LoadedReader":
    _check_installed()
    from fourways.engine.spans import open_reader

    return open_reader(options.model, _opening(options))


def _opening(options: argparse.Namespace) -> "Options":
    from fourways.engine.opening import Options

    return Options(
        dtype=options.dtype,
        slots=options.slots,
        window=options.max_model_len,
        threads=options.threads or _cores(),
        decoder=options.decoder,
        probe=not options.no_probe,
    )


def _listen(options: argparse.Namespace) -> socket.socket:
    """Open the socket; raises `InvalidRequest` where that address cannot be had."""
    try:
        return _at_path(options.uds) if options.uds else _at_port(options.host, options.port)
    except OSError as error:
        where = options.uds or f"{options.host}:{options.port}"
        raise InvalidRequest(f"{where} cannot be listened at: {error}; --port 0 takes a free one") from error


def _at_path(path: str) -> socket.socket:
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    Path(path).chmod(0o600)
    listener.listen(2048)
    return listener


def _at_port(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=2048)
    # An answer's head and body are two writes; asyncio sets this itself only on sockets it opened itself.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _announce(options: argparse.Namespace, model: str, listener: socket.socket) -> None:
    """Write where the engine is, whole or not at all. It listens by now; whoever comes early waits a moment."""
    where = {"uds": options.uds} if options.uds else dict(zip(("host", "port"), listener.getsockname(), strict=False))
    line = json.dumps({"pid": os.getpid(), "instance": options.instance, "model": model} | where)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if options.announce:
        unfinished = options.announce.with_suffix(f".{os.getpid()}")
        unfinished.write_text(line, encoding="utf-8")
        unfinished.replace(options.announce)


def _forget(options: argparse.Namespace) -> None:
    for path in (options.announce, options.uds):
        if path:
            Path(path).unlink(missing_ok=True)


def _end(server: Server) -> None:
    """Stop without waiting for anybody: those who would read the answers are gone."""
    server.should_exit = server.force_exit = True
    timer = threading.Timer(2.0, os._exit, (0,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
