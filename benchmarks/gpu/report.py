#!/usr/bin/env python3
"""Makes a table of what run.sh measured: report.py gpu.jsonl. The ratio is to PyTorch's fastest way of the same model and batch."""
import json
import statistics
import sys
from collections import defaultdict

runs, failures, kernels = defaultdict(list), {}, defaultdict(list)
for line in open(sys.argv[1]):
    run = json.loads(line)
    if "stage" in run:
        kernels[run["stage"], run["what"], run["precision"], run["who"]].append(run)
        continue
    key = run["model"], run["batch"], run["precision"], run["who"]
    if "failed" in run:
        failures[key] = run["failed"]
    else:
        runs[key].append(run)
rates = {key: statistics.median(run["images_per_s"] for run in of) for key, of in runs.items()}
print("| model | batch | | precision | images/s (range) | TFLOP/s | MB | against PyTorch's best |")
print("| --- | --- | --- | --- | --- | --- | --- | --- |")
for (model, batch, precision, who), of in sorted(runs.items()):
    best = max((rate for (m, b, p, w), rate in rates.items() if (m, b, p) == (model, batch, precision) and w.startswith("torch")), default=None)
    rate = rates[model, batch, precision, who]
    span = f"{min(run['slowest'] for run in of):.0f} to {max(run['fastest'] for run in of):.0f}"
    ratio = f"{rate / best:.2f}" if best else "none ran"
    print(f"| {model} | {batch} | {who} | {precision} | {rate:.0f} ({span}) | {of[-1]['tflops']:.0f} | {of[-1]['used_mb']:.0f} | {ratio} |")
if kernels:
    print("\n| | | precision | microseconds (range) | TFLOP/s | against PyTorch's best |\n| --- | --- | --- | --- | --- | --- |")
times = {key: statistics.median(run["us"] for run in of if "us" in run) for key, of in kernels.items() if any("us" in run for run in of)}
for key, time in sorted(times.items()):
    stage, what, precision, who = key
    of = [run for run in kernels[key] if "us" in run]
    best = min((t for (s, w, p, other), t in times.items() if (s, w, p) == key[:3] and other.startswith("torch")), default=None)
    span = f"{min(run['fastest'] for run in of):.1f} to {max(run['slowest'] for run in of):.1f}"
    ratio = f"{best / time:.2f}" if best else "none ran"
    print(f"| {stage} {what} | {who} | {precision} | {time:.1f} ({span}) | {statistics.median(run['tflops'] for run in of):.0f} | {ratio} |")
for (model, batch, precision, who), why in failures.items():
    print(f"\n{who} failed on {model}, batch {batch}: {why}")
