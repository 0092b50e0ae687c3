"""Settings of quick runs, and the classes of the photos they learn from."""

from snnet.training.recipes import Recipe

SYNSETS = ("n01440764", "n01443537", "n01484850")  # classes 0, 1 and 2
PLAIN = {  # quick, and nothing drawn at random but what a test is about
    "steps": 6,
    "batch_size": 4,
    "teacher": "largest",
    "distillation": "soft",
    "alpha": 0.5,
    "lr": 1e-3,
    "warmup_epochs": 0,
    "ema": 0.0,
}


def recipe(**settings) -> Recipe:
    return Recipe(**PLAIN | settings)
