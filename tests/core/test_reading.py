"""A chat is taken apart into a question and what may answer it, however the ways put it."""

from fourways.core.reading import Asked, asked


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_what_stands_before_the_question_is_read():
    found = asked([{"role": "system", "content": "Be short."}, user("The ship is red.\n\nQuestion: What is red?")])
    assert found == Asked(question="What is red?", texts=("The ship is red.",))


def test_numbered_sources_are_read_one_by_one_without_their_fences():
    fence = "source-0123456789abcdef"
    ship, boat = (f"<{fence} {n}> [{n}] {place}\n{said}\n</{fence} {n}>"
                  for n, place, said in ((1, "Ships", "It is red."), (2, "Boats", "It is blue.")))  # fmt: skip
    shown = f"Sources:\n\n{ship}\n\n{boat}"
    assert asked([user(f"{shown}\n\nQuestion: Which is red?")]).texts == ("It is red.", "It is blue.")


def test_without_passages_all_that_came_before_is_read():
    turns = [{"role": "system", "content": "Ring 4400."}, user("Hi"), {"role": "assistant", "content": "Hello"}]
    assert asked([*turns, user("Whom do I ring?")]) == Asked(
        question="Whom do I ring?", texts=("Ring 4400.", "Hi", "Hello")
    )


def test_a_content_of_parts_is_read_as_text():
    parts = [{"type": "text", "text": "The sea is wide."}, {"type": "text", "text": "What is wide?"}]
    assert asked([{"role": "user", "content": parts}]) == Asked(question="What is wide?", texts=("The sea is wide.",))


def test_who_asks_nothing_has_asked_nothing():
    assert asked([]) == Asked(question="", texts=())
