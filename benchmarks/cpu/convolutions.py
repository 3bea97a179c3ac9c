#!/usr/bin/env python3
"""Convolutions of detectors on one thread, ours and PyTorch's, by turns: the median of rounds, and their range.

  convolutions.py PROGRAM [ROUNDS]     PROGRAM: build/benchmarks/bench_cpu_convolution, which says which layers

PyTorch's images lie channel by channel, as ours do, or pixel by pixel ("channels last"), which it multiplies faster. Time is that of the
processor, so that other programs on the machine cost less than they seem to.
"""
import json
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict

import torch


def ours(program):
    text = subprocess.run([program, "--benchmark_min_time=0.1", "--benchmark_format=json"], check=True, capture_output=True).stdout
    return {tuple(run["name"].split("/")[1:]): run["GFLOP/s"] for run in json.loads(text)["benchmarks"]}


def rate(flop, call):
    call()
    begin, calls = time.thread_time(), 0
    while calls < 3 or time.thread_time() - begin < 0.1:
        call()
        calls += 1
    return 1e-9 * flop * calls / (time.thread_time() - begin)


def theirs(layer, layout):
    batch, channels, side, out, kernel, stride = map(int, re.findall(r"\d+", layer))
    x = torch.randn(batch, channels, side, side).contiguous(memory_format=layout)
    w = torch.randn(out, channels, kernel, kernel).contiguous(memory_format=layout)
    bias, pad = torch.randn(out), kernel // 2
    forward = lambda: torch.nn.functional.conv2d(x, w, bias, stride, pad)
    dy = torch.randn_like(forward())
    flop = 2 * dy.numel() * channels * kernel * kernel

    def backward(wanted):
        return lambda: torch.ops.aten.convolution_backward(dy, x, w, [out], [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, wanted)

    return {"forward": rate(flop, forward), "dx": rate(flop, backward([True, False, False])), "dw": rate(flop, backward([False, True, False]))}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    torch.set_num_threads(1)
    rounds = int(sys.argv[2]) if len(sys.argv) == 3 else 5
    found = defaultdict(list)
    with torch.no_grad():
        for _ in range(rounds):
            for (layer, which), value in ours(sys.argv[1]).items():
                found[layer, which, "vitrail"].append(value)
            for layer in sorted({layer for layer, _, _ in found}):
                for name, layout in (("PyTorch", torch.contiguous_format), ("PyTorch, channels last", torch.channels_last)):
                    for which, value in theirs(layer, layout).items():
                        found[layer, which, name].append(value)
    print(f"GFLOP/s on one thread, median of {rounds} rounds (range); PyTorch {torch.__version__}\n")
    print("| batch x channels x side, channels of y, kernel, stride | | forward | dx | dw |")
    print("| --- | --- | --- | --- | --- |")
    for layer in dict.fromkeys(layer for layer, _, _ in found):
        for name in ("vitrail", "PyTorch", "PyTorch, channels last"):
            cells = [found[layer, which, name] for which in ("forward", "dx", "dw")]
            print(f"| {layer.replace('_', ' ')} | {name} | " + " | ".join(
                f"{statistics.median(cell):.0f} ({min(cell):.0f} to {max(cell):.0f})" for cell in cells) + " |")


if __name__ == "__main__":
    main()
