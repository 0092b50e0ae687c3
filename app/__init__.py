"""The page: a server, and in static/ what runs in the browser. Knows the library, which knows nothing of it.

Imports here are relative, so that the folder can be packaged under another name. The script app.py beside it
only calls it; a package, so that importing the folder's name does not find the script.
"""
