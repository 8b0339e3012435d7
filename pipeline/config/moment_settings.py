"""Settings of moments: what came after, what is heard of them, and how they are scored."""

from pydantic import Field

from pipeline.config.section import Section


class Moments(Section):
    """How hits become moments, and how many a supervisor sees."""

    merge_ms: int = Field(ge=0, description="hits of one kind closer than this are one moment")
    longest_ms: int = Field(gt=0, description="a longer moment is cut at its widest gap")
    resumed_words: int = Field(
        gt=0, description="a client who says so many words in a turn has ended a withdrawal"
    )
    min_word_confidence: float = Field(
        ge=0, le=1, description="a turn's mean; under this a main sign in its words is a weak one"
    )
    quote_turns: int = Field(ge=0, description="turns shown before and after a moment")
    min_score: float = Field(ge=0, lt=1, description="a moment that scores less is set aside")
    max_per_session: int | None = Field(
        ge=1, description="moments shown, those that score highest; null: all"
    )


class Response(Section):
    """How the therapist responded."""

    window_ms: int = Field(gt=0, description="time after a moment in which a response counts")
    repair_ms: int = Field(gt=0, description="how long no moment of that kind may follow a repair")
    repair_turns: int = Field(
        ge=1, description="client turns after it whose median must be of usual length"
    )


class Clips(Section):
    """Audio clips in a report, made on request."""

    before_ms: int = Field(ge=0, description="audio before a moment")
    after_ms: int = Field(ge=0, description="audio after a moment")
    longest_ms: int = Field(gt=0, description="a clip is never longer")
    kbps: int = Field(ge=6, le=128, description="bit rate of Opus, in thousands a second")


class Evaluation(Section):
    """How moments are scored against human codes."""

    tolerance_ms: int = Field(ge=0, description="a moment this near to a code is a match")
    segment_ms: int = Field(gt=0, description="length of a segment of the 3RS")
    top: tuple[int, ...] = Field(description="the k of precision at k")
    bins: tuple[float, ...] = Field(
        description="scores at which moments are parted to see how many of each part are right"
    )
    draws: int = Field(ge=1, description="bootstrap samples of sessions behind an interval")
    level: float = Field(gt=0, lt=1, description="share of samples that an interval covers")
    seed: int = Field(ge=0, description="of the bootstrap: the same input, the same intervals")


class Review(Section):
    """The supervisor's desk."""

    lead_ms: int = Field(ge=0, description="audio of a moment starts this long before it")
    before_ms: int = Field(ge=0, description="transcript shown before a moment")
    after_ms: int = Field(ge=0, description="transcript shown after a moment")
    page_size: int = Field(ge=1, description="moments on a page of the queue")
    ahead_ms: int = Field(ge=1000, description="sound that is decoded ahead of what is heard")
    heard_at_once: int = Field(ge=1, description="recordings that are kept decoded")
    request_s: int = Field(ge=1, description="seconds within which a whole request must arrive")
    connections: int = Field(ge=8, description="at the same time; one more closes an idle one")
