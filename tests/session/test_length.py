"""Memory does not grow with length: a long recording beside a short one, with scripted engines."""

import subprocess
import sys
import textwrap
import wave
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SHORT_H, LONG_H = 0.25, 1.5
RATE_HZ = 8_000

# Runs in a process of its own. Pages of the scratch file are mapped, not owned: the system takes
# them back when it needs them, so what counts is anonymous memory.
WALK = """
import sys, threading, time
from pathlib import Path
import polars as pl
from pipeline import config
from pipeline.session import intake
from pipeline.session.workbench import Workbench
from pipeline.engines.scripted import ScriptedDetector, ScriptedDiarizer, ScriptedTranscriber
from pipeline.core.tables import SPANS, WORDS

recording, workspace = map(Path, sys.argv[1:3])
peak = 0

def watch():
    global peak
    while True:
        status = Path("/proc/self/status").read_text()
        peak = max(peak, int(status.split("RssAnon:")[1].split()[0]) // 1024)
        time.sleep(0.05)

threading.Thread(target=watch, daemon=True).start()
turns = [(start, start + 4000) for start in range(0, int(sys.argv[3]), 20_000)]
spans = SPANS.frame(
    {"start_ms": s, "end_ms": e, "speaker": f"speaker {n % 2 + 1}", "exclusive": True,
     "regular": True}
    for n, (s, e) in enumerate(turns)
)
words = WORDS.frame(
    {"word_id": n, "start_ms": s, "end_ms": e, "speaker": f"speaker {n % 2 + 1}",
     "text": "well", "timing": "aligned"}
    for n, (s, e) in enumerate(turns)
)
engines = {
    "detector": ScriptedDetector(turns),
    "diarizer": ScriptedDiarizer(spans),
    "transcriber": ScriptedTranscriber(words),
}
bench = Workbench(config.load(), workspace, engines=engines)
(named,) = intake.discover([recording])
processed = bench.process(intake.read(named, consent=False))
print(processed.recording.duration_ms, processed.tables["turns"].height, peak)
"""


def peak_mib(tmp_path: Path, hours: float) -> int:
    """Most anonymous memory that a recording of so many hours takes."""
    recording = tmp_path / f"{hours}.wav"
    workspace = tmp_path / f"workspace of {hours}"
    noise = np.random.default_rng(1).normal(0, 50, RATE_HZ * 60).astype("<i2").tobytes()
    with wave.open(str(recording), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        for _ in range(round(hours * 60)):
            file.writeframes(noise)
    done = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(WALK)),
            *(recording, workspace, str(round(hours * 3_600_000))),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    duration_ms, turns, peak = map(int, done.stdout.split())
    assert duration_ms == hours * 3_600_000
    assert turns == hours * 180
    assert not [p for p in workspace.rglob("*") if p.stat().st_size > 2**25]
    return peak


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    more_mib = peak_mib(tmp_path, LONG_H) - peak_mib(tmp_path, SHORT_H)
    # What the longer one has more of samples is 275 MiB; tables alone may grow.
    assert more_mib < 100, f"{more_mib} MiB more"
