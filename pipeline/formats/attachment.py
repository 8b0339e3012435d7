"""A transcript or diarization from another tool, as bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attachment:
    """A file from another tool: a transcript or a diarization.

    Attributes
    ----------
    suffix
        Lower-case ending of its name, with the dot: it tells the format.
    content
        Its bytes. The path is not kept.
    speaker
        Whose file it is, where there is one per participant; None: the file says who speaks.
    """

    suffix: str
    content: bytes
    speaker: str | None = None
