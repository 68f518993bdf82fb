"""A server for the test under gunicorn --preload: its module, and so its reader, is loaded and started before the workers fork."""

import json
import os
from typing import Callable, Iterable

from ragctl_reader import Reader

reader = Reader(os.environ["STORE"], interval=0.05).start()
question = json.loads(os.environ["QUESTION"])


def app(environ: dict, start_response: Callable) -> Iterable[bytes]:
    with reader.current() as version:
        texts = [hit.text for hit in version.search(question, 10) + version.search(question, 5, "lang = 'en'")]
        answer = {"pid": os.getpid(), "version": version.name, "texts": texts}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
