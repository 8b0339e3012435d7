"""Speak the acted sample sessions and write their audio, sidecars and exact truth.

Each dialogue in ``samples/dialogues/`` says who speaks, what, and how long after the previous
turn. flite speaks every utterance; this script trims the synthesiser's own silence, sets each
utterance on its exact millisecond, and writes::

    samples/NAME.flac              16 kHz, 16 bit, channel 1 therapist, channel 2 client
    samples/NAME.flac.yaml         the sidecar
    samples/truth/NAME_*.csv       turns, silences, and what was planted

::

    T01 |=====|            |===========|      |====
    C01        <gap>|=====|     |=| during     (negative gap: starts in overlap)

The same flite gives the same bytes on every run. ``--check`` writes nothing: it compares what
is committed with a fresh synthesis and says what differs.

    scripts/make_samples              # make both sessions again
    scripts/make_samples --check      # 0: as committed, 1: differs, 2: cannot tell
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]  # ships no type hints
import yaml

Samples = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Row = Mapping[str, object]

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
ROLES = ("therapist", "client")  # in the order of the channels
RATE_HZ = 16_000  # what flite's voices give, and what the pipeline works at
PER_MS = RATE_HZ // 1000

SPEECH_DBFS = -37.0  # active speech; peaks near -20, a cautious recorder; keeps the FLAC small
CROSSTALK_DB = -40.0  # two lapel microphones a room apart hear this much of the other person
NOISE_LSB = 0.5  # rms before rounding: no stretch is digitally silent, and it compresses
LEVEL_SPREAD_DB = 1.2  # nobody speaks two sentences equally loudly
RATE_SPREAD = 0.04  # nor equally fast
EDGE_MS = 400  # room tone before the first and after the last word

FRAME_MS = 5  # energy is looked at in frames this long, hopping 1 ms
ACTIVE_DB = -38.0  # relative to the utterance's loud frames: below is the synthesiser's tail
LOUD_PERCENTILE = 95  # "loud frames"; the maximum itself would follow a single plosive
CLOSURE_MS = 150  # a stop consonant's closure is shorter; it is no silence
FADE_MS = 2  # keeps a trimmed edge from clicking
SILENCE_MS = 500  # the truth lists silences from this length
LEVEL_FRAME_MS = 100  # --check compares levels in frames much longer than its tolerance,
LEVEL_TOLERANCE_DB = 1.0  # since another flite version is allowed other samples

TURN_COLUMNS = ("utterance_id", "role", "start_ms", "end_ms", "text", "is_backchannel")
SILENCE_COLUMNS = ("start_ms", "end_ms", "before_role", "after_role")
MOMENT_COLUMNS = (
    *("moment", "kind", "marker", "start_ms", "end_ms"),
    *("primary", "response", "response_codes", "note"),
)
LOOKALIKE_COLUMNS = ("lookalike", "resembles", "start_ms", "end_ms", "note")
PAUSE = re.compile(r"\s*<(\d+)>\s*")


class SampleError(Exception):
    """The samples cannot be made; the message says what was found, expected, and to type."""


@dataclass(frozen=True)
class Voice:
    """A flite voice; `rate` above 1 is faster, `level_db` is relative to `SPEECH_DBFS`."""

    name: str
    rate: float = 1.0
    level_db: float = 0.0


@dataclass(frozen=True)
class Utterance:
    """One entry of a dialogue; `during` makes it a backchannel inside another utterance."""

    id: str
    role: str
    text: str
    gap_ms: int = 0
    during: str | None = None
    at_ms: int = 0
    level_db: float = 0.0
    rate: float = 1.0


@dataclass(frozen=True)
class Dialogue:
    """A dialogue as its file has it; `planted` are the raw moments or look-alikes."""

    session: str
    seed: int
    voices: dict[str, Voice]
    phones: dict[str, str]
    sidecar: dict[str, Any]
    utterances: tuple[Utterance, ...]
    planted: tuple[dict[str, Any], ...]
    planted_as: str


@dataclass(frozen=True)
class LanguageResources:
    """An utterance on the timeline; `active` are its stretches of speech in session time."""

    utterance: Utterance
    start_ms: int
    signal: Samples
    active: tuple[tuple[int, int], ...]

    @property
    def end_ms(self) -> int:
        """Where the last sound ends."""
        return self.start_ms + len(self.signal) // PER_MS


def read_dialogue(path: Path) -> Dialogue:
    """Read one dialogue file.

    Raises
    ------
    SampleError
        A key is unknown or missing, an id stands twice, or a name refers to nothing.
    """
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    planted_as = "moments" if "moments" in raw else "lookalikes"
    try:
        dialogue = Dialogue(
            session=raw["session"],
            seed=raw["seed"],
            voices={role: Voice(**raw["voices"][role]) for role in ROLES},
            phones=raw["phones"],
            sidecar=raw["sidecar"],
            utterances=tuple(Utterance(**entry) for entry in raw["utterances"]),
            planted=tuple(raw[planted_as]),
            planted_as=planted_as,
        )
    except (KeyError, TypeError) as error:
        raise SampleError(f"{path.name}: {error}; the head of the file lists the keys") from error
    ids = [utterance.id for utterance in dialogue.utterances]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise SampleError(f"{path.name}: ids stand twice: {', '.join(twice)}; each must be unique")
    named = [u.during for u in dialogue.utterances if u.during]
    named += [
        str(entry[edge]).partition(".")[0] for entry in dialogue.planted for edge in ("from", "to")
    ]
    unknown = sorted(set(named) - set(ids))
    if unknown:
        raise SampleError(f"{path.name}: no utterance is called {', '.join(unknown)}")
    return dialogue


def find_flite() -> str:
    """Path of flite, or a `SampleError` that says how to get it."""
    found = shutil.which("flite")
    if found is None:
        raise SampleError(
            "flite was not found on PATH; the samples are spoken by flite 2.2 (voices slt, rms).\n"
            "On Debian or Ubuntu type:  apt-get install flite"
        )
    return found


def speak(flite: str, voice: Voice, rate: float, text: str, phones: str | None) -> Samples:
    """What flite says, as floats of full scale 1, with its own silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "spoken.wav"
        what = ["-t", text] if phones is None else ["-p", phones]
        stretch = f"duration_stretch={1.0 / rate:.4f}"
        command = [flite, "-voice", voice.name, "--setf", stretch, *what, "-o", str(target)]
        # no shell; the words come from the dialogues beside this script
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode or not target.is_file():
            raise SampleError(
                f"flite ended with {done.returncode}: {done.stderr.strip() or 'no message'}"
            )
        with wave.open(str(target)) as sound:
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            if shape != (RATE_HZ, 1, 2):
                raise SampleError(
                    f"flite's voice {voice.name!r} gave (rate, channels, bytes) {shape}, expected "
                    f"{(RATE_HZ, 1, 2)}; see `flite -lv` and choose slt, rms or awb"
                )
            pcm = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return pcm.astype(np.float64) / 32768.0


def active_ms(signal: Samples) -> list[tuple[int, int]]:
    """Stretches of speech in `signal`, in ms from its start; stop closures are bridged."""
    power = np.concatenate([[0.0], np.cumsum(signal**2)])
    starts = np.arange(0, max(len(signal) - FRAME_MS * PER_MS, 1), PER_MS)
    ends = np.minimum(starts + FRAME_MS * PER_MS, len(signal))
    level_db = 10 * np.log10((power[ends] - power[starts]) / (ends - starts) + 1e-12)
    loud = level_db > np.percentile(level_db, LOUD_PERCENTILE) + ACTIVE_DB
    stretches: list[tuple[int, int]] = []
    for at in np.flatnonzero(loud).tolist():
        begin, end = at + FRAME_MS // 2, at + FRAME_MS // 2 + 1  # the frame stands for its centre
        if stretches and begin - stretches[-1][1] < CLOSURE_MS:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((begin, end))
    if not stretches:
        raise SampleError("flite gave a silent utterance; see its text in the dialogue")
    return stretches


def spread(dialogue: Dialogue, utterance: Utterance) -> tuple[float, float]:
    """Two numbers in [-1, 1) fixed by session and id, so that an edit moves no other utterance."""
    digest = hashlib.sha256(f"{dialogue.seed}:{utterance.id}".encode()).digest()
    return digest[0] / 128 - 1, digest[1] / 128 - 1


def voice_utterance(
    flite: str, dialogue: Dialogue, utterance: Utterance
) -> tuple[Samples, list[tuple[int, int]]]:
    """One utterance, trimmed to its first and last sound, at its level, with its pauses."""
    voice = dialogue.voices[utterance.role]
    louder, faster = spread(dialogue, utterance)
    rate = voice.rate * utterance.rate * (1 + RATE_SPREAD * faster)
    level_db = SPEECH_DBFS + voice.level_db + utterance.level_db + LEVEL_SPREAD_DB * louder
    pieces: list[Samples] = []
    active: list[tuple[int, int]] = []
    at = 0
    for index, part in enumerate(PAUSE.split(utterance.text)):
        if index % 2:  # the split alternates text and pause
            at += int(part)
            pieces.append(np.zeros(int(part) * PER_MS))
            continue
        said = speak(flite, voice, rate, part, dialogue.phones.get(part))
        stretches = active_ms(said)
        first, last = stretches[0][0], stretches[-1][1]
        cut = said[first * PER_MS : last * PER_MS].copy()
        ramp = np.linspace(0, 1, FADE_MS * PER_MS)
        cut[: len(ramp)] *= ramp
        cut[-len(ramp) :] *= ramp[::-1]
        pieces.append(cut)
        active += [(begin - first + at, end - first + at) for begin, end in stretches]
        at += last - first
    signal = np.concatenate(pieces)
    speech = np.concatenate([signal[begin * PER_MS : end * PER_MS] for begin, end in active])
    gain = 10 ** (level_db / 20) / float(np.sqrt(np.mean(speech**2)))
    return signal * gain, active


def lay_out(flite: str, dialogue: Dialogue) -> list[LanguageResources]:
    """Every utterance at its place, in order of start.

    Raises
    ------
    SampleError
        A backchannel would start after its host has ended.
    """
    placed: dict[str, LanguageResources] = {}
    floor_end = EDGE_MS
    for utterance in dialogue.utterances:
        signal, active = voice_utterance(flite, dialogue, utterance)
        if utterance.during is None:
            start = floor_end + utterance.gap_ms
            floor_end = start + len(signal) // PER_MS
        else:
            host = placed[utterance.during]
            start = host.start_ms + utterance.at_ms
            if start >= host.end_ms:
                raise SampleError(
                    f"{dialogue.session}: {utterance.id} at {utterance.at_ms} ms lies outside "
                    f"{utterance.during}, which lasts {host.end_ms - host.start_ms} ms; lower at_ms"
                )
        shifted = tuple((begin + start, end + start) for begin, end in active)
        placed[utterance.id] = LanguageResources(utterance, start, signal, shifted)
    return sorted(placed.values(), key=lambda spoken: spoken.start_ms)


def mix(
    dialogue: Dialogue, spoken: Sequence[LanguageResources]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """The stereo recording, shape (samples, 2): speech, crosstalk, room noise."""
    length = (max(one.end_ms for one in spoken) + EDGE_MS) * PER_MS
    dry = np.zeros((length, len(ROLES)))
    for one in spoken:
        begin = one.start_ms * PER_MS
        dry[begin : begin + len(one.signal), ROLES.index(one.utterance.role)] += one.signal
    wet = dry + dry[:, ::-1] * 10 ** (CROSSTALK_DB / 20)
    noise = np.random.Generator(np.random.PCG64(dialogue.seed)).standard_normal(wet.shape)
    scaled = np.rint(wet * 32768 + noise * NOISE_LSB)
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def turn_rows(spoken: Sequence[LanguageResources]) -> Iterator[Row]:
    """Every utterance, first and last sound to the millisecond."""
    for one in spoken:
        yield {
            "utterance_id": one.utterance.id,
            "role": one.utterance.role,
            "start_ms": one.start_ms,
            "end_ms": one.end_ms,
            "text": PAUSE.sub(" ", one.utterance.text).strip(),
            "is_backchannel": str(one.utterance.during is not None).lower(),
        }


def silence_rows(spoken: Sequence[LanguageResources]) -> Iterator[Row]:
    """Stretches of at least `SILENCE_MS` in which nobody speaks, inside utterances too."""
    speech = sorted((begin, end, one.utterance.role) for one in spoken for begin, end in one.active)
    _, until, before = speech[0]
    for begin, end, role in speech[1:]:
        if begin - until >= SILENCE_MS:
            yield {"start_ms": until, "end_ms": begin, "before_role": before, "after_role": role}
        if end > until:
            until, before = end, role


def planted_rows(dialogue: Dialogue, spoken: Sequence[LanguageResources]) -> Iterator[Row]:
    """Moments or look-alikes, their names replaced by times."""
    places = {one.utterance.id: one for one in spoken}

    def edge_ms(name: str, default: str) -> int:
        identity, _, edge = name.partition(".")
        one = places[identity]
        return one.start_ms if (edge or default) == "start" else one.end_ms

    for entry in dialogue.planted:
        row = {key: value for key, value in entry.items() if key not in ("from", "to")}
        if "primary" in row:
            row["primary"] = str(row["primary"]).lower()
            row["response_codes"] = " ".join(row.get("response_codes", []))
        yield row | {
            "start_ms": edge_ms(entry["from"], "start"),
            "end_ms": edge_ms(entry["to"], "end"),
        }


def to_csv(columns: Sequence[str], rows: Iterator[Row]) -> bytes:
    """Rows as CSV with a header and bare newlines, the same on every system."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def make(flite: str, dialogue: Dialogue) -> dict[Path, bytes]:
    """Every file of one session, by its path under `samples/`."""
    spoken = lay_out(flite, dialogue)
    audio = io.BytesIO()
    soundfile.write(
        audio, mix(dialogue, spoken), RATE_HZ, "PCM_16", format="FLAC", compression_level=1.0
    )
    columns = MOMENT_COLUMNS if dialogue.planted_as == "moments" else LOOKALIKE_COLUMNS
    name, truth = dialogue.session, Path("truth")
    sidecar = yaml.safe_dump(dialogue.sidecar, sort_keys=False)
    return {
        Path(f"{name}.flac"): audio.getvalue(),
        Path(f"{name}.flac.yaml"): b"# An acted session: synthetic voices, invented words.\n"
        + sidecar.encode(),
        truth / f"{name}_turns.csv": to_csv(TURN_COLUMNS, turn_rows(spoken)),
        truth / f"{name}_silences.csv": to_csv(SILENCE_COLUMNS, silence_rows(spoken)),
        truth / f"{name}_{dialogue.planted_as}.csv": to_csv(
            columns, planted_rows(dialogue, spoken)
        ),
    }


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def compare_tables(committed: bytes, fresh: bytes, tolerance_ms: int) -> list[str]:
    """What differs between two truth tables: times beyond the tolerance, anything else at all."""
    old, new = (list(csv.DictReader(io.StringIO(one.decode()))) for one in (committed, fresh))
    if len(old) != len(new):
        return [f"{len(old)} rows committed, {len(new)} fresh"]
    differs: list[str] = []
    for number, (was, now) in enumerate(zip(old, new, strict=True), start=2):
        for column in sorted(was.keys() | now.keys()):
            a, b = was.get(column), now.get(column)
            if a == b:
                continue
            if a and b and column.endswith("_ms") and abs(int(a) - int(b)) <= tolerance_ms:
                continue
            differs.append(f"line {number}, {column}: {a!r} committed, {b!r} fresh")
    return differs


def compare_audio(committed: bytes, fresh: bytes, tolerance_ms: int) -> list[str]:
    """What differs between two recordings: length beyond the tolerance, or levels over time."""
    old, new = (soundfile.read(io.BytesIO(one))[0] for one in (committed, fresh))
    apart_ms = abs(len(old) - len(new)) / PER_MS
    if apart_ms > tolerance_ms:
        return [f"lengths differ by {apart_ms:.0f} ms"]
    frames = min(len(old), len(new)) // (LEVEL_FRAME_MS * PER_MS)
    levels = [
        10 * np.log10(np.mean(one[: frames * LEVEL_FRAME_MS * PER_MS].reshape(frames, -1) ** 2, 1))
        for one in (old, new)
    ]
    typical_db = float(np.mean(np.abs(levels[0] - levels[1])))
    if typical_db > LEVEL_TOLERANCE_DB:
        return [f"levels differ by {typical_db:.1f} dB on average"]
    return []


def check(made: Mapping[Path, bytes], tolerance_ms: int) -> list[str]:
    """What differs between the committed files and freshly made ones."""
    differs: list[str] = []
    for path, fresh in made.items():
        committed = SAMPLES / path
        if not committed.is_file():
            differs.append(f"{path}: not there")
            continue
        content = committed.read_bytes()
        if content == fresh:
            continue
        if path.suffix == ".csv":
            found = compare_tables(content, fresh, tolerance_ms)
        elif path.suffix == ".flac":
            found = compare_audio(content, fresh, tolerance_ms)
        else:
            found = ["the text differs"]
        differs += [f"{path}: {one}" for one in found]
    return differs


def main() -> int:
    """Make or check the samples the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Speak the acted sample sessions: audio, sidecars and exact truth.",
        epilog="Needs flite (apt-get install flite), numpy, soundfile and PyYAML.",
    )
    parser.add_argument("session", nargs="*", help="such as rupture (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    parser.add_argument(
        "--tolerance-ms",
        type=int,
        default=20,  # another flite version moves an onset by a few frames, not by more
        help="how far a time may lie from the committed one under --check (default: %(default)s)",
    )
    options = parser.parse_args()
    known = {path.stem: path for path in sorted((SAMPLES / "dialogues").glob("*.yaml"))}
    wanted = options.session or list(known)
    unknown = sorted(set(wanted) - known.keys())
    if unknown:
        parser.error(f"no dialogue called {', '.join(unknown)}; there are: {', '.join(known)}")
    differs: list[str] = []
    try:
        flite = find_flite()
        for name in wanted:
            made = make(flite, read_dialogue(known[name]))
            if options.check:
                differs += check(made, options.tolerance_ms)
                continue
            for path, content in made.items():
                write(SAMPLES / path, content)
                print(f"{path}  {len(content):,} bytes")
    except SampleError as error:
        print(f"make_samples: {error}", file=sys.stderr)
        return 2
    for line in differs:
        print(line)
    if options.check and not differs:
        print(f"as committed: {', '.join(wanted)}")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
