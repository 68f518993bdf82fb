"""An S3 server for tests, in memory: paths for buckets, lists in small pages, multipart uploads, conditional writes. A plan
may break any request, before or after it was carried out. Signatures are not looked at: what is tested is what a client does
with answers, and every client here has the right key.

Run as `s3.py HOST PORT` it serves until it is ended.
"""

import dataclasses
import datetime
import email.utils
import hashlib
import http.server
import itertools
import re
import socket
import struct
import sys
import threading
import time
import typing
import urllib.parse
from xml.sax.saxutils import escape

REGION = "us-east-1"
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@dataclasses.dataclass
class Request:
    number: int
    method: str
    bucket: str
    key: str
    query: dict
    headers: typing.Any
    body: bytes

    def __str__(self):
        return f"{self.method} {self.key}{'?' + ','.join(self.query) if self.query else ''}"


@dataclasses.dataclass
class Fault:
    """What befalls a request. Whether it is carried out all the same is another matter than what the client hears of it."""

    applied: bool = False
    # Called at that moment, such as to kill the client; and once what was to be answered has been.
    act: typing.Callable | None = None
    act_after: typing.Callable | None = None
    # Answered in place of the truth.
    status: int | None = None
    # Nothing is answered: the connection ends, or is reset.
    drop: bool = False
    reset: bool = False
    # The answer's body is cut off after so many bytes, and the connection ends.
    cut: int | None = None
    # What the answer says of its length.
    length: int | None = None
    # Seconds of silence, first; and the same in the middle of the answer's body.
    stall: float = 0
    freeze: float = 0


@dataclasses.dataclass
class Object:
    body: bytes
    tag: str
    modified: datetime.datetime


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)


class Gone(Exception):
    """The client, or the connection to it."""


def failure(status, code):
    return Answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())


class S3:
    """`conditions` are `kept`; `ignored`; `late`, which looks first and writes later; or `unknown`. `refused` and `missing`
    are what a condition that does not hold is answered with, on an object that is there or not."""

    def __init__(self, plan=None, conditions="kept", refused=412, missing=404, ranges=True, page=5, host="127.0.0.1", port=0):
        self.conditions, self.refused, self.missing, self.ranges, self.page = conditions, refused, missing, ranges, page
        self.lock = threading.Lock()
        self.buckets, self.uploads = {}, {}
        # Every body that a record ever had, in the order in which they became visible.
        self.written = {}
        # Names that are added to every listing, beside what is there.
        self.listed = []
        self.begin(plan)

        class Handler(Connection):
            s3 = self

        http.server.ThreadingHTTPServer.request_queue_size = 512
        self.http = http.server.ThreadingHTTPServer((host, port), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def begin(self, plan=None, limit=None, at_limit=None):
        """Counts requests and bytes from nothing. After `limit` bytes of bodies `at_limit` is called, and no more is read."""
        self.plan, self.limit, self.at_limit = plan, limit, at_limit
        self.numbers, self.requests, self.received = itertools.count(1), [], 0

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def bucket(self, name):
        return self.buckets.setdefault(name, {})

    def bodies(self, bucket, prefix=""):
        """What lies below a prefix, by the rest of its key."""
        with self.lock:
            found = self.bucket(bucket)
            return {key.removeprefix(prefix): found[key].body for key in sorted(found) if key.startswith(prefix)}

    def put(self, bucket, key, body, tag=None):
        """Writes, whatever the conditions. The lock is held."""
        tag = tag or f'"{hashlib.md5(body).hexdigest()}"'
        self.bucket(bucket)[key] = Object(body, tag, datetime.datetime.now(datetime.UTC))
        if not re.search(r"(^|/)blobs/", key):
            self.written.setdefault((bucket, key), []).append(body)
        return tag

    def holds(self, request):
        """Answers a condition that does not hold."""
        found = self.bucket(request.bucket).get(request.key)
        match = request.headers.get("If-Match")
        if request.headers.get("If-None-Match") == "*" and found:
            return failure(self.refused, "PreconditionFailed")
        if match and not found:
            return failure(self.missing, "NoSuchKey")
        if match and match != found.tag:
            return failure(self.refused, "PreconditionFailed")
        return None

    def room(self, piece):
        """Takes note of bytes that are about to be read; says how many may be."""
        with self.lock:
            if self.limit is None:
                taken = piece
            else:
                taken = max(0, min(piece, self.limit - self.received))
            self.received += taken
        return taken

    def carry_out(self, request):
        method = request.method
        if method in ("GET", "HEAD"):
            return self.get(request) if request.key else self.list(request)
        if method == "PUT":
            return self.part(request) if "uploadId" in request.query else self.write(request)
        if method == "POST":
            return self.post(request)
        if method == "DELETE":
            with self.lock:
                if "uploadId" in request.query:
                    self.uploads.pop(request.query["uploadId"], None)
                else:
                    self.bucket(request.bucket).pop(request.key, None)
            return Answer(204)
        return failure(501, "NotImplemented")

    def get(self, request):
        with self.lock:
            found = self.bucket(request.bucket).get(request.key)
        if not found:
            return failure(404, "NoSuchKey")
        headers = {"ETag": found.tag, "Last-Modified": email.utils.format_datetime(found.modified, usegmt=True),
                   "Accept-Ranges": "bytes"}
        wanted = re.match(r"bytes=(\d+)-(\d*)$", request.headers.get("Range", ""))
        if not wanted or not self.ranges:
            return Answer(200, found.body, headers)
        first, size = int(wanted[1]), len(found.body)
        last = min(int(wanted[2] or size), size - 1)
        if first >= size:
            return failure(416, "InvalidRange")
        return Answer(206, found.body[first:last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{size}"})

    def list(self, request):
        prefix, after = request.query.get("prefix", ""), request.query.get("continuation-token", "")
        with self.lock:
            found = dict(self.bucket(request.bucket))
        for name in self.listed:
            found[name] = Object(b"planted", '"0"', datetime.datetime.now(datetime.UTC))
        keys = sorted(key for key in found if key.startswith(prefix) and key > after)
        shown, more = keys[:self.page], len(keys) > self.page
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{found[key].modified.isoformat().replace('+00:00', 'Z')}"
            f"</LastModified><ETag>{escape(found[key].tag)}</ETag><Size>{len(found[key].body)}</Size></Contents>" for key in shown)
        token = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if more else ""
        return Answer(200, f"<ListBucketResult {XMLNS}><IsTruncated>{str(more).lower()}</IsTruncated>{contents}{token}"
                           f"</ListBucketResult>".encode(), {"Content-Type": "application/xml"})

    def write(self, request):
        conditional = "If-Match" in request.headers or "If-None-Match" in request.headers
        if conditional and self.conditions == "unknown":
            return failure(501, "NotImplemented")
        if conditional and self.conditions == "late":
            with self.lock:
                refused = self.holds(request)
            time.sleep(0.05)
        with self.lock:
            if conditional and self.conditions == "kept":
                refused = self.holds(request)
            if conditional and self.conditions != "ignored" and refused:
                return refused
            return Answer(200, headers={"ETag": self.put(request.bucket, request.key, request.body)})

    def part(self, request):
        with self.lock:
            parts = self.uploads.get(request.query["uploadId"])
            if parts is None:
                return failure(404, "NoSuchUpload")
            parts[int(request.query["partNumber"])] = request.body
        return Answer(200, headers={"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'})

    def post(self, request):
        if "delete" in request.query:
            keys = re.findall(rb"<Key>(.*?)</Key>", request.body)
            with self.lock:
                for key in keys:
                    self.bucket(request.bucket).pop(urllib.parse.unquote(key.decode()), None)
            deleted = "".join(f"<Deleted><Key>{key.decode()}</Key></Deleted>" for key in keys)
            return Answer(200, f"<DeleteResult {XMLNS}>{deleted}</DeleteResult>".encode())
        if "uploads" in request.query:
            with self.lock:
                name = f"upload-{next(self.numbers)}-{len(self.uploads)}"
                self.uploads[name] = {}
            return Answer(200, f"<InitiateMultipartUploadResult {XMLNS}><Bucket>{request.bucket}</Bucket>"
                               f"<Key>{escape(request.key)}</Key><UploadId>{name}</UploadId>"
                               f"</InitiateMultipartUploadResult>".encode())
        return self.complete(request)

    def complete(self, request):
        named = re.findall(rb"<PartNumber>(\d+)</PartNumber>", request.body)
        with self.lock:
            parts = self.uploads.get(request.query.get("uploadId"))
            if parts is None:
                return failure(404, "NoSuchUpload")
            numbers = [int(number) for number in named]
            if numbers != sorted(parts):
                return failure(400, "InvalidPart")
            # Every part but the last has a least size, as clouds demand.
            if any(len(parts[number]) < 5 << 20 for number in numbers[:-1]):
                return failure(400, "EntityTooSmall")
            del self.uploads[request.query["uploadId"]]
            hashes = b"".join(hashlib.md5(parts[number]).digest() for number in numbers)
            tag = f'"{hashlib.md5(hashes).hexdigest()}-{len(numbers)}"'
            self.put(request.bucket, request.key, b"".join(parts[number] for number in numbers), tag)
        return Answer(200, f"<CompleteMultipartUploadResult {XMLNS}><Key>{escape(request.key)}</Key><ETag>{escape(tag)}</ETag>"
                           f"</CompleteMultipartUploadResult>".encode())


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one piece.
    wbufsize, disable_nagle_algorithm = -1, True

    def handle(self):
        try:
            super().handle()
        except (OSError, Gone):
            pass

    def log_message(self, *_):
        pass

    def body(self):
        left, pieces = int(self.headers.get("Content-Length", 0)), []
        while left:
            room = self.s3.room(min(left, 1 << 16))
            piece = self.rfile.read(room) if room else b""
            if not room and self.s3.at_limit:
                self.s3.at_limit()
            if not piece or len(piece) < room:
                raise Gone
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def serve(self):
        target = urllib.parse.urlsplit(self.path)
        bucket, _, key = urllib.parse.unquote(target.path).lstrip("/").partition("/")
        query = dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True))
        try:
            body = self.body()
        except Gone:
            self.close_connection = True
            return
        request = Request(next(self.s3.numbers), self.command, bucket, key, query, self.headers, body)
        self.s3.requests.append(request)
        fault = (self.s3.plan(request) if self.s3.plan else None) or Fault(applied=True)
        time.sleep(fault.stall)
        answer = self.s3.carry_out(request) if fault.applied else None
        if fault.act:
            fault.act()
        if fault.drop or fault.reset:
            if fault.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if fault.status:
            answer = failure(fault.status, "SlowDown" if fault.status == 503 else "InternalError")
        self.tell(answer, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def tell(self, answer, fault):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        length = len(answer.body) if fault.length is None else fault.length
        if answer.status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        shown = answer.body if fault.cut is None else answer.body[:fault.cut]
        half = len(shown) // 2 if fault.freeze else 0
        self.wfile.write(shown[:half])
        if fault.freeze:
            self.wfile.flush()
            time.sleep(fault.freeze)
        self.wfile.write(shown[half:])
        if len(shown) != length:
            self.close_connection = True
        if fault.act_after:
            self.wfile.flush()
            fault.act_after()


if __name__ == "__main__":
    S3(host=sys.argv[1], port=int(sys.argv[2])).http.serve_forever()
