"""Compressed files and packages made by hand: what they decompress to may be larger than any memory."""

import struct
import zlib

BLOCK = 1 << 20


class Deflated:
    """Parts, each bytes or (bytes, MiB of them), as one deflate stream, with the size and the sum of what it stands for."""

    def __init__(self, *parts):
        self.size, self.crc, pieces = 0, 0, []
        for part in parts:
            data, times = part if isinstance(part, tuple) else (part, None)
            if times is None:
                pieces.append(self._flushed(data))
                times = 1
            else:
                data *= BLOCK // len(data)
                pieces.append(self._flushed(data) * times)
            for _ in range(times):
                self.crc = zlib.crc32(data, self.crc)
            self.size += len(data) * times
        self.raw = b"".join(pieces) + b"\x03\x00"

    @staticmethod
    def _flushed(data):
        """Deflates so that more may follow and nothing before is needed."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)

    def zlib(self):
        return b"\x78\xda" + self.raw

    def gzip(self):
        tail = struct.pack("<II", self.crc, self.size & 0xFFFFFFFF)
        return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + self.raw + tail


def archive(entries, shared=()):
    """A zip of (name, bytes or Deflated). Each name in `shared` is one more entry for the last one's bytes."""
    body, directory, count = [], [], 0
    at = 0
    for name, content in entries:
        stored = isinstance(content, bytes)
        raw = content if stored else content.raw
        size, crc = (len(content), zlib.crc32(content)) if stored else (content.size & 0xFFFFFFFF, content.crc)
        fields = struct.pack("<HHHHHIII", 20, 0, 0 if stored else 8, 0, 0x21, crc, len(raw), size)
        names = [name, *shared] if (name, content) == entries[-1] else [name]
        for listed in names:
            entry = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHHHII", len(listed), 0, 0, 0, 0, 0, at)
            directory.append(entry + listed.encode())
            count += 1
        local = b"PK\x03\x04" + fields + struct.pack("<HH", len(name), 0) + name.encode() + raw
        body.append(local)
        at += len(local)
    listing = b"".join(directory)
    counted = min(count, 0xFFFF)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, counted, counted, len(listing), at, 0)
    return b"".join(body) + listing + end


def zstd(byte, size, window=None):
    """A frame that says one byte so many times."""
    frame = [b"\x28\xb5\x2f\xfd", b"\0" + bytes([window or 0x58])]
    blocks, last = divmod(size, 128 << 10)
    sizes = [128 << 10] * blocks + [last]
    for number, length in enumerate(sizes):
        header = (length << 3) | (1 << 1) | (number == len(sizes) - 1)
        frame.append(header.to_bytes(3, "little") + byte)
    return b"".join(frame)


XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument."


def relations(*targets):
    listed = "".join(f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
                     for number, (kind, target) in enumerate(targets, 1))
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{listed}</Relationships>'.encode()


def types(**parts):
    listed = "".join(f'<Override PartName="/{name}" ContentType="{TYPES}{kind}+xml"/>' for name, kind in parts.items())
    return (f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
            f'package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>{listed}</Types>').encode()


WORD = ("http://schemas.openxmlformats.org/wordprocessingml/2006/main", "http://schemas.openxmlformats.org/spreadsheetml/2006/main")
PARAGRAPH = "<w:p><w:r><w:t>Sound words stand here.</w:t></w:r></w:p>"


def docx(body=PARAGRAPH, prolog=XML, document=None):
    """Word, with a body or with the bytes of its main part."""
    text = f'{prolog}<w:document xmlns:w="{WORD[0]}"><w:body>{body}</w:body></w:document>'.encode()
    return archive([("[Content_Types].xml", types(**{"word/document.xml": "wordprocessingml.document.main"})),
                    ("_rels/.rels", relations(("officeDocument", "word/document.xml"))),
                    ("word/document.xml", document or text)])


ROWS = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
STRINGS = "<si><t>Sound words stand here.</t></si>"


def xlsx(rows=ROWS, strings=STRINGS, prolog=XML, sheet=None, shared=None, sheets=1):
    names = [f"xl/worksheets/sheet{number}.xml" for number in range(1, sheets + 1)]
    listed = "".join(f'<sheet name="S{number}" sheetId="{number}" r:id="rId{number}"/>' for number in range(1, sheets + 1))
    book = f'{XML}<workbook xmlns="{WORD[1]}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>'.encode()
    table = f'{prolog}<sst xmlns="{WORD[1]}" count="1" uniqueCount="1">{strings}</sst>'.encode()
    one = f'{XML}<worksheet xmlns="{WORD[1]}"><sheetData>{rows}</sheetData></worksheet>'.encode()
    parts = {"xl/workbook.xml": "spreadsheetml.sheet.main", "xl/sharedStrings.xml": "spreadsheetml.sharedStrings"}
    parts |= {name: "spreadsheetml.worksheet" for name in names}
    entries = [("[Content_Types].xml", types(**parts)), ("_rels/.rels", relations(("officeDocument", "xl/workbook.xml"))),
               ("xl/workbook.xml", book), ("xl/sharedStrings.xml", shared or table),
               ("xl/_rels/workbook.xml.rels", relations(*(("worksheet", name[3:]) for name in names), ("sharedStrings", "sharedStrings.xml"))),
               (names[0], sheet or one)]
    return archive(entries, names[1:])


def pptx(slide=None):
    draw, show = "http://schemas.openxmlformats.org/drawingml/2006/main", "http://schemas.openxmlformats.org/presentationml/2006/main"
    deck = (f'{XML}<p:presentation xmlns:p="{show}" xmlns:r="{OFFICE}"><p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst>'
            "</p:presentation>").encode()
    one = (f'{XML}<p:sld xmlns:p="{show}" xmlns:a="{draw}"><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>Sound words stand here.'
           "</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>").encode()
    return archive([("[Content_Types].xml", types(**{"ppt/presentation.xml": "presentationml.presentation.main",
                                                     "ppt/slides/slide1.xml": "presentationml.slide"})),
                    ("_rels/.rels", relations(("officeDocument", "ppt/presentation.xml"))), ("ppt/presentation.xml", deck),
                    ("ppt/_rels/presentation.xml.rels", relations(("slide", "slides/slide1.xml"))),
                    ("ppt/slides/slide1.xml", slide or one)])


CHAPTER = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>One</title></head><body><p>Sound words stand here.</p></body></html>'


def epub(chapter=None, prolog=XML, title="A book", chapters=1):
    names = [f"c{number}.xhtml" for number in range(1, chapters + 1)]
    items = "".join(f'<item id="i{number}" href="{name}" media-type="application/xhtml+xml"/>' for number, name in enumerate(names))
    spine = "".join(f'<itemref idref="i{number}"/>' for number in range(chapters))
    container = (f'{XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile '
                 'full-path="b.opf" media-type="application/oebps-package+xml"/></rootfiles></container>').encode()
    package = (f'{prolog}<package version="3.0" unique-identifier="u" xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc='
               f'"http://purl.org/dc/elements/1.1/"><dc:identifier id="u">x</dc:identifier><dc:title>{title}</dc:title><dc:language>en'
               '</dc:language><meta property="dcterms:modified">2026-01-01T00:00:00Z</meta></metadata><manifest><item id="n" '
               f'href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>{items}</manifest><spine>{spine}</spine>'
               "</package>").encode()
    nav = (f'{XML}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol>'
           '<li><a href="c1.xhtml">One</a></li></ol></nav></body></html>').encode()
    return archive([("mimetype", b"application/epub+zip"), ("META-INF/container.xml", container), ("b.opf", package),
                    ("nav.xhtml", nav), (names[0], chapter or (XML + CHAPTER).encode())], names[1:])


def laughs(levels=10, each=10):
    """Entities that stand for ten of each other: nine levels of them are a billion."""
    lines = ['<!ENTITY e0 "haha">'] + [f'<!ENTITY e{n} "{f"&e{n - 1};" * each}">' for n in range(1, levels)]
    return f'<?xml version="1.0"?>\n<!DOCTYPE x [{"".join(lines)}]>\n', f"&e{levels - 1};"
