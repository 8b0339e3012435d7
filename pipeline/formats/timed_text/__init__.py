"""Subtitles and other timed lines of text: WebVTT, SubRip, STM."""
