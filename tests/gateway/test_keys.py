"""Whose key it is."""

import time

import pytest

from fourways.core.chat import Principal
from fourways.core.errors import NotAuthenticated, Unavailable
from fourways.gateway.keys import Grant, KeyRing, Keys
from fourways.store.access import hash_of

ANN = Principal(key_id="ann")


class Store:
    def __init__(self):
        self.revision, self.ring, self.reads, self.down = 1, KeyRing(), 0, False

    def read(self):
        self.reads += 1
        return self.ring

    def look(self):
        if self.down:
            raise Unavailable("down")
        return self.revision


def test_before_anything_is_read_the_door_is_locked():
    assert Keys(KeyRing, lambda: 1, time.time).ring.locked


def test_a_secret_opens_until_it_expires():
    store, now = Store(), [5.0]
    store.ring = KeyRing(grants={hash_of("s"): Grant(principal=ANN, expires_at=10.0)}, locked=True)
    keys = Keys(store.read, store.look, lambda: now[0])
    keys.refresh()
    assert keys.principal(b"s") is ANN
    with pytest.raises(NotAuthenticated, match="not known"):
        keys.principal(b"t")
    now[0] = 10.0
    with pytest.raises(NotAuthenticated, match="expired"):
        keys.principal(b"s")


def test_the_ring_is_read_only_when_it_changed():
    store = Store()
    keys = Keys(store.read, store.look, time.time)
    for _ in range(3):
        keys.refresh()
    assert store.reads == 1
    store.revision = 2
    keys.refresh()
    assert store.reads == 2


def test_the_last_known_keys_stay_while_the_store_is_down(monkeypatch):
    monkeypatch.setattr("fourways.gateway.keys.POLL", 0.01)
    store = Store()
    store.ring = KeyRing(grants={hash_of("s"): Grant(principal=ANN)}, locked=True)
    keys = Keys(store.read, store.look, time.time)
    keys.start()
    store.down = True
    time.sleep(0.05)
    assert keys.principal(b"s") is ANN
    store.down, store.revision, store.ring = False, 2, KeyRing(locked=True)
    time.sleep(0.1)
    with pytest.raises(NotAuthenticated):
        keys.principal(b"s")
    keys.stop()
