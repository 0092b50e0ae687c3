"""Sets of photos: decoded, transformed, in batches. Nothing here knows a network."""
