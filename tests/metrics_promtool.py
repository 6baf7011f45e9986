#!/usr/bin/env python3
"""Lints texts of metrics by Prometheus' own promtool: names, base units, help, types.

usage: metrics_promtool.py PROMTOOL FILE...

Prints what it finds and a closing line; exits 1 where it finds anything.
"""

import subprocess
import sys


def main() -> int:
    promtool, *files = sys.argv[1:]
    failed = 0
    for name in files:
        with open(name, "rb") as text:
            done = subprocess.run([promtool, "check", "metrics"], stdin=text, capture_output=True, text=True, timeout=60)
        said = (done.stdout + done.stderr).strip()
        # It tells of what it finds odd and may still exit with 0.
        if done.returncode != 0 or said:
            failed += 1
            print(f"{name}: exit code {done.returncode}\n{said}")
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
