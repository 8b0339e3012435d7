"""What FFmpeg reads, at 16 kHz, channels kept, on the container's own clock.

`decode` gives the whole of a recording, for what measures; `stream` begins anywhere, for who
listens. A second is the same second in both.
"""

from pipeline.audio.decoding import Decoded, decode
from pipeline.audio.endings import media_suffixes
from pipeline.audio.opening import READABLE
from pipeline.audio.streaming import Block, stream

__all__ = ["READABLE", "Block", "Decoded", "decode", "media_suffixes", "stream"]
