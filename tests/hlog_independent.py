#!/usr/bin/env python3
"""Decodes .hlog files with the PyPI package `hdrhistogram`, which shares no code with the switch.

usage: hlog_independent.py FILE.hlog... [TAG=COUNT | TAG>=COUNT]...

Every line must decode, its largest value must be the one written beside it, intervals of one tag must not overlap,
and the sum of each named tag's counts must be as given, in each file. Prints the tags and a closing line; exits 1 on a failure.
"""

import re
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

LOWEST, HIGHEST, DIGITS = 1, 60_000_000_000, 3


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def hold(self, ok, what):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}")


def read_intervals(path):
    reader = HistogramLogReader(path, HdrHistogram(LOWEST, HIGHEST, DIGITS))
    intervals = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        intervals.append(histogram)
    return reader, intervals


def check_lines(checks, path, intervals):
    """The text beside each histogram agrees with what the histogram holds."""
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("#") and not line.startswith('"')]
    checks.hold(len(lines) == len(intervals), f"{len(lines)} lines, {len(intervals)} decoded")
    for line, histogram in zip(lines, intervals):
        maximum = float(line.split(",")[3])
        decoded = histogram.get_highest_equivalent_value(histogram.get_max_value())
        checks.hold(maximum == decoded, f"{histogram.get_tag()}: maximum {maximum} written, {decoded} decoded")


def check_times(checks, reader, by_tag):
    checks.hold(reader.get_start_time_sec() > 1_500_000_000, "a start time in this century")
    for tag, histograms in by_tag.items():
        for earlier, later in zip(histograms, histograms[1:]):
            gap = later.get_start_time_stamp() - earlier.get_end_time_stamp()
            checks.hold(gap > -2, f"{tag}: an interval begins {-gap} ms before its predecessor ends")


def check_expectation(checks, counts, expectation):
    match = re.fullmatch(r"(.+?)(>=|=)(\d+)", expectation)
    if not match:
        sys.exit(f"{expectation}: expected TAG=COUNT or TAG>=COUNT")
    tag, relation, count = match[1], match[2], int(match[3])
    found = counts.get(tag, 0)
    ok = found >= count if relation == ">=" else found == count
    checks.hold(ok, f"{tag}: {relation}{count} expected, {found} found")


def judge(checks, path, expectations):
    reader, intervals = read_intervals(path)
    checks.hold(intervals, f"{path}: at least one interval")
    by_tag = {}
    for histogram in intervals:
        by_tag.setdefault(histogram.get_tag(), []).append(histogram)
    check_lines(checks, path, intervals)
    check_times(checks, reader, by_tag)
    counts = {tag: sum(h.get_total_count() for h in histograms) for tag, histograms in by_tag.items()}
    for tag, histograms in sorted(by_tag.items()):
        median = max(h.get_value_at_percentile(50) for h in histograms)
        print(f"{tag}: {counts[tag]} in {len(histograms)} intervals, median up to {median} ns")
    for expectation in expectations:
        check_expectation(checks, counts, expectation)


def main():
    paths = [argument for argument in sys.argv[1:] if argument.endswith(".hlog")]
    expectations = [argument for argument in sys.argv[1:] if not argument.endswith(".hlog")]
    if not paths:
        sys.exit(__doc__)
    checks = Checks()
    for path in paths:
        judge(checks, path, expectations)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
