#!/usr/bin/env python3
"""Reads metrics with the PyPI package `prometheus_client`, the reference parser of both text formats.

usage: metrics_independent.py URL_OR_FILE [NAME{LABEL="VALUE",...}=NUMBER | ...>=NUMBER]...

A URL is asked for both formats; a file is read by what it is. Every family must have help and a type, every sample
be unique, every histogram be complete and monotone, and each named sample be as given (labels not named are summed
over). Prints a closing line; exits 1 on a failure.
"""

import re
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

OPENMETRICS = "application/openmetrics-text"


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def hold(self, ok, what):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}")


def fetch(url, accept):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.headers["Content-Type"], answer.read().decode("utf-8")


def texts(checks, source):
    """The texts to check, each with whether it is OpenMetrics."""
    if not source.startswith(("http://", "https://")):
        with open(source, encoding="utf-8") as file:
            text = file.read()
        return [(text, text.endswith("# EOF\n"))]
    found = []
    for accept in [f"{OPENMETRICS};version=1.0.0,text/plain;version=0.0.4;q=0.5", "text/plain;version=0.0.4"]:
        content_type, text = fetch(source, accept)
        expected = accept.startswith(OPENMETRICS)
        checks.hold(content_type.startswith(OPENMETRICS) == expected, f"asked for {accept}, got {content_type}")
        checks.hold("charset=utf-8" in content_type, f"a charset in {content_type}")
        found.append((text, expected))
    return found


def check_family(checks, family):
    checks.hold(family.documentation.strip(), f"{family.name}: help")
    checks.hold(family.type not in ("unknown", "untyped"), f"{family.name}: a type")
    checks.hold(re.match(r"(authswitch|process)_", family.name), f"{family.name}: a prefix")
    seen = set()
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        checks.hold(key not in seen, f"{key}: twice")
        seen.add(key)
    if family.type == "counter":
        checks.hold(all(s.name.endswith("_total") for s in family.samples), f"{family.name}: _total")
    if family.type == "histogram":
        check_histogram(checks, family)


def check_histogram(checks, family):
    series = {}
    for sample in family.samples:
        labels = {key: value for key, value in sample.labels.items() if key != "le"}
        one = series.setdefault(tuple(sorted(labels.items())), {"buckets": []})
        if sample.name.endswith("_bucket"):
            one["buckets"].append((float(sample.labels["le"]), sample.value))
        else:
            one[sample.name.rsplit("_", 1)[1]] = sample.value
    for labels, one in series.items():
        name = f"{family.name}{dict(labels)}"
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        checks.hold(bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), f"{name}: bounds ascend to +Inf")
        checks.hold(bounds[0] == 0.5e-6 and bounds[-2] == 1.0, f"{name}: bounds from 0.5 us to 1 s")
        checks.hold(counts == sorted(counts), f"{name}: counts are monotone")
        checks.hold(counts[-1] == one["count"], f"{name}: +Inf is the count")
        # Each duration lies between its bucket's bounds (to the cells' one in a thousand), and so does their sum.
        own = [count - before for count, before in zip(counts, [0, *counts])]
        low = sum(count * bound for count, bound in zip(own, [0, *bounds]))
        high = sum(count * min(bound, 60) for count, bound in zip(own, bounds) if count)
        checks.hold(low * 0.999 - 1e-9 <= one["sum"] <= high * 1.001 + 1e-9, f"{name}: {low} <= sum {one['sum']} <= {high}")


def check_expectation(checks, families, expectation):
    match = re.fullmatch(r"(\w+)(?:\{(.*)\})?(>=|=)([\d.e+-]+)", expectation)
    if not match:
        sys.exit(f'{expectation}: expected NAME{{LABEL="VALUE"}}=NUMBER')
    name, relation, number = match[1], match[3], float(match[4])
    labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
    found = sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
    ok = found >= number if relation == ">=" else found == number
    checks.hold(ok, f"{expectation}: found {found}")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    checks = Checks()
    for text, openmetrics in texts(checks, sys.argv[1]):
        families = list((parse_openmetrics if openmetrics else parse_classic)(text))
        checks.hold(families, "at least one family")
        for family in families:
            check_family(checks, family)
        for expectation in sys.argv[2:]:
            check_expectation(checks, families, expectation)
        samples = sum(len(family.samples) for family in families)
        print(f"{'OpenMetrics' if openmetrics else 'text 0.0.4'}: {len(families)} families, {samples} samples")
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
