"""T43: URLs that lead into private networks, in every spelling: as they stand, behind a redirect of a public server, and by a
name whose second answer differs from its first. Nothing but the public server is ever connected to, and each has its reason.
"""

import ipaddress
import pathlib

import checker
import network
from store import Outcome

URLS = pathlib.Path(__file__).with_name("refused.txt")
# Where a name may suddenly lead to: the ends of every range that is nobody's public server.
RANGES = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/128", "::1/128", "::7f00:0/104", "::ffff:127.0.0.0/104", "::ffff:169.254.0.0/112", "64:ff9b::a00:0/104",
    "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32",
    "2002:7f00::/24", "2002:a9fe::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fd00:ec2::254/128", "fe80::/10", "fec0::/10",
    "ff00::/8",
]
NAMED = ["169.254.169.254", "100.100.100.200", "10.1.2.3", "127.0.0.1", "::1", "fd00:ec2::254", "::ffff:10.1.2.3"]
# A proxy would be another way out, and see what is asked for.
PROXY = "http://127.0.0.1:3128"


def urls():
    lines = URLS.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def targets(rng):
    found = dict.fromkeys(NAMED)
    for text in RANGES:
        net = ipaddress.ip_network(text)
        last = net.num_addresses - 1
        for place in (0, min(1, last), last // 2, last, rng.randrange(last + 1)):
            found[str(net[place])] = None
    return [[address] for address in found]


def cases(lab, forms, flips):
    def case(kind, what, url, *options):
        argv = [lab.ragctl, "ingest", "--config", "PLACE/ragctl.toml", *options, "--", url]
        return {"kind": kind, "what": what, "argv": argv}

    rng = lab.rng("T43")

    def some(things, count):
        things = list(enumerate(things))
        return rng.sample(things, count) if lab.quick else things

    direct = [case("direct", form, form) for _, form in some(forms, 40)]
    redirects = [case("redirect", form, f"http://public.example/to/{number}") for number, form in some(forms, 40)]
    answers = [case("second answer", address, f"http://flip-{number}.example/page")
               for number, (address,) in some(flips, 30)]
    control = [
        case("control", network.PUBLIC, "http://public.example/page"),
        case("control", network.PUBLIC, "http://mixed-0.example/page"),
        case("control", "10.1.2.3", "http://10.1.2.3/page", "--allow-cidr", "10.1.2.0/24"),
        case("control", "10.9.9.9", "http://wiki/page", "--allow-host", "wiki"),
        case("control", "fd00::9", "http://wiki.internal/page", "--allow-host", "wiki.internal"),
    ]
    return direct + redirects + answers, control


def judge(outcome, seen, control):
    """Judges what was connected to, and what ragctl said."""
    allowed = {network.PUBLIC}
    for result in seen["results"]:
        where = f"{result['kind']} {result['what']}"
        outcome.visited += 1
        outcome.add(checker.ended_well(result["code"], result["err"]), where)
        if control and result["code"] != 0:
            outcome.add([f"could not be read: {result['err'].strip()[-300:]}"], where)
        if not control and result["code"] == 0:
            outcome.add(["was read"], where)
        if control:
            allowed.add(result["what"])
    reached = {address for address, _, _ in seen["tried"]}
    outcome.add([f"connected to {address}" for address in sorted(reached - allowed)])
    if control:
        outcome.add([f"the control never came to {address}: the watch proves nothing" for address in sorted(allowed - reached)])


def t43(lab):
    """private networks behind URLs, redirects and second answers of a nameserver"""
    lab.need("unshare", "ip", "mount")
    outcome = Outcome()
    forms, flips = urls(), targets(lab.rng("T43 targets"))
    attacks, control = cases(lab, forms, flips)
    place = lab.documents(f"{lab.new_dir('ssrf')}/p")
    lab.must(["init"], place)
    spec = {
        "urls": forms, "targets": flips, "places": [place, lab.copy(place)],
        "names": {"wiki": ["10.9.9.9"], "wiki.internal": ["fd00::9"]},
        "environment": lab.environment({name: PROXY for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY")}),
    }
    judge(outcome, network.inside(lab, {**spec, "cases": control}), control=True)
    seen = network.inside(lab, {**spec, "cases": attacks})
    judge(outcome, seen, control=False)
    # An attack counts where the public server really sent the visitor on, or the first answer really was used.
    sent = {(host.split(":")[0], path) for host, path in seen["served"]}
    for result in seen["results"]:
        host, _, path = result["argv"][-1].removeprefix("http://").partition("/")
        first = {"direct": None, "redirect": (host, f"/{path}"), "second answer": (host, "/robots.txt")}[result["kind"]]
        used = first is None or first in sent
        outcome.injected += used
        if not used:
            outcome.add(["never came to the public server"], f"{result['kind']} {result['what']}")
    kinds = [result["kind"] for result in seen["results"]]
    counts = ", ".join(f"{kinds.count(kind)} by {kind}" for kind in dict.fromkeys(kinds))
    elsewhere = {address for address, *_ in seen["tried"]} - {network.PUBLIC}
    tried = sum(count for *_, count in seen["tried"])
    outcome.notes.append(f"{counts}; {tried} connections, {len(elsewhere)} addresses beside the public server's")
    return outcome
