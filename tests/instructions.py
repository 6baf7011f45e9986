#!/usr/bin/env python3
"""Counts the instructions of the codec's paths under callgrind and holds them to benches/instructions.txt.

Times on shared machines wander; instructions do not. Each path is run often and half as often, and the difference counts,
so that starting the program does not. A path may be up to 5 % over its line; one that is 5 % under it asks for a new line.
Without arguments checks; `--write` writes the file anew. The last line is `N passed, M failed`.
"""

import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "..", "benches", "instructions.txt")
OPERATIONS = ["parse", "build", "find", "read"]
DIALECTS = ["iso87-ascii", "iso87-bcd", "iso87-ebcdic"]
OFTEN, TOLERANCE = 2000, 0.05


def executable():
    # The same call as in tests/run, so that what is built there is not built again.
    command = ["cargo", "build", "--release", "--locked", "--bin", "authswitch", "--bench", "instructions"]
    command += ["--message-format", "json"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE).stdout.splitlines()
    messages = map(json.loads, lines)
    built = [message for message in messages if message.get("target", {}).get("name") == "instructions"]
    return built[-1]["executable"]


def instructions(program, operation, dialect, count):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, operation, dialect, str(count)]
    ran = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    return int(re.search(r"Collected : (\d+)", ran.stderr).group(1))


def main():
    program = executable()
    found = {}
    for operation in OPERATIONS:
        for dialect in DIALECTS:
            counts = [instructions(program, operation, dialect, n) for n in (OFTEN // 2, OFTEN)]
            found[f"{operation} {dialect}"] = round((counts[1] - counts[0]) / (OFTEN - OFTEN // 2))
    if "--write" in sys.argv[1:]:
        with open(TABLE, "w") as file:
            file.write("# Instructions of each path of the codec on the 25-field 0100: tests/instructions.py --write\n")
            file.writelines(f"{path} {count}\n" for path, count in found.items())
        return 0
    with open(TABLE) as file:
        rows = [line.rsplit(" ", 1) for line in file if not line.startswith("#")]
    expected = {path: int(count) for path, count in rows}
    failed = 0
    for path, count in found.items():
        line = expected.get(path, 0)
        change = count / line - 1 if line else 1
        word = "ok" if change <= TOLERANCE else "SLOWER"
        if change < -TOLERANCE:
            word = "faster: write the table anew"
        failed += change > TOLERANCE
        print(f"{path:24} {count:6} instructions, {change:+.1%} of {line}: {word}")
    print(f"{len(found) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
