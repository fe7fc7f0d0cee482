"""What all stages of a training from scratch know: the run, its folder, and what came of the stages before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourways.core.errors import InvalidRequest
from fourways.training.decoder import Size
from fourways.training.machine import Machine
from fourways.training.processes import Group
from fourways.training.rows import Chat, read_rows
from fourways.training.runs import Run
from fourways.training.scratch.asked import Dial
from fourways.training.scratch.dial import Derived, Shape, Text, derive, machine_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer


WINDOW = 2
"""Of a finished model, by the length of the rows that it learned from: rotary positions reach somewhat further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What all stages know: the run, its folder, and which of the processes this is, on what."""

    run: Run
    dial: Dial
    folder: Path
    group: Group
    machine: Machine

    def of(self, stage: str) -> Path:
        """Return a stage's folder."""
        return self.folder / "stages" / stage

    def made(self, stage: str) -> dict[str, Any]:
        """Return what came out of a stage that has ended."""
        content: dict[str, Any] = json.loads((self.of(stage) / "stage.json").read_text())
        return content

    def ended(self, stage: str) -> bool:
        """Whether a stage has ended."""
        return (self.of(stage) / "stage.json").exists()

    @property
    def corpus(self) -> Path:
        """The file of documents."""
        if self.run.data is None:
            raise InvalidRequest("run.toml has no [data]; right would be train = a file of documents", param="data")
        return self.folder / self.run.data.train

    @property
    def watched(self) -> Path | None:
        """The file of documents that are held out; None where they are to be taken from the corpus."""
        name = self.run.data.valid if self.run.data else ""
        return self.folder / name if name else None

    def chats(self) -> list[Chat]:
        """Read the chats of the instruction stage; none where there is no such file."""
        return read_rows(self.folder / self.dial.chat, Chat) if self.dial.chat else []

    def tokenizer(self) -> "Tokenizer":
        """Return the tokenizer that was learned."""
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self.of("tokenizer") / "tokenizer.json"))

    def end(self, stage: str, content: Mapping[str, Any]) -> None:
        """Write what came out of a stage, whole or not at all."""
        part = self.of(stage) / "stage.json.part"
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        part.replace(part.with_suffix(""))

    def size(self, shape: Shape) -> Size:
        """Return a shape in the decoder's words, with as many pieces as the tokenizer has."""
        return Size(
            vocabulary=self.made("tokenizer")["pieces"],
            width=shape.width,
            layers=shape.layers,
            heads=shape.heads,
            head=shape.head,
            hidden=shape.hidden,
            window=WINDOW * shape.length,
        )

    def derived(self) -> Derived:
        """Turn the dial once more, by what was counted and measured: the same in every process and at every start."""
        plan = self.made("plan")
        return derive(
            self.dial,
            Text(**plan["text"]),
            machine_of(self.dial, cores=plan["cores"]),
            tokens_per_second=plan["tokens_per_second"],
        )
