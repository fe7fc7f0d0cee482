"""The stages before anything is trained: a clean corpus, a tokenizer, tokens on disk, and the dial turned."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from fourways.training.decoder import Decoder
from fourways.training.machine import measured_peak
from fourways.training.rows import Chat, read_rows
from fourways.training.scratch.cleaning import clean
from fourways.training.scratch.corpora import Tokens, chat_tokens, document_tokens, documents_of, mixed
from fourways.training.scratch.dial import Derived, Text, derive, machine_of
from fourways.training.scratch.epochs import Epochs, Stream, Whole
from fourways.training.scratch.flex import decoder_for
from fourways.training.scratch.learning import trial
from fourways.training.scratch.lessons import Lesson, Schedule
from fourways.training.scratch.shards import open_shards, write_shards
from fourways.training.scratch.teaching import lesson_of, schedule_of
from fourways.training.scratch.wordings import reworded
from fourways.training.scratch.work import Work
from fourways.training.tokenizer import learn_tokenizer, save_tokenizer


def clean_stage(work: Work) -> Mapping[str, Any]:
    """Keep the documents that are worth learning from; `dropped.jsonl` says of each other why not."""
    if not work.group.writes:
        return {}
    to = work.of("clean")
    made = asdict(clean(work.corpus, to / "kept.jsonl", to / "dropped.jsonl", work.dial.clean))
    if work.watched is not None:
        made["valid"] = asdict(clean(work.watched, to / "valid.jsonl", to / "valid-dropped.jsonl", work.dial.clean))
    return made


def tokenizer_stage(work: Work) -> Mapping[str, Any]:
    """Learn the pieces from documents and chats."""
    if not work.group.writes:
        return {}
    chats = [turn.content for chat in work.chats() for turn in chat.messages]
    text = Text(characters=work.made("clean")["characters"], chat_characters=sum(map(len, chats)))
    cores = os.cpu_count() or 1
    derived = derive(work.dial, text, machine_of(work.dial, cores=cores))
    kept = work.of("clean") / "kept.jsonl"
    tokenizer = learn_tokenizer(
        (*(document.text for document in documents_of(kept)), *chats), size=derived.shape.vocabulary
    )
    save_tokenizer(tokenizer, work.of("tokenizer"), window=derived.shape.length)
    return {
        "pieces": tokenizer.get_vocab_size(),
        "length": derived.shape.length,
        "documents_by_chats": derived.documents,
        "wordings": derived.wordings,
        "chat_characters": text.chat_characters,
    }


def shards_stage(work: Work) -> Mapping[str, Any]:
    """Turn documents into tokens on disk; those that are validated on are others than those that are learned."""
    if not work.group.writes:
        return {}
    tokenizer, cleaned, to = work.tokenizer(), work.of("clean"), work.of("shards")
    pieces = tokenizer.get_vocab_size()
    documents = [document_tokens(tokenizer, each.text) for each in documents_of(cleaned / "kept.jsonl")]
    if work.watched is not None:
        held = [document_tokens(tokenizer, each.text) for each in documents_of(cleaned / "valid.jsonl")]
    else:
        documents, held = _parted(documents, 0.02 if work.dial.set.valid is None else work.dial.set.valid)
    made: dict[str, Any] = {
        "documents": len(documents),
        "tokens": write_shards(documents, to / "train", pieces),
        "held_out": len(held),
        "held_out_tokens": write_shards(held, to / "valid", pieces) if held else 0,
    }
    asked, planned = work.chats(), work.made("tokenizer")
    if asked:
        made["chats"] = len(asked)
        chats = list(chat_tokens(tokenizer, reworded(asked, planned["wordings"], work.run.seed)))
        made["chat_tokens"] = sum(len(tokens) for tokens, _ in chats[: len(asked)])
        pieced = mixed(chats, documents, planned["documents_by_chats"], planned["length"])
        write_shards(pieced, to / "chat", pieces)
    if work.dial.chat_valid:
        watched = chat_tokens(tokenizer, read_rows(work.folder / work.dial.chat_valid, Chat))
        write_shards(watched, to / "chat_valid", pieces)
    return made


def _parted(documents: list[Tokens], share: float) -> tuple[list[Tokens], list[Tokens]]:
    """Part documents into those that are learned and those that are held out: every so manieth, one at least."""
    if share <= 0 or len(documents) < 2:  # noqa: PLR2004 - one would leave nothing to learn
        return documents, []
    every = max(2, min(len(documents), round(1 / share)))
    held = documents[every - 1 :: every]
    return [each for at, each in enumerate(documents, 1) if at % every], held


def plan_stage(work: Work) -> Mapping[str, Any]:
    """Turn the dial by what was counted, try the model for a moment, and fix all that is to be trained."""
    shards, cleaned = work.made("shards"), work.made("clean")
    text = Text(
        characters=cleaned["characters"],
        chat_characters=work.made("tokenizer")["chat_characters"],
        tokens=shards["tokens"],
        chat_tokens=shards.get("chat_tokens", 0),
    )
    cores = os.cpu_count() or 1
    machine = machine_of(work.dial, cores=cores)
    derived = derive(work.dial, text, machine)
    model = decoder_for(work.size(derived.shape), work.machine.device).to(work.machine.device)
    threads, speed = _fastest(work, derived, model)
    torch.set_num_threads(threads)
    derived = derive(work.dial, text, machine, tokens_per_second=speed)
    return {
        "text": asdict(text),
        "cores": cores,
        "threads": threads,
        "tokens_per_second": speed,
        "peak": measured_peak(work.machine) * work.group.size,
        "derived": derived.plain(),
        "why": dict(derived.why),
    }


def _fastest(work: Work, derived: Derived, model: Decoder) -> tuple[int, float]:
    """Take some steps of each stage with more and fewer threads; returns the best number, and tokens a second with it.

    Of chats only the answers are scored, which is faster: both stages are tried, and count as often as they are read.
    """
    lessons = _lessons(work, derived)
    most = torch.get_num_threads()
    tried: dict[int, float] = {}
    for threads in sorted({most, max(1, most // 2)}) if work.machine.device.type == "cpu" else (most,):
        torch.set_num_threads(threads)
        each = [share * trial(model, schedule, lesson) / schedule.batch for share, schedule, lesson in lessons]
        tried[threads] = work.group.size / work.group.sum([sum(each)])[0]
    best = max(tried, key=lambda threads: tried[threads])
    return best, tried[best]


def _lessons(work: Work, derived: Derived) -> list[tuple[float, Schedule, Lesson]]:
    """Return what both stages begin with, and the share of all tokens that each reads."""
    shards, length, seed = work.of("shards"), derived.shape.length, work.run.seed
    stages: list[tuple[int, str, Epochs]] = [
        (derived.tokens, "pretrain", Stream(open_shards(shards / "train"), length, seed))
    ]
    if work.dial.chat and derived.chat_steps:
        stages.append((derived.chat_tokens, "instruct", Whole(open_shards(shards / "chat"), length, seed)))
    total = sum(tokens for tokens, _, _ in stages)
    return [
        (tokens / total, schedule_of(work, derived, name), lesson_of(work, train, None, None))
        for tokens, name, train in stages
    ]
