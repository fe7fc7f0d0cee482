import threading

from fourways.control.signing import own_fingerprint, sign


def test_a_first_key_made_twice_at_once_is_one_key(tmp_path):
    gate, made = threading.Barrier(8), []

    def first() -> None:
        gate.wait()
        made.append(sign(b"content", tmp_path))

    threads = [threading.Thread(target=first) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert {signature.fingerprint for signature in made} == {own_fingerprint(tmp_path)}
