"""T68: hostile clients. T69: the end of the process. T70: who is let in. And what these and `reloading.py` need: a store
whose versions tell from every hit which of them it is of, a running `ragctl serve`, and clients that check every answer.

Run as a program, this file is many slow clients at once.
"""

import collections
import contextlib
import datetime
import functools
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import random
import selectors
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

import checker
from leases import readers_of
from store import Outcome, forge

# A word that is in every chunk of a version, and in no other version's. The last is of another embedding space.
MARKS = {"v1.0.0": "amber", "v1.1.0": "birch", "v1.2.0": "cedar"}
AMBER, BIRCH, CEDAR = MARKS
DIMENSION = 32
TOPICS = ("The store publishes a version", "A reader holds the version", "The index keeps a chunk", "A model embeds the chunk")
# What is answered from memory alone, and what reads the version's files.
RESIDENT = ("vector", "question", "several", "version")
ALL = (*RESIDENT, "words", "hybrid")
JSON = {"content-type": "application/json"}


def write_corpus(place, mark):
    for name in os.listdir(f"{place}/docs"):
        os.unlink(f"{place}/docs/{name}")
    for number in range(8):
        sections = [f"## Part {part} {mark}\n\n{TOPICS[(number + part) % 4]}, number {number * 4 + part}, {mark}.\n"
                    for part in range(4)]
        pathlib.Path(f"{place}/docs/{mark}-{number}.md").write_text("\n".join(sections))


def other_model(place):
    """Makes a model of the same shape and another space: its numbers are a little different ones."""
    shutil.copytree(f"{place}/model", f"{place}/other-model")
    path = pathlib.Path(f"{place}/other-model/model.safetensors")
    data, rng = path.read_bytes(), random.Random(1)
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    count = (len(data) - begin) // 4
    numbers = struct.unpack(f"<{count}f", data[begin:begin + count * 4])
    changed = [number * rng.uniform(0.7, 1.3) for number in numbers]
    path.write_bytes(data[:begin] + struct.pack(f"<{count}f", *changed) + data[begin + count * 4:])


@functools.cache
def corpora(lab):
    """The place whose store has the versions of `MARKS`, the first of which is live."""
    place = lab.documents(os.path.join(lab.work, "serving"))
    lab.must(["init"], place)
    other_model(place)
    settings = pathlib.Path(f"{place}/ragctl.toml")
    own = settings.read_text()
    for version, mark in MARKS.items():
        write_corpus(place, mark)
        settings.write_text(own.replace('"model"', '"other-model"') if version == CEDAR else own)
        for command in (["ingest"], ["build", version], ["verify", version]):
            lab.must(command, place)
    settings.write_text(own)
    lab.must(["publish", AMBER, "--require", "structure"], place)
    return place


class Stage:
    """A copy of the store whose channel the test moves, and what each version's hits must say."""

    def __init__(self, lab, like=None):
        self.lab = lab
        self.place = lab.copy(like.place if like else corpora(lab))
        self.store = f"{self.place}/store"
        self.marks = dict(like.marks if like else MARKS)
        self.generation, self.number = 1, itertools.count(1)
        self.released = {1: AMBER}

    def forged(self, source, name=None):
        """Adds a version with the bytes of another."""
        name = name or f"v3.0.{next(self.number)}"
        forge(self.place, source, name)
        self.marks[name] = self.marks[source]
        return name

    def top(self, version):
        return f"{self.store}/versions/{version}"

    def flip(self, version, target=None):
        """Points the channel at a version by hand, and writes the twin, as a release does; returns when."""
        target = target or f"versions/{version}"
        self.generation += 1
        self.released[self.generation] = version
        manifest = f"{self.top(version)}/manifest.json"
        own = checker.sha256(manifest) if os.path.isfile(manifest) else "0" * 64
        twin = {"generation": self.generation, "version": version, "manifest_sha256": own,
                "published_at": datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")}
        fresh = f"{self.store}/.current.{self.generation:06d}"
        os.symlink(target, fresh)
        pathlib.Path(f"{fresh}.twin").write_text(json.dumps(twin))
        os.rename(fresh, f"{self.store}/current")
        flipped = time.time()
        os.rename(f"{fresh}.twin", f"{self.store}/current.json")
        return flipped

    def release(self, *words):
        """Has ragctl move the channel."""
        answer = self.lab.must([*words, "--json"], self.place).json()
        if answer["changed"]:
            self.generation = answer["release"]["generation"]
            self.released[self.generation] = answer["version"]

    def problems_of(self, crowd):
        """Answers whose generation is one of another version."""
        pairs = {(version, generation) for _, version, generation, _ in crowd.seen if generation is not None}
        return [f"{version} said to be of generation {generation}, which is {self.released.get(generation)}"
                for version, generation in sorted(pairs) if self.released.get(generation) != version]


class Server:
    """A running `ragctl serve`."""

    def __init__(self, lab, place, *options, stores=(), prefix=(), environment=None, wait=True):
        self.lab, self.place = lab, place
        self.log = os.path.join(lab.new_dir("serve"), "log")
        words = ["serve", "--log", "json", "--json", *options]
        if "--listen" not in options:
            words += ["--listen", "127.0.0.1:0"]
        for named in stores:
            words += ["--store", named]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([*prefix, *lab.command(words, place)], env=lab.environment(environment), cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        self.port, self.pid = None, self.process.pid
        if wait and not self.listens():
            raise RuntimeError(f"the server ended with {self.process.wait()}: {self.said()[-500:]}")

    def listens(self):
        """Waits until it says where it listens, or has ended."""
        line = self.process.stdout.readline()
        if line:
            self.port = int(json.loads(line)["listening"].rsplit(":", 1)[1])
        return bool(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ends(self, number=signal.SIGTERM, within=10):
        """Signals it; returns its exit code and how long it took to end."""
        begun = time.monotonic()
        self.process.send_signal(number)
        try:
            return self.process.wait(within), time.monotonic() - begun
        except subprocess.TimeoutExpired:
            return None, within

    def connect(self, timeout=20):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None):
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def version(self):
        status, _, data = self.ask("GET", "/v1/version", headers={"host": "localhost"})
        return json.loads(data)["version"] if status == 200 else None

    def metrics(self):
        return Metrics(self.ask("GET", "/metrics")[2].decode())

    def said(self):
        return pathlib.Path(self.log).read_text(errors="replace")

    def events(self, message, since=0):
        """What it logged with these words: when in seconds, and the record."""
        found = []
        for line in self.said().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                record = json.loads(line)
                at = datetime.datetime.fromisoformat(record["timestamp"]).timestamp()
                if record["message"] == message and at >= since:
                    found.append((at, record))
        return found

    def memory(self):
        """Its resident memory in MiB, the highest so far, and its descriptors and threads."""
        with open(f"/proc/{self.pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        now, peak = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
        return now, peak, len(os.listdir(f"/proc/{self.pid}/fd")), int(lines["Threads"])

    def health(self):
        """What is wrong with how it is, whatever was done to it."""
        problems = []
        if self.process.poll() is not None:
            problems.append(f"the server ended with {self.process.returncode}: {self.said()[-300:]}")
        if "panicked" in self.said():
            problems.append("a panic: " + next(line for line in self.said().splitlines() if "panicked" in line)[:300])
        return problems


class Metrics(dict):
    """Lines of /metrics by name with labels."""

    def __init__(self, text):
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        super().__init__({name: float(value) for name, value in lines})

    def of(self, name, *labels):
        """The sum of the lines of a name that have these labels."""
        return sum(value for line, value in self.items()
                   if line.split("{")[0] == f"ragctl_{name}" and all(label in line for label in labels))

    def reloads(self, outcome):
        return self.of("reloads_total", f'outcome="{outcome}"')


def question(kind, rng):
    """A request of a kind: method, path and body."""
    if kind == "version":
        return "GET", "/v1/version", None
    text = rng.choice(TOPICS)
    vector = [rng.uniform(-1, 1) for _ in range(DIMENSION)]
    body = {
        "vector": {"vector": vector},
        "question": {"text": text},
        "several": {"queries": [{"text": text}, {"vector": vector}]},
        "words": {"text": text, "mode": "text"},
        "hybrid": {"text": text, "vector": vector, "mode": "hybrid"},
    }[kind]
    return "POST", "/v1/search", json.dumps({**body, "k": 5})


def wrong_with(kind, status, headers, data, marks):
    """Says what is wrong with an answer, and else which version and generation gave it."""
    if status != 200:
        return f"{kind}: status {status}: {data[:160].decode(errors='replace')}", None, None
    body = json.loads(data)
    version, mark = body["version"], marks.get(body["version"])
    problem = None
    hits = [hit for result in body.get("results", [body]) for hit in result.get("hits", [])]
    if headers.get("ragctl-version") != version:
        problem = f"mixed: {version} in the body, {headers.get('ragctl-version')} in the header"
    elif mark is None:
        problem = f"{version} answers, which must not"
    elif kind != "version" and len(hits) != (10 if kind == "several" else 5):
        problem = f"{kind}: {len(hits)} hits of {version}"
    elif any(mark not in hit["text"] or mark not in hit["uri"] for hit in hits):
        problem = f"mixed: a hit of another version than {version}"
    return problem, version, body.get("generation")


class Crowd:
    """Clients in closed loops, on connections that are kept; every answer is checked."""

    def __init__(self, server, marks, clients=16, kinds=ALL, pause=0.004, ordered=True):
        self.server, self.marks, self.kinds, self.pause, self.ordered = server, marks, kinds, pause, ordered
        self.over = threading.Event()
        # When each answer was asked for, by which version and generation, and how long it took.
        self.seen, self.problems = [], []
        self.threads = [threading.Thread(target=self.client, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def client(self, number):
        rng, last, connection = random.Random(number), 0, self.server.connect()
        for turn in itertools.count(number):
            if self.over.wait(self.pause):
                break
            kind = self.kinds[turn % len(self.kinds)]
            method, path, body = question(kind, rng)
            asked = time.time()
            try:
                connection.request(method, path, body, JSON)
                answer = connection.getresponse()
                told = wrong_with(kind, answer.status, answer.headers, answer.read(), self.marks)
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                told = f"{kind}: no answer: {error!r}", None, None
                connection.close()
                connection = self.server.connect()
            problem, version, generation = told
            if self.ordered and generation is not None and generation < last:
                problem = problem or f"generation {generation} after {last}"
            last = max(last, generation or 0)
            self.seen.append((asked, version, generation, time.time() - asked))
            if problem:
                self.problems.append(problem)
        connection.close()

    def shown(self):
        """The problems, each once with its count."""
        return [f"{count} times: {problem}" if count > 1 else problem
                for problem, count in collections.Counter(self.problems).most_common()]

    def slowest(self, since=0, until=float("inf")):
        """The 99th percentile in milliseconds."""
        took = sorted(took for asked, _, _, took in self.seen if since <= asked < until)
        return took[int(len(took) * 0.99)] * 1000 if took else float("inf")

    def versions(self, since):
        return {version for asked, version, _, _ in list(self.seen) if asked >= since}


def until(holds, within):
    """Waits until something holds; returns how long that took, or nothing where it did not in time."""
    begun = time.monotonic()
    while True:
        if holds():
            return time.monotonic() - begun
        if time.monotonic() - begun > within:
            return None
        time.sleep(0.01)


def served(server, version, within=2):
    """What is wrong where a server does not come to serve a version in time."""
    if until(lambda: server.version() == version, within) is None:
        told = [line for line in server.said().splitlines() if '"route"' not in line]
        return [f"{version} is not served within {within} s: {server.version()} is; the log ends with {' '.join(told[-2:])}"]
    return []


# T68

def post(body, path="/v1/search", **headers):
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    fields = {"host": "localhost", "content_type": "application/json", "content_length": str(len(data)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + data


def get(path, *lines):
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{''.join(line + chr(13) + chr(10) for line in lines)}\r\n".encode("latin-1")


def hostile():
    """Requests that are too much or nonsense, each with the codes that may answer it; 0 is a closed connection."""
    text, numbers = "plain words", [0.5] * DIMENSION
    yield "a body of 10 MiB", post({"text": "x" * (10 << 20)}), {413}
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    yield "a chunked body of 10 MiB", post(b"", content_length=None, transfer_encoding="chunked") + chunk * 160 + b"0\r\n\r\n", {413}
    yield "a length of 2^63", post(b"{}", content_length=1 << 63), {413, 400, 0}
    yield "a negative length", post(b"{}", content_length=-1), {400, 0}
    yield "two lengths", post(b"{}", Content_Length=3), {400, 0}
    yield "a wrong chunk size", post(b"", content_length=None, transfer_encoding="chunked") + b"zz\r\n{}\r\n0\r\n\r\n", {400, 0}
    for k in (10**9, 0, -1, 1.5, 1 << 40, "3", 1001):
        yield f"k of {k!r}", post({"text": text, "k": k}), {400}
    yield "a question of a million characters", post({"text": "a" * 1_000_000}), {400}
    yield "10,000 header lines", get("/v1/version", *(f"x-{number}: y" for number in range(10_000))), {431, 0}
    yield "a header line of 1 MiB", get("/v1/version", "x: " + "y" * (1 << 20)), {431, 0}
    yield "a path of 100,000 characters", get("/v1/chunks/" + "a" * 100_000), {414, 431, 400, 0}
    for body in (b"", b"{", b"nul", b"[]", b"3", b"\xff\xfe", b'{"text":"a"}x', b'{"text":"a","text":"b"}', b'{"text":"\\ud800"}',
                 b'{"text":null}', b'{"text":3}', b'{"question":"a"}', b"{}", b'{"text":""}', b'{"text":" \\n"}', b'\xef\xbb\xbf{"text":"a"}'):
        yield f"the body {body!r}", post(body), {400}
    for opening in (b"[", b'{"text":', b'{"queries":[', b'{"vector":['):
        yield f"{opening!r} nested 100,000 times", post(opening * 100_000), {400, 413}
    for vector in ([1e39] * DIMENSION, numbers[1:], [*numbers, 0.5], [], [0] * DIMENSION, [1e38] * DIMENSION, [1e-30] * DIMENSION,
                   ["a"] * DIMENSION, [None] * DIMENSION, [[0.5] * DIMENSION], numbers * 1000, [-0.0] * DIMENSION):
        yield f"the vector {str(vector)[:30]}", post({"vector": vector}), {400}
    for word in ("NaN", "Infinity", "-Infinity", "1e400", "0x10"):
        yield f"a vector of {word}", post('{"vector":[%s]}' % ",".join([word] * DIMENSION)), {400}
    yield "a text and a vector", post({"text": text, "vector": numbers}), {400}
    yield "no questions", post({"queries": []}), {400}
    yield "129 questions", post({"queries": [{"text": text}] * 129}), {400}
    yield "a question of several that is empty", post({"queries": [{"text": text}, {}]}), {400}
    yield "an unknown mode", post({"text": text, "mode": "both"}), {400}
    yield "words by vector", post({"vector": numbers, "mode": "text"}), {400}
    for words in ("source = ", "((((", "(" * 8000, "not " * 2000 + "source = 'a'", "source = 'a", "' or 1=1 --", "x" * 9000, "source = 3; drop", ""):
        yield f"the filter {words[:20]!r}", post({"text": text, "filter": words}), {400}
    yield "a version that is not served", post({"text": text, "version": "v9.9.9"}), {409}
    yield "two versions", post({"text": text, "version": AMBER}, ragctl_version=BIRCH), {400}
    yield "a version in bytes", post({"text": text}, ragctl_version="\xff"), {400}
    yield "no content type", post({"text": text}, content_type=None), {415}
    yield "another content type", post({"text": text}, content_type="text/plain"), {415}
    yield "a form", post("text=a", content_type="application/x-www-form-urlencoded"), {415}
    for body, code in (({"input": []}, 400), ({"input": [text] * 129}, 400), ({"input": ""}, 400), ({"input": 3}, 400), ({"input": [3]}, 400),
                       ({"input": text, "model": "another"}, 404), ({"input": text, "dimensions": 5}, 400),
                       ({"input": text, "encoding_format": "hex"}, 400), ({"input": "a" * 9000}, 400), ({}, 400)):
        yield f"embeddings of {str(body)[:40]}", post(body, "/v1/embeddings"), {code}
    for path, codes in (("/v1/chunks/none", {404}), ("/v1/chunks/%00", {404, 400}), ("/v1/chunks/%ff", {404, 400}), ("/v1/chunks/" + "a" * 9000, {400}),
                        ("/v1/chunks/..%2f..%2fetc%2fpasswd", {404}), ("/v1/chunks/", {404}), ("/../../etc/passwd", {404, 400}), ("//v1/version", {404})):
        yield f"the path {path[:30]}", get(path), codes
    yield "no HTTP", b"hello\r\n\r\n", {400, 0}
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), {400, 0}
    yield "a broken HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100, {0}
    yield "HTTP/3.0", b"GET / HTTP/3.0\r\nhost: localhost\r\n\r\n", {400, 505, 0}
    yield "a header without a colon", get("/livez", "nothing"), {400, 0}
    yield "a NUL in a header", get("/livez", "x: a\0b"), {400, 0}
    yield "a line feed in the path", get("/li\nvez"), {400, 0}


def answered(port, request, patience=10):
    """Sends bytes as they are; returns the code of the answer, 0 where the connection was closed, or nothing in time."""
    with socket.create_connection(("127.0.0.1", port), patience) as connection:
        answer = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        try:
            while b"\r\n" not in answer:
                part = connection.recv(4096)
                if not part:
                    break
                answer += part
        except ConnectionResetError:
            pass
        except TimeoutError:
            return None
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0


def slow_clients(port, count, seconds):
    """Opens connections that send nothing, half a header, or a byte now and then; says how many the server has ended."""
    half = b"POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 900\r\n"
    beginnings = [b"", half, b"P", half + b"\r\n{"]
    selector, ended = selectors.DefaultSelector(), 0
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(beginnings[number % 4])
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, number % 4)
    print("open", flush=True)
    over, beat = time.monotonic() + seconds, 0
    while time.monotonic() < over:
        for key, _ in selector.select(0.2):
            try:
                gone = not key.fileobj.recv(4096)
            except OSError:
                gone = True
            if gone:
                ended += 1
                selector.unregister(key.fileobj)
                key.fileobj.close()
        beat += 1
        rest = half + b"x: " + b"y" * 10_000
        for key in list(selector.get_map().values()):
            with contextlib.suppress(OSError):
                if key.data == 2:
                    key.fileobj.send(rest[beat:beat + 1])
                elif key.data == 3:
                    key.fileobj.send(b" ")
    print(ended, flush=True)


def t68(lab):
    """500 slow clients and more than 100 kinds of hostile requests: others are answered as fast, nothing breaks"""
    outcome, stage = Outcome(), Stage(lab)
    cases = list(hostile())
    seconds = lab.pick(5, 45)
    with Server(lab, stage.place) as server, Crowd(server, stage.marks, 4, RESIDENT, 0.01) as crowd:
        # What the first request of a kind leaves behind is no leak.
        for _, request, _ in cases:
            answered(server.port, request)
        before, _, _, _ = server.memory()
        calm = time.time()
        time.sleep(lab.pick(2, 10))
        storm = time.time()
        slow = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), "slow", str(server.port), "500", str(seconds)],
                                stdout=subprocess.PIPE, text=True)
        slow.stdout.readline()
        begun, rounds = time.monotonic(), 0
        while time.monotonic() < begun + seconds - 1:
            for name, request, codes in cases:
                code = answered(server.port, request)
                outcome.visited += 1
                if code not in codes:
                    outcome.add([f"{name}: {'no answer' if code is None else code}, not {sorted(codes)}"])
            rounds += 1
            if outcome.violations or (not lab.quick and rounds >= 5):
                break
        over, (after, _, _, _) = time.time(), server.memory()
        ended = int(slow.communicate()[0])
        outcome.injected = 500 + outcome.visited
        metrics = server.metrics()
        outcome.add(server.health())
    outcome.add(crowd.shown(), "healthy")
    quiet, loud = crowd.slowest(calm, storm), crowd.slowest(storm, over)
    if loud > 3 * quiet + 20:
        outcome.add([f"p99 of healthy clients is {loud:.0f} ms, was {quiet:.0f} ms"])
    if after > before + 64:
        outcome.add([f"memory rose from {before:.0f} to {after:.0f} MiB"])
    failures = {line: value for line, value in metrics.items() if 'code="500"' in line and "requests_total" in line}
    outcome.add([f"failed inside: {failures}"] if failures else [])
    if not lab.quick and ended < 500:
        outcome.add([f"after {seconds} s {500 - ended} of 500 slow connections are still open"])
    outcome.notes.append(f"p99 {quiet:.1f} ms before, {loud:.1f} ms meanwhile; memory {before:.0f} and {after:.0f} MiB; "
                         f"{rounds} rounds of {len(cases)} requests; {ended} slow connections ended by the server")
    return outcome


# T69

class Hasty(threading.Thread):
    """A client that counts what it lost: a request that was begun, on a connection that was not said to close, and got no
    answer. Half of them keep their connections, the others ask for each request on another one."""

    def __init__(self, server, number):
        super().__init__()
        self.server, self.number = server, number
        self.answered, self.lost, self.refused = 0, [], False
        # What came to nothing on a connection that was new.
        self.missed, self.answers_of_connection = [], 0
        self.over = threading.Event()

    def run(self):
        rng = random.Random(self.number)
        while not self.refused and not self.over.is_set():
            connection = self.server.connect()
            try:
                connection.connect()
            except OSError:
                # Nothing was asked yet.
                self.refused = True
                return
            self.answers_of_connection = 0
            with contextlib.closing(connection):
                try:
                    self.once(connection.sock) if self.number % 2 else self.converse(connection, rng)
                except (OSError, http.client.HTTPException) as error:
                    (self.lost if self.answers_of_connection else self.missed).append(repr(error))

    def once(self, connection):
        connection.sendall(post({"vector": [0.5] * DIMENSION}, connection="close"))
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        if answer.startswith(b"HTTP/1.1 200 "):
            self.answered += 1
        else:
            self.missed.append(repr(answer[:60]))

    def converse(self, connection, rng):
        """Asks on one connection until it is to close."""
        pause = (0, 0.01, 0.1, 0.25)[self.number // 2 % 4]
        while True:
            method, path, body = question(rng.choice(ALL), rng)
            if body and self.number % 8 == 0:
                self.slowly(connection, path, body)
            else:
                connection.request(method, path, body, JSON)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                self.lost.append(f"status {answer.status}")
            self.answered += 1
            self.answers_of_connection += 1
            if answer.headers.get("connection", "").lower() == "close" or self.over.wait(pause):
                return

    def slowly(self, connection, path, body):
        connection.putrequest("POST", path)
        connection.putheader("content-type", "application/json")
        connection.putheader("content-length", str(len(body)))
        connection.endheaders()
        time.sleep(0.15)
        connection.send(body.encode())


def ended(lab, stage, number, heavy):
    """One server's end under load; returns answers, what is wrong, what new connections missed, and how long it took."""
    problems, missed = [], []
    with Server(lab, stage.place) as server:
        clients = [Hasty(server, client) for client in range(16)]
        for client in clients:
            client.start()
        time.sleep(lab.rng(f"T69 {number}").uniform(0.1, 0.5))
        if heavy:
            # In the middle of a load.
            stage.flip(heavy)
            time.sleep(0.1)
        code, took = server.ends()
        for client in clients:
            client.over.set()
        for client in clients:
            client.join()
            problems += client.lost
            missed += client.missed
        if code != 0 or took > 6:
            problems.append(f"exit code {code} after {took:.1f} s")
        if "panicked" in server.said():
            problems.append("a panic")
    answers = sum(client.answered for client in clients)
    if not any(client.refused for client in clients):
        problems.append("no client saw the server end")
    return answers, problems, missed, took


def held(lab, place):
    return {version: count for version, count in readers_of(lab, place).items() if count}


def t69(lab):
    """SIGTERM under load loses no request that was begun, SIGKILL leaves no lease"""
    outcome, stage = Outcome(), Stage(lab)
    heavy = with_ballast(stage, AMBER)
    times, ends, unheard = [], lab.pick(5, 50), []
    for number in range(ends):
        stage.flip(AMBER)
        answers, problems, missed, took = ended(lab, stage, number, heavy if number % 5 == 4 else None)
        outcome.visited += answers
        outcome.injected += 1
        outcome.add(problems, f"end {number}")
        unheard += missed
        times.append(took)
        if held(lab, stage.place):
            outcome.add([f"end {number}: leases are left: {held(lab, stage.place)}"])
    # Whoever connects in the very moment in which the socket closes is reset; no server can help that, but it is a rare one.
    if len(unheard) > max(1, ends // 10):
        outcome.add([f"{len(unheard)} new connections were taken and reset in {ends} ends: {unheard[0]}"])
    stage.flip(AMBER)
    for _ in range(lab.pick(2, 50)):
        with Server(lab, stage.place) as server, Crowd(server, stage.marks, 2):
            time.sleep(0.1)
            if held(lab, stage.place) != {AMBER: 1}:
                outcome.add([f"leases of a running server: {held(lab, stage.place)}"])
            server.ends(signal.SIGKILL)
            outcome.injected += 1
        if held(lab, stage.place):
            outcome.add([f"killed, and leases are left: {held(lab, stage.place)}"])
    # Before it has begun, and twice.
    for wait in (0, 0.005, 0.02):
        with Server(lab, stage.place, wait=False) as server:
            time.sleep(wait)
            server.process.send_signal(signal.SIGTERM)
            code, took = server.ends()
            outcome.injected += 1
            # Where it has not come so far as to take signals, the system ends it.
            if code not in (0, -signal.SIGTERM, 143) or took > 6:
                outcome.add([f"ended {wait} s after its start: exit code {code} after {took:.1f} s"])
    outcome.notes.append(f"{outcome.visited} answers, {len(unheard)} connections reset in the last moment; ends took from {min(times):.2f} to {max(times):.2f} s")
    return outcome


def with_ballast(stage, source, size=400 << 20):
    """Forges a version that takes long to be read back: beside its table lies a file of zeros."""
    name = f"v4.0.{next(stage.number)}"
    top = stage.top(name)
    shutil.copytree(stage.top(source), top, copy_function=os.link)
    os.chmod(top, 0o755)
    with open(f"{top}/ballast", "wb") as file:
        file.truncate(size)
    with open(f"{top}/ballast", "rb") as file:
        own = hashlib.file_digest(file, "sha256").hexdigest()

    def change(manifest):
        manifest["files"] = sorted([*manifest["files"], {"path": "ballast", "size": size, "sha256": own}], key=lambda file: file["path"])

    reseal(top, name, change)
    open(f"{stage.store}/leases/{name}", "a").close()
    stage.marks[name] = stage.marks[source]
    return name


def reseal(top, name, change=lambda manifest: None):
    """Writes a version's manifest anew, with the hash that fits it."""
    with open(f"{top}/manifest.json") as file:
        manifest = json.load(file)
    manifest["version"] = name
    changed = change(manifest)
    text = changed if isinstance(changed, str) else json.dumps(manifest, indent=2) + "\n"
    own = f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json\n"
    for path, content in (("manifest.json", text), ("manifest.sha256", own)):
        os.unlink(f"{top}/{path}")
        pathlib.Path(f"{top}/{path}").write_text(content)


# T70

TOKEN = "0123456789abcdefghij"
ASKED = json.dumps({"text": "plain words"})


def cases_of_tokens():
    """Requests to a server with a token: headers, method, path and the code."""
    bearer = lambda token: {"authorization": f"Bearer {token}"}
    for headers, code in (({}, 401), (bearer(TOKEN), 200), (bearer(TOKEN[:-1]), 401), (bearer(TOKEN + "0"), 401), (bearer(TOKEN.upper()), 401),
                          (bearer(""), 401), (bearer(f" {TOKEN}"), 401), (bearer("x" * 50_000), 401), ({"authorization": TOKEN}, 401),
                          ({"authorization": f"Basic {TOKEN}"}, 401), ({"authorization": "Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVmZ2hpag=="}, 401),
                          ({"x-token": TOKEN}, 401), ({"cookie": f"token={TOKEN}"}, 401), ({**bearer(TOKEN), "host": "evil.example"}, 200)):
        yield "POST", "/v1/search", {**JSON, **headers}, code
    for path in ("/livez", "/readyz", "/metrics"):
        yield "GET", path, {}, 200
    for path in ("/v1/version", "/openapi.json", "/v1/chunks/none", "/none", "/", f"/v1/version?token={TOKEN}", "/livez/", "/metrics/x", "/v1/../livez"):
        yield "GET", path, {}, 401
    yield "GET", "/openapi.json", bearer(TOKEN), 200
    yield "GET", "/none", bearer(TOKEN), 404
    yield "OPTIONS", "/v1/search", {"origin": "https://evil.example", "access-control-request-method": "POST"}, 401


def cases_of_hosts():
    """Requests to a server on loopback without a token that is also called search.local."""
    for host, code in (("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1:8080", 200), ("127.8.8.8", 200), ("[::1]:8080", 200), ("search.local", 200),
                       ("Search.Local:80", 200), ("evil.example", 403), ("search.local.evil.example", 403), ("127.0.0.1.evil.example", 403),
                       ("localhost.evil.example:80", 403), ("10.0.0.1", 403), ("0.0.0.0", 403), ("169.254.169.254", 403), ("", 403)):
        yield "POST", "/v1/search", {**JSON, "host": host}, code
    yield "GET", "/metrics", {"host": "evil.example"}, 200
    for method, path, code in (("GET", "/v1/search", 405), ("PUT", "/v1/search", 405), ("DELETE", "/v1/version", 405), ("POST", "/v1/version", 405),
                               ("POST", "/v1/chunks/none", 405), ("GET", "/v1/embeddings", 405), ("TRACE", "/v1/search", 405), ("POST", "/v1/reload", 404),
                               ("GET", "/v1/stores/none/version", 404), ("POST", "/v1/stores/none/search", 404), ("GET", "/v1/stores/one/version", 200),
                               ("POST", "/v1/stores/two/search", 200), ("GET", "/v1/stores", 404), ("GET", "/v1/search/", 404), ("GET", "/V1/version", 404),
                               ("GET", "/v1/chunks/none", 404), ("HEAD", "/livez", 200), ("GET", "/openapi.json", 200)):
        yield method, path, JSON, code
    for kind, code in (("application/json; charset=utf-8", 200), ("APPLICATION/JSON", 200), ("text/plain", 415), ("application/jsonx", 415), ("", 415),
                       ("multipart/form-data; boundary=x", 415)):
        yield "POST", "/v1/search", {"content-type": kind}, code


def cases_of_origins():
    """What browsers ask first, and whether their pages may."""
    mine, other = "https://docs.example", "https://evil.example"
    for origin, allowed in ((mine, mine), (other, None), ("null", None), (mine + ".evil.example", None), (mine.upper(), None), ("http://docs.example", None)):
        yield "OPTIONS", {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}, allowed
        yield "POST", {**JSON, "origin": origin}, allowed


class Local(http.client.HTTPConnection):
    """HTTP by a socket that is a file."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def refused_starts(lab, stage):
    """Ways to start that must end with exit code 2."""
    token = f"{stage.place}/token"
    words = {"short": "too short\n", "spaces": "a token of several words\n", "empty": "", "bytes": "\xe9" * 20}
    for name, text in words.items():
        pathlib.Path(f"{token}-{name}").write_text(text)
        yield f"a token file that is {name}", ["--token-file", f"{token}-{name}"], None
    yield "no token, and everywhere", ["--listen", "0.0.0.0:0"], None
    yield "no token, and everywhere in IPv6", ["--listen", "[::]:0"], None
    yield "an empty token, and everywhere", ["--listen", "0.0.0.0:0"], {"RAGCTL_TOKEN": ""}
    yield "a short token in the environment", [], {"RAGCTL_TOKEN": "short"}
    yield "a token file that is missing", ["--token-file", f"{token}-none"], None
    yield "a token and none", ["--token-file", token, "--no-token"], None
    yield "an admin socket for everybody", ["--admin", "0.0.0.0:0"], None
    yield "an admin socket without a path", ["--admin", "unix:"], None
    yield "no address", ["--listen", "somewhere"], None
    yield "no address in the environment", ["--listen-by-environment"], {"RAGCTL_LISTEN": "somewhere"}
    yield "stores without names", ["--store", stage.store, "--store", stage.store], None
    yield "two stores of one name", ["--store", f"a={stage.store}", "--store", f"a={stage.store}"], None


def t70(lab):
    """who is let in: tokens, hosts, origins, methods and paths by exact codes, and starts that are refused"""
    outcome, stage = Outcome(), Stage(lab)
    token = f"{stage.place}/token"
    pathlib.Path(token).write_text(TOKEN + "\n")

    def check(server, method, path, headers, code):
        outcome.visited += 1
        outcome.injected += code != 200
        body = ASKED if method in ("POST", "PUT") else None
        found, told, _ = server.ask(method, path, body, headers)
        if found != code:
            outcome.add([f"{method} {path} {str(headers)[:80]}: {found}, not {code}"])
        if found == 401 and told.get("www-authenticate") != "Bearer":
            outcome.add([f"{method} {path}: 401 without a scheme"])
        return told

    with Server(lab, stage.place, "--token-file", token) as server:
        for case in cases_of_tokens():
            check(server, *case)
        outcome.add(["the token is in the log"] if TOKEN in server.said() else [])
    with Server(lab, stage.place, "--listen", "0.0.0.0:0", environment={"RAGCTL_TOKEN": TOKEN}) as server:
        check(server, "GET", "/v1/version", {}, 401)
        check(server, "GET", "/v1/version", {"authorization": f"Bearer {TOKEN}"}, 200)
    with Server(lab, stage.place, "--listen", "0.0.0.0:0", "--no-token", environment={"RAGCTL_TOKEN": TOKEN}) as server:
        check(server, "GET", "/v1/version", {"host": "anything.example"}, 200)
    with Server(lab, stage.place, "--allow-host", "search.local", stores=(f"one={stage.store}", f"two={stage.store}")) as server:
        for case in cases_of_hosts():
            check(server, *case)
        told = check(server, "POST", "/v1/search", {**JSON, "origin": "https://docs.example"}, 200)
        outcome.add(["an origin is let in that nobody named"] if told.get("access-control-allow-origin") else [])
    with Server(lab, stage.place, "--cors-origin", "https://docs.example") as server:
        for method, headers, allowed in cases_of_origins():
            told = check(server, method, "/v1/search", headers, 200)
            if told.get("access-control-allow-origin") != allowed:
                outcome.add([f"{method} from {headers['origin']}: {told.get('access-control-allow-origin')} is let in, not {allowed}"])
            if method == "OPTIONS" and allowed and "ragctl-version" not in told.get("access-control-allow-headers", ""):
                outcome.add(["a page may not say which version"])
    path = f"{stage.place}/admin"
    # As a server leaves it that was killed.
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(path)
    with Server(lab, stage.place, "--admin", f"unix:{path}") as server:
        mode = os.lstat(path).st_mode
        if not stat.S_ISSOCK(mode) or stat.S_IMODE(mode) != 0o600:
            outcome.add([f"the admin socket has the mode {oct(mode)}"])
        for method, where, code in (("POST", "/v1/reload", 202), ("GET", "/v1/reload", 405), ("GET", "/v1/version", 200), ("GET", "/readyz", 200),
                                    ("GET", "/metrics", 200), ("POST", "/v1/search", 404)):
            with contextlib.closing(Local(path)) as connection:
                connection.request(method, where, headers=JSON)
                found = connection.getresponse().status
            outcome.visited += 1
            if found != code:
                outcome.add([f"admin: {method} {where}: {found}, not {code}"])
        busy = f"127.0.0.1:{server.port}"
        starts = [("an address that is taken", ["--listen", busy], None), *refused_starts(lab, stage)]
        code, _ = server.ends()
        if code != 0 or os.path.exists(path):
            outcome.add([f"exit code {code}, and the admin socket is {'left' if os.path.exists(path) else 'gone'}"])
    pathlib.Path(f"{stage.place}/precious").write_text("a file\n")
    starts.append(("an admin socket in place of a file", ["--admin", f"unix:{stage.place}/precious"], None))
    with contextlib.closing(socket.create_server(("127.0.0.1", int(busy.rsplit(":", 1)[1])))):
        for name, options, environment in starts:
            options = [] if options == ["--listen-by-environment"] else ["--listen", "127.0.0.1:0", *options] if "--listen" not in options else options
            run = lab.run(["serve", *options], stage.place, env=environment, timeout=5)
            outcome.visited += 1
            outcome.injected += 1
            if run.code != 2 or not run.err.strip():
                outcome.add([f"{name}: exit code {run.code}, not 2: {run.err.strip()[-200:]}"])
    if pathlib.Path(f"{stage.place}/precious").read_text() != "a file\n":
        outcome.add(["a file was replaced by the admin socket"])
    return outcome


if __name__ == "__main__":
    slow_clients(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
