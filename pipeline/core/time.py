"""Conversions between milliseconds, seconds, samples and frames.

Every table counts whole milliseconds from the start of the recording. Audio is decoded to 16 kHz;
frames follow every 10 ms, with their centre at ``10 * k`` ms::

    ms      0         10        20        30
    sample  0         160       320       480
    frame   0         1         2         3
"""

SAMPLE_RATE_HZ = 16_000
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
FRAME_MS = 10
SAMPLES_PER_FRAME = FRAME_MS * SAMPLES_PER_MS


def s_to_ms(seconds: float) -> int:
    """Time in seconds, as whole milliseconds (rounded)."""
    return round(seconds * 1000)


def ms_to_s(ms: int) -> float:
    """Time in milliseconds, as seconds."""
    return ms / 1000


def ms_to_samples(ms: int) -> int:
    """Index of the first sample at or after `ms`."""
    return ms * SAMPLES_PER_MS


def samples_to_ms(samples: int) -> int:
    """Length of `samples` in whole milliseconds, rounded down."""
    return samples // SAMPLES_PER_MS


def ms_to_clock(ms: int) -> str:
    """``h:mm:ss`` or ``mm:ss`` for people.

    >>> ms_to_clock(754_200), ms_to_clock(3_600_000)
    ('12:34', '1:00:00')
    """
    seconds = ms // 1000
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
