"""Settings of the diarizer `segmentation`."""

from typing import Literal

from pydantic import Field

from pipeline.config import Section


class Segmentation(Section):
    """Diarizer `segmentation`: one microphone, two or more speakers, overlapping speech."""

    model: str = Field(description="both networks, by name in the models folder")
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto: a GPU where there is one")
    speakers: int = Field(ge=1, description="speakers, if the session notes give no number")
    step_ms: int = Field(
        ge=500, le=5000, multiple_of=10, description="from one window of 10 s to the next"
    )
    windows_at_once: int = Field(ge=1, description="windows of a batch")
    overlap_threshold: float = Field(gt=0, lt=1, description="probability that two speak")
    overlap_min_ms: int = Field(ge=0, description="shorter overlap is none")
    block_ms: int = Field(ge=10, multiple_of=10, description="grid on which speakers may change")
    piece_ms: int = Field(ge=400, description="longest piece of speech that one voice vector is of")
    piece_min_ms: int = Field(ge=100, description="shorter pieces have no vector")
    vectors_at_once: int = Field(ge=1, description="pieces of a batch")
    speaker_min_ms: int = Field(ge=0, description="who speaks less is no speaker")
    linkage_pieces: int = Field(ge=2, description="pieces, evenly taken, that linkage joins")
    linkage_cuts: int = Field(ge=2, description="clusters to which its tree is cut at most")
    starts: int = Field(ge=1, description="random starts of k-means; the tightest answer is kept")
    seed: int = Field(ge=0, description="of all random choices: the same input, the same answer")
    components: int = Field(ge=1, description="Gaussians of a mixture")
    component_frames: int = Field(ge=1, description="frames that each Gaussian needs at least")
    training_rounds: int = Field(ge=1, description="rounds of training the common mixture")
    training_frames: int = Field(ge=1, description="frames that the common mixture is trained on")
    relevance: float = Field(gt=0, description="frames at which a mean has moved half way")
    rounds: int = Field(
        ge=1, description="rounds of resegmentation, if no fixed point comes sooner"
    )
    floor_db: float = Field(gt=0, description="spectrum this far under the loudest band is ignored")
    voice_weight: float = Field(
        ge=0, description="log likelihood of a second of speech at a squared distance of 1"
    )
    spread_weight: float = Field(
        ge=0, description="of the spread of voices beside their confusion, to choose between starts"
    )
    link_weight: float = Field(
        ge=0, description="of the log odds that two neighbouring blocks are of one speaker"
    )
    link_floor: float = Field(
        gt=0, lt=1, description="added to both probabilities of these odds: nothing is certain"
    )
    switch_cost: float = Field(ge=0, description="log likelihood that a change of speaker costs")
    forget_ms: int = Field(gt=0, description="silence after which that cost is down to 1/e")
    margin_slope: float = Field(
        gt=0, description="log odds that a piece is given rightly, per difference of similarity"
    )
    margin_wrong: float = Field(
        gt=0, le=0.5, description="expected share of wrongly given speech at which the margin is 0"
    )
