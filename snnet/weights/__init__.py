"""Where files of weights lie, how they are fetched, and how they are read. Nothing here knows a network."""
