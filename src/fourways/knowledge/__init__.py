"""Documents in, passages out: sources, parsing, chunks, the index and the search over it."""
