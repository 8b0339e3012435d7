"""A night of good and bad recordings: killed at random and run to its end, against a calm one.

The same files are run in two workspaces. In the one nothing happens. In the other the run is
killed, terminated or interrupted again and again, at random moments that a seed gives, and then
runs to its end. Both must come to the same: artifacts, reports, what the catalogue knows, list of
failed files, lines of ``--json``, exit code. Every file must come to what `night_files` says, every
failed file must be named by the output, whatever a killed run printed must be whole lines of JSON,
and nothing may hang.
"""

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from night_files import FILES, File, grow, make

from pipeline.core.errors import EXIT_INTERRUPTED, EXIT_PARTLY_FAILED
from pipeline.workspace.catalogue import Catalogue, path_hash

LIMIT_S = 600
ENDING_LIMIT_S = 60
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SETTINGS = "extends: default\nrequire_consent: true\nengines: {transcriber: none}\n"
_PASSING = ("seconds", "stages_s", "computed", "status", "mended", "report")


@dataclass
class Place:
    """One of the two nights: its folder, in which the workspace lies."""

    folder: Path
    paths: list[Path]

    @property
    def command(self) -> list[str]:
        """What is typed."""
        settings = str(self.folder.parent / "night.yaml")
        named = [str(path) for path in self.paths]
        return [sys.executable, "-m", "pipeline.cli", "run", *named, "--config", settings, "--json"]

    def start(self, out: Path) -> "subprocess.Popen[str]":
        """Begin a run whose lines go into `out`."""
        with out.open("w", encoding="utf-8") as file:
            return subprocess.Popen(  # noqa: S603  # ours
                self.command, cwd=self.folder, stdout=file, stderr=subprocess.PIPE, text=True
            )

    def type(self, *arguments: str) -> str:
        """What another command prints."""
        command = [sys.executable, "-m", "pipeline.cli", *arguments]
        done = subprocess.run(  # noqa: S603  # ours
            command, cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def run(self) -> tuple[int, list[dict[str, Any]]]:
        """Run to the end: exit code and lines."""
        out = self.folder / "out.jsonl"
        process = self.start(out)
        process.communicate(timeout=LIMIT_S)
        return process.returncode, lines(out)

    def state(self) -> dict[str, Any]:
        """All that is compared."""
        workspace = self.folder / "workspace"
        files = {
            str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(workspace.glob("sessions/**/*"))
            if path.is_file()
        }
        catalogue = Catalogue(workspace)
        known = sorted((e.recording_id, str(e.path), e.sidecar) for e in catalogue.entries())
        failures = sorted(
            (f.path_hash, str(f.path), f.number, f.recording_id, f.error, f.exit_code)
            for f in catalogue.failures()
        )
        catalogue.close()
        others = sorted(p.name for p in workspace.iterdir() if not p.name.startswith("tether.db"))
        return {"files": files, "known": known, "failures": failures, "workspace": others}


def lines(out: Path) -> list[dict[str, Any]]:
    """The objects of JSON Lines; a line that was cut off by a kill would be no JSON."""
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def disturb(place: Place, times: int, seed: int) -> list[str]:
    """Begin runs and end each at a random moment; what was wrong."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    wrong = []
    for number in range(1, times + 1):
        grow(place.paths[0], min(1.0, 0.3 + number / times))
        killed = chance.choice(SIGNALS)
        out = place.folder / f"killed-{number}.jsonl"
        process = place.start(out)
        assert process.stderr
        for _ in range(chance.randint(1, 60)):  # lines of the log, so that slow machines do alike
            if not process.stderr.readline():
                break
        time.sleep(chance.uniform(0, 0.4))
        process.send_signal(killed)
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        began = time.monotonic()
        try:
            process.wait(ENDING_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            wrong.append(f"run {number} did not end within {ENDING_LIMIT_S} s of {killed.name}")
        drain.join()
        took = time.monotonic() - began
        print(f"  {number:>2}: {killed.name}, {len(lines(out))} lines, gone after {took:.1f} s")
        if killed is not signal.SIGKILL and not wrong:
            last = lines(out)[-1].get("summary", {})
            expected = (EXIT_INTERRUPTED, True)
            at_end = (EXIT_PARTLY_FAILED, False)  # the signal came after the last recording
            if (process.returncode, last.get("interrupted")) not in (expected, at_end):
                wrong.append(f"run {number}: exit code {process.returncode} after {killed.name}")
    return wrong


def outcomes(place: Place, files: tuple[File, ...], told: list[dict[str, Any]]) -> list[str]:
    """Each file that did not come to what it must."""
    by_hash = {line["path_hash"]: line for line in told[:-1]}
    summary = told[-1]["summary"]
    shown = place.type("sessions", "--failed", "--names")
    wrong = []
    for file in files:
        path = place.paths[0] / file.name
        line = by_hash.get(path_hash(path))
        if file.outcome == "said":
            if not (line and line["error"]) and not any(
                "link" in s for s in summary["passed_over"]
            ):
                wrong.append(f"{file.name}: neither failed nor counted as passed over")
        elif line is None:
            wrong.append(f"{file.name}: no line at all")
        elif (line["status"] == "failed") != (file.outcome == "failed"):
            wrong.append(
                f"{file.name}: {line['status']}, expected: {file.outcome}; {line['error']}"
            )
        elif file.outcome == "failed" and file.error not in line["error"]:
            wrong.append(f"{file.name}: failed for another reason: {line['error']}")
        if line and line["error"] and str(path) not in shown:
            wrong.append(f"{file.name}: failed, and `tether sessions --failed` does not name it")
    return wrong


def compared(calm: Place, killed: Place, told: list[list[dict[str, Any]]]) -> list[str]:
    """In what the two nights differ."""
    wrong = []
    one, other = calm.state(), killed.state()
    for what, value in one.items():
        if value != other[what]:
            ours = value.items() if isinstance(value, dict) else value
            theirs = other[what].items() if isinstance(value, dict) else other[what]
            differing = [each for each in (*ours, *theirs) if (each in ours) != (each in theirs)]
            wrong.append(f"{what} differ in {len(differing)}: {differing[:3]}")
    stable = [
        [{k: v for k, v in line.items() if k not in _PASSING} for line in lines_[:-1]]
        for lines_ in told
    ]
    if len(stable[0]) != len(stable[1]):
        wrong.append(f"{len(stable[0])} lines in the one, {len(stable[1])} in the other")
    else:
        pairs = zip(*stable, strict=True)
        wrong += [f"the lines of recording {a['number']} differ" for a, b in pairs if a != b]
    return wrong


def night(folder: Path, files: tuple[File, ...], times: int, seed: int) -> list[str]:
    """Make the files, run both nights, and say what was wrong."""
    (folder / "night.yaml").write_text(SETTINGS, encoding="utf-8")
    paths = make(folder / "recordings", files)
    places = [Place(folder / name, paths) for name in ("calm", "killed")]
    for place in places:
        place.folder.mkdir()
    wrong, told = [], []
    for place in places:
        began = time.monotonic()
        if place.folder.name == "killed":
            wrong += disturb(place, times, seed)
            grow(paths[0], 1)
        try:
            code, found = place.run()
        except subprocess.TimeoutExpired:
            return [*wrong, f"the {place.folder.name} night hangs: over {LIMIT_S} s"]
        if code != EXIT_PARTLY_FAILED:
            wrong.append(f"exit code of the {place.folder.name} night: {code}")
        counts = found[-1]["summary"]["counts"]
        print(f"{place.folder.name}: {counts}, {time.monotonic() - began:.0f} s")
        wrong += [f"{place.folder.name}: {each}" for each in outcomes(place, files, found)]
        told.append(found)
    return wrong + compared(places[0], places[1], told)


def main() -> None:
    """Parse options, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=14)
    parser.add_argument("--seed", type=int, default=20261201)
    parser.add_argument("--quick", action="store_true", help="a few of the files only")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave out")
    parser.add_argument("--keep", type=Path, help="an empty folder to do it in, which stays")
    options = parser.parse_args()
    files = tuple(
        file for file in FILES if file.name not in options.without and file.quick >= options.quick
    )
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:  # in the background; runs would inherit it
            signal.signal(number, lambda *_: None)
    print(f"{len(files)} files, {options.kills} kills, seed {options.seed}")
    if options.keep:
        wrong = night(options.keep.absolute(), files, options.kills, options.seed)
    else:
        with tempfile.TemporaryDirectory(prefix="tether-night-") as folder:
            wrong = night(Path(folder), files, options.kills, options.seed)
    for each in wrong:
        print(f"WRONG {each}")
    print("both nights came to the same" if not wrong else f"{len(wrong)} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
