"""The retriever, with embeddings computed by a BERT of our own: the right model answers, any other is refused."""

import asyncio
import json
import logging
import shutil
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings

from bert import Bert
from conftest import EDITIONS, MODEL, Sandbox, edition, eventually
from ragctl_reader import Reader, Refused
from ragctl_reader.langchain import RagctlRetriever
from ragctl_reader.probes import cosine

V1, V2, V3 = EDITIONS
QUESTION = "which reader finds the version"


class Model(Embeddings):
    """LangChain's view of a BERT, which may put prefixes before texts."""

    def __init__(self, bert: Bert, query_prefix: str = "", document_prefix: str = "") -> None:
        self.bert, self.query_prefix, self.document_prefix = bert, query_prefix, document_prefix

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.bert.embed(self.document_prefix + text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.bert.embed(self.query_prefix + text)


def variant(directory: Path, **files: object) -> Path:
    """The tiny model with some files replaced."""
    shutil.copytree(MODEL, directory)
    for name, content in files.items():
        (directory / name.replace("__", "/")).with_suffix(".json").write_text(json.dumps(content))
    return directory


def test_documents_are_the_hits_of_ragctl(sandbox: Sandbox, bert: Bert) -> None:
    with Reader(sandbox.store) as reader:
        retriever = RagctlRetriever(reader=reader, embeddings=Model(bert), k=6, filter="lang = 'de' and year >= 2004")
        documents = retriever.invoke(QUESTION)
        assert asyncio.run(retriever.ainvoke(QUESTION)) == documents
    hits = sandbox.json("query", QUESTION, "-k", "6", "--filter", "lang = 'de' and year >= 2004")["hits"]
    assert [document.id for document in documents] == [hit["id"] for hit in hits]
    for document, hit in zip(documents, hits, strict=True):
        assert document.page_content == hit["text"]
        score = document.metadata.pop("score")
        assert score == pytest.approx(hit["score"], abs=1e-5)
        own = {name: hit[name] for name in ("id", "uri", "title", "heading")}
        assert document.metadata == {**own, **hit["metadata"], "version": V1}


def test_the_retriever_follows_flips(sandbox: Sandbox, bert: Bert) -> None:
    with Reader(sandbox.store, interval=60) as reader:
        retriever = RagctlRetriever(reader=reader, embeddings=Model(bert))
        for version in (V1, V2, V3, V1):
            sandbox.publish(version)
            reader.refresh()
            documents = retriever.invoke(QUESTION)
            assert len(documents) == 4
            assert {document.metadata["version"] for document in documents} == {version}
            assert all(edition(version) in document.page_content for document in documents)


def test_a_reader_that_is_yet_to_load_is_proven_when_it_does(sandbox: Sandbox, bert: Bert) -> None:
    reader = Reader(sandbox.store)
    retriever = RagctlRetriever(reader=reader, embeddings=Model(bert))
    assert len(retriever.invoke(QUESTION)) == 4
    reader.stop()
    reader = Reader(sandbox.store)
    wrong = RagctlRetriever(reader=reader, embeddings=Model(Bert(MODEL, pooling="cls")))
    with pytest.raises(Refused, match="another embedding model"):
        wrong.invoke(QUESTION)


def test_a_wrong_model_is_refused_at_once(sandbox: Sandbox, bert: Bert) -> None:
    class Short(Model):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vector[:-1] for vector in super().embed_documents(texts)]

    class Broken(Model):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[float("nan")] * 32 for _ in texts]

        def embed_query(self, text: str) -> list[float]:
            raise AssertionError("its documents refuse it before")

    class Few(Model):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return super().embed_documents(texts[:-1])

    cut = Bert(MODEL)
    cut.tokenizer.enable_truncation(32)
    wrong = [Model(Bert(MODEL, pooling="cls")), Model(cut), Short(bert), Broken(bert), Few(bert)]
    wrong += [Model(bert, document_prefix="passage: "), Model(bert, query_prefix="query: ")]
    with Reader(sandbox.store, interval=60) as reader:
        for model in wrong:
            with pytest.raises(Refused, match=f"{V1}.*(another embedding model|vectors for|embed_query)"):
                RagctlRetriever(reader=reader, embeddings=model)
        RagctlRetriever(reader=reader, embeddings=Model(bert))
        sandbox.publish(V2)
        assert reader.refresh()


def test_a_version_of_another_model_is_refused_and_the_old_one_answers(
    sandbox: Sandbox, bert: Bert, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    sandbox.configure(variant(tmp_path / "cls", **{"1_Pooling__config": pooling}))
    sandbox.ragctl("ingest")
    version = sandbox.ragctl("build", "-o", "name").strip()
    with caplog.at_level(logging.WARNING), Reader(sandbox.store, interval=0.05) as reader:
        retriever = RagctlRetriever(reader=reader, embeddings=Model(bert))
        sandbox.publish(version)
        eventually(lambda: caplog.records)
        assert f"{version} was made with another embedding model" in caplog.records[0].getMessage()
        assert {document.metadata["version"] for document in retriever.invoke(QUESTION)} == {V1}
        assert sandbox.readers() == {V1: 1}
        sandbox.publish(V2)
        eventually(lambda: reader._version.name == V2)
    other = Model(Bert(MODEL, pooling="cls"))
    sandbox.publish(version)
    with Reader(sandbox.store) as reader:
        documents = RagctlRetriever(reader=reader, embeddings=other).invoke(QUESTION)
        assert {document.metadata["version"] for document in documents} == {version}


def test_a_query_prefix_is_put_before_a_query_once(sandbox: Sandbox, bert: Bert, tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "the question of a reader: "}}
    sandbox.configure(variant(tmp_path / "prefixed", config_sentence_transformers=prompts))
    sandbox.ragctl("run")
    theirs = [(hit["id"], pytest.approx(hit["score"], abs=1e-5)) for hit in sandbox.json("query", QUESTION, "-k", "4")["hits"]]
    with Reader(sandbox.store) as reader:
        with reader.current() as version:
            prefix = version.manifest["space"]["query_prefix"]
        assert prefix == prompts["prompts"]["query"]
        for model in (Model(bert), Model(bert, query_prefix=prefix)):
            retriever = RagctlRetriever(reader=reader, embeddings=model)
            ours = [(document.id, document.metadata["score"]) for document in retriever.invoke(QUESTION)]
            assert ours == theirs
        with pytest.raises(Refused, match="embed_query"):
            RagctlRetriever(reader=reader, embeddings=Model(bert, query_prefix="search: "))


def test_a_model_with_a_document_prefix_is_proven_by_its_plain_embeddings(sandbox: Sandbox, bert: Bert) -> None:
    with Reader(sandbox.store) as reader:
        model = Model(bert, document_prefix="passage: ")
        RagctlRetriever(reader=reader, embeddings=model, embed_plain=Model(bert).embed_documents)


def test_cosines() -> None:
    assert cosine([1, 0], [2, 0]) == 1.0
    assert cosine([1, 0], [0, 2]) == 0.0
    assert cosine([1], [1, 0]) == cosine([], []) == cosine([0, 0], [0, 0]) == 0.0
