"""Slots, sampling, guesses, stop strings and pace, without a model; the scheduler over a decoder of a few lines."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from fourways.core.errors import InvalidRequest, Unavailable
from fourways.engine.decoders import BASE, Logits, Rows
from fourways.engine.drafts import Drafts
from fourways.engine.pace import EVERY, TRIAL, Pace
from fourways.engine.sampling import Sampler, Sampling, alternatives, drawn
from fourways.engine.scheduler import Scheduler
from fourways.engine.sequences import Generation, Piece
from fourways.engine.slots import Slots
from fourways.engine.templates import ChatTemplate

VOCABULARY, WINDOW = 32, 64


class Counting:
    """A real, tiny decoder: after a token comes the next number, after its adapter's number of steps."""

    name, build, vocabulary, window, slots, reuses = "counting", "1", VOCABULARY, WINDOW, 2, True

    def __init__(self) -> None:
        self.held: list[list[int]] = [[], []]
        self.passes: list[Rows] = []
        self.open = threading.Event()
        self.open.set()
        self.fail = False

    def forward(self, rows: Rows) -> Logits:
        self.open.wait(10)
        if self.fail:
            raise ValueError("broken")
        self.passes.append(rows)
        for token, slot, position in zip(rows.tokens, rows.slots, rows.positions, strict=True):
            assert len(self.held[slot]) >= position
            self.held[slot][position:] = [token]
        out = np.zeros((len(rows.wanted), VOCABULARY), np.float32)
        for row, at in enumerate(rows.wanted):
            out[row, (rows.tokens[at] + 2 + rows.adapters[at]) % VOCABULARY] = 9
        return out

    def keep(self, slot: int, length: int) -> None:
        del self.held[slot][length:]

    def copy(self, source: int, target: int, length: int) -> None:
        self.held[target] = self.held[source][:length]

    def load(self, adapter: object) -> int:
        return 0

    def unload(self, number: int) -> None:
        self.fail = True


class Asked:
    def __init__(self, scheduler: Scheduler, prompt: Sequence[int], **options: object) -> None:
        self.pieces: list[Piece] = []
        self.ended = threading.Event()
        settings = {"limit": 8, "sampling": Sampling(temperature=0), "ends": frozenset({31})} | options
        self.generation = Generation(prompt=prompt, deliver=self.deliver, **settings)  # type: ignore[arg-type]
        scheduler.submit([self.generation])

    def deliver(self, piece: Piece) -> None:
        self.pieces.append(piece)
        if piece.finish:
            self.ended.set()

    def tokens(self) -> list[int]:
        assert self.ended.wait(10)
        return [token for piece in self.pieces for token in piece.tokens]


@pytest.fixture
def decoder() -> Counting:
    return Counting()


@pytest.fixture
def scheduler(decoder: Counting) -> Iterator[Scheduler]:
    def post(pieces: Sequence[tuple[Generation, Piece]]) -> None:
        for generation, piece in pieces:
            generation.deliver(piece)

    found = Scheduler(decoder, post, limit=3)
    yield found
    decoder.open.set()
    found.close()


def test_it_counts_on_to_its_limit_or_its_end(scheduler: Scheduler) -> None:
    asked = [Asked(scheduler, [5, 6]), Asked(scheduler, [27]), Asked(scheduler, [3], whole=True)]
    assert asked[0].tokens() == [7, 8, 9, 10, 11, 12, 13, 14]
    assert asked[1].tokens() == [28, 29, 30, 31]
    assert asked[2].tokens() == [4, 5, 6, 7, 8, 9, 10, 11]
    assert [one.pieces[-1].finish for one in asked] == ["length", "stop", "length"]
    assert len(asked[2].pieces) == 1


def test_what_was_read_is_not_read_again(scheduler: Scheduler, decoder: Counting) -> None:
    Asked(scheduler, list(range(10)), limit=1).tokens()
    again = Asked(scheduler, list(range(10)), limit=1)
    assert (again.tokens(), again.generation.cached) == ([10], 9)
    other = Asked(scheduler, [*range(6), 20], limit=1)
    assert (other.tokens(), other.generation.cached) == ([21], 6)
    tuned = Asked(scheduler, list(range(10)), limit=1, adapter=1)
    assert (tuned.tokens(), tuned.generation.cached) == ([12], 0)
    assert scheduler.prefix_hits == 15


def test_guesses_change_the_pace_and_not_the_answer(scheduler: Scheduler, decoder: Counting) -> None:
    prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 1, 2, 3]
    asked = Asked(scheduler, prompt, limit=12)
    assert asked.tokens() == list(range(4, 16))
    assert scheduler.accepted >= 5
    assert len(decoder.passes) < 10


def test_a_follower_waits_for_the_prompt_it_shares(scheduler: Scheduler, decoder: Counting) -> None:
    decoder.open.clear()
    lead = Asked(scheduler, list(range(20)), limit=2)
    follower = Asked(scheduler, list(range(20)), limit=2, lead=lead.generation)
    decoder.open.set()
    assert lead.tokens() == follower.tokens() == [20, 21]
    assert follower.generation.cached == 19


def test_too_many_waiting_are_refused_and_the_cancelled_make_room(scheduler: Scheduler, decoder: Counting) -> None:
    decoder.open.clear()
    running = [Asked(scheduler, [one]) for one in (1, 2)]
    while scheduler.running < 1:
        pass
    waiting = [Asked(scheduler, [one]) for one in (3, 4)]
    with pytest.raises(Unavailable, match="are waiting and 3 may"):
        waiting += [Asked(scheduler, [5]) for _ in range(3)]
    for one in waiting:
        one.generation.cancelled = True
    Asked(scheduler, [6])
    decoder.open.set()
    assert [one.tokens()[0] for one in running] == [2, 3]


def test_a_model_that_fails_fails_its_requests_and_no_others(scheduler: Scheduler, decoder: Counting) -> None:
    decoder.fail = True
    asked = Asked(scheduler, [1])
    assert asked.tokens() == []
    assert "broken" in str(asked.pieces[0].error)
    decoder.fail = False
    assert Asked(scheduler, [1], limit=1).tokens() == [2]


def test_an_adapter_is_let_go_when_none_uses_it(scheduler: Scheduler, decoder: Counting) -> None:
    decoder.open.clear()
    asked = Asked(scheduler, [1], adapter=1, limit=3)
    scheduler.retire(1)
    decoder.open.set()
    assert asked.tokens() == [4, 7, 10]
    assert scheduler.call(lambda: decoder.fail).result(10) or decoder.fail


def test_a_slot_is_given_to_the_prompt_that_begins_like_it() -> None:
    slots = Slots(3, reuses=True)
    first = slots.find([1, 2, 3, 4], BASE)
    assert first
    first.slot.tokens = [1, 2, 3, 4, 5, 6]
    shared = slots.find([1, 2, 3, 9], BASE)
    assert shared
    assert (shared.source, shared.cached) == (first.slot, 3)
    slots.free(first.slot)
    back = slots.find([1, 2, 3, 4, 5, 6, 7], BASE)
    assert back
    assert (back.slot, back.cached, back.source) == (first.slot, 6, None)
    assert slots.find([7], BASE)
    assert slots.find([8], BASE) is None


def test_draws_follow_the_probabilities() -> None:
    row = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    chance = random.Random(3)
    for settings, kept in (
        (Sampling(), [0.5, 0.3, 0.15, 0.05]),
        (Sampling(top_k=2), [0.625, 0.375, 0, 0]),
        (Sampling(top_p=0.7), [0.625, 0.375, 0, 0]),
        (Sampling(temperature=0.5), [0.685, 0.247, 0.062, 0.007]),
    ):
        counts = np.bincount([drawn(row, settings, chance.random()) for _ in range(4000)], minlength=4)
        assert counts / 4000 == pytest.approx(kept, abs=0.03)


def test_penalties_biases_and_masks_change_what_is_drawn() -> None:
    row = np.array([1, 0.9, 0], np.float32)
    sampler = Sampler(sampling=Sampling(temperature=0, presence=0.5))
    assert [sampler.draw(row) for _ in range(3)] == [0, 1, 0]
    assert Sampler(sampling=Sampling(temperature=0, bias={2: 5})).draw(row) == 2
    assert Sampler(sampling=Sampling(seed=1)).draw(row, np.array([False, False, True])) == 2
    thought = alternatives(np.zeros(4, np.float32), 1, 2)
    assert thought.logprob == pytest.approx(np.log(0.25))
    assert len(thought.top) == 2


def test_what_stood_together_before_is_guessed() -> None:
    drafts = Drafts([1, 2, 3, 4, 5, 1, 2])
    assert list(drafts.guess(4)) == []
    drafts.add(3)
    assert list(drafts.guess(4)) == [4, 5, 1, 2]


@pytest.mark.parametrize(("alone", "helped"), [(1.0, 3.0), (3.0, 1.0)])
def test_help_is_taken_while_it_pays(alone: float, helped: float) -> None:
    pace = Pace(helpers=1)
    ways = []
    for _ in range(5 * (EVERY + TRIAL)):
        ways.append(pace.helped(4))
        pace.took(helped if ways[-1] else alone)
    assert sum(ways[-EVERY:]) / EVERY == pytest.approx(int(helped < alone), abs=0.1)
    assert not Pace(helpers=0).helped(1)


def render(source: str) -> Callable[..., str]:
    return ChatTemplate(source, {"eos_token": "</s>"}).render


def test_templates_have_what_transformers_gives_them() -> None:
    source = (
        "{% for m in messages %}{% if loop.index > 2 %}{% break %}{% endif %}{{ m.role }}:{{ m.content | tojson }}"
        "{% generation %}!{% endgeneration %}{{ eos_token }}{% endfor %}{{ '>' if add_generation_prompt }}"
    )
    said = [{"role": "user", "content": "é"}] * 3
    assert render(source)(said) == 'user:"é"!</s>user:"é"!</s>>'
    with pytest.raises(InvalidRequest, match="only users"):
        render("{{ raise_exception('only users') }}")(said)
    with pytest.raises(InvalidRequest, match="refuses"):
        render("{{ messages.append(1) }}")(said)
    with pytest.raises(InvalidRequest, match="image_url"):
        render("")([{"role": "user", "content": [{"type": "image_url"}]}])
