"""A transcript or diarization that another tool wrote, as bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attachment:
    """A file that somebody else's tool wrote: a transcript or a diarization.

    Attributes
    ----------
    suffix
        Lower-case ending of its name, with the dot: it tells the format.
    content
        Its bytes. The path stays with whoever read it.
    speaker
        Whose file it is, where there is one per participant; None: the file says who speaks.
    """

    suffix: str
    content: bytes
    speaker: str | None = None
