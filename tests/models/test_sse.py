"""Server-sent events survive any split, every line end, comments, a byte order mark."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourways.core.errors import UpstreamError
from fourways.models.sse import DONE, EventParser, comment, event

STREAMS = {
    "one event": (b"data: {}\n\n", [b"{}"]),
    "two in one read": (b"data: 1\n\ndata: 2\n\n", [b"1", b"2"]),
    "carriage returns": (b"data: 1\r\rdata: 2\r\r", [b"1", b"2"]),
    "both": (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b"1", b"2"]),
    "a mixture": (b"data: 1\r\n\ndata: 2\n\r\n\rdata: 3\n\n", [b"1", b"2", b"3"]),
    "several lines": (b"data: a\ndata: b\ndata\ndata:c\n\n", [b"a\nb\n\nc"]),
    "no space, two spaces": (b"data:x\n\ndata:  x\n\n", [b"x", b" x"]),
    "comments and other fields": (b": ping\n\nevent: e\nid: 7\nretry: 5\ndata: 1\n\n:\ndata: 2\n\n", [b"1", b"2"]),
    "a byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [b"1"]),
    "a mark later is data's neighbour": (b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [b"1"]),
    "fields that only begin alike": (b"database: 1\ndata: 2\n\n", [b"2"]),
    "no data, no event": (b"event: ping\n\n\n\n", []),
    "empty data is an event": (b"data:\n\n", [b""]),
    "cut before the blank line": (b"data: 1\n\ndata: 2\n", [b"1"]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_give_their_events_whole_and_byte_by_byte(name):
    stream, events = STREAMS[name]
    assert EventParser().feed(stream) == events
    parser = EventParser()
    assert [e for position in range(len(stream)) for e in parser.feed(stream[position : position + 1])] == events


lines = st.sampled_from([b"data: ", b"data:", b"data", b":c", b"event: x", b"{}", b"a", b" ", b"\xef\xbb\xbf", b"\xc3"])
ends = st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b""])


@settings(deadline=None)
@given(st.lists(st.tuples(lines, ends)), st.lists(st.integers(0, 200)))
def test_any_split_of_the_bytes_gives_the_same_events(parts, cuts):
    stream = b"".join(line + end for line, end in parts)
    whole = EventParser()
    expected = whole.feed(stream)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    parser = EventParser()
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert [e for piece in pieces for e in parser.feed(piece)] == expected
    assert parser.end() == whole.end()


@settings(deadline=None)
@given(st.lists(st.text().map(lambda text: text.replace("\r", "")).map(str.encode)))
def test_what_is_encoded_is_read_back(payloads):
    stream = b"".join(comment("still here") + event(payload) for payload in payloads)
    assert EventParser().feed(stream) == payloads


def test_an_event_without_its_blank_line_is_given_at_the_end():
    parser = EventParser()
    assert parser.feed(b"data: 1\n\ndata: [DONE]") == [b"1"]
    assert parser.end() == [DONE]
    assert parser.end() == []


def test_an_event_that_never_ends_is_refused():
    parser = EventParser(limit=100)
    parser.feed(b"data: " + b"x" * 80)
    with pytest.raises(UpstreamError, match="more than 100 bytes"):
        parser.feed(b"x" * 80)


def test_a_long_stream_of_short_events_is_within_the_limit():
    parser = EventParser(limit=100)
    for _ in range(1000):
        assert parser.feed(b"data: 1\r\n") == []
        assert parser.feed(b"\r\n") == [b"1"]


def test_a_comment_stays_on_one_line():
    assert comment("a\nb\rc") == b": a b c\n\n"
