"""T41: files that stand for far more than they hold: chains of filters, packages and archives, entities, objects and pages by
the hundred thousand, text that is hard to cut. Each is read or refused by name in seconds.
"""

import pathlib
import zlib

import checker
import reading
from containers import Deflated, archive, docx, epub, laughs, pptx, xlsx, zstd
from filters import hex_chain, lzw, lzw_run
from pdfs import WORDS, page, pdf, stream
from reading import MIB
from store import Outcome

ENOUGH = "Sound words stand here."
SPACES = (b" ", 1024)


def filtered(data, *names):
    filters = b"".join(b"/" + name for name in names)
    return pdf(page(stream(data, b"/Filter[%s]" % filters)))


def changed(number, body, *more):
    return pdf(page() | {number: body} | dict(more))


def flate_chain(depth, mib):
    data = Deflated((b" ", mib)).zlib()
    for _ in range(depth - 1):
        data = zlib.compress(data, 9)
    return filtered(data, *[b"FlateDecode"] * depth)


def tiny_objects(count):
    return pdf(page() | dict.fromkeys(range(6, count), b"0"))


def many_pages(count):
    kids = b" ".join(b"%d 0 R" % number for number in range(10, 10 + count))
    leaves = {number: b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources 6 0 R/MediaBox[0 0 9 9]>>" for number in range(10, 10 + count)}
    resources = {6: b"<</Font<</F1 5 0 R>>>>"}
    return pdf(page() | {2: b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)} | resources | leaves)


def deep_pages(depth):
    """A tree of pages that is a chain."""
    chain = {number: b"<</Type/Pages/Parent %d 0 R/Kids[%d 0 R]/Count 1>>" % (number - 1, number + 1) for number in range(10, 10 + depth)}
    chain[9 + depth] = b"<</Type/Pages/Parent %d 0 R/Kids[3 0 R]/Count 1>>" % (8 + depth)
    return pdf(page() | {2: b"<</Type/Pages/Kids[10 0 R]/Count 1>>"} | chain)


def forms(depth, each):
    """Forms that draw the next one several times; the last draws the first."""
    body = page(stream(b"/X6 Do"))
    body[3] = body[3].replace(b"/Resources<<", b"/Resources<</XObject<</X6 6 0 R>>")
    for number in range(6, 6 + depth):
        after = 6 if number == 5 + depth else number + 1
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F1 5 0 R>>/XObject<</X%d %d 0 R>>>>" % (after, after)
        body[number] = stream(b"/X%d Do " % after * each + WORDS, entries)
    return pdf(body)


def object_stream(mib):
    head = b"".join(b"%d %d " % (100 + number, number * 5) for number in range(10))
    data = Deflated(head + b"null " * 10, (b" ", mib)).zlib()
    return changed(6, stream(data, b"/Type/ObjStm/N 10/First %d/Filter/FlateDecode" % len(head)))


def looped(key):
    """The table of references that names itself as the one before."""
    data = pdf(page())
    at = data.rindex(b"xref\n0 ")
    return data.replace(b"/Root 1 0 R>>", b"/Root 1 0 R/%s %d>>" % (key, at))


def character_map(ranges):
    body = page(stream(b"BT /F1 9 Tf 9 9 Td <00410042> Tj ET"))
    body[5] = b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[7 0 R]>>"
    body[6] = stream(b"begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 100 beginbfrange " + ranges + b"endbfrange endcmap")
    body[7] = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>/DW 500>>"
    return pdf(body)


def huge_table(entries):
    body = pdf(page())
    return body.replace(b"xref\n0 6", b"xref\n0 %d" % entries).replace(b"/Size 6", b"/Size %d" % entries)


def reference_stream(entries):
    data = pdf(page())
    data = data[:data.rindex(b"xref\n0 ")]
    stream_of = stream(zlib.compress(b"\0" * 64), b"/Type/XRef/Filter/FlateDecode/Root 1 0 R" + entries)
    return data + b"9 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream_of, len(data))


# Of these nothing can be read but a refusal.
PDFS = {
    "one filter": lambda: flate_chain(1, 1024), "two filters": lambda: flate_chain(2, 4096),
    "three filters": lambda: flate_chain(3, 8192),
    "text": lambda: filtered(Deflated(b"BT /F1 9 Tf ", (b"(AAAAAAAAAAAAAA) Tj\n", 100), b"ET").zlib(), b"FlateDecode"),
    "LZW": lambda: filtered(lzw_run(32, 300), b"LZWDecode"),
    "LZW of LZW": lambda: filtered(lzw(lzw_run(32, 100)), b"LZWDecode", b"LZWDecode"),
    "LZW of Flate": lambda: filtered(lzw(Deflated((b" ", 512)).zlib()), b"LZWDecode", b"FlateDecode"),
    "ASCIIHex of Flate": lambda: filtered(hex_chain(6, Deflated((b" ", 256)).zlib()), *[b"ASCIIHexDecode"] * 6, b"FlateDecode"),
    "a filter 100,000 times": lambda: filtered(WORDS.hex().encode() + b">", *[b"ASCIIHexDecode"] * 100_000),
    "run lengths": lambda: filtered(zlib.compress(b"\x81 " * (4 * MIB)), b"FlateDecode", b"RunLengthDecode"),
    "a predictor": lambda: changed(4, stream(zlib.compress(b"abc"), b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 100000/Colors "
                                                                  b"2147483647/BitsPerComponent 16>>")),
    "100,000 pages": lambda: many_pages(100_000), "cut off": lambda: pdf(page())[:300], "garbage": lambda: b"%" * 100_000,
    "forms in forms": lambda: forms(40, 2),
}
# Of these the text may be had as well.
ODD_PDFS = {
    "arrays in arrays": lambda: changed(1, b"<</Type/Catalog/Pages 2 0 R/X %s%s>>" % (b"[" * 100_000, b"]" * 100_000)),
    "dictionaries in dictionaries": lambda: changed(1, b"<</Type/Catalog/Pages 2 0 R/X %s%s>>" % (b"<</X " * 100_000, b">>" * 100_000)),
    "parentheses": lambda: changed(1, b"<</Type/Catalog/Pages 2 0 R/X %s%s>>" % (b"(" * 1_000_000, b")" * 1_000_000)),
    "arrays in content": lambda: changed(4, stream(b"BT %s%s TJ ET" % (b"[" * 100_000, b"]" * 100_000))),
    "states in content": lambda: changed(4, stream(b"q " * 1_000_000 + WORDS)),
    "text within the cap": lambda: filtered(Deflated(b"BT /F1 9 Tf ", (b"(A) Tj\n", 31), b"ET").zlib(), b"FlateDecode"),
    "an object stream": lambda: object_stream(512),
    "1,000,000 objects": lambda: tiny_objects(1_000_000),
    "pages in pages": lambda: changed(2, b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 2>>"),
    "a chain of 100,000 pages": lambda: deep_pages(100_000),
    "a form in itself": lambda: forms(1, 1), "a ring of forms": lambda: forms(50, 1),
    "a table before itself": lambda: looped(b"Prev"), "a stream before itself": lambda: looped(b"XRefStm"),
    "a length that is itself": lambda: changed(4, b"<</Length 4 0 R>>\nstream\n%s\nendstream" % WORDS),
    "a length of 9 TB": lambda: changed(4, b"<</Length 9999999999999>>\nstream\n%s\nendstream" % WORDS),
    "a table of a billion": lambda: huge_table(999_999_999),
    "references by the billion": lambda: reference_stream(b"/Size 2147483647/Index[0 2147483647]/W[1 2 1]"),
    "references of 8 EB": lambda: reference_stream(b"/Size 9/W[9223372036854775807 1 1]"),
    "references of no bytes": lambda: reference_stream(b"/Size 2147483647/Index[0 2147483647]/W[0 0 0]"),
    "characters": lambda: character_map(b"<0000> <FFFF> <0041>\n" * 20_000),
    "long characters": lambda: character_map(b"<0000> <FFFF> <%s>\n" % (b"0041" * 2000) * 20),
    "a character map of 4 billion": lambda: character_map(b"<00000000> <FFFFFFFF> <0041>\n"),
}


def nested_zip(depth):
    data = Deflated((b" ", 1024))
    for number in range(depth):
        data = Deflated(archive([(f"{number}.zip", data)] * 1 + [(f"again{number}.zip", b"")]))
    return archive([("word/document.xml", data)])


def entity(make, **options):
    prolog, use = laughs(**options)
    return make(prolog, use)


def external(make):
    return make('<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>\n', "&f;")


WORD_HEAD = b'<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
WORD_TAIL = b"</w:t></w:r></w:p></w:body></w:document>"
SHEET_HEAD = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
CELL = b'<row><c t="inlineStr"><is><t>' + b"w " * 1024 + b"</t></is></c></row>"
FILES = {
    "docx": ("docx", lambda: docx(document=Deflated(WORD_HEAD, SPACES, WORD_TAIL))),
    "docx of text": ("docx", lambda: docx(document=Deflated(WORD_HEAD, (b"A", 100), WORD_TAIL))),
    "pptx": ("pptx", lambda: pptx(slide=Deflated(b"<p:sld>", SPACES, b"</p:sld>"))),
    "xlsx sheet": ("xlsx", lambda: xlsx(sheet=Deflated(SHEET_HEAD, SPACES, b"</sheetData></worksheet>"))),
    "xlsx strings": ("xlsx", lambda: xlsx(shared=Deflated(b"<sst><si><t>", SPACES, b"</t></si></sst>"))),
    "xlsx sheets that share their bytes": ("xlsx", lambda: xlsx(sheet=Deflated(SHEET_HEAD, CELL * 12_000, b"</sheetData></worksheet>"), sheets=400)),
    "epub": ("epub", lambda: epub(chapter=Deflated(b"<html><body><p>", SPACES, b"</p></body></html>"))),
    "epub chapters that share their bytes": ("epub", lambda: epub(chapter=Deflated(b"<html><body><p>", (b"w ", 5), b"</p></body></html>"), chapters=300)),
    "zip in zip": ("docx", lambda: nested_zip(4)),
    "gzip": ("txt.gz", lambda: Deflated((b"A", 4096)).gzip()),
    "gzip of a page": ("html.gz", lambda: Deflated((b"<p>", 512)).gzip()),
    "gzip of gzip": ("txt.gz", lambda: Deflated(Deflated((b"A", 4096)).gzip()).gzip()),
    "gzip of records": ("jsonl.gz", lambda: Deflated(b'{"text": "', (b"A", 2048), b'"}\n').gzip()),
    "gzip of JSON": ("json.gz", lambda: Deflated(b"[", (b"[", 512)).gzip()),
    "zstd": ("txt.zst", lambda: zstd(b"A", 4 << 30)), "zstd of records": ("jsonl.zst", lambda: zstd(b" ", 4 << 30)),
    "zstd of a window of 2 TB": ("txt.zst", lambda: zstd(b"A", 1 << 20, window=0xF8)),
    "entities in docx": ("docx", lambda: entity(lambda prolog, use: docx(f"<w:p><w:r><w:t>{use}</w:t></w:r></w:p>", prolog))),
    "entities in xlsx": ("xlsx", lambda: entity(lambda prolog, use: xlsx(strings=f"<si><t>{use}</t></si>", prolog=prolog))),
    "entities in epub": ("epub", lambda: entity(lambda prolog, use: epub(prolog=prolog, title=use))),
    "entities in a chapter": ("epub", lambda: entity(lambda prolog, use: epub(
        chapter=f"{prolog}<html><body><p>{use}</p></body></html>".encode()))),
    "one entity many times": ("docx", lambda: docx(f"<w:p><w:r><w:t>{'&a;' * 100_000}</w:t></w:r></w:p>",
                                                   f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "{"A" * 100_000}">]>')),
    "a file as an entity": ("docx", lambda: external(lambda prolog, use: docx(f"<w:p><w:r><w:t>{use}</w:t></w:r></w:p>", prolog))),
    "elements in elements": ("docx", lambda: docx("<w:sdt><w:sdtContent>" * 200_000)),
    "tables in tables": ("docx", lambda: docx("<w:tbl><w:tr><w:tc>" * 100_000)),
    "a cell far away": ("xlsx", lambda: xlsx('<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="1048576"><c r="XFD1048576" t="s"><v>0</v></c></row>')),
    "100,000 parts": ("docx", lambda: archive([(f"word/media/{number}.png", b"") for number in range(100_000)])),
    "lists in JSON": ("json", lambda: b"[" * 1_000_000),
    "lists in records": ("jsonl", lambda: b'{"text": "x", "a": ' + b"[" * 1_000_000 + b"\n"),
    "lists in a notebook": ("ipynb", lambda: b'{"cells": ' + b"[" * 1_000_000),
    "a notebook of spaces": ("ipynb", lambda: b'{"cells": [' + b" " * (63 * MIB) + b"]}"),
    "columns": ("csv", lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n" + b"," * 999_999 + b"\n"),
    "an open quote": ("csv", lambda: b'text\n"' + b"A,\n" * (40 * MIB)),
    "aliases in front matter": ("md", lambda: b"---\na0: &a0 [haha]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)) + b"---\n# T\n\nWords.\n"),
    "lists in front matter": ("md", lambda: b"---\na: " + b"[" * 100_000 + b"\n---\n# T\n\nWords.\n"),
    "tables in front matter": ("md", lambda: b"+++\n" + b"[" + b".".join([b"a"] * 100_000) + b"]\n+++\n# T\n\nWords.\n"),
    "a line": ("txt", lambda: b"word " * (12 * MIB)),
    "text beyond the cap": ("txt", lambda: b"Words in a line.\n" * (2 * MIB)),
}
# Texts that are cut into chunks, too: that is done by the process that everything hangs on.
TEXTS = {
    "quotes in quotes.md": lambda: b">" * 1_000_000 + b" words\n", "brackets.md": lambda: b"[" * 500_000 + b"words\n",
    "emphasis.md": lambda: b"*a **a " * 200_000, "underscores.md": lambda: b"_a" * 500_000,
    "lists in lists.md": lambda: b"- " * 200_000 + b"words\n",
    "code fences.md": lambda: b"```\n" * 1_000_000,
    "backticks.md": lambda: b"words " + b"".join(b"`" * number + b" " for number in range(2_000)),
    "headings.md": lambda: b"# a\n" * 300_000, "pipes.md": lambda: b"|a" * 500_000,
    "rows.md": lambda: b"|a|b|\n|-|-|\n" + b"|c|d|\n" * 200_000,
    "links in links.md": lambda: b"[a](" * 200_000, "tags.md": lambda: b"<a" * 400_000,
    "references.md": lambda: b"".join(b"[a%d]: b\n" % number for number in range(60_000)) + b"[a1]" * 60_000,
    "one word.txt": lambda: b"A" * (2 * MIB),
    "one word of Han.txt": lambda: "\u6f22".encode() * MIB, "lines.txt": lambda: b"a\n" * MIB,
    "sentences.txt": lambda: b"a. " * MIB, "marks on a letter.txt": lambda: b"words a" + "\u0301".encode() * (2 * MIB),
    "one emoji.txt": lambda: b"words a" + "\u200d\U0001f469".encode() * 200_000,
    "long forms.txt": lambda: "\ufdfa".encode() * 300_000,
    "soft hyphens.txt": lambda: "a\u00ad".encode() * 500_000, "broken words.txt": lambda: b"a-\n" * 500_000,
    "closing marks.txt": lambda: b"word. " + b")" * 1_000_000, "spaces.txt": lambda: b"word." + b" " * 1_000_000 + b"word",
    "sentences of marks.txt": lambda: (b"word. " + b")" * 3_000) * 300,
    "one heading.md": lambda: b"# " + b"word " * 200_000 + b"\n\n" + b"words\n\n" * 50_000,
    "a title.md": lambda: b"---\ntitle: " + b"a" * 60_000 + b"\n---\n" + b"words\n\n" * 50_000,
    "turns.txt": lambda: "\u202ea".encode() * 300_000, "unseen.txt": lambda: "\U000e0041".encode() * 500_000,
}
SOUND = {
    "pdf": lambda: pdf(page()), "docx": docx, "xlsx": xlsx, "pptx": pptx, "epub": epub, "txt.gz": lambda: Deflated(ENOUGH.encode()).gzip(),
    "json": lambda: b'[{"text": "Sound words stand here."}]', "csv": lambda: b"id,text\n1,Sound words stand here.\n",
    "ipynb": lambda: b'{"cells": [{"cell_type": "markdown", "source": ["Sound words stand here."]}], "metadata": {}, "nbformat": 4, '
                     b'"nbformat_minor": 5}',
    "LZW.pdf": lambda: filtered(lzw((WORDS + b"\n") * 500), b"LZWDecode"),
    "ASCIIHex.pdf": lambda: filtered(hex_chain(3, WORDS), *[b"ASCIIHexDecode"] * 3),
    "pages.pdf": lambda: many_pages(100),
    "zst": lambda: b"\x28\xb5\x2f\xfd\x20\x17\xb9\x00\x00" + ENOUGH.encode(),
}
LIMITS = ("took more than", "the parser crashed", "the parser ended")


def attempt(lab, folder, name, data, outcome, seconds, memory, must_fail=False, must_read=False):
    """Reads one file, which may cost so much and no more."""
    path = pathlib.Path(folder, name)
    path.write_bytes(data)
    seen = reading.extract(lab, path)
    path.unlink()
    problems = reading.judge(seen)
    cost, reason = seen.cost, seen.reason()
    if cost.processor > seconds:
        problems.append(f"took {cost.processor:.1f} s of processor time")
    if cost.memory > memory:
        problems.append(f"a process had {cost.memory} MiB")
    if reason and reason.startswith(LIMITS):
        problems.append(f"was ended, not refused: {reason}")
    if must_fail and not reason:
        problems.append(f"was read: {seen.text()[:80]!r}")
    if must_read and ENOUGH not in seen.text():
        problems.append(f"is sound, and was not read: {reason or seen.text()[:80]!r}")
    if "root:" in seen.text():
        problems.append("shows a file of this machine")
    outcome.visited += 1
    outcome.injected += not must_read
    outcome.add(problems, name)
    return cost, reason


def survey(lab, cases, outcome, seconds, memory, **expected):
    folder, slowest, largest = lab.new_dir("bombs"), (0, ""), (0, "")
    for name, ending, make in cases:
        cost, _ = attempt(lab, folder, f"{name}.{ending}", make(), outcome, seconds, memory, **expected)
        slowest, largest = max(slowest, (cost.processor, name)), max(largest, (cost.memory, name))
    outcome.notes.append(f"slowest {slowest[0]:.1f} s ({slowest[1]}), largest process {largest[0]} MiB ({largest[1]})")


def chunked(lab, outcome, seconds, memory):
    """Cuts texts into chunks."""
    place, slowest = lab.documents(f"{lab.new_dir('texts')}/p"), (0, "")
    for name, make in TEXTS.items():
        path = pathlib.Path(place, name)
        path.write_bytes(make())
        cost = reading.measured(lab, ["inspect", "chunk", str(path), "--json"], place)
        path.unlink()
        problems = checker.ended_well(cost.code, cost.err)
        if cost.code not in (0, 3):
            problems.append(f"exit code {cost.code}: {cost.err.strip()[-200:]}")
        if cost.processor > seconds or cost.memory > memory:
            problems.append(f"took {cost.processor:.1f} s of processor time and {cost.memory} MiB")
        outcome.visited += 1
        outcome.injected += 1
        outcome.add(problems, f"chunks of {name}")
        slowest = max(slowest, (cost.processor, name))
    outcome.notes.append(f"chunks: slowest {slowest[0]:.1f} s ({slowest[1]})")


def t41(lab):
    """bombs: filters, packages, archives, entities, objects, texts"""
    outcome = Outcome()
    survey(lab, [("sound", ending, make) for ending, make in SOUND.items()], outcome, 5, 512, must_read=True)
    survey(lab, [(name, "pdf", make) for name, make in PDFS.items()], outcome, 5, 512, must_fail=True)
    survey(lab, [(name, "pdf", make) for name, make in ODD_PDFS.items()], outcome, 5, 512)
    survey(lab, [(name, ending, make) for name, (ending, make) in FILES.items()], outcome, 5, 512)
    chunked(lab, outcome, 5, 512)
    return outcome
