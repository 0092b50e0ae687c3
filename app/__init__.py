"""The page. A package with this file, so that `import app` finds the folder and not the script app.py."""
