"""A causal model over HTTP, by a real process: the same answers as transformers, and all that OpenAI's wire has."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tests.engine.causal import Served, continued, make_adapter, make_model, serving

pytest.importorskip("torch", reason="needs fourways[engine]")
pytest.importorskip("transformers", reason="is compared with")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("causal")]

QUESTION = [{"role": "user", "content": "Who asks for leave?"}]
LONG = {"prompt": "The quick brown fox", "max_tokens": 200, "ignore_eos": True, "stream": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("causal")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    return make_model(folder / "base")


@pytest.fixture(scope="module")
def adapters(folder: Path, model: Path) -> list[Path]:
    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return [
        make_adapter(model, folder / "first"),
        make_adapter(model, folder / "second", seed=8, rank=2, target_modules=every, use_rslora=True),
    ]


@pytest.fixture(scope="module")
def served(folder: Path, model: Path, adapters: list[Path]) -> Iterator[Served]:
    with serving(folder, model, "--adapter", f"first={adapters[0]}", "--slots", "4", "--queue", "4") as served:
        yield served


def ids_of(served: Served, prompt: str) -> list[int]:
    found: list[int] = served.ask("/tokenize", {"prompt": prompt})["tokens"]
    return found


def test_it_answers_as_transformers_does(served: Served, model: Path) -> None:
    for prompt in ("The quick brown fox", "A pension is paid"):
        ids = ids_of(served, prompt)
        reply = served.ask("/v1/completions", {"prompt": prompt, "max_tokens": 24, "temperature": 0, "logprobs": 1})
        tokens = continued(model, ids, 24)
        spelled = served.ask("/v1/completions", {"prompt": ids + tokens, "max_tokens": 1, "echo": True})
        text = spelled["choices"][0]["text"]
        assert text.startswith(prompt + reply["choices"][0]["text"])
        assert reply["usage"]["completion_tokens"] == len(tokens)


def test_a_chat_is_rendered_by_the_models_template(served: Served, model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    ids: Any = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, return_dict=False)
    body = {"messages": QUESTION, "temperature": 0, "max_completion_tokens": 16}
    reply = served.ask("/v1/chat/completions", body)
    assert reply["choices"][0]["message"] == {
        "role": "assistant",
        "content": tokenizer.decode(continued(model, ids, 16), skip_special_tokens=True),
    }
    assert reply["usage"]["prompt_tokens"] == len(ids)
    parts = [
        {"role": "user", "content": [{"type": "text", "text": "Who asks "}, {"type": "text", "text": "for leave?"}]}
    ]
    again = served.ask("/v1/chat/completions", body | {"messages": parts})
    assert again["choices"] == reply["choices"]
    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] == len(ids) - 1


def test_a_stream_says_the_same_as_the_whole(served: Served) -> None:
    body = {"messages": QUESTION, "temperature": 0.9, "seed": 3, "max_tokens": 30, "n": 2, "logprobs": True}
    whole = served.ask("/v1/chat/completions", body)
    frames = served.streamed("/v1/chat/completions", body | {"stream_options": {"include_usage": True}})
    assert {frame["object"] for frame in frames} == {"chat.completion.chunk"}
    assert frames[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    for choice in whole["choices"]:
        mine = [f["choices"][0] for f in frames if f["choices"] and f["choices"][0]["index"] == choice["index"]]
        assert mine[0]["delta"] == {"role": "assistant", "content": ""}
        assert "".join(one["delta"].get("content", "") for one in mine) == choice["message"]["content"]
        assert [one["finish_reason"] for one in mine if one["finish_reason"]] == [choice["finish_reason"]]
        entries = [entry for one in mine if one["logprobs"] for entry in one["logprobs"]["content"]]
        assert entries == choice["logprobs"]["content"]
    assert len({choice["message"]["content"] for choice in whole["choices"]}) == 2


def test_a_seed_gives_the_same_answer_whatever_else_runs(served: Served) -> None:
    body = {"temperature": 1.0, "seed": 11, "max_tokens": 40, "top_p": 0.9, "top_k": 50}
    alone = served.text("A pension is", **body)
    assert served.text("A pension is", **body | {"seed": 12}) != alone
    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(served_copy(served).text, f"The {n} dogs", max_tokens=60) for n in range(3)]
        assert served.text("A pension is", **body) == alone
    assert all(other.result() for other in others)


def served_copy(served: Served) -> Served:
    return Served(process=served.process, port=served.port)


def test_stop_strings_end_an_answer_and_are_cut_off(served: Served) -> None:
    text = served.text("The quick brown fox", max_tokens=30)
    for width in (1, 3, 6):
        stop = text[10 : 10 + width]
        body = {"prompt": "The quick brown fox", "max_tokens": 30, "temperature": 0, "stop": [stop, "never"]}
        reply = served.ask("/v1/completions", body)
        assert reply["choices"][0]["text"] == text[: text.index(stop)]
        assert reply["choices"][0]["finish_reason"] == "stop"
        assert reply["usage"]["completion_tokens"] < 30
        frames = served.streamed("/v1/completions", body)
        assert "".join(frame["choices"][0]["text"] for frame in frames) == text[: text.index(stop)]
    kept = served.text("The quick brown fox", max_tokens=30, stop=text[10:13], include_stop_str_in_output=True)
    assert kept.endswith(text[10:13])


def test_logprobs_are_the_models(served: Served, model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    body = {"prompt": "The quick brown fox", "max_tokens": 3, "temperature": 0, "logprobs": 4}
    found = served.ask("/v1/completions", body)["choices"][0]["logprobs"]
    ids = ids_of(served, "The quick brown fox")
    logits = AutoModelForCausalLM.from_pretrained(model)(torch.tensor([ids])).logits[0, -1]
    wanted = torch.log_softmax(logits.double(), 0).topk(4).values.tolist()
    assert sorted(found["top_logprobs"][0].values(), reverse=True) == pytest.approx(wanted, abs=1e-3)
    assert found["token_logprobs"][0] == pytest.approx(wanted[0], abs=1e-3)


def test_an_answer_holds_to_its_schema(served: Served) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 6}, "paid": {"type": "boolean"}},
        "required": ["name", "paid"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    for seed in range(3):
        body = {"messages": QUESTION, "response_format": form, "seed": seed}
        reply = served.ask("/v1/chat/completions", body)
        found = json.loads(reply["choices"][0]["message"]["content"])
        assert (set(found), type(found["paid"])) == ({"name", "paid"}, bool)
        assert reply["choices"][0]["finish_reason"] == "stop"
    wrong = form | {"json_schema": {"name": "x", "schema": {"type": "strange"}}}
    assert "schema" in served.ask("/v1/chat/completions", body | {"response_format": wrong})["error"]["message"]
    assert served.status == 400


def test_adapters_answer_side_by_side_as_peft_does(served: Served, model: Path, adapters: list[Path]) -> None:
    ids = ids_of(served, "The office answers")
    reply = served.ask("/v1/load_lora_adapter", {"lora_name": "second", "lora_path": str(adapters[1])})
    assert (served.status, "Success" in reply) == (200, True)
    assert {one["id"] for one in served.ask("/v1/models")["data"]} == {"base", "first", "second"}
    body = {"prompt": "The office answers", "max_tokens": 20, "temperature": 0}
    with ThreadPoolExecutor(3) as pool:
        asking = {
            name: pool.submit(served_copy(served).ask, "/v1/completions", body | {"model": name})
            for name in ("base", "first", "second")
        }
        texts = {name: one.result()["choices"][0]["text"] for name, one in asking.items()}
    for name, adapter in (("base", None), ("first", adapters[0]), ("second", adapters[1])):
        tokens = continued(model, ids, 20, adapter)
        spelled = served.ask("/v1/completions", {"prompt": ids + tokens, "max_tokens": 1, "echo": True})
        assert spelled["choices"][0]["text"].startswith("The office answers" + texts[name]), name
    assert len(set(texts.values())) == 3
    served.ask("/v1/unload_lora_adapter", {"lora_name": "second"})
    assert served.ask("/v1/completions", body | {"model": "second"})["error"]["code"] == "not_found"
    assert served.text("The office answers", max_tokens=20) == texts["base"]


def test_an_adapter_for_another_base_is_refused(served: Served, folder: Path, adapters: list[Path]) -> None:
    wide = make_adapter(make_model(folder / "wide", hidden_size=32), folder / "stranger")
    reply = served.ask("/v1/load_lora_adapter", {"lora_name": "stranger", "lora_path": str(wide)})
    assert (served.status, "adapter for another" in reply["error"]["message"]) == (400, True)
    settings = json.loads((adapters[1] / "adapter_config.json").read_text())
    digested = folder / "digested"
    digested.mkdir()
    (digested / "adapter_model.safetensors").write_bytes((adapters[1] / "adapter_model.safetensors").read_bytes())
    (digested / "adapter_config.json").write_text(json.dumps(settings | {"base_digest": "0" * 64}))
    reply = served.ask("/v1/load_lora_adapter", {"lora_name": "digested", "lora_path": str(digested)})
    assert (served.status, "another base" in reply["error"]["message"]) == (400, True)
    (digested / "adapter_config.json").write_text(json.dumps(settings))
    (digested / "adapter_model.safetensors").rename(digested / "adapter_model.bin")
    reply = served.ask("/v1/load_lora_adapter", {"lora_name": "pickled", "lora_path": str(digested)})
    assert (served.status, "pickled" in reply["error"]["message"]) == (404, True)


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ({"prompt": "x " * 400}, "prompt", "maximum context length is 256 tokens"),
        ({"prompt": "x", "max_tokens": 300}, "max_tokens", "maximum context length is 256 tokens"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens", "1 or more"),
        ({"prompt": "x", "temperature": 3}, "temperature", "0 to 2"),
        ({"prompt": "x", "n": 0}, "n", "1 to 64"),
        ({"prompt": []}, "prompt", "empty"),
        ({"prompt": [400]}, "prompt", "outside 0 to 399"),
        ({"prompt": "x", "response_format": {"type": "xml"}}, "response_format", "json_schema"),
    ],
)
def test_a_bad_request_is_refused_in_openais_shape(
    served: Served, body: "dict[str, object]", param: str, message: str
) -> None:
    reply = served.ask("/v1/completions", body)
    assert (served.status, reply["error"]["param"]) == (400, param)
    assert message in reply["error"]["message"]


def test_a_client_that_hangs_up_frees_its_slot(served: Served) -> None:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("POST", "/v1/completions", json.dumps(LONG))
    connection.getresponse().read(60)
    before = served.metric('vllm:request_success_total{finished_reason="abort"')
    connection.sock.close() if connection.sock else None
    connection.close()
    deadline = time.monotonic() + 10
    while served.metric("vllm:num_requests_running{") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert served.metric("vllm:num_requests_running{") == 0
    assert served.metric('vllm:request_success_total{finished_reason="abort"') >= before


def test_a_full_queue_is_503_with_a_time_to_come_back(served: Served) -> None:
    statuses: list[int] = []

    def flood() -> None:
        mine = served_copy(served)
        mine.ask("/v1/completions", LONG | {"stream": False, "n": 4})
        statuses.append(mine.status)
        if mine.status == 503:
            assert mine.headers["retry-after"] == "1"

    threads = [threading.Thread(target=flood) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 503}


def test_openais_own_client_works(served: Served) -> None:
    import openai

    client = openai.OpenAI(base_url=f"http://127.0.0.1:{served.port}/v1", api_key="none")
    assert next(one.id for one in client.models.list()) == "base"
    reply = client.chat.completions.create(
        model="first", messages=[{"role": "user", "content": "leave?"}], max_tokens=8, logprobs=True, top_logprobs=2
    )
    assert reply.choices[0].logprobs
    assert reply.choices[0].logprobs.content
    assert len(reply.choices[0].logprobs.content[0].top_logprobs) == 2
    chunks = client.completions.create(model="base", prompt="leave", max_tokens=8, stream=True)
    assert any(chunk.choices[0].finish_reason for chunk in chunks)
    with pytest.raises(openai.NotFoundError, match="did you mean 'base'"):
        client.completions.create(model="bas", prompt="leave")


def test_another_architecture_is_served_by_transformers(folder: Path) -> None:
    from transformers import GPTNeoXConfig

    model = make_model(folder / "neox", config=GPTNeoXConfig, num_key_value_heads=4)
    adapter = make_adapter(model, folder / "neox-adapter", target_modules=["query_key_value"])
    with serving(folder, model, "--slots", "2", "--adapter", f"tuned={adapter}") as served:
        assert "does not cover 'gpt_neox'" in served.ask("/health")["parity"]
        ids = ids_of(served, "The quick brown fox")
        for name, path in (("base", None), ("tuned", adapter), ("base", None)):
            text = served.text("The quick brown fox", model=name, max_tokens=8)
            tokens = continued(model, ids, 8, path)
            whole = served.ask("/v1/completions", {"prompt": ids + tokens, "max_tokens": 1, "echo": True})
            assert whole["choices"][0]["text"].startswith("The quick brown fox" + text)
        with ThreadPoolExecutor(3) as pool:
            texts = [pool.submit(served_copy(served).text, "The quick brown fox", model="tuned", n=2) for _ in range(3)]
        assert len({one.result() for one in texts}) == 1
