"""`python -m snnet train`"""

import argparse
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from snnet import files
from snnet.commands import malloc
from snnet.commands.options import add_photos, command, open_photos, remarks_of, say, say_remarks
from snnet.training.recipes import RECIPES, Recipe

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.photos.photo_set import Photos
    from snnet.training.plan import Plan


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(
        commands,
        "train",
        run,
        "Train a network's stitches jointly by distillation; a killed run goes on where it was.",
        "lite --data assets/samples --out trained/ --dry-run",
    )
    option = parser.add_argument
    option("network", help="a name of the catalogue, trained from its anchors, or a folder")
    add_photos(parser, "photos to learn from, labelled unless alpha is 1", split="train")
    option("--limit", type=int, help="learn from this many of the photos, drawn at random")
    option("--out", type=Path, required=True, help="folder of the run: it goes on where it was")
    option("--recipe", choices=sorted(RECIPES), help="the settings to begin with")
    option("--dry-run", action="store_true", help="print what would run, and run nothing")
    option("--own-norms", action="store_true", help="norms of its own behind each stitching layer")
    option("--plot", type=Path, metavar="HTML", help="draw the run's log into this file")
    option(
        "--checkpoint-every", type=float, default=300.0, metavar="SECONDS", help="what a kill costs at most"
    )
    hints = get_type_hints(Recipe)
    settings = parser.add_argument_group("settings", "as the recipe has them unless given")
    for setting in fields(Recipe):
        settings.add_argument(
            f"--{setting.name.replace('_', '-')}",
            type=hints[setting.name] if hints[setting.name] in (int, float) else str,
            default=argparse.SUPPRESS,
            help=f"{setting.metadata['help']} (plain default: {setting.default!r})",
        )


def run(options: argparse.Namespace) -> None:
    """Train, or say what would be trained."""
    from snnet.catalogue import entries
    from snnet.evaluation.store import Store
    from snnet.photos.heads import doubles_in_words
    from snnet.training.plan import check_labels, needs_labels
    from snnet.training.run import TrainingOptions, train

    malloc.keep_freed()
    if options.plot:  # what can't be written shows now
        files.check(options.plot)
    name = options.recipe or (options.network if options.network in RECIPES else None)
    recipe = (RECIPES[name].recipe if name else Recipe()).with_settings(
        {s.name: getattr(options, s.name) for s in fields(Recipe) if s.name in options}
    )
    photos = open_photos(options, remember=Store().fingerprints)
    entry = entries.entry(options.network)
    if options.dry_run and (outline := entry.untrained_outline()):  # whose weights need not be here
        _say_what_would_run(name, outline, photos, recipe)
        return
    untrained = entry.untrained(own_norms=options.own_norms)
    net = entries.load(options.network) if untrained is None else untrained
    if options.dry_run:
        _say_what_would_run(name, net, photos, recipe)
        return
    remarks = remarks_of(options)
    running = TrainingOptions(
        is_started=untrained is None,
        workers=options.workers,
        checkpoint_every_s=options.checkpoint_every,
        progress=True,
        remarks=remarks,
    )
    is_main = os.environ.get("RANK", "0") == "0"
    if needs_labels(recipe):
        check_labels(net, photos, recipe)  # what is refused is so before any photo is read
    if is_main and (doubles := doubles_in_words(photos)):
        say(f"{photos.describe()}: {doubles}")
    train(net, photos, recipe, options.out, running)
    if not is_main:
        return
    say_remarks(remarks, options)
    if options.plot:
        from snnet.commands import plots

        plots.training(options.out, options.plot)
        say(f"wrote {options.plot}")
    if entry.is_light and not recipe.anchor_lr:
        net.save(options.out / "light", light=True)  # as the one that ships
    say(f"wrote {options.out}: measure it with: python -m snnet evaluate {options.out} --data PHOTOS")


def _say_what_would_run(name: str | None, net: "StitchedNetwork", photos: "Photos", recipe: Recipe) -> None:
    from snnet.training.plan import plan

    if name:
        print(RECIPES[name].describe(recipe))
        print(RECIPES[name].settings(recipe))
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    print("\n".join(_dry_run(net, plan(net, photos, recipe, processes))))


def _dry_run(net: "StitchedNetwork", plan: "Plan") -> list[str]:
    """Return what a run would do, in lines for people."""
    from snnet.training.optimiser import learning_rates, parameter_groups

    recipe = plan.recipe
    groups = parameter_groups(net, recipe)
    moving = sum(p.numel() for group in groups for p in group["params"])
    rates = learning_rates(plan)
    steps = sorted({0, plan.warmup_steps, plan.steps // 2, plan.steps - 1})
    return [
        f"network   {net.title}: {len(plan.stitches)} of {len(net.stitches)} stitches are trained, "
        f"{moving / 1e6:.2f} of {net.total_params_m:.2f} M parameters move",
        f"photos    {plan.photos:,}; batch {plan.batch} = {recipe.batch_size} × {plan.processes} processes",
        f"steps     {plan.steps:,}, {plan.steps_an_epoch:,} an epoch; lr rises over {plan.warmup_steps:,}",
        f"draws     {recipe.draws} of the stitches a step"
        + (", each process its own" if recipe.draw_by == "process" else ""),
        f"teacher   {recipe.teacher}, {recipe.distillation}, weight {recipe.alpha:g}"
        if recipe.distillation != "none"
        else "teacher   none",
        "lr        "
        + ", ".join(f"{rates(step):.3g} at step {step + 1:,}" for step in steps)
        + f"; anchors {recipe.anchor_lr:g} times that",
        "stitches  " + ", ".join(plan.stitch(step).name for step in range(min(8, plan.steps))) + ", …",
    ]
