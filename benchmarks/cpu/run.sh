#!/bin/sh
# What the CPU does: the models' products against other libraries', how a step's cost grows, and convolutions, whole steps and inference
# against PyTorch, steps of a detector against torchvision, each in one run of alternating contestants. Give it the machine alone: about 45
# minutes. --quick shows that all of it runs.
# Usage: benchmarks/cpu/run.sh [--quick] [--only products|scaling|convolutions|detection|compare] [arguments of compare.py].
# PyTorch: $VITRAIL_PYTHON, else a virtual environment beside the build. Results: build/benchmarks/*.json and cpu.jsonl.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"
quick= only=
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=--quick && shift ;;
    --only) only=${2:?"--only needs products, scaling, convolutions, detection or compare"} && shift 2 ;;
    *) break ;;
  esac
done
case $only in
  '' | products | scaling | convolutions | detection | compare) ;;
  *) complain "--only takes products, scaling, convolutions, detection or compare, found '$only'" ;;
esac

need_basics
need_packages libbenchmark-dev libdnnl-dev libopenblas-openmp-dev
say "building"
configure "$root/build" -DCMAKE_BUILD_TYPE=Release -DVITRAIL_BENCHMARKS=ON --log-level=WARNING
compile "$root/build" bench_cpu_step bench_cpu_gemm bench_cpu_convolution bench_cpu_detection
programs=$root/build/benchmarks
export OMP_PROC_BIND=true  # for everybody: a thread that wanders costs OpenMP's libraries half their speed

# measure PROGRAM NAME FILTER REPETITIONS SECONDS: repetitions in random order, so that a slow spell meets all of them
measure() {
  "$programs/$1" --benchmark_filter="$3" --benchmark_repetitions="$4" --benchmark_min_time="$5" \
    --benchmark_enable_random_interleaving=true --benchmark_out="$programs/$2.json" --benchmark_out_format=json \
    > "$programs/$2.log" 2>&1 || complain "$1 failed: $programs/$2.log says why"
}
say "measuring on $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors"
if [ -z "$only" ] || [ "$only" = products ]; then
  say "products, about $([ "$quick" ] && echo "10 seconds" || echo "4 minutes")"
  if [ -n "$quick" ]; then measure bench_cpu_gemm gemm '^(peak|gemm/tiny/encoder_fc1/|attention/32/)' 1 0.01
  else measure bench_cpu_gemm gemm '^(peak|gemm|attention)' 3 0.03; fi
  python3 "$root/benchmarks/cpu/tables.py" products "$programs/gemm.json"
fi
if [ -z "$only" ] || [ "$only" = scaling ]; then
  say "cost by batch, depth and threads, about $([ "$quick" ] && echo "5 seconds" || echo "2 minutes")"
  if [ -n "$quick" ]; then measure bench_cpu_step scale '^scale/batch/micro64/./(1|4|8)/' 1 0.01
  else measure bench_cpu_step scale '^scale/' 3 0.3; fi
  python3 "$root/benchmarks/cpu/tables.py" scaling "$programs/scale.json"
fi
if [ "$only" = products ] || [ "$only" = scaling ]; then exit; fi
python=${VITRAIL_PYTHON:-$root/build/torch/bin/python}
if [ ! -x "$python" ]; then
  say "installing PyTorch into $root/build/torch (several gigabytes)"
  need_packages python3-venv
  python3 -m venv "$root/build/torch"
  "$root/build/torch/bin/pip" install --quiet torch torchvision numpy
fi
if [ -z "$only" ] || [ "$only" = convolutions ]; then
  say "convolutions, about $([ "$quick" ] && echo "30 seconds" || echo "2 minutes")"
  "$python" "$root/benchmarks/cpu/convolutions.py" "$programs/bench_cpu_convolution" "$([ "$quick" ] && echo 1 || echo 5)"
fi
if [ -z "$only" ] || [ "$only" = detection ]; then
  say "steps of a detector, about $([ "$quick" ] && echo "1 minute" || echo "5 minutes")"
  "$python" "$root/benchmarks/cpu/detection.py" "$programs/bench_cpu_detection" "$([ "$quick" ] && echo 1 || echo 5)"
fi
if [ -z "$only" ] || [ "$only" = compare ]; then
  "$python" "$root/benchmarks/cpu/compare.py" --build "$root/build" --python "$python" $quick "$@"
fi
