"""A model in training writes answers: to learn from its own, and to show how it speaks."""

from collections.abc import Sequence
from typing import Any

import torch

from fourways.training.machine import Machine
from fourways.training.tuning.documents import Document


class Writer:
    """Writes answers with a model as it is now."""

    def __init__(self, model: Any, tokenizer: Any, machine: Machine, *, most: int, length: int) -> None:  # noqa: ANN401
        """Take the model, the most tokens of an answer, and the most that the model reads."""
        self._model, self._tokenizer, self._machine = model, tokenizer, machine
        self._most, self._length = most, length

    def answered(self, documents: Sequence[Document], *, temperature: float) -> list[Document]:
        """Return the documents with their last answers written anew; torch's seed decides which."""
        prompts = [self._fitting(document.tokens[: last_answer(document)]) for document in documents]
        return [
            Document(tokens=(*prompt, *answer), learned=(*(False for _ in prompt), *(True for _ in answer)))
            for prompt, answer in zip(prompts, self.write(prompts, temperature=temperature), strict=True)
        ]

    @torch.no_grad()
    def write(self, prompts: Sequence[Sequence[int]], *, temperature: float) -> list[list[int]]:
        """Write an answer to each prompt, its end token included.

        Args:
            prompts: tokens.
            temperature: 0 for the likeliest token each time.
        """
        if not prompts:
            return []
        read = [list(prompt) for prompt in prompts]
        longest = max(len(prompt) for prompt in read)
        pad = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else self._tokenizer.eos_token_id
        tokens = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in read])
        seen = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in read])
        training = self._model.training
        self._model.eval()
        try:
            out = self._model.generate(
                input_ids=tokens.to(self._machine.device),
                attention_mask=seen.to(self._machine.device),
                max_new_tokens=self._most,
                do_sample=temperature > 0,
                temperature=temperature or None,
                top_k=0 if temperature else None,
                pad_token_id=pad,
            )
        finally:
            self._model.train(training)
        return [self._ended(answer) for answer in out[:, longest:].tolist()]

    def _fitting(self, prompt: tuple[int, ...]) -> tuple[int, ...]:
        """Return the end of a prompt that leaves room for an answer."""
        return prompt[-max(1, self._length - self._most) :]

    def _ended(self, answer: list[int]) -> list[int]:
        """Cut an answer behind the token that ends it."""
        ends = self._model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        at = next((at for at, token in enumerate(answer) if token in ends), len(answer) - 1)
        return answer[: at + 1]


def last_answer(document: Document) -> int:
    """Return where the last answer begins: what stands before is its prompt."""
    at = len(document.learned)
    while at > 0 and not document.learned[at - 1]:
        at -= 1
    while at > 0 and document.learned[at - 1]:
        at -= 1
    return at
