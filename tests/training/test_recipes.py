import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from PIL import Image

from snnet.training import recipes, samples
from snnet.training.recipes import RECIPES, Recipe
from tests.training.settings import recipe

ROOT = Path(__file__).parent.parent.parent


class TestRecipes:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"lr": -1.0}, "lr -1.0 is below 0"),
            ({"batch_size": 0}, "batch_size 0 is below 1"),
            ({"alpha": 1.5}, "alpha 1.5 is outside 0 to 1"),
            ({"sampling": "evenly"}, "sampling 'evenly' is none of uniform, gmacs"),
            ({"precision": "int8"}, "precision 'int8' is none of float32"),
            ({"epochs": 0, "steps": 0}, "neither epochs nor steps"),
            ({"distillation": "none", "alpha": 1.0}, "nothing to learn from"),
            ({"lr": "high"}, "lr 'high' is not a number"),
            ({"pace": "month"}, "pace 'month' is none of step, epoch, late"),
            ({"drop_path": "much"}, "drop_path 'much' is no number from 0 to below 1"),
            ({"drop_path": "0.1,1"}, "drop_path '0.1,1' is no number from 0 to below 1"),
            ({"crop_mode": "padded", "interpolation": "random"}, "random goes with crop_mode resized"),
            ({"heads": "apart", "distillation": "none", "alpha": 0.0}, "heads apart need a teacher"),
        ],
    )
    def test_what_makes_no_run_is_refused(self, settings, words):
        with pytest.raises(ValueError, match=words):
            recipe(**settings)

    def test_an_unknown_setting_is_named(self):
        with pytest.raises(ValueError, match="no setting 'learning_rate': a recipe has epochs, "):
            Recipe().with_settings({"learning_rate": 1.0})

    @pytest.mark.parametrize("name", RECIPES)
    def test_the_authors_recipes_are_of_networks_and_of_things_timm_has(self, name):
        from timm.optim import create_optimizer_v2

        from snnet.catalogue import entries
        from snnet.photos.transform import Transform

        known = RECIPES[name]
        assert entries.entry(name).name == name
        assert f"-m snnet train {name} " in known.command
        assert known.score in known.describe()
        assert samples.augmentation(known.recipe, Transform(image_size=32))(Image.new("RGB", (40, 50))).shape[
            1:
        ] == (
            32,
            32,
        )
        create_optimizer_v2([torch.nn.Parameter(torch.zeros(2))], known.recipe.optimizer, lr=1.0)

    def test_a_padded_crop_is_of_the_short_side_and_moves_by_four_pixels(self):
        from snnet.photos.transform import Transform

        settings = recipe(crop_mode="padded", auto_augment="", color_jitter=0.0, flip=0.0, erase=0.0)
        cut = samples.augmentation(settings, Transform(image_size=32, mean=(0, 0, 0), std=(1, 1, 1)))
        ramp = Image.linear_gradient("L").rotate(90).resize((64, 64)).convert("RGB")  # brighter to the right
        rows = []
        for number in range(60):
            with samples.seeded("crop", number):
                rows.append(cut(ramp)[0, 16])
        shifts = {round(float(row[16]) * 32 - 16) for row in rows}
        assert max(shifts) - min(shifts) == 8
        assert all(row.shape == (32,) for row in rows)

    def test_every_setting_says_what_it_is(self):
        assert all(setting.metadata["help"] for setting in fields(Recipe))

    def test_recipes_module_imports_no_torch(self):
        code = "import sys, snnet.training.recipes; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
        assert recipes.RECIPES
