"""A span reader on MiniLM beside `fourways-small`, before and after tuning on XQuAD: one command, a line for each.

    OMP_WAIT_POLICY=PASSIVE python -m benchmarks.reader [--tokens 1.8] [--out FOLDER]

The reader is the packaged MiniLM with two heads, which say where an answer begins and where it ends; the first token
stands for none. It learns from what `fourways-small` learned from, and so never from XQuAD until both are tuned on it:
three passes over some 1,000 of its questions, measured on the other articles' questions.
"""

import argparse
import json
import math
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, BatchEncoding

from benchmarks.quality.corpora import DATA
from fourways.core.reading import NOT_SAID
from fourways.engine.folders import find_folder
from fourways.training.decoder import Decoder, load
from fourways.training.reader import scoring
from fourways.training.reader.scoring import Exam, f1, plain, read_xquad, unseen_exams
from fourways.training.reader.small import SIZE, Cloze, Events, Facts, Lists, Tables
from fourways.training.runs import Adapter, Data, Hyper, Run, write_run

SMALL = Path(__file__).resolve().parents[1] / "src" / "fourways" / "weights" / "fourways-small"
WINDOW = 512
"""Tokens that MiniLM has positions for; what stands behind them is not read."""
LONGEST = 30
"""Tokens of an answer at most."""
RATE, WARMUP, PASSES = 2e-4, 0.05, 3
GENERATED_BATCH, TUNED_BATCH = 4096, 16
"""Tokens a step on generated text; questions a step on XQuAD."""
HELD = 190
"""Questions of XQuAD that are not tuned on, and the rest of their articles."""


# ---------------------------------------------------------------- the reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The likeliest span, and whether "none" was likelier."""

    text: str
    abstains: bool

    @property
    def answer(self) -> str:
        return NOT_SAID if self.abstains else self.text


class Reader(nn.Module):
    """Reads questions with their passages; the words' embeddings are kept as they are."""

    def __init__(self) -> None:
        super().__init__()
        folder = find_folder("minilm")
        self.words = AutoTokenizer.from_pretrained(folder)
        none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        self.encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager", **none)
        self.encoder.embeddings.word_embeddings.requires_grad_(requires_grad=False)
        self.heads = nn.Linear(self.encoder.config.hidden_size, 2)

    def tokenize(self, exams: Sequence[Exam], **more: object) -> BatchEncoding:
        """Write each question and its passage in tokens; a passage that is too long loses its end."""
        pairs = ([exam.question.question for exam in exams], [exam.passage for exam in exams])
        tokens: BatchEncoding = self.words(*pairs, truncation="only_second", max_length=WINDOW, **more)
        return tokens

    def batch(self, exams: Sequence[Exam]) -> BatchEncoding:
        return self.tokenize(exams, padding=True, return_offsets_mapping=True, return_tensors="pt")

    def forward(self, batch: BatchEncoding) -> Tensor:
        """Return how likely an answer begins and ends at each token: (rows, tokens, 2), float32."""
        with torch.autocast("cpu", torch.bfloat16):
            read = {name: batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")}
            scores: Tensor = self.heads(self.encoder(**read).last_hidden_state).float()
        allowed = (batch["token_type_ids"] == 1) & (batch["offset_mapping"][..., 1] > 0)
        allowed[:, 0] = True
        return scores.masked_fill(~allowed[..., None], -1e4)

    @torch.inference_mode()
    def quote(self, exams: Sequence[Exam]) -> list[Quote]:
        self.eval()
        order = sorted(range(len(exams)), key=lambda number: len(exams[number].passage))
        quotes: dict[int, Quote] = {}
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            batch = self.batch([exams[number] for number in chosen])
            for number, scores, offsets in zip(chosen, self(batch), batch["offset_mapping"].tolist(), strict=True):
                sums = scores[:, None, 0] + scores[None, :, 1]
                shape = torch.ones_like(sums[1:, 1:], dtype=torch.bool).triu().tril(LONGEST - 1)
                spans = sums[1:, 1:].masked_fill(~shape, -1e9)
                first, last = divmod(int(spans.argmax()), len(spans))
                text = exams[number].passage[offsets[first + 1][0] : offsets[last + 1][1]]
                quotes[number] = Quote(text=text.strip(), abstains=bool(sums[0, 0] >= spans.max()))
        return [quotes[number] for number in range(len(exams))]


def targets(exams: Sequence[Exam], batch: BatchEncoding) -> Tensor:
    """Mark where each answer begins and ends, every time that it stands there as whole words: (rows, tokens, 2)."""
    marked = torch.zeros(*batch["input_ids"].shape, 2, dtype=torch.bool)
    for row, exam in enumerate(exams):
        if exam.question.answer is None:
            marked[row, 0] = True
            continue
        for found in re.finditer(rf"(?<!\w){re.escape(exam.question.answer)}(?!\w)", exam.passage, re.IGNORECASE):
            first, last = batch.char_to_token(row, found.start(), 1), batch.char_to_token(row, found.end() - 1, 1)
            if first is not None and last is not None:
                marked[row, first, 0] = marked[row, last, 1] = True
    return marked


def learn(reader: Reader, batches: Sequence[Sequence[Exam]]) -> None:
    """Take one step a batch: AdamW, the rate rising, then falling to nothing; any place of an answer will do."""
    reader.train()
    begun, done, steps = (time.perf_counter(), time.process_time()), 0, len(batches)
    optimizer = torch.optim.AdamW((p for p in reader.parameters() if p.requires_grad), RATE, weight_decay=0.01)
    losses: list[float] = []
    for step, exams in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / (WARMUP * steps), (steps - step) / ((1 - WARMUP) * steps), 1.0)
        batch = reader.batch(exams)
        marked = targets(exams, batch)
        known = marked.any(1).all(1)
        chances = reader(batch).log_softmax(1).masked_fill(~marked, -1e9)[known]
        loss = -chances.logsumexp(1).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        done += int(batch["attention_mask"].sum())
        losses.append(loss.item())
        if (step + 1) % max(1, steps // 10) == 0:
            recent = losses[-max(1, steps // 10) :]
            print(f"    step {step + 1} of {steps}, loss {sum(recent) / len(recent):.3f}", flush=True)
    wall, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
    print(f"    {done:,} tokens, {cpu:.0f} CPU seconds, {wall:.0f} by the clock", flush=True)


# ---------------------------------------------------------------- what it learns


def generated(pages: str, seed: int) -> Iterator[Exam]:
    """Write questions without end, at most three on a passage: facts, events, tables, lists, the handbook's spans."""
    chance = random.Random(seed)
    makers = (Facts(1, 4), Facts(3, 10, pages, 0.2), Events(1, 5, pages, 0.2), Tables(2, 7), Lists(2, 8))
    while True:
        document = chance.choices((*makers, Cloze(pages, 1, 7)), (1.5, 2.5, 1, 0.4, 0.3, 2.0))[0].make(chance)
        for asked in chance.sample(document.asked, min(3, len(document.asked))):
            yield Exam(passage=document.passage, question=asked)


def batched(exams: Iterator[Exam], tokens: float, reader: Reader, seed: int) -> list[list[Exam]]:
    """Cut so many tokens' worth of questions into full batches of like length, in an order left to chance."""
    batches: list[list[Exam]] = []
    spent = 0
    while spent < tokens:
        pool = list(islice(exams, 1024))
        lengths = [len(ids) for ids in reader.tokenize(pool)["input_ids"]]
        order = sorted(range(len(pool)), key=lengths.__getitem__)
        batch: list[Exam] = []
        for number in order:
            if (len(batch) + 1) * lengths[number] > GENERATED_BATCH:
                batches.append(batch)
                batch = []
            batch.append(pool[number])
        spent += sum(lengths)
    random.Random(seed).shuffle(batches)
    return batches


def passes(exams: Sequence[Exam], seed: int) -> list[Sequence[Exam]]:
    chance = random.Random(seed)
    shuffled = [exam for _ in range(PASSES) for exam in chance.sample(exams, len(exams))]
    return [shuffled[start : start + TUNED_BATCH] for start in range(0, len(shuffled), TUNED_BATCH)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """XQuAD's questions, divided by articles."""

    tuned: Sequence[Exam]
    held: Sequence[Exam]


def divide(path: Path, seed: int) -> Halves:
    """Hold back articles drawn by chance until there are enough questions."""
    exams = iter(read_xquad(path))
    articles = [
        list(islice(exams, sum(len(part["qas"]) for part in article["paragraphs"])))
        for article in json.loads(path.read_text())["data"]
    ]
    random.Random(seed).shuffle(articles)
    held: list[Exam] = []
    while len(held) < HELD:
        held += articles.pop()
    return Halves(tuned=[exam for article in articles for exam in article], held=held)


# ---------------------------------------------------------------- how well it reads


def interval(share: float, count: int) -> str:
    """Write a share with Wilson's 95 % interval."""
    z = 1.96
    middle, half = share + z * z / 2 / count, z * math.sqrt(share * (1 - share) / count + z * z / 4 / count**2)
    low, high = ((middle + sign * half) / (1 + z * z / count) for sign in (-1, 1))
    return f"{share:.1%} ({low:.0%} to {high:.0%})"


def said(exams: Sequence[Exam], answers: Sequence[str]) -> str:
    wanted = [exam.question.answer or NOT_SAID for exam in exams]
    share = sum(given == right for given, right in zip(answers, wanted, strict=True)) / len(exams)
    return interval(share, len(exams))


def squad(name: str, exams: Sequence[Exam], answers: Sequence[str]) -> None:
    pairs = [(given, exam.question.answer or "") for given, exam in zip(answers, exams, strict=True)]
    exact = sum(plain(given) == plain(right) for given, right in pairs) / len(pairs)
    overlap = sum(f1(given, right) for given, right in pairs) / len(pairs)
    silent = sum(given == NOT_SAID for given in answers) / len(pairs)
    print(f"  {name}: EM {interval(exact, len(pairs))}, F1 {overlap:.1%}, abstained {silent:.1%}, n {len(pairs)}")


UNSEEN = {f"{facts} facts": unseen_exams(facts, 256, 11, said=True) for facts in (1, 2, 4, 8)}
UNSAID = [exam for facts in (2, 4, 8) for exam in unseen_exams(facts, 128, 11, said=False)]
"""The very exams of the model's card."""


def examine_reader(name: str, reader: Reader, xquad: Sequence[Exam]) -> None:
    print(name, flush=True)
    for facts, exams in UNSEEN.items():
        quotes = reader.quote(exams)
        forced = sum(quote.text == exam.question.answer for quote, exam in zip(quotes, exams, strict=True)) / len(exams)
        print(f"  {facts}: {said(exams, [quote.answer for quote in quotes])}; made to quote {forced:.1%}")
    print(f"  does not say: {said(UNSAID, [quote.answer for quote in reader.quote(UNSAID)])}")
    read_reader(reader, xquad)


def read_reader(reader: Reader, xquad: Sequence[Exam]) -> None:
    begun = time.process_time()
    quotes = reader.quote(xquad)
    print(f"  {(time.process_time() - begun) / len(xquad) * 1000:.1f} CPU ms a question of XQuAD")
    squad("XQuAD", xquad, [quote.answer for quote in quotes])
    squad("XQuAD, made to quote", xquad, [quote.text for quote in quotes])
    sys.stdout.flush()


def examine_small(name: str, folder: Path, xquad: Sequence[Exam]) -> None:
    model, words = Decoder(SIZE), Tokenizer.from_file(str(folder / "tokenizer.json"))
    load(model, folder)
    model.eval()
    print(name, flush=True)
    for facts, exams in UNSEEN.items():
        print(f"  {facts}: {interval(scoring.exact(model, words, exams), len(exams))}")
    print(f"  does not say: {interval(scoring.exact(model, words, UNSAID), len(UNSAID))}")
    begun = time.process_time()
    answers = scoring.answer(model, words, xquad)
    print(f"  {(time.process_time() - begun) / len(xquad) * 1000:.1f} CPU ms a question of XQuAD (each token anew)")
    squad("XQuAD", xquad, answers)
    sys.stdout.flush()


def tune_small(exams: Sequence[Exam], folder: Path) -> Path:
    """Tune all weights of `fourways-small` by the platform's own program and its table of defaults."""
    data, adapter = Data(train="rows.jsonl"), Adapter(kind="full")
    write_run(Run(method="sft", base=str(SMALL), adapter=adapter, data=data, hyper=Hyper(epochs=PASSES)), folder)
    rows = [
        [
            {"role": "user", "content": f"{exam.passage}\n\nQuestion: {exam.question.question}"},
            {"role": "assistant", "content": exam.question.answer},
        ]
        for exam in exams
    ]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps({'messages': row})}\n" for row in rows))
    subprocess.run([sys.executable, "-m", "fourways.training", str(folder)], check=True)
    result = json.loads((folder / "result.json").read_text())
    kept = ("steps", "tokens", "seconds", "cpu_seconds", "loss")
    print(f"    { ({key: result[key] for key in kept}) }", flush=True)
    return folder / "model"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader", description=__doc__)
    parser.add_argument("--tokens", type=float, default=1.8, help="of generated text, in millions")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of xquad and handbook_18f")
    parser.add_argument("--out", type=Path, help="a new folder for what is tuned; a temporary one otherwise")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    out = asked.out or Path(tempfile.mkdtemp(prefix="reader-"))
    xquad = asked.data / "xquad" / "xquad.en.json"
    halves, write = divide(xquad, asked.seed), partial(generated, str(asked.data / "handbook_18f" / "pages"))
    torch.manual_seed(asked.seed)
    reader = Reader()
    there = {name: sum(str(e.question.answer) in e.passage for e in exams) for name, exams in UNSEEN.items()}
    print(f"answers that stand in their passage letter for letter, of 256: {there}")
    print("MiniLM learns from generated text")
    learn(reader, batched(write(asked.seed), asked.tokens * 1e6, reader, asked.seed))
    examine_reader("the reader", reader, read_xquad(xquad))
    print("the reader, articles held back")
    read_reader(reader, halves.held)
    print(f"the reader is tuned on {len(halves.tuned)} questions")
    learn(reader, passes(halves.tuned, asked.seed))
    examine_reader("the reader, tuned", reader, halves.held)
    examine_small("fourways-small, articles held back", SMALL, halves.held)
    examine_small("fourways-small, tuned", tune_small(halves.tuned, out / "small"), halves.held)
    fresh = Reader()
    learn(fresh, passes(halves.tuned, asked.seed))
    examine_reader("MiniLM, tuned without generated text", fresh, halves.held)


if __name__ == "__main__":
    main()
