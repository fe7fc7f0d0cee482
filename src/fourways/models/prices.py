"""What an answer costs: the project's own prices first, then the genai-prices table, loaded off the request path."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fourways.config.tree import Price
from fourways.core.trace import Usage

Cost = Callable[[Usage], float | None]
"""US dollars of a usage; None where no price is known."""

Table = Callable[[str, str, Usage], float | None]
"""US dollars by provider (as genai-prices calls it), model and usage."""

MILLION = 1_000_000


def free(usage: Usage) -> float | None:  # noqa: ARG001 - a `Cost`
    """Cost nothing: a model on the company's own machines."""
    return 0.0


def by_price(price: Price) -> Cost:
    """Cost what the project file says: cached tokens at their own price, thinking at the price of output."""
    cached_price = price.input if price.cached_input is None else price.cached_input

    def cost(usage: Usage) -> float | None:
        cached = min(usage.cached_tokens, usage.input_tokens)
        read = (usage.input_tokens - cached) * price.input + cached * cached_price
        return (read + usage.output_tokens * price.output) / MILLION

    return cost


def load_table() -> Table:
    """Import genai-prices (0.4 s of CPU, 60 MB) and return its table."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    def cost(provider: str, model: str, usage: Usage) -> float | None:
        cached = min(usage.cached_tokens, usage.input_tokens)
        tokens = Tokens(
            input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cache_read_tokens=cached or None
        )
        try:
            return float(calc_price(tokens, model, provider_id=provider).total_price)
        except LookupError:
            return None

    return cost


@dataclass(slots=True, kw_only=True)
class Prices:
    """The price table, which nobody waits for: until it is there, costs are None and can be settled later.

    Attributes:
        load: brings the table; runs in a thread of its own, once, as soon as a model is opened that it prices.
    """

    load: Callable[[], Table] = load_table
    _table: Table | None = None
    _thread: threading.Thread | None = None

    def cost(self, *, provider: str, model: str, prices: Mapping[str, Price], local: bool) -> Cost:
        """Return what a model's usages cost; where that takes the table, begin to load it.

        Args:
            provider: its name in the genai-prices table; "" where it has none.
            prices: the project's own, by model; they go before.
            local: runs on the company's own machines.
        """
        if model in prices:
            return by_price(prices[model])
        if local:
            return free
        if not provider:
            return lambda usage: None  # noqa: ARG005 - a `Cost`
        self.warm()
        return lambda usage: self._table(provider, model, usage) if self._table is not None else None

    def warm(self) -> None:
        """Begin to load the table, unless that has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="prices", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Load the table if that has not begun, and wait for it; not for the event loop's thread."""
        self.warm()
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        self._table = self.load()
