"""`python -m snnet`: a file a command. Nothing imports these, and nothing here knows the page."""
