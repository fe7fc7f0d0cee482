"""What a reader quotes: the likeliest span of all windows of all texts, or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fourways.core.reading import NOT_SAID
from fourways.training.machine import Machine
from fourways.training.tuning.windows import Cutter, Laid, Window, alike

LONGEST = 30
"""Tokens of an answer at most."""
HIDDEN = -1e4
"""The score of a token that no answer begins or ends with."""
SHORT = 200
"""Tokens of a row up to which attention written out is faster on a CPU than torch's: 1.8 times at 96, level at 200."""
TOGETHER = 16_384
"""Tokens that are read at a time, padding counted in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The likeliest span.

    Attributes:
        margin: of its score over that of none.
    """

    text: str
    margin: float

    @property
    def answer(self) -> str:
        """What the reader says."""
        return self.text if self.margin > 0 else NOT_SAID


NONE = Quote(text="", margin=float("-inf"))


def scores(model: Any, machine: Machine, laid: Laid) -> Tensor:  # noqa: ANN401 - transformers' class
    """Return how likely an answer begins and ends at each token: (rows, length, 2), float32."""
    device = machine.device
    written_out = machine.device.type == "cpu" and laid.tokens.shape[1] <= SHORT
    model.set_attn_implementation("eager" if written_out else "sdpa")
    with machine.computing():
        out = model(
            input_ids=laid.tokens.to(device), attention_mask=laid.seen.to(device), token_type_ids=laid.types.to(device)
        )
    both = torch.stack((out.start_logits, out.end_logits), 2).float()
    return both.masked_fill(~laid.allowed.to(device)[..., None], HIDDEN)


class Quoter:
    """Quotes with a model as it is now."""

    def __init__(self, model: Any, cutter: Cutter, machine: Machine) -> None:  # noqa: ANN401
        """Take the model, and who cuts texts for it."""
        self._model, self._cutter, self._machine = model, cutter, machine

    def quote(self, asked: Sequence[tuple[str, Sequence[str]]]) -> list[Quote]:
        """Return the best quote for each question with its texts."""
        cut = []
        for question, texts in asked:
            tokens = self._cutter.question(question)
            read = [self._cutter.text(text) for text in texts]
            cut.append([window for text in read for window in self._cutter.windows(tokens, text)])
        return self.of_windows(cut)

    @torch.no_grad()
    def of_windows(self, cut: Sequence[Sequence[Window]]) -> list[Quote]:
        """Return the best quote of each question's windows."""
        training = self._model.training
        self._model.eval()
        owners = [number for number, windows in enumerate(cut) for _ in windows]
        windows = [window for each in cut for window in each]
        best = [NONE] * len(cut)
        for part in alike(windows, most=TOGETHER):
            laid = self._cutter.lay([windows[number] for number in part])
            for number, row in zip(part, scores(self._model, self._machine, laid).cpu(), strict=True):
                best[owners[number]] = max(best[owners[number]], _best(row, windows[number]), key=_margin)
        self._model.train(training)
        return best


def _margin(quote: Quote) -> float:
    return quote.margin


def _best(row: Tensor, window: Window) -> Quote:
    """Return a window's likeliest span; `row` is (length, 2)."""
    piece = row[window.before : window.length - 1]
    if not len(piece):
        return NONE
    sums = piece[:, None, 0] + piece[None, :, 1]
    fits = torch.ones_like(sums, dtype=torch.bool).triu().tril(LONGEST - 1)
    first, last = divmod(int(sums.masked_fill(~fits, float("-inf")).argmax()), len(piece))
    text = window.text
    quoted = text.text[text.starts[window.start + first] : text.ends[window.start + last]]
    return Quote(text=quoted.strip(), margin=float(sums[first, last] - row[0].sum()))
