"""POST /v1/chat/completions through a real server, by the stock OpenAI client."""


def ask(client, **body):
    return client.chat.completions.create(
        **{"model": "parrot", "messages": [{"role": "user", "content": "hello dear world"}], **body}
    )


def test_a_chat_is_answered_whole(serve):
    answer = ask(serve().client())
    assert answer.choices[0].message.content == "hello dear world"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 6
    assert answer.model == "parrot"


def test_a_chat_is_streamed(serve):
    chunks = list(ask(serve().client(), stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "hello dear world"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 3
