"""Hostile input for every parser: valid files spoiled at random, and files that grow.

Used by the suite (`formats/test_fuzzing.py`) and, with more cases and larger files, by
``scripts/fuzz``. A case is drawn from its parser's name and its number alone, so that it can be
made again: ``scripts/fuzz --only vtt --case 1234``.
"""

import gc
import random
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import hostile_files
import strategies

from pipeline import config
from pipeline.core.errors import PAGE_CHARACTERS, PAGE_LINES, ConfigError, InputError, TetherError
from pipeline.formats import codes, transcript
from pipeline.formats.annotation import coded_tiers, eaf
from pipeline.formats.attachment import Attachment
from pipeline.rules import RuleBook
from pipeline.session import intake

LIMIT_S = 1.0
"""Processor time that no case may take."""

GIVEN_UP_S = 20.0
"""Processor time after which a case is stopped."""

NOTICED_S = 0.15
"""A file that takes less at its largest size is quick, whatever its smaller ones take."""

WORST_GROWTH, WORST_DOUBLING = 9.0, 3.0
"""Of time where size grows fourfold (linear: 4, with the square: 16), and where it doubles last."""


@dataclass(frozen=True)
class Parser:
    """What reads one kind of file, and how such a file looks.

    Attributes
    ----------
    valid
        Files that it reads.
    holes
        Files with one place, ``{}``, into which anything may be put.
    records
        Files made of as many records as one likes: what comes before them, the record of a number,
        what comes after.
    """

    name: str
    read: Callable[[bytes], object]
    valid: tuple[bytes, ...]
    holes: tuple[str, ...]
    records: tuple[tuple[str, Callable[[int], str], str], ...]


def _imported(suffix: str) -> Callable[[bytes], object]:
    return lambda data: transcript.load([Attachment(suffix, data)])


def _eaf(data: bytes) -> object:
    if ".eaf" in transcript.READERS:
        with suppress(InputError):
            transcript.load([Attachment(".eaf", data)])
    return coded_tiers.of_tiers(eaf.read(data), "S-1")


def _codes(data: bytes) -> object:
    with suppress(InputError):
        codes.read(data, kind_needed=False)
    return codes.read(data)


_FOLDER = tempfile.TemporaryDirectory(prefix="tether-fuzz-")
_ROOMY = config.Intake(rest_s=0, sidecar_bytes=1 << 30, attachment_bytes=1 << 30)


def _sidecar(data: bytes) -> object:
    """As a run reads it: beside a recording, with what it names."""
    recording = Path(_FOLDER.name) / "a.wav"
    recording.write_bytes(b"RIFF")
    recording.with_name("a.wav.yaml").write_bytes(data)
    named = intake.Named(recording, recording.parent)
    return intake.read(named, consent=False, limits=_ROOMY).sidecar


def _rules(data: bytes) -> object:
    file = Path(_FOLDER.name) / "rules.yaml"
    file.write_bytes(data)
    settings = strategies.settings().model_copy(update={"rules": (str(file),)})
    return RuleBook.read(settings, strategies.everything(), strategies.english()).canonical()


PARSERS: dict[str, Parser] = {
    name: Parser(name, read, **hostile_files.OF[name])
    for name, read in {
        "rttm": _imported(".rttm"),
        "stm": _imported(".stm"),
        "vtt": _imported(".vtt"),
        "srt": _imported(".srt"),
        "textgrid": _imported(".textgrid"),
        "eaf": _eaf,
        "csv": _imported(".csv"),
        "json": _imported(".json"),
        "codes": _codes,
        "sidecar": _sidecar,
        "rules": _rules,
    }.items()
}

_NUMBER = re.compile(rb"\d+(?:[.,]\d+)?")


def case(parser: Parser, number: int) -> bytes:
    """The spoiled file of a number; always the same."""
    draw = random.Random(f"{parser.name} {number}")  # noqa: S311  # no secret
    data = draw.choice(parser.valid)
    for _ in range(draw.randint(1, 4)):
        data = draw.choice(_SPOILERS)(draw, data, parser)
    return data[:100_000]


def _flip(draw: random.Random, data: bytes, _parser: Parser) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]


def _cut(draw: random.Random, data: bytes, _parser: Parser) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _take_out(draw: random.Random, data: bytes, _parser: Parser) -> bytes:
    start, end = _stretch(draw, data)
    return data[:start] + data[end:]


def _repeat(draw: random.Random, data: bytes, _parser: Parser) -> bytes:
    start, end = _stretch(draw, data)
    times = draw.choice((2, 2, 3, 10, 2000 // (end - start + 1) + 1))
    return data[:end] + data[start:end] * times + data[end:]


def _swap_lines(draw: random.Random, data: bytes, _parser: Parser) -> bytes:
    lines = data.split(b"\n")
    one, two = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _put_in(draw: random.Random, data: bytes, _parser: Parser) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(hostile_files.TOKENS) + data[at:]


def _other_number(draw: random.Random, data: bytes, _parser: Parser) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    number = draw.choice(found)
    return data[: number.start()] + draw.choice(hostile_files.NUMBERS) + data[number.end() :]


def _splice(draw: random.Random, data: bytes, parser: Parser) -> bytes:
    other = draw.choice(parser.valid)
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other)) :]


def _stretch(draw: random.Random, data: bytes) -> tuple[int, int]:
    start = draw.randrange(len(data) + 1)
    return start, min(len(data), start + draw.choice((1, 4, 20, 100, 1000)))


_SPOILERS = (_flip, _cut, _take_out, _repeat, _swap_lines, _put_in, _other_number, _splice)


class _GivenUpError(BaseException):
    """A case that would go on for ever; no parser catches it."""


@contextmanager
def _stopped() -> Iterator[None]:
    """End what takes longer than `GIVEN_UP_S`."""

    def stop(_number: int, _frame: object) -> None:
        raise _GivenUpError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, GIVEN_UP_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def fault(parser: Parser, data: bytes) -> str | None:
    """What is wrong with how `data` was read or refused; None: nothing."""
    began = time.process_time()
    try:
        with _stopped():
            parser.read(data)
        wrong = None
    except (InputError, ConfigError) as caught:
        wrong = _of_message(str(caught))
    except TetherError as caught:
        wrong = f"not an error of input: {type(caught).__name__}: {caught}"
    except _GivenUpError:
        return f"stopped after {GIVEN_UP_S:.0f} s"
    except Exception as caught:  # noqa: BLE001  # any is a fault
        wrong = _traced(caught)
    took_s = time.process_time() - began
    return f"took {took_s:.1f} s" if wrong is None and took_s > LIMIT_S else wrong


def _of_message(message: str) -> str | None:
    try:
        message.encode()
    except UnicodeEncodeError:
        return "a message with half a character"
    if len(message) > PAGE_CHARACTERS or len(message.split("\n")) > PAGE_LINES:
        return f"a message of {len(message)} characters in {len(message.splitlines())} lines"
    return None


def _traced(caught: BaseException) -> str:
    where = caught.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = "?"
    if where is not None:
        place = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}"
    return f"{type(caught).__name__} at {place}: {str(caught)[:200]}"


@dataclass(frozen=True)
class Shape:
    """A file that grows.

    Attributes
    ----------
    made
        The file of about so many bytes.
    long
        Many records: its size may be large. One value in a place is tried with many values, at
        smaller sizes.
    """

    name: str
    made: Callable[[int], str]
    long: bool


def shapes(parser: Parser) -> Iterator[Shape]:
    """One long value of each kind in each place, and ever more records."""
    for number, frame in enumerate(parser.holes):
        before, _, after = frame.partition("{}")
        for token in hostile_files.GROWING:
            made = partial(_filled, before, token, after)
            yield Shape(f"place {number}, {token!r}", made, long=False)
    for number, (before, record, after) in enumerate(parser.records):
        yield Shape(f"records {number}", partial(_repeated, before, record, after), long=True)


def _filled(before: str, token: str, after: str, size: int) -> str:
    """It ends in what fits nothing, so that a pattern that tries again does so."""
    return before + token * (size // len(token)) + "x" + after


def _repeated(before: str, record: Callable[[int], str], after: str, size: int) -> str:
    count = size // len(record(10_000)) + 1
    return before + "".join(record(number) for number in range(count)) + after


def slow_growth(parser: Parser, shape: Shape, size: int) -> str | None:
    """What is wrong with the time that files of `size`, twice and four times as much take.

    Only processor time counts, the least of several readings, and only where the largest file
    takes more than `NOTICED_S`. What looks bad is measured once more before it is believed.
    """
    files = [shape.made(times * size).encode() for times in (1, 2, 4)]
    if _time_s(parser, files[2], 1) < NOTICED_S:
        return None
    times_s: list[float] = []
    for readings in (3, 5):
        with _own_garbage_only():
            times_s = [_time_s(parser, data, readings) for data in files]
        growth, doubling = times_s[2] / times_s[0], times_s[2] / times_s[1]
        if times_s[2] < NOTICED_S or growth <= WORST_GROWTH or doubling <= WORST_DOUBLING:
            return None
        if times_s[2] > LIMIT_S:
            break
    return ", ".join(f"{took_s:.2f} s" for took_s in times_s)


@contextmanager
def _own_garbage_only() -> Iterator[None]:
    """Without what the process holds already: one look through the objects of a whole test run
    takes 0.07 s, and falls to the larger files alone.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _time_s(parser: Parser, data: bytes, readings: int) -> float:
    """Least processor time of several readings; one is enough where it is long."""
    least_s = float("inf")
    for _ in range(readings):
        began = time.process_time()
        try:
            with _stopped():
                parser.read(data)
        except (TetherError, _GivenUpError):
            pass
        except Exception:  # noqa: BLE001, S110  # `fault` tells of it
            pass
        least_s = min(least_s, time.process_time() - began)
        if least_s > 1:
            break
    return least_s
