"""A folder of a span reader, opened: where in a window the answer likeliest stands, and how much likelier than none."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fourways.core.errors import InvalidRequest, MissingPackage
from fourways.engine.bert import Bert
from fourways.engine.checkpoints import digest_of, files_of, read_tensors
from fourways.engine.folders import BertShape, find_folder, read_shape, weights_of
from fourways.engine.opening import Options
from fourways.engine.parity import NOT_COMPARED, Agreement, judge, near_of, remembered, version
from fourways.engine.precision import choose
from fourways.engine.shapes import read_config
from fourways.engine.tokens import Tokens, WordPieces
from fourways.models.folders import PACKAGED, READER, verify

log = logging.getLogger(__name__)

WINDOW = 512
"""Tokens of a window at most, whatever the model has positions for."""
LEAST = 16
"""Tokens of the smallest window that is of use."""
LONGEST = 30
"""Tokens of an answer at most."""
WORDS = "bert.embeddings.word_embeddings.weight"


class Scorer(Protocol):
    """Tokens in, how likely an answer begins and ends at each out. `scores` may run in several threads at once.

    Attributes:
        name, build, window: see `parity.Computing`.
        precision: what it computes in, and why, for people to read.
    """

    name: str
    build: str
    window: int
    precision: str

    def scores(self, batch: Sequence[Tokens]) -> list[Tensor]:
        """Return logits of begin and end, (tokens, 2) float32, for each sequence."""
        ...


class BertScorer:
    """Our own forward pass: windows packed, none padded."""

    def __init__(self, weights: Mapping[str, Tensor], shape: BertShape, options: Options, window: int) -> None:
        self.window, self.build = window, str(torch.__version__)
        self._weight, self._bias = weights["qa_outputs.weight"].float(), weights["qa_outputs.bias"].float()
        probe = probe_of(len(weights[WORDS]), window)
        chosen = choose(options.dtype, lambda kind: Bert(weights, shape, kind), self._rows, probe)
        self._bert, self.precision = chosen.model, chosen.reason
        self.name = f"bert, {str(self._bert.dtype).removeprefix('torch.')}"

    def scores(self, batch: Sequence[Tokens]) -> list[Tensor]:
        """Return logits of begin and end for each sequence."""
        with torch.inference_mode():
            found = self._scores(self._bert, batch)
            return list(torch.split_with_sizes(found, [len(tokens.ids) for tokens in batch]))

    def _scores(self, bert: Bert, batch: Sequence[Tokens]) -> Tensor:
        return functional.linear(bert.states(batch).float(), self._weight, self._bias)

    def _rows(self, bert: Bert, batch: Sequence[Tokens]) -> Tensor:
        return self._scores(bert, batch).T


class TransformersScorer:
    """Any other BERT, by transformers itself in float32, one window after the other."""

    precision = "float32 (transformers)"

    def __init__(self, folder: Path, weights: Mapping[str, Tensor], window: int) -> None:
        try:
            import transformers
        except ImportError as error:
            raise MissingPackage("transformers", "train") from error
        library: Any = transformers
        config = library.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        config.quantization_config = None
        self.name, self.build, self.window = "transformers, float32", str(library.__version__), window
        self._model = library.BertForQuestionAnswering(config)
        try:
            missing = self._model.load_state_dict({n: t.float() for n, t in weights.items()}, strict=False).missing_keys
        except RuntimeError as error:
            raise InvalidRequest(f"{folder}: its weights are not those of its config.json: {error}") from error
        if missing:
            raise InvalidRequest(_lacking(folder, missing))
        self._model.eval()

    def scores(self, batch: Sequence[Tokens]) -> list[Tensor]:
        """Return logits of begin and end for each sequence."""
        with torch.inference_mode():
            return [self._one(tokens) for tokens in batch]

    def _one(self, tokens: Tokens) -> Tensor:
        kinds = [int(tokens.second is not None and at >= tokens.second) for at in range(len(tokens.ids))]
        out = self._model(input_ids=torch.tensor([list(tokens.ids)]), token_type_ids=torch.tensor([kinds]))
        return torch.stack([out.start_logits[0], out.end_logits[0]], 1).float()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedReader:
    """A span reader, ready.

    Attributes:
        parity: what the comparison with transformers found, for people to read.
    """

    scorer: Scorer
    words: WordPieces
    parity: str

    def encode(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Find the likeliest span of each window: rows of margin over none, first token, last token (of the piece)."""
        scores = self.scorer.scores(batch)
        found = [likeliest(one, tokens.second or 0) for one, tokens in zip(scores, batch, strict=True)]
        return np.asarray(found, np.float32)


def likeliest(scores: Tensor, second: int) -> tuple[float, int, int]:
    """Return the likeliest span of at most `LONGEST` tokens, all of the piece.

    Args:
        scores: (tokens, 2), the window's; the first token stands for none, the last one closes.
        second: where the piece begins.

    Returns:
        By how much its sum of begin and end exceeds none's; its first and last token, counted from `second`.
    """
    begins, ends = scores[second:-1].unbind(1)
    within = functional.pad(ends, (0, LONGEST - 1), value=float("-inf")).unfold(0, LONGEST, 1)
    sums = begins[:, None] + within
    first, more = divmod(int(sums.argmax()), LONGEST)
    return float(sums[first, more] - scores[0].sum()), first, first + more


def open_reader(folder: Path, options: Options) -> LoadedReader:
    """Open a folder of a span reader.

    Raises:
        NotFound: it holds no safetensors, or no tokenizer.
        InvalidRequest: its weights are not those of its `config.json`.
        Unavailable: the words it builds on are not the ones promised.
    """
    torch.set_num_threads(1)  # one pack a worker, each worker on a core of its own
    config, shape = read_config(folder), read_shape(folder)
    words, weights = WordPieces(folder, WINDOW), _weights(folder, config)
    window = min(WINDOW, options.window or WINDOW, int(config.get("max_position_embeddings", WINDOW)))
    if window < LEAST:
        raise InvalidRequest(f"a window of {window} tokens has no room for a question and a text; {LEAST} would do")
    reason = "asked for" if shape else "our own BERT has absolute positions and gelu alone"
    if shape is not None and options.decoder != "transformers":
        _check(folder, weights, shape, config)
        scorer = BertScorer(weights, shape, options, window)
        found = (
            _compared(scorer, folder, weights, config)
            if options.probe
            else Agreement(agrees=True, found="not compared")
        )
        if found.agrees:
            log.info("%s (%s) serves %s: %s", scorer.name, scorer.precision, folder, found.found)
            return LoadedReader(scorer=scorer, words=words, parity=found.found)
        reason = found.found
    log.warning("transformers itself serves %s, one window at a time: %s", folder, reason)
    fallback = TransformersScorer(folder, weights, window)
    return LoadedReader(scorer=fallback, words=words, parity=f"transformers itself: {reason}")


def _weights(folder: Path, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Load the folder's tensors; the words' embeddings are a packaged model's where `config.json` says so."""
    tensors = read_tensors(folder, config)
    name = (config.get("fourways") or {}).get("words")
    if name is not None:
        tensors[WORDS] = _packaged_words(folder, name)
    return tensors


def _packaged_words(folder: Path, name: object) -> Tensor:
    from safetensors import safe_open

    if not isinstance(name, str) or name not in PACKAGED:
        known = ", ".join(sorted(PACKAGED))
        raise InvalidRequest(f"{folder} builds on the words of '{name}' (fourways.words); there is: {known}")
    path = weights_of(find_folder(name))
    verify(path, PACKAGED[name].sha256)
    with safe_open(path, "pt") as file:
        found: Tensor = file.get_tensor(WORDS.removeprefix("bert."))
    return found


def _check(folder: Path, weights: Mapping[str, Tensor], shape: BertShape, config: Mapping[str, Any]) -> None:
    """Compare names and shapes with what the config says; raises `InvalidRequest`."""
    expected = _expected(shape, config)
    if lacking := sorted(set(expected) - set(weights)):
        raise InvalidRequest(_lacking(folder, lacking))
    for name, right in expected.items():
        found = tuple(weights[name].shape)
        if found != right:
            raise InvalidRequest(f"{folder}: {name} is {found}; by its config.json {right} would be right")


def _lacking(folder: Path, names: Sequence[str]) -> str:
    return f"{folder} lacks weights: {', '.join(names[:3])}; all that transformers' {READER} has would be right"


def _expected(shape: BertShape, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the tensors' names and shapes, as transformers has them; a pooler is not read."""
    width, inner = shape.hidden_size, int(config.get("intermediate_size", 3072))
    tables = {
        "word_embeddings": int(config.get("vocab_size", 30522)),
        "position_embeddings": shape.max_position_embeddings,
        "token_type_embeddings": int(config.get("type_vocab_size", 2)),
    }
    linear = {
        "attention.self.query": (width, width),
        "attention.self.key": (width, width),
        "attention.self.value": (width, width),
        "attention.output.dense": (width, width),
        "intermediate.dense": (inner, width),
        "output.dense": (width, inner),
    }
    layers = [f"bert.encoder.layer.{number}" for number in range(shape.num_hidden_layers)]
    matrices = {f"{at}.{name}": size for at in layers for name, size in linear.items()} | {"qa_outputs": (2, width)}
    norms = [f"{at}.{name}.LayerNorm" for at in layers for name in ("attention.output", "output")]
    expected: dict[str, tuple[int, ...]] = {f"bert.embeddings.{name}.weight": (n, width) for name, n in tables.items()}
    for name, size in matrices.items():
        expected |= {f"{name}.weight": size, f"{name}.bias": size[:1]}
    for name in ("bert.embeddings.LayerNorm", *norms):
        expected |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return expected


def probe_of(vocabulary: int, window: int) -> list[Tokens]:
    """Return a few windows of tokens drawn by chance, of unlike lengths."""
    chance = np.random.default_rng(1)
    lengths = [min(length, window) for length in (40, 40, 24, 12)]
    return [Tokens(ids=chance.integers(0, vocabulary, n).tolist(), second=n // 3, whole=n) for n in lengths]


def _compared(ours: BertScorer, folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any]) -> Agreement:
    whole = f"{digest_of(files_of(folder))} {sorted(config.items())}"
    return remembered(ours, whole, lambda: compare(ours, folder, weights))


def compare(ours: Scorer, folder: Path, weights: Mapping[str, Tensor]) -> Agreement:
    """Let transformers (in float32) and ours read the same windows: their logits must lie near."""
    if version() == "none":
        return NOT_COMPARED
    theirs = TransformersScorer(folder, weights, ours.window)
    probe = probe_of(len(weights[WORDS]), ours.window)
    wanted, found = (torch.cat(one.scores(probe)).T.numpy() for one in (theirs, ours))
    return judge(wanted, found, near=near_of(ours), of="likeliest places")
