"""Which sentences are put forward, in which order, and how many of them."""

from fourways.core.data import Hit, Passage
from fourways.models.extractive_cutting import quotables
from fourways.models.extractive_scoring import choose, in_reading_order, rank


def hit(text: str, *, document: str = "a.md", title: str = "", score: float = 0.5, dense: float = 0.5) -> Hit:
    passage = Passage(
        id=document, knowledge="k", document=document, title=title, text=text, start=0, end=len(text), ordinal=0
    )
    return Hit(passage=passage, score=score, dense=dense, lexical=0.0)


def best(question: str, *hits: Hit) -> str:
    return rank(question, hits, quotables(hits))[0].quotable.text


def test_headings_and_questions_are_context_not_answers():
    text = "# Passwords\n\nHow do I reset my password?\n\nVisit the portal and follow the steps.\n\nCall us otherwise."
    assert [one.text for one in quotables([hit(text)])] == [
        "Visit the portal and follow the steps.",
        "Call us otherwise.",
    ]
    assert best("How do I reset my password?", hit(text)) == "Visit the portal and follow the steps."


def test_a_line_that_introduces_a_list_is_quoted_with_its_items():
    text = "For sick leave you need:\n\n- a note of your doctor\n- the form\n\nAsk the desk for help."
    assert quotables([hit(text)])[0].text == "For sick leave you need:\n\n- a note of your doctor\n- the form"


def test_a_place_that_two_sources_share_comes_once():
    assert len(quotables([hit("One thing. Another thing."), hit("One thing. Another thing.")])) == 2


def test_rare_words_tell_more_than_the_topic_of_every_sentence():
    text = "The laptop is grey. The laptop is heavy. A dock has three ports. The laptop was cheap."
    assert best("How many ports does the laptop dock have?", hit(text)) == "A dock has three ports."


def test_what_the_sentence_before_says_counts_a_little():
    text = "The Summer Theatre stood in the garden. It opened in 1870. The zoo opened in 1928."
    assert best("When did the Summer Theatre open?", hit(text)) != "The zoo opened in 1928."
    ranked = [
        scored.quotable.text
        for scored in rank("When did it open, the Summer Theatre?", [hit(text)], quotables([hit(text)]))
    ]
    assert ranked.index("It opened in 1870.") < ranked.index("The zoo opened in 1928.")


def test_a_title_tells_two_like_sentences_apart():
    grey, blue = (
        hit("The warranty is two years.", document="g", title="Grey laptop"),
        hit("The warranty is three years.", document="b", title="Blue laptop"),
    )
    assert best("How long is the warranty of the blue laptop?", grey, blue) == "The warranty is three years."


def test_meaning_decides_where_words_do_not():
    hits = [hit("Alpha goes first. Beta goes second.")]
    candidates = quotables(hits)
    assert rank("Gamma?", hits, candidates, [0.1, 0.9])[0].quotable.text == "Beta goes second."


def test_chooses_the_best_and_those_near_it_up_to_a_number():
    hits = [hit("Alpha one. Beta two. Gamma three. Delta four.")]
    ranked = rank("Omega?", hits, quotables(hits), [0.9, 0.8, 0.7, 0.0])
    texts = lambda **how: [scored.quotable.text for scored in choose(ranked, **how)]  # noqa: E731 - read four times
    assert texts(most=3, close=0.3) == ["Alpha one.", "Beta two.", "Gamma three."]
    assert texts(most=2, close=0.3) == ["Alpha one.", "Beta two."]
    assert texts(most=3, close=0.1) == ["Alpha one.", "Beta two."]
    assert texts(most=3, close=0.0) == ["Alpha one."]


def test_quotations_stand_in_reading_order_the_best_source_first():
    hits = [hit("Alpha one. Beta two.", document="a"), hit("Gamma three. Delta four.", document="b")]
    ranked = rank("Omega?", hits, quotables(hits), [0.85, 0.0, 0.8, 0.9])
    assert [one.text for one in in_reading_order(choose(ranked))] == ["Gamma three.", "Delta four.", "Alpha one."]


def test_a_source_that_lacks_the_names_of_the_question_gives_way():
    hits = [
        hit("Gross margin fell to 40 per cent in the quarter.", document="2023 Q2 ACME.pdf", title="Acme", score=0.6),
        hit("Gross margin fell to 30 per cent in the quarter.", document="2023 Q2 BOLT.pdf", title="Bolt", score=0.5),
    ]
    assert "30" in best("What was the gross margin of Bolt in Q2 2023?", *hits)
    assert "40" in best("What was the gross margin of Acme in Q2 2023?", *hits)
    assert "40" in best("What was the gross margin?", *hits)
