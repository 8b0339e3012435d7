"""Benchmark: a stereo session end to end, against the bare engines on identical regions.

The session is made of the two acted samples, repeated to the wanted length. End to end is
``tether run`` as a process of its own, from the file to the report. Bare is a process that holds
the audio in memory and calls the same speech detector, diarizer, transcriber and pitch tracker,
with the same threads, on the regions that the run had found. Both are repeated in turn, and the
ratio is taken pair by pair.

``scripts/bench voice`` measures pitch and voice alone, in a few minutes: see `voice_bench`;
``scripts/bench rules`` rules over 1,000 sessions: see `rules_bench`; ``scripts/bench desk`` the
desk of ``tether review``: see `desk_bench`; ``scripts/bench report`` the report of an hour, in a
real Chromium: see `report_bench`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import av
import desk_bench
import numpy as np
import rules_bench
import voice_bench

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
RATE_HZ = 16_000


def main() -> None:
    """Parse options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "part",
        nargs="?",
        choices=("all", "voice", "rules", "desk", "report"),
        default="all",
        help="all: end to end; voice: pitch and voice alone, beside librosa.pyin; rules: hits and "
        "moments from cached tables; desk: the pages and sound of tether review; report: its size "
        "and first paint",
    )
    parser.add_argument("--minutes", type=float, default=60, help="length of the session")
    parser.add_argument("--pairs", type=int, default=1, help="measured pairs")
    parser.add_argument("--sessions", type=int, default=1000, help="of the rules, and of the desk")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(options.bare)
        return
    if options.part == "voice":
        voice_bench.compare(options.minutes)
        return
    if options.part == "rules":
        rules_bench.compare(options.sessions)
        return
    if options.part == "desk":
        desk_bench.measure(options.sessions, hours=3, compose=compose)
        return
    if options.part == "report":
        import report_bench  # noqa: PLC0415  # it needs Chromium and what drives it

        report_bench.measure()
        return
    with tempfile.TemporaryDirectory(prefix="tether-bench-") as folder:
        compare(Path(folder), options.minutes, options.pairs)


def compare(folder: Path, minutes: float, pairs: int) -> None:
    """Measure `pairs` of runs and print the table."""
    recording = folder / "session.flac"
    compose(recording, minutes)
    ratios, walls, bares, peaks = [], [], [], []
    stages: dict[str, list[float]] = {}
    for pair in range(pairs):
        workspace = folder / f"workspace-{pair}"
        command = [sys.executable, "-m", "pipeline.cli", "run", str(recording), "--json"]
        wall, peak, printed = _measured([*command, "--workspace", str(workspace)])
        bare_wall, _, told = _measured([sys.executable, __file__, "--bare", str(workspace)])
        walls.append(wall)
        bares.append(bare_wall)
        peaks.append(peak)
        ratios.append(wall / bare_wall)
        for name, seconds in json.loads(printed.splitlines()[0])["stages_s"].items():
            stages.setdefault(name, []).append(seconds)
        for name, seconds in json.loads(told).items():
            stages.setdefault(f"bare {name}", []).append(seconds)
    print(f"{minutes:g} min stereo, {os.cpu_count()} processors, {pairs} pair(s), medians")
    print(f"end to end   {median(walls):8.1f} s   {minutes * 60 / median(walls):6.1f} x real time")
    print(f"bare engines {median(bares):8.1f} s")
    print(f"ratio        {median(ratios):8.2f}     (target <= 1.10)")
    print(f"peak memory  {median(peaks):8.0f} MiB")
    for name, seconds in stages.items():
        print(f"  {name:<24} {median(seconds):8.2f} s")


def compose(path: Path, minutes: float) -> None:
    """Write the samples, repeated, as stereo FLAC."""
    sounds = [voice_bench.read(SAMPLES / name) for name in ("rupture.flac", "benign.flac")]
    wanted = round(minutes * 60 * RATE_HZ)
    both = np.concatenate(sounds, axis=1)
    repeats = -(-wanted // both.shape[1])
    signal = np.ascontiguousarray(np.tile(both, repeats)[:, :wanted])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="stereo")
        for start in range(0, wanted, RATE_HZ):
            block = signal[:, start : start + RATE_HZ].T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block), format="s16", layout="stereo"
            )
            frame.sample_rate = RATE_HZ
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _measured(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, peak MiB and standard output of a process."""
    began = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
    wall = time.perf_counter() - began
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return wall, peak_kib / 1024, done.stdout


def bare(workspace: Path) -> None:
    """Call the engines of the finished walk in `workspace`, with the audio in memory."""
    from pipeline import audio, config, session  # noqa: PLC0415  # timed below
    from pipeline.audio.samples import Audio  # noqa: PLC0415
    from pipeline.engines.transcription import asr_segments  # noqa: PLC0415  # timed below
    from pipeline.session import intake  # noqa: PLC0415  # timed below
    from pipeline.session.workbench import Workbench  # noqa: PLC0415

    settings = config.load()
    bench = Workbench(settings, workspace)
    entry = bench.catalogue.entries()[0]
    source = intake.read(intake.Named(entry.path, entry.path.parent), consent=False)
    tables = session.reopen(source.recording_id, bench.store).tables
    with audio.decode(source.audio, bench.store.scratch, settings.audio) as decoded:
        heard = Audio([np.array(channel) for channel in decoded.audio.channels])
    recording = session.reopen(source.recording_id, bench.store).recording
    plan = bench.plan(source, tables)
    cut = asr_segments.cut(tables["spans"], recording.duration_ms, settings.transcription)
    detector = bench.detector

    def detect() -> None:
        for channel in heard.channels:
            detector.probabilities(channel)

    def pitch() -> None:
        for start, end, channel in (
            tables["spans"].select("start_ms", "end_ms", "channel").iter_rows()
        ):
            plan.pitch.track(heard.channels[channel or 0][start * 16 : end * 16])

    def transcribe() -> None:
        if plan.transcriber:
            plan.transcriber.transcribe(heard, cut, plan.language)

    work: dict[str, Callable[[], object]] = {
        "speech detector": detect,
        "diarizer": lambda: plan.diarizer.diarize(heard, tables["activity"], recording),
        "transcriber": transcribe,
        "pitch tracker": pitch,
    }
    seconds = {}
    for name, call in work.items():
        began = time.perf_counter()
        call()
        seconds[name] = time.perf_counter() - began
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
