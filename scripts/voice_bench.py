"""Benchmark of pitch and voice alone: no words, no diarization.

The acted samples, repeated, with their true turns as spans. A process of its own for each length:
it maps the audio from a file, as a walk does, and tells what it took. `librosa.pyin` and swift-f0
hear the same excerpt, one after the other.
"""

import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config, lexicons, measures
from pipeline.audio.samples import Audio, Samples
from pipeline.engines.pitch.pyin import PyinTracker
from pipeline.engines.pitch.swift_f0 import SwiftF0Tracker
from pipeline.engines.protocols import PitchTracker
from pipeline.evaluation.material.small_session import Line, session
from pipeline.measures import baseline, frames

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
RATE_HZ = 16_000
EXCERPT_S = 60
SHORT_MIN, LONG_MIN = 30, 120
Word = tuple[str, int, int, str]


def compare(minutes: float) -> None:
    """Measure a session of `minutes`, the two trackers, and memory; print the table."""
    with tempfile.TemporaryDirectory(prefix="tether-bench-") as folder:
        told = _in_own_process(Path(folder), minutes)
        short, long = (_in_own_process(Path(folder), each) for each in (SHORT_MIN, LONG_MIN))
    speeds = trackers()
    without_f0 = told["frames_s"] + told["features_s"]
    print(f"{minutes:g} min stereo, {told['speech_s'] / 60:.0f} min of speech on two channels")
    print(f"swift-f0 on speech        {told['f0_s']:8.1f} s   {_times(told):6.0f} x real time")
    print(f"frames without f0         {told['frames_s']:8.1f} s")
    print(f"features and baseline     {told['features_s']:8.1f} s")
    print(f"all but f0                {without_f0:8.1f} s   (target <= 15 s for 60 min)")
    for name, speed in speeds.items():
        print(f"{name + ', same excerpt':<25} {speed:8.0f} x real time")
    print(f"swift-f0 / pyin           {speeds['swift-f0'] / speeds['pyin']:8.1f}")
    for each, memory in ((SHORT_MIN, short), (LONG_MIN, long)):
        print(
            f"peak memory, {each:>3} min      {memory['peak_mib']:8.0f} MiB, "
            f"of which the frame table {memory['table_mib']:.0f} MiB"
        )


def trackers() -> dict[str, float]:
    """Times real time of both trackers on the same excerpt of speech."""
    settings = config.load()
    sound, lines, _ = _material()
    parts = [sound["ab".index(who)][a * 16 : e * 16] for who, a, e in lines]
    excerpt = np.asarray(np.concatenate(parts)[: EXCERPT_S * RATE_HZ] / 2**15, np.float32)
    speeds = {}
    for name, tracker in (
        ("swift-f0", SwiftF0Tracker(settings)),
        ("pyin", PyinTracker(settings)),
    ):
        tracker.track(excerpt[:RATE_HZ])  # libraries load, and compile
        began = time.perf_counter()
        tracker.track(excerpt)
        speeds[name] = len(excerpt) / RATE_HZ / (time.perf_counter() - began)
    return speeds


def alone(file: Path, minutes: float) -> None:
    """Frames, features and baseline of the audio in `file`; prints JSON."""
    settings = config.load()
    _, lines, words = _repeated(minutes)
    samples = np.memmap(file, np.float32, "r").reshape(2, -1)
    tables = dict(session(lines, words=words))
    tracker = _Timed(SwiftF0Tracker(settings))
    tracker.track(np.zeros(RATE_HZ, np.float32))
    tracker.seconds = 0.0
    peak = _Peak()
    began = time.perf_counter()
    tables["frames"] = frames.measure(Audio(list(samples)), tables["spans"], tracker, settings)
    frames_s = time.perf_counter() - began - tracker.seconds
    peak_mib = peak.stop()
    catalogue = measures.catalogue(settings, lexicons.load("en"))
    began = time.perf_counter()
    values = measures.measure_all(tables, catalogue)
    baseline.score(values, catalogue, tables, settings.baseline)
    told = {
        "speech_s": sum(end - start for _, start, end in lines) / 1000,
        "f0_s": tracker.seconds,
        "frames_s": frames_s,
        "features_s": time.perf_counter() - began,
        "peak_mib": peak_mib,
        "table_mib": tables["frames"].estimated_size("mb"),
    }
    print(json.dumps(told))


class _Timed:
    """A tracker that counts its seconds."""

    def __init__(self, tracker: PitchTracker) -> None:
        self._tracker = tracker
        self.seconds = 0.0

    def identity(self) -> dict[str, str]:
        return dict(self._tracker.identity())

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        began = time.perf_counter()
        found = self._tracker.track(samples)
        self.seconds += time.perf_counter() - began
        return found


class _Peak:
    """Largest anonymous memory of the process; the pages of the mapped audio are not owned."""

    def __init__(self) -> None:
        self._largest = _anonymous_mib()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self._largest = max(self._largest, _anonymous_mib())

    def stop(self) -> float:
        self._done.set()
        self._thread.join()
        return max(self._largest, _anonymous_mib())


def _anonymous_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def _times(told: dict[str, Any]) -> float:
    return float(told["speech_s"] / told["f0_s"])


def _in_own_process(folder: Path, minutes: float) -> dict[str, Any]:
    file = folder / "session.f32"
    _write(file, minutes)
    command = [sys.executable, __file__, str(file), str(minutes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _write(file: Path, minutes: float) -> None:
    """Both channels, one after the other, as float32."""
    sound, _, _ = _material()
    wanted = round(minutes * 60 * RATE_HZ)
    with file.open("wb") as out:
        for channel in sound.astype(np.float32) / 2**15:
            for start in range(0, wanted, len(channel)):
                out.write(channel[: wanted - start].tobytes())


def _material() -> tuple[NDArray[np.int16], list[Line], list[Word]]:
    """Both samples end to end: sound, true turns, their words spread over each."""
    sounds, lines, words, offset = [], list[Line](), list[Word](), 0
    for name in ("rupture", "benign"):
        sounds.append(read(SAMPLES / f"{name}.flac"))
        turns = pl.DataFrame(_rows(SAMPLES / "truth" / f"{name}_turns.csv"))
        for who, start, end, text in turns.select("role", "start_ms", "end_ms", "text").rows():
            speaker = {"therapist": "a", "client": "b"}[who]
            begin, stop, said = offset + int(start), offset + int(end), text.split()
            lines.append((speaker, begin, stop))
            places = np.linspace(begin, stop, len(said) + 1).astype(int).tolist()
            words += [
                (speaker, a, e, word) for a, e, word in zip(places, places[1:], said, strict=False)
            ]
        offset += sounds[-1].shape[1] // (RATE_HZ // 1000)
    return np.concatenate(sounds, axis=1), lines, words


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _repeated(minutes: float) -> tuple[int, list[Line], list[Word]]:
    sound, lines, words = _material()
    length_ms, wanted_ms = sound.shape[1] // (RATE_HZ // 1000), round(minutes * 60_000)
    shifts = range(0, wanted_ms, length_ms)
    return (
        wanted_ms,
        [(w, a + s, e + s) for s in shifts for w, a, e in lines if e + s <= wanted_ms],
        [(w, a + s, e + s, t) for s in shifts for w, a, e, t in words if e + s <= wanted_ms],
    )


def read(path: Path) -> NDArray[np.int16]:
    """Samples of a FLAC file, a row for each channel."""
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    packed = np.concatenate(blocks, axis=1).astype(np.int16)
    return packed.reshape(-1, 2).T if packed.shape[0] == 1 else packed


if __name__ == "__main__":
    alone(Path(sys.argv[1]), float(sys.argv[2]))
