"""Benchmark: hits and moments of one-hour sessions from tables that are there already.

The session is talk at random, 580 turns or so with far more rule hits than real ones have, so the
numbers are an upper end. Processor time is printed, for it does not depend on who else works here.
Targets: one session in 0.3 s; 1,000 sessions in 10 s on two processors, 20 ms of work each.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import strategies

from pipeline.research import Tally, chance
from pipeline.rules import verdicts
from pipeline.store import Store

READ = ("media", "words", "turns", "silences", "overlaps", "roles", "measures", "quality")
HOUR_S = 3600


def main() -> None:
    """Parse options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement")
    options = parser.parse_args()
    tables = strategies.tables_of(conversation(random.Random(1)))  # noqa: S311  # no secret
    book, lexicons, settings = strategies.book(), strategies.english(), strategies.settings()
    hits = book.hits(tables, lexicons)
    frames = book.items(book.rules, tables)
    told: dict[str, Callable[[], object]] = {
        "hits and moments": lambda: book.flag(tables, lexicons, settings),
        "  hits, with evidence and quotes": lambda: book.hits(tables, lexicons),
        "    columns that rules name": lambda: book.items(book.rules, tables),
        "    conditions of all rules": lambda: [
            items.select(
                expr
                for each in book.rules
                if each.rule.on == item
                for expr in verdicts.expressions(each, book.min_n)
            )
            for item, items in frames.items()
        ],
        "  moments, with responses": lambda: book.moments(hits, tables, lexicons, settings),
    }
    moments = book.moments(hits, tables, lexicons, settings)
    print(
        f"one hour: {tables['turns'].height} turns, {tables['measures'].height} measures, "
        f"{len(book.rules)} rules, {hits.height} hits, {moments.height} moments"
    )
    for name, work in told.items():
        print(f"{name:<36} {spent_ms(work, options.repeats):8.1f} ms")
    with tempfile.TemporaryDirectory(prefix="tether-bench-") as folder:
        store = Store(Path(folder))
        session, slot = "a" * 64, "b" * 64
        kept = {name: tables[name] for name in READ}
        store.write(session, "all", slot, kept, {"address": slot})
        read_ms = spent_ms(lambda: store.read(session, "all", slot), options.repeats)
        print(f"{'tables read from the store':<36} {read_ms:8.1f} ms")
    many = [Tally(sessions=1, events=4, found=n % 5, ranked=((0.5, True),)) for n in range(1000)]
    ms = spent_ms(lambda: chance.intervals(many, draws=1000, level=0.95, seed=1), 1)
    print(f"{'intervals over 1,000 sessions':<36} {ms:8.1f} ms")


def conversation(chance_of: random.Random) -> list[strategies.Said]:
    """An hour of talk at random."""
    lines: list[tuple[str, float, str]] = []
    length_s = 0.0
    while length_s < HOUR_S:
        therapist = len(lines) % 2 == 0
        says = strategies._THERAPIST_SAYS if therapist else strategies._CLIENT_SAYS  # noqa: SLF001
        number = 5 if chance_of.random() < 0.3 else 1  # noqa: PLR2004  # some go on for long
        text = " ".join(chance_of.choice(says) for _ in range(number))
        gap_s = chance_of.choice([-0.3, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5, 4.0])
        lines.append(("T" if therapist else "C", gap_s, text))
        length_s += gap_s + strategies.WORD_MS / 1000 * len(text.split())
    return strategies.script(*lines)


def spent_ms(work: Callable[[], object], repeats: int) -> float:
    """Processor time of one call, in ms, after one that warms up."""
    work()
    began = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - began) / repeats * 1000


if __name__ == "__main__":
    main()
