"""Embedding speed of other engines on the texts that `ragctl bench embed` takes, with the same model.

Install the peers into a virtual environment:

    python -m venv venv
    venv/bin/pip install sentence-transformers==6.2.0 torch==2.15.0 transformers==5.24.0 \\
        onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 numpy==2.4.6

Run them, and ragctl beside them:

    venv/bin/python benches/peers.py --texts chunks.json --model MODEL_DIR --threads 2 --ragctl target/release/ragctl

MODEL_DIR is a model as sentence-transformers lays it out: config.json, tokenizer.json, model.safetensors, modules.json,
1_Pooling/. Every engine runs in a process of its own, one after the other, in the configuration that was fastest on a
sample of the texts in a process before. What is timed is text to unit vector, tokenising included; the best round
counts. Tokens are real ones: special tokens included, padding not. ONNX Runtime and OpenVINO run the encoder as exported
from torch, mean pooling and normalisation within the graph, on batches sorted by length; sentence-transformers sorts by
itself. Cosines are to the vectors of sentence-transformers in f32. The resident peak is the whole process's.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Embed = Callable[[list[str]], Any]

BATCH_SIZES = (4, 8, 16, 32)
SAMPLE = 512
PEERS = {
    "st-f32": ("sentence-transformers f32", ("sentence-transformers", "torch")),
    "st-bf16": ("sentence-transformers bf16", ("sentence-transformers", "torch")),
    "ort-f32": ("ONNX Runtime f32", ("onnxruntime",)),
    "ov-f32": ("OpenVINO f32", ("openvino",)),
    "ov-default": ("OpenVINO default", ("openvino",)),
}
RUNTIME = (("transformers",), ("tokenizers",), ("onnx",), ("numpy",))
RAGCTL_PRECISIONS = ("exact16", "f32")


def read_texts(path: Path) -> list[str]:
    content = path.read_text(encoding="utf-8")
    if content.lstrip().startswith("["):
        return json.loads(content)
    return [line for line in content.splitlines() if line.strip()]


def max_length(model: Path) -> int:
    settings = model / "sentence_bert_config.json"
    return json.loads(settings.read_text())["max_seq_length"] if settings.exists() else 256


def load_tokenizer(model: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(max_length(model))
    tokenizer.no_padding()
    return tokenizer


def export(model: Path, cache: Path) -> None:
    """Writes the encoder, its mean pooling and its normalisation as ONNX, batch and length dynamic."""
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(model, dtype=torch.float32, attn_implementation="eager")

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            states = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, dim=1)

    names = ["input_ids", "attention_mask", "token_type_ids"]
    ids = torch.randint(1000, 2000, (3, 24))
    inputs = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    axes = {name: {0: "batch", 1: "length"} for name in names} | {"vector": {0: "batch"}}
    torch.onnx.export(
        Pooled().eval(), inputs, str(cache / "exported.onnx"), input_names=names, output_names=["vector"], dynamic_axes=axes,
        opset_version=17, dynamo=False,
    )  # fmt: skip
    with contextlib.suppress(ImportError):
        from onnxruntime.transformers import optimizer

        config = json.loads((model / "config.json").read_text())
        heads, width = config["num_attention_heads"], config["hidden_size"]
        fused = optimizer.optimize_model(str(cache / "exported.onnx"), "bert", heads, width, opt_level=1)
        fused.save_model_to_file(str(cache / "fused.onnx"))


def batches(tokenizer: Any, texts: list[str], size: int) -> list[tuple[list[int], dict[str, Any]]]:
    """The texts' places and padded inputs, longest first."""
    import numpy as np

    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
    result = []
    for start in range(0, len(order), size):
        places = order[start : start + size]
        shape = (len(places), len(ids[places[0]]))
        tokens, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, place in enumerate(places):
            tokens[row, : len(ids[place])] = ids[place]
            mask[row, : len(ids[place])] = 1
        inputs = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros(shape, np.int64)}
        result.append((places, inputs))
    return result


def gather(count: int, parts: list[tuple[list[int], Any]]) -> Any:
    import numpy as np

    vectors = np.empty((count, parts[0][1].shape[1]), np.float32)
    for places, rows in parts:
        vectors[places] = rows
    return vectors


def sentence_transformers(args: argparse.Namespace) -> dict[str, Embed]:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(args.threads)
    dtype = torch.bfloat16 if args.one == "st-bf16" else torch.float32
    model = SentenceTransformer(str(args.model), device="cpu", model_kwargs={"dtype": dtype})
    model.max_seq_length = max_length(args.model)

    def configured(size: int) -> Embed:
        def embed(texts: list[str]) -> Any:
            vectors = model.encode(
                texts, batch_size=size, normalize_embeddings=True, convert_to_tensor=True, show_progress_bar=False
            )
            return vectors.float().numpy()

        return embed

    return {f"batches of {size}": configured(size) for size in BATCH_SIZES}


def onnx_runtime(args: argparse.Namespace) -> dict[str, Embed]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    tokenizer = load_tokenizer(args.model)
    sessions: dict[str, Any] = {}

    def configured(graph: str, size: int) -> Embed:
        def embed(texts: list[str]) -> Any:
            if graph not in sessions:
                path = str(args.cache / f"{graph}.onnx")
                sessions[graph] = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
            parts = batches(tokenizer, texts, size)
            return gather(len(texts), [(places, sessions[graph].run(None, inputs)[0]) for places, inputs in parts])

        return embed

    graphs = [graph for graph in ("exported", "fused") if (args.cache / f"{graph}.onnx").exists()]
    return {f"{graph} graph, batches of {size}": configured(graph, size) for graph in graphs for size in BATCH_SIZES}


def openvino(args: argparse.Namespace) -> dict[str, Embed]:
    import openvino as ov

    core = ov.Core()
    model = core.read_model(args.cache / "exported.onnx")
    tokenizer = load_tokenizer(args.model)
    queues: dict[str, Any] = {}

    def queue_for(hint: str) -> Any:
        if hint not in queues:
            properties = {"PERFORMANCE_HINT": hint, "INFERENCE_NUM_THREADS": args.threads}
            if args.one == "ov-f32":
                properties["INFERENCE_PRECISION_HINT"] = "f32"
            compiled = core.compile_model(model, "CPU", properties)
            args.notes["inference_precision"] = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
            queues[hint] = ov.AsyncInferQueue(compiled)
        return queues[hint]

    def configured(hint: str, size: int) -> Embed:
        def embed(texts: list[str]) -> Any:
            parts: list[tuple[list[int], Any]] = []
            queue = queue_for(hint)
            queue.set_callback(lambda request, places: parts.append((places, request.get_output_tensor(0).data.copy())))
            for places, inputs in batches(tokenizer, texts, size):
                queue.start_async(inputs, places)
            queue.wait_all()
            return gather(len(texts), parts)

        return embed

    hints = ("LATENCY", "THROUGHPUT")
    return {f"{hint}, batches of {size}": configured(hint, size) for hint in hints for size in BATCH_SIZES}


ENGINES = {"st": sentence_transformers, "ort": onnx_runtime, "ov": openvino}


def seconds(embed: Embed, texts: list[str]) -> tuple[float, Any]:
    started = time.perf_counter()
    vectors = embed(texts)
    return time.perf_counter() - started, vectors


def run_one(args: argparse.Namespace) -> None:
    """Tries one peer's configurations on a sample, or measures the given one and writes its vectors."""
    texts = read_texts(args.texts)
    args.notes = {}
    configurations = ENGINES[args.one.split("-")[0]](args)
    if args.configuration is None:
        sample = texts[:: -(-len(texts) // SAMPLE)]
        tried = {}
        for name, embed in configurations.items():
            embed(sample[:64])
            tried[name] = min(seconds(embed, sample)[0] for _ in range(2))
        print(json.dumps({"tried_seconds": tried}))
        return
    embed = configurations[args.configuration]
    embed(texts[:64])
    rounds = [seconds(embed, texts) for _ in range(args.rounds)]
    rounds[-1][1].astype("<f4").tofile(args.vectors)
    best = min(spent for spent, _ in rounds)
    tokens = sum(len(encoding.ids) for encoding in load_tokenizer(args.model).encode_batch(texts))
    row = {
        "configuration": ", ".join([args.configuration, *args.notes.values()]),
        "tokens": tokens,
        "round_seconds": [spent for spent, _ in rounds],
        "tokens_per_second": tokens / best,
        "chunks_per_second": len(texts) / best,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(row))


def last_json(output: str) -> Row:
    with contextlib.suppress(json.JSONDecodeError):
        return json.loads(output)
    return json.loads(output.strip().splitlines()[-1])


def measure(command: list[str], env: dict[str, str]) -> Row:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return {"problem": f"failed with {done.returncode}: {lines[-1][:160]}"}
    try:
        return last_json(done.stdout)
    except (json.JSONDecodeError, IndexError):
        return {"problem": "its output is not JSON"}


def versions(packages: tuple[str, ...]) -> str | None:
    try:
        return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    except importlib.metadata.PackageNotFoundError:
        return None


def ragctl_version(path: str) -> str | None:
    try:
        return subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def cosines(vectors: Path, reference: Path, width: int) -> tuple[float, float] | None:
    if not vectors.exists() or not reference.exists():
        return None
    import numpy as np

    found, expected = (np.fromfile(path, "<f4").astype(np.float64) for path in (vectors, reference))
    if found.size != expected.size:
        return None
    found, expected = found.reshape(-1, width), expected.reshape(-1, width)
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    each = (found * expected).sum(1) / norms
    return float(each.min()), float(each.mean())


def table(rows: dict[str, Row]) -> str:
    lines = [
        "| engine | configuration | tokens/s | chunks/s | lowest cosine | mean cosine | peak RSS | version |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows.values():
        if "problem" in row:
            lines.append(f"| {row['engine']} | {row['problem']} | | | | | | {row['version'] or ''} |")
            continue
        found = row.get("cosines")
        cells = [
            row["engine"],
            row.get("configuration", ""),
            f"{row['tokens_per_second']:,.0f}",
            f"{row['chunks_per_second']:,.1f}",
            *(f"{number:.8f}" for number in found or ()),
            *([] if found else ["", ""]),
            f"{row['peak_rss_bytes'] / 2**20:,.0f} MiB",
            row["version"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine() -> str:
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    today = datetime.datetime.now(datetime.UTC).date()
    return f"{model}, {os.cpu_count()} cores, {today}, Python {platform.python_version()}"


def run_all(args: argparse.Namespace) -> None:
    here = [sys.executable, __file__, "--texts", str(args.texts), "--model", str(args.model)]
    here += ["--threads", str(args.threads), "--rounds", str(args.rounds)]
    plain = dict(os.environ)
    quiet = plain | {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    quiet |= dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS"), str(args.threads))
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        rows: dict[str, Row] = {}
        commands: dict[str, tuple[list[str], dict[str, str]]] = {}
        exported = measure([*here, "--one", "export", "--cache", folder], quiet)
        for name, (title, packages) in PEERS.items():
            version = versions(packages)
            rows[name] = {"engine": title, "version": version}
            command = [*here, "--one", name, "--cache", folder]
            if version is None:
                rows[name]["problem"] = "not installed"
            elif "problem" in exported and not name.startswith("st-"):
                rows[name]["problem"] = f"export {exported['problem']}"
            else:
                rows[name] |= measure(command, quiet)
            if "problem" not in rows[name]:
                tried = rows[name]["tried_seconds"]
                best = min(tried, key=tried.__getitem__)
                vectors = str(cache / f"{name}.f32")
                commands[name] = ([*command, "--configuration", best, "--vectors", vectors], quiet)
        for precision in RAGCTL_PRECISIONS if args.ragctl else ():
            name, version = f"ragctl-{precision}", ragctl_version(args.ragctl)
            rows[name] = {"engine": f"ragctl {precision}", "version": version}
            command = [args.ragctl, "bench", "embed", "--texts", str(args.texts), "--model", str(args.model)]
            command += ["--precision", precision, "--threads", str(args.threads), "--rounds", str(args.rounds)]
            command += ["--device", "cpu", "--vectors", str(cache / f"{name}.f32"), "--json"]
            if version is None:
                rows[name]["problem"] = "not installed"
            else:
                commands[name] = (command, plain)
        for repeat in range(args.repeat):
            for name in list(commands)[:: -1 if repeat % 2 else 1]:
                print(f"{repeat + 1}/{args.repeat} {rows[name]['engine']}", file=sys.stderr)
                found = measure(*commands[name])
                if found.get("tokens_per_second", 0) > rows[name].get("tokens_per_second", 0):
                    rows[name] |= found
                    rows[name].pop("problem", None)
                elif "tokens_per_second" not in rows[name]:
                    rows[name]["problem"] = found.get("problem", "its output lacks tokens_per_second")
        width = json.loads((args.model / "config.json").read_text())["hidden_size"]
        for name, row in rows.items():
            row["cosines"] = cosines(cache / f"{name}.f32", cache / "st-f32.f32", width)
    about = machine() + "".join(f"; {found}" for found in map(versions, RUNTIME) if found)
    print(f"{table(rows)}\n\n{about}; {args.threads} thread(s), best of {args.repeat} x {args.rounds} rounds")
    if args.json:
        args.json.write_text(json.dumps({"machine": about, "threads": args.threads, "rows": rows}, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=Path, required=True, help="a JSON array of strings, or one text a line")
    parser.add_argument("--model", type=Path, required=True, help="the model's directory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="rounds measured in each process; the best counts")
    parser.add_argument("--repeat", type=int, default=1, help="times the whole sequence runs; each engine's best counts")
    parser.add_argument("--json", type=Path, help="write the rows there too")
    parser.add_argument("--ragctl", help="measure this ragctl in the same run")
    parser.add_argument("--one", choices=("export", *PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--configuration", help=argparse.SUPPRESS)
    parser.add_argument("--vectors", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.texts, args.model = args.texts.resolve(), args.model.resolve()
    if args.one == "export":
        export(args.model, args.cache)
        print("{}")
    elif args.one:
        run_one(args)
    else:
        run_all(args)


if __name__ == "__main__":
    main()
