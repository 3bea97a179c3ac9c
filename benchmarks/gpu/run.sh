#!/bin/sh
# What a GPU does: single ops and training steps against the Cpu, steps also under compute-sanitizer; products of matrices, attention and
# whole steps against every way of PyTorch, interleaved. Usage: benchmarks/gpu/run.sh [check|gemm|attention|views|step|report]...
# Without a stage: all. Each takes less than ten minutes.
# nvcc: on the PATH or in /usr/local/cuda. PyTorch: $VITRAIL_PYTHON, else python3. Models and batches: $VITRAIL_GPU_WORK,
# "vits:512 vitb:256 vits:64 tiny:64" if that is not set. Results: build/gpu/gpu.jsonl.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"
here=$root/benchmarks/gpu out=$root/build/gpu
python=${VITRAIL_PYTHON:-python3}
PATH=$PATH:/usr/local/cuda/bin
command -v nvcc > /dev/null 2>&1 || complain "nvcc was not found: install CUDA 13, or put its bin folder on the PATH"
mkdir -p "$out"
eigen=$(pkg-config --cflags-only-I eigen3 2> /dev/null || echo -I/usr/include/eigen3)

build() {  # build PROGRAM SOURCE, unless it is newer than every header
  [ -x "$out/$1" ] && [ -z "$(find "$root/include" "$2" -newer "$out/$1" -print -quit)" ] && return
  say "compiling $1"
  nvcc -std=c++20 -O3 --threads 2 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90a,code=sm_90a -lineinfo \
    -I"$root/include" -I"$root/tests" $eigen "$2" -lcublasLt -o "$out/$1"
}
check() {
  build ops "$root/tests/cuda/on_a_card.cu" &  # needs doctest's header
  ops=$!
  build check "$root/tests/cuda/step.cu"
  wait $ops
  say "single ops against the Cpu"
  "$out/ops" --minimal
  say "steps against the Cpu"
  "$out/check"
  for tool in memcheck racecheck initcheck; do
    say "compute-sanitizer $tool"
    compute-sanitizer --tool $tool --error-exitcode 1 "$out/check" --short > "$out/$tool.log" 2>&1 || complain "$out/$tool.log says what $tool found"
  done
}
kernels() {  # kernels STAGE: A B A B
  build kernels "$here/kernels.cu"
  for round in 1 2; do
    say "$1, round $round"
    "$out/kernels" "$1" | tee -a "$out/gpu.jsonl"
    "$python" "$here/torch_kernels.py" "$1" | tee -a "$out/gpu.jsonl"
  done
}
gemm() { kernels gemm; }
attention() { kernels attention; }
views() {
  build kernels "$here/kernels.cu"
  "$out/kernels" views | tee -a "$out/gpu.jsonl"
}
step() {
  build step "$here/step.cu"
  nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
  for round in 1 2; do  # A B A B
    for work in ${VITRAIL_GPU_WORK:-vits:512 vitb:256 vits:64 tiny:64}; do
      say "$work, round $round"
      "$out/step" "${work%:*}" "${work#*:}" | tee -a "$out/gpu.jsonl"
      "$python" "$here/torch_step.py" "${work%:*}" "${work#*:}" | tee -a "$out/gpu.jsonl"
    done
  done
  "$out/step" vits 64 --profile
}
report() { "$python" "$here/report.py" "$out/gpu.jsonl"; }

[ $# -gt 0 ] || set -- check gemm attention views step report
for stage in "$@"; do
  case $stage in
    check | gemm | attention | views | step | report) "$stage" ;;
    *) complain "a stage is check, gemm, attention, views, step or report, found '$stage'" ;;
  esac
done
