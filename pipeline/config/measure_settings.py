"""Settings of measures: voice, features and baselines."""

from pydantic import Field

from pipeline.config.section import Section


class Pitch(Section):
    """Fundamental frequency and level."""

    ordered = (("min_hz", "<", "max_hz"), ("vowel_low_hz", "<", "vowel_high_hz"))

    min_hz: float = Field(gt=0, description="lowest pitch")
    max_hz: float = Field(gt=0, description="highest pitch")
    min_voicing: float = Field(ge=0, le=1, description="confidence from which a frame is voiced")
    speech_dbfs: float = Field(lt=0, description="level to which speech is brought for the tracker")
    level_window_ms: int = Field(
        gt=0, multiple_of=20, description="window of a frame's level, centred on the frame"
    )
    vowel_low_hz: float = Field(gt=0, description="the band of vowels begins here")
    vowel_high_hz: float = Field(gt=0, lt=8000, description="the band of vowels ends here")


class Phonation(Section):
    """How periodic a voice is: harmonics-to-noise ratio, cepstral peak, jitter, shimmer."""

    ordered = (("cpp_first_ms", "<", "cpp_last_ms"),)

    step_ms: int = Field(gt=0, multiple_of=10, description="moments measured lie this far apart")
    steady_ms: int = Field(
        ge=0, multiple_of=10, description="voiced and steady for so long on either side"
    )
    steady_st: float = Field(gt=0, description="largest change of pitch from frame to frame")
    hnr_window_ms: int = Field(gt=0, description="window of the harmonics-to-noise ratio")
    cpp_window_ms: int = Field(gt=0, description="window of the cepstral peak prominence")
    cpp_top_hz: float = Field(gt=0, le=8000, description="the spectrum counts up to here")
    cpp_smooth_ms: float = Field(ge=0, description="running mean over quefrencies")
    cpp_first_ms: float = Field(gt=0, description="the line under the peak begins here")
    cpp_last_ms: int = Field(gt=0, description="the line under the peak ends here")
    period_reach: float = Field(
        gt=0, lt=0.5, description="a peak lies at most this share off the tracked period"
    )
    cycle_reach: float = Field(
        gt=0, lt=0.5, description="a cycle differs at most this share from the tracked period"
    )
    min_fit: float = Field(
        ge=0, lt=1, description="correlation of neighbouring cycles from which they are compared"
    )
    max_period_ratio: float = Field(gt=1, description="neighbouring periods that are compared")
    max_amplitude_ratio: float = Field(gt=1, description="neighbouring amplitudes, the same")
    clip_level: float = Field(gt=0, le=1, description="of full scale; from here on it is clipped")


class Features(Section):
    """Measures of turns, silences, overlaps and windows."""

    ordered = (
        ("voiced_min_ms", "<=", "window_voiced_min_ms"),
        ("speech_min_ms", "<=", "window_speech_min_ms"),
        ("span_low", "<", "span_high"),
        ("final_last_ms", "<", "final_ms"),
    )

    therapist_voice: bool = Field(description="keep measures of the therapist's voice")
    pause_min_ms: int = Field(gt=0, description="shortest pause within a turn that counts")
    voiced_min_ms: int = Field(gt=0, description="voiced speech that a turn's pitch rests on")
    window_voiced_min_ms: int = Field(gt=0, description="the same for a window")
    speech_min_ms: int = Field(gt=0, description="speech that a turn's rate or share rests on")
    window_speech_min_ms: int = Field(gt=0, description="the same for a window")
    window_min_share: float = Field(
        gt=0, le=1, description="part of a window that must be there and heard"
    )
    window_min_turns: int = Field(gt=0, description="turns that a window's share or ratio rests on")
    silence_min_ms: int = Field(gt=0, description="shortest silence that silences of windows count")
    max_unclear: float = Field(
        ge=0, lt=1, description="share of overlaps whose kind may be unknown where one is counted"
    )
    min_exchanges: int = Field(ge=3, description="changes of speaker that entrainment rests on")
    span_low: float = Field(ge=0, lt=0.5, description="lower quantile of the f0 span")
    span_high: float = Field(gt=0.5, le=1, description="upper quantile of the f0 span")
    octave_st: float = Field(
        gt=0, description="so far off a turn's median pitch, no movement rests on a frame"
    )
    final_ms: int = Field(gt=0, description="end of a turn whose pitch movement is measured")
    final_last_ms: int = Field(gt=0, description="the last of it, which is compared with the rest")
    final_voiced_share: float = Field(
        gt=0, le=1, description="share of both parts that must be voiced"
    )
    phonation_moments: int = Field(
        gt=0, description="moments that a turn's HNR, CPP, jitter and shimmer rest on"
    )
    window_phonation_moments: int = Field(gt=0, description="the same for a window")
    nucleus_dip_db: float = Field(gt=0, description="dip of level between two syllable nuclei")
    nucleus_range_db: float = Field(
        gt=0, description="a nucleus lies at most this under loud speech"
    )
    nucleus_loud: float = Field(gt=0, lt=1, description="quantile of level that is loud speech")
    nucleus_reach_ms: int = Field(gt=0, description="dips are looked for within, both sides added")
    nucleus_flat_ms: int = Field(gt=0, description="longest plateau that is a nucleus")
    rate_min_words: int = Field(gt=0, description="words that a turn's rate of matches rests on")
    window_rate_min_words: int = Field(gt=0, description="the same for a window and the session")
    excess_min_variance: float = Field(
        gt=0, description="variance of matches from which more or fewer of them say something"
    )


class Baseline(Section):
    """Robust z and percentile within a group."""

    ordered = (("least_n", "<=", "min_n"),)

    min_n: int = Field(gt=0, description="values under which a baseline is small")
    least_n: int = Field(ge=2, description="values under which there is no baseline at all")
    detrend_n: int = Field(ge=4, description="values from which a drift is removed")
    warmup_ms: int = Field(ge=0, description="values of this beginning alone make no baseline")
    earlier_sessions: int = Field(
        ge=0, description="earlier sessions of the same client that join the baseline, the latest"
    )
