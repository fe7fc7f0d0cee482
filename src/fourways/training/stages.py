"""Trains a model from scratch, from a corpus to an assistant: a list of stages, each of which can be gone on from.

`clean → tokenizer → shards → plan → pretrain → instruct → prefer`, as in the training pipeline that Karpathy showed
(Microsoft Build 2023), data first. Each has a folder of its own under `stages/`, with what it made and, written last, a
`stage.json` of what came out: a run that is begun again goes on behind the last of them.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fourways.core.errors import InvalidRequest
from fourways.training.asked import Dial
from fourways.training.cleaning import clean
from fourways.training.corpora import Chat, Tokens, chat_tokens, chats_of, document_tokens, documents_of, mixed
from fourways.training.decoder import Decoder, Size, begin, save
from fourways.training.dial import Derived, Text, derive, machine_of
from fourways.training.epochs import Packed, Reader, Stream, Whole
from fourways.training.keeping import checkpoints, read_weights, write_weights
from fourways.training.learning import VALIDATED, Journal, Lesson, Schedule, learn
from fourways.training.peak import measured_peak, measured_speed
from fourways.training.runs import Run
from fourways.training.shards import open_shards, write_shards
from fourways.training.spread import Place, together
from fourways.training.tokenizer import ASSISTANT, END, PAD, SPECIAL, learn_tokenizer, save_tokenizer
from fourways.training.writing import sampler

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What all stages know: the run, its folder, and which of the processes this is."""

    run: Run
    dial: Dial
    folder: Path
    place: Place

    def of(self, stage: str) -> Path:
        """Return a stage's folder."""
        return self.folder / "stages" / stage

    def made(self, stage: str) -> dict[str, Any]:
        """Return what came out of a stage that has ended."""
        content: dict[str, Any] = json.loads((self.of(stage) / "stage.json").read_text())
        return content

    def ended(self, stage: str) -> bool:
        """Whether a stage has ended."""
        return (self.of(stage) / "stage.json").exists()

    @property
    def corpus(self) -> Path:
        """The file of documents."""
        if self.run.data is None:
            raise InvalidRequest("run.toml has no [data]; right would be train = a file of documents", param="data")
        return self.folder / self.run.data.train

    @property
    def watched(self) -> Path | None:
        """The file of documents that are held out; None where they are to be taken from the corpus."""
        name = self.run.data.valid if self.run.data else ""
        return self.folder / name if name else None

    def chats(self) -> list[Chat]:
        """Read the chats of the instruction stage; none where there is no such file."""
        return chats_of(self.folder / self.dial.chat) if self.dial.chat else []

    def tokenizer(self) -> "Tokenizer":
        """Return the tokenizer that was learned."""
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self.of("tokenizer") / "tokenizer.json"))

    def derived(self) -> Derived:
        """Turn the dial once more, by what was counted and measured: the same in every process and at every start."""
        plan = self.made("plan")
        return derive(
            self.dial,
            Text(**plan["text"]),
            machine_of(self.dial, cores=plan["cores"]),
            tokens_per_second=plan["tokens_per_second"],
        )


def train(run: Run, folder: Path) -> Mapping[str, Any]:
    """Run the stages that have not ended, in order; returns what `result.json` is to hold.

    Raises:
        InvalidRequest: `run.toml` or the data is wrong; says what would be right.
    """
    dial = Dial.read(run.pretrain)
    with together() as place:
        work = Work(run=run, dial=dial, folder=folder, place=place)
        for name, stage in STAGES.items():
            if not work.ended(name):
                work.of(name).mkdir(parents=True, exist_ok=True)
                start = time.perf_counter()
                content = stage(work)
                if place.first:
                    _end(work.of(name), {**content, "stage_seconds": round(time.perf_counter() - start, 3)})
            place.wait()
        return _result(work)


def _end(folder: Path, content: Mapping[str, Any]) -> None:
    part = folder / "stage.json.part"
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    part.replace(folder / "stage.json")


def _clean(work: Work) -> Mapping[str, Any]:
    """Keep the documents that are worth learning from; `dropped.jsonl` says of each other why not."""
    if not work.place.first:
        return {}
    to = work.of("clean")
    made = asdict(clean(work.corpus, to / "kept.jsonl", to / "dropped.jsonl", work.dial.clean))
    if work.watched is not None:
        made["valid"] = asdict(clean(work.watched, to / "valid.jsonl", to / "valid-dropped.jsonl", work.dial.clean))
    return made


def _tokenizer(work: Work) -> Mapping[str, Any]:
    """Learn the pieces from documents and chats."""
    if not work.place.first:
        return {}
    chats = [turn.content for chat in work.chats() for turn in chat.messages]
    text = Text(characters=work.made("clean")["characters"], chat_characters=sum(map(len, chats)))
    cores = os.cpu_count() or 1
    derived = derive(work.dial, text, machine_of(work.dial, cores=cores))
    kept = work.of("clean") / "kept.jsonl"
    tokenizer = learn_tokenizer((*(document.text for document in documents_of(kept)), *chats), size=derived.shape.vocabulary)
    save_tokenizer(tokenizer, work.of("tokenizer"), window=derived.shape.length)
    return {
        "pieces": tokenizer.get_vocab_size(),
        "length": derived.shape.length,
        "documents_by_chats": derived.documents,
        "chat_characters": text.chat_characters,
    }


def _shards(work: Work) -> Mapping[str, Any]:
    """Turn documents into tokens on disk; those that are validated on are others than those that are learned."""
    if not work.place.first:
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
    chats = [chat_tokens(tokenizer, chat) for chat in work.chats()]
    if chats:
        made["chats"] = len(chats)
        made["chat_tokens"] = sum(len(tokens) for tokens, _ in chats)
        share = work.made("tokenizer")["documents_by_chats"]
        write_shards(mixed(chats, documents, share, work.made("tokenizer")["length"]), to / "chat", pieces)
    if work.dial.chat_valid:
        watched = [chat_tokens(tokenizer, chat) for chat in chats_of(work.folder / work.dial.chat_valid)]
        write_shards(watched, to / "chat_valid", pieces)
    return made


def _parted(documents: list[Tokens], share: float) -> tuple[list[Tokens], list[Tokens]]:
    """Part documents into those that are learned and those that are held out: every so manieth, one at least."""
    if share <= 0 or len(documents) < 2:  # noqa: PLR2004 - one would leave nothing to learn
        return documents, []
    every = max(2, min(len(documents), round(1 / share)))
    held = documents[every - 1 :: every]
    return [each for at, each in enumerate(documents, 1) if at % every], held


def _plan(work: Work) -> Mapping[str, Any]:
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
    model = Decoder(_size(work, derived)).to(work.place.device)
    shape = derived.shape
    speed = measured_speed(model, length=shape.length, rows=max(1, derived.batch // shape.length // work.place.world))
    peak = measured_peak(work.place.device)
    speed = float(work.place.total(torch.tensor(speed)))
    derived = derive(work.dial, text, machine, tokens_per_second=speed)
    return {
        "text": asdict(text),
        "cores": cores,
        "tokens_per_second": speed,
        "peak": peak * work.place.world,
        "derived": derived.plain(),
        "why": dict(derived.why),
    }


def _size(work: Work, derived: Derived) -> Size:
    shape = derived.shape
    return Size(
        vocabulary=work.made("tokenizer")["pieces"],
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        head=shape.head,
        hidden=shape.hidden,
        window=max(shape.length, 2 * shape.length),
    )


def _pretrain(work: Work) -> Mapping[str, Any]:
    """Learn to say the next token, of everything."""
    derived, shards = work.derived(), work.of("shards")
    model = Decoder(_size(work, derived)).to(work.place.device)
    begin(model, work.run.seed)
    train = Reader(Stream(open_shards(shards / "train"), derived.shape.length, work.run.seed))
    schedule = _schedule(work, derived, "pretrain", derived.steps, before=0)
    valid = None
    if (shards / "valid").exists():
        valid = _all_of(Reader(Stream(open_shards(shards / "valid"), derived.shape.length, 0)))
    return _learn(work, model, schedule, train, valid)


def _instruct(work: Work) -> Mapping[str, Any]:
    """Learn to answer: of chats the assistant's turns alone, with documents strewn in so that none is forgotten."""
    derived, shards = work.derived(), work.of("shards")
    if not work.dial.chat or not derived.chat_steps:
        return {"skipped": "there are no chats"}
    model = Decoder(_size(work, derived)).to(work.place.device)
    model.load_state_dict(read_weights(work.of("pretrain") / "weights.safetensors"))
    length = derived.shape.length
    train = Reader(Whole(open_shards(shards / "chat"), length, work.run.seed))
    schedule = _schedule(work, derived, "instruct", derived.chat_steps, before=derived.steps)
    valid = _all_of(Reader(Whole(open_shards(shards / "chat_valid"), length, 0))) if work.dial.chat_valid else None
    return _learn(work, model, schedule, train, valid)


def _prefer(work: Work) -> Mapping[str, Any]:
    """Learn to prefer some answers to others (Rafailov et al. 2023)."""
    if not work.dial.preferences:
        return {"skipped": "there are no preferences"}
    raise InvalidRequest("preferences are not learned here yet; right would be a run of method dpo on this model")


BEGUN = 12
"""Tokens of a document that a sample goes on from."""

STAGES: Mapping[str, Callable[[Work], Mapping[str, Any]]] = {
    "clean": _clean,
    "tokenizer": _tokenizer,
    "shards": _shards,
    "plan": _plan,
    "pretrain": _pretrain,
    "instruct": _instruct,
    "prefer": _prefer,
}
"""In order; each returns what its `stage.json` is to hold."""


def _schedule(work: Work, derived: Derived, name: str, steps: int, *, before: int) -> Schedule:
    """Say how a stage is learned, and how often it is told of and kept."""
    hyper = work.run.hyper
    report = max(1, min(25, steps // 20))
    validate = hyper.validate_every or max(report, steps // 8)
    seconds = derived.batch / derived.tokens_per_second
    checkpoint = hyper.checkpoint_every or max(report, round(max(30.0, 0.05 * derived.seconds) / seconds))
    return Schedule(
        name=name,
        before=before,
        tokens_before=before * derived.batch,
        total=derived.steps + derived.chat_steps,
        steps=steps,
        rows=derived.batch // derived.shape.length,
        length=derived.shape.length,
        seed=work.run.seed,
        optimizer=derived.optimizer,
        muon_rate=derived.muon_rate,
        adam_rate=derived.adam_rate,
        weight_decay=derived.weight_decay,
        warmup=derived.warmup,
        decay=derived.decay,
        compile=derived.compile,
        report_every=report,
        validate_every=validate,
        checkpoint_every=-(-checkpoint // report) * report,
    )


def _learn(work: Work, model: Decoder, schedule: Schedule, train: Reader, valid: Packed | None) -> Mapping[str, Any]:
    """Learn a stage in its folder and leave its weights there, in float32."""
    kept = work.folder / "checkpoints"
    newest = checkpoints(kept)
    done = int(newest[-1].name.removeprefix("step-")) if newest else 0
    tokenizer = work.tokenizer()
    lesson = Lesson(
        train=train,
        valid=valid,
        checkpoints=kept,
        report=Journal(work.folder / "steps.jsonl", done) if work.place.first else lambda _: None,
        sample=None if valid is None else sampler(tokenizer, _begun(valid)),
    )
    learned = learn(model, schedule, lesson, work.place)
    if work.place.first:
        write_weights(work.of(schedule.name) / "weights.safetensors", model.state_dict())
    return {"steps": schedule.steps, **learned.plain()}


def _begun(valid: Packed) -> list[int]:
    """Return how a text that is not learned begins: a question where it is a chat, else its first words."""
    first = valid.tokens[0][valid.documents[0] == 0].tolist()
    asked = first.index(SPECIAL[ASSISTANT]) + 1 if SPECIAL[ASSISTANT] in first else BEGUN
    return first[:asked]


def _all_of(reader: Reader) -> Packed:
    """Return the rows of an epoch, as many as are validated on."""
    return reader.rows(0, min(VALIDATED, reader.epochs.count(0)))


def _result(work: Work) -> Mapping[str, Any]:
    """Write `model/` and gather what `result.json` holds."""
    plan = work.made("plan")
    taught = [name for name in ("pretrain", "instruct") if "skipped" not in work.made(name)]
    made = {name: work.made(name) for name in taught}
    derived = work.derived()
    model = Decoder(_size(work, derived))
    model.load_state_dict(read_weights(work.of(taught[-1]) / "weights.safetensors"))
    if work.place.first:
        part = work.folder / "model.part"
        save(model, part, end=SPECIAL[END], pad=SPECIAL[PAD])
        save_tokenizer(work.tokenizer(), part, window=model.size.window)
        shutil.rmtree(work.folder / "model", ignore_errors=True)
        part.replace(work.folder / "model")
    tokens, seconds = (sum(each[name] for each in made.values()) for name in ("tokens", "seconds"))
    flops = tokens * derived.shape.flops_a_token
    return {
        "method": "pretrain",
        "kind": "model",
        "base": {"name": "", "digest": ""},
        "steps": sum(each["steps"] for each in made.values()),
        "tokens": tokens,
        "seconds": seconds,
        "cpu_seconds": sum(each["cpu_seconds"] for each in made.values()),
        "flops": flops,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "trainable": sum(weight.numel() for weight in model.parameters()),
        "loss": {name: made["pretrain"][name] for name in ("first", "last", "valid_first", "valid_best")},
        "stopped": "end",
        "tokens_per_second": tokens / seconds,
        "peak_flops": plan["peak"],
        "of_peak": flops / seconds / plan["peak"],
        "derived": [list(row) for row in derived.table()],
        "stages": {name: work.made(name) for name in STAGES},
    }
