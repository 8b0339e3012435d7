"""Hostile input for every parser: spoiled files, and files that grow.

What must hold: a file is read, or refused with an error of at most a page that says why; none takes
more than a second; no size whose double takes four times as long. Cases are numbered and always the
same, so that a finding can be made again with ``--only PARSER --case NUMBER``.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import fuzzing  # noqa: E402  # tests/ is on the path from here on


def spoiled(parser: fuzzing.Parser, cases: range) -> Counter[str]:
    """What is wrong, how often; the first case of each kind is printed as it is found."""
    found: Counter[str] = Counter()
    for number in cases:
        wrong = fuzzing.fault(parser, fuzzing.case(parser, number))
        if wrong is None:
            continue
        kind = wrong.partition(": ")[0]
        if kind not in found:
            print(f"{parser.name}, case {number}: {wrong}", flush=True)
        found[kind] += 1
    return found


def main() -> None:
    """Parse options, run, print; exit code 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000, help="spoiled files of each parser")
    parser.add_argument("--only", choices=fuzzing.PARSERS, action="append", help="this parser")
    parser.add_argument("--case", type=int, help="one case alone, which is also written out")
    parser.add_argument(
        "--size", type=int, default=60_000, help="bytes of the smallest growing file; 0: none"
    )
    options = parser.parse_args()
    wrong = 0
    for name in options.only or fuzzing.PARSERS:
        each = fuzzing.PARSERS[name]
        if options.case is not None:
            sys.stdout.buffer.write(fuzzing.case(each, options.case) + b"\n")
            sys.stdout.buffer.flush()
            print(fuzzing.fault(each, fuzzing.case(each, options.case)) or "nothing wrong")
            continue
        found = spoiled(each, range(options.cases))
        slow = 0
        for shape in fuzzing.shapes(each) if options.size else ():
            if took := fuzzing.slow_growth(each, shape, options.size):
                print(f"{name}, {shape.name}: {took} as the size doubles", flush=True)
                slow += 1
        print(f"{name}: {options.cases} cases, {found.total()} wrong; {slow} shapes too slow")
        wrong += found.total() + slow
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
