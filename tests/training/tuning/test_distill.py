"""A student nears its teacher, on the rows' answers and on its own; the divergence is trl's."""

import json
import random
import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from tests.training.tuning.conftest import lines  # noqa: E402

from fourways.training.__main__ import main  # noqa: E402
from fourways.training.runs import Adapter, Distill  # noqa: E402
from fourways.training.tokenizer import learn_tokenizer, save_tokenizer  # noqa: E402
from fourways.training.tuning.distill import jensen_shannon  # noqa: E402
from fourways.training.tuning.documents import Document  # noqa: E402
from fourways.training.tuning.writing import last_answer  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


@pytest.fixture(scope="module")
def teacher(base, tmp_path_factory):
    """Return a wider model that knows something, of the same tokens."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("teacher")
    tokenizer = AutoTokenizer.from_pretrained(base)
    torch.manual_seed(9)
    config = LlamaConfig.from_pretrained(base, hidden_size=96, initializer_range=0.3)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


@pytest.mark.parametrize("on_policy", [0.0, 1.0])
def test_a_student_nears_its_teacher(on_policy, started, teacher):
    folder = started(
        method="distill",
        teacher=str(teacher),
        adapter=Adapter(kind="full"),
        distill=Distill(divergence=0.0, on_policy=on_policy, new_tokens=8),
        hyper={"learning_rate": 5e-3, "max_steps": 16, "epochs": 9.0},
    )
    assert main([str(folder)]) == 0
    told = json.loads((folder / "result.json").read_text())
    assert told["loss"]["valid_best"] < 0.85 * told["loss"]["valid_first"]
    assert told["teacher"]["licence"] == "mit"
    assert lines(folder)[-1]["loss"] < lines(folder)[1]["loss"]


def test_a_teacher_of_other_tokens_is_refused(started, teacher, tmp_path, capsys):
    other = shutil.copytree(teacher, tmp_path / "other")
    learned = learn_tokenizer(["quite other words, quite other pieces"] * 9, size=300)
    save_tokenizer(learned, other, window=256)
    folder = started(method="distill", teacher=str(other))
    assert main([str(folder)]) == 2
    assert "reads other tokens" in capsys.readouterr().err


def test_without_a_teacher_its_answers_are_learned(started):
    folder = started(method="distill", adapter=Adapter(kind="full"), hyper={"max_steps": 3})
    assert main([str(folder)]) == 0
    assert len(lines(folder)) == 4


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])
def test_the_divergence_is_trls(beta):
    gkd = pytest.importorskip("trl.experimental.gkd")
    chance = torch.Generator().manual_seed(1)
    student, teacher = (3 * torch.randn(2, 7, 50, generator=chance, dtype=torch.float64) for _ in range(2))
    wanted = gkd.GKDTrainer.generalized_jsd_loss(student, teacher, beta=beta, temperature=1.7, reduction="sum")
    got = jensen_shannon(student.flatten(0, 1), teacher.flatten(0, 1), beta, 1.7).sum()
    assert got.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert jensen_shannon(student[0], student[0], beta).abs().max() < 1e-6


def test_a_last_answer_begins_where_its_prompt_ends():
    chance = random.Random(1)
    for _ in range(20):
        prompt, answer, rest = (chance.randrange(1, 5) for _ in range(3))
        learned = (True,) + (False,) * prompt + (True,) * answer + (False,) * (rest - 1)
        assert last_answer(Document(tokens=tuple(range(len(learned))), learned=learned)) == 1 + prompt
