"""Measuring networks from the page, on this machine alone. Knows no Gradio."""
