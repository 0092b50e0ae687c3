"""What anybody writes in fifteen lines: one timm model behind Gradio. `load.py` sets the app beside it.

python benchmarks/plain_app.py PORT
"""

import sys
from pathlib import Path

import gradio as gr
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from snnet.weights.originals import timm_model  # its weights come from a package, which timm doesn't read

model = timm_model("tf_efficientnet_lite0").eval()
transform = create_transform(**resolve_data_config(model.pretrained_cfg, model=model))


def classify(image: dict) -> list:
    with torch.inference_mode():
        logits = model(transform(Image.open(image["path"]).convert("RGB"))[None])
    values, indices = logits[0].softmax(0).topk(5)
    return list(zip(indices.tolist(), values.tolist(), strict=True))


with gr.Blocks() as demo:
    gr.api(classify, api_name="classify", queue=False)
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
