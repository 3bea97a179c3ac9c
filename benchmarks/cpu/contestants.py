"""Who takes part in compare.py, and what they are asked: one run is a process of its own, and returns a dictionary."""
import json
import math
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Seconds of a step with one thread, fp32: roughly, for the number of steps of a run and for the estimate of all runs. `step`
# is a SplitMask step, the others are inference by batch.
SECONDS = {
    "tiny": {"step": 2.4, 1: 0.012, 64: 0.7}, "vits": {"step": 8.5, 1: 0.12, 16: 2.0},
    "micro64": {"step": 0.05}, "micro96": {"step": 0.25},
}
SETTINGS = ["fp32", "fp32+compile", "bf16", "bf16+compile"]
BATCH = {"tiny": 64, "vits": 16, "micro64": 64, "micro96": 32}
COMPILATION = {"tiny": 50, "vits": 50, "micro64": 25, "micro96": 30}   # seconds, once for each number of threads


@dataclass(frozen=True)
class Work:
    """CONFIG:THREADS, a step; CONFIG/BATCH:THREADS, one of another batch; or inference/CONFIG/BATCH:THREADS."""
    text: str
    config: str
    threads: int
    batch: int
    inference: bool

    @staticmethod
    def parse(text):
        name, _, threads = text.partition(":")
        parts = name.split("/")
        inference = parts[0] == "inference"
        try:
            config, *batch = parts[1:] if inference else parts
            work = Work(text, config, int(threads), int(batch[0]) if batch else BATCH[config], inference)
            work.step_seconds()
            return work
        except (KeyError, IndexError, ValueError):
            raise SystemExit(f"compare.py: work '{text}' is unknown; known are CONFIG:THREADS, CONFIG/BATCH:THREADS and inference/CONFIG/BATCH:THREADS with "
                             + ", ".join(f"{config} ({' '.join(map(str, known))})" for config, known in SECONDS.items())) from None

    def step_seconds(self):
        seconds = SECONDS[self.config][self.batch] if self.inference else SECONDS[self.config]["step"] * self.batch / BATCH[self.config]
        return seconds / (1.8 if self.threads > 1 else 1)

    def steps(self, seconds):
        least = 1 if seconds < 1 else 2 if self.step_seconds() > 2 else 3
        return min(200, max(least, math.ceil(seconds / self.step_seconds())))

    def rounds(self, rounds):
        return max(1, rounds - 1) if self.step_seconds() > 6 else rounds

    def words(self):
        kind = f"inference, batch {self.batch}" if self.inference else "step" + f", batch {self.batch}" * (self.batch != BATCH[self.config])
        return f"{self.config} {kind}, {self.threads} thread{'s' if self.threads > 1 else ''}"


class Failed(Exception):
    """A contestant could not run; the text says why."""


def output_of(command, environment=None):
    found = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, OMP_PROC_BIND="true", **(environment or {})))
    if found.returncode != 0:
        lines = [line.strip() for line in found.stderr.splitlines() if line.strip()]
        told = [line for line in lines if "Error" in line or "error" in line]
        raise Failed((told or lines or [f"exit status {found.returncode}"])[-1][:200])
    return found.stdout


def peak(gemm, threads=2):
    """GFLOP/s of the multipliers; None where the program has no tiles to measure them with."""
    text = output_of([gemm, f"--benchmark_filter=^peak/{threads}/", "--benchmark_format=json"])
    runs = json.loads(text)["benchmarks"] if text.strip().startswith("{") else []
    return runs[0]["GFLOP/s"] if runs else None


class Ours:
    def __init__(self, bench, suffix):
        self.bench, self.suffix, self.name = str(bench), suffix, "vitrail " + (suffix.strip("_") or "fp32")

    def benchmark(self, work):
        if not work.inference and work.batch != BATCH[work.config]:
            return f"scale/batch{self.suffix}/{work.config}/{work.threads}/{work.batch}/"
        kind = "inference" if work.inference else "step"
        return f"{kind}/{work.config}{self.suffix}/{work.threads}/" + (f"{work.batch}/" if work.inference else "")

    def knows(self, work):
        return self.benchmark(work) in output_of([self.bench, "--benchmark_list_tests"])

    def estimate(self, work, seconds):
        return 0.5 + (work.steps(seconds) + 1) * work.step_seconds() * (0.6 if self.suffix else 0.8)

    def run(self, work, seconds):
        text = output_of([self.bench, f"--steps={work.steps(seconds)}", f"--benchmark_filter=^{self.benchmark(work)}",
                          "--benchmark_format=json"])
        run = json.loads(text)["benchmarks"][0]
        return dict(ms=run["median ms"], peak_mb=run["peak MB"], steps=run["iterations"])


class PyTorch:
    """A setting is fp32 or bf16, with +compile or without."""

    def __init__(self, python, setting, name="PyTorch", environment=None):
        self.python, self.environment, self.name = python, environment, f"{name} {setting}"
        self.bf16, self.compiled = setting.startswith("bf16"), setting.endswith("+compile")
        if setting not in SETTINGS:
            raise SystemExit(f"compare.py: setting '{setting}' of PyTorch is unknown; known are {' '.join(SETTINGS)}")
        self.options = ["--bf16"] * self.bf16 + ["--compile"] * self.compiled

    def knows(self, work):
        return True

    def estimate(self, work, seconds):
        steps = work.steps(seconds) + self.warmup(work, seconds)
        return 2.5 + 4 * self.compiled + steps * work.step_seconds() * (0.6 if self.bf16 else 1)

    def first_time(self, work):
        return COMPILATION[work.config] * (0.3 if work.inference else 1) if self.compiled else 0

    @staticmethod
    def warmup(work, seconds):
        return 1 if work.step_seconds() > 1 else max(2, work.steps(seconds) // 5)

    def run(self, work, seconds):
        script = Path(__file__).with_name("torch_step.py")
        kind = ["--batch", str(work.batch)] + ["--inference"] * work.inference
        found = json.loads(output_of(
            [self.python, str(script), "--config", work.config, "--threads", str(work.threads), "--steps", str(work.steps(seconds)),
             "--warmup", str(self.warmup(work, seconds)), *kind, *self.options], self.environment).splitlines()[-1])
        return dict(found, ms=found["step_ms"])
