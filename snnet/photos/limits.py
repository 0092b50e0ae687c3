"""How much memory decoding one photo may take, beside the bytes that it is given."""

MAX_PIXELS = 64_000_000  # decoded
BYTES_PER_PIXEL = (
    20  # that decoding holds at most: 8 to 13 in 8 bits, and 18 of an AVIF of 12 with transparency
)
BASE_BYTES = 100_000_000  # that it holds besides: a strip on its way, EXIF and XMP, what the codecs keep
