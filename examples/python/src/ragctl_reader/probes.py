"""Proving an embedding model with a version's probes: fixed strings and the vectors that the version's own model gave them."""

import json
import math
from typing import Any, Callable, Sequence

from .errors import Refused
from .files import read_beneath
from .version import Version

#: Vectors whose cosine is below this are not the same embedding.
SAME = 0.9999
Vectors = Callable[[list[str]], Sequence[Sequence[float]]]


def prove(version: Version, embed: Vectors) -> list[str]:
    """Refuses a version unless `embed` gives each probe the vector it has in the version. Returns the probes' texts.

    `embed` must embed texts as they stand, without the prefixes that some models want before documents or queries.
    """
    probes: list[dict[str, Any]] = json.loads(read_beneath(version.dir, "probes.json"))
    if not probes:
        raise Refused(f"{version.name} has no probes, so that no embedding model can be proven")
    texts = [probe["text"] for probe in probes]
    vectors = embed(texts)
    if len(vectors) != len(texts):
        raise Refused(f"{version.name}: the embedding model gave {len(vectors)} vectors for {len(texts)} texts")
    cosines = [cosine(vector, probe["vector"]) for vector, probe in zip(vectors, probes)]
    worst = min(range(len(cosines)), key=lambda i: cosines[i] if cosines[i] == cosines[i] else -2.0)
    if not cosines[worst] >= SAME:
        space = version.manifest["space"]
        prefix = f", with {space['document_prefix']!r} before documents" if space.get("document_prefix") else ""
        raise Refused(
            f"{version.name} was made with another embedding model than this server's: the cosine for {texts[worst][:40]!r} is "
            f"{cosines[worst]:.4f}, not {SAME} or more. The version's model is {space['model']} ({space['dimension']} dimensions, "
            f"{space['pooling']} pooling, {space['max_tokens']} tokens{prefix})"
        )
    return texts


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """The cosine of the angle between two vectors; 0 for vectors of different or no length."""
    if len(a) != len(b):
        return 0.0
    lengths = math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))
    return math.fsum(x * y for x, y in zip(a, b)) / lengths if lengths else 0.0
