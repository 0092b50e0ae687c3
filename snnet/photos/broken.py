"""Which photos are broken, what stands in for one, and what a run says of those that it left out."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from snnet.photos.decode import PhotoError, UnreadError

if TYPE_CHECKING:
    from PIL import Image

    from snnet.photos.photo_set import Photos

NEAR = 1000  # photos in a row that may be broken where one is to stand in: beyond, the set is
LINES = 10  # of a list that a person reads


def is_broken(error: Exception | None) -> bool:
    """True for a photo that can't be decoded, today or ever; what a disk failed to give is another thing."""
    return isinstance(error, PhotoError) and not isinstance(error, UnreadError)


def next_sound(photos: "Photos", index: int) -> tuple[tuple["Image.Image", int], list[str]]:
    """Return (image, label) of the first photo from a place on that isn't broken, and why the others are.

    After the last one comes the first. The same for everyone who asks: nothing is drawn. Raises PhotoError
    where NEAR photos in a row are broken, and what else keeps a photo from being read.
    """
    sentences: list[str] = []
    for place in range(index, index + min(len(photos), NEAR)):
        try:
            return photos[place % len(photos)], sentences
        except PhotoError as error:
            if not is_broken(error):
                raise
            sentences.append(str(error))
    raise PhotoError(f"{len(sentences):,} photos in a row can't be decoded, the first: {sentences[0]}")


@dataclass
class Remarks:
    """What a run has to say of single photos, a sentence each: those left out, and those with a note."""

    skip_broken: bool = False  # leave out what is broken, rather than stop
    broken: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)

    def lines(self, most: int = LINES) -> list[str]:
        """Return what a person should read: a line for each kind, and below it at most so many photos."""
        kinds = (
            ("left out, because they can't be decoded", self.broken),
            ("without the end marker, taken as the picture is all there", self.notes),
        )
        lines = []
        for text, sentences in kinds:
            if sentences:
                lines.append(f"{len(sentences):,} photo{'s' * (len(sentences) > 1)} {text}:")
                lines += [f"  {sentence}" for sentence in sorted(sentences)[:most]]
                if (more := len(sentences) - most) > 0:
                    lines.append(f"  and {more:,} more")
        return lines
