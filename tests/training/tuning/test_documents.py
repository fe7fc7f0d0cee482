"""What is learned of a chat is what the assistant says, found through the template; packing changes no loss."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.training.tuning.conftest import chats  # noqa: E402

from fourways.core.errors import InvalidRequest  # noqa: E402
from fourways.training.machine import this_machine  # noqa: E402
from fourways.training.rows import Turn  # noqa: E402
from fourways.training.tuning.answers import Answers  # noqa: E402
from fourways.training.tuning.documents import ChatReader, Document  # noqa: E402
from fourways.training.tuning.packing import SKIP, lay, lay_together  # noqa: E402
from fourways.training.tuning.reading import Reader  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]

CHAT = [
    Turn("system", "Be brief."),
    Turn("user", "Where does Ada live?"),
    Turn("assistant", "In Arles."),
    Turn("user", "And Bo?"),
    Turn("assistant", "In Bonn."),
]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}"
    "{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }} </s>"
    "{% elif m.role == 'user' %}<s>[INST] {{ m.content }} [/INST]{% else %}<<SYS>>{{ m.content }}<</SYS>>{% endif %}"
    "{% endfor %}"
)


@pytest.fixture
def tokenizer(base):
    return transformers.AutoTokenizer.from_pretrained(base)


def said(tokenizer, document):
    """Decode the learned tokens, run by run."""
    runs: list[list[int]] = []
    before = False
    for token, learned in zip(document.tokens, document.learned, strict=True):
        if learned and not before:
            runs.append([])
        if learned:
            runs[-1].append(token)
        before = learned
    return [tokenizer.decode(run).strip() for run in runs]


def test_all_the_assistants_turns_are_learned_with_their_ends(tokenizer):
    (document,) = next(ChatReader(tokenizer, length=256).read([CHAT]))
    assert said(tokenizer, document) == ["In Arles.<|end|>", "In Bonn.<|end|>"]
    assert not document.cut


@pytest.mark.parametrize(("template", "end"), [(CHATML, "<|im_end|>"), (LLAMA2, "</s>")])
def test_other_templates_turns_are_found_too(template, end, tokenizer):
    tokenizer.chat_template = template
    (document,) = next(ChatReader(tokenizer, length=256).read([CHAT]))
    assert said(tokenizer, document) == [f"In {town}.{' ' * (end == '</s>')}{end}" for town in ("Arles", "Bonn")]


def test_where_a_template_rewrites_earlier_turns_each_answer_is_a_document(tokenizer):
    tokenizer.chat_template = THINKING
    documents = next(ChatReader(tokenizer, length=256).read([CHAT]))
    assert [said(tokenizer, each) for each in documents] == [
        ["<think></think>In Arles.<|end|>"],
        ["<think></think>In Bonn.<|end|>"],
    ]


def test_a_template_that_refuses_a_chat_says_so(tokenizer):
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + CHATML
    )
    with pytest.raises(InvalidRequest, match="no system here"):
        next(ChatReader(tokenizer, length=256).read([CHAT]))


def test_what_is_too_long_loses_its_end_and_is_counted(tokenizer):
    whole = next(ChatReader(tokenizer, length=256).read([CHAT]))[0]
    (document,) = next(ChatReader(tokenizer, length=len(whole.tokens) - 5).read([CHAT]))
    assert document.cut
    assert document.tokens == whole.tokens[:-5]
    assert document.weight == sum(whole.learned[:-5])


def test_rows_are_laid_first_fit_and_none_is_lost():
    documents = [
        Document(tokens=tuple(range(5, 5 + length)), learned=(True,) * length) for length in (3, 8, 5, 2, 9, 30)
    ]
    (laid,) = lay(documents, most=1000)
    assert laid.tokens.shape == (2, 32)
    assert laid.weight == sum(length - 1 for length in (3, 8, 5, 2, 9, 30))
    assert laid.read == 57
    for number, document in enumerate(documents):
        here = laid.owner == number
        assert laid.tokens[here].tolist() == list(document.tokens)
        assert laid.targets[here].tolist() == [*document.tokens[1:], SKIP]
        assert laid.positions[here].tolist() == list(range(len(document.tokens)))
    assert [each.tokens.shape for each in lay(documents, most=32)] == [(1, 32), (2, 16)]
    assert lay(documents, most=1000, packed=False)[0].tokens.shape == (6, 32)


def test_groups_stay_together():
    documents = [Document(tokens=tuple(range(length)), learned=(True,) * length) for length in (3, 8, 5, 2, 9, 7)]
    laid = lay_together([documents[:2], documents[2:4], documents[4:]], most=20)
    assert sorted(number for numbers, _ in laid for number in numbers) == [0, 1, 2]
    for numbers, some in laid:
        assert set(some.owner.unique().tolist()) - {-1} == set(range(2 * len(numbers)))


def test_packing_changes_no_loss_and_no_gradient(base, tokenizer):
    machine, reader = this_machine("float32"), ChatReader(tokenizer, length=256)
    rows = [[Turn(**turn) for turn in row] for row in chats(12)] + [CHAT]
    documents = [each for some in reader.read(rows) for each in some]
    losses, gradients = [], []
    for packed in (True, False):
        model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        lesson = Answers(Reader(model, machine), most=4096, packed=packed)
        (part,) = lesson.lay(documents, 0)
        assert (part.laid.tokens.shape[0] < len(documents)) == packed
        loss = lesson.loss(part).total
        loss.backward()
        losses.append(loss.item())
        gradients.append(model.model.layers[0].self_attn.q_proj.weight.grad)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert torch.allclose(*gradients, atol=1e-5)


def test_scores_are_those_of_transformers_where_something_is_learned(base, tokenizer):
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    (document,) = next(ChatReader(tokenizer, length=256).read([CHAT]))
    tokens = torch.tensor([document.tokens])
    labels = torch.tensor(
        [[token if yes else SKIP for token, yes in zip(document.tokens, document.learned, strict=True)]]
    )
    wanted = model(input_ids=tokens, labels=labels).loss.item()
    reader = Reader(model, this_machine("float32"))
    (laid,) = lay([document], most=4096)
    assert reader.scores(laid).shape == (document.weight, model.config.vocab_size)
    assert reader.losses(laid).mean().item() == pytest.approx(wanted, rel=1e-6)
    assert model(tokens).logits.shape == (1, len(document.tokens), model.config.vocab_size)
