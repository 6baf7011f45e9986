"""The program as the codec's judges drive it, and messages made at random for its dialects. Knows no other decoder."""

import json
import random
import re
import string
import subprocess
import sys
from pathlib import Path

DIALECTS = Path(__file__).parent / "vectors" / "dialects"
PRINTABLE = "".join(chr(c) for c in range(0x20, 0x7F))
CHARACTERS = {
    "n": string.digits,
    "a": string.ascii_letters + " ",
    "an": string.digits + string.ascii_letters + " ",
    "ans": PRINTABLE,
    "ns": "".join(c for c in PRINTABLE if c not in string.ascii_letters),
    "as": "".join(c for c in PRINTABLE if c not in string.digits),
    "z": string.digits + "=",
}
TYPES = ["100", "110", "121", "200", "400", "421", "800", "810"]
EVERYDAY = {2, 3, 4, 7, 11, 12, 13, 14, 18, 19, 22, 23, 25, 32, 35, 37, 38, 39, 41, 42, 43, 48, 49, 52, 53, 54, 55, 60, 90, 95}
MOST_BYTES = 60_000  # of a message, which may have 65,535


def run(binary, *arguments, text=""):
    done = subprocess.run([binary, *arguments], input=text, capture_output=True, text=True, check=False)
    if done.returncode > 1 or done.stderr:
        sys.exit(f"{binary} {' '.join(arguments)}: {done.stderr}")
    return done.stdout


class Table:
    """A dialect as `specs show --json` has it."""

    def __init__(self, binary, name):
        self.binary, self.name = binary, name
        shown = json.loads(run(binary, "specs", "show", name, "--json"))
        self.title, self.version, self.shown = shown["name"], shown["version"], shown
        self.fields = {field["de"]: self.field(field) for field in shown["fields"]}

    @staticmethod
    def field(shown):
        kind, dots, number = re.fullmatch(r"([a-z+]+) ?(\.*)(\d+)", shown["format"]).groups()
        field = {**shown, "kind": kind, "variable": bool(dots), "most": int(number) + (kind == "x+n")}
        prefix = shown.get("prefix", {"counts": "value", "inclusive": False})
        field["on_wire"] = prefix["counts"] == "wire" or prefix["inclusive"]
        return field

    def decode(self, messages):
        text = "".join(raw.hex() + "\n" for raw in messages)
        lines = run(self.binary, "decode", "--unmask", "--json", "--dialect", self.name, "-", text=text).splitlines()
        if len(lines) != len(messages):
            sys.exit(f"{self.name}: {len(messages)} messages given, {len(lines)} explained")
        return [json.loads(line) for line in lines]

    def build(self, messages):
        """The bytes that the program makes of (type, values by number)."""
        entries = ({"at_us": i, "link": "x", "mti": mti, "fields": {str(de): text for de, text in values.items()}}
                   for i, (mti, values) in enumerate(messages))  # fmt: skip
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        lines = run(self.binary, "trace", "export", "-", "--dialect", self.name, text=text).splitlines()
        if len(lines) != len(messages):
            sys.exit(f"{self.name}: {len(messages)} messages given, {len(lines)} built")
        return [bytes.fromhex(line) for line in lines]

    def random_message(self, rng, numbers):
        """A type of the dialect's version, and values in the form in which `decode --unmask` shows them."""
        numbers = sorted(set(numbers) & EVERYDAY) if rng.random() < 0.7 else sorted(numbers)
        chosen = rng.sample(numbers, rng.randint(0, min(40, len(numbers))))
        values, room = {}, MOST_BYTES
        for de in chosen:
            value = random_value(rng, self.fields[de], room)
            if value is not None:
                values[de] = value
                room -= 2 * len(value) + 4
        return f"{self.version}{rng.choice(TYPES)}", dict(sorted(values.items()))


def random_value(rng, field, room):
    """None where none has room."""
    kind, most = field["kind"], field["most"]
    length = most
    if field["variable"]:
        most = min(most, 999) if rng.random() < 0.95 else most
        length = rng.choice([rng.randint(0, most), rng.randint(0, min(most, 20)), rng.randint(0, min(most, 20)), most])
        if field["encoding"] == "bcd" and field["on_wire"] and length != field["most"]:
            # A length in bytes cannot tell an odd number of digits from their pad, but where the pad is no digit.
            length -= length % 2 and field["pad"][-1] in string.digits
    if length * 4 + 4 > room:
        return None
    if field["de"] == 55 and kind == "b" and field["variable"] and rng.random() < 0.8:
        return random_elements(rng, length)
    if kind == "b":
        return rng.randbytes(length).hex().upper()
    if kind == "x+n":
        return rng.choice("CD") + "".join(rng.choices(string.digits, k=length - 1))
    return "".join(rng.choices(CHARACTERS[kind], k=length))


def random_elements(rng, most):
    """EMV data."""
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


def damage(rng, raw, explained):
    """A message with one or two bytes changed, perhaps cut, perhaps with more behind it; `explained` as it was whole."""
    out = bytearray(raw)
    starts = [field["offset"] for field in explained["fields"]] or [0]
    for _ in range(rng.randint(1, 2)):
        # What stands at the start of a field, its length or its sign, is hit more often.
        at = rng.choice([rng.randrange(len(out)), min(rng.choice(starts) + rng.randrange(4), len(out) - 1)])
        changed = [out[at] ^ (1 << rng.randrange(8)), rng.randrange(256), rng.choice(b"0123456789"), out[at] + rng.choice([1, -1])]
        out[at] = rng.choice(changed) % 256
    if rng.random() < 0.1:
        del out[rng.randrange(1, len(out)) :]
    if rng.random() < 0.05:
        out += rng.randbytes(rng.randint(1, 3))
    return bytes(out)


def values_of(explained):
    return {field["de"]: field["value"] for field in explained["fields"]}


class Judge:
    """Counts, and shows the first differences."""

    def __init__(self):
        self.passed = self.failed = 0

    def hold(self, what, raw, difference):
        if difference is None:
            self.passed += 1
            return
        self.failed += 1
        if self.failed <= 10:
            print(f"{what}: {difference}\n  {raw.hex()}", file=sys.stderr)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)


def begin(about):
    """The program and the seed from the command line."""
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261122
    print(f"seed {seed}, {about}")
    return sys.argv[1], random.Random(seed)
