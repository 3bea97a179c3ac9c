#!/usr/bin/env python3
"""Times whole SplitMask steps of vitrail and of PyTorch, interleaved, and prints a Markdown table and JSON lines.

  compare.py --bench build/benchmarks/bench_cpu_step --python python3 --rounds 3 --work tiny:2 vits:2 --torch "" "--compile"

Each round runs every contestant once, in one order and then in the other, so that a slow spell of the machine meets all of
them. A run is a process: ours gives the median of three repetitions' mean step, PyTorch's the median step after three. The table has the median of the
rounds, and the smallest and largest. Both sides do forward, backward and AdamW on one fixed batch.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

BATCH = {"tiny": 64, "vits": 16}
STEPS = {"tiny": 12, "vits": 5}


def vitrail(bench, work, threads):
    found = subprocess.run(
        [bench, f"--benchmark_filter=^step/{work}/{threads}/", "--benchmark_format=json", "--benchmark_repetitions=3",
         f"--benchmark_min_time={6 if work == 'tiny' else 5}"], check=True, capture_output=True, text=True)
    times = [run["real_time"] for run in json.loads(found.stdout)["benchmarks"] if run["run_type"] == "iteration"]
    if not times:
        sys.exit(f"compare.py: {bench} has no benchmark step/{work}/{threads}")
    return {"step_ms": statistics.median(times)}


def pytorch(python, work, threads, options):
    script = Path(__file__).with_name("torch_step.py")
    found = subprocess.run(
        [python, str(script), "--config", work, "--threads", str(threads), "--steps", str(STEPS[work]), "--warmup", "3", *options],
        check=True, capture_output=True, text=True, env=dict(os.environ, OMP_PROC_BIND="true"))
    return json.loads(found.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="the Google Benchmark program cpu/step.cpp")
    parser.add_argument("--python", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs="+", default=["tiny:2", "tiny:1", "vits:2"], metavar="CONFIG:THREADS")
    parser.add_argument("--torch", nargs="+", default=["", "--compile"], metavar="OPTIONS", help="options of torch_step.py, a contestant each")
    parser.add_argument("--out", help="file for the JSON lines")
    args = parser.parse_args()
    lines, rows = [], []
    for work, threads in (item.split(":") for item in args.work):
        contestants = [("vitrail", lambda: vitrail(args.bench, work, threads))]
        for options in args.torch:
            contestants.append((f"PyTorch {options}".strip(), lambda o=options.split(): pytorch(args.python, work, threads, o)))
        times = {name: [] for name, _ in contestants}
        for turn in range(args.rounds):
            for name, measure in contestants if turn % 2 == 0 else reversed(contestants):
                result = {**measure(), "name": name, "config": work, "threads": int(threads), "batch": BATCH[work], "round": turn}
                times[name].append(result["step_ms"])
                lines.append(json.dumps(result))
                print(f"# {work}, {threads} threads, round {turn + 1}: {name} {result['step_ms']:.0f} ms", file=sys.stderr)
        for name, found in times.items():
            median = statistics.median(found)
            rows.append(f"| {work}, {threads} threads | {name} | {median:.0f} ({min(found):.0f} to {max(found):.0f}) | "
                        f"{1e3 * BATCH[work] / median:.1f} | {median / statistics.median(times['vitrail']):.2f} |")
    print("| step | | ms (median of rounds, range) | images/s | time against vitrail |\n| --- | --- | --- | --- | --- |")
    print("\n".join(rows))
    if args.out:
        Path(args.out).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
