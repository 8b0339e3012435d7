"""Decoding of whatever FFmpeg reads: 16 kHz, channels kept, on the container's own clock.

`decode` gives a whole recording, for measuring; `stream` begins anywhere, for listening. Time is
the same in both.
"""

from pipeline.audio.container import READABLE
from pipeline.audio.decoder import Decoded, decode
from pipeline.audio.streamer import Block, stream
from pipeline.audio.suffixes import media_suffixes

__all__ = ["READABLE", "Block", "Decoded", "decode", "media_suffixes", "stream"]
