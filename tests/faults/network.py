"""A network of one's own: every address of it is this machine, so that whoever connects to anywhere is seen. Programs in it
resolve names by a server that answers as a test wants.

Run as `network.py SPEC` by `inside`, in namespaces that end with it.
"""

import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading

from store import NotRun

# The address that stands for a public server, and the names that always lead to it.
PUBLIC = "93.184.216.34"
NAMESERVER = "127.0.0.53"
PORT = 80


# How `network.py` ends where the machine gives it no network.
NO_NETWORK = 77


def inside(lab, spec):
    """Runs a test's cases in a network of their own, and returns what came of them."""
    path = f"{lab.new_dir('network')}/spec.json"
    pathlib.Path(path).write_text(json.dumps(spec))
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    own = ["unshare", *user, "--net", "--mount", "--propagation", "private", "--"]
    probe = subprocess.run([*own, "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        raise NotRun(f"no network of its own: {probe.stderr.strip()}")
    command = [*own, sys.executable, "-B", __file__, path]
    done = subprocess.run(command, capture_output=True, text=True, env=lab.environment())
    if done.returncode == NO_NETWORK:
        raise NotRun(f"no network of its own: {done.stderr.strip()}")
    if done.returncode != 0:
        raise RuntimeError(f"network.py ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def settle():
    """Makes every address local, and the nameserver ours."""
    commands = [
        "ip link set lo up", f"ip addr add {PUBLIC}/32 dev lo", "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
    ]
    for command in commands:
        subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)
    files = {
        "resolv.conf": f"nameserver {NAMESERVER}\noptions timeout:1 attempts:1\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "nsswitch.conf": "hosts: files dns\n",
    }
    for name, text in files.items():
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            os.chmod(file.name, 0o644)
            subprocess.run(["mount", "--bind", file.name, os.path.realpath(f"/etc/{name}")], check=True)


class Watch(threading.Thread):
    """Sees every attempt to open a TCP connection, whether somebody listens or not."""

    def __init__(self):
        super().__init__(daemon=True)
        self.tried = collections.Counter()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self.socket.bind(("lo", 0))

    def run(self):
        while True:
            frame, origin = self.socket.recvfrom(128)
            if origin[2] != socket.PACKET_OUTGOING:
                continue
            kind, packet = struct.unpack("!H", frame[12:14])[0], frame[14:]
            if kind == 0x0800 and packet[9] == socket.IPPROTO_TCP:
                target, segment = packet[16:20], packet[(packet[0] & 15) * 4:]
            elif kind == 0x86DD and packet[6] == socket.IPPROTO_TCP:
                target, segment = packet[24:40], packet[40:]
            else:
                continue
            if segment[13] & 0x12 == 0x02:
                port = struct.unpack("!H", segment[2:4])[0]
                self.tried[str(ipaddress.ip_address(target)), port] += 1


class Names(threading.Thread):
    """A nameserver. `flip-N.…` leads to the public address once, and then to the Nth target; all else to the public address."""

    def __init__(self, targets, fixed):
        super().__init__(daemon=True)
        self.targets, self.fixed, self.asked = targets, fixed, collections.Counter()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((NAMESERVER, 53))

    def addresses(self, name):
        first = name.split(".")[0]
        if name in self.fixed:
            return self.fixed[name]
        if first.startswith("flip-"):
            return [PUBLIC] if self.asked[name] == 0 else self.targets[int(first[5:])]
        if first.startswith("mixed-"):
            return [PUBLIC, *self.targets[int(first[6:])]]
        return [PUBLIC] if name.endswith(".example") else []

    def answer(self, query):
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode())
            end += query[end] + 1
        kind = struct.unpack("!H", query[end + 1:end + 3])[0]
        name = ".".join(labels).lower()
        wanted = {1: 4, 28: 6}.get(kind)
        addresses = map(ipaddress.ip_address, self.addresses(name))
        found = [address.packed for address in addresses if address.version == wanted]
        # A look-up asks for both kinds of address, for the older one first.
        self.asked[name] += kind == 28
        # A time to live of nothing: the answer is good for once.
        records = [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(address)) + address for address in found]
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0)
        return head + query[12:end + 5] + b"".join(records)

    def run(self):
        while True:
            query, origin = self.socket.recvfrom(512)
            self.socket.sendto(self.answer(query), origin)


class Server(threading.Thread):
    """Serves HTTP on every address: pages, and redirects to the cases' URLs as they are written."""

    def __init__(self, urls):
        super().__init__(daemon=True)
        self.urls, self.served = urls, []
        self.socket = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(4096) or b"\r\n\r\n"
                lines = head.decode("latin-1").split("\r\n")
                path = (lines[0].split(" ") + [""])[1]
                hosts = [line[6:] for line in lines if line.lower().startswith("host: ")]
                self.served.append([hosts[0] if hosts else "", path])
                connection.sendall(self.response(path))
            except OSError:
                pass

    def response(self, path):
        # One request a connection: the next one has to resolve the name again.
        end = b"Connection: close\r\nContent-Type: text/html\r\n"
        if path.startswith("/to/"):
            location = self.urls[int(path[4:])].encode()
            return b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n" + end + b"\r\n"
        if path == "/page":
            body = b"<html><body><p>The words of a page that may be read.</p></body></html>"
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body) + end + b"\r\n" + body
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n" + end + b"\r\n"


def main():
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    try:
        settle()
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        sys.exit(NO_NETWORK)
    watch, names, server = Watch(), Names(spec["targets"], spec["names"]), Server(spec["urls"])
    for thread in (watch, names, server):
        thread.start()
    places = list(spec["places"])

    def run(case):
        place = places.pop()
        try:
            argv = [word.replace("PLACE", place) for word in case["argv"]]
            done = subprocess.run(argv, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                  env=spec["environment"], timeout=120)
            return {**case, "code": done.returncode, "out": done.stdout, "err": done.stderr}
        except subprocess.TimeoutExpired:
            return {**case, "code": -1000, "out": "", "err": "still running after 120 s"}
        finally:
            places.append(place)

    with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
        results = list(pool.map(run, spec["cases"]))
    tried = [[address, port, count] for (address, port), count in watch.tried.items()]
    json.dump({"results": results, "tried": tried, "served": server.served}, sys.stdout)


if __name__ == "__main__":
    main()
