#!/usr/bin/env python3
"""Which differences of PostgreSQL's own suite are expected?

    judge.py MAJOR LIST LOG DIFFS DIFFS_WITHOUT CRASHED RECORDED HISTOGRAM MAPPED

LIST has lines "version test pattern = reason": in that version ("*": all,
"mapped": all, but only when the role is mapped) and test, changed lines that match the regular expression are expected.  A changed
line that the server without hoopguard shows as well is not ours either.  Any
other one fails its test.
"""
import re
import sys

major, listed, log, diffs, without, crashed, recorded, histogram, mapped = sys.argv[1:10]


def read(path):
    """{test: [changed lines]} of a regression.diffs file."""
    found, test = {}, None
    for line in open(path, encoding="utf-8", errors="replace"):
        line = line.rstrip("\n")
        if line.startswith("diff "):
            test = line.split("/")[-1].removesuffix(".out")
            found.setdefault(test, [])
        elif re.match(r"(\+\+\+|---) ", line) or test is None:
            continue
        elif line[:1] in "+-":
            found[test].append(line)
    return found


expected = []
for number, line in enumerate(open(listed), 1):
    line = line.strip()
    if not line or line.startswith("#"):
        continue
    match = re.fullmatch(r"(\S+)\s+(\S+)\s+(.+?)\s+=\s+(\S.*)", line)
    if not match:
        sys.exit(f"{listed}:{number}: not \"version test pattern = reason\"")
    expected.append((*match.groups()[:2], re.compile(match[3]), match[4], number))

text = open(log, encoding="utf-8", errors="replace").read()
ran = re.findall(r"^(?:test|    |not ok|ok)?\s*(?:\d+\s+[-+]\s+)?([a-z_0-9.]+)\s+(?:\.\.\. (?:ok|FAILED)|\d+ ms)",
                 text, re.M)
ours, theirs = read(diffs), read(without)
failed, used = 0, set()
for test, lines in sorted(ours.items()):
    known = set(theirs.get(test, []))
    bad = []
    for line in lines:
        if line in known or line in ("+", "-"):
            continue
        for version, name, pattern, reason, number in expected:
            if version in ("*", major, mapped and "mapped") and name in ("*", test) and pattern.search(line):
                used.add(number)
                break
        else:
            bad.append(line)
    if bad:
        failed += 1
        print(f"not ok - {test}")
        for line in bad[:40]:
            print("#  ", line)
    elif lines:
        print(f"ok - {test} (differences are listed, or the same without hoopguard)")
if not ran:
    print("not ok - no test ran")
    print(text[-2000:])
    failed += 1
if crashed == "1":
    failed += 1
try:
    count = int(open(recorded).read().split()[-1])
except (OSError, ValueError, IndexError):
    count = 0
print(f"{count} events were recorded")
if count < 10000:
    print("not ok - that is too few")
    failed += 1
unknown = 0
print("commands recorded:")
for line in open(histogram, encoding="utf-8", errors="replace"):
    print("   ", line.rstrip())
    if line.split()[1:] in ([], ["UNKNOWN"]):
        unknown += 1
if unknown or not open(histogram).read().strip():
    print("not ok - statements without a known command")
    failed += 1
print(f"{max(len(ran) - failed, 0)} passed, {failed} failed")
sys.exit(failed > 0)
