#!/usr/bin/env python3
"""Times steps and inference of vitrail and of PyTorch, interleaved; prints a Markdown table, writes JSON lines.

  compare.py --build build --python python3 --rounds 3 --work tiny:2 vits:2 inference/tiny/1:1

Each round runs every contestant once, in one order and then in the other, so that a slow spell of the machine meets all of
them. A run is a process and gives the median of its steps; the table has the median of the rounds, the smallest and the
largest. Steps are forward, backward and AdamW on one fixed batch. The multipliers' peak with 2 threads is read before and after
each run: a run beside a reading below 85 % of the best so far is repeated, at most twice. The table marks runs beside a reading
below 85 % of the best of the whole session, which is the last of the JSON lines.
"""
import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from contestants import SETTINGS, Failed, Ours, PyTorch, Work, peak

WORK = ["tiny:2", "vits:2", "tiny:1", "vits:1", "micro64:1", "micro96:2", "micro64/1:1", "micro64/4:1", "micro64/16:1",
        "inference/tiny/1:1", "inference/vits/1:1", "inference/tiny/1:2", "inference/vits/1:2"]
QUICK = ["micro64:1", "inference/tiny/1:1"]
DEBIAN_BLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"  # the default, OpenBLAS with pthreads, fights with OpenMP
LEAST_PEAK = 0.85


class Session:
    """Runs, each between two readings of the peak, and the file that remembers them."""

    def __init__(self, gemm, out, seconds):
        self.gemm, self.seconds, self.best, self.lines = gemm, seconds, 0.0, out.open("w")
        for _ in range(6):  # a good one among them, or the first runs are judged by a slow machine's best
            self.last = self.read_peak()

    def read_peak(self):
        found = peak(self.gemm)
        self.best = max(self.best, found or 0)
        return found

    def steady(self, run):
        return all(reading is None or reading >= LEAST_PEAK * self.best for reading in (run["peak_before"], run["peak_after"]))

    def measure(self, contestant, work, turn):
        for attempt in range(3):
            before, begin = self.last, time.monotonic()
            try:
                result = contestant.run(work, self.seconds)
            except Failed as failure:
                result = dict(failed=str(failure))
            seconds, self.last = time.monotonic() - begin, self.read_peak()
            result = dict(name=contestant.name, work=work.text, round=turn + 1, attempt=attempt + 1, peak_before=before,
                          peak_after=self.last, run_s=round(seconds, 1), **result)
            steady = self.steady(result)
            self.lines.write(json.dumps(result) + "\n")
            self.lines.flush()
            told = result.get("failed") or f"{result['ms']:.2f} ms"
            print(f"# {work.words()}, round {turn + 1}: {contestant.name} {told}, peak {self.last or 0:.0f} GFLOP/s"
                  + ("" if steady else ", machine slow"), file=sys.stderr)
            if steady or "failed" in result:
                break
        return result


def clock(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def estimate(contestants, works, rounds, seconds):
    total = 0.0
    for work in works:
        for one in contestants:
            total += work.rounds(rounds) * (one.estimate(work, seconds) + 0.4)
            total += one.first_time(work) if isinstance(one, PyTorch) else 0
    return total


def ratio_text(times, name, against):
    return f"{times[against] / times[name]:.2f}" if name in times and against in times else "-"


def best_of(times, with_words):
    known = [name for name in times if name.startswith("PyTorch") and with_words in name]
    return min(known, key=times.get, default=None)


def rows_of(work, results, steady):
    """Lines of the table of all, and the line of the summary, for the results of one work. steady(run): beside good peaks."""
    times, rows = {}, []
    for name, runs in results.items():
        good = [run for run in runs if "ms" in run]
        if not good:
            rows.append(f"| {work.words()} | {name} | did not run: {runs[-1]['failed'] if runs else 'not asked'} | | | |")
            continue
        ms = [run["ms"] for run in good]
        times[name] = statistics.median(ms)
        slow = sum(not steady(run) for run in good)
        marks = f", {slow} of {len(good)} on a slow machine" if slow else ""
        rows.append([name, f"{times[name]:.4g} ({min(ms):.4g} to {max(ms):.4g}){marks}", f"{1e3 * work.batch / times[name]:.4g}",
                     f"{statistics.median(run['peak_mb'] for run in good):.0f}"])
    ours = "vitrail fp32"
    rows = [row if isinstance(row, str) else f"| {work.words()} | {' | '.join(row)} | {ratio_text(times, ours, row[0])} |"
            for row in rows]
    any_best, fp32_best = best_of(times, ""), best_of(times, "fp32")
    cells = [work.words()]
    for best in (any_best, fp32_best):
        cells += [best or "-", ratio_text(times, ours, best), ratio_text(times, "vitrail bf16", best)]
    return rows, f"| {' | '.join(cells)} |"


def contestants_of(args):
    bench = args.build / "benchmarks" / "bench_cpu_step"
    everyone = [Ours(bench, ""), Ours(bench, "_bf16"), Ours(bench, "_recompute")]
    everyone += [PyTorch(args.python, setting) for setting in args.torch]
    if args.debian_python:
        everyone.append(PyTorch(args.debian_python, "fp32", "PyTorch of Debian", {"LD_LIBRARY_PATH": DEBIAN_BLAS}))
    return everyone


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the benchmark programs were built")
    parser.add_argument("--python", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--debian-python", help="another one: Debian's, with its package python3-torch")
    parser.add_argument("--rounds", type=int, default=3, help="of runs; one less for work whose steps take more than 6 s")
    parser.add_argument("--seconds", type=float, default=2, help="of a run's steps; two or three steps are the least")
    parser.add_argument("--work", nargs="+", default=WORK, metavar="WORK", help="CONFIG:THREADS or inference/CONFIG/BATCH:THREADS")
    parser.add_argument("--torch", nargs="+", default=SETTINGS, choices=SETTINGS, help="settings of PyTorch, a contestant each")
    parser.add_argument("--quick", action="store_true", help="one short round of two works, to see that everything runs")
    parser.add_argument("--estimate", action="store_true", help="say how long it would take, and stop")
    parser.add_argument("--out", type=Path, help="file for the JSON lines; without it BUILD/benchmarks/cpu.jsonl")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 1, 0.2
        args.work = QUICK if args.work == WORK else args.work
    args.out = args.out or args.build / "benchmarks" / "cpu.jsonl"
    return args


def main():
    args = options()
    works, everyone = [Work.parse(text) for text in args.work], contestants_of(args)
    print(f"# about {clock(estimate(everyone, works, args.rounds, args.seconds))} for {len(works)} works, {args.rounds} round(s), "
          f"{len(everyone)} contestants", file=sys.stderr)
    if args.estimate:
        return
    session = Session(str(args.build / "benchmarks" / "bench_cpu_gemm"), args.out, args.seconds)
    found = []
    for work in works:
        results = {one.name: [] for one in everyone if one.knows(work)}
        for turn in range(work.rounds(args.rounds)):
            for one in everyone if turn % 2 == 0 else reversed(everyone):
                runs = results.get(one.name)
                if runs is not None and not any("failed" in run for run in runs):
                    runs.append(session.measure(one, work, turn))
        found.append((work, results))
    session.lines.write(json.dumps(dict(best_peak=session.best)) + "\n")
    tables = [rows_of(work, results, session.steady) for work, results in found]  # last, when the best peak is known
    rows, summaries = [row for more, _ in tables for row in more], [summary for _, summary in tables]
    print(f"Peak of the multipliers with 2 threads: {session.best:.0f} GFLOP/s at best.\n" if session.best else "Peak: not known here.\n")
    print("| work | | ms (median of rounds, range) | images/s | peak MB | time against vitrail fp32 |")
    print("| --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows))
    print("\n| work | best of PyTorch | vitrail fp32 is faster by | bf16 by | best PyTorch in fp32 | vitrail fp32 is faster by | bf16 by |")
    print("| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(summaries))


if __name__ == "__main__":
    main()
