"""The tokenizer loses nothing, and reads a word the same way wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.training.tokenizer import CHAT_TEMPLATE, SPECIAL, learn_tokenizer, save_tokenizer

TEXTS = [
    "The old harbour of Fooville was built in 1742, and the new one in 1803.",
    "Who built the harbour of Fooville?",
] * 9


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(TEXTS, size=320)


def test_the_special_tokens_have_their_numbers(tokenizer):
    assert {token: tokenizer.token_to_id(token) for token in SPECIAL} == dict(SPECIAL)


@given(text=st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_any_text_comes_back(tokenizer, text):
    wanted = text.removeprefix(" ")
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False).removeprefix(" ") in {text, wanted}


def test_a_word_is_the_same_pieces_at_the_start_of_an_answer_as_within_a_passage(tokenizer):
    within = tokenizer.encode("<|user|>of Zorblat was<|end|>").tokens
    alone = tokenizer.encode("<|assistant|>Zorblat<|end|>").tokens[1:-1]
    assert " ".join(alone) in " ".join(within)


def test_digits_are_read_one_by_one(tokenizer):
    assert len(tokenizer.encode("1742").ids) == 4


def test_transformers_reads_it_and_its_template(tokenizer, tmp_path):
    transformers = pytest.importorskip("transformers")
    save_tokenizer(tokenizer, tmp_path, window=512)
    read = transformers.AutoTokenizer.from_pretrained(tmp_path)
    messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Nobody."}]
    text = read.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "<|user|>Who?<|end|><|assistant|>Nobody.<|end|><|assistant|>"
    assert read(text, add_special_tokens=False)["input_ids"] == tokenizer.encode(text, add_special_tokens=False).ids
    assert read.chat_template == CHAT_TEMPLATE
