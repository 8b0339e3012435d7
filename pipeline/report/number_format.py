"""Numbers, lengths of time and lists as people read them."""

import json
import re
from collections.abc import Iterable, Sequence

from pipeline.core.time import ms_to_clock, ms_to_s

SECOND_MS = 1000
MINUTE_MS = 60_000
_MINUS = "\u2212"
_TENS = 10

_BESIDE = re.compile(r"(prev|next)_(therapist|client)_")
_UNITS = {
    "hz": "Hz",
    "db": "dB",
    "dbfs": "dBFS",
    "st": "semitones",
    "semitones": "semitones",
    "share": "share",
}


def length(ms: float) -> str:
    r"""A length of time.

    >>> length(840), length(4200), length(72_000), length(120_000), length(-300)
    ('0.84 s', '4.2 s', '1 min 12 s', '2 min', '\u22120.30 s')
    """
    size = abs(ms)
    sign = _MINUS if ms < 0 else ""
    if size < SECOND_MS:
        return f"{sign}{size / SECOND_MS:.2f} s"
    if size < MINUTE_MS:
        return f"{sign}{size / SECOND_MS:.1f} s"
    minutes, rest = divmod(round(ms_to_s(round(size))), 60)
    return f"{sign}{minutes} min {rest} s" if rest else f"{sign}{minutes} min"


def clock_range(start_ms: int, end_ms: int) -> str:
    """``12:04 - 12:38``, with an en dash instead."""
    return f"{ms_to_clock(start_ms)}\u2013{ms_to_clock(end_ms)}"


def machine_time(ms: int) -> str:
    """A duration as HTML's ``datetime`` attribute takes it.

    >>> machine_time(754_200)
    'PT754.200S'
    """
    return f"PT{ms // 1000}.{ms % 1000:03d}S"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> count(1, "silence"), count(1200, "silence")
    ('1 silence', '1,200 silences')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["timing"]), listed(["timing", "voice", "words"])
    ('timing', 'timing, voice and words')
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def percent(share: float) -> str:
    """A share of one in per cent.

    >>> percent(0.5), percent(0.004)
    ('50 %', '0.4 %')
    """
    value = 100 * share
    return f"{value:.0f} %" if value >= 1 or value == 0 else f"{value:.1f} %"


def number(value: float) -> str:
    r"""A number with no more digits than are meaningful.

    >>> number(3), number(2.1345), number(-18.312), number(0.0412), number(14200.0)
    ('3', '2.13', '\u221218.3', '0.041', '14,200')
    """
    if float(value).is_integer():
        text = f"{int(value):,}"
    elif abs(value) >= _TENS:
        text = f"{value:,.1f}"
    else:
        text = f"{value:.2f}" if abs(value) >= 1 else f"{value:.2g}"
    return text.replace("-", _MINUS)


def offset(value: float, unit: str) -> str:
    r"""A difference from a median, with its sign.

    >>> offset(1.25, "dB"), offset(-0.44, "semitones"), offset(0.02, "dB")
    ('+1.2 dB', '\u22120.4 semitones', '0.0 dB')
    """
    return f"{round(value, 1) or 0:{'+' if round(value, 1) else ''}.1f} {unit}".replace("-", _MINUS)


def score(value: float) -> str:
    """A score, truncated after two digits so that it never reads 1.00: nothing is certain.

    >>> score(0.9996), score(0.5)
    ('0.99', '0.50')
    """
    return f"{int(100 * value + 1e-9) / 100:.2f}"


def label(name: str) -> str:
    """A column's name in words.

    >>> label("length_ms_z"), label("prev_therapist_n_words"), label("next_client_length_ms")
    ('length, z', 'words (therapist before)', 'length (client after)')
    """
    stem, suffix = name, ""
    for ending, words in (("_z", ", z"), ("_pct", ", percentile")):
        if name.endswith(ending):
            stem, suffix = name.removesuffix(ending), words
            break
    beside = _BESIDE.match(stem)
    if beside:
        stem = stem.removeprefix(beside[0])
        suffix += f" ({beside[2]} {'before' if beside[1] == 'prev' else 'after'})"
    parts = [part for part in stem.split("_") if part and part != "n"]
    if len(parts) > 1 and (parts[-1] == "ms" or parts[-1] in _UNITS):
        parts.pop()
    return " ".join(parts) + suffix


def value(name: str, observed: object) -> str:
    """An observed value or a parameter, with the unit that its name implies.

    >>> value("length_ms", 4200), value("length_ms_z", 2.13), value("talk_pct", 0.97)
    ('4.2 s', '2.13', '97th of 100')
    >>> value("f0_hz", 181.2), value("before_role", "therapist"), value("latency_ms", None)
    ('181.2 Hz', 'therapist', 'not measured')
    """
    if observed is None:
        return "not measured"
    if isinstance(observed, bool):
        return "yes" if observed else "no"
    if isinstance(observed, list):
        return ", ".join(value(name, each) for each in observed)
    if isinstance(observed, dict):
        return "; ".join(f"{label(key)} {value(key, each)}" for key, each in observed.items())
    if isinstance(observed, int | float):
        return _measure(name, observed)
    return str(observed)


def pairs(text: str) -> list[tuple[str, str, str]]:
    """Of each entry of a JSON object: name, name in words, value in words."""
    entries = json.loads(text) if text else {}
    return [(name, label(name), value(name, each)) for name, each in entries.items()]


def sentence(parts: Iterable[Iterable[str]]) -> str:
    """Clauses joined by commas, and their groups by semicolons.

    >>> sentence([["the therapist waited", "for 4.2 s"], ["for 5.1 s"], []])
    'The therapist waited, for 4.2 s; for 5.1 s.'
    """
    groups = [[each.strip().rstrip(".") for each in part if each.strip()] for part in parts]
    joined = "; ".join(", ".join(group) for group in groups if group)
    return f"{joined[0].upper()}{joined[1:]}." if joined else ""


def _measure(name: str, observed: float) -> str:
    if name.endswith("_pct"):
        return f"{_ordinal(round(100 * observed))} of 100"
    if name.endswith("_ms"):
        return length(observed)
    unit = _UNITS.get(name.rsplit("_", 1)[-1], "") if "_" in name else ""
    return percent(observed) if unit == "share" else f"{number(observed)} {unit}".strip()


def _ordinal(n: int) -> str:
    teens = 10 <= n % 100 <= 20  # noqa: PLR2004 eleventh, twelfth, thirteenth
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
