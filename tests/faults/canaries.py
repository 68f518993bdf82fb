"""T44: URLs and headers with secrets in them, on their way through everything that ragctl writes: the store, its answers and
errors, what it starts. Each secret is seen by the server that it is meant for, and by nobody else.
"""

import base64
import http.server
import os
import pathlib
import threading

import checker
from store import NotRun, Outcome

STEM = "c4nArY7zQ"
RANDOM = "q8Xk2mV0pL5tR3w"

# What a URL can hide behind its path. `SECRET` is the secret.
QUERIES = [
    "token=SECRET", "a=1&token=SECRET&b=2", "TOKEN=SECRET", "access_token=SECRET", "accessToken=SECRET", "%74oken=SECRET",
    "api_key=SECRET", "apikey=SECRET", "key=SECRET", "subscription-key=SECRET", "sig=SECRET&sv=2022",
    "Signature=SECRET&Expires=1", "X-Amz-Signature=SECRET&X-Amz-Credential=SECRET%2Fx", "X-Amz-Security-Token=SECRET",
    "x-goog-signature=SECRET", "auth=SECRET", "authorization=Bearer%20SECRET", "password=SECRET", "client_secret=SECRET",
    "code=SECRET", "sid=SECRET", "PHPSESSID=SECRET", "a=1;token=SECRET",
    "next=https%3A%2F%2Fo.example%2F%3Ftoken%3DSECRET", "next=https%3A%2F%2Fu%3ASECRET%40o.example%2F",
    f"v=SECRET{RANDOM}", f"SECRET{RANDOM}", "token=one=SECRET",
]
# URLs that cannot be read at all. A server never sees them.
BAD = [
    "http://user:SECRET@HOST/ok", "http://SECRET@HOST/ok", "ftp://user:SECRET@HOST/ok",
    "http://u:SECRET@HOST:99999/ok?token=SECRET", "http://u:SECRET@exa mple/ok?token=SECRET", "http://[::1?token=SECRET",
    "http://10.1.2.3/ok?token=SECRET", "http://metadata.google.internal/?token=SECRET",
    "http://HOST.invalid/ok?token=SECRET", "http://127.0.0.1:9/ok?token=SECRET",
]


class Server:
    """Answers as the path says, and keeps what it was sent."""

    def __init__(self):
        seen = self.seen = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(f"{self.path}\n{self.headers}")
                status, headers, body = server.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.http.server_port}"
        self.base = f"http://{self.host}"
        self.redirects = {}
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, path):
        path = path.partition("?")[0]
        kind = path.split("/")[1]
        if kind == "ok":
            # What a page says of itself is indexed; it says no secret.
            shown = path.partition(";")[0]
            text = f"<p>The words of the page {shown}, about an index and a chunk.</p>"
            return 200, {"Content-Type": "text/html"}, f"<html><body><main>{text}</main></body></html>".encode()
        if kind == "sitemap":
            text = f"<urlset><url><loc>{self.redirects[path]}</loc></url></urlset>"
            return 200, {"Content-Type": "application/xml"}, text.encode()
        if kind == "away":
            return 302, {"Location": self.redirects[path]}, b""
        if kind == "image":
            return 200, {"Content-Type": "image/png"}, b"x"
        return (int(kind) if kind.isdigit() else 404), {}, b""


class Case:
    """A source with a secret, and whether a server is to see it."""

    def __init__(self, number, where, sent=True, headers="", environment=None):
        self.secret = f"{STEM}{number:02}"
        self.number, self.sent = number, sent
        self.where, self.headers = where.replace("SECRET", self.secret), headers
        self.environment = {name: value.replace("SECRET", self.secret) for name, value in (environment or {}).items()}

    def source(self):
        lines = [f'id = "case-{self.number}"', self.where, self.headers, 'allow_cidrs = ["127.0.0.1/32"]']
        return "\n".join(["[[source]]", *lines, ""])


def cases(server, folder):
    """Sources that a run can hold beside each other."""
    found = []

    def add(where, **options):
        found.append(Case(len(found), where, **options))
        return found[-1]

    def urls(path):
        return f'urls = ["{server.base}{path}"]'

    for query in QUERIES:
        add(urls(f"/ok/{len(found)}?{query}"))
    add(urls(f"/ok/{len(found)};jsessionid=SECRET"))
    add(urls(f"/ok/{len(found)}#access_token=SECRET"), sent=False)
    for kind in ("500", "403", "404", "image"):
        add(urls(f"/{kind}/{len(found)}?token=SECRET"))
    for target in ("/ok/REDIRECTED?token=SECRET", "/404/REDIRECTED?token=SECRET", "/image/x?X-Amz-Signature=SECRET"):
        path = f"/away/{len(found)}"
        case = add(urls(path))
        server.redirects[path] = server.base + target.replace("SECRET", case.secret).replace("REDIRECTED", str(case.number))
    path = f"/away/{len(found)}"
    case = add(urls(path), sent=False)
    server.redirects[path] = f"http://user:{case.secret}@10.1.2.3/?token={case.secret}"
    path = f"/sitemap/{len(found)}"
    case = add(f'sitemap = "{server.base}{path}?token=SECRET"')
    server.redirects[path] = f"{server.base}/ok/listed-{case.number}?token={case.secret}"
    add(f'crawl = "{server.base}/ok/{len(found)}?token=SECRET"')
    for name, value in (("Authorization", "Bearer SECRET"), ("X-Api-Key", "SECRET"), ("Cookie", "session=SECRET")):
        variable = f"CASE_{len(found)}"
        add(urls(f"/ok/{len(found)}"), headers=f'header_env = {{ {name} = "{variable}" }}', environment={variable: value})
    file = pathlib.Path(folder, "header.txt")
    case = add(urls(f"/ok/{len(found)}"), headers=f'header_file = {{ X-Api-Key = "{file}" }}')
    file.write_text(f"{case.secret}\n")
    return found


def spellings(secret):
    """A secret as it may be written, too."""
    yield secret
    yield secret.lower()
    yield "".join(f"%{ord(c):02x}" for c in secret)
    yield secret.encode().hex()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        yield text[4 if shift else 0:-4]


def search(text, where):
    found = [text.find(spelling) for spelling in spellings(STEM)]
    return [f"a secret is in {where}: …{text[max(0, at - 40):at + 30]!r}…" for at in found if at >= 0]


def search_tree(root):
    problems = []
    for path, info in checker.walk(root):
        problems += search(path, "a file's name")
        full = os.path.join(root, path)
        if os.path.islink(full):
            problems += search(os.readlink(full), path)
        elif os.path.isfile(full):
            problems += search(pathlib.Path(full).read_bytes().decode("latin-1"), path)
    return problems


def started(lab, place, environment, outcome):
    """What a run starts is told no secret: neither by its arguments nor by its environment."""
    try:
        lab.need("strace")
    except NotRun as reason:
        outcome.missing.append(f"what is started was not looked at: {reason}")
        return
    trace = f"{lab.new_dir('trace')}/trace"
    prefix = ["strace", "-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o", trace]
    run = lab.run(["ingest", "--max-failed", "100%"], place, prefix=prefix, env=environment)
    outcome.add(checker.ended_well(run.code, run.err), "traced")
    lines = pathlib.Path(trace).read_text(errors="replace").splitlines()
    children = [line for line in lines if "execve(" in line][1:]
    outcome.visited += len(children)
    if not any("__extract" in line for line in children):
        outcome.add(["no worker was seen to start"])
    for line in children:
        outcome.add(search(line, "what is started"))


def t44(lab):
    """secrets in URLs and headers, through everything that is written"""
    outcome, server = Outcome(), Server()
    place = lab.documents(os.path.join(lab.new_dir("canaries"), "p"))
    found = cases(server, lab.new_dir("headers"))
    environment = {name: value for case in found for name, value in case.environment.items()}
    text = 'store = "store"\n[model]\npath = "model"\n' + "".join(case.source() for case in found)
    pathlib.Path(f"{place}/ragctl.toml").write_text(text)
    lab.must(["init"], place)
    allow = ["--allow-cidr", "127.0.0.1/32"]
    tolerant = ["--max-failed", "100%"]
    commands = [
        ["ingest", "-v", *tolerant], ["ingest", "-v", "--json", *tolerant], ["ingest", "--strict"],
        ["ingest", "--dry-run", "-v", *tolerant], ["ingest", "--list"], ["ingest", "--list", "--json"], ["ingest", "--failed"],
        ["ingest", "--failed", "--json"], ["run", "-v", *tolerant], ["status", "--json"], ["list", "--json"], ["show", "--json"],
        ["history", "--json"], ["query", "words", "--json", "-k", "50"], ["doctor", "-v"], ["config", "show"],
    ]
    try:
        for args in commands:
            run = lab.run(args, place, env=environment)
            outcome.visited += 1
            outcome.add(checker.ended_well(run.code, run.err), " ".join(args))
            outcome.add(search(run.out + run.err, " ".join(args)))
        started(lab, place, environment, outcome)
        sent = "\n".join(server.seen)
        for case in found:
            outcome.injected += 1
            if (case.secret in sent) != case.sent:
                outcome.add([f"case {case.number} ({case.where}): the server saw its secret: {case.secret in sent}"])
        for number, bad in enumerate(BAD, len(found)):
            url = bad.replace("SECRET", f"{STEM}{number}").replace("HOST", server.host if ".invalid" not in bad else "host")
            for options in ([], ["--json", "-v"]):
                run = lab.run(["ingest", *options, *allow, "--", url], place)
                outcome.visited += 1
                outcome.add(checker.ended_well(run.code, run.err), bad)
                outcome.add(search(run.out + run.err, bad))
                if run.code == 0:
                    outcome.add([f"{bad} was read"])
            outcome.injected += 1
        for name, value in (("X-Key", f"{STEM}\nX-Other: 1"), ("Host", STEM)):
            args = ["ingest", "--header-env", f"{name}=BAD", *allow, "--", f"{server.base}/ok/bad"]
            run = lab.run(args, place, env={"BAD": value})
            outcome.visited += 1
            outcome.injected += 1
            outcome.add(checker.ended_well(run.code, run.err), f"header {name}")
            outcome.add(search(run.out + run.err, f"header {name}"))
            if run.code == 0:
                outcome.add([f"the header {name} was taken"])
        outcome.add(search_tree(f"{place}/store"))
        # The search proves something only where the pages did come into the store.
        known = pathlib.Path(f"{place}/store/snapshots/newest/documents.jsonl").read_text()
        missing = [case.number for case in found[:len(QUERIES)] if f"/ok/{case.number}" not in known]
        outcome.add([f"the pages of the cases {missing} are not in the snapshot"] if missing else [])
        files = sum(1 for _ in checker.walk(f"{place}/store"))
        outcome.notes.append(f"{outcome.injected} secrets, {outcome.visited} runs and processes, {files} files of the store")
    finally:
        server.http.shutdown()
    return outcome
