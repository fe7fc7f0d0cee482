"""What replaces kernels of transformers computes the same, forth and back; masters move what a model computes with."""

import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import torch  # noqa: E402

from fourways.training.tuning import kernels  # noqa: E402
from fourways.training.tuning.masters import Masters  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


def load(base, dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(base, dtype=dtype)


def backward(model, mask):
    model.zero_grad()
    out = model(torch.arange(5, 45).view(2, 20), attention_mask=mask, use_cache=False).logits
    out.square().mean().backward()
    return [out.detach(), *(weight.grad for weight in model.parameters())]


@pytest.mark.parametrize("masked", [True, False])
def test_a_model_computes_the_same_with_them(masked, base):
    plain, fast = load(base), load(base)
    for weight, other in zip(plain.parameters(), fast.parameters(), strict=True):
        weight.data.mul_(3)
        other.data.mul_(3)
    kernels.use(fast)
    assert fast.config._attn_implementation == "fourways"
    assert isinstance(fast.model.norm.forward, kernels._Rooted)
    document = torch.arange(20) // 7
    block = (document[:, None] == document[None, :]) & torch.ones(20, 20, dtype=torch.bool).tril()
    mask = block.expand(2, 1, 20, 20) if masked else None
    for wanted, got in zip(backward(plain, mask), backward(fast, mask), strict=True):
        assert (wanted - got).norm() < 1e-5 * wanted.norm()


def test_a_norm_that_is_another_is_left_alone(base):
    class Other(torch.nn.Module):
        def __init__(self, shift):
            super().__init__()
            self.weight, self.variance_epsilon = torch.nn.Parameter(torch.ones(64)), 1e-6
            self.shift = shift

        def forward(self, x):
            return torch.nn.functional.rms_norm(x, (64,), self.weight + self.shift, 1e-6)

    assert kernels._is_rms(Other(0.0), 1e-6)
    assert not kernels._is_rms(Other(1.0), 1e-6)


def test_more_scores_than_fit_go_through_the_fused_kernel(monkeypatch, base):
    model = load(base)
    kernels.use(model)
    tokens = torch.arange(5, 25)[None]
    written = model(tokens, use_cache=False).logits
    monkeypatch.setattr(kernels, "MOST", 1)
    assert torch.allclose(model(tokens, use_cache=False).logits, written, atol=1e-5)


def test_masters_keep_what_bfloat16_would_lose(base):
    model = load(base)
    masters = Masters(model, torch.bfloat16)
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    name = "model.norm.weight"
    before = masters.weights[name].detach().clone()
    for _ in range(3):
        model(torch.arange(5, 25)[None], use_cache=False).logits.float().mean().backward()
        masters.collect()
    assert dict(model.named_parameters())[name].grad is None
    gradient = masters.weights[name].grad
    assert gradient is not None
    assert gradient.dtype == torch.float32
    optimizer = torch.optim.SGD(list(masters.weights.values()), lr=1e-4)
    for _ in range(100):
        optimizer.step()
    masters.spread()
    moved = masters.weights[name].detach() - before
    assert moved.abs().max() > 0
    assert torch.equal(dict(model.named_parameters())[name], masters.weights[name].to(torch.bfloat16))
