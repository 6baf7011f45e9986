#!/usr/bin/env python3
"""Writes the inputs that each fuzz target begins with: `fuzz/seeds.py FOLDER` fills FOLDER/TARGET/ from the test vectors,
the dialects, the samples of other products and the kept inputs of fuzz/corpus/TARGET.txt, and writes FOLDER/words.dict.

`fuzz/seeds.py --keep TARGET FOLDER` is the way back: it makes fuzz/corpus/TARGET.txt of a folder of inputs, keeping the
lines that a person wrote a reason behind.
"""

import base64
import json
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"
# Bytes of one target's kept inputs, as they stand in the file.
MOST = 36 << 10


def messages():
    """(dialect, TOML of one that the program has not, message) of every vector."""
    for line in (VECTORS / "auth-0100.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, digits = line.split()
            yield name, None, bytes.fromhex(digits)
    for line in (VECTORS / "messages.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case.get("hex"):
            file = VECTORS / "dialects" / f"{case.get('dialect')}.toml"
            toml = file.read_text() + case.get("plus", "") if file.exists() else None
            yield case["dialect"], toml, bytes.fromhex(case["hex"])


def frames():
    message = b"0800822000000000000004000000000000001122093315000001001"
    for line in (VECTORS / "frames.jsonl").read_text().splitlines():
        case = json.loads(line)
        yield case["framing"], bytes.fromhex(case["frame"]) + message
    sized = {
        "length2-be": struct.pack(">H", 55), "length4-ascii": b"0055", "length2-bcd": b"\x00\x55",
        "length2-be-inclusive": struct.pack(">H", 57), "length2-be-zero2": b"\x00\x37\x00\x00",
        "length4-hex": b"0037", "length4-ebcdic": b"\xF0\xF0\xF5\xF5", "length4-le": struct.pack("<I", 55), "rbp": b"\x00\x37",
    }
    for notation, length in sized.items():
        yield notation, (length + message) * 2
    yield "length2-be+tpdu", b"\x00\x3C\x60\x00\x00\x00\x00" + message
    yield "length2-be+base24", b"\x00\x43ISO016000055" + message
    yield "visa-stream+visa-header", bytes.fromhex("014d00001601020000") + bytes(17) + message
    for notation in ("stx-etx", "stx-etx-lrc", "etx", "length2-be+stx-etx-lrc"):
        yield notation, (b"\x02" + message + b"\x03\x00") * 2


def packet(at, bytes_, flags=0x18, to_server=True):
    ports = (40000, 8583) if to_server else (8583, 40000)
    tcp = struct.pack(">HHIIBBHHH", *ports, at, 1, 0x50, flags, 8192, 0, 0) + bytes_
    hosts = bytes([10, 0, 0, 1, 10, 0, 0, 2]) if to_server else bytes([10, 0, 0, 2, 10, 0, 0, 1])
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + hosts + tcp
    return bytes(12) + b"\x08\x00" + ip


def captures(message):
    framed = struct.pack(">H", len(message)) + message
    packets = [packet(0, b"", 2), packet(1, framed[:40]), packet(41, framed[40:]), packet(41, framed[40:50]),
               packet(900, framed), packet(1, framed, to_server=False), packet(2000, b"", 1), packet(2100, framed)]
    for order in "<>":
        file = struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        ng = struct.pack(order + "IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
        ng += struct.pack(order + "IIHHIHHBxxxI", 1, 28, 1, 0, 0, 9, 1, 6, 28)
        for index, one in enumerate(packets):
            file += struct.pack(order + "IIII", 1768480496, index, len(one), len(one)) + one
            padded = one + bytes(-len(one) % 4)
            size = 32 + len(padded)
            ng += struct.pack(order + "IIIIIII", 6, size, 0, 0, index, len(one), len(one)) + padded + struct.pack(order + "I", size)
        yield file
        yield ng
    digits = message.hex()
    yield digits.encode() + b"\n"
    yield b"12 " + digits.encode() + b"\n2026-01-15T00:00:00Z [link] received: " + " ".join(re.findall("..", digits)).encode() + b"\n"
    rows = [message[at:at + 16] for at in range(0, len(message), 16)]
    yield "".join(f"{16 * i:08x}: {row.hex(' ')}  |{'.' * len(row)}|\n" for i, row in enumerate(rows)).encode() + b"*\n00000400\n"
    yield "".join(f"    0x{16 * i:04x}:  {row.hex(' ', 2)}\n" for i, row in enumerate(rows)).encode()
    yield framed * 2


def inputs():
    """(target, input) of all that is made."""
    sample = b""
    for index, (name, toml, message) in enumerate(messages()):
        sample = sample or message
        if toml is None:
            yield "parse", f"{name}\n".encode() + message
            yield "round_trip", f"{name}\n".encode() + b"\0" + message
        elif index % 7 == 0:
            yield "dialect_toml", toml.encode() + b"\0" + message
    for name, toml in [(file.stem, file.read_text()) for file in sorted((ROOT / "specs").glob("*.toml"))]:
        yield "dialect_toml", toml.encode()
        for filler in (bytes(range(200)), b"9 Z" * 80):
            yield "round_trip", f"{name}\n".encode() + b"\1" + filler
            yield "decode_masks", f"{name}\n".encode() + filler
        for de in (48, 54, 55, 60, 62, 63, 90, 104):
            for mode in (b"\1", b"\2"):
                yield "tlv", mode + f"{name} {de}\n".encode() + bytes.fromhex("9f2608112233445566778857114111110000000013d3012201159f100706011203a0a00171040102")
    nested = b"\xC9\x01\x07"
    for _ in range(12):
        nested = b"\x71" + bytes([len(nested)]) + nested
        yield "tlv", b"\1iso87-bcd 55\n" + nested
    for line in (VECTORS / "messages.jsonl").read_text().splitlines():
        case = json.loads(line)
        if isinstance(case.get("tlv"), str):
            yield "tlv", b"\0" + bytes.fromhex(case["tlv"])
    for notation, stream in frames():
        yield "frame", f"{notation}\n".encode() + b"\6" + stream
    for file in sorted((ROOT / "tests" / "foreign").iterdir()):
        yield "importers", file.read_bytes()
    manual = (ROOT / "config" / "rules.toml").read_text()
    yield "rules", manual.encode()
    for table in re.split(r"\n\n(?=#|\[)", manual):
        yield "rules", table.encode()
    source = (ROOT / "tests" / "rules_load.rs").read_text() + (ROOT / "tests" / "rules_commands.rs").read_text()
    for condition in re.findall(r"when='([^'\n]+)'", source) + re.findall(r'^    \("(.+?)", \d+, ', source, re.M):
        rule = '[[rule]]\nname = "r"\ndecline = "05"\nwhen = "%s"\n' % condition.replace('"', "'").replace("\\", "")
        yield "rules", rule.encode() + b"\0SHOP 1\n411111\n"
    for file in captures(sample):
        yield "capture", b"\0" + file
        yield "capture", b"\1" + file


def kept():
    """(target, input) of fuzz/corpus: a line is base64, and behind a # why it was kept by hand."""
    for file in sorted((ROOT / "fuzz" / "corpus").glob("*.txt")):
        for line in file.read_text().splitlines():
            yield file.stem, base64.b64decode(line.split("#")[0])


def words():
    """Keys and short values of dialect files and of other products' files."""
    found = set()
    for file in [*(ROOT / "specs").glob("*.toml"), *(ROOT / "tests" / "foreign").iterdir(), ROOT / "config" / "rules.toml"]:
        found.update(re.findall(r"[A-Za-z][A-Za-z_.-]{2,20}", re.sub(r'(name|description|title) ?[=:] ?"[^"]*"|#.*', "", file.read_text())))
    return sorted(found)


def write(folder):
    for origin, all_inputs in (("made", inputs()), ("kept", kept())):
        for index, (target, data) in enumerate(all_inputs):
            place = folder / target
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{origin}-{index:04}").write_bytes(data)
    (folder / "words.dict").write_text("".join(f'"{word}"\n' for word in words()))


def keep(target, folder):
    file = ROOT / "fuzz" / "corpus" / f"{target}.txt"
    lines = [line for line in file.read_text().splitlines() if "#" in line] if file.exists() else []
    size = sum(map(len, lines))
    for data in sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data)):
        line = base64.b64encode(data).decode()
        size += len(line) + 1
        if size > MOST:
            break
        lines.append(line)
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    print(f"{file.relative_to(ROOT)}: {len(lines)} inputs, {file.stat().st_size} bytes")


if __name__ == "__main__":
    if sys.argv[1] == "--keep":
        keep(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        write(pathlib.Path(sys.argv[1]))
