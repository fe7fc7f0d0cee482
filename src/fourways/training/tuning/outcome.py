"""What every tuning program ends with: what came out, saved, rounded where asked, measured, and with its card."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from fourways.training import card
from fourways.training.tuning import adapters, bases
from fourways.training.tuning.bench import Made, Opened
from fourways.training.tuning.loop import Course, Learned


def finish(
    bench: Opened,
    made: Made,
    course: Course[Any],
    learned: Learned,
    *,
    score: Callable[[Any], float],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """Save what came out, quantized where that is asked for, with its card; return the run's result.

    Args:
        score: returns a model's loss on the rows that it is watched by.
        more: what a method has to tell besides.
    """
    run, state, group = bench.run, learned.state, bench.group
    seconds, cpu = state.seconds, group.sum([state.cpu_seconds])[0]
    whole = run.adapter.kind == "full" or run.merge or bool(run.gguf) or run.quantize != "none"
    result: dict[str, Any] = {
        "method": run.method,
        "adapter": run.adapter.kind,
        "kind": "model" if whole else "adapter",
        "base": {"name": bench.base.name, "digest": bench.base.digest, "licence": bench.base.licence},
        "steps": state.step,
        "tokens": state.tokens,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "processes": group.size,
        "flops": made.flops_a_token * state.tokens,
        "peak_flops": learned.peak,
        "of_peak": round(made.flops_a_token * state.tokens / max(seconds, 1e-9) / (learned.peak * group.size), 4),
        "parameters": made.sizes.parameters,
        "trainable": made.sizes.trainable,
        "precision": "bf16" if bench.machine.bf16 else "float32",
        "loss": {
            "first": state.first,
            "last": state.last,
            "valid_first": state.valid_first,
            "valid_best": state.valid_best,
        },
        "best_step": state.best_step if course.valid else state.step,
        "stopped": learned.stopped,
        "derived": made.numbers.plain(),
        **more,
    }
    if state.before is not None:
        result["general"] = {"before": state.before, "after": learned.after}
    if group.writes:
        result |= _save(bench, made, result, whole=whole, score=score)
    group.wait()
    return result


def _save(
    bench: Opened, made: Made, result: Mapping[str, Any], *, whole: bool, score: Callable[[Any], float]
) -> dict[str, Any]:
    """Write `model/`, whole or not at all; return what was measured on the way."""
    run = bench.run
    told: dict[str, Any] = {}
    part = bench.folder / "model.unfinished"
    shutil.rmtree(part, ignore_errors=True)
    model = made.model
    if run.adapter.kind != "full":
        model.save_pretrained(part)
        adapters.name_base(part, bench.base.name)
    if whole:
        before = score(model) if run.adapter.kind != "full" or run.quantize != "none" or run.gguf else None
        if run.adapter.kind != "full":
            plain = bases.load_model(bench.base, "full", torch.float32)
            model = adapters.merged(plain, part).to(bench.machine.device)
            shutil.rmtree(part)
        bases.save_model(model, bench.base, part)
        bench.tokenizer.save_pretrained(part, save_jinja_files=False)
        told |= _rounded(bench, part, score, before)
        if before is not None:
            told["saved_loss"] = {"before": before, "after": score(bases.load_saved(part, bench.machine))}
    bench.tokenizer.save_pretrained(part, save_jinja_files=False)
    card.write_card(part, run=run, result={**result, **told})
    whole_folder = bench.folder / "model"
    shutil.rmtree(whole_folder, ignore_errors=True)
    part.replace(whole_folder)
    return told


def _rounded(bench: Opened, part: Path, score: Callable[[Any], float], before: float | None) -> dict[str, Any]:
    """Write the saved model in the shorter forms that are asked for; return what they took, and cost."""
    run = bench.run
    told: dict[str, Any] = {}
    if run.gguf:
        from fourways.training.tuning import gguf_export

        told["gguf"] = gguf_export.export_gguf(part, run.gguf)
        short = gguf_export.rounded(bases.load_saved(part, bench.machine), run.gguf)
        told["gguf"]["loss"] = {"before": before, "after": score(short)}
    if run.quantize != "none":
        from fourways.training.tuning import quantize

        told["quantized"] = quantize.quantize_folder(part, run.quantize)
    return told
