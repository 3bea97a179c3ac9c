#!/usr/bin/env python3
"""Times one SplitMask training step, or one inference, in PyTorch on the CPU and prints one line of JSON.

The model is the one that tests/fixtures are made from, so both sides of a comparison do the same arithmetic. A step is
forward, backward and AdamW on one fixed batch; reading and augmenting images is not part of it. Inference is the encoder
alone, on whole images.

  torch_step.py --config tiny --threads 2 --steps 20
  torch_step.py --config vits --threads 2 --steps 8 --compile
  torch_step.py --config vits --threads 1 --steps 50 --inference --batch 1

PyTorch 2.4 and later take fused attention and fused AdamW, older ones (1.13 is the oldest that was tried) what they have.
--compile needs a C++ compiler. Give the machine to the measurement alone.
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
from reference import Config, SplitMask, ViT, adamw  # noqa: E402

MODERN = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 4)

PRESETS = {                                                     # configuration, batch
    "tiny": (Config(image=32, patch=4, dim=192, depth=12, heads=3, vocabulary=1024), 64),
    "vits": (Config(image=224, patch=16, dim=384, depth=12, heads=6, vocabulary=8192), 16),
    "micro64": (Config(image=16, patch=4, dim=64, depth=4, heads=2, vocabulary=128), 64),
    "micro96": (Config(image=32, patch=4, dim=96, depth=6, heads=3, vocabulary=256), 32),
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


def inference_flops(c, batch):
    tokens = c.patches + int(c.class_token)
    blocks = c.depth * (2 * c.dim * c.dim * (4 + 2 * c.mlp_ratio) * tokens + 4 * c.dim * tokens * tokens)
    return batch * (blocks + 2 * c.patches * c.channels * c.patch ** 2 * c.dim)


def make_model(c, kind=SplitMask):
    model, random = kind(c, fused=MODERN), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0, 0.02, generator=random)
            else:
                p.fill_(float("norm" in name and name.endswith("weight")))
    return model


def make_step(model, batch, args):
    """A function that trains once and returns the loss and the seconds of forward, backward and update."""
    optimizer = adamw(model, 1e-3, 0.05, **(dict(fused=True) if MODERN else {}))

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


def make_inference(c, batch, args):
    """The same for the encoder alone: bf16 is the whole model then, which spares it the casts of autocast."""
    model, images = make_model(c, ViT).eval(), make_batch(c, batch)[0]
    if args.bf16:
        model, images = model.bfloat16(), images.bfloat16()
    if args.compile:                                            # weights packed beforehand, as ours are
        import torch._inductor.config as inductor
        inductor.freezing = True
    forward = torch.compile(model) if args.compile else model

    def step():
        begin = time.perf_counter()
        with torch.inference_mode():
            found = forward(images)
        end = time.perf_counter()
        return found.flatten()[0].item(), [end - begin]
    return model, step


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6


def measure(args):
    imported = peak_mb()
    config, batch_size = PRESETS[args.config]
    config, batch_size = replace(config, class_token=args.class_token), args.batch or batch_size
    torch.set_num_threads(args.threads)
    if args.inference:
        model, step = make_inference(config, batch_size, args)
    else:
        model = make_model(config)
        step = make_step(model, make_batch(config, batch_size), args)
    begin = time.perf_counter()
    first = [step() for _ in range(args.warmup)]
    warmup = time.perf_counter() - begin
    runs = [step() for _ in range(args.steps)]
    totals = [sum(parts) for _, parts in runs]
    median, work = statistics.median(totals), (inference_flops if args.inference else step_flops)(config, batch_size)
    parts = dict(zip(("forward_ms", "backward_ms", "update_ms"), (1e3 * statistics.median(times) for times in zip(*(p for _, p in runs)))))
    return dict(
        config=args.config, threads=args.threads, batch=batch_size, class_token=args.class_token, inference=args.inference,
        compile=args.compile, bf16=args.bf16, clip=args.clip, steps=args.steps, torch=torch.__version__,
        cpu_capability=torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else "",
        parameters=sum(p.numel() for p in model.parameters()), warmup_s=warmup,
        step_ms=1e3 * median, best_ms=1e3 * min(totals), **parts,
        images_per_s=batch_size / median, gflop_per_step=work / 1e9, gflops=work / median / 1e9,
        peak_mb=peak_mb(), imported_mb=imported,
        first_loss=(first + runs)[0][0], last_loss=runs[-1][0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=PRESETS, default="tiny")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--batch", type=int, help="images per step instead of the configuration's")
    parser.add_argument("--inference", action="store_true", help="the encoder's forward pass instead of a step")
    parser.add_argument("--class-token", action="store_true")
    parser.add_argument("--clip", type=float, default=0.0, help="global gradient norm; 0: no clipping")
    parser.add_argument("--compile", action="store_true", help="run forward and backward through torch.compile")
    parser.add_argument("--bf16", action="store_true", help="autocast matrix products to bfloat16")
    result = measure(parser.parse_args())
    print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}))


if __name__ == "__main__":
    main()
