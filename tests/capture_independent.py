#!/usr/bin/env python3
"""Compares the streams that the program puts together with those of tshark (Wireshark), which shares no code with it.

usage: capture_independent.py BINARY CAPTURE...

For each capture file: every connection that tshark finds data in, by direction, as runs between gaps, must be what
`BINARY decode --streams` finds: addresses, bytes (by their SHA-256), and how many bytes each gap has; and the time of
each run's first byte must be that of a packet. Prints a closing line; exits 1 on a failure.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

# What tshark writes among a stream's bytes where some are missing.
GAP = re.compile(rb"\[(\d+) bytes missing in capture file\]\x00?")

# Where tshark and the program mean something else by the same packets, and why the program's way is right.
DIFFERENT = {
    # tshark takes the first segment that it sees for the beginning of a stream whose SYN it has not seen, and drops
    # what comes before; the program waits.
    "stream-late-syn",
    "stream-mid-stream-out-of-order",
    # Of two copies that both came ahead of time tshark takes the one that begins earlier; the program the first.
    "stream-overlap-ahead",
    # tshark takes data behind a FIN and data of a RST.
    "stream-behind-the-end",
    "stream-reset",
}


def tshark(*arguments):
    done = subprocess.run(["tshark", *arguments], capture_output=True, check=True, text=True)
    return done.stdout


def runs(payload):
    """Bytes with tshark's words for gaps among them -> (missing before, bytes) for each run."""
    parts = GAP.split(payload)
    missing = [0] + [int(count) for count in parts[1::2]]
    return [(count, run) for count, run in zip(missing, parts[::2]) if run]


def followed(path, streams):
    """The two directions of each connection as tshark follows it: a list of {(from, to): runs}."""
    taps = [argument for stream in streams for argument in ("-z", f"follow,tcp,raw,{stream}")]
    found = []
    # One section a connection, in the order asked for or its reverse: its own line tells which it is.
    for section in tshark("-r", path, "-q", *taps).split("Follow: tcp,raw\n")[1:] if taps else []:
        number = int(re.search(r"^Filter: tcp.stream eq (\d+)$", section, re.MULTILINE)[1])
        nodes = re.findall(r"^Node \d: (.*)$", section, re.MULTILINE)
        sent = {False: b"", True: b""}
        for line in section.splitlines():
            match = re.fullmatch(r"(\t?)((?:[0-9a-f]{2})+)", line)
            if match:
                sent[bool(match[1])] += bytes.fromhex(match[2])
        pairs = {False: (nodes[0], nodes[1]), True: (nodes[1], nodes[0])}
        found.append((number, {pairs[back]: runs(sent[back]) for back in sent if sent[back]}))
    return [directions for _, directions in sorted(found, key=lambda pair: pair[0])]


def expected(path):
    """What tshark finds: a list of {(from, to): [(missing, sha256)]} by connection, and the packets' times."""
    rows = tshark("-r", path, "-T", "fields", "-e", "tcp.stream", "-e", "tcp.len", "-e", "frame.time_epoch")
    rows = [row.split("\t") for row in rows.splitlines()]
    streams = {int(row[0]) for row in rows if row[0] and int(row[1] or 0) > 0}
    times = {int(seconds) * 1_000_000 + int(fraction[:6]) for seconds, fraction in
             (row[2].split(".") for row in rows if row[2])}
    connections = [
        {pair: [(missing, hashlib.sha256(run).hexdigest()) for missing, run in found] for pair, found in of.items()}
        for of in followed(path, sorted(streams))
    ]
    return connections, times


def found(binary, path):
    done = subprocess.run([binary, "decode", "--streams", path, "--json"], capture_output=True, check=True, text=True)
    connections, times = {}, []
    for line in done.stdout.splitlines():
        piece = json.loads(line)
        if "connection" not in piece:
            continue
        source, target = piece["origin"].split(" -> ")
        directions = connections.setdefault(piece["connection"], {})
        directions.setdefault((source, target), []).append((piece["missing"], piece["sha256"]))
        if piece["first_us"] is not None:
            times.append(piece["first_us"])
    return [directions for _, directions in sorted(connections.items())], times


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    binary, paths = sys.argv[1], sys.argv[2:]
    passed = failed = 0
    for path in paths:
        if Path(path).stem.rsplit("-", 1)[0] in DIFFERENT:
            continue
        theirs, packet_times = expected(path)
        ours, times = found(binary, path)
        if ours == theirs and theirs and all(time in packet_times for time in times):
            passed += 1
            continue
        failed += 1
        print(f"FAILED: {path}\n  tshark: {theirs}\n  found:  {ours}, times {times}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
