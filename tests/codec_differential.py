"""Differential test of the codec against pyiso8583, an independent implementation.

Makes messages with pyiso8583 under specs written here by hand, gives them to `authswitch decode`, and
compares every field, its place and its bytes. Damaged messages follow: what authswitch accepts of them
(it checks characters, which pyiso8583 does not) pyiso8583 must read alike.

    python3 tests/codec_differential.py target/debug/authswitch [SEED]

Prints a closing line `N passed, M failed`; exits 1 on any difference.
"""

import json
import random
import string
import subprocess
import sys

import iso8583

MESSAGES = 3000  # whole and again damaged, in each dialect

# ISO 8583:1987, independent of specs/*.toml: class, "." for each digit of a length prefix, longest value.
TABLE = """
2 n..19 3 n6 4 n12 5 n12 6 n12 7 n10 8 n8 9 n8 10 n8 11 n6 12 n6 13 n4 14 n4 15 n4 16 n4 17 n4 18 n4 19 n3 20 n3
21 n3 22 n3 23 n3 24 n3 25 n2 26 n2 27 n1 28 x9 29 x9 30 x9 31 x9 32 n..11 33 n..11 34 ns..28 35 z..37 36 z...104
37 an12 38 an6 39 an2 40 an3 41 ans8 42 ans15 43 ans40 44 ans..25 45 ans..76 46 ans...999 47 ans...999
48 ans...999 49 an3 50 an3 51 an3 52 b8 53 n16 54 an...120 55 b...999 56 ans...999 57 ans...999 58 ans...999
59 ans...999 60 ans...999 61 ans...999 62 ans...999 63 ans...999 64 b8 66 n1 67 n2 68 n3 69 n3 70 n3 71 n4 72 n4
73 n6 74 n10 75 n10 76 n10 77 n10 78 n10 79 n10 80 n10 81 n10 82 n12 83 n12 84 n12 85 n12 86 n16 87 n16 88 n16
89 n16 90 n42 91 an1 92 an2 93 n5 94 an7 95 an42 96 b8 97 x17 98 ans25 99 n..11 100 n..11 101 ans..17 102 ans..28
103 ans..28 104 ans...100 105 ans...999 106 ans...999 107 ans...999 108 ans...999 109 ans...999 110 ans...999
111 ans...999 112 ans...999 113 ans...999 114 ans...999 115 ans...999 116 ans...999 117 ans...999 118 ans...999
119 ans...999 120 ans...999 121 ans...999 122 ans...999 123 ans...999 124 ans...999 125 ans...999 126 ans...999
127 ans...999 128 b8
""".split()

FIELDS = {}
for number, text in zip(TABLE[::2], TABLE[1::2]):
    kind = text.rstrip("0123456789").rstrip(".")
    FIELDS[number] = (kind, text.count("."), int(text[len(kind) :].lstrip(".")))

EVERYDAY = "2 3 4 7 11 12 13 14 18 19 22 23 25 32 35 37 38 39 41 42 43 48 49 52 53 54 55 60 90 95 128".split()

PRINTABLE = "".join(chr(c) for c in range(0x20, 0x7F))
CHARACTERS = {
    "n": string.digits,
    "an": string.digits + string.ascii_letters + " ",
    "ans": PRINTABLE,
    "ns": "".join(c for c in PRINTABLE if c not in string.ascii_letters),
    "z": string.digits + "=",
}


def property_of(enc, length_enc, length_bytes, most, **more):
    return {"data_enc": enc, "len_enc": length_enc, "len_type": length_bytes, "max_len": most, "desc": "", **more}


def ascii_spec():
    spec = {"h": property_of("ascii", "ascii", 0, 0), "t": property_of("ascii", "ascii", 0, 4)}
    spec["p"] = property_of("ascii", "ascii", 0, 16)
    spec["1"] = property_of("ascii", "ascii", 0, 16)
    for number, (kind, digits, most) in FIELDS.items():
        if number == "55":
            spec[number] = property_of("b", "ascii", digits, most)
        elif kind == "b":
            spec[number] = property_of("ascii", "ascii", digits, most * 2)
        else:
            spec[number] = property_of("ascii", "ascii", digits, most)
    spec["65"] = property_of("ascii", "ascii", 0, 1)
    return spec


def bcd_spec():
    spec = {"h": property_of("b", "bcd", 0, 0), "t": property_of("b", "bcd", 0, 2)}
    spec["p"] = property_of("b", "bcd", 0, 8)
    spec["1"] = property_of("b", "bcd", 0, 8)
    for number, (kind, digits, most) in FIELDS.items():
        length_bytes = (digits + 1) // 2
        if kind in ("n", "z"):
            pad = {"right_pad" if digits else "left_pad": "0"}
            spec[number] = property_of("b", "bcd", length_bytes, most, len_count="nibbles", **pad)
        elif kind == "x":
            # The sign is a byte of its own.
            spec[number] = property_of("b", "bcd", 0, 1 + most // 2)
        elif kind == "b":
            spec[number] = property_of("b", "bcd", length_bytes, most)
        else:
            spec[number] = property_of("ascii", "bcd", length_bytes, most)
    spec["65"] = property_of("b", "bcd", 0, 1)
    return spec


SPECS = {"iso87-ascii": ascii_spec(), "iso87-bcd": bcd_spec()}


def random_value(rng, number):
    """A value in the form in which `authswitch decode --unmask` shows it."""
    kind, digits, most = FIELDS[number]
    length = most
    if digits:
        length = rng.choice([rng.randint(0, most), rng.randint(0, min(most, 20)), most])
    if number == "55" and rng.random() < 0.8:
        return random_emv(rng, length)
    if kind == "b":
        return rng.randbytes(length).hex().upper()
    if kind == "x":
        return rng.choice("CD") + "".join(rng.choices(string.digits, k=length - 1))
    return "".join(rng.choices(CHARACTERS[kind], k=length))


def random_emv(rng, most):
    out = ""
    while rng.random() < 0.9:
        tag = rng.choice(["9F26", "82", "95", "9A", "9C", "5F2A", "9F02", "9F10", "DF8101", "57"])
        length = rng.choice([rng.randint(0, 20), rng.randint(0, 200)])
        prefix = f"{length:02X}" if length < 128 else f"81{length:02X}"
        element = tag + prefix + rng.randbytes(length).hex().upper()
        if len(out + element) // 2 > most:
            break
        out += element
    return out


def to_wire_form(dialect, number, shown):
    """What pyiso8583 takes for a value shown so."""
    kind = FIELDS[number][0]
    if dialect == "iso87-bcd" and kind == "x":
        return f"{ord(shown[0]):02X}" + shown[1:]
    if dialect == "iso87-bcd" and kind == "z":
        return shown.replace("=", "D")
    return shown


def to_shown_form(dialect, number, read):
    """What authswitch shows for a value that pyiso8583 read."""
    kind = FIELDS[number][0]
    if dialect == "iso87-bcd" and kind == "x":
        return chr(int(read[:2], 16)) + read[2:]
    if kind == "z":
        return read.replace("D", "=")
    return read.upper() if kind == "b" else read


def random_message(rng, dialect):
    """The values as shown, the encoded message, and the bytes of each field."""
    numbers = EVERYDAY if rng.random() < 0.7 else list(FIELDS)
    chosen = rng.sample(numbers, rng.randint(0, min(40, len(numbers))))
    shown = {number: random_value(rng, number) for number in chosen}
    document = {number: to_wire_form(dialect, number, value) for number, value in shown.items()}
    document["t"] = rng.choice(["0100", "0110", "0121", "0200", "0400", "0421", "0800", "0810"])
    raw, encoded = iso8583.encode(document, SPECS[dialect])
    pieces = {number: encoded[number]["len"] + encoded[number]["data"] for number in chosen}
    return document["t"], shown, bytes(raw), pieces


def damage(rng, raw):
    out = bytearray(raw)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(out))
        out[at] = rng.choice([out[at] ^ (1 << rng.randrange(8)), rng.randrange(256), rng.choice(b"0123456789")])
    if rng.random() < 0.1:
        del out[rng.randrange(1, len(out)) :]
    return bytes(out)


def decode(binary, messages, *options):
    text = "".join(raw.hex() + "\n" for raw in messages)
    command = [binary, "decode", "--unmask", "--json", *options, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    if len(results) != len(messages):
        sys.exit(f"{len(messages)} messages given, {len(results)} explained")
    return results


def values_of(explained):
    return {str(field["de"]): field["value"] for field in explained["fields"]}


def whole_message_differs(dialect, message, explained):
    mti, shown, raw, pieces = message
    if explained["errors"]:
        return f"errors {explained['errors']}"
    if (explained["mti"], explained["dialect"], explained.get("framing")) != (mti, dialect, None):
        return f"read as {explained['mti']} in {explained['dialect']}, framing {explained.get('framing')}"
    if values_of(explained) != shown:
        return f"values {values_of(explained)} instead of {shown}"
    for field in explained["fields"]:
        piece = raw[field["offset"] : field["offset"] + field["length"]]
        if piece != pieces[str(field["de"])]:
            return f"DE {field['de']} at another place"
    return None


def damaged_message_differs(dialect, raw, explained):
    """Only of a message that authswitch accepts something is known."""
    if explained["errors"]:
        return None
    try:
        document, _ = iso8583.decode(raw, SPECS[dialect])
    except iso8583.DecodeError as error:
        return f"accepted, but pyiso8583 says: {error}"
    expected = {n: to_shown_form(dialect, n, v) for n, v in document.items() if n not in ("h", "t", "p", "1")}
    if (explained["mti"], values_of(explained)) != (document["t"], expected):
        return f"values {values_of(explained)} instead of {expected}"
    return None


def main():
    binary = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261122
    rng = random.Random(seed)
    print(f"seed {seed}, pyiso8583 {iso8583.__version__}")
    passed = failed = 0

    def judge(what, raw, difference):
        nonlocal passed, failed
        if difference is None:
            passed += 1
            return
        failed += 1
        if failed <= 10:
            print(f"{what}: {difference}\n  {raw.hex()}", file=sys.stderr)

    whole = [(dialect, random_message(rng, dialect)) for _ in range(MESSAGES) for dialect in SPECS]
    explained = decode(binary, [message[2] for _, message in whole])
    for (dialect, message), result in zip(whole, explained):
        judge(f"{dialect}, whole", message[2], whole_message_differs(dialect, message, result))

    accepted = 0
    for dialect in SPECS:
        broken = [damage(rng, message[2]) for name, message in whole if name == dialect]
        for raw, result in zip(broken, decode(binary, broken, "--dialect", dialect)):
            # A length before the message is taken off where it fits; pyiso8583 knows no framing.
            if "framing" not in result:
                accepted += not result["errors"]
                judge(f"{dialect}, damaged", raw, damaged_message_differs(dialect, raw, result))

    print(f"{accepted} of the damaged messages are still right")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
