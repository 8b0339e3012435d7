"""Benchmark: the supervisor's desk over many sessions, and a long recording.

A workspace of generated one-hour sessions, each with its moments and verdicts, is served by
``tether review`` as a process of its own; pages are asked for over HTTP as a browser would.
Targets: the list of `tether sessions` 1 s, queue 300 ms, page of a moment 500 ms, a seek in a
three-hour recording 300 ms. Beside each page stands the time of the smallest answer that the server
gives, measured in turn.
"""

import datetime as dt
import http.client
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import report_session

from pipeline.core.tables import Recording
from pipeline.session import read_manifest
from pipeline.session.manifest import publish
from pipeline.workspace.catalogue import Catalogue, Entry
from pipeline.workspace.stage_cache import Outcome
from pipeline.workspace.store import Store, canonical, digest
from pipeline.workspace.verdicts import Ledger, Verdict

ASKED = 30
BLOCK = 65_536


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    length: int
    ms: float


class Client:
    """Asks as a browser that was let in."""

    def __init__(self, link: str) -> None:
        found = re.fullmatch(r"http://([\d.]+):(\d+)(/enter\S+)", link)
        assert found, "a link of another form"
        self.host, self.port = found[1], int(found[2])
        entering = http.client.HTTPConnection(self.host, self.port)
        entering.request("GET", found[3])
        self.cookie = str(entering.getresponse().getheader("set-cookie")).split(";")[0]

    def get(self, path: str, **headers: str) -> Answer:
        """One answer, read to its end, over a connection of its own."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=600)
        connection.request("GET", path, headers={"cookie": self.cookie, **headers})
        answer = connection.getresponse()
        length = len(answer.read())
        connection.close()
        return Answer(answer.status, length, (time.perf_counter() - began) * 1000)


def measure(sessions: int, hours: float, compose: Callable[[Path, float], None]) -> None:
    """Print all of it.

    Parameters
    ----------
    compose
        Writes a recording of so many minutes.
    """
    with tempfile.TemporaryDirectory(prefix="tether-bench-") as name:
        folder = Path(name)
        long = folder / "long.flac"
        compose(long, hours * 60)
        workspace = folder / "workspace"
        began = time.perf_counter()
        names = generate(workspace, sessions, long, round(hours * 3_600_000))
        print(f"{sessions} sessions of an hour generated in {time.perf_counter() - began:.0f} s")
        listing(workspace, names)
        with serving(workspace) as (client, pid, started_s):
            print(f"{'the desk answers after':<44} {started_s * 1000:8.0f} ms")
            pages(client, names, pid)
            sound(client, names[0], pid)


def listing(workspace: Path, names: list[str]) -> None:
    """``tether sessions`` as a process of its own, start and all."""
    tether = Path(sys.executable).with_name("tether")
    command = [str(tether), "sessions", "--workspace", str(workspace)]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own command
        times.append((time.perf_counter() - began) * 1000)
        assert len(told.stdout.splitlines()) == len(names), "a line for each session"
    print(f"{'tether sessions':<44} {median(times):8.0f} ms")


def pages(client: Client, names: list[str], pid: int) -> None:
    """The queue, moments and sessions, beside the smallest answer."""
    choose = random.Random(1)  # noqa: S311  # no secret

    def moment() -> str:
        return f"/sessions/{choose.choice(names[1:])}/moments/0"

    asked: dict[str, Callable[[], str]] = {
        "the smallest answer": lambda: "/static/icon.svg",
        "queue": lambda: "/",
        "queue, filtered": lambda: f"/?kind=withdrawal&client=C-{choose.randrange(100):03d}",
        "queue, last page": lambda: "/?status=all&page=100000",
        "moment": moment,
        "session, whole": lambda: f"/sessions/{choose.choice(names[1:])}",
        "caseload": lambda: "/caseload",
    }
    found: dict[str, list[Answer]] = {name: [] for name in asked}
    for _ in range(ASKED):
        for name, path in asked.items():
            found[name].append(client.get(path()))
    base = median(answer.ms for answer in found["the smallest answer"])
    print(f"{'page':<44} {'median':>8} {'largest':>10} {'kB':>6} {'ratio':>7}")
    for name, answers in found.items():
        assert {answer.status for answer in answers} == {200}, name
        times = [answer.ms for answer in answers]
        size = median(answer.length for answer in answers) / 1000
        ratio = median(times) / base
        print(f"{name:<44} {median(times):5.0f} ms {max(times):7.0f} ms {size:6.0f} {ratio:7.1f}")
    print(f"{'memory of the server':<44} {resident_mib(pid):8.0f} MiB")


def sound(client: Client, name: str, pid: int) -> None:
    """Seeks in the long recording."""
    path = f"/sessions/{name}/sound.wav"
    first = client.get(path, range="bytes=0-65535")
    assert first.status == 206, "a range was asked for"  # noqa: PLR2004
    print(f"{'first second of a recording never heard':<44} {first.ms:8.0f} ms")
    n_bytes = _length(client, path)
    began = time.perf_counter()
    client.get(path, range=f"bytes={n_bytes - BLOCK}-")
    print(f"{'its end':<44} {(time.perf_counter() - began) * 1000:8.0f} ms")
    choose = random.Random(2)  # noqa: S311  # no secret
    times = []
    for _ in range(3 * ASKED):
        start = choose.randrange(44, n_bytes - BLOCK)
        answer = client.get(path, range=f"bytes={start}-{start + BLOCK - 1}")
        assert answer.length == BLOCK, "the bytes that were asked for"
        times.append(answer.ms)
    print(f"{'seek anywhere, median and largest':<44} {median(times):8.0f} ms {max(times):7.0f} ms")
    print(f"{'memory of the server afterwards':<44} {resident_mib(pid):8.0f} MiB")


def generate(workspace: Path, sessions: int, long: Path, long_ms: int) -> list[str]:
    """SessionResult sessions of generated talk; the first is that of the long recording."""
    recording, tables, provenance = report_session.session(60)
    store = Store(workspace)
    now = dt.datetime.now(dt.UTC)
    names = []
    first: Recording | None = None
    catalogue, ledger = Catalogue(workspace), Ledger(workspace)
    for number in range(sessions + 1):
        audio = digest(long.read_bytes()) if number == 0 else digest(f"session {number}".encode())
        metadata = replace(
            recording.metadata,
            client=f"C-{number % 100:03d}",
            therapist=f"T-{number % 12:02d}",
            session_number=number // 100 + 1,
            date=dt.date(2026, 1, 5) + dt.timedelta(days=number % 300),
        )
        this = replace(
            recording,
            recording_id=audio,
            metadata=metadata,
            channels=2,
            duration_ms=long_ms if number == 0 else recording.duration_ms,
        )
        if number < 2:  # noqa: PLR2004  # the long one, and the one that the others are like
            kept = {k: v for k, v in tables.items() if k not in {"hits", "moments"}}
            made = {k: v for k, v in tables.items() if k in {"hits", "moments"}}
            slots = {"measures": digest(b"measures"), "moments": digest(b"moments")}
            store.write(audio, "measures", slots["measures"], kept, {"address": "a"})
            store.write(audio, "moments", slots["moments"], made, {"address": "b"})
            outcome = Outcome(tables, {}, {}, slots, {})
            publish(this, "en", outcome, provenance, {}, store)
            first = this
        else:
            assert first is not None
            source, target = store.session(first.recording_id), store.session(audio)
            shutil.copytree(source, target, copy_function=os.link)
            note = read_manifest(first.recording_id, store)
            (target / "walk.json").unlink()
            renamed = replace(note, recording=this)
            (target / "walk.json").write_bytes(_as_json(renamed))
        catalogue.remember(Entry(audio, long if number == 0 else workspace / audio, "{}"), now)
        names.append(this.short_id)
    for name in names[1::3]:
        _decide(ledger, store, name, now)
    catalogue.close()
    ledger.close()
    return names


def _as_json(note: object) -> bytes:
    from pydantic import TypeAdapter  # noqa: PLC0415  # for this file alone

    return canonical(TypeAdapter(type(note)).dump_python(note, mode="json"))


def _decide(ledger: Ledger, store: Store, name: str, now: dt.datetime) -> None:
    """One verdict in a session, of somebody else."""
    note = read_manifest(name, store)
    moments = store.shelf(name, note.slots)["moments"]
    row = moments.row(0, named=True)
    ledger.append(
        Verdict(
            note.recording.recording_id,
            row["start_ms"],
            row["end_ms"],
            "confirm",
            "BL",
            now,
            row["kind"],
            row["marker"],
            kind=row["kind"],
            marker=row["marker"],
        )
    )


@contextmanager
def serving(workspace: Path) -> Iterator[tuple[Client, int, float]]:
    """``tether review`` as a process of its own, with the seconds that it took to answer."""
    tether = Path(sys.executable).with_name("tether")
    command = [str(tether), "review", "--workspace", str(workspace), "--port", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  # our own command
        [*command, "--reviewer", "AK", "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        link = process.stdout.readline().strip().removeprefix("AK: ")
        client = Client(link)
        client.get("/")
        yield client, process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(30)


def resident_mib(pid: int) -> float:
    """Anonymous memory of a process: pages of its scratch files are the disk's, not its own."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"RssAnon:\s+(\d+)", text)
    assert found, "Linux tells it"
    return int(found[1]) / 1024


def _length(client: Client, path: str) -> int:
    connection = http.client.HTTPConnection(client.host, client.port, timeout=600)
    connection.request("GET", path, headers={"cookie": client.cookie, "range": "bytes=0-0"})
    answer = connection.getresponse()
    answer.read()
    return int(str(answer.getheader("content-range")).rpartition("/")[2])
