"""A second reading of the dialect files: messages decoded straight from the TOML tables, slowly and plainly, by code that
shares nothing with the program. What it says of each byte follows specs/README.md.

    from naive_codec import Dialect
    mti, fields, errors = Dialect("specs", "iso87-bcd").decode(raw)

`fields` maps the number of each right data element to its value as `authswitch decode --unmask` shows it; `errors`
lists (data element, offset), the first one first; 0 is the MTI, 1 the bit maps.
"""

import re
import tomllib
from pathlib import Path

PAGES = {"ebcdic-037": "cp037", "ebcdic-500": "cp500"}  # Python has no code page 1047.
CLASS_KEYS = {"n": "n", "z": "z", "x+n": "x+n", "b": "b"}  # of [encoding]; every other class is "text"
LETTERS = r"A-Za-z"
SPECIAL = r" -/:-@\[-`{-~"  # printable and neither letter nor digit; the space is one
CLASSES = {
    "n": "0-9", "x+n": "0-9", "a": LETTERS + " ", "an": LETTERS + "0-9 ", "ns": "0-9" + SPECIAL,
    "as": LETTERS + SPECIAL, "ans": " -~", "z": "0-9=D",
}  # fmt: skip
CLASSES = {name: re.compile(f"[{characters}]") for name, characters in CLASSES.items()}


class Wrong(Exception):
    """Something is not as it must be at an offset of the message."""


def translated(encoding, data):
    """The characters of bytes; what stands for none is outside of every class."""
    if encoding in ("ebcdic-hex", *PAGES):
        return data.decode(PAGES.get(encoding, "cp037"))
    return data.decode("latin-1")


def hexadecimal(encoding, data, at, lower_case):
    """The nibbles of hexadecimal characters."""
    for i, character in enumerate(translated(encoding, data)):
        if character not in "0123456789ABCDEF" and not (lower_case and character in "abcdef"):
            raise Wrong(at + i)
    return translated(encoding, data).upper()


def merge(base, over):
    """One file over another: tables within tables add up, everything else is replaced."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


class Dialect:
    def __init__(self, folder, name, extra=""):
        """The dialect `name` of a folder, which may extend those of `specs`; `extra` is text behind its own."""
        tables = {}
        self.load((Path(folder) / f"{name}.toml").read_text() + extra, tables)
        self.name = tables["name"]
        self.version, self.encoding = tables["version"], tables["encoding"]
        self.fixed_bitmaps = tables.get("fixed_bitmaps", False)
        self.third_bitmap = tables.get("third_bitmap", False)
        self.accept = tables.get("accept", {})
        self.fields = {int(de): self.field(tables, said) for de, said in tables["fields"].items()}

    def load(self, text, tables):
        own = tomllib.loads(text)
        bases = own.pop("extends", [])
        for base in [bases] if isinstance(bases, str) else bases:
            self.load((Path(__file__).parent.parent / "specs" / f"{base}.toml").read_text(), tables)
        for field in own.get("fields", {}).values():
            if isinstance(field.get("length"), str):
                field["length"] = {"encoding": field["length"]}
        merge(tables, own)

    def field(self, tables, said):
        kind, dots, number = re.fullmatch(r"([a-z+]+) ?(\.*)(\d+)", said["format"]).groups()
        encoding = said.get("encoding", self.encoding_of(tables, kind))
        most = min(int(number), 65_535) + (kind == "x+n")  # No message is longer.
        side, nibble = said.get("pad", tables.get("pad", {}).get("variable" if dots else "fixed", "left 0")).split()
        field = {"kind": kind, "encoding": encoding, "most": most, "pad": (side, nibble), "prefix": None}
        if dots:
            own, all_of_them = said.get("length", {}), tables.get("length", {})
            prefix = {"encoding": tables["encoding"]["length"], "counts": "value", "inclusive": False,
                      "digits": len(dots), **all_of_them, **own}  # fmt: skip
            prefix["bytes"] = prefix["digits"]
            if prefix["encoding"] in ("bcd", "binary"):
                prefix["bytes"] = (prefix["digits"] + 1) // 2
            field["prefix"] = prefix
            if "digits" in all_of_them and "digits" not in own:  # One width for all bounds what the fields inherit.
                field["most"] = min(most, self.sayable(prefix, encoding))
        return field

    @staticmethod
    def sayable(prefix, encoding):
        """The most units that a length can say."""
        if prefix["encoding"] == "binary":
            most = 256 ** prefix["bytes"] - 1
        else:
            most = (16 if prefix["encoding"] == "hex" else 10) ** prefix["digits"] - 1
        if prefix["counts"] == "wire" or prefix["inclusive"]:
            most -= prefix["bytes"] if prefix["inclusive"] else 0
            most = most * 2 if encoding == "bcd" else most // 2 if encoding in ("hex", "ebcdic-hex") else most
        return most

    @staticmethod
    def encoding_of(tables, kind):
        return tables["encoding"][CLASS_KEYS.get(kind, "text")]

    def decode(self, raw):
        mti, fields, errors = None, {}, []
        try:
            mti, at = self.mti(raw)
            if mti[0] != str(self.version):
                return mti, fields, [(0, 0)]
            present, at = self.bitmaps(raw, at)
        except Wrong as wrong:
            return mti, fields, [(0 if mti is None else 1, wrong.args[0])]
        last = 1
        for last in present:
            if last not in self.fields:
                if not self.accept.get("undefined"):
                    errors.append((last, at))
                return mti, fields, errors
            field = self.fields[last]
            try:
                units, start, end = self.measure(field, raw, at)
            except Wrong as wrong:
                return mti, fields, [*errors, (last, wrong.args[0])]
            try:
                fields[last] = self.value(field, raw[start:end], start, units)
            except Wrong as wrong:
                errors.append((last, wrong.args[0]))
            at = end
        if at < len(raw) and not self.accept.get("trailing"):
            errors.append((last, at))
        return mti, fields, errors

    def mti(self, raw):
        size = 2 if self.encoding["mti"] == "bcd" else 4
        data = raw[:size]
        if len(data) < size:
            raise Wrong(0)
        digits = data.hex() if size == 2 else translated(self.encoding["mti"], data)
        for i, digit in enumerate(digits):
            if digit not in "0123456789":
                raise Wrong(i * size // 4)
        return digits, size

    def bitmaps(self, raw, at):
        present = []
        for base in (0, 64, 128):
            size = 8 if self.encoding["bitmap"] == "binary" else 16
            data = raw[at : at + size]
            if len(data) < size:
                raise Wrong(at)
            if size == 8:
                nibbles = data.hex()
            else:
                nibbles = hexadecimal(self.encoding["bitmap"], data, at, self.accept.get("lower_case_hex"))
            bits = f"{int(nibbles, 16):064b}"
            present += [base + i + 1 for i, bit in enumerate(bits) if bit == "1"]
            at += size
            more = bits[0] == "1" or base == 0 and self.fixed_bitmaps
            if base == 128 or not more or base == 64 and not self.third_bitmap:
                break
        flags = {1, 65} if self.third_bitmap else {1}
        return [de for de in present if de not in flags], at

    def measure(self, field, raw, start):
        """Units, first byte and end of a field's value."""
        prefix = field["prefix"]
        if prefix is None:
            units, data, size = field["most"], start, self.size(field, field["most"])
        else:
            data = start + prefix["bytes"]
            if data > len(raw):
                raise Wrong(start)
            said = self.length(prefix, raw[start:data], start)
            if prefix["inclusive"]:
                said -= prefix["bytes"]
                if said < 0:
                    raise Wrong(start)
            if prefix["counts"] == "wire" or prefix["inclusive"]:
                size, units = said, self.units(field, raw, data, said, start)
            else:
                size, units = self.size(field, said), said
            if units > field["most"]:
                raise Wrong(start)
        if data + size > len(raw):
            raise Wrong(data)
        return units, data, data + size

    @staticmethod
    def length(prefix, data, at):
        if prefix["encoding"] == "binary":
            return int.from_bytes(data, "big")
        if prefix["encoding"] == "hex":
            return int(hexadecimal("hex", data, at, True), 16)
        packed = prefix["encoding"] == "bcd"
        digits = data.hex() if packed else translated(prefix["encoding"], data)
        for i, digit in enumerate(digits):
            if digit not in "0123456789":
                raise Wrong(at + i // (2 if packed else 1))
        return int(digits)

    @staticmethod
    def size(field, units):
        if field["encoding"] in ("hex", "ebcdic-hex"):
            return units * 2
        if field["encoding"] != "bcd":
            return units
        return 1 + units // 2 if field["kind"] == "x+n" else (units + 1) // 2

    @staticmethod
    def units(field, raw, data, size, start):
        """The units in so many bytes. Packed digits are one less than there is room for where the pad is no digit and
        is there, or where they are the longest value, of odd length."""
        if field["encoding"] == "bcd":
            side, pad = field["pad"]
            edge_at = data if side == "left" else data + size - 1
            edge = raw[edge_at : edge_at + 1].hex().upper()[0 if side == "left" else 1 :][:1] if size else ""
            longest = field["most"] % 2 == 1 and size * 2 == field["most"] + 1
            padded = pad in "ABCDEF" and edge == pad or longest
            return size * 2 - padded
        if field["encoding"] in ("hex", "ebcdic-hex"):
            if size % 2 == 1:
                raise Wrong(start)
            return size // 2
        return size

    def value(self, field, data, at, units):
        kind, encoding = field["kind"], field["encoding"]
        if kind == "b":
            if encoding == "binary":
                return data.hex().upper()
            return hexadecimal(encoding, data, at, self.accept.get("lower_case_hex"))
        sign = ""
        if kind == "x+n":
            sign = translated("ascii" if encoding == "bcd" else encoding, data[:1])
            if sign not in ("C", "D"):
                raise Wrong(at)
            data, at, units = data[1:], at + 1, units - 1
        if encoding == "bcd":
            return sign + self.packed(field, data.hex().upper(), at, units)
        text = translated(encoding, data)
        for i, character in enumerate(text):
            if not self.accept.get("characters") and not CLASSES[kind].fullmatch(character):
                raise Wrong(at + i)
        text = re.sub("[^ -~]", "?", text)
        return sign + (text.replace("D", "=") if kind == "z" else text)

    def packed(self, field, nibbles, at, digits):
        side, pad = field["pad"]
        pad_at = None if digits % 2 == 0 else 0 if side == "left" else digits
        for i, nibble in enumerate(nibbles):
            if i == pad_at:
                right = nibble == pad or self.accept.get("pad")
            else:
                right = nibble in "0123456789" or nibble == "D" and field["kind"] == "z" or self.accept.get("characters")
            if not right:
                raise Wrong(at + i // 2)
        kept = "".join(nibble for i, nibble in enumerate(nibbles) if i != pad_at)
        return kept.replace("D", "=")
