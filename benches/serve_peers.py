"""What a search service of FastAPI and LanceDB's Python package answers a second, beside `ragctl serve`, on the same version.

    pip install fastapi uvicorn[standard] lancedb orjson
    ragctl bench reload --scratch DIR                      # makes the versions, and measures ragctl
    python benches/serve_peers.py DIR --ragctl RAGCTL      # serves one of them by FastAPI, and measures that

Both are asked by the clients of `ragctl bench reload`: query vectors in, ids and texts out. The service is what its parts make
easy: asynchronous handlers, one process a core, uvloop and orjson, the version's own index at the version's own setting.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request

PORT = 8089


def service():
    """The service, as uvicorn loads it."""
    import lancedb
    import orjson
    from fastapi import FastAPI, Request, Response

    version = os.environ["PEER_VERSION"]
    manifest = json.load(open(os.path.join(version, "manifest.json")))
    setting = next((index["params"] for table in manifest["tables"] for index in table["indexes"] if index["kind"] == "vector"), {})
    shown = ["id", "doc_id", "source", "uri", "title", "heading", "page", "text", "_distance"]
    app = FastAPI()
    state = {}

    @app.on_event("startup")
    async def open_table():
        connection = await lancedb.connect_async(os.path.join(version, "lance"))
        state["table"] = await connection.open_table("chunks")

    @app.post("/v1/search")
    async def search(request: Request):
        asked = orjson.loads(await request.body())
        query = state["table"].query().nearest_to(asked["vector"]).distance_type("cosine").limit(asked["k"]).select(shown)
        if "nprobes" in setting:
            query = query.nprobes(setting["nprobes"]).refine_factor(setting["refine_factor"])
        hits = await query.to_list()
        body = orjson.dumps({"version": manifest["version"], "hits": hits})
        return Response(body, media_type="application/json")

    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scratch", help="the directory that `ragctl bench reload --scratch` filled")
    parser.add_argument("--ragctl", default="ragctl")
    parser.add_argument("--connections", default="64")
    parser.add_argument("--window", default="20s")
    parser.add_argument("--chunks", default="50000")
    parser.add_argument("--workers", default=str(os.cpu_count()))
    given = parser.parse_args()
    version = os.path.realpath(os.path.join(given.scratch, "current"))
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, "-m", "uvicorn", "serve_peers:service", "--factory", "--app-dir", here, "--port", str(PORT)]
    server = subprocess.Popen([*command, "--workers", given.workers, "--log-level", "warning"], env={**os.environ, "PEER_VERSION": version})
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/openapi.json")
                break
            except OSError:
                time.sleep(0.1)
        shared = ["--scratch", given.scratch, "--chunks", given.chunks, "--connections", given.connections, "--window", given.window]
        url = f"http://127.0.0.1:{PORT}/v1/search"
        subprocess.run([given.ragctl, "bench", "reload", *shared, "--url", url], check=True)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
