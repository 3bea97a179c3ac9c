#!/bin/sh
# Usage: methods.sh PROGRAMS : every other pre-training takes a few steps and writes what it should.
set -eu
. "$(dirname "$0")/common.sh"
for method in beit mae dino moco_v3 split_inpaint split_match; do
  run pretrain_$method --count 40 --batch 8 --steps 2 --evaluate-every 0 --evaluate-images 20 --out $method
  there $method/config.json $method/log.jsonl $method/checkpoint.safetensors $method/encoder.safetensors $method/result.json $method/report.html
done
"$bin/pretrain" --count 40 --batch 8 --steps 2 --out mae > out 2>&1 && fail "pretrain took up a run of pretrain_mae"
grep -q "mae" out || fail "pretrain did not say whose run that is"
refused "found one of MAE" inspect --run mae
