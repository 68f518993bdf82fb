"""PDFs made by hand, PDFs made worse, and T40: malformed ones and mutants by the thousand. None stops a run, each that cannot
be read has its reason, and no process grows beyond 512 MiB.
"""

import collections
import os
import pathlib
import re
import shutil
import zlib

import checker
import reading
from reading import SHARED
from store import REPOSITORY, Outcome

WORDS = b"BT /F1 12 Tf 72 700 Td (Sound words stand here.) Tj ET"


def stream(data, entries=b""):
    return b"<<%s /Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data)


def page(content=None):
    """The objects of a document of one page."""
    return {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        4: stream(WORDS) if content is None else content,
        5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    }


def pdf(objects, trailer=b""):
    """Writes objects and the table that finds them."""
    parts, offsets, at = [b"%PDF-1.7\n"], {}, 9
    for number, body in objects.items():
        offsets[number] = at
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        at += len(parts[-1])
    last = max(objects)
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % (last + 1))
    parts += [b"%010d 00000 n \n" % offsets.get(number, 0) for number in range(1, last + 1)]
    parts.append(b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (last + 1, trailer, at))
    return b"".join(parts)


def packed(objects):
    """Writes the font into an object stream, which a stream of references finds."""
    font = b"5 0 " + objects[5]
    kept = {number: body for number, body in objects.items() if number != 5}
    kept[6] = stream(zlib.compress(font), b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode")
    plain = pdf(kept)
    data = plain[:plain.rindex(b"xref\n0 ")]
    rows = [(0, 0, 65535)]
    for number in range(1, 8):
        rows.append((2, 6, 0) if number == 5 else (1, len(data) if number == 7 else data.index(b"\n%d 0 obj" % number) + 1, 0))
    table = b"".join(bytes([kind]) + at.to_bytes(4, "big") + index.to_bytes(2, "big") for kind, at, index in rows)
    entries = b"/Type/XRef/Size 8/W[1 4 2]/Root 1 0 R/Filter/FlateDecode"
    return data + b"7 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(zlib.compress(table), entries), len(data))


def made():
    """Documents of our own: plain, compressed, in an object stream, of many pages, with a form and a character map."""
    flate = page(stream(zlib.compress(WORDS), b"/Filter/FlateDecode"))
    many = page()
    many[2] = b"<</Type/Pages/Kids[3 0 R 10 0 R 11 0 R 12 0 R]/Count 4>>"
    many |= {number: many[3] for number in (10, 11, 12)}
    form = page(stream(b"q /X0 Do Q"))
    form[3] = form[3].replace(b"/Resources<<", b"/Resources<</XObject<</X0 6 0 R>>")
    form[6] = stream(WORDS, b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>>>")
    mapped = page()
    mapped[5] = b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[7 0 R]>>"
    mapped[6] = stream(b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange "
                       b"1 beginbfrange <0000> <00FF> <0020> endbfrange endcmap end")
    mapped[7] = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>/DW 500>>"
    return [packed(flate)] + [pdf(objects) for objects in (page(), flate, many, form, mapped)]


def sound():
    """What mutants are made of."""
    found = made() + [(REPOSITORY / "fixtures/corpus/runbook.pdf").read_bytes()]
    gold = sorted((SHARED / "pdf/gold").glob("*.pdf"))
    return found + [path.read_bytes() for path in gold if path.stat().st_size < 150_000]


def flip(rng, data, _):
    data = bytearray(data)
    for _ in range(rng.choice([1, 3, 10, 100])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def truncate(rng, data, _):
    return data[:rng.randint(1, len(data))]


def splice(rng, data, others):
    other = rng.choice(others)
    at, start = rng.randrange(len(data)), rng.randrange(len(other))
    piece = other[start:start + rng.choice([20, 200, 2000])]
    return data[:at] + piece + data[at + rng.choice([0, len(piece)]):]


def cut_out(rng, data, _):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice([1, 16, 256, 4096]):]


def replace(pattern, make):
    """A mutator that changes a few places that a pattern finds."""
    compiled = re.compile(pattern)

    def mutate(rng, data, others):
        places = [match.span() for match in compiled.finditer(data)]
        if not places:
            return flip(rng, data, others)
        for start, end in sorted(rng.sample(places, min(len(places), rng.choice([1, 2, 5]))), reverse=True):
            data = data[:start] + make(rng, data[start:end]) + data[end:]
        return data
    return mutate


NUMBERS = [b"0", b"1", b"-1", b"255", b"65536", b"2147483647", b"2147483648", b"4294967296", b"9223372036854775807",
           b"-9223372036854775808", b"99999999999999999999999", b"1e308", b"0.0000001", b"..", b"-"]
NESTS = [b"[", b"<<", b"<</A", b"(", b"q "]


def inside(rng, data, others):
    """Mutates what a stream holds, and compresses it again."""
    streams = [match.span(1) for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S)]
    for start, end in rng.sample(streams, min(len(streams), 3)):
        try:
            content = zlib.decompress(data[start:end])
        except zlib.error:
            continue
        if content:
            mutant = zlib.compress(rng.choice(PLAIN)(rng, content, others))
            return data[:start] + mutant + data[end:]
    return flip(rng, data, others)


PLAIN = [
    flip, truncate, splice, cut_out,
    replace(rb"\d+", lambda rng, _: rng.choice(NUMBERS)),
    replace(rb"/[A-Za-z0-9]+", lambda rng, _: rng.choice([b"/Kids", b"/Length", b"/Filter", b"/FlateDecode", b"/", b"/Parent"])),
    replace(rb"[\[(<]", lambda rng, _: rng.choice(NESTS) * rng.choice([2, 50, 3000])),
]
MUTATORS = [
    *PLAIN, inside, inside,
    replace(rb"\d+ 0 R", lambda rng, _: b"%d 0 R" % rng.choice([0, 1, 2, 3, 4, 5, rng.randrange(60), 99_999_999])),
    replace(rb"\d+ 0 obj", lambda rng, _: b"%d 0 obj" % rng.randrange(12)),
    replace(rb"endobj|endstream|stream|xref|trailer|startxref", lambda rng, _: b""),
]


def mutant(rng, sources):
    data = rng.choice(sources)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        data = rng.choice(MUTATORS)(rng, data, sources) or b"%"
    return data


def batch(lab, files, outcome, bad):
    """Ingests files, keeps those that failed, and counts reasons."""
    place = lab.documents(os.path.join(lab.new_dir("pdfs"), "p"))
    for name, data in files.items():
        pathlib.Path(f"{place}/docs/{name}").write_bytes(data)
    lab.must(["init"], place)
    cost = reading.measured(lab, ["ingest", "--max-failed", "100%", "--json"], place, timeout=900)
    problems = checker.ended_well(cost.code, cost.err)
    if cost.code != 0:
        problems.append(f"exit code {cost.code}: {cost.err.strip()[-300:]}")
    if cost.memory > 512:
        problems.append(f"a process had {cost.memory} MiB")
    reasons = collections.Counter()
    told = reading.snapshot(place) if cost.code == 0 else {}
    for name, data in files.items():
        status, reason = told.get(name, ("missing", None))
        if status == "ok":
            continue
        if not (reason or "").strip():
            problems.append(f"{name} is {status} without a reason")
            continue
        bad[name] = data
        kind = re.sub(r"\d+", "N", reason.split(":")[0])[:80]
        reasons[kind] += 1
        if re.match(r"took more than 30 s", reason):
            problems.append(f"{name}: {reason}")
    outcome.visited += len(files)
    outcome.injected += sum(reasons.values())
    outcome.add(problems)
    lab.remove(os.path.dirname(place))
    return reasons, cost


def half(lab, bad, outcome):
    """As many sound documents as bad ones: the sound ones are indexed, the bad ones listed."""
    place = lab.documents(os.path.join(lab.new_dir("half"), "p"))
    shutil.rmtree(f"{place}/docs")
    os.mkdir(f"{place}/docs")
    good = {f"good-{number}.md": f"# Good {number}\n\nWords of document {number}.\n".encode() for number in range(len(bad))}
    for name, data in {**good, **bad}.items():
        pathlib.Path(f"{place}/docs/{name}").write_bytes(data)
    lab.must(["init"], place)
    strict = lab.run(["ingest", "--json"], place, timeout=900)
    if strict.code != 3:
        outcome.add([f"half of all documents failed, and the exit code is {strict.code}: {strict.err.strip()[-200:]}"])
    run = lab.run(["ingest", "--max-failed", "100%", "--json"], place, timeout=900)
    outcome.add(checker.ended_well(run.code, run.err))
    if run.code != 0:
        return outcome.add([f"exit code {run.code}: {run.err.strip()[-300:]}"])
    told = reading.snapshot(place)
    read = {name for name, (status, _) in told.items() if status == "ok"}
    listed = {failure["id"] for failure in run.json()["failures"] if failure["reason"].strip()}
    if read != set(good):
        outcome.add([f"read wrongly or not at all: {sorted(read ^ set(good))[:5]}"])
    if listed != set(bad):
        outcome.add([f"listed wrongly or not at all: {sorted(listed ^ set(bad))[:5]}"])
    outcome.notes.append(f"{len(read)} good of {len(good)} indexed, {len(listed)} bad of {len(bad)} listed")


def t40(lab):
    """malformed PDFs, and mutants"""
    outcome, rng = Outcome(), lab.rng("T40")
    malformed = sorted((SHARED / "pdf/malformed").glob("*.pdf"))
    files = {path.name: path.read_bytes() for path in malformed}
    if not files:
        outcome.missing.append("../shared/data/pdf/malformed is not there")
    sources, count, size = sound(), lab.pick(150, 10_000), lab.pick(300, 500)
    files |= {f"mutant-{number}.pdf": mutant(rng, sources) for number in range(count)}
    names, reasons, bad = list(files), collections.Counter(), {}
    seconds, memory = 0, 0
    for start in range(0, len(names), size):
        found, cost = batch(lab, {name: files[name] for name in names[start:start + size]}, outcome, bad)
        reasons += found
        seconds, memory = seconds + cost.seconds, max(memory, cost.memory)
    outcome.notes.append(f"{len(names)} files in {seconds:.0f} s, largest process {memory} MiB")
    outcome.notes += [f"{count} × {reason}" for reason, count in reasons.most_common(8 if lab.quick else 40)]
    chosen = rng.sample(sorted(bad), min(len(bad), lab.pick(60, 500)))
    half(lab, {name: bad[name] for name in chosen}, outcome)
    return outcome
