#!/usr/bin/env python3
"""Times one SplitMask training step in PyTorch on the CPU and prints one line of JSON.

The model is the one that tests/fixtures are made from, so both sides of a comparison do the same arithmetic. A step is
forward, backward and AdamW on one fixed batch; reading and augmenting images is not part of it.

  torch_step.py --config tiny --threads 2 --steps 20
  torch_step.py --config vits --threads 2 --steps 8 --compile

Needs PyTorch 2.4 or later (fused AdamW on the CPU); --compile also needs a C++ compiler. Give the machine to the
measurement alone, and with --compile more warm-up steps where the first ones are slow.
"""
import argparse
import json
import resource
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "fixtures"))
from reference import Config, SplitMask, adamw  # noqa: E402

PRESETS = {                                                     # configuration, batch
    "tiny": (Config(image=32, patch=4, dim=192, depth=12, heads=3, vocabulary=1024), 64),
    "vits": (Config(image=224, patch=16, dim=384, depth=12, heads=6, vocabulary=8192), 16),
}


def step_flops(c, batch):
    """Matrix products only, a multiply-add as two. Backward is twice forward, save that images need no gradient."""
    S, N, D = int(c.class_token), c.patches, c.dim

    def blocks(depth, tokens):                                  # both halves: 2 * batch sequences
        linear = 2 * D * D * (4 + 2 * c.mlp_ratio) * tokens
        attention = 4 * D * tokens * tokens
        return depth * 2 * batch * (linear + attention)

    embed = 2 * batch * N * c.channels * c.patch ** 2 * D
    head = 2 * batch * N * D * c.vocabulary
    forward = embed + blocks(c.depth, S + N // 2) + blocks(c.decoder_depth, S + N) + head
    return 3 * forward - embed


def make_batch(c, batch):
    random = torch.Generator().manual_seed(2)
    images = torch.randn(batch, c.channels, c.image, c.image, generator=random)
    order = torch.stack([torch.randperm(c.patches, generator=random) for _ in range(batch)])
    a, b = (half.sort(1)[0] for half in order.chunk(2, 1))
    return images, a, b, torch.randint(0, c.vocabulary, (batch, c.patches), generator=random)


def make_model(c):
    model, random = SplitMask(c, fused=True), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0, 0.02, generator=random)
            else:
                p.fill_(float("norm" in name and name.endswith("weight")))
    return model


def make_step(model, batch, args):
    """A function that trains once and returns the loss and the seconds of forward, backward and update."""
    optimizer = adamw(model, 1e-3, 0.05, fused=True)

    def loss_of(*inputs):
        return model(*inputs)["total"]
    forward = torch.compile(loss_of) if args.compile else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        times = [time.perf_counter()]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
            loss = forward(*batch)
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        if args.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        optimizer.step()
        times.append(time.perf_counter())
        return loss.item(), [end - begin for begin, end in zip(times, times[1:])]
    return step


def measure(args):
    config, batch_size = PRESETS[args.config]
    config, batch_size = replace(config, class_token=args.class_token), args.batch or batch_size
    torch.set_num_threads(args.threads)
    model = make_model(config)
    step = make_step(model, make_batch(config, batch_size), args)
    first = [step() for _ in range(args.warmup)]
    runs = [step() for _ in range(args.steps)]
    totals = [sum(parts) for _, parts in runs]
    median, work = statistics.median(totals), step_flops(config, batch_size)
    forward, backward, update = (1e3 * statistics.median(parts[i] for _, parts in runs) for i in range(3))
    return dict(
        config=args.config, threads=args.threads, batch=batch_size, class_token=args.class_token, compile=args.compile,
        bf16=args.bf16, clip=args.clip, steps=args.steps, torch=torch.__version__,
        cpu_capability=torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else "",
        parameters=sum(p.numel() for p in model.parameters()),
        step_ms=1e3 * median, best_ms=1e3 * min(totals), forward_ms=forward, backward_ms=backward, update_ms=update,
        images_per_s=batch_size / median, gflop_per_step=work / 1e9, gflops=work / median / 1e9,
        peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        first_loss=(first + runs)[0][0], last_loss=runs[-1][0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=PRESETS, default="tiny")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--batch", type=int, help="images per step instead of the configuration's")
    parser.add_argument("--class-token", action="store_true")
    parser.add_argument("--clip", type=float, default=0.0, help="global gradient norm; 0: no clipping")
    parser.add_argument("--compile", action="store_true", help="run forward and backward through torch.compile")
    parser.add_argument("--bf16", action="store_true", help="autocast matrix products to bfloat16")
    result = measure(parser.parse_args())
    print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}))


if __name__ == "__main__":
    main()
