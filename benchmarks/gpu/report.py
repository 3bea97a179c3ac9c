#!/usr/bin/env python3
"""Makes a table of what run.sh measured: report.py gpu.jsonl. The ratio is to PyTorch's fastest way of the same model and batch."""
import json
import statistics
import sys
from collections import defaultdict

runs, failures = defaultdict(list), {}
for line in open(sys.argv[1]):
    run = json.loads(line)
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
for (model, batch, precision, who), why in failures.items():
    print(f"\n{who} failed on {model}, batch {batch}: {why}")
