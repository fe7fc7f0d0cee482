"""A span reader on MiniLM beside `fourways-small`, before and after tuning on XQuAD: one command, a line for each.

    OMP_WAIT_POLICY=PASSIVE python -m benchmarks.reader [--tokens 1.8] [--passes 3] [--out FOLDER]

The reader is made by `training/reader/spans`. It learns from what `fourways-small` learned from, and never from XQuAD
until both are tuned on it, by one program: three passes over some 1,000 of its questions, measured on the other
articles' questions.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.quality.corpora import DATA
from fourways.core.reading import NOT_SAID
from fourways.training.decoder import Decoder, load
from fourways.training.reader import scoring
from fourways.training.reader.scoring import Exam, f1, plain, read_xquad, unseen_exams
from fourways.training.reader.small import SIZE
from fourways.training.reader.spans import interval, learn, open_quoter, quotes_of, row_of
from fourways.training.runs import Adapter, Data, Hyper, Run, write_run
from fourways.training.tuning.quoting import Quoter

SMALL = Path(__file__).resolve().parents[1] / "src" / "fourways" / "weights" / "fourways-small"
HELD = 190
"""Questions of XQuAD that are not tuned on, and the rest of their articles."""


# ---------------------------------------------------------------- what is read


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


def examine_reader(name: str, folder: Path, xquad: Sequence[Exam]) -> None:
    print(name, flush=True)
    quoter = open_quoter(folder)
    for facts, exams in UNSEEN.items():
        quotes = quotes_of(quoter, exams)
        forced = sum(quote.text == exam.question.answer for quote, exam in zip(quotes, exams, strict=True)) / len(exams)
        print(f"  {facts}: {said(exams, [quote.answer for quote in quotes])}; made to quote {forced:.1%}")
    print(f"  does not say: {said(UNSAID, [quote.answer for quote in quotes_of(quoter, UNSAID)])}")
    read_reader(quoter, xquad)


def read_reader(quoter: Quoter, xquad: Sequence[Exam]) -> None:
    begun = time.process_time()
    quotes = quotes_of(quoter, xquad)
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


def tune(base: Path, exams: Sequence[Exam], folder: Path, passes: float) -> Path:
    """Tune all weights of a base by the platform's own program and its table of defaults."""
    data, adapter = Data(train="rows.jsonl"), Adapter(kind="full")
    write_run(Run(method="sft", base=str(base), adapter=adapter, data=data, hyper=Hyper(epochs=passes)), folder)
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row_of(exam))}\n" for exam in exams))
    subprocess.run([sys.executable, "-m", "fourways.training", str(folder)], check=True)
    told(folder)
    return folder / "model"


def told(folder: Path) -> None:
    result = json.loads((folder / "result.json").read_text())
    kept = ("steps", "tokens", "seconds", "cpu_seconds", "loss")
    print(f"    { ({key: result[key] for key in kept}) }", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader", description=__doc__)
    parser.add_argument("--tokens", type=float, default=1.8, help="of generated text, in millions")
    parser.add_argument("--passes", type=float, default=3.0, help="over the questions that are tuned on")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of xquad and handbook_18f")
    parser.add_argument("--out", type=Path, help="a new folder for what is tuned; a temporary one otherwise")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    out = asked.out or Path(tempfile.mkdtemp(prefix="reader-"))
    xquad = asked.data / "xquad" / "xquad.en.json"
    halves, work = divide(xquad, asked.seed), (out / "reader").resolve()

    def tuned(base: Path, name: str) -> Path:
        return tune(base, halves.tuned, out / name, asked.passes)

    there = {name: sum(str(e.question.answer) in e.passage for e in exams) for name, exams in UNSEEN.items()}
    print(f"answers that stand in their passage letter for letter, of 256: {there}")
    print("MiniLM learns from generated text", flush=True)
    learn(work, asked.data / "handbook_18f" / "pages", tokens=asked.tokens * 1e6, seed=asked.seed)
    told(work)
    examine_reader("the reader", work / "model", read_xquad(xquad))
    print("the reader, articles held back")
    read_reader(open_quoter(work / "model"), halves.held)
    print(f"the reader is tuned on {len(halves.tuned)} questions", flush=True)
    examine_reader("the reader, tuned", tuned(work / "model", "tuned"), halves.held)
    examine_small("fourways-small, articles held back", SMALL, halves.held)
    examine_small("fourways-small, tuned", tuned(SMALL, "small"), halves.held)
    examine_reader("MiniLM, tuned without generated text", tuned(work / "base", "fresh"), halves.held)


if __name__ == "__main__":
    main()
