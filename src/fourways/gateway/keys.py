"""Whose key it is: all keys in memory, by the hash of their secret, swapped whole when the store changes."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fourways.core.chat import Principal
from fourways.core.errors import Busy, NotAuthenticated, Unavailable
from fourways.core.trace import Clock

LOG = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between two looks at the store's revision: a key revoked elsewhere is refused so soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a secret opens.

    Attributes:
        expires_at: Unix seconds; None for never.
    """

    principal: Principal
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """All keys at one moment.

    Attributes:
        grants: by the SHA-256 of the secret, in hex; revoked keys are not in it.
        locked: whether a key was ever created. Revoking the last one does not open the door again.
    """

    grants: Mapping[str, Grant] = field(default_factory=dict)
    locked: bool = False


class Keys:
    """The current key ring, kept up to date by a thread that polls the store's revision.

    Args:
        read: reads the ring from the store.
        revision: a number that changes with every change of a key, cheap to read.
        now: Unix seconds.
    """

    def __init__(self, read: Callable[[], KeyRing], revision: Callable[[], int], now: Clock) -> None:
        self.ring = KeyRing(locked=True)
        self._read = read
        self._revision = revision
        self._now = now
        self._seen: int | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def refresh(self) -> None:
        """Read the ring if the store's has changed; called at once by whoever changes a key in this process."""
        revision = self._revision()
        if revision != self._seen:
            self.ring = self._read()
            self._seen = revision

    def start(self) -> None:
        """Read the ring and begin to poll; raises what the store raises."""
        self.refresh()
        self._stop.clear()
        self._thread = threading.Thread(target=self._poll, name="keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the polling."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def principal(self, secret: bytes) -> Principal:
        """Return who holds this secret.

        Raises:
            NotAuthenticated: it is unknown or revoked, or it has expired.
        """
        grant = self.ring.grants.get(hashlib.sha256(secret).hexdigest())
        if grant is None:
            raise NotAuthenticated("this API key is not known here, or was revoked; `fourways key list` shows the keys")
        if grant.expires_at is not None and grant.expires_at <= self._now():
            raise NotAuthenticated("this API key has expired; `fourways key create` makes a new one")
        return grant.principal

    def _poll(self) -> None:
        failing = False
        while not self._stop.wait(POLL):
            try:
                self.refresh()
            except (Busy, Unavailable, OSError) as error:
                if not failing:
                    LOG.warning("keys cannot be read; the last ones known stay in force: %s", error)
                failing = True
            else:
                failing = False
