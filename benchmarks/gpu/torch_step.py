#!/usr/bin/env python3
"""Times whole SplitMask steps in PyTorch on a GPU, each way in which PyTorch can run them, and prints a line of JSON for each.

A step is forward, backward and AdamW on one fixed batch, the model and the batch those of benchmarks/cpu/torch_step.py. The ways:
  eager      autocast to bfloat16, fused AdamW
  compile    the loss through torch.compile
  autotune   the same with mode "max-autotune", which takes CUDA graphs for parts of it
  graph      "max-autotune-no-cudagraphs", and the whole step, AdamW included, in one CUDA graph
Rounds of at least --seconds are timed by CUDA events after a warm-up as long; median, slowest and fastest round are kept.

  torch_step.py vits 1024 --ways eager,compile,autotune,graph
"""
import argparse
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path

import torch

spec = importlib.util.spec_from_file_location("cpu_step", Path(__file__).resolve().parents[1] / "cpu" / "torch_step.py")
cpu_step = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cpu_step)
PRESETS = {name: config for name, (config, _) in cpu_step.PRESETS.items()}
PRESETS["vitb"] = cpu_step.Config(image=224, patch=16, dim=768, depth=12, heads=12, vocabulary=8192)
WAYS = ("eager", "compile", "autotune", "graph")
MODES = {"compile": "default", "autotune": "max-autotune", "graph": "max-autotune-no-cudagraphs"}


def make_step(config, batch_size, way, args):
    model = cpu_step.make_model(config).to(args.device)
    batch = tuple(x.to(args.device) for x in cpu_step.make_batch(config, batch_size))
    optimizer = cpu_step.adamw(model, 1e-3, 0.05, fused=True, capturable=args.device == "cuda")

    def loss_of(*inputs):
        with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.precision == "bf16"):
            return model(*inputs)["total"]
    forward = loss_of if way == "eager" else torch.compile(loss_of, mode=MODES[way], fullgraph=True)

    def step():
        optimizer.zero_grad(set_to_none=way != "graph")
        loss = forward(*batch)
        loss.backward()
        optimizer.step()
        return loss

    if way != "graph":
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = step()

    def replay():
        graph.replay()
        return kept
    return replay


def timed(steps, step, device):
    if device != "cuda":
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        return time.perf_counter() - begin
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(steps):
        step()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def measure(name, batch_size, way, args):
    config = cpu_step.replace(PRESETS[name], class_token=False)
    step = make_step(config, batch_size, way, args)
    for _ in range(3):
        step()
    steps = max(1, int(args.seconds / timed(1, step, args.device)))
    timed(steps, step, args.device)
    rates = [steps * batch_size / timed(steps, step, args.device) for _ in range(args.rounds)]
    median = statistics.median(rates)
    peak = torch.cuda.max_memory_allocated() / 1e6 if args.device == "cuda" else 0
    return dict(who=f"torch {way}", model=name, batch=batch_size, precision=args.precision, images_per_s=median, slowest=min(rates),
                fastest=max(rates), tflops=cpu_step.step_flops(config, batch_size) / batch_size * median / 1e12, used_mb=peak,
                loss=step().item(), torch=torch.__version__)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=PRESETS)
    parser.add_argument("batch", type=int)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--precision", choices=("bf16", "full"), default="bf16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--device", default="cuda", help="cpu: only to see that the script runs")
    args = parser.parse_args()
    for way in args.ways.split(","):
        try:
            result = measure(args.model, args.batch, way, args)
        except Exception as error:  # one way that fails must not hide the others
            result = dict(who=f"torch {way}", model=args.model, batch=args.batch, precision=args.precision, failed=str(error)[:300])
        print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}), flush=True)
        if args.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


if __name__ == "__main__":
    sys.exit(main())
