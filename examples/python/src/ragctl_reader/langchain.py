"""A LangChain retriever on a `Reader`. Needs the extra `langchain`."""

from typing import Any, Callable
from weakref import WeakKeyDictionary

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, PrivateAttr

from .aio import AsyncReader
from .errors import Refused
from .probes import SAME, cosine, prove
from .reader import Reader
from .search import Hit
from .version import Version


class RagctlRetriever(BaseRetriever):
    """Finds the chunks of the live version that are nearest to a question.

    Each version is asked only after its probes have proven `embeddings`; another model's version is refused, and the one before
    goes on answering. Where a version is open already, making the retriever raises `Refused`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reader: Reader
    embeddings: Embeddings
    k: int = 4
    #: An SQL condition over the table's columns. It goes to LanceDB's `where` as it is: never put a user's words into it.
    filter: str | None = None
    #: Embeds texts as they stand, where `embeddings.embed_documents` puts the model's prefix before them.
    embed_plain: Callable[[list[str]], list[list[float]]] | None = None

    _prefixes: "WeakKeyDictionary[Version, str]" = PrivateAttr(default_factory=WeakKeyDictionary)

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self.reader.add_check(self._prove)

    def _prove(self, version: Version) -> None:
        plain = self.embed_plain or self.embeddings.embed_documents
        text = prove(version, plain)[0]
        prefix = version.manifest["space"].get("query_prefix", "")
        asked = self.embeddings.embed_query(text)
        as_it_stands, prefixed = plain([text, prefix + text]) if prefix else (plain([text])[0], None)
        # Some models put the prefix before queries themselves; for the others it is put there before they see the query.
        if prefixed is not None and cosine(asked, prefixed) >= SAME:
            self._prefixes[version] = ""
        elif cosine(asked, as_it_stands) >= SAME:
            self._prefixes[version] = prefix
        else:
            raise Refused(f"{version.name}: `embed_query` of the embedding model does not embed queries as this version wants them")

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        with self.reader.current() as version:
            vector = self.embeddings.embed_query(self._prefixes[version] + query)
            return [_document(hit, version.name) for hit in version.search(vector, self.k, self.filter)]

    async def _aget_relevant_documents(self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun) -> list[Document]:
        async with AsyncReader(self.reader).current() as version:
            vector = await self.embeddings.aembed_query(self._prefixes[version.sync] + query)
            return [_document(hit, version.name) for hit in await version.search(vector, self.k, self.filter)]


def _document(hit: Hit, version: str) -> Document:
    own = {
        "id": hit.id,
        "uri": hit.uri,
        "title": hit.title,
        "heading": hit.heading,
        "score": hit.score,
        "version": version,
    }
    return Document(id=hit.id, page_content=hit.text, metadata={**hit.metadata, **own})
