"""Networks by name or in a folder, and new ones: what users call.

It builds on all other rooms but the commands.
"""
