"""Training in seconds, on a few thousand weights: it learns, resumes to the same curve, and transformers reads it."""

import json
import random
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from fourways.core.errors import InvalidRequest  # noqa: E402
from fourways.training.decoder import Decoder, Size, begin, load, save  # noqa: E402
from fourways.training.reader.batches import SKIP, Part, Recipe, Stage, Tree, batch_at, cut, pack, read_document  # noqa: E402
from fourways.training.reader.chats import chat  # noqa: E402
from fourways.training.reader.facts import write_facts  # noqa: E402
from fourways.training.reader.inventing import Inventor  # noqa: E402
from fourways.training.reader.pretrain import keep, optimizers, train  # noqa: E402
from fourways.training.reader.scoring import answer, exact, f1, plain, unseen_exams  # noqa: E402
from fourways.training.reader.small import Facts, stages  # noqa: E402
from fourways.training.tokenizer import learn_tokenizer  # noqa: E402

PIECES = 300
SIZE = Size(vocabulary=PIECES, width=32, layers=2, heads=2, head=16, hidden=48)


@pytest.fixture(scope="module")
def tokenizer():
    chance = random.Random(1)
    return learn_tokenizer([write_facts(Inventor(chance), 4, questions=4).passage for _ in range(20)], size=PIECES)


def recipe(steps, maker, length=64):
    stage = Stage(name="only", tokens=steps * 256, mixture=((1.0, maker),), lengths=((1.0, length),))
    return Recipe(size=SIZE, stages=(stage,), batch=256, every=2, warm=2)


def losses(folder):
    lines = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def whole(tokens):
    return Part(tokens=tokens, targets=tokens)


def test_only_answers_are_learned_and_their_ends(tokenizer):
    (part,) = read_document("<|user|>Who?<|end|><|assistant|>Ada<|end|>", tokenizer)
    learned = [target for target in part.targets if target != SKIP]
    assert learned == tokenizer.encode("Ada<|end|>").ids
    assert len(part.tokens) == len(part.targets)


def test_packed_documents_do_not_see_each_other(tokenizer):
    model = Decoder(SIZE)
    begin(model, 1)
    one, two = (whole([5, 6, 7, 8]),), (whole([9, 10, 11]),)
    packed = pack([one, two], rows=1, length=16)
    alone = pack([two], rows=1, length=16)
    with torch.no_grad():
        together, apart = model(packed.tokens, packed.documents), model(alone.tokens, alone.documents)
    assert torch.allclose(together[0, 4:7], apart[0, :3], atol=2e-2)


def test_a_branch_reads_as_if_it_alone_stood_behind_the_trunk():
    model = Decoder(SIZE)
    begin(model, 1)
    trunk, one, two = [5, 6, 7], [8, 9], [10, 11, 12]
    tree = pack([(whole(trunk), whole(one), whole(two))], rows=1, length=12)
    alone = pack([(whole([*trunk, *two]),)], rows=1, length=12)
    with torch.no_grad():
        together = model(tree.tokens, tree.documents, tree.places)
        apart = model(alone.tokens, alone.documents, alone.places)
    assert torch.allclose(together[0, 5:8], apart[0, 3:6], atol=2e-2)
    assert torch.allclose(together[0, :3], apart[0, :3], atol=2e-2)


def test_a_tree_reads_as_the_chat_of_each_of_its_questions(tokenizer):
    trunk, *branches = read_document(
        Tree(trunk="<|user|>P.\n\nQuestion:", branches=("Who?<|end|><|assistant|>Ada<|end|>", "When?<|end|>")),
        tokenizer,
    )
    (chat,) = read_document("<|user|>P.\n\nQuestion: Who?<|end|><|assistant|>Ada<|end|>", tokenizer)
    assert trunk.tokens + branches[0].tokens == chat.tokens
    assert trunk.targets + branches[0].targets == chat.targets


def test_what_does_not_fit_loses_its_last_branches():
    tree = (whole([1, 2, 3]), whole([4]), whole([5, 6]))
    assert cut(tree, 6) == tree
    assert cut(tree, 5) == tree[:2]
    assert cut(tree, 3) == ()
    assert cut((whole([1, 2]),), 1) == ()
    packed = pack([tree], rows=1, length=5)
    assert packed.tokens.tolist() == [[1, 2, 3, 4, 0]]
    assert packed.places.tolist() == [[0, 1, 2, 3, 0]]


def test_a_later_token_changes_nothing_before_it():
    model = Decoder(SIZE)
    begin(model, 1)
    same = torch.zeros(1, 6, dtype=torch.long)
    with torch.no_grad():
        a = model(torch.tensor([[5, 6, 7, 8, 9, 10]]), same)
        b = model(torch.tensor([[5, 6, 7, 8, 9, 99]]), same)
    assert torch.equal(a[:, :5], b[:, :5])


def test_a_batch_is_its_seed_and_step(tokenizer):
    plan = recipe(4, Facts(1, 1))
    assert torch.equal(batch_at(plan, tokenizer, 2).tokens, batch_at(plan, tokenizer, 2).tokens)
    assert not torch.equal(batch_at(plan, tokenizer, 2).tokens, batch_at(plan, tokenizer, 3).tokens)


def test_rates_rise_stay_and_fall():
    plan = recipe(100, Facts(1, 1))
    assert plan.steps() == 100
    assert plan.rate_at(0) == pytest.approx(0.5)
    assert plan.rate_at(25) == 1.0
    assert plan.rate_at(60) < 0.6
    assert 0 < plan.rate_at(99) < 0.1


def test_a_batch_that_is_no_whole_number_of_rows_is_refused(tokenizer, tmp_path):
    with pytest.raises(InvalidRequest, match="make it"):
        train(recipe(1, Facts(1, 1), length=100), tokenizer, tmp_path, compiled=False)


def test_every_length_has_to_divide_a_batch(tokenizer, tmp_path):
    plan = recipe(1, Facts(1, 1))
    stage = replace(plan.stages[0], lengths=((1.0, 64), (1.0, 48)))
    with pytest.raises(InvalidRequest, match="make it 192 times some"):
        train(replace(plan, stages=(stage,)), tokenizer, tmp_path, compiled=False)


def test_another_recipe_does_not_go_on_in_a_folder_unless_it_is_told_to(tokenizer, tmp_path):
    plan = replace(recipe(4, Facts(1, 1), length=256), name="one")
    train(plan, tokenizer, tmp_path, compiled=False, until=2)
    other = replace(plan, name="two")
    with pytest.raises(InvalidRequest, match="--replan"):
        train(other, tokenizer, tmp_path, compiled=False)
    train(other, tokenizer, tmp_path, compiled=False, replan=True)
    plans = [json.loads(line) for line in (tmp_path / "plans.jsonl").read_text().splitlines()]
    assert [(line["from"], line["recipe"]) for line in plans] == [(0, "one"), (2, "two")]


@pytest.mark.slow
def test_it_learns_and_resumes_to_the_same_curve(tokenizer, tmp_path):
    quiet: list[str] = []
    plan = recipe(24, Facts(1, 1), length=256)
    whole = train(plan, tokenizer, tmp_path / "whole", compiled=False, say=quiet.append)
    train(plan, tokenizer, tmp_path / "cut", compiled=False, until=10, say=quiet.append)
    resumed = train(plan, tokenizer, tmp_path / "cut", compiled=False, say=quiet.append)
    for (name, weight), other in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(weight, other), name
    assert losses(tmp_path / "whole")[-1] < 5.5


def test_steps_that_are_done_again_are_reported_once(tokenizer, tmp_path):
    plan, model = recipe(24, Facts(1, 1)), Decoder(SIZE)
    keep(model, optimizers(model, plan), tmp_path, 10)
    (tmp_path / "steps.jsonl").write_text('{"step": 5}\n{"step": 10}\n{"step": 15}\n{"step": 2')
    train(plan, tokenizer, tmp_path, compiled=False, until=10)
    assert (tmp_path / "steps.jsonl").read_text() == '{"step": 5}\n{"step": 10}\n'


def test_transformers_reads_the_weights_and_computes_the_same(tmp_path):
    transformers = pytest.importorskip("transformers")
    model = Decoder(SIZE)
    begin(model, 1)
    save(model, tmp_path, end=1, pad=0)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ours = Decoder(SIZE)
    load(ours, tmp_path)
    tokens = torch.randint(5, PIECES, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = theirs(tokens).logits
        got = ours.scores(ours(tokens, torch.zeros_like(tokens)))
    assert (wanted - got).abs().max() < 0.02 * wanted.abs().max()


def test_exams_are_scored_by_the_whole_answer(tokenizer):
    exams = unseen_exams(2, 8, 1, said=True)
    assert len(exams) == 8
    assert all(exam.question.answer for exam in exams)
    assert not any(exam.question.answer for exam in unseen_exams(2, 8, 1, said=False))
    model = Decoder(SIZE)
    begin(model, 1)
    assert exact(model, tokenizer, exams) == 0.0


def test_no_exam_is_left_out_for_its_length(tokenizer):
    class Oracle(Decoder):
        """Reads each next token off the text, and so answers all."""

        read = 0

        def forward(self, tokens, documents, places=None):
            self.read += sum(len(set(row.tolist()) - {-1}) for row in documents)
            return torch.nn.functional.one_hot(tokens.roll(-1, 1), PIECES).float()

        def scores(self, states):
            return states

    oracle, exams = Oracle(SIZE), unseen_exams(12, 24, 1, said=True)
    lengths = [len(tokenizer.encode(exam.passage).ids) for exam in exams]
    assert max(lengths) > 512 > min(lengths)
    assert exact(oracle, tokenizer, exams) == 1.0
    assert oracle.read == len(exams)


@pytest.mark.parametrize(
    ("given", "right", "score"),
    [("The Broncos", "broncos.", 1.0), ("two", "three", 0.0), ("Super Bowl XXXIII", "Super Bowl", 0.8)],
)
def test_f1_is_squads(given, right, score):
    assert f1(given, right) == pytest.approx(score)
    assert plain("An apple, a day!") == "apple day"


def test_the_recipe_is_whole():
    for begun in (False, True):
        parts = stages("", 1_000_000, begun=begun)
        assert sum(part.tokens for part in parts) == pytest.approx(1_000_000, rel=0.01)
    assert chat("P", []) == ""


def test_what_is_answered_is_what_is_scored(tokenizer):
    model = Decoder(SIZE)
    begin(model, 1)
    exam = unseen_exams(1, 1, 1, said=True)[0]
    given = answer(model, tokenizer, [exam], longest=3)[0]
    tokens = tokenizer.encode(chat(exam.passage, [exam.question]).rpartition("<|assistant|>")[0] + "<|assistant|>").ids
    for _ in range(3):
        with torch.no_grad():
            states = model(torch.tensor([tokens]), torch.zeros(1, len(tokens), dtype=torch.long))
        tokens.append(int(model.scores(states)[0, -1].argmax()))
    assert tokenizer.decode(tokens[-3:]) == given
