"""What the authors of the published networks did: each setting with the place in their code that says so.

Read from ziplab/SN-Net at c2dcf30 and ziplab/SN-Netv2 at dd17607: a configuration, else the options of the
command in their README, else the defaults of their parsers. What these repositories took over from others
unchanged is named with those: `samplers.py`, `augment.py`, `datasets.py` and some models.
"""

from collections.abc import Mapping
from typing import Any

Sourced = Mapping[str, tuple[Any, str]]  # by setting: the value, and where it stands

V1 = "ziplab/SN-Net c2dcf30"
V2 = "ziplab/SN-Netv2 dd17607"

_REGNET = "regnety_160.deit_in1k"  # RegNetY-16GF, DeiT's own teacher
_RAND = "rand-m9-mstd0.5-inc1"


def _at(place: str, settings: Mapping[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    return {name: (value, f"{place}: {words}") for name, (value, words) in settings.items()}


# ------------------------------------------------------------------------ DeiT-Ti/S/B, folder stitching_deit

_DEIT: Sourced = {
    **_at(
        "stitching_deit/config/deit_stitching.json",
        {
            "epochs": (50, "epochs"),
            "batch_size": (128, "batch_size, of each of the 8 GPUs that the README launches"),
            "start_photos": (100, "stitch_init_bs"),
            "lr": (5e-5, "lr"),
            "anchor_lr": (1.0, "fulltune: all parameters in one group"),
            "warmup_lr": (1e-7, "warmup_lr"),
            "min_lr": (1e-6, "min_lr"),
            "teacher": (_REGNET, "teacher_model regnety_160"),
            "distillation": ("hard", "distillation_type"),
        },
    ),
    **_at(
        "stitching_deit/params.py",
        {
            "optimizer": ("adamw", "--opt"),
            "eps": (1e-8, "--opt-eps"),
            "weight_decay": (0.05, "--weight-decay"),
            "momentum": (0.9, "--momentum, which AdamW leaves alone"),
            "schedule": ("cosine", "--sched"),
            "warmup_epochs": (5, "--warmup-epochs"),
            "clip": (0.0, "--clip-grad None"),
            "drop_path": ("0.1", "--drop-path, of each anchor"),
            "alpha": (0.5, "--distillation-alpha"),
            "temperature": (1.0, "--distillation-tau"),
            "color_jitter": (0.4, "--color-jitter, without effect beside --aa"),
            "auto_augment": (_RAND, "--aa"),
            "interpolation": ("bicubic", "--train-interpolation"),
            "erase": (0.25, "--reprob, --remode pixel"),
            "mixup": (0.8, "--mixup"),
            "cutmix": (1.0, "--cutmix"),
            "smoothing": (0.1, "--smoothing"),
        },
    ),
    **_at(
        "stitching_deit/main.py",
        {
            "lr_scaling": ("lr", "line 187, lr × batch_size × GPUs / 512, before warm-up and lowest rate"),
            "lr_batch": (512, "line 187"),
            "pace": ("late", "lr_scheduler.step(epoch) behind the epoch of that number"),
            "draw_by": ("process", "the seed of each process is seed + rank"),
            "ema": (0.0, "ModelEma is imported, and none is built"),
        },
    ),
    "sampling": ("uniform", "stitching_deit/snnet.py: forward, np.random.randint over all stitches"),
    "draws": (1, "stitching_deit/engine.py: one forward pass a step"),
    "precision": ("float16", "stitching_deit/engine.py: torch.cuda.amp.autocast, with timm's NativeScaler"),
    "repeats": (3, "params.py --repeated-aug True; samplers.py of DeiT, line 30: an epoch stays as long"),
    "warmup_place": ("within", "timm 0.6.12, create_scheduler: warmup_prefix False"),
    "drop_path_rule": ("rising", "timm 0.6.12, VisionTransformer: linspace(0, rate, depth)"),
    "crop_mode": ("resized", "datasets.py of DeiT: timm's create_transform"),
    "crop_scale": (0.08, "timm's create_transform, scale"),
    "flip": (0.5, "timm's create_transform, hflip"),
}

# --------------------------------------------------------------------- LeViT-192/256, folder stitching_levit

_LEVIT: Sourced = {
    **{
        name: (value, words.replace("stitching_deit/", "stitching_levit/"))
        for name, (value, words) in _DEIT.items()
        if name != "drop_path_rule"
    },
    **_at(
        "stitching_levit/README.md",
        {
            "epochs": (100, "--epochs"),
            "batch_size": (128, "--batch-size, of each of 8 GPUs"),
            "lr": (5e-5, "--lr"),
            "warmup_lr": (1e-7, "--warmup-lr"),
            "min_lr": (1e-6, "--min-lr"),
        },
    ),
    **{
        name: (_DEIT[name][0], f"stitching_levit/main.py: get_args_parser, --{option}")
        for name, option in {
            "optimizer": "opt",
            "eps": "opt-eps",
            "momentum": "momentum, which AdamW leaves alone",
            "schedule": "sched",
            "warmup_epochs": "warmup-epochs",
            "teacher": "teacher-path, DeiT's own regnety_160",
            "distillation": "distillation-type",
            "alpha": "distillation-alpha",
            "temperature": "distillation-tau",
            "color_jitter": "color-jitter, without effect beside --aa",
            "auto_augment": "aa",
            "interpolation": "train-interpolation",
            "erase": "reprob, --remode pixel",
            "mixup": "mixup",
            "cutmix": "cutmix",
            "smoothing": "smoothing",
            "repeats": "repeated-aug True; samplers.py of DeiT, line 30: an epoch stays as long",
        }.items()
    },
    **_at(
        "stitching_levit/main.py",
        {
            "start_photos": (100, "temp_loader_train, batch_size"),
            "anchor_lr": (1.0, "create_optimizer, all parameters in one group"),
            "weight_decay": (0.025, "--weight-decay"),
            "clip": (0.01, "--clip-grad"),
            "clip_mode": ("agc", "--clip-mode"),
            "lr_scaling": ("lr", "line 311, lr × batch_size × GPUs / 512"),
            "lr_batch": (512, "line 311"),
            "ema": (0.0, "line 300, model_ema = None"),
        },
    ),
    "heads": (
        "apart",
        "stitching_levit/levit.py: a pair in training; losses.py of DeiT: the first for labels",
    ),
    "drop_path": ("0", "stitching_levit/levit.py: specification, drop_path 0"),
}

# ------------------------------------------------------------------------ Swin-Ti/S/B, folder stitching_swin

_SWIN: Sourced = {
    **_at(
        "stitching_swin/configs/snnet/stitch_swin_ti_s_b.yaml",
        {
            "epochs": (50, "TRAIN.EPOCHS"),
            "batch_size": (128, "DATA.BATCH_SIZE, of each of the 8 GPUs that the README launches"),
            "anchor_lr": (0.1, "TRAIN.BASE_LR_SCALE, beside STITCH_LR_SCALE 1"),
            "warmup_epochs": (5, "TRAIN.WARMUP_EPOCHS"),
            "drop_path": ("0.2", "MODEL.DROP_PATH_RATE, of each anchor"),
            "teacher": (_REGNET, "TEACHER_MODEL regnety_160"),
        },
    ),
    **_at(
        "stitching_swin/config.py",
        {
            "lr": (5e-4, "TRAIN.BASE_LR"),
            "weight_decay": (0.05, "TRAIN.WEIGHT_DECAY"),
            "warmup_lr": (5e-7, "TRAIN.WARMUP_LR"),
            "min_lr": (5e-6, "TRAIN.MIN_LR"),
            "clip": (5.0, "TRAIN.CLIP_GRAD"),
            "warmup_place": ("before", "TRAIN.LR_SCHEDULER.WARMUP_PREFIX"),
            "schedule": ("cosine", "TRAIN.LR_SCHEDULER.NAME"),
            "optimizer": ("adamw", "TRAIN.OPTIMIZER.NAME"),
            "eps": (1e-8, "TRAIN.OPTIMIZER.EPS"),
            "momentum": (0.9, "TRAIN.OPTIMIZER.MOMENTUM, which AdamW leaves alone"),
            "precision": ("float16", "AMP_ENABLE"),
            "interpolation": ("bicubic", "DATA.INTERPOLATION"),
            "color_jitter": (0.4, "AUG.COLOR_JITTER, without effect beside AUTO_AUGMENT"),
            "auto_augment": (_RAND, "AUG.AUTO_AUGMENT"),
            "erase": (0.25, "AUG.REPROB, REMODE pixel"),
            "mixup": (0.8, "AUG.MIXUP"),
            "cutmix": (1.0, "AUG.CUTMIX"),
            "smoothing": (0.1, "MODEL.LABEL_SMOOTHING"),
        },
    ),
    **_at(
        "stitching_swin/main.py",
        {
            "lr_scaling": ("all", "linear_scaled_lr, _warmup_lr and _min_lr: × BATCH_SIZE × GPUs / 512"),
            "lr_batch": (512, "linear_scaled_lr"),
            "pace": ("step", "lr_scheduler.step_update behind each step"),
            "draw_by": ("process", "the seed of each process is SEED + rank"),
            "draws": (1, "train_one_epoch: one forward pass a step"),
            "ema": (0.0, "none is built"),
        },
    ),
    **_at(
        "stitching_swin/losses.py",
        {
            "distillation": ("hard", "StitchDistillationLoss, distillation_type"),
            "alpha": (0.5, "StitchDistillationLoss, alpha"),
            "temperature": (1.0, "StitchDistillationLoss, tau"),
        },
    ),
    "clip_mode": ("norm", "stitching_swin/utils.py of Swin: clip_grad_norm_"),
    "sampling": ("uniform", "stitching_swin/models/snnet.py: forward, np.random.randint over all stitches"),
    "start_photos": (100, "stitching_swin/data/build.py: build_loader_init_stitch, batch_size"),
    "repeats": (1, "stitching_swin/data/build.py: DistributedSampler"),
    "drop_path_rule": ("rising", "swin_transformer.py of Swin: linspace(0, rate, depth)"),
    "crop_mode": ("resized", "stitching_swin/data/build.py: timm's create_transform"),
    "crop_scale": (0.08, "timm's create_transform, scale"),
    "flip": (0.5, "timm's create_transform, hflip"),
}

# ---------------------------------------- ResNet-18/50 and ResNet-18 → Swin-Ti, folder stitching_resnet_swin

_RESNET: Sourced = {
    **_at(
        "stitching_resnet_swin/README.md",
        {
            "epochs": (30, "--epochs"),
            "batch_size": (128, "-b, of each of 8 GPUs"),
            "lr": (0.05, "--lr"),
            "schedule": ("cosine", "--sched"),
            "precision": ("float16", "--amp; train.py --amp-dtype"),
            "erase": (0.3, "--reprob 0.6 --remode pixel --resplit: of half of each batch, so 0.3 of all"),
            "auto_augment": (_RAND, "--aa"),
        },
    ),
    **_at(
        "stitching_resnet_swin/train.py",
        {
            "optimizer": ("sgd", "--opt: with Nesterov's momentum, as timm has it"),
            "momentum": (0.9, "--momentum"),
            "weight_decay": (2e-5, "--weight-decay"),
            "lr_scaling": ("none", "--lr is given, so that --lr-base-size is left alone"),
            "pace": ("epoch", "lr_scheduler.step(epoch + 1) behind each epoch"),
            "warmup_epochs": (5, "--warmup-epochs"),
            "warmup_place": ("within", "--warmup-prefix False"),
            "warmup_lr": (1e-5, "--warmup-lr"),
            "min_lr": (0.0, "--min-lr"),
            "clip": (0.0, "--clip-grad None"),
            "ema": (0.0, "--model-ema False"),
            "teacher": (_REGNET, "create_model('regnety_160'); which of its weights is not said"),
            "crop_mode": ("resized", "create_loader: timm's create_transform"),
            "crop_scale": (0.08, "--scale"),
            "flip": (0.5, "--hflip"),
            "color_jitter": (0.4, "--color-jitter, without effect beside --aa"),
            "interpolation": ("random", "--train-interpolation"),
            "mixup": (0.0, "--mixup"),
            "cutmix": (0.0, "--cutmix"),
            "smoothing": (0.1, "--smoothing"),
            "repeats": (1, "--aug-repeats 0"),
            "start_photos": (100, "initiailize_stitching_layer, batch_size"),
            "draw_by": ("process", "utils.random_seed(seed, rank)"),
            "draws": (1, "train_one_epoch: one forward pass a step"),
        },
    ),
    **_at(
        "stitching_resnet_swin/timm/loss/stitch_loss.py",
        {
            "distillation": ("hard", "distillation_type"),
            "alpha": (0.5, "alpha"),
            "temperature": (1.0, "tau"),
        },
    ),
    "anchor_lr": (
        0.1,
        "stitching_resnet_swin/timm/optim/optim_factory.py: base_lr_scale, beside stitch_lr_scale 1",
    ),
    "sampling": (
        "uniform",
        "stitching_resnet_swin/timm/models/snnet.py: forward, np.random.randint over all stitches",
    ),
    "drop_path": ("0", "train.py --drop-path None; ResNet's own default"),
}
_RESNET_SWIN: Sourced = {
    **_RESNET,
    "drop_path": ("0,0.1", "train.py --drop-path None; timm/models/swin_transformer.py drop_path_rate"),
    "drop_path_rule": ("rising", "timm/models/swin_transformer.py: linspace(0, rate, depth)"),
}

# ------------------------------------------------------------------------ DeiT3, folder classification of v2


def _deit3(pair: str, drop_path: str) -> Sourced:
    config = f"classification/config/deit_stitching_snnetv2_{pair}.json"
    return {
        **_at(
            config,
            {
                "epochs": (50, "epochs"),
                "batch_size": (64, "batch_size, of each of the 8 GPUs that the README launches"),
                "optimizer": ("lamb", "opt fusedlamb, which also clips the norm of all gradients at 1"),
                "lr": (3e-5, "lr"),
                "lr_scaling": ("none", "unscale_lr"),
                "weight_decay": (0.02, "weight_decay"),
                "schedule": ("cosine", "sched"),
                "warmup_epochs": (5, "warmup_epochs"),
                "warmup_lr": (1e-7, "warmup_lr"),
                "drop_path": (drop_path, "anchor_drop_path"),
                "crop_mode": ("padded", "src; augment.py of DeiT: Resize, RandomCrop(padding=4, reflect)"),
                "interpolation": ("bicubic", "src; augment.py of DeiT: Resize(interpolation=3)"),
                "auto_augment": ("3a", "ThreeAugment; augment.py of DeiT"),
                "color_jitter": (0.3, "color_jitter"),
                "erase": (0.0, "reprob; augment.py of DeiT has none"),
                "mixup": (0.0, "mixup"),
                "cutmix": (1.0, "cutmix"),
                "smoothing": (0.1, "smoothing"),
            },
        ),
        **_at(
            "classification/main.py",
            {
                "eps": (1e-8, "--opt-eps"),
                "momentum": (0.9, "--momentum, which LAMB leaves alone"),
                "anchor_lr": (1.0, "create_optimizer, all parameters in one group"),
                "min_lr": (1e-5, "--min-lr"),
                "pace": ("late", "lr_scheduler.step(epoch) behind the epoch of that number"),
                "clip": (0.0, "--clip-grad None"),
                "distillation": ("none", "--distillation-type"),
                "alpha": (0.0, "--distillation-type none"),
                "group_gmacs": (1.0, "--flops_gap; utils.py group_subnets_by_flops"),
                "start_photos": (100, "temp_loader_train, batch_size"),
                "ema": (0.0, "model_ema = None"),
                "draw_by": ("process", "the seed of each process is seed + rank"),
                "repeats": (
                    3,
                    "--repeated-aug True, as no_repeated_aug of the configuration is not read; samplers.py",
                ),
            },
        ),
        "sampling": ("gmacs", "classification/snnet.py: sampling_stitch_config, each group alike"),
        "draws": (1, "classification/engine.py: one forward pass a step"),
        "precision": (
            "float16",
            "classification/engine.py: torch.cuda.amp.autocast, with timm's NativeScaler",
        ),
        "warmup_place": ("within", "timm 0.6.12, create_scheduler: warmup_prefix False"),
        "drop_path_rule": ("even", "classification/models_v2.py: drop_path_rate in each block"),
        "flip": (0.5, "augment.py of DeiT: RandomHorizontalFlip"),
    }


SETTINGS: Mapping[str, Sourced] = {
    "deit": _DEIT,
    "swin": _SWIN,
    "levit": _LEVIT,
    "resnet18_resnet50": _RESNET,
    "resnet18_swin_ti": _RESNET_SWIN,
    "deit3_s_b": _deit3("s_b", "0.05,0.15"),
    "deit3_s_l": _deit3("s_l", "0.05,0.4"),
    "deit3_b_l": _deit3("b_l", "0.15,0.4"),
}

_START = "the least-squares start takes its photos as evaluation cuts them, theirs as training does"
_SPLIT = "theirs splits the batch norms: half of each batch is never erased, and has norms of its own"

# What runs otherwise here than in their code, whatever the settings.
DIFFERENCES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(SETTINGS, (_START,)),
    "swin": (_START, "biases of stitching layers have no weight decay, theirs do"),
    "resnet18_resnet50": (_START, _SPLIT),
    "resnet18_swin_ti": (_START, _SPLIT),
}
