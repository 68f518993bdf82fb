"""How a version is searched, so that the answers are those of `ragctl query`, and what a search finds."""

from dataclasses import dataclass, field
from typing import Any

_SHOWN = ("id", "doc_id", "text", "source", "uri", "title", "heading", "page")


@dataclass(frozen=True)
class Hit:
    """One chunk found. `score` is the cosine similarity to the question."""

    id: str
    doc_id: str
    text: str
    source: str
    uri: str
    title: str | None
    heading: str | None
    page: int | None
    score: float
    metadata: dict[str, Any] = field(default_factory=dict)


class Search:
    """What a manifest says about searching its version."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        table = manifest["tables"][0]
        self.metadata_columns = [column["name"] for column in table["columns"] if column.get("metadata")]
        vector_indexes = [index["params"] for index in table["indexes"] if index["kind"] == "vector"]
        # The effort that gave the recall that was measured; without one, LanceDB's defaults.
        self._effort = next((p for p in vector_indexes if "nprobes" in p and "refine_factor" in p), None)

    def tune(self, query: Any, k: int) -> Any:
        """Gives a query, synchronous or not, the distance, the effort and the columns of a hit."""
        query = query.distance_type("cosine").limit(k).select([*_SHOWN, *self.metadata_columns, "_distance"])
        if self._effort is not None:
            refine_factor = self._effort["refine_factor"]
            query = query.nprobes(self._effort["nprobes"]).refine_factor(refine_factor)
            if self._effort.get("ef") is not None:
                # A graph cannot give more candidates than it kept.
                query = query.ef(max(self._effort["ef"], k * refine_factor))
        return query

    def hits(self, rows: list[dict[str, Any]]) -> list[Hit]:
        """Turns LanceDB's rows into hits."""
        return [
            Hit(
                **{name: row[name] for name in _SHOWN},
                score=1.0 - row["_distance"],
                metadata={name: row[name] for name in self.metadata_columns if row[name] is not None},
            )
            for row in rows
        ]
