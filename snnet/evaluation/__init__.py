"""Measuring stitches on photos: counts, results and their store, and what is known of a stitch's accuracy."""
