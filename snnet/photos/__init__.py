"""Sets of photos, from a file to a network's input; nothing here knows a network, weights or results.

A photo lies in a store (folder, parquet, hub), is decoded (decode) and named (classes, ground_truth); a set
(photo_set) draws samples and has a fingerprint; a transform (transform) makes batches of it (batches).
"""
