"""Sets of photos, from a file to a network's input.

A photo is decoded (decode), lies in a store (folder, parquet, hub; store says what they have in common) with labels
(classes, ground_truth), belongs to a set (photo_set), is transformed (transform) and comes in batches (batches).
Nothing here knows a network, weights or results.
"""
