#!/usr/bin/env python3
"""Times PyTorch's products of matrices and its attention on a GPU, at the sizes of kernels.cu beside this file; a line of JSON for each.

gemm: forward with bias, the gradient of the input, and those of weights and bias, of torch.nn.functional.linear in bfloat16; and a block's
  MLP with layer_norm, GELU and residual, eager and compiled.
attention: forward, and forward with backward, by each way of scaled_dot_product_attention that runs; the report takes the fastest.

  torch_kernels.py attention --batch 1024
"""
import argparse
import json
import statistics
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from torch_step import timed

BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION,
            "math": SDPBackend.MATH}


def measure(args, who, what, flops, call):
    try:
        for _ in range(5):
            call()
        calls = max(1, int(args.seconds / timed(1, call, args.device)))
        timed(calls, call, args.device)
        times = sorted(timed(calls, call, args.device) / calls for _ in range(args.rounds))
        median = statistics.median(times)
        result = dict(us=round(1e6 * median, 2), fastest=round(1e6 * times[0], 2), slowest=round(1e6 * times[-1], 2),
                      tflops=round(1e-12 * flops / median, 1), torch=torch.__version__)
    except RuntimeError as error:  # a way that does not run at this size must not hide the others
        result = dict(failed=str(error)[:200])
    print(json.dumps(dict(who=who, stage=args.stage, what=what, precision="bf16", **result)), flush=True)


def gemm(args):
    for dim in (384, 768):
        rows = args.batch * 196
        for wide_in, wide_out in ((dim, 3 * dim), (dim, dim), (dim, 4 * dim), (4 * dim, dim)):
            x = torch.rand(rows, wide_in, device=args.device, dtype=torch.bfloat16)
            w = torch.rand(wide_out, wide_in, device=args.device, dtype=torch.bfloat16)
            b = torch.rand(wide_out, device=args.device, dtype=torch.bfloat16)
            dy = torch.rand(rows, wide_out, device=args.device, dtype=torch.bfloat16)
            flops, size = 2 * rows * wide_in * wide_out, f"{rows}x{wide_in}x{wide_out}"
            measure(args, "torch", f"forward {size}", flops, lambda: F.linear(x, w, b))
            measure(args, "torch", f"input {size}", flops, lambda: dy @ w)
            measure(args, "torch", f"weights {size}", flops, lambda: (dy.t() @ x, dy.sum(0)))
        mlp(args, rows, dim)


def mlp(args, rows, dim):
    hidden = 4 * dim

    def noise(*shape):
        return torch.rand(*shape, device=args.device, dtype=torch.bfloat16).sub_(0.5).requires_grad_()
    x, gain, shift, w1, b1, w2, b2 = noise(rows, dim), noise(dim), noise(dim), noise(hidden, dim), noise(hidden), noise(dim, hidden), noise(dim)
    dy, flops, size = torch.rand_like(x), 4 * rows * dim * hidden, f"{rows}x{dim}x{hidden}"

    def forward():
        u = F.layer_norm(x, (dim,), gain, shift, 1e-6)
        return x + F.linear(F.gelu(F.linear(u, w1, b1), approximate="tanh"), w2, b2)
    for name, way in (("eager", forward), ("compile", torch.compile(forward))):
        def alone():
            with torch.no_grad():
                way()

        def both():
            for p in (x, gain, shift, w1, b1, w2, b2):
                p.grad = None
            way().backward(dy)
        measure(args, f"torch {name}", f"mlp forward {size}", flops, alone)
        measure(args, f"torch {name}", f"mlp both ways {size}", 3 * flops, both)


def attention(args):
    for heads in (6, 12):
        for tokens in (65, 98, 196, 197):
            shape = args.batch, tokens, 3, heads, 64
            qkv = torch.rand(shape, device=args.device, dtype=torch.bfloat16, requires_grad=True)
            dy = torch.rand(args.batch, heads, tokens, 64, device=args.device, dtype=torch.bfloat16)
            flops, size = 4 * args.batch * tokens * tokens * heads * 64, f"{tokens} tokens, {heads} heads"
            for name, backend in BACKENDS.items():
                def forward():
                    q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
                    with sdpa_kernel(backend):
                        return F.scaled_dot_product_attention(q, k, v)

                def both():
                    qkv.grad = None
                    forward().backward(dy)

                def alone():
                    with torch.no_grad():
                        forward()
                measure(args, f"torch {name}", f"forward {size}", flops, alone)
                measure(args, f"torch {name}", f"both ways {size}", 3.5 * flops, both)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("gemm", "attention"))
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--device", default="cuda", help="cpu: only to see that the script runs")
    args = parser.parse_args()
    {"gemm": gemm, "attention": attention}[args.stage](args)


if __name__ == "__main__":
    sys.exit(main())
