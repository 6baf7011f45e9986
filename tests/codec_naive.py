"""Differential test of the codec against tests/naive_codec.py, which reads the dialect files on its own, in every dialect of the
program, of tests/vectors/dialects, and in ones put together at random.

The program builds random messages, and both decode them to the same values. Then they are damaged: both must accept or
refuse alike, find the same mistakes at the same data elements and offsets, and have the same right fields. The collected
messages of tests/vectors are read, too, and must be what they are said to be.

    python3 tests/codec_naive.py target/debug/authswitch [SEED]

Prints a closing line `N passed, M failed`; exits 1 on any difference. No difference is explained: there is none.
"""

import json
import sys
import tempfile
from pathlib import Path

from codec_program import DIALECTS, Judge, Table, begin, damage, run, values_of
from naive_codec import Dialect

MESSAGES = 500  # whole and again damaged, in each dialect of the program
MESSAGES_OF_OTHERS = 100  # in each other dialect
COMPOSED = 40  # dialects put together at random
SPECS = DIALECTS.parent.parent.parent / "specs"


def message_of(raw, explained):
    """What the program took for the message: a damaged one may make sense behind a length or a header."""
    if "framing" not in explained and "header" not in explained:
        return raw
    behind = 0
    for part in explained.get("framing", "").split("+"):
        if part.startswith(("etx", "stx-etx")):
            behind += 2 if "lrc" in part else 1
        elif part.startswith("trailer:"):
            behind += len(part.removeprefix("trailer:")) // 2
    end = len(raw) - behind
    return raw[end - explained["length"] : end]


def differs(dialect, raw, explained):
    mti, fields, errors = dialect.decode(message_of(raw, explained))
    found = [(error["de"], error["offset"]) for error in explained["errors"]]
    if found != errors:
        return f"errors {found} instead of {errors}"
    if (explained.get("mti"), values_of(explained)) != (mti, fields):
        return f"{explained.get('mti')} {values_of(explained)} instead of {mti} {fields}"
    return None


def compare(judge, rng, table, dialect, count):
    messages = [table.random_message(rng, table.fields) for _ in range(count)]
    whole = table.build(messages)
    explained_whole = table.decode(whole)
    for (mti, values), raw, explained in zip(messages, whole, explained_whole):
        difference = differs(dialect, raw, explained)
        if difference is None and (explained["mti"], values_of(explained)) != (mti, values):
            difference = f"{values_of(explained)} was built of {values}"
        judge.hold(f"{table.name}, whole", raw, difference)
    damaged = [damage(rng, raw, explained) for raw, explained in zip(whole, explained_whole)]
    refused = 0
    for raw, explained in zip(damaged, table.decode(damaged)):
        refused += bool(explained["errors"])
        judge.hold(f"{table.name}, damaged", raw, differs(dialect, raw, explained))
    print(f"  {dialect.name}: {count} messages, of them damaged {refused} refused")


def composed(rng, number):
    """The TOML of a dialect of the data elements of 1987, written in a way that nobody may ever have used."""
    digits = rng.choice(["ascii", "ebcdic-037", "ebcdic-500", "bcd", "bcd"])
    length = rng.choice(["ascii", "ebcdic-500", "bcd", "binary", "hex"])
    flags = ["characters", "pad", "lower_case_hex", "trailing", "undefined"]
    accepted = rng.sample(flags, rng.choice([0, 0, 0, 1, 3]))
    boolean = {True: "true", False: "false"}
    return f"""name = "composed-{number}"
extends = "iso87"
fixed_bitmaps = {boolean[rng.random() < 0.3]}
third_bitmap = {boolean[rng.random() < 0.3]}
[encoding]
mti = "{rng.choice(["ascii", "bcd", "ebcdic-500"])}"
bitmap = "{rng.choice(["binary", "hex", "ebcdic-hex"])}"
length = "{length}"
n = "{digits}"
z = "{digits}"
"x+n" = "{digits}"
text = "{rng.choice(["ascii", "ebcdic-037", "ebcdic-500"])}"
b = "{rng.choice(["binary", "hex", "ebcdic-hex"])}"
[length]
digits = {rng.choice([2, 3, 4])}
counts = "{rng.choice(["value", "wire"])}"
inclusive = {boolean[rng.random() < 0.3]}
[pad]
fixed = "{rng.choice(["left", "right"])} {rng.choice("0F")}"
variable = "{rng.choice(["left", "right"])} {rng.choice("0F")}"
[accept]
""" + "".join(f"{flag} = true\n" for flag in accepted)


def collected(judge):
    for line in (DIALECTS.parent / "messages.jsonl").read_text().splitlines():
        case = json.loads(line)
        if "hex" not in case:
            continue
        folder = DIALECTS if (DIALECTS / f"{case['dialect']}.toml").exists() else SPECS
        raw = bytes.fromhex(case["hex"])
        mti, fields, errors = Dialect(folder, case["dialect"], case.get("plus", "")).decode(raw)
        if "error" in case:
            right = errors[:1] == [(case["error"]["de"], case["error"]["offset"])]
        else:
            right = not errors and (mti, {str(de): value for de, value in fields.items()}) == (case["mti"], case["fields"])
        judge.hold(case["id"], raw, None if right else f"{mti} {fields} {errors} in {case['dialect']}")


def main():
    binary, rng = begin("the dialect files read a second time")
    judge = Judge()
    for listed in json.loads(run(binary, "specs", "list", "--json")):
        compare(judge, rng, Table(binary, listed["name"]), Dialect(SPECS, listed["name"]), MESSAGES)
    for file in sorted(DIALECTS.glob("*.toml")):
        compare(judge, rng, Table(binary, str(file)), Dialect(DIALECTS, file.stem), MESSAGES_OF_OTHERS)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(COMPOSED):
            file = Path(folder) / f"composed-{number}.toml"
            file.write_text(composed(rng, number))
            failed = judge.failed
            compare(judge, rng, Table(binary, str(file)), Dialect(folder, file.stem), MESSAGES_OF_OTHERS)
            if judge.failed > failed:
                print(file.read_text(), file=sys.stderr)
    collected(judge)
    judge.close()


if __name__ == "__main__":
    main()
