"""The recipe of fourways-reader: MiniLM learns to quote. `python -m fourways.training.reader.spans OUT`."""

import argparse
import hashlib
import json
import math
import random
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from fourways.core.reading import BEFORE_QUESTION, NOT_SAID
from fourways.models.folders import PACKAGED, READER
from fourways.training.__main__ import main as run_program
from fourways.training.machine import this_machine
from fourways.training.reader.scoring import Exam, read_xquad, squad_scores, unseen_kinds
from fourways.training.reader.small import Cloze, Events, Facts, Lists, Tables
from fourways.training.runs import Adapter, Data, Hyper, Run, Spans, write_run
from fourways.training.tuning import bases, readers
from fourways.training.tuning.quantize import quantize_folder
from fourways.training.tuning.quoting import Quote, Quoter
from fourways.training.tuning.windows import Cutter

NAME, BASE = "fourways-reader", "minilm"
BATCH = 32
"""Questions a step: about 2,900 tokens."""
COUNT = 256
"""Exams of each kind."""
TOKENIZER = (("base", "tokenizer.json"), ("base", "tokenizer_config.json"))
EXAMS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "exact_1": ("exact at 1 unseen fact", COUNT),
        "exact_2": ("exact at 2", COUNT),
        "exact_4": ("exact at 4", COUNT),
        "exact_8": ("exact at 8", COUNT),
        "unsaid": ('rightly "does not say"', 3 * (COUNT // 2)),
    }
)
"""What each kind of exam is called on the card, and how many there are."""
CARD = """\
---
license: apache-2.0
language: en
base_model: {package}
---
# {name}

A span reader: MiniLM with two heads that say where an answer begins and where it ends. It quotes a span of its texts,
or says "{not_said}" {trainable:,} weights were learned and lie here in eight bits (sha256 `{digest}`);
the embeddings of words are those of the package `{package}`, and not in this folder.

| | as it lies here, eight bits (95 %) | before, float32 |
|---|---|---|
{table}

Exact is letter for letter, on words never seen in training. No question of XQuAD was learned from.

- Data: {questions:,} questions on invented facts, events, tables and lists (seeded, endless), and spans cut by rule
  from the 18F handbook (public domain). Nothing else.
- Training: `make small-reader`: {tokens:,} tokens in {steps:,} steps, {cpu_seconds:,.0f} CPU seconds.
- Limits: it knows nothing and cannot write: it quotes one span of at most 30 tokens, or abstains; English only.
  MiniLM's sentences were learned from pairs that include SQuAD's training questions. Do not rely on an answer unread.
- Licence: Apache-2.0, as MiniLM's. No personal data: all names are invented but for those that public pages of the
  handbook print.
"""


def generated(pages: str, seed: int) -> Iterator[Exam]:
    """Write questions without end, at most three on a passage: facts, events, tables, lists, the handbook's spans.

    Args:
        pages: a folder of Markdown.
        seed: of all that chance decides.
    """
    chance = random.Random(seed)
    makers = (Facts(1, 4), Facts(3, 10, pages, 0.2), Events(1, 5, pages, 0.2), Tables(2, 7), Lists(2, 8))
    while True:
        document = chance.choices((*makers, Cloze(pages, 1, 7)), (1.5, 2.5, 1, 0.4, 0.3, 2.0))[0].make(chance)
        for asked in chance.sample(document.asked, min(3, len(document.asked))):
            yield Exam(passage=document.passage, question=asked)


def row_of(exam: Exam) -> dict[str, Any]:
    """Write an exam as a row of chats."""
    return {
        "messages": [
            {"role": "user", "content": f"{exam.passage}{BEFORE_QUESTION}{exam.question.question}"},
            {"role": "assistant", "content": exam.question.answer or NOT_SAID},
        ]
    }


def write_rows(exams: Iterator[Exam], path: Path, cutter: Cutter, *, tokens: float) -> None:
    """Write rows of so many tokens in all."""
    spent, lines = 0, []
    while spent < tokens:
        exam = next(exams)
        question = cutter.question(exam.question.question)
        spent += sum(window.length for window in cutter.windows(question, cutter.text(exam.passage)))
        lines.append(json.dumps(row_of(exam), ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def write_base(folder: Path, seed: int) -> None:
    """Write the packaged MiniLM as a reader's folder: its heads are new, drawn by the seed."""
    place = PACKAGED[BASE].place()
    config = json.loads((place / "config.json").read_bytes())
    config = {name: value for name, value in config.items() if name not in {"_name_or_path", "gradient_checkpointing"}}
    config |= {"architectures": [READER], "dtype": "float32", "fourways": {"words": BASE}}
    torch.manual_seed(seed)
    model = readers.make_reader(config)
    model.load_state_dict(readers.packaged(BASE), strict=False)
    readers.save_reader(model, config, folder, torch.float32)
    tokenizer = json.loads((place / "tokenizer.json").read_bytes()) | {"truncation": None, "padding": None}
    plain = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(plain, encoding="utf-8")
    shutil.copyfile(place / "tokenizer_config.json", folder / "tokenizer_config.json")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# MiniLM with new heads\n", encoding="utf-8")


# ---------------------------------------------------------------- how well it reads


def examine(quoter: Quoter, xquad: Path | None, *, count: int = COUNT) -> dict[str, Any]:
    """Score a reader: the share of exams answered letter for letter, and XQuAD where there is any."""
    scores: dict[str, Any] = {kind: right(quoter, exams) for kind, exams in unseen_kinds(count, seed=11).items()}
    exams = read_xquad(xquad) if xquad else []
    return {**scores, "xquad": squad_scores(exams, answers(quoter, exams)) if exams else None}


def quotes_of(quoter: Quoter, exams: Sequence[Exam]) -> list[Quote]:
    """Return what a reader finds likeliest for each exam."""
    return quoter.quote([(exam.question.question, [exam.passage]) for exam in exams])


def answers(quoter: Quoter, exams: Sequence[Exam]) -> list[str]:
    """Return what a reader answers."""
    return [quote.answer for quote in quotes_of(quoter, exams)]


def right(quoter: Quoter, exams: Sequence[Exam]) -> float:
    """Return the share of exams that are answered letter for letter."""
    wanted = [exam.question.answer or NOT_SAID for exam in exams]
    return sum(given == known for given, known in zip(answers(quoter, exams), wanted, strict=True)) / len(exams)


def open_quoter(folder: Path) -> Quoter:
    """Open a reader's folder to quote with."""
    machine = this_machine("auto")
    base = bases.open_base(str(folder), folder)
    cutter = Cutter(bases.load_tokenizer(base), length=base.window)
    return Quoter(bases.load_saved(folder, machine), cutter, machine)


def interval(share: float, count: int) -> str:
    """Write a share with Wilson's 95 % interval."""
    z = 1.96
    middle, half = share + z * z / 2 / count, z * math.sqrt(share * (1 - share) / count + z * z / 4 / count**2)
    low, high = ((middle + sign * half) / (1 + z * z / count) for sign in (-1, 1))
    return f"{share:.1%} ({low:.0%} to {high:.0%})"


# ---------------------------------------------------------------- the folder that is shipped


def write_card(folder: Path, result: Mapping[str, Any], whole: Mapping[str, Any], short: Mapping[str, Any]) -> None:
    """Write the card: what it is, what it scores as it lies there and before it was rounded, and its limits.

    Args:
        folder: of the finished reader.
        result: its run's `result.json`.
        whole: scores in float32.
        short: scores in eight bits.
    """
    table = [
        f"| {said} | {interval(short[kind], count)} | {whole[kind]:.1%} |" for kind, (said, count) in EXAMS.items()
    ]
    before, after = whole["xquad"] or {}, short["xquad"] or {}
    table += [
        f"| XQuAD, {after['questions']:,} questions, {said} | {after[kind]:.1%} | {before[kind]:.1%} |"
        for kind, said in (("em", "EM"), ("f1", "F1"), ("abstained", "abstained"))
        if after
    ]
    card = CARD.format(
        name=NAME,
        package=PACKAGED[BASE].package,
        not_said=NOT_SAID,
        digest=hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        table="\n".join(table),
        questions=result["data"]["questions"],
        **{figure: result[figure] for figure in ("trainable", "tokens", "steps", "cpu_seconds")},
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def finish(work: Path, folder: Path, xquad: Path | None) -> dict[str, Any]:
    """Round what was learned, examine it before and after, and write the folder that is shipped; return the scores."""
    result = json.loads((work / "result.json").read_bytes())
    whole = examine(open_quoter(work / "model"), xquad)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source, name in (("model", "model.safetensors"), ("model", "README.md"), *TOKENIZER):
        shutil.copyfile(work / source / name, folder / name)
    config = json.loads((work / "model" / "config.json").read_bytes()) | {"dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    rounded = quantize_folder(folder, "int8")
    short = examine(open_quoter(folder), xquad)
    write_card(folder, result, whole, short)
    scores = {"float32": whole, "int8": short, **rounded}
    (work / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    return scores


def learn(work: Path, pages: Path, *, tokens: float, seed: int) -> None:
    """Let MiniLM learn from generated questions in a folder, or go on with it; its `model/` is in float32.

    Args:
        work: gets the run.
        pages: a folder of Markdown.
        tokens: to learn from.
    """
    if not (work / "run.toml").exists():
        write_base(work / "base", seed)
        base = bases.open_base(str(work / "base"), work)
        cutter = Cutter(bases.load_tokenizer(base), length=base.window)
        write_rows(generated(str(pages), seed), work / "rows.jsonl", cutter, tokens=tokens)
        run = Run(
            method="sft",
            base="base",
            seed=seed,
            adapter=Adapter(kind="full"),
            data=Data(train="rows.jsonl"),
            hyper=Hyper(epochs=1.0, batch=BATCH, weight_decay=0.01),
            spans=Spans(none=0.0),
        )
        write_run(run, work)
    code = run_program([str(work)])
    if code:
        sys.exit(code)


def main() -> None:
    """Make the reader: rows, training by the platform's own program, eight bits, scores, card."""
    options = argparse.ArgumentParser(prog="python -m fourways.training.reader.spans", description=__doc__)
    options.add_argument("out", type=Path, help="a folder; one begun in it is gone on with")
    options.add_argument("--pages", type=Path, default=Path("../shared/data/handbook_18f/pages"), help="Markdown")
    options.add_argument("--tokens", type=float, default=1.8, help="to learn from, in millions")
    options.add_argument("--xquad", type=Path, default=None, help="xquad.en.json, to be scored on, never trained on")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    work = given.out / "run"
    learn(work, given.pages, tokens=given.tokens * 1e6, seed=given.seed)
    scores = finish(work, given.out / NAME, given.xquad)
    print(json.dumps(scores, indent=2))  # noqa: T201 - a program's last word


if __name__ == "__main__":
    main()
