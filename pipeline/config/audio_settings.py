"""Settings of what is heard before any word: samples, speech, who speaks."""

from pydantic import Field

from pipeline.config.section import Section


class AudioDecoding(Section):
    """Checks of the samples while they are decoded, and recordings that are refused."""

    ordered = (("quiet_dbfs", "<", "raised_dbfs"),)

    dropout_ms: int = Field(gt=0, description="exact zeros this long are lost signal")
    max_length_ms: int = Field(gt=0, description="a longer recording is refused")
    max_gap_ms: int = Field(
        gt=0, description="a recording whose container skips more time in all is refused"
    )
    max_channels: int = Field(ge=1, description="a recording of more channels is refused")
    loud_percentile: float = Field(
        gt=0, lt=100, description="of the levels of 10 ms: what is loud in a recording"
    )
    quiet_dbfs: float = Field(lt=0, description="a recording that is less loud is turned up")
    raised_dbfs: float = Field(lt=0, description="to this level")
    over_scale: float = Field(ge=1, description="a recording with larger samples is turned down")
    peak_percentile: float = Field(
        gt=0, lt=100, description="of the peaks of 10 ms: what then fits under full scale"
    )
    inverted_correlation: float = Field(
        gt=0, le=1, description="channels that are so much each other's opposite are inverted"
    )


class Activity(Section):
    """Speech activity on one channel: detector and energy together."""

    ordered = (
        ("stretch_threshold", "<=", "threshold"),
        ("doubt_threshold", "<=", "alone_threshold"),
        ("period_min_hz", "<", "period_max_hz"),
        ("sure_rise_db", "<", "doubt_rise_db"),
        ("bridge_ms", "<=", "join_ms"),
        ("floor_block_ms", "<=", "floor_ms"),
    )

    same_correlation: float = Field(
        gt=0, le=1, description="channels so much alike carry the same sound"
    )
    threshold: float = Field(gt=0, lt=1, description="probability of frames that set the loudness")
    stretch_threshold: float = Field(gt=0, lt=1, description="largest probability a stretch needs")
    alone_threshold: float = Field(gt=0, lt=1, description="the same, of a pause heard on its own")
    doubt_threshold: float = Field(
        gt=0, lt=1, description="from this on it is in doubt, and a voice if it is voiced"
    )
    doubt_guard_ms: int = Field(ge=0, description="the detector lags: no doubt so near to speech")
    alone_depth_db: float = Field(gt=0, description="a quiet voice is so far under loud speech")
    alone_dbfs: float = Field(lt=0, description="loud frames of a pause as the detector hears them")
    alone_ms: int = Field(gt=0, description="longest pause that is heard at once")
    alone_min_ms: int = Field(gt=0, description="shortest pause that is heard again")
    least_rise_db: float = Field(
        gt=0, description="a voice in a pause stands so far over the noise"
    )
    guard_ms: int = Field(ge=0, description="pauses are heard this far from speech")
    voice_periodicity: float = Field(gt=0, lt=1, description="autocorrelation of a voiced frame")
    voice_share: float = Field(gt=0, le=1, description="voiced frames that make a stretch voiced")
    period_window_ms: int = Field(gt=0, description="stretch whose autocorrelation is taken")
    period_min_hz: int = Field(gt=0, description="lowest pitch that makes a frame voiced")
    period_max_hz: int = Field(gt=0, description="highest pitch that makes a frame voiced")
    near_ms: int = Field(ge=0, description="reach of the detector's probability to either side")
    sure_rise_db: float = Field(gt=0, description="rise over the noise where probability is 1")
    doubt_rise_db: float = Field(gt=0, description="rise over the noise where probability is 0")
    max_rise_share: float = Field(gt=0, le=1, description="of the range from noise to loud speech")
    depth_db: float = Field(gt=0, description="speech lies at most this far under loud speech")
    loud_percentile: float = Field(gt=0, lt=100, description="level of frames that counts as loud")
    loud_dbfs: float = Field(lt=0, description="loud speech as the detector hears it")
    max_gain_db: float = Field(ge=0, description="largest gain before the detector")
    rumble_hz: float = Field(gt=0, description="what lies lower is no voice")
    floor_ms: int = Field(gt=0, description="the noise floor is the lowest within this, both sides")
    floor_block_ms: int = Field(gt=0, description="stretch of which the floor takes one value")
    floor_percentile: float = Field(gt=0, lt=100, description="frames of a stretch under its floor")
    bridge_ms: int = Field(ge=0, description="dips this short do not part a stretch")
    join_ms: int = Field(ge=0, description="shorter pauses are part of speech")
    knock_ms: int = Field(ge=0, description="shorter stretches without a voice are not joined")
    min_speech_ms: int = Field(ge=0, description="shorter stretches are no speech")
    piece_ms: int = Field(gt=0, description="what the detector hears at once")
    lead_ms: int = Field(ge=0, description="heard before each piece, for the detector's memory")
    gated_pause_ms: int = Field(gt=0, description="shortest pause that shows whether it is gated")
    gated_pauses: int = Field(ge=1, description="fewer pauses do not show it")
    gated_share: float = Field(gt=0, le=1, description="time in pauses that is zeros")
    abrupt_ms: int = Field(
        gt=0, description="how speech stood so shortly before zeros tells a loss"
    )
    abrupt_db: float = Field(gt=0, description="speech broken off is at most so far under loud")
    lean_db: float = Field(gt=0, description="a channel leads where it is this much over others")
    lean_share: float = Field(gt=0, lt=1, description="of loud frames a channel of its own leads")
    lean_percentile: float = Field(gt=0, lt=100, description="level of a channel's loud frames")
    lean_range_db: float = Field(gt=0, description="from noise to loud speech, at least")
    lean_dbfs: float = Field(lt=0, description="a channel that is never louder carries nothing")
    lean_frames: int = Field(gt=0, description="frames of 10 ms over which levels are compared")


class Imported(Section):
    """Diarizer and transcriber `imported`: how a file of another tool meets a recording."""

    share_beyond: float = Field(
        ge=0, le=0.5, description="lines that may start after the end; more: another recording's"
    )
    lines_beyond: int = Field(
        ge=0, description="so many may in any case, if they are not most of the file"
    )
