"""T34: a bad network. Packets between a client and a server pass a device that loses them, holds them back, swallows them for
good, or resets their connections. Transfers finish, or end with exit 20 in a bounded time and leave nothing half; once the
network is mended the same command goes on with what it has.

Run as `weather.py SPEC` in a network namespace of its own. There is one device: what is sent to the far address comes back
from it, and is for the server that listens at the near one. Exchanging the two addresses leaves every checksum as it is.
"""

import collections
import concurrent.futures
import fcntl
import heapq
import json
import os
import pathlib
import random
import select
import struct
import subprocess
import sys
import threading
import time

import checker
import remotes
import s3
from store import NotRun, Outcome

NEAR, FAR, PORT, BUCKET = "10.99.0.1", "10.99.0.2", 9000, "weather"
NO_NETWORK = 77
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
RESET, ACKNOWLEDGES = 0x04, 0x10


class Sky(threading.Thread):
    """Carries every packet, as the weather is."""

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH", b"sky", IFF_TUN | IFF_NO_PI))
        self.rng, self.lock = random.Random(seed), threading.Lock()
        self.clear()

    def clear(self, loss=0, rate=0, swallow=None, reset=None, endless=False):
        """`loss` is a share of the packets, `rate` is in bits a second, each way. After so many bytes of content everything
        is swallowed, or every connection there is is reset, and all later ones too where that is `endless`."""
        with self.lock:
            self.carried = self.harmed = 0
            self.loss, self.rate, self.swallow, self.reset, self.endless = loss, rate, swallow, reset, endless
            self.free, self.queue, self.order = collections.defaultdict(float), [], 0
            self.known, self.doomed = set(), None

    def run(self):
        while True:
            with self.lock:
                wait = max(0, self.queue[0][0] - time.monotonic()) if self.queue else 1
            came = select.select([self.device], [], [], wait)[0]
            with self.lock:
                if came:
                    self.carry(os.read(self.device, 1 << 16))
                while self.queue and self.queue[0][0] <= time.monotonic():
                    self.write(heapq.heappop(self.queue)[2])

    def write(self, packet):
        try:
            os.write(self.device, packet)
        except OSError:
            pass

    def carry(self, packet):
        if packet[0] >> 4 != 4 or packet[9] != 6:
            return
        segment = packet[(packet[0] & 15) * 4:]
        content = len(segment) - (segment[12] >> 4) * 4
        ports = frozenset(struct.unpack("!HH", segment[:4]))
        if self.swallow is not None and self.carried >= self.swallow:
            self.harmed += 1
            return
        self.known.add(ports)
        if self.reset is not None and self.carried >= self.reset and not segment[13] & RESET:
            if self.doomed is None:
                self.doomed = set(self.known)
            if self.endless or ports in self.doomed:
                self.harmed += 1
                return self.write(answer_with_reset(packet, segment, content))
        self.carried += content
        if self.loss and self.rng.random() < self.loss:
            self.harmed += 1
            return
        back = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
        if not self.rate:
            return self.write(back)
        # One queue for each way, of half a second; what finds it full is lost.
        way, now = segment[2:4] == struct.pack("!H", PORT), time.monotonic()
        begin = max(now, self.free[way])
        if begin - now > 0.5:
            self.harmed += 1
            return
        self.free[way] = begin + len(packet) * 8 / self.rate
        self.order += 1
        self.harmed += 1
        heapq.heappush(self.queue, (self.free[way], self.order, back))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def answer_with_reset(packet, segment, content):
    """What the sender of a packet gets when its connection is reset: it comes from whom it sent to."""
    source, target = packet[12:16], packet[16:20]
    from_port, to_port, sequence, acknowledged = struct.unpack("!HHII", segment[:12])
    follows = (sequence + content + bool(segment[13] & 0x03)) & 0xFFFFFFFF
    head = struct.pack("!HHIIBBHHH", to_port, from_port, acknowledged, follows, 5 << 4, RESET | ACKNOWLEDGES, 0, 0, 0)
    sealed = checksum(target + source + struct.pack("!BBH", 0, 6, len(head)) + head)
    head = head[:16] + struct.pack("!H", sealed) + head[18:]
    outer = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head), 0, 0, 64, 6, 0) + target + source
    return outer[:10] + struct.pack("!H", checksum(outer)) + outer[12:] + head


def settle():
    for command in ("ip link set lo up", f"ip addr add {NEAR}/24 dev sky", "ip link set sky up mtu 1500"):
        subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)


def main():
    """Runs the steps of a spec, one after the other: a weather, and a command in it."""
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    try:
        sky = Sky(spec["seed"])
        settle()
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        sys.exit(NO_NETWORK)
    server = s3.S3(host=NEAR, port=PORT)
    sky.start()
    environment = {**spec["environment"], "AWS_ENDPOINT_URL": f"http://{FAR}:{PORT}"}
    results = []
    for step in spec["steps"]:
        sky.clear(**step.get("weather", {}))
        begun = time.monotonic()
        try:
            done = subprocess.run(step["argv"], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                  env=environment, timeout=step["bound"])
            ended = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
        except subprocess.TimeoutExpired:
            ended = {"code": -1000, "out": "", "err": f"still running after {step['bound']} s"}
        results.append({**ended, "seconds": time.monotonic() - begun, "carried": sky.carried, "harmed": sky.harmed,
                        "problems": judge(server, step, ended["code"])})
    json.dump(results, sys.stdout)


def judge(server, step, code):
    """What a transfer leaves on both sides, whether it got through or not."""
    problems = remotes.judge(server.bodies(BUCKET, "kb/"))
    if "store" in step:
        problems += remotes.pulled(step["store"], settled=True)
        held = os.listdir(f"{step['store']}/store/versions")
        if bool(held) != (code == 0):
            problems.append(f"exit code {code}, and the store has the versions {held}")
    return problems


def inside(lab, spec):
    """Runs a spec in a network of its own."""
    path = f"{lab.new_dir('weather')}/spec.json"
    pathlib.Path(path).write_text(json.dumps(spec))
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    own = ["unshare", *user, "--net", "--mount", "--propagation", "private", "--"]
    if subprocess.run([*own, "true"], capture_output=True).returncode != 0 or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise NotRun("no network of its own")
    done = subprocess.run([*own, sys.executable, "-B", __file__, path], capture_output=True, text=True, env=lab.environment())
    if done.returncode == NO_NETWORK:
        raise NotRun(f"no network of its own: {done.stderr.strip()}")
    if done.returncode != 0:
        raise RuntimeError(f"weather.py ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def bound(silence):
    """Seconds within which a transfer ends that gets nowhere. A read is tried four times, each of which is given up after
    five times the silence that is allowed and a pause or two; a write takes no longer."""
    return 25 * silence + 15


class Journey:
    """A remote, a store that pulls from it, and what is sent between them in which weather."""

    def __init__(self, lab, name, silence):
        self.lab, self.name, self.silence, self.steps, self.expected = lab, name, silence, [], []

    def step(self, args, place, weather, codes, check=None, seconds=None, pulls=False, once=False):
        argv = self.lab.command([*args, "--remote", f"s3://{BUCKET}/kb", "--timeout", f"{int(self.silence * 1000)}ms", "--json"], place)
        # A little beyond the bound, so that what exceeds it is told with how long it took.
        limit = seconds or bound(self.silence)
        step = {"argv": argv, "weather": weather, "bound": limit + 10}
        self.steps.append({**step, "store": place} if pulls else step)
        self.expected.append((args[0], weather, codes, check, limit, once))
        return self

    def push(self, place, version, weather=None, codes=(0,), check=None, **options):
        return self.step(["push", version, "--channel", "current"], place, weather or {}, codes, check, **options)

    def pull(self, place, weather=None, codes=(0,), check=None, **options):
        return self.step(["pull", "--publish"], place, weather or {}, codes, check, pulls=True, **options)

    def travel(self):
        """Returns how many commands ran, how many of them had a bad time, problems, and a note."""
        environment = self.lab.environment({"AWS_ACCESS_KEY_ID": "faults", "AWS_SECRET_ACCESS_KEY": "faults", "AWS_REGION": s3.REGION})
        results = inside(self.lab, {"seed": self.lab.seed, "environment": environment, "steps": self.steps})
        problems, harmed, told, tried, through = [], 0, [], set(), set()
        for (what, weather, codes, check, limit, once), result in zip(self.expected, results):
            found = checker.ended_well(result["code"], result["err"]) if result["code"] != -1000 else [result["err"]]
            found += result["problems"]
            if not found and result["code"] not in codes:
                found.append(f"exit code {result['code']}: {result['err'].strip()[-400:]}")
            if result["seconds"] > limit:
                found.append(f"it took {result['seconds']:.0f} s, and {limit:.0f} s are its bound")
            if weather and not result["harmed"]:
                found.append("no packet was harmed")
            if check and not found:
                found += check(json.loads(result["out"]))
            if once:
                tried.add(what)
                through |= {what} if result["code"] == 0 else set()
            harmed += bool(weather and result["harmed"])
            told.append(f"{what} {result['code']} in {result['seconds']:.1f} s")
            problems += [f"{self.name}: {what} in {weather or 'fair weather'}: {problem}" for problem in found]
        problems += [f"{self.name}: no {what} of several got through" for what in tried - through]
        return len(results), harmed, problems, f"{self.name}: {', '.join(told)}"


def sent_less(answer):
    pushed = answer["pushed"]
    return [] if 0 < pushed["bytes"] < pushed["total_bytes"] else [f"nothing was gone on with: {pushed}"]


def fetched_less(answer):
    went_on = answer["resumed_bytes"] > 0 and answer["fetched_bytes"] < answer["total_bytes"]
    return [] if went_on else [f"nothing was gone on with: {answer['fetched_bytes']} of {answer['total_bytes']} bytes"]


def journeys(lab):
    small, large = lab.template(), lab.documents(os.path.join(lab.new_dir("large"), "p"))
    remotes.enlarge(large)
    for args in (["init"], ["run"]):
        lab.must(args, large)

    def receiver():
        place = lab.documents(os.path.join(lab.new_dir("receiver"), "p"))
        lab.must(["init"], place)
        return place

    silence, rng = lab.pick(0.5, 3), lab.rng("T34")
    begin = lambda name: Journey(lab, name, silence)
    broken = {"a hole": lambda at: {"swallow": at}, "resets without end": lambda at: {"reset": at, "endless": True}}
    # Chance decides which of them get through; that none does is no chance.
    lossy, some = Journey(lab, "10 % lost", 3), {"codes": (0, 20), "once": True}
    for version in remotes.VERSIONS:
        lossy.push(small, version, {"loss": 0.1}, **some)
    lossy.push(small, "v0.1.0")
    for _ in remotes.VERSIONS:
        lossy.pull(receiver(), {"loss": 0.1}, **some)
    yield lossy
    for name, kind in broken.items():
        for _ in range(lab.pick(1, 4)):
            at = rng.randrange(1_000_000, 8_000_000)
            place = receiver()
            yield begin(f"{name} in a push").push(large, "v0.1.0", kind(at), (20,)).push(large, "v0.1.0", check=sent_less).pull(place)
            place = receiver()
            yield (begin(f"{name} in a pull").push(large, "v0.1.0").pull(place, kind(at), (20,))
                   .pull(place, check=fetched_less))
    place = receiver()
    yield begin("one reset of everything").push(large, "v0.1.0", {"reset": 3_000_000}, (0, 20)).push(large, "v0.1.0") \
        .pull(receiver(), {"reset": 3_000_000}, (0,)).pull(place)
    if lab.quick:
        return
    # What is lost so often may end before it is through, but only with a word and in time.
    place, long = receiver(), 600
    yield (begin("30 % lost").push(large, "v0.1.0", {"loss": 0.3}, (0, 20), seconds=long).push(large, "v0.1.0")
           .pull(place, {"loss": 0.3}, (0, 20), seconds=long).pull(receiver()))
    slow = {"rate": 1_000_000}
    place = receiver()
    yield begin("1 Mbit/s").push(small, "v0.3.0", slow, seconds=60).pull(place, slow, seconds=60)
    place = receiver()
    yield (begin("1 Mbit/s, much").push(large, "v0.1.0", slow, (0, 20), seconds=long).push(large, "v0.1.0")
           .pull(place, slow, (0,), seconds=long))


def t34(lab):
    """a bad network: packets lost, swallowed and reset, and 1 Mbit/s"""
    lab.need("ip", "unshare")
    outcome, every = Outcome(), list(journeys(lab))
    # Nearly all of it is waiting.
    with concurrent.futures.ThreadPoolExecutor(lab.pick(6, 4)) as pool:
        for visited, harmed, problems, note in pool.map(Journey.travel, every):
            outcome.visited += visited
            outcome.injected += harmed
            outcome.add(problems)
            outcome.notes.append(note)
    return outcome


if __name__ == "__main__":
    main()
