"""What a request passes before Gradio sees it: bounds, routes, uploads, the log, and the way to stop.

Pure ASGI. Knows no network; what the page's endpoints make of a request they tell by `outcome`.
"""
