"""File name endings of recordings: those that FFmpeg lists, and some that it does not."""

from functools import cache

import av

# FFmpeg recognises these by their contents and does not list them.
_BESIDE = (
    *("wave", "bwf", "rf64", "qta", "qt", "3gpp", "3gpp2", "3ga", "m4r", "m4p", "f4a", "f4b"),
    *("ds2", "awb", "snd", "mp1", "mpga", "mpe", "m2p", "mpv", "divx", "weba", "ogx", "rmvb"),
    *("dvf", "msv", "wve", "trec", "tod"),
)
# FFmpeg reads these as subtitles, playlists, texts or pictures without sound, or the ending belongs
# to other files far more often than to recordings.
_NO_SOUND = frozenset(
    (
        *("ans", "aqt", "art", "asc", "ass", "chk", "diz", "ffmeta", "ice", "idx", "js", "jss"),
        *("lrc", "m3u8", "mcc", "mks", "mpd", "mpl2", "nfo", "pjs", "rt", "sami", "sbg", "scc"),
        *("smi", "srt", "ssa", "stl", "sub", "sup", "ttml", "txt", "vt", "vtt", "webvtt", "xml"),
        *("apng", "avif", "bmp", "cdg", "dpx", "exr", "fits", "gif", "hdr", "heic", "heif", "ico"),
        *("im1", "im24", "im8", "j2c", "j2k", "jls", "jp2", "jpeg", "jpg", "jxl", "jxs", "ljpg"),
        *("mpo", "pam", "pbm", "pcx", "pfm", "pgm", "pgmyuv", "phm", "pix", "png", "ppm", "qoi"),
        *("ras", "rs", "sgi", "sun", "sunras", "tga", "tif", "tiff", "vbn", "wbmp", "webp", "xbm"),
        *("xface", "xwd", "y", "264", "265", "266", "avc", "h261", "h263", "h264", "h265", "h266"),
        *("h26l", "hevc", "vvc", "obu", "avs", "avs2", "avs3", "cavs", "drc", "evc", "m1v", "m2v"),
        *(
            "mjpeg",
            "mjpg",
            "yuv",
            "yuv10",
            "rgb",
            "qcif",
            "cif",
            "v210",
            "y4m",
            "rcv",
            "vc1",
            "vc2",
        ),
        *("apv", "dnxhd", "dnxhr", "ipu", "flm", "302", "a64", "A64", "bit", "bitpacked", "cgi"),
        *("dat", "str", "v", "xl", "vb", "ser", "mods", "idf", "ifv", "way", "tun", "tco", "rco"),
        *("ub", "uw", "sb", "sw", "ty", "msp"),
    )
)


@cache
def media_suffixes() -> frozenset[str]:
    """Endings that a folder is searched for, in lower case, with the dot."""
    endings = set(_BESIDE)
    for name in av.formats_available:
        for mode in ("r", "w"):
            try:
                endings |= av.format.ContainerFormat(name, mode).extensions
            except ValueError:
                continue  # FFmpeg only reads or only writes it
    return frozenset(f".{ending}" for ending in endings - _NO_SOUND)
