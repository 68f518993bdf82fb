"""Open the live version of a store in LanceDB's Python package, LangChain and LlamaIndex.

    pip install lancedb langchain-community llama-index-vector-stores-lancedb pandas
    python open_in_python.py STORE

The link is read once and the version is opened by its real path; `current/` never reaches LanceDB. A server should also hold
a lease (see the README's on-disk section); this script only looks.
"""

import os
import sys

import lancedb
from langchain_community.vectorstores import LanceDB
from llama_index.core.vector_stores import VectorStoreQuery
from llama_index.vector_stores.lancedb import LanceDBVectorStore

path = os.path.join(os.path.realpath(os.path.join(sys.argv[1], "current")), "lance")
connection = lancedb.connect(path)
table = connection.open_table("chunks")
vector = table.head(1).to_pylist()[0]["vector"]
print("LanceDB   ", table.count_rows(), "rows,", table.search(vector).limit(1).to_list()[0]["text"])


class Fixed:
    """Stands for an embedding model: every question is the first chunk."""

    def embed_query(self, _):
        return vector

    def embed_documents(self, texts):
        return [vector for _ in texts]


# LangChain's default mode overwrites when texts are added; reading adds none, and the version is sealed against it.
documents = LanceDB(connection=connection, embedding=Fixed(), table_name="chunks").similarity_search("", k=1)
print("LangChain ", documents[0].page_content, documents[0].metadata)

result = LanceDBVectorStore(uri=path, table_name="chunks").query(VectorStoreQuery(query_embedding=vector, similarity_top_k=1))
print("LlamaIndex", result.nodes[0].text, result.nodes[0].metadata)
