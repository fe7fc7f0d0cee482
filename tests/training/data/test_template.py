"""What a chat template makes of a row is shown as it is, with the places that are learned; a wrong one says why."""

import json
from pathlib import Path

import pytest

from fourways.core.errors import InvalidRequest
from fourways.training.data.rows import Row, Source, asked_and_answered
from fourways.training.data.template import ChatTemplate, read_template
from fourways.training.tokenizer import CHAT_TEMPLATE

HERE = Source(kind="file", name="a.jsonl", line=1)
TWO = Row(source=HERE, messages=(*asked_and_answered("Who?", "Dov."), *asked_and_answered("Where?", "Here.")))
STRICT = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<s>' + message.role + '\n' + message.content | trim }}"
    "{% generation %}{% endgeneration %}{{ '</s>' }}{% endfor %}"
)


def test_all_answers_are_learned_and_nothing_else():
    rendered = ChatTemplate(source=CHAT_TEMPLATE, tokens={}).rendered(TWO)
    assert rendered.text == (
        "<|user|>Who?<|end|><|assistant|>Dov.<|end|><|user|>Where?<|end|><|assistant|>Here.<|end|>"
    )
    assert [rendered.text[start:end] for start, end in rendered.learned] == ["Dov.", "Here."]
    assert rendered.exact


def test_of_judged_answers_the_wanted_one_is_shown():
    row = Row(source=HERE, messages=({"role": "user", "content": "Who?"},), chosen="Dov.", rejected="Ines.")
    rendered = ChatTemplate(source=CHAT_TEMPLATE, tokens={}).rendered(row)
    assert rendered.text.endswith("<|assistant|>Dov.<|end|>")
    text = Row(source=HERE, text="As it stands.")
    assert ChatTemplate(source=CHAT_TEMPLATE, tokens={}).rendered(text).text == "As it stands."


def test_a_template_that_changes_answers_is_told():
    row = Row(source=HERE, messages=asked_and_answered("Who?", " Dov. "))
    rendered = ChatTemplate(source=STRICT, tokens={"bos_token": "<b>"}).rendered(row)
    assert (rendered.exact, rendered.text[:3]) == (False, "<b>")


def test_a_conversation_that_the_template_refuses_says_why():
    row = Row(source=HERE, messages=({"role": "system", "content": "Be short."}, *TWO.messages))
    with pytest.raises(ValueError, match="System role not supported"):
        ChatTemplate(source=STRICT, tokens={}).rendered(row)


def test_a_template_can_reach_nothing_but_what_it_is_given():
    for source in ("{{ messages.__class__.__mro__ }}", "{% include '/etc/passwd' %}", "{{ messages.append(1) }}"):
        with pytest.raises(ValueError, match="does not take it"):
            ChatTemplate(source=source, tokens={}).rendered(TWO)


def base(folder: Path, settings: object, config: object) -> Path:
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_bases_template_is_read_with_its_tokens_and_window(tmp_path):
    settings = {"chat_template": CHAT_TEMPLATE, "bos_token": {"content": "<b>"}, "eos_token": "</s>"}
    found = read_template(base(tmp_path, settings, {"max_position_embeddings": 2048}))
    assert (found.source, found.tokens, found.window) == (
        CHAT_TEMPLATE,
        {"bos_token": "<b>", "eos_token": "</s>"},
        2048,
    )
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0].content }}")
    assert read_template(tmp_path).rendered(TWO).text == "Who?"


@pytest.mark.parametrize(
    ("settings", "says"),
    [({}, "has no chat template"), ({"chat_template": "{% for %}"}, "is no Jinja"),
     ({"chat_template": [{"name": "tool_use", "template": 1}]}, "has no chat template")],
)  # fmt: skip
def test_a_base_without_a_sound_template_says_what_is_missing(tmp_path, settings, says):
    with pytest.raises(InvalidRequest, match=says):
        read_template(base(tmp_path, settings, {}))


def test_a_reader_needs_no_template_and_no_row_is_too_long_for_it(tmp_path):
    config = {"architectures": ["BertForQuestionAnswering"], "max_position_embeddings": 512}
    rendered = read_template(base(tmp_path, {}, config)).rendered(TWO)
    assert rendered.text == "Who?\n\nDov.\n\nWhere?\n\nHere.\n\n"
    assert [rendered.text[start:end] for start, end in rendered.learned] == ["Dov.", "Here."]
    assert read_template(tmp_path).window is None
