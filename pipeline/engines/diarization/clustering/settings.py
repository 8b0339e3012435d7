"""Settings of the diarizer `clustering`."""

from pydantic import Field

from pipeline.config import Section


class Clustering(Section):
    """Diarizer `clustering`: one microphone, two or more speakers."""

    ordered = (("margin_low", "<", "margin_high"),)

    speakers: int = Field(ge=1, description="speakers, if the session notes give no number")
    piece_ms: int = Field(ge=400, description="longest piece of speech that one voice vector is of")
    starts: int = Field(ge=1, description="random starts of k-means; the tightest answer is kept")
    seed: int = Field(ge=0, description="of all random choices: the same input, the same answer")
    components: int = Field(ge=1, description="Gaussians of a mixture")
    component_frames: int = Field(ge=1, description="frames that each Gaussian needs at least")
    training_rounds: int = Field(ge=1, description="rounds of training the common mixture")
    training_frames: int = Field(ge=1, description="frames that the common mixture is trained on")
    training_ms: int = Field(gt=0, description="speech, taken evenly, on which voices are learnt")
    relevance: float = Field(gt=0, description="frames at which a mean has moved half way")
    rounds: int = Field(
        ge=1, description="rounds of resegmentation, if no fixed point comes sooner"
    )
    floor_db: float = Field(gt=0, description="spectrum this far under the loudest band is ignored")
    block_ms: int = Field(ge=10, multiple_of=10, description="grid on which speakers may change")
    switch_cost: float = Field(ge=0, description="log likelihood that a change of speaker costs")
    forget_ms: int = Field(gt=0, description="silence after which that cost is down to 1/e")
    margin_low: float = Field(description="silhouette of a recording of one speaker: margin 0")
    margin_high: float = Field(description="silhouette of clearly different voices: margin 1")
    margin_pieces: float = Field(ge=0, description="pieces at which a margin counts half")
