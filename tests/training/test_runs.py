import pytest

from fourways.core.errors import InvalidRequest
from fourways.training.runs import Adapter, Data, Hyper, Run, read_run, write_run


def test_a_run_reads_back_as_it_was_written(tmp_path):
    run = Run(
        method="sft",
        base='/models/with "quotes"',
        adapter=Adapter(kind="lora", targets=("q_proj", "v_proj")),
        data=Data(train="train.jsonl"),
        hyper=Hyper(learning_rate=2e-4),
        pretrain={"minutes": 1.5, "stages": {"sft": "sft.jsonl"}},
        report_to=("tensorboard",),
    )
    write_run(run, tmp_path / "new")
    assert read_run(tmp_path / "new") == run


def test_a_wrong_key_is_named(tmp_path):
    (tmp_path / "run.toml").write_text('method = "sft"\n[hyper]\nlearningrate = 1\n')
    with pytest.raises(InvalidRequest, match="learningrate"):
        read_run(tmp_path)
