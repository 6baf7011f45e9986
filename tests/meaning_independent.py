#!/usr/bin/env python3
"""Looks up the tables of values in words in the PyPI packages `iso4217`, `pycountry` and `iso18245`, which share
no code with the switch.

usage: meaning_independent.py FILE

Currencies: the same numbers, letters and minor units, none missing, none that ISO 4217 does not list unless it is
marked as withdrawn. Countries: the same numbers and letters, none missing, none more. Merchant categories: each code
exists, and its words share one with a published description. Prints each difference and a closing line; exits 1 on one.
"""

import csv
import re
import sys
from importlib import resources

import iso4217
import pycountry


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def hold(self, ok, what):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}")


def check_currencies(checks, rows):
    listed = {
        f"{currency.number:03}": (currency.code, "" if currency.exponent is None else str(currency.exponent))
        for currency in iso4217.Currency
    }
    for number, code, minor, name in rows:
        if name.endswith("(withdrawn)"):
            checks.hold(number not in listed, f"{number} {code} is withdrawn, but ISO 4217 lists it")
        else:
            checks.hold(listed.get(number) == (code, minor), f"{number} {code} {minor}: {listed.get(number)} listed")
    missing = set(listed) - {row[0] for row in rows}
    checks.hold(not missing, f"currencies missing: {sorted(missing)}")


def check_countries(checks, rows):
    listed = {country.numeric: country for country in pycountry.countries}
    for number, alpha2, alpha3, name in rows:
        country = listed.get(number)
        found = country and (country.alpha_2, country.alpha_3)
        checks.hold(found == (alpha2, alpha3), f"{number} {alpha2} {alpha3} {name}: {found} listed")
    missing = set(listed) - {row[0] for row in rows}
    checks.hold(not missing, f"countries missing: {sorted(missing)}")


def stems(text):
    """The beginnings of a text's words that carry meaning, so that plural and spelling do not matter."""
    return {word[:4] for word in re.findall("[a-z]+", text.lower()) if len(word) > 2} - {"and", "not", "serv", "shop"}


def check_merchants(checks, rows):
    listed = {}
    for name in ("iso18245_official", "visa", "mastercard", "amex", "stripe"):
        text = resources.files("iso18245").joinpath(f"data/{name}_list.csv").read_text(encoding="utf-8")
        for row in csv.DictReader(text.splitlines()):
            listed.setdefault(row["MCC"].zfill(4), []).append(" ".join(filter(None, row.values())))
    for code, _, _, words in rows:
        described = listed.get(code, [])
        shared = any(stems(words) & stems(description) for description in described)
        checks.hold(shared, f"{code} {words}: described as {described}")


def main():
    tables = {"currency": [], "country": [], "merchant": []}
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            kind, *row = line.rstrip("\n").split("\t")
            tables[kind].append(row)
    checks = Checks()
    check_currencies(checks, tables["currency"])
    check_countries(checks, tables["country"])
    check_merchants(checks, tables["merchant"])
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
