"""What a decoder writes, greedily: samples along the way, by reading all again for each token: slow, simple, right."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from fourways.training.scratch.scorer import Scorer
from fourways.training.tokenizer import END, PAD, SPECIAL

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@torch.no_grad()
def write(scorer: Scorer, prompts: Sequence[Sequence[int]], *, longest: int) -> list[list[int]]:
    """Return what follows each prompt, up to the end token or so many tokens; of all in one batch."""
    device = next(scorer.parameters()).device
    lines = [list(prompt) for prompt in prompts]
    going = list(range(len(lines)))
    for _ in range(longest):
        width = max(len(lines[number]) for number in going)
        tokens = torch.tensor([[*lines[n], *[SPECIAL[PAD]] * (width - len(lines[n]))] for n in going], device=device)
        last = torch.tensor([len(lines[number]) - 1 for number in going], device=device)
        with device, torch.autocast(device.type, torch.bfloat16):
            at = torch.arange(len(going), device=device) * width + last
            best = scorer(tokens, torch.zeros_like(tokens), at).argmax(-1).tolist()
        for number, token in zip(going, best, strict=True):
            lines[number].append(token)
        going = [number for number in going if lines[number][-1] != SPECIAL[END]]
        if not going:
            break
    return [line[len(prompt) :] for line, prompt in zip(lines, prompts, strict=True)]


def sampler(tokenizer: "Tokenizer", prompt: Sequence[int], *, longest: int = 32) -> Callable[[Scorer], str]:
    """Return what writes a sample: the prompt, and how a model goes on."""
    shown = tokenizer.decode(list(prompt), skip_special_tokens=True)

    def sample(scorer: Scorer) -> str:
        return f"{shown} | {tokenizer.decode(write(scorer, [prompt], longest=longest)[0])}"

    return sample
