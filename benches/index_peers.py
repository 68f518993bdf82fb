"""Vector search of a ragctl version, LanceDB's Python package and hnswlib on the same vectors, at equal recall.

Install what it compares into a virtual environment, and run it from there:

    python -m venv venv
    venv/bin/pip install numpy==2.4.6 lancedb==0.40.0 pyarrow==26.0.1 hnswlib==0.8.0
    venv/bin/python benches/index_peers.py tile --from real.f32 --rows 400000 --out big.f32
    venv/bin/python benches/index_peers.py check --lance VERSION_DIR/lance --nprobes 20 --refine 4
    venv/bin/python benches/index_peers.py peers --vectors big.f32 --queries real.f32 --out peers.json

Files of vectors are raw little-endian f32, row after row. `tile` makes a big set of a small one: the rows again and again,
noise added to every row, normalised. `check` searches the index of a version that ragctl wrote, and takes the right
answers from the vectors that it reads from that table. `peers` builds the other indexes, each in a process of its own so
that its peak memory is its own, and reports the setting with the lowest median latency that reaches each recall.

A hit is right if its cosine is at most 1e-6 below that of the k-th best row. A stored vector used as a query finds itself,
which flatters recall: prefer --queries, or --query-noise. Queries fetch ids only, never the text. The index is loaded
before, every setting is warmed up with queries that are not measured again, and files stay in the page cache. A client is
a thread with one query at a time: LanceDB, hnswlib and numpy's matrix product all release the GIL while they work. One
LanceDB query may use several cores, and so may numpy's; one of hnswlib uses one. Latencies of LanceDB include its Python
layer. Peaks are resident memory, with Python and the packages; building covers writing the table.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

try:
    import numpy as np
except ImportError as error:
    sys.exit(f"numpy cannot be imported ({error}): pip install numpy")

# peers.py lies beside this file: importing it must leave no __pycache__ in the source tree.
sys.dont_write_bytecode = True
from peers import Row, machine, measure, versions  # noqa: E402

Search = Callable[[Any], list[Any]]
Setting = dict[str, int]

TABLE, ID, VECTOR = "chunks", "id", "vector"
BLOCK_ROWS = 16_384
WARM_UP = 64
TIE = 1e-6
# Exact search takes as long for every query, so a few of them say enough.
EXACT_QUERIES = 100
PROBES = (2, 5, 10, 20, 40, 80, 160, 320)
REFINES = (None, 2, 4, 8, 16, 32)
EFS = (16, 32, 64, 128, 256, 512, 1024)
PEERS = {
    "lancedb-rq": ("lancedb", "pyarrow"),
    "lancedb-hnsw-sq": ("lancedb", "pyarrow"),
    "lancedb-pq": ("lancedb", "pyarrow"),
    "hnswlib": ("hnswlib",),
    "lancedb-flat": ("lancedb", "pyarrow"),
    "numpy": ("numpy",),
}
EXACT = ("lancedb-flat", "numpy")
CHOICES = [*(name for name in PEERS if name not in EXACT), "exact"]


def need(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        sys.exit(f"{package} cannot be imported ({error}): pip install {package}")


def count_rows(path: Path, dimension: int) -> int:
    try:
        size = path.stat().st_size
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")
    if size == 0 or size % (4 * dimension):
        sys.exit(f"{path}: {size} bytes are not one or more rows of {dimension} f32")
    return size // (4 * dimension)


def read_blocks(path: Path, dimension: int) -> Iterator[Any]:
    """Reads the file block by block: a mapped file would count towards the peak of whoever reads it."""
    with path.open("rb") as file:
        while (block := np.fromfile(file, "<f4", BLOCK_ROWS * dimension)).size:
            yield block.reshape(-1, dimension)


def unit(vectors: Any) -> Any:
    if not np.isfinite(vectors).all():
        sys.exit("a vector has a number that is not finite")
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))


def noisy(vectors: Any, noise: float, rng: Any) -> Any:
    """Adds noise of that length, on average, to unit vectors and makes them unit vectors again."""
    scale = np.float32(noise / vectors.shape[1] ** 0.5)
    return unit(unit(vectors) + scale * rng.standard_normal(vectors.shape, dtype=np.float32))


def pick_queries(args: argparse.Namespace, dimension: int, rows: int, take: Callable[[Any], Any]) -> Any:
    """The file's queries, or stored vectors at random places; the first ones are for warming up."""
    if args.queries:
        count_rows(args.queries, dimension)
        queries = unit(np.fromfile(args.queries, "<f4").reshape(-1, dimension))
        queries = queries[: args.sample + WARM_UP]
    else:
        rng = np.random.default_rng(args.seed)
        places = rng.choice(rows, min(rows, args.sample + WARM_UP), replace=False)
        queries = noisy(take(places), args.query_noise, rng)
    if len(queries) < 10:
        sys.exit(f"{len(queries)} queries are too few: 10 at least")
    return queries


def split(queries: Any) -> tuple[Any, Any]:
    warm = min(WARM_UP, len(queries) // 2)
    return queries[:warm], queries[warm:]


def right_rows(blocks: Iterable[Any], queries: Any, k: int) -> list[set[int]]:
    """For each query the rows that count as right: the k best by cosine, and ties with the k-th."""
    best = np.full((len(queries), k), -np.inf, np.float32)
    candidates, first = [], 0
    for block in blocks:
        cosines = queries @ unit(block).T
        best = np.partition(np.hstack([best, cosines]), -k, axis=1)[:, -k:]
        query, row = np.nonzero(cosines >= best.min(axis=1, keepdims=True) - TIE)
        candidates.append((query, row + first, cosines[query, row]))
        first += len(block)
    lowest = best.min(axis=1) - TIE
    right: list[set[int]] = [set() for _ in queries]
    for query, row, cosine in candidates:
        kept = cosine >= lowest[query]
        for place, number in zip(query[kept].tolist(), row[kept].tolist(), strict=True):
            right[place].add(number)
    return right


def recall(found: list[list[Any]], right: list[set[Any]], k: int) -> float:
    hits = sum(min(k, len(wanted.intersection(ids))) for ids, wanted in zip(found, right, strict=True))
    return hits / (k * len(found))


def timed(search: Search, queries: Any, clients: int) -> tuple[float, list[float], list[list[Any]]]:
    """Wall seconds, each query's seconds, and what it found; in the queries' order with one client."""

    def client(first: int) -> list[tuple[float, list[Any]]]:
        done = []
        for query in queries[first::clients]:
            started = time.perf_counter()
            found = search(query)
            done.append((time.perf_counter() - started, found))
        return done

    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        done = [one for part in pool.map(client, range(clients)) for one in part]
        wall = time.perf_counter() - started
    return wall, [spent for spent, _ in done], [found for _, found in done]


def speed(search: Search, warm: Any, queries: Any, rounds: int) -> Row:
    """Latencies and queries a second, the best round of each."""
    timed(search, warm, 2)
    runs = [(timed(search, queries, 1), timed(search, queries, 2)) for _ in range(rounds)]
    wall, each, _ = min((one for one, _ in runs), key=lambda run: run[0])
    p50, p99 = (float(value) * 1000 for value in np.percentile(each, (50, 99)))
    two = min(run[0] for _, run in runs)
    rates = {"qps_one_client": len(queries) / wall, "qps_two_clients": len(queries) / two}
    return {"queries": len(queries), "p50_ms": p50, "p99_ms": p99, **rates}


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def lance_search(table: Any, k: int, setting: Setting) -> Search:
    def search(query: Any) -> list[Any]:
        builder = table.search(query, vector_column_name=VECTOR).distance_type("cosine").limit(k)
        for name, value in setting.items():
            builder = getattr(builder, name)(value)
        return builder.select([ID, "_distance"]).to_arrow()[ID].to_pylist()

    return search


def load_indexes(table: Any) -> list[str]:
    """Loads the vector indexes into memory, and says what they are."""
    said = []
    for index in table.list_indices():
        if VECTOR in index.columns:
            table.prewarm_index(index.name)
            stats = table.index_stats(index.name)
            rows = f"{stats.num_indexed_rows} rows in it, {stats.num_unindexed_rows} outside"
            said.append(f"{stats.index_type} {stats.distance_type}, {rows}")
    return said


def build_lance(args: argparse.Namespace, folder: Path) -> tuple[Row, Callable[[Setting], Search]]:
    lancedb, pa = need("lancedb"), need("pyarrow")
    configs = need("lancedb.index")
    schema = pa.schema([(ID, pa.int64()), (VECTOR, pa.list_(pa.float32(), args.dimension))])

    def batches() -> Iterator[Any]:
        first = 0
        for block in read_blocks(args.vectors, args.dimension):
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), args.dimension)
            yield pa.record_batch([pa.array(range(first, first + len(block))), vectors], schema=schema)
            first += len(block)

    started = time.perf_counter()
    table = lancedb.connect(folder).create_table(TABLE, pa.RecordBatchReader.from_batches(schema, batches()))
    row: Row = {"table_seconds": time.perf_counter() - started}
    kinds = {"lancedb-rq": "IvfRq", "lancedb-hnsw-sq": "HnswSq", "lancedb-pq": "IvfPq"}
    if args.one in kinds:
        started = time.perf_counter()
        table.create_index(VECTOR, config=getattr(configs, kinds[args.one])(distance_type="cosine"))
        row["index_seconds"] = time.perf_counter() - started
    row |= {"build_peak_bytes": peak_bytes(), "index": load_indexes(table)}
    return row, lambda setting: lance_search(table, args.k, setting)


def build_hnswlib(args: argparse.Namespace, folder: Path) -> tuple[Row, Callable[[Setting], Search]]:
    hnswlib = need("hnswlib")
    started = time.perf_counter()
    index = hnswlib.Index(space="cosine", dim=args.dimension)
    index.init_index(count_rows(args.vectors, args.dimension), M=16, ef_construction=200)
    for block in read_blocks(args.vectors, args.dimension):
        index.add_items(block, num_threads=args.threads)
    row = {"index_seconds": time.perf_counter() - started, "build_peak_bytes": peak_bytes()}
    index.save_index(str(folder / "index.bin"))

    def searcher(setting: Setting) -> Search:
        index.set_ef(setting["ef"])
        return lambda query: index.knn_query(query, args.k, num_threads=1)[0][0].tolist()

    return row, searcher


def build_numpy(args: argparse.Namespace, _folder: Path) -> tuple[Row, Callable[[Setting], Search]]:
    vectors = np.empty((count_rows(args.vectors, args.dimension), args.dimension), np.float32)
    first = 0
    for block in read_blocks(args.vectors, args.dimension):
        vectors[first : first + len(block)] = unit(block)
        first += len(block)

    def search(query: Any) -> list[int]:
        return np.argpartition(vectors @ query, -args.k)[-args.k :].tolist()

    return {"build_peak_bytes": peak_bytes()}, lambda _: search


def ladders(name: str, k: int) -> list[list[Setting]]:
    """Settings to try, as lists within which every step searches more than the one before."""
    if name in EXACT:
        return [[{}]]
    if name == "hnswlib":
        return [[{"ef": ef} for ef in EFS if ef >= k]]
    refines = [{} if refine is None else {"refine_factor": refine} for refine in REFINES]
    if name != "lancedb-hnsw-sq":
        return [[{"nprobes": probes} | refine for probes in PROBES] for refine in refines]
    # LanceDB makes few, large partitions for this kind, and refuses an ef below the number of candidates.
    wide = [{"nprobes": probes} | refine for probes in (1, 4) for refine in refines]
    return [[step | {"ef": ef} for ef in EFS if ef >= k * step.get("refine_factor", 1)] for step in wide]


def run_one(args: argparse.Namespace) -> None:
    """Builds one peer's index, tries its settings, and measures the cheapest for each target."""
    queries = np.load(args.work / "queries.npy")
    right = [set(rows) for rows in json.loads((args.work / "right.json").read_text())]
    warm, measured = split(queries)
    right = right[len(warm) :]
    if args.one in EXACT:
        measured, right = measured[:EXACT_QUERIES], right[:EXACT_QUERIES]
    folder = args.work / args.one
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    build = {"hnswlib": build_hnswlib, "numpy": build_numpy}.get(args.one, build_lance)
    row, searcher = build(args, folder)
    row["disk_bytes"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    tried = []
    for ladder in ladders(args.one, args.k):
        before = None
        for setting in ladder:
            search = searcher(setting)
            timed(search, warm, 1)
            _, each, found = timed(search, measured, 1)
            tried.append(
                {"setting": setting, "recall": recall(found, right, args.k), "p50_ms": float(np.median(each)) * 1000}
            )
            # More effort that finds the same, or that no target asks for, only costs.
            if found == before or tried[-1]["recall"] >= max(args.targets):
                break
            before = found
    chosen, reached = [], {}
    for target in args.targets[:1] if args.one in EXACT else args.targets:
        enough = [one for one in tried if one["recall"] >= target]
        if not enough:
            chosen.append({"target": target, "best": max(tried, key=lambda one: one["recall"])})
            continue
        best = min(enough, key=lambda one: one["p50_ms"])
        key = json.dumps(best["setting"])
        if key not in reached:
            reached[key] = speed(searcher(best["setting"]), warm, measured, args.rounds)
        chosen.append(best | reached[key] | {"target": None if args.one in EXACT else target})
    print(json.dumps(row | {"peak_bytes": peak_bytes(), "tried": tried, "chosen": chosen}))


def run_truth(args: argparse.Namespace) -> None:
    """Writes the queries and their right answers, for the peers' processes."""
    rows = count_rows(args.vectors, args.dimension)
    if args.k > rows:
        sys.exit(f"{args.vectors}: {rows} rows are fewer than --k {args.k}")
    mapped = np.memmap(args.vectors, "<f4", "r", shape=(rows, args.dimension))
    queries = pick_queries(args, args.dimension, rows, lambda places: mapped[places])
    right = right_rows(read_blocks(args.vectors, args.dimension), queries, args.k)
    np.save(args.work / "queries.npy", queries)
    (args.work / "right.json").write_text(json.dumps([sorted(found) for found in right]))
    print(json.dumps({"rows": rows, "queries": len(split(queries)[1])}))


def aligned(header: list[str], rows: list[list[str]]) -> str:
    """The rows as text, the first columns to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    number = [any(row[place][:1].isdigit() for row in rows) for place in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = zip(row, widths, number, strict=True)
        lines.append("  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip())
    return "\n".join(lines)


SPEEDS = ["recall", "p50 ms", "p99 ms", "q/s, 1 client", "q/s, 2 clients", "queries"]


def speed_cells(row: Row) -> list[str]:
    cells = [f"{row['recall']:.4f}", f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}"]
    return [*cells, f"{row['qps_one_client']:.0f}", f"{row['qps_two_clients']:.0f}", str(row["queries"])]


def said(setting: Setting) -> str:
    return ", ".join(f"{name} {value}" for name, value in setting.items()) or "-"


def report(peers: dict[str, Row]) -> str:
    built, searched, problems = [], [], []
    for name, row in peers.items():
        if "problem" in row:
            problems.append(f"{name}: {row['problem']}")
            continue
        spent = [f"{row[key]:.1f}" if key in row else "-" for key in ("table_seconds", "index_seconds")]
        sizes = [f"{row[key] / 2**20:.0f}" for key in ("build_peak_bytes", "peak_bytes", "disk_bytes")]
        built.append([name, *spent, *sizes])
        for one in row["chosen"]:
            start = [name, "-" if one["target"] is None else str(one["target"])]
            if "best" in one:
                best = one["best"]
                searched.append([*start, f"not reached; best: {said(best['setting'])}", f"{best['recall']:.4f}", *[""] * 5])
            else:
                searched.append([*start, said(one["setting"]), *speed_cells(one)])
    parts = [aligned(["built", "table s", "index s", "build peak MiB", "peak MiB", "disk MiB"], built)] if built else []
    parts += [aligned(["searched", "target", "setting", *SPEEDS], searched)] if searched else []
    return "\n\n".join([*parts, *problems])


def run_peers(args: argparse.Namespace) -> None:
    if args.one:
        run_truth(args) if args.one == "truth" else run_one(args)
        return
    count_rows(args.vectors, args.dimension)
    threads = ("LANCE_CPU_THREADS", "TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    env = dict(os.environ) | dict.fromkeys(threads, str(args.threads))
    with contextlib.ExitStack() as stack:
        work = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        # This process reads no vectors: the peak that the kernel reports for a child begins at its parent's size.
        here = [sys.executable, __file__, *sys.argv[1:], "--work", str(work), "--one"]
        truth = measure([*here, "truth"], env)
        if "problem" in truth:
            sys.exit(f"the right answers: {truth['problem']}")
        chosen = [name for name in PEERS if name in args.only or (name in EXACT and "exact" in args.only)]
        rows: dict[str, Row] = {}
        for name in chosen:
            print(name, file=sys.stderr)
            missing = [package for package in PEERS[name] if versions((package,)) is None]
            problem = {"problem": f"not installed: pip install {' '.join(missing)}"}
            rows[name] = problem if missing else measure([*here, name], env)
    packages = sorted({package for name in chosen for package in (*PEERS[name], "numpy")})
    about = "; ".join([machine(), *filter(None, (versions((package,)) for package in packages))])
    settings = f"k {args.k}, ids only, {args.threads} thread(s), best of {args.rounds} rounds"
    print(f"{report(rows)}\n\n{truth['rows']} rows of {args.dimension}; {settings}\n{about}")
    write(args.out, {"machine": about, "settings": settings, **truth, "peers": rows})


def run_check(args: argparse.Namespace) -> None:
    # LanceDB creates a directory that it is asked to connect to.
    if not (args.lance / f"{TABLE}.lance").is_dir():
        sys.exit(f"{args.lance}: no table {TABLE} there")
    pa, lancedb = need("pyarrow"), need("lancedb")
    table = lancedb.connect(args.lance).open_table(TABLE)
    missing = {ID, VECTOR} - set(table.schema.names)
    if missing:
        sys.exit(f"{args.lance}: the table lacks {', '.join(sorted(missing))}")
    rows, kind = table.count_rows(), table.schema.field(VECTOR).type
    if not pa.types.is_fixed_size_list(kind):
        sys.exit(f"{args.lance}: {VECTOR} is {kind}, not a vector")
    if rows < args.k:
        sys.exit(f"{args.lance}: the table has {rows} rows, fewer than --k {args.k}")
    dimension = kind.list_size
    vectors, ids = np.empty((rows, dimension), np.float32), []
    for batch in table.search().select([ID, VECTOR]).to_batches():
        column = batch.column(VECTOR)
        if column.null_count:
            sys.exit(f"{args.lance}: a row has no vector")
        vectors[len(ids) : len(ids) + len(column)] = column.flatten().to_numpy().reshape(-1, dimension)
        ids += batch.column(ID).to_pylist()
    if len(ids) != rows or len(set(ids)) != rows:
        sys.exit(f"{args.lance}: {rows} rows, {len(ids)} read, {len(set(ids))} different ids")
    queries = pick_queries(args, dimension, rows, lambda places: vectors[places])
    warm, measured = split(queries)
    blocks = (vectors[first : first + BLOCK_ROWS] for first in range(0, rows, BLOCK_ROWS))
    right = [{ids[row] for row in found} for found in right_rows(blocks, measured, args.k)]
    setting = {"nprobes": args.nprobes, "refine_factor": args.refine}
    index = load_indexes(table)
    search = lance_search(table, args.k, setting)
    timed(search, warm, 1)
    row = {"recall": recall(timed(search, measured, 1)[2], right, args.k)} | speed(search, warm, measured, args.rounds)
    row |= {"rows": rows, "dimension": dimension, "index": index, "k": args.k, "setting": setting}
    about = "; ".join(filter(None, (machine(), versions(("lancedb",)), versions(("numpy",)))))
    source = str(args.queries) if args.queries else f"stored vectors, noise {args.query_noise}"
    print(aligned(["setting", *SPEEDS], [[said(setting), *speed_cells(row)]]))
    print(f"\n{rows} rows of {dimension}; index: {'; '.join(index) or 'none, so search is exact'}")
    print(f"k {args.k}, ids only; queries: {source}; best of {args.rounds} rounds\n{about}")
    write(args.out, {"machine": about, "queries_from": source, **row})


def run_tile(args: argparse.Namespace) -> None:
    source = args.source.resolve()
    if source == args.out.resolve():
        sys.exit("--out is the file to read")
    held, rng, written = count_rows(source, args.dimension), np.random.default_rng(args.seed), 0
    with args.out.open("wb") as out:
        while written < args.rows:
            for block in read_blocks(source, args.dimension):
                tiled = noisy(block[: args.rows - written], args.noise, rng)
                tiled.astype("<f4").tofile(out)
                written += len(tiled)
    print(
        f"{args.out}: {written} rows of {args.dimension}, {written / held:.1f} of each, noise {args.noise}, seed {args.seed}"
    )


def write(path: Path | None, content: Row) -> None:
    if path:
        path.write_text(json.dumps(content, indent=2) + "\n")


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def chosen_peers(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(CHOICES)):
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(unknown)}; there are {', '.join(CHOICES)}")
    return names


def recalls(text: str) -> list[float]:
    values = sorted(float(part) for part in text.split(","))
    if not all(0 < value <= 1 for value in values):
        raise argparse.ArgumentTypeError("recalls are above 0 and at most 1")
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True)
    tile = commands.add_parser("tile", help="make a big set of vectors of a small one")
    tile.add_argument("--from", dest="source", type=Path, required=True, help="the vectors to begin with")
    tile.add_argument("--rows", type=positive, required=True)
    tile.add_argument("--out", type=Path, required=True)
    tile.add_argument("--noise", type=float, default=0.15, help="length of the noise beside a unit vector's")
    check = commands.add_parser("check", help="measure the recall of a version's index independently")
    check.add_argument("--lance", type=Path, required=True, help="a version's lance/ directory; only read")
    check.add_argument("--nprobes", type=positive, default=20)
    check.add_argument("--refine", type=positive, default=4)
    peers = commands.add_parser("peers", help="build other indexes and search them at equal recall")
    peers.add_argument("--vectors", type=Path, required=True)
    peers.add_argument("--work", type=Path, help="keep the indexes there, replacing those of a run before")
    peers.add_argument("--only", type=chosen_peers, default=CHOICES, help=f"of {','.join(CHOICES)}")
    peers.add_argument("--targets", type=recalls, default=[0.95, 0.98, 0.99])
    peers.add_argument("--threads", type=positive, default=2, help="threads that build, and that one query may use")
    peers.add_argument("--one", choices=("truth", *PEERS), help=argparse.SUPPRESS)
    for command in (tile, peers):
        command.add_argument("--dimension", type=positive, default=384)
    for command in (check, peers):
        command.add_argument("--queries", type=Path, help="queries; without it, stored vectors")
        command.add_argument(
            "--sample", type=positive, default=500, help=f"queries measured at most, after {WARM_UP} others"
        )
        command.add_argument("--query-noise", type=float, default=0.0, help="noise added to stored vectors used as queries")
        command.add_argument("--k", type=positive, default=10)
        command.add_argument("--rounds", type=positive, default=3, help="rounds measured; the best counts")
        command.add_argument("--out", type=Path, help="write the result there as JSON too")
    for command, run in ((tile, run_tile), (check, run_check), (peers, run_peers)):
        command.add_argument("--seed", type=int, default=0)
        command.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
