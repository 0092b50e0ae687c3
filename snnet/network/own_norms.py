"""Norms of its own behind a stitching layer, everything else shared with the back anchor.

What comes through a stitching layer differs in mean and spread, channel by channel, from what the back
anchor's norms were made for. As slimmable networks give each width a batch norm of its own (Yu et al., ICLR
2019), each stitching layer can give the blocks behind it norms of its own: scale and shift, two numbers a
channel. The running statistics of batch norms stay the anchor's, since in evaluation they add nothing that
scale and shift can't do.
"""

import copy
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    pass


def with_own_norms(module: nn.Module, owned: dict[str, nn.Module], path: str) -> nn.Module:
    """Return a module that shares all with this one but the scale and shift of its norms.

    The new norms are put into `owned` by `key` of their path; a module without norms is returned as it is.
    """
    if is_norm(module):
        twin = copy.deepcopy(module)
        twin._buffers = module._buffers  # the very same ones …
        twin._non_persistent_buffers_set = set(module._buffers)  # … saved once …
        if isinstance(twin, _BatchNorm):
            twin.track_running_stats = False  # … and moved by the anchor alone
        owned[key(path)] = twin
        return twin
    children = {
        name: with_own_norms(child, owned, f"{path}.{name}")
        for name, child in module._modules.items()
        if child is not None
    }
    if all(module._modules[name] is child for name, child in children.items()):
        return module
    return with_children(module, children)


def with_children(module: nn.Module, children: dict[str, nn.Module]) -> nn.Module:
    """Return a module that shares all with this one but these children."""
    twin = copy.copy(module)
    twin._modules = {**module._modules, **children}
    return twin


def key(path: str) -> str:
    """Return a path as the name of a module, in which no point may stand."""
    return path.replace(".", "-")


def is_norm(module: nn.Module) -> bool:
    """True for a norm that has a scale and shift to own."""
    return isinstance(module, _BatchNorm | nn.LayerNorm) and module.weight is not None
