"""What FFmpeg reads, at 16 kHz, channels kept, on the container's own clock.

`decode` gives the whole of a recording, for what measures; `stream` begins anywhere, for who
listens. A second is the same second in both.
"""

from pipeline.audio.container import READABLE
from pipeline.audio.decoder import Decoded, decode
from pipeline.audio.streamer import Block, stream
from pipeline.audio.suffixes import media_suffixes

__all__ = ["READABLE", "Block", "Decoded", "decode", "media_suffixes", "stream"]
