"""Writes tests/golden/pth/*.pth: small state dicts as torch.save writes them, for tests/nn/pth_test.cpp.

    python tests/reference/make_pth_goldens.py tests/golden/pth

Needs torch.  Values are whole numbers that the test knows.
"""
import os
import sys
from collections import OrderedDict

import torch


def odd():
    """Everything that a state dict may hold beside plain float32 tensors."""
    x = torch.arange(24.0)
    shared = x.reshape(4, 6)
    return OrderedDict(
        parameter=torch.nn.Parameter(torch.arange(6.0).reshape(2, 3)),
        transposed=shared.t(),  # [6, 4], strides (1, 6)
        rows=shared[1:3],  # offset 6 of the same storage
        column=shared[:, 2],
        all=x,
        half=torch.tensor([1.0, -2.0, 2.0**-24, float("inf"), 1 / 3]).half(),
        half_transposed=torch.arange(6.0).reshape(2, 3).half().t(),
        bfloat16=torch.tensor([1.5, -3.0]).bfloat16(),
        double=torch.tensor([0.1], dtype=torch.float64),
        long=torch.tensor(2**40 + 1),
        int=torch.tensor([-7], dtype=torch.int32),
        byte=torch.tensor([[255, 0]], dtype=torch.uint8),
        empty=torch.zeros(0, 4),
        expanded=torch.tensor([5.0]).expand(3),
    )


class System:
    def __reduce__(self):
        return (os.system, ("touch harm",))


if __name__ == "__main__":
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    norm = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3)).state_dict()  # carries _metadata
    for i, t in enumerate(norm.values()):
        t.copy_(torch.arange(t.numel()).reshape(t.shape) + 10 * i)
    for kind, zipped in (("zip", True), ("stream", False)):
        torch.save(odd(), f"{folder}/odd_{kind}.pth", _use_new_zipfile_serialization=zipped)
        torch.save(norm, f"{folder}/module_{kind}.pth", _use_new_zipfile_serialization=zipped)
        torch.save({"a": torch.zeros(1), "b": System()}, f"{folder}/system_{kind}.pth", _use_new_zipfile_serialization=zipped)
