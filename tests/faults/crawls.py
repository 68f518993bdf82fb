"""T48: a site of many pages, crawled twice. What robots.txt disallows is never asked for, the rate that it asks for is kept,
one request follows the other, and the second time every page is a 304 and nothing is embedded.
"""

import http.server
import json
import os
import threading
import time

import checker
from store import Outcome

FAN = 8
WORDS = "index chunk store version reader publish rollback embed model token query release channel lease".split()


class Site:
    """A tree of pages, with a few that lead out of it, and a part that is not for programs."""

    def __init__(self, count, delay):
        self.count, self.delay = count, delay
        self.lock, self.edited, self.gone = threading.Lock(), {}, set()
        self.forget()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                site.begin(self.path)
                try:
                    status, headers, body = site.answer(self.path, self.headers)
                    site.note(self.path, status)
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                finally:
                    site.end()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forget(self):
        self.asked, self.times, self.open, self.most = [], [], 0, 0

    def begin(self, path):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
            self.times.append(time.monotonic())

    def end(self):
        with self.lock:
            self.open -= 1

    def note(self, path, status):
        with self.lock:
            self.asked.append((path, status))

    def page(self, number):
        children = [child for child in range(number * FAN + 1, number * FAN + FAN + 1) if child < self.count]
        links = [f'<a href="/page/{child}#part">page {child}</a>' for child in children]
        links += ['<a href="/">home</a>', f'<a href="/private/{number}">private</a>']
        words = " ".join(WORDS[(number * 7 + place * (number % 5 + 1)) % len(WORDS)] for place in range(30))
        main = f"<h1>Page {number}</h1><p>Page {number} says {words}.</p><p>{self.edited.get(number, '')}</p>"
        body = f"<main>{main}</main><nav>{' '.join(links)}</nav>"
        return f"<html><head><title>Page {number}</title></head><body>{body}</body></html>".encode()

    def answer(self, path, headers):
        if path == "/robots.txt":
            rules = f"User-agent: *\nDisallow: /private/\nCrawl-delay: {self.delay}\n"
            return 200, {"Content-Type": "text/plain"}, rules.encode()
        named = path.removeprefix("/page/")
        number = 0 if path == "/" else int(named) if named.isdigit() else None
        if number is None or number >= self.count or number in self.gone:
            return 404, {}, b""
        mark = f'"{number}-{len(self.edited.get(number, ""))}"'
        if headers.get("If-None-Match") == mark:
            return 304, {"ETag": mark}, b""
        return 200, {"Content-Type": "text/html; charset=utf-8", "ETag": mark}, self.page(number)

    def pages(self):
        return [(path, status) for path, status in self.asked if path != "/robots.txt"]


def crawl(lab, place, site, outcome, what, wanted):
    """One crawl and one embed; `wanted` says how many answers of each status there should be."""
    site.forget()
    run = lab.run(["ingest", "--json"], place, timeout=600)
    problems = checker.ended_well(run.code, run.err)
    if run.code != 0:
        outcome.add([*problems, f"exit code {run.code}: {run.err.strip()[-300:]}"], what)
        return None
    got = {}
    for path, status in site.pages():
        got[status] = got.get(status, 0) + 1
        if path.startswith("/private"):
            problems.append(f"{path} is disallowed and was asked for")
    if got != wanted:
        problems.append(f"answers {got}, not {wanted}")
    if site.most != 1:
        problems.append(f"{site.most} requests at once")
    took, least = site.times[-1] - site.times[0], (len(site.times) - 1) * site.delay
    if took < least:
        problems.append(f"{len(site.times)} requests in {took:.2f} s, and robots.txt asks for {least:.2f} s")
    embedded = lab.must(["embed", "--json"], place, timeout=600).json()
    outcome.visited += len(site.times)
    outcome.injected += 1
    outcome.add(problems, what)
    outcome.notes.append(f"{what}: {len(site.times)} requests in {took:.1f} s, {embedded['embedded']} texts embedded")
    return run.json(), embedded


def t48(lab):
    """a crawl of a site, polite the first time and of nothing but 304s the second"""
    outcome = Outcome()
    count, delay = lab.pick((300, 0.005), (2_000, 0.01))
    site = Site(count, delay)
    place = lab.documents(os.path.join(lab.new_dir("crawl"), "p"))
    with open(f"{place}/ragctl.toml", "w") as file:
        file.write('store = "store"\n[model]\npath = "model"\n[[source]]\nid = "site"\nallow_cidrs = ["127.0.0.1/32"]\n')
        file.write(f'crawl = "{site.base}/"\nmax_pages = {count + 100}\n')
    lab.must(["init"], place)
    try:
        first = crawl(lab, place, site, outcome, "first", {200: count})
        second = crawl(lab, place, site, outcome, "second", {304: count})
        if second and (second[1]["embedded"] != 0 or second[0]["changed"]):
            outcome.add([f"the second run embedded {second[1]['embedded']}, changed: {second[0]['changed']}"])
        if first and first[0]["documents"] != count:
            outcome.add([f"{first[0]['documents']} documents of {count} pages"])
        # One page says something else, one is no more, and no other is read again.
        leaf = count - 1
        site.edited[leaf - 1] = "A new sentence about the rollback of a release."
        site.gone.add(leaf)
        third = crawl(lab, place, site, outcome, "one changed, one gone", {304: count - 2, 200: 1, 404: 1})
        if third and (third[1]["embedded"] > 2 or third[0]["documents"] != count - 1):
            outcome.add([f"the third run embedded {third[1]['embedded']}, left {third[0]['documents']} documents"])
    finally:
        site.server.shutdown()
    return outcome
