"""Quality of retrieval and of answers with the embedded default, on real data, through the real pipeline."""
