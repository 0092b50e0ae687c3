"""A timm model cut into blocks, the stitching layers, what they cost, and how a stitch runs.

Nothing here knows accuracies, training or files of networks."""
