"""A chat is taken apart into a question and what may answer it, however the ways put it."""

from fourways.core.reading import Asked, asked


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_what_stands_before_the_question_is_read():
    found = asked([{"role": "system", "content": "Be short."}, user("The ship is red.\n\nQuestion: What is red?")])
    assert found == Asked(question="What is red?", texts=("The ship is red.",))


def test_numbered_sources_are_read_one_by_one_without_their_fences():
    fence = "source-0123456789abcdef"
    shown = f"Sources:\n\n<{fence} 1> [1] Ships\nIt is red.\n</{fence} 1>\n\n<{fence} 2> [2] Boats\nIt is blue.\n</{fence} 2>"
    assert asked([user(f"{shown}\n\nQuestion: Which is red?")]).texts == ("It is red.", "It is blue.")


def test_without_passages_all_that_came_before_is_read():
    turns = [{"role": "system", "content": "Ring 4400."}, user("Hi"), {"role": "assistant", "content": "Hello"}]
    assert asked([*turns, user("Whom do I ring?")]) == Asked(
        question="Whom do I ring?", texts=("Ring 4400.", "Hi", "Hello")
    )


def test_a_content_of_parts_is_read_as_text():
    parts = [{"type": "text", "text": "The sea is wide."}, {"type": "text", "text": "Question: What is wide?"}]
    assert asked([{"role": "user", "content": parts}]).question == "What is wide?"


def test_who_asks_nothing_has_asked_nothing():
    assert asked([]) == Asked(question="", texts=())
