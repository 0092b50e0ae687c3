"""What a stitch is and how stitches are enumerated. Pure data: no torch, and nothing of the other rooms."""
