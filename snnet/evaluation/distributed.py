"""The processes of one run, on one machine or several, started by `accelerate launch` or `torchrun`.

With one process, which is the usual case, nothing is imported and every method hands back what it got.
"""

import os
from typing import Any

import torch
from torch import Tensor


class Processes:
    """What one process knows of the others: `rank` of `size`; the first one, `is_main`, writes and prints."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.size > 1 else 0
        self.device: torch.device | None = None  # where this process computes; None: where the network is
        if self.size > 1:
            from accelerate import PartialState

            # said outright, else torchrun on CPUs is not seen
            self.device = PartialState(cpu=not torch.accelerator.is_available()).device

    @property
    def is_main(self) -> bool:
        """True in the process that writes and prints."""
        return self.rank == 0

    def share(self, value: Any) -> Any:
        """Return what the main process holds."""
        if self.size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0, device=self.device)
        return values[0]

    def gather(self, value: Any) -> list[Any]:
        """Return what each process holds, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, value)
        return values

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of equally shaped tensors over the processes."""
        if self.size > 1:
            tensor = tensor.to(self.device, copy=True)
            torch.distributed.all_reduce(tensor)
        return tensor
