"""Differential test of the codec against pyiso8583, an independent implementation, in every dialect.

From what `authswitch specs show --json` says of a dialect a specification for pyiso8583 is derived. Random messages are encoded by
pyiso8583 and must be the bytes that `authswitch trace export` makes of the same values; `authswitch decode` must read those with
every field, its place and its bytes, and pyiso8583 must read what the program wrote. Damaged messages follow: what authswitch
accepts of them (it checks characters, which pyiso8583 does not) pyiso8583 must read alike. What pyiso8583 cannot say is left
out, counted, and judged by codec_naive.py. The formats of ISO 8583:1987 are held against a table written here by hand.

    python3 tests/codec_differential.py target/debug/authswitch [SEED]

Prints a closing line `N passed, M failed`; exits 1 on any difference.
"""

import json

import iso8583
from codec_program import Judge, Table, begin, damage, run, values_of

MESSAGES = 1000  # whole and again damaged, in each dialect

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

TEXT = {"ascii": "ascii", "ebcdic-037": "cp037", "ebcdic-500": "cp500"}


def property_of(data, length, length_bytes, most, **more):
    return {"data_enc": data, "len_enc": length, "len_type": length_bytes, "max_len": most, "desc": "", **more}


def fixed(encoding, units):
    """A message type or a bit map of so many digits."""
    return property_of(TEXT[encoding], "ascii", 0, units) if encoding in TEXT else property_of("b", "b", 0, units // 2)


def said(field):
    """A field's property, or why pyiso8583 cannot say it."""
    prefix = field.get("prefix", {"bytes": 0, "inclusive": False})
    length = {"bcd": "bcd", "binary": "b", **TEXT}.get(field.get("length", "ascii"))
    if length is None or prefix["inclusive"]:
        return "a length that it does not know"
    place = (length, prefix["bytes"])
    encoding, most = field["encoding"], field["most"]
    if encoding in TEXT:
        return property_of(TEXT[encoding], *place, most)
    if encoding == "binary":
        return property_of("b", *place, most)
    if encoding == "hex":
        # To it they are characters, which a length of bytes does not count.
        unsayable = field["variable"] and not field["on_wire"]
        return "a length in bytes of hexadecimal characters" if unsayable else property_of("ascii", *place, most * 2)
    if encoding != "bcd":
        return f"encoding {encoding}"
    if field["kind"] == "x+n":  # The sign is a byte of its own.
        return "an odd number of signed digits" if most % 2 == 0 else property_of("b", *place, 1 + most // 2)
    if field["on_wire"]:
        return property_of("b", *place, (most + 1) // 2)
    side, nibble = field["pad"].split()
    return property_of("b", *place, most, len_count="nibbles", **{f"{side}_pad": nibble})


def specification(table):
    """What pyiso8583 takes, and why it cannot say some fields."""
    shown = table.shown
    if shown["fixed_bitmaps"]:
        return None, {0: "two bit maps always"}
    maps = {"binary": "binary", "hex": "ascii", "ebcdic-hex": "ebcdic-037"}[shown["bitmap"]]
    spec = {"h": property_of("ascii", "ascii", 0, 0), "t": fixed(shown["mti"], 4)}
    spec["p"] = spec["1"] = fixed(maps, 16)
    unsaid = {}
    for de, field in table.fields.items():
        found = "bit 65 is a third bit map to it" if de == 65 else said(field)
        if isinstance(found, str):
            unsaid[de] = found
        else:
            spec[str(de)] = found
    return spec, unsaid


def padded(field):
    """Whether the longest value, whose length on the wire counts bytes, has a pad that pyiso8583 takes for a digit."""
    return field["encoding"] == "bcd" and field["on_wire"] and field["variable"] and field["most"] % 2 == 1


def to_wire_form(field, shown):
    """What pyiso8583 takes for a value shown so."""
    if field["encoding"] != "bcd":
        return shown
    if field["kind"] == "x+n":
        return f"{ord(shown[0]):02X}" + shown[1:]
    if padded(field) and len(shown) == field["most"]:
        side, nibble = field["pad"].split()
        shown = nibble + shown if side == "left" else shown + nibble
    return shown.replace("=", "D")


def to_shown_form(field, read):
    """What authswitch shows for a value that pyiso8583 read."""
    if field["kind"] == "b":
        return read.upper()
    if field["encoding"] == "bcd" and field["kind"] == "x+n":
        return chr(int(read[:2], 16)) + read[2:]
    if padded(field) and len(read) == field["most"] + 1:
        read = read[1:] if field["pad"].startswith("left") else read[:-1]
    return read.replace("D", "=") if field["kind"] == "z" else read


def read_by_pyiso8583(table, spec, raw):
    document, _ = iso8583.decode(raw, spec)
    values = {int(n): to_shown_form(table.fields[int(n)], v) for n, v in document.items() if n not in ("h", "t", "p", "1")}
    return document["t"], values


def whole_message_differs(table, spec, message, built, explained):
    mti, values, raw, pieces = message
    if built != raw:
        return f"built as {built.hex()}"
    if explained["errors"]:
        return f"errors {explained['errors']}"
    if (explained["mti"], explained["dialect"], explained.get("framing")) != (mti, table.title, None):
        return f"read as {explained['mti']} in {explained['dialect']}, framing {explained.get('framing')}"
    if values_of(explained) != values:
        return f"values {values_of(explained)} instead of {values}"
    for field in explained["fields"]:
        piece = raw[field["offset"] : field["offset"] + field["length"]]
        if piece != pieces[field["de"]]:
            return f"DE {field['de']} at another place"
    if read_by_pyiso8583(table, spec, built) != (mti, values):
        return "pyiso8583 reads another message"
    return None


def damaged_message_differs(table, spec, raw, explained):
    """Of a message that authswitch accepts."""
    try:
        read = read_by_pyiso8583(table, spec, raw)
    except iso8583.DecodeError as error:
        return f"accepted, but pyiso8583 says: {error}"
    if (explained["mti"], values_of(explained)) != read:
        return f"values {values_of(explained)} instead of {read}"
    return None


def encoded(table, spec, mti, values):
    """A message by pyiso8583, and the bytes of each field."""
    document = {str(de): to_wire_form(table.fields[de], value) for de, value in values.items()}
    raw, pieces = iso8583.encode({"t": mti, **document}, spec)
    return mti, values, bytes(raw), {de: pieces[str(de)]["len"] + pieces[str(de)]["data"] for de in values}


def compare(judge, rng, table):
    spec, unsaid = specification(table)
    for reason in sorted(set(unsaid.values())):
        numbers = [str(de) for de, why in unsaid.items() if why == reason]
        print(f"  {table.name}: not said to pyiso8583: {reason} ({len(numbers)} fields, the first {numbers[0]})")
    sayable = table.fields.keys() - unsaid.keys()
    messages = [encoded(table, spec, *table.random_message(rng, sayable)) for _ in range(MESSAGES)]
    whole = [raw for _, _, raw, _ in messages]
    built = table.build([(mti, values) for mti, values, _, _ in messages])
    explained_whole = table.decode(whole)
    for message, bytes_built, explained in zip(messages, built, explained_whole):
        difference = whole_message_differs(table, spec, message, bytes_built, explained)
        judge.hold(f"{table.name}, whole", message[2], difference)
    damaged = [damage(rng, raw, explained) for raw, explained in zip(whole, explained_whole)]
    for raw, explained in zip(damaged, table.decode(damaged)):
        # A length before the message is taken off where it fits; pyiso8583 knows no framing.
        if "framing" in explained or explained["errors"] or unsaid.keys() & values_of(explained).keys():
            continue
        judge.hold(f"{table.name}, damaged and accepted", raw, damaged_message_differs(table, spec, raw, explained))


def hold_to_the_table(judge, table):
    """The formats of 1987 as they are known here."""
    for number, text in zip(TABLE[::2], TABLE[1::2]):
        kind = text.rstrip("0123456789").rstrip(".")
        dots, most = "." * text.count("."), int(text[len(kind) :].lstrip("."))
        wanted = f"x+n {most - 1}" if kind == "x" else f"{kind}{dots or ' '}{most}"
        found = table.fields[int(number)]["format"]
        judge.hold(f"{table.name}, DE {number}", b"", None if found == wanted else f"{found} instead of {wanted}")


def main():
    binary, rng = begin(f"pyiso8583 {iso8583.__version__}")
    judge = Judge()
    for listed in json.loads(run(binary, "specs", "list", "--json")):
        table = Table(binary, listed["name"])
        compare(judge, rng, table)
        if table.name in ("iso87-ascii", "iso87-bcd", "iso87-ebcdic"):
            hold_to_the_table(judge, table)
    judge.close()


if __name__ == "__main__":
    main()
