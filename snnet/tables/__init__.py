"""The tables that ship: timm's zoo and the authors' results. Nothing here knows a network."""
