"""Differential test of the networks' styles against starkbank-iso8583, an independent implementation that has tables of its own
for what Mastercard and Visa send.

The program builds random messages in `mastercard-cis` and `visa-base1`; starkbank-iso8583 must read them to the same values, and
write the bytes that the program wrote. What is inside an element is not compared: its own reading of those is put aside. Where
its table differs, the reason stands below.

    python3 tests/codec_networks.py target/debug/authswitch [SEED]

Prints a closing line `N passed, M failed`; exits 1 on any difference.
"""

import base64

from codec_program import Judge, Table, begin
from starkbank import iso8583
from starkbank.iso8583.template.base import Template
from starkbank.iso8583.utils.field import Field
from starkbank.iso8583.utils.header import NoHeaderRule
from starkbank.iso8583.utils.parser import (
    ParseBcdString,
    ParseBin,
    ParseBitmap,
    ParseBitString,
    ParseHexadecimal,
    ParseString,
    ParseUndefined,
)

MESSAGES = 1500  # in each dialect
VERSION = "1987"

# Data elements that are left out, by dialect.
LEFT_OUT = {
    "mastercard-cis": {96: "text there; here bytes, as in the standard"},
    "visa-base1": {
        **dict.fromkeys((40, 64, 93, 96, 122, 124, 128), "undefined there; here as in the standard"),
        17: "text there; here and in jPOS packed, as every other date",
        60: "twelve bytes there; here twelve digits",
        **dict.fromkeys(range(129, 193), "bit 65, which announces them, is undefined there"),
    },
}
# Shorter maxima there.
SHORTER = {"visa-base1": {59: 14, 115: 24, 121: 11}}


def template_of(templates):
    """Its table with elements whole."""
    fields = []
    for field in templates[VERSION].fieldByName.values():
        rule = field.parsingRule
        plain = (ParseBcdString, ParseBin, ParseBitmap, ParseBitString, ParseHexadecimal, ParseString, ParseUndefined)
        if not isinstance(rule, plain):
            # The elements of Mastercard's with parts are text, of Visa's bytes.
            rule = ParseString() if templates is iso8583.template else ParseHexadecimal()
        fields.append(Field(name=field.name, lengthRule=field.lengthRule, parsingRule=rule))
    return {VERSION: Template(headerRule=NoHeaderRule(), fields=fields)}


def shown(template, field, value):
    """A value that it read as authswitch shows it."""
    rule = template[VERSION].fieldByName[f"DE{field['de']:03}"].parsingRule
    if isinstance(rule, ParseBin):
        return base64.b64decode(value).hex().upper()
    if isinstance(rule, ParseBitString):
        return f"{int(value, 2):0{len(value) // 4}X}"
    if field["kind"] == "z":
        return value.upper().replace("D", "=")
    if isinstance(rule, ParseBcdString) and not field["variable"]:
        return value.zfill(field["most"])  # Codes of three digits are four here, with the 0 that is sent before them.
    return value if isinstance(rule, ParseString) else value.upper()


def as_sent(template, table, message):
    """A message with a 0 before codes of three digits, which there are three, and here four."""
    mti, values = message
    rules = template[VERSION].fieldByName
    for de in values:
        if table.fields[de]["kind"] == "n" and rules[f"DE{de:03}"].lengthRule.limit == 3 and table.fields[de]["most"] == 4:
            values[de] = "0" + values[de][1:]
    return mti, values


def differs(template, table, message, raw):
    mti, values = message
    try:
        # Mastercard's table says no encoding, Visa's says each, which one said here would replace.
        encoding = None if table.name == "visa-base1" else "cp500"
        read = iso8583.parse(raw, template=template, encoding=encoding)
        whole = {key: value for key, value in read.items() if key not in ("BMP", "Length")}
        written = iso8583.unparse(whole, template=template, encoding=encoding)
    except (KeyError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    elements = {int(key[2:]): value for key, value in read.items() if key.startswith("DE")}
    found = {de: shown(template, table.fields[de], value) for de, value in elements.items() if de in table.fields}
    if (read["MTI"], found) != (mti, values):
        return f"{read['MTI']} {found} instead of {mti} {values}"
    # Of a message without data elements it writes no bit map.
    return None if written == raw or not values else f"written as {written.hex()}"


def main():
    binary, rng = begin("starkbank-iso8583")
    judge = Judge()
    for name, templates in (("mastercard-cis", iso8583.template), ("visa-base1", iso8583.visa)):
        table, template = Table(binary, name), template_of(templates)
        for de, most in SHORTER.get(name, {}).items():
            table.fields[de]["most"] = most
        numbers = table.fields.keys() - LEFT_OUT[name].keys()
        messages = [as_sent(template, table, table.random_message(rng, numbers)) for _ in range(MESSAGES)]
        for message, raw in zip(messages, table.build(messages)):
            judge.hold(name, raw, differs(template, table, message, raw))
    judge.close()


if __name__ == "__main__":
    main()
