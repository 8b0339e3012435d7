"""Quality of a recording, and which families of rules it is too poor for.

Each row of table `quality` is one measure, of one channel or of the whole recording, with the
families of rules (timing, voice, words) that it disables and a sentence that says why. A row that
disables nothing is for information.

================== ========== ============================================= ===============
measure            of         is                                            can disable
================== ========== ============================================= ===============
snr_db             channel    mean power of speech over that of the noise   voice, timing
clipped_share      channel    share of speech samples in runs at the peak   voice
bandwidth_hz       channel    highest frequency with audible speech         words
dc_offset          channel    distance of the samples' mean from zero       voice
speech_share       channel    share of time with speech                     nothing
dropout_share      channel    share of time with lost signal                nothing
gated_share        channel    share of time that a gate set to zero         nothing
lost_share         recording  share of time with all channels lost          timing
doubt_share        recording  uncertain share of what may be speech         timing
crosstalk_db       recording  level of a voice over its echo elsewhere      voice
diarization_margin recording  separation of the speakers                    all
word_confidence    recording  mean confidence of the words                  words
speakers           recording  number of speakers                            all
audio_channels     recording  number of audio channels; 0: transcript only  voice
ends_estimated     recording  1: imported lines had no end                  timing
================== ========== ============================================= ===============
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import scipy
from numpy.typing import NDArray

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import QUALITY, Tables
from pipeline.core.time import FRAME_MS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from pipeline.core.vocabulary import FAMILIES

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Row = dict[str, object]

_SPECTRUM_SAMPLES = 512
# A whole number of frames and of spectra; reading half a minute at a time bounds memory.
_BLOCK_SAMPLES = 480_000 // (SAMPLES_PER_FRAME * 16) * (SAMPLES_PER_FRAME * 16)


def assess(audio: Audio | None, tables: Tables, settings: config.Quality) -> pl.DataFrame:
    """Measure the quality of a recording.

    Parameters
    ----------
    audio
        None: there is only a transcript.
    tables
        `media`, `activity`, `doubts`, `losses`, `spans`, `diarization`, `words`, `dropouts`.

    Returns
    -------
    DataFrame
        Table `quality`, channels first. ``value`` is null if it could not be measured; a null
        disables nothing.
    """
    rows: list[Row] = []
    if audio is None:
        rows.append(_row("audio_channels", 0, ("voice",), _NO_AUDIO))
    else:
        channels = [_Channel.measure(audio, number, tables, settings) for number in _every(audio)]
        for number, channel in enumerate(channels):
            rows += _of_channel(number, channel, audio.duration_ms, tables, settings)
        rows.append(_lost(audio, tables["losses"], settings))
        rows.append(_doubted(tables["activity"], tables["doubts"], settings))
        rows.append(_crosstalk(channels, settings))
    if tables["diarization"]["ends_estimated"].any():
        rows.append(_row("ends_estimated", 1, ("timing",), _NO_ENDS))
    rows.append(_margin(tables["diarization"], settings))
    rows.append(_confidence(tables["words"], settings))
    rows.append(_speakers(tables["spans"]))
    return QUALITY.frame(rows)


_NO_AUDIO = (
    "There is a transcript but no audio: pitch and loudness are not used, and timing is only "
    "as accurate as the times in the transcript."
)

_NO_ENDS = (
    "The transcript does not say when its lines end, or only for too few of them, so silences, "
    "pauses and response times are unknown: timing is not used."
)


def _row(
    measure: str,
    value: float | None,
    disables: tuple[str, ...] = (),
    because: str | None = None,
    channel: int | None = None,
) -> Row:
    return {
        "channel": channel,
        "measure": measure,
        "value": value,
        "disables": list(disables),
        "because": because if disables else None,
    }


def _every(audio: Audio) -> range:
    return range(len(audio.channels))


@dataclass
class _Channel:
    """Results of one pass over a channel.

    Attributes
    ----------
    power
        Mean square of each frame of 10 ms.
    own
        Frames with speech of this channel's speaker (of anybody, if speakers have no channel).
    quiet
        Frames without digital zeros in which nobody speaks on any channel.
    alone
        Frames of `own` in which nobody speaks on another channel.
    peak
        Largest sample: if the recording was clipped and then turned down, it is cut off there.
    clipped, speech_spectrum, noise_spectrum
        Number of clipped samples in speech; sums of power for each frequency, with their counts.
    total
        Sum of all samples.
    """

    power: Floats
    own: Mask
    quiet: Mask
    alone: Mask
    peak: float
    clipped: int = 0
    total: float = 0.0
    speech_spectrum: Floats = field(default_factory=lambda: np.zeros(_SPECTRUM_SAMPLES // 2 + 1))
    speech_spectra: int = 0
    noise_spectrum: Floats = field(default_factory=lambda: np.zeros(_SPECTRUM_SAMPLES // 2 + 1))
    noise_spectra: int = 0

    @classmethod
    def measure(
        cls, audio: Audio, number: int, tables: Tables, settings: config.Quality
    ) -> "_Channel":
        samples = audio.channels[number]
        frames = len(samples) // SAMPLES_PER_FRAME
        spans = tables["spans"].filter("regular")
        heard = tables["activity"].filter(pl.col("channel") == number)
        placed = bool(spans["channel"].is_not_null().any())
        own = _mask(spans.filter(pl.col("channel") == number) if placed else heard, frames)
        others = _mask(spans.filter(pl.col("channel") != number), frames)
        silent = ~(own | others | _mask(heard, frames) | _mask(spans, frames))
        alone = own & ~others if placed else np.zeros_like(own)
        result = cls(np.zeros(frames), own, silent, alone, _peak(samples))
        for start in range(0, len(samples), _BLOCK_SAMPLES):
            result._add(samples, start, settings)
        result.quiet &= result.power > 0
        return result

    def _add(self, samples: Samples, start: int, settings: config.Quality) -> None:
        """Add one block of samples."""
        block = np.asarray(samples[start : start + _BLOCK_SAMPLES])
        first = start // SAMPLES_PER_FRAME
        frames = len(block) // SAMPLES_PER_FRAME
        blocked = block[: frames * SAMPLES_PER_FRAME].reshape(frames, SAMPLES_PER_FRAME)
        self.power[first : first + frames] = (
            np.einsum("ij,ij->i", blocked, blocked, dtype=np.float64) / SAMPLES_PER_FRAME
        )
        self.total += float(block.sum(dtype=np.float64))
        own = self.own[first : first + frames]
        quiet = self.quiet[first : first + frames] & (self.power[first : first + frames] > 0)
        around = settings.clip_run - 1
        lead = min(start, around)
        wider = np.asarray(samples[start - lead : start + len(block) + around])
        clipped = _in_runs(np.abs(wider) >= settings.clip_level * self.peak, settings.clip_run)
        clipped = clipped[lead : lead + frames * SAMPLES_PER_FRAME]
        if clipped.any():
            per_frame = clipped.reshape(frames, SAMPLES_PER_FRAME).sum(axis=1)
            self.clipped += int(per_frame[own].sum())
        self._add_spectra(block, own, quiet)

    def _add_spectra(self, block: Samples, own: Mask, quiet: Mask) -> None:
        count = len(block) // _SPECTRUM_SAMPLES
        cut = block[: count * _SPECTRUM_SAMPLES].reshape(count, _SPECTRUM_SAMPLES)
        # A stretch of 32 ms counts as speech or as noise only if all of its frames do.
        begins = np.arange(count) * _SPECTRUM_SAMPLES // SAMPLES_PER_FRAME
        ends = np.minimum(begins + _SPECTRUM_SAMPLES // SAMPLES_PER_FRAME, len(own) - 1)
        window = np.hanning(_SPECTRUM_SAMPLES).astype(np.float32)
        for mask, is_speech in ((own, True), (quiet, False)):
            kept = cut[mask[begins] & mask[ends]] if len(own) else cut[:0]
            spectra = scipy.fft.rfft(kept * window, axis=1)
            power = (spectra.real**2 + spectra.imag**2).sum(axis=0, dtype=np.float64)
            if is_speech:
                self.speech_spectrum += power
                self.speech_spectra += len(kept)
            else:
                self.noise_spectrum += power
                self.noise_spectra += len(kept)

    def noise(self, settings: config.Quality) -> float | None:
        """Power of the noise: the median of the quiet frames; None if there are too few."""
        if self.quiet.sum() * FRAME_MS < settings.noise_min_ms:
            return None
        return float(np.median(self.power[self.quiet]))

    def snr_db(self, settings: config.Quality) -> float | None:
        noise = self.noise(settings)
        if noise is None or not self.own.any():
            return None
        # The noise is part of the measured power; speech counts as at least 1 % of the noise.
        speech = max(float(self.power[self.own].mean()) - noise, noise / 100)
        return float(10 * np.log10(speech / noise))

    def bandwidth_hz(self, settings: config.Quality) -> float | None:
        if not self.speech_spectra:
            return None
        speech = self.speech_spectrum / self.speech_spectra
        noise = self.noise_spectrum / max(self.noise_spectra, 1)
        heard = speech > noise * 10 ** (settings.bandwidth_rise_db / 10)
        heard &= speech > speech.max() / 10 ** (settings.bandwidth_range_db / 10)
        # Two neighbouring bands, since a whistle on the line is not a voice.
        both = np.flatnonzero(heard[1:] & heard[:-1])
        return float((both[-1] + 1) * SAMPLE_RATE_HZ / _SPECTRUM_SAMPLES) if len(both) else None


def _peak(samples: Samples) -> float:
    blocks = range(0, len(samples), _BLOCK_SAMPLES)
    return max(float(np.abs(samples[at : at + _BLOCK_SAMPLES]).max()) for at in blocks)


def _mask(frame: pl.DataFrame, frames: int) -> Mask:
    """Frames of 10 ms that lie wholly within the time of a row."""
    mask = np.zeros(frames, np.bool_)
    for start, end in frame.select("start_ms", "end_ms").iter_rows():
        mask[-(-start // FRAME_MS) : end // FRAME_MS] = True
    return mask


def _in_runs(mask: Mask, length: int) -> Mask:
    """`mask`, with only the runs of true of at least `length`."""
    if not mask.any():
        return mask
    edges = np.diff(np.r_[False, mask, False].astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    kept = np.zeros(len(mask), np.bool_)
    for start, end in zip(starts, ends, strict=True):
        kept[start:end] = end - start >= length
    return kept


def _of_channel(
    number: int, channel: _Channel, duration_ms: int, tables: Tables, settings: config.Quality
) -> Iterator[Row]:
    where = f"channel {number + 1}"
    snr = channel.snr_db(settings)
    if snr is not None and snr < settings.min_snr_timing_db:
        because = (
            f"On {where}, speech hardly stands out from the noise (signal-to-noise ratio "
            f"{snr:.0f} dB): silences, pitch and loudness are not used."
        )
        yield _row("snr_db", snr, ("timing", "voice"), because, number)
    elif snr is not None and snr < settings.min_snr_db:
        because = (
            f"The recording is so noisy on {where} (signal-to-noise ratio {snr:.0f} dB) that "
            "pitch and loudness are not used."
        )
        yield _row("snr_db", snr, ("voice",), because, number)
    else:
        yield _row("snr_db", snr, channel=number)
    spoken = int(channel.own.sum()) * SAMPLES_PER_FRAME
    clipped = channel.clipped / spoken if spoken else None
    too_loud = clipped is not None and clipped > settings.max_clipped_share
    because = (
        f"The recording was too loud on {where} ({clipped or 0:.1%} of the speech is cut off): "
        "pitch and loudness are not used."
    )
    yield _row("clipped_share", clipped, ("voice",) if too_loud else (), because, number)
    yield _bandwidth(number, channel, tables["media"], settings)
    yield _offset(number, channel, settings)
    frames = max(len(channel.own), 1)
    yield _row("speech_share", float(channel.own.sum() / frames), channel=number)
    zero_ms, lost_ms = (_time_ms(tables[name], number) for name in ("dropouts", "losses"))
    yield _row("dropout_share", min(1.0, lost_ms / max(duration_ms, 1)), channel=number)
    yield _row("gated_share", max(0, zero_ms - lost_ms) / max(duration_ms, 1), channel=number)


def _time_ms(table: pl.DataFrame, number: int) -> int:
    rows = table.filter(pl.col("channel") == number)
    return int((rows["end_ms"] - rows["start_ms"]).sum())


def _bandwidth(
    number: int, channel: _Channel, media: pl.DataFrame, settings: config.Quality
) -> Row:
    value = channel.bandwidth_hz(settings)
    rate_hz = media["sample_rate_hz"][0] if media.height else None
    if value is not None and rate_hz is not None:
        value = min(value, rate_hz / 2)  # anything higher comes from the resampler
    narrow = value is not None and value < settings.min_bandwidth_hz
    because = (
        f"The sound on channel {number + 1} is so muffled (nothing above {value or 0:.0f} Hz) "
        "that its words are not reliable."
    )
    return _row("bandwidth_hz", value, ("words",) if narrow else (), because, number)


def _offset(number: int, channel: _Channel, settings: config.Quality) -> Row:
    value = abs(channel.total) / max(len(channel.power) * SAMPLES_PER_FRAME, 1)
    because = (
        f"The sound card of channel {number + 1} is faulty (DC offset of "
        f"{value:.0%} of full scale): loudness cannot be measured, and the voice is not used."
    )
    return _row(
        "dc_offset", value, ("voice",) if value > settings.max_dc_offset else (), because, number
    )


def _lost(audio: Audio, losses: pl.DataFrame, settings: config.Quality) -> Row:
    frames = max(audio.duration_ms // FRAME_MS, 1)
    lost = np.ones(frames, np.bool_)
    for number in _every(audio):
        lost &= _mask(losses.filter(pl.col("channel") == number), frames)
    share = float(lost.mean())
    because = (
        f"The signal is missing in {share:.0%} of the recording (exact digital silence), so a "
        "silence may be lost speech: timing is not used."
    )
    return _row(
        "lost_share", share, ("timing",) if share > settings.max_lost_share else (), because
    )


def _doubted(activity: pl.DataFrame, doubts: pl.DataFrame, settings: config.Quality) -> Row:
    """Doubts as a share of speech and doubts together, summed over channels."""
    sure_ms, doubt_ms = (
        int((table["end_ms"] - table["start_ms"]).sum()) for table in (activity, doubts)
    )
    value = doubt_ms / (sure_ms + doubt_ms) if sure_ms + doubt_ms else None
    unsure = value is not None and value > settings.max_doubt_share
    because = (
        f"Someone may be speaking too quietly to be detected ({value or 0:.0%} of what may be "
        "speech): a silence may be missed speech, so timing is not used."
    )
    return _row("doubt_share", value, ("timing",) if unsure else (), because)


def _crosstalk(channels: list[_Channel], settings: config.Quality) -> Row:
    """Level of a voice over its echo on another channel, for the worst pair of channels."""
    separations_db = []
    for channel in channels:
        for other in channels:
            floor = other.noise(settings) or 0.0
            if channel is other or not channel.alone.any():
                continue
            echo = float(other.power[channel.alone].mean()) - floor
            if echo > 0:
                voice = float(channel.power[channel.alone].mean())
                separations_db.append(10 * np.log10(voice / echo))
    value = float(min(separations_db)) if separations_db else None
    mixed = value is not None and value < settings.min_crosstalk_db
    because = (
        f"Each voice is almost as loud on the other's channel (only {value or 0:.0f} dB less): "
        "the voices cannot be separated, so pitch and loudness are not used."
    )
    return _row("crosstalk_db", value, ("voice",) if mixed else (), because)


def _margin(diarization: pl.DataFrame, settings: config.Quality) -> Row:
    value = diarization["margin"][0] if diarization.height else None
    unsure = value is not None and value < settings.min_diarization_margin
    because = (
        "The voices could hardly be told apart, so who spoke when is uncertain and nothing is "
        "flagged."
    )
    return _row("diarization_margin", value, FAMILIES if unsure else (), because)


def _confidence(words: pl.DataFrame, settings: config.Quality) -> Row:
    value = words["confidence"].mean()
    mean = float(value) if isinstance(value, float) else None
    unsure = mean is not None and mean < settings.min_word_confidence
    because = (
        f"The words were recognised with low confidence ({mean or 0:.0%} on average): rules based "
        "on words are not used."
    )
    return _row("word_confidence", mean, ("words",) if unsure else (), because)


def _speakers(spans: pl.DataFrame) -> Row:
    count = spans["speaker"].n_unique()
    because = (
        "No speech was found, so nothing is measured."
        if count == 0
        else "Only one voice was found, so nothing that happens between two people is flagged."
    )
    return _row("speakers", count, FAMILIES if count < 2 else (), because)  # noqa: PLR2004
