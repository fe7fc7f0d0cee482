"""The embedding cache."""

from fourways.store.database import open_database
from fourways.store.vectors import find_vectors, keep_vectors


def test_vectors_are_found_by_model_and_digest_and_the_first_stays():
    database = open_database("sqlite://")
    with database.transaction() as connection:
        keep_vectors(connection, "m", {}, now=0.0)
        keep_vectors(connection, "m", {"a": b"1", "b": b"2"}, now=1.0)
        keep_vectors(connection, "m", {"b": b"other", "c": b"3"}, now=2.0)
        keep_vectors(connection, "n", {"a": b"n"}, now=2.0)
        assert find_vectors(connection, "m", ["a", "b", "c", "d"]) == {"a": b"1", "b": b"2", "c": b"3"}
        assert find_vectors(connection, "n", ["a", "b"]) == {"a": b"n"}
        assert find_vectors(connection, "m", []) == {}


def test_more_digests_than_a_statement_takes_are_found():
    database = open_database("sqlite://")
    many = {f"d{n}": bytes([n % 256]) for n in range(2500)}
    with database.transaction() as connection:
        keep_vectors(connection, "m", many, now=1.0)
        assert find_vectors(connection, "m", list(many)) == many
