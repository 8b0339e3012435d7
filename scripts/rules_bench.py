"""Benchmark: hits and moments of one-hour sessions from tables that are there already.

Two kinds of session are made of words alone:

composed
    lines of the two acted samples in stretches as people talk them, about 460 turns an hour. It has
    about as many hits as real counselling has (measured on 15 conversations: 455 turns and 100 hits
    an hour).
random
    talk at random, 590 turns and more than 200 hits an hour: an upper end that no real talk has.

A workspace of many sessions is made of some composed ones that are walked, and of copies of these
under other ids. In it other rules are asked than those of the walk, so that every session has to be
flagged again. Processor time stands beside wall time, for it depends less on who else works here.
Targets: one session in 0.3 s; 1,000 sessions in 10 s on two processors.
"""

import csv
import datetime as dt
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import strategies

from pipeline import config
from pipeline.evaluation.material import counselling
from pipeline.research.sessions import cases, load_sessions, rule_runs
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Catalogue, Entry
from pipeline.workspace.layout import artifact
from pipeline.workspace.store import Store, canonical, digest

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
HOUR_S = 3600
REPEATS = 5
PART = 96
"""Sessions on which the parts of the work are measured."""
WALKED = 8
"""Sessions that are walked; the others are copies of them."""
OTHER_RULES = """
extends: default
params: {silence-after-question: {min_ms: 4000}}
"""
PROGRAM = r"""
import atexit, os, re, resource, sys, time
from pathlib import Path
from pipeline import config
from pipeline.cli import main
from pipeline.research.sessions import load_sessions

def peak_kib():
    own = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return max(int(own[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)

if __name__ == "__main__":
    atexit.register(lambda: print(peak_kib(), file=sys.stderr))
    if sys.argv[1] == "flag":
        began = time.perf_counter()
        settings = config.load(sys.argv[2])
        load_sessions.read(Path(sys.argv[3]), settings=settings, processes=os.cpu_count())
        print(time.perf_counter() - began)
    else:
        main()
"""
"""Hits and moments alone, or `tether`. It prints at its end the peak memory of its largest process:
what a process that was started has of its parent's would count with getrusage."""
SWEEP = """
codes: codes.csv
group: all
goal: f1
folds: 5
parameters: {params.silence-after-question.min_ms: [3000, 4000, 5000]}
"""


def compare(sessions: int) -> None:
    """Measure one session and many, and print."""
    print(f"{os.cpu_count()} processors; least of {REPEATS}: wall time, processor time in brackets")
    for kind, talk in (("composed", composed), ("random", at_random)):
        one(kind, talk)
    with tempfile.TemporaryDirectory(prefix="tether-bench-") as folder:
        many(Path(folder), sessions)


def one(kind: str, talk: Callable[[random.Random], list[strategies.Utterance]]) -> None:
    """One session, all of it and by its parts."""
    tables = strategies.tables_of(talk(random.Random(1)))  # noqa: S311  # no secret
    book, lexicons, settings = strategies.book(), strategies.english(), strategies.settings()
    made = book.flag(tables, lexicons, settings)
    print(
        f"\none {kind} hour: {tables['turns'].height} turns, {tables['measures'].height} measures, "
        f"{len(book.rules)} rules, {made['hits'].height} hits, {made['moments'].height} moments"
    )
    told: dict[str, Callable[[], object]] = {
        "hits, with evidence and quotes, and moments": lambda: book.flag(
            tables, lexicons, settings
        ),
        "  the same without evidence": lambda: book.flag_all(
            [tables], lexicons, settings, explained=False
        ),
        "    columns that rules name": lambda: book.items(book.rules, [tables]),
    }
    for name, work in told.items():
        wall, busy = spent(work)
        print(f"{name:<44} {wall * 1000:8.1f} ms  ({busy * 1000:.1f})")


def many(folder: Path, sessions: int) -> None:
    """Many sessions from the store, in this process and by the researcher's commands."""
    workspace = folder / "workspace"
    process(folder, workspace)
    multiply(workspace, sessions)
    (folder / "other.yaml").write_text(OTHER_RULES, encoding="utf-8")
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    code(workspace, folder / "codes.csv")
    print(f"\n{sessions} composed sessions, in batches, other rules than those of the walk")
    bench = Workbench(config.load(str(folder / "other.yaml")), workspace)
    try:
        parts(bench, load_sessions.read(workspace).cases[:PART])
    finally:
        bench.catalogue.close()
    told = measured(["flag", "other.yaml", str(workspace)], folder)
    print(f"{'hits and moments, all processors':<44} {float(told.printed):8.1f} s")
    shown("  with the start and the end of the program", told)
    commands = {
        "tether evaluate, moments as walked": ["evaluate"],
        "tether evaluate, other rules": ["evaluate", "--config", "other.yaml"],
        "tether compare, walked and other rules": ["compare", "walked", "other.yaml"],
        "tether tune, 3 trials": ["tune", "sweep.yaml"],
    }
    for name, command in commands.items():
        codes = [] if command[0] == "tune" else ["--codes", "codes.csv"]
        arguments = [*command, *codes, "--workspace", str(workspace), "--json"]
        shown(name, measured(arguments, folder))


class Measured(NamedTuple):
    """Of a program with its processes: seconds, peak memory of one of them, and what it printed."""

    wall_s: float
    busy_s: float
    peak_mib: float
    printed: str


def shown(name: str, told: Measured) -> None:
    """Print a line of a whole program."""
    wall_s, busy_s, peak_mib, _ = told
    print(f"{name:<44} {wall_s:8.1f} s   ({busy_s:.1f}), peak memory {peak_mib:.0f} MiB")


def parts(bench: Workbench, processed: Sequence[cases.Case]) -> None:
    """What reading and what rules cost, and what it gains to take many sessions at a time."""

    def rules(loaded: Sequence[cases.Case], at_a_time: int) -> None:
        for start in range(0, len(loaded), at_a_time):
            rule_runs.flags(
                loaded[start : start + at_a_time], bench.language_resources, bench.settings
            )

    loaded = rule_runs.loaded(processed)
    told: dict[str, Callable[[], object]] = {
        "tables read and compared with digests": lambda: rule_runs.loaded(processed),
        "hits and moments, one session at a time": lambda: rules(loaded, 1),
        f"hits and moments, {cases.BATCH} at a time": lambda: rules(loaded, cases.BATCH),
        "all of it, one process": lambda: list(
            rule_runs.decided([case.entry for case in processed], bench)
        ),
    }
    busies = []
    for name, work in told.items():
        wall, busy = (1000 / len(processed) * seconds for seconds in spent(work))
        busies.append(busy)
        print(f"{name:<44} {wall:8.1f} ms  ({busy:.1f}) a session")
    print(f"{'ratio, one at a time to many':<44} {busies[1] / busies[2]:8.2f}")


def process(folder: Path, workspace: Path) -> None:
    """Walk some composed sessions, as transcripts."""
    for number in range(WALKED):
        said = composed(random.Random(number))  # noqa: S311  # no secret
        file = folder / f"{number}.csv"
        with file.open("w", encoding="utf-8", newline="") as written:
            rows = [(each.role, each.start_ms, each.end_ms, each.text) for each in said]
            csv.writer(written).writerows([("role", "start_ms", "end_ms", "text"), *rows])
        file.with_name(f"{file.name}.yaml").write_text("language: en\n", encoding="utf-8")
    counselling.process(sorted(folder.glob("*.csv")), workspace, config.load())


def multiply(workspace: Path, sessions: int) -> None:
    """Copy the walked sessions under other ids until there are so many.

    A copy is what a walk of the same words in another recording leaves: addresses and slots are
    made anew, and the tables, whose bytes are the same, are links.
    """
    store, catalogue = Store(workspace), Catalogue(workspace)
    processed = catalogue.entries()
    try:
        for number in range(len(processed), sessions):
            entry = processed[number % len(processed)]
            other = digest(f"{entry.recording_id} {number}".encode())
            copy(store, entry.recording_id, other)
            moved = entry.path.with_name(f"{number}-{entry.path.name}")
            catalogue.remember(Entry(other, moved, entry.sidecar), dt.datetime.now(dt.UTC))
    finally:
        catalogue.close()


def copy(store: Store, session: str, other: str) -> None:
    """Copy one session under another id."""
    note = json.loads((store.session(session) / "walk.json").read_bytes())
    addresses: dict[str, str] = {}
    slots = []
    for stage, slot in note["slots"]:
        manifest = store.manifest(session, stage, slot)
        assert manifest is not None
        facts = {key: manifest[key] for key in ("stage", "version", "parameters")}
        known = {name: addresses[name] for name in manifest["inputs"] if name in addresses}
        facts["inputs"] = known or {"recording": other}
        new = digest(canonical(facts))
        addresses[stage] = digest(canonical({**facts, "engine": manifest["engine"]}))
        source = store.session(session) / "artifacts" / artifact(stage, slot)
        target = store.session(other) / "artifacts" / artifact(stage, new)
        target.mkdir(parents=True)
        for table in manifest["tables"]:
            os.link(source / f"{table}.parquet", target / f"{table}.parquet")
        told = {**manifest, **facts, "recording_id": other, "address": addresses[stage]}
        (target / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
        slots.append((stage, new))
    note["recording"]["recording_id"] = other
    note["provenance"]["stages"] = addresses
    note["slots"] = slots
    (store.session(other) / "walk.json").write_text(json.dumps(note), encoding="utf-8")


def code(workspace: Path, file: Path) -> None:
    """Write codes: in each session every second moment of the walk is a rupture, and two more."""
    rows: list[tuple[object, ...]] = [("session", "start_ms", "kind", "marker")]
    for case in load_sessions.read(workspace).cases:
        found = case.tables["moments"].select("start_ms", "kind", "marker").rows()[::2]
        found += [(start_ms, "withdrawal", "W2") for start_ms in (500_000, 2_500_000)]
        name = case.recording.short_id
        rows += [(name, *each) for each in found if each[1] != "therapist_move"]
    with file.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written).writerows(rows)


def composed(chance_of: random.Random) -> list[strategies.Utterance]:
    """An hour of lines of the acted samples, some of each person at a time."""
    lines = {role: list(acted(role)) for role in ("therapist", "client")}

    def says(who: str) -> str:
        bank = lines["therapist" if who == "T" else "client"]
        number = chance_of.choice((1, 1, 1, 2, 3) if who == "T" else (1, 1, 2, 3, 4))
        start = chance_of.randrange(len(bank))
        return " ".join(bank[(start + n) % len(bank)] for n in range(number))

    gaps_s = (-0.3, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.5, 0.5, 0.8, 0.8, 1.2, 1.5, 2.0, 2.5)
    return hour(says, lambda: 3.5 if chance_of.random() < 0.04 else chance_of.choice(gaps_s))  # noqa: PLR2004  # silences


def acted(role: str) -> Iterator[str]:
    """Lines of a person of the acted samples but backchannels, those of the ruptures twice."""
    for name in ("benign", "rupture", "rupture"):
        file = SAMPLES / "truth" / f"{name}_turns.csv"
        with file.open(encoding="utf-8") as read:
            for row in csv.DictReader(read):
                if row["role"] == role and row["is_backchannel"] == "false":
                    yield row["text"]


def at_random(chance_of: random.Random) -> list[strategies.Utterance]:
    """An hour of talk at random."""

    def says(who: str) -> str:
        bank = strategies._THERAPIST_SAYS if who == "T" else strategies._CLIENT_SAYS  # noqa: SLF001
        number = 5 if chance_of.random() < 0.3 else 1  # noqa: PLR2004  # some go on for long
        return " ".join(chance_of.choice(bank) for _ in range(number))

    return hour(says, lambda: chance_of.choice([-0.3, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5, 4.0]))


def hour(says: Callable[[str], str], gap_s: Callable[[], float]) -> list[strategies.Utterance]:
    """Therapist and client in turn, until an hour is full."""
    lines: list[tuple[str, float, str]] = []
    length_s = 0.0
    while length_s < HOUR_S:
        who = "TC"[len(lines) % 2]
        lines.append((who, gap_s(), says(who)))
        _, waited_s, text = lines[-1]
        length_s += waited_s + strategies.WORD_MS / 1000 * len(text.split())
    return strategies.script(*lines)


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of one call: the least of some, for others may work here too."""
    walls, busies = [], []
    for _ in range(REPEATS):
        began, busy = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - began)
        busies.append(time.process_time() - busy)
    return min(walls), min(busies)


def measured(arguments: Sequence[str], folder: Path) -> Measured:
    """Run a program and measure it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603  # ours
        [sys.executable, "-c", PROGRAM, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, busy, int(done.stderr.split()[-1]) / 1024, done.stdout)
