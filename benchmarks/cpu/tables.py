#!/usr/bin/env python3
"""Turns what the benchmark programs wrote as JSON into Markdown tables.

  tables.py products gemm.json     how much of the multipliers' peak the models' products reach, by who computes them
  tables.py scaling scale.json     how far the cost of a step is from a straight line in batch and depth, and what threads bring

Repetitions of a benchmark count by their median.
"""
import json
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path


def medians(path, counter):
    """Name without its endings -> (median, every reading)."""
    found = defaultdict(list)
    for run in json.loads(Path(path).read_text())["benchmarks"]:
        if run.get("run_type") == "iteration":
            found[re.sub("/(process_time|real_time|min_time|iterations|repeats).*", "", run["name"])].append(run.get(counter))
    return {name: (statistics.median(all_of_it), all_of_it) for name, all_of_it in found.items() if None not in all_of_it}


def by_rank(providers):
    order = ["avx512", "avx2", "eigen", "onednn", "cblas", "bf16"]
    return sorted(providers, key=lambda name: order.index(name) if name in order else len(order))


def products(path):
    rates, weights = medians(path, "GFLOP/s"), medians(path, "GFLOP a step")
    peaks = {name: rates[name][1] for name in rates if name.startswith("peak")}
    for name, readings in sorted(peaks.items()):
        print(f"{name}: {max(readings):.0f} GFLOP/s at best, {min(readings):.0f} at worst of {len(readings)} readings")
    if not peaks:
        sys.exit(f"tables.py: {path} has no reading of the peak; run the benchmarks ^peak and ^gemm together")

    sums = defaultdict(lambda: [0.0, 0.0])                                      # GFLOP and seconds of a step's products
    for name, (weight, _) in weights.items():
        _, model, _, _, provider, threads = name.split("/")
        sums[provider, model, threads][0] += weight
        sums[provider, model, threads][1] += weight / rates[name][0]
    columns = sorted({(model, threads) for _, model, threads in sums})
    print("\n| products of a step | " + " | ".join(f"{model}, {threads} thread{'s'[:threads != '1']}" for model, threads in columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for provider in by_rank({provider for provider, _, _ in sums}):
        peak = "peak_bf16/" if provider == "bf16" else "peak/"
        cells = []
        for model, threads in columns:
            work, seconds = sums.get((provider, model, threads), (0, 0))
            share = 100 * work / seconds / max(peaks[peak + threads]) if seconds and peak + threads in peaks else None
            cells.append("-" if not seconds else f"{work / seconds:.0f} GFLOP/s" + (f" ({share:.0f} %)" if share else ""))
        print(f"| {provider} | " + " | ".join(cells) + " |")
    attention(rates)


def attention(rates):
    heads = defaultdict(dict)
    for name, (rate, _) in rates.items():
        if name.startswith("attention/"):
            _, tokens, which, provider, _ = name.split("/")
            heads[provider][int(tokens), which] = rate
    if not heads:
        return
    columns = sorted({column for cells in heads.values() for column in cells})
    print("\n| heads of attention, 1 thread, GFLOP/s | " + " | ".join(f"{tokens} {which}" for tokens, which in columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for provider in by_rank(heads):
        cells = heads[provider]
        print(f"| {provider} | " + " | ".join(f"{cells[column]:.0f}" if column in cells else "-" for column in columns) + " |")


def line(points):
    """The a + b x with the least squares of relative deviations, and the largest deviation with its x."""
    rows = [(1 / y, x / y) for x, y in points]                                   # a / y + b x / y = 1
    aa, ab, bb = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    a1, b1, determinant = sum(row[0] for row in rows), sum(row[1] for row in rows), aa * bb - ab * ab
    a, b = (a1 * bb - b1 * ab) / determinant, (b1 * aa - a1 * ab) / determinant
    worst = max(points, key=lambda point: abs(point[1] / (a + b * point[0]) - 1))
    return a, b, worst[1] / (a + b * worst[0]) - 1, worst[0]


def scaling(path):
    series = defaultdict(dict)
    for name, (ms, _) in medians(path, "median ms").items():
        if name.startswith("scale/"):
            _, kind, *_, threads, size = name.split("/")
            series[kind, int(threads)][int(size)] = ms
    print("| cost of a step against | threads | fitted, ms | largest deviation from the line | measured, ms |")
    print("| --- | --- | --- | --- | --- |")
    for (kind, threads), points in sorted(series.items()):
        if len(points) < 3:
            continue
        a, b, off, where = line(sorted(points.items()))
        told = ", ".join(f"{size}: {ms:.3g}" for size, ms in sorted(points.items()))
        print(f"| {kind} | {threads} | {a:.3g} + {b:.3g} x {kind} | {100 * off:+.1f} % at {where} | {told} |")
    for kind in sorted({kind for kind, _ in series}):
        one, two = series.get((kind, 1), {}), series.get((kind, 2), {})
        gains = ", ".join(f"{size}: {one[size] / two[size]:.2f}" for size in sorted(one) if size in two)
        if gains:
            print(f"\nTwo threads against one, by {kind}: {gains}.")


def main():
    known = {"products": products, "scaling": scaling}
    if len(sys.argv) != 3 or sys.argv[1] not in known:
        sys.exit(__doc__)
    known[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    main()
