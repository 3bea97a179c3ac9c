#!/bin/sh
# Whole training steps on the CPU, vitrail and PyTorch interleaved in one run. Give it the machine alone.
# Usage: benchmarks/cpu/run.sh [arguments of compare.py]. PyTorch: $VITRAIL_PYTHON, else a virtual environment beside the build.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"

need_basics
need_packages libbenchmark-dev
say "building"
configure "$root/build" -DCMAKE_BUILD_TYPE=Release -DVITRAIL_BENCHMARKS=ON --log-level=WARNING
compile "$root/build" bench_cpu_step
python=${VITRAIL_PYTHON:-$root/build/torch/bin/python}
if [ ! -x "$python" ]; then
  say "installing PyTorch into $root/build/torch (several gigabytes)"
  need_packages python3-venv
  python3 -m venv "$root/build/torch"
  "$root/build/torch/bin/pip" install --quiet torch numpy
fi
say "measuring on $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors"
"$python" "$root/benchmarks/cpu/compare.py" --bench "$root/build/benchmarks/bench_cpu_step" --python "$python" "$@"
