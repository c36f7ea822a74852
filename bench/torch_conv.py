#!/usr/bin/env python3
"""Times torch's convolutions on the table of bench/conv_bench.cpp, which it reads, so that both run the same shapes.

    torch_conv.py [--threads 2] [--repeats 3] [--format channels_last|contiguous] [--only NAME]
"""
import argparse
import pathlib
import re
import time

import torch


def layers(only):
    source = pathlib.Path(__file__).with_name("conv_bench.cpp").read_text()
    table = source.split("kLayers[] = {")[1].split("};")[0]
    for name, numbers in re.findall(r'\{"([^"]+)", ([0-9, ]+)\}', table):
        if only in name:
            yield name, *map(int, numbers.split(","))


def best_seconds(repeats, f):
    f()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--format", choices=["channels_last", "contiguous"], default="channels_last")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    layout = torch.channels_last if args.format == "channels_last" else torch.contiguous_format

    seconds_of, flops_of = [0.0] * 3, 0.0
    print(f"torch {torch.__version__}, {args.threads} threads, {args.format}; ms and GFLOP/s")
    for name, images, side, channels, out, kernel, stride, count in layers(args.only):
        x = torch.full((images, channels, side, side), 0.5).contiguous(memory_format=layout)
        w = torch.full((out, channels, kernel, kernel), 0.01).contiguous(memory_format=layout)
        bias = torch.full((out,), 0.1)
        pad = kernel // 2

        def backward(dy, of_x, of_w):
            return torch.ops.aten.convolution_backward(
                dy, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, [of_x, of_w, False])

        with torch.no_grad():
            y = torch.relu_(torch.conv2d(x, w, bias, stride, pad))
            flops = 2.0 * y.numel() * kernel * kernel * channels
            seconds = [
                best_seconds(args.repeats, lambda: torch.relu_(torch.conv2d(x, w, bias, stride, pad))),
                best_seconds(args.repeats, lambda: backward(y, True, False)),
                best_seconds(args.repeats, lambda: backward(y, False, True)),
            ]
        print(f"{name:22} x{count}" + "".join(f" | {s * 1e3:8.2f} {flops / s * 1e-9:6.1f}" for s in seconds))
        seconds_of = [a + b * count for a, b in zip(seconds_of, seconds)]
        flops_of += flops * count
    for kind, s in zip(["forward", "backward input", "backward weight"], seconds_of):
        print(f"{kind:16} {s * 1e3:8.1f} ms  {flops_of / s * 1e-9:6.1f} GFLOP/s")


if __name__ == "__main__":
    main()
