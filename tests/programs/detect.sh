#!/bin/sh
# Usage: detect.sh PROGRAMS : a detector learns on pictures in COCO's format, and is measured. Bad input is refused in one sentence.
set -eu
. "$(dirname "$0")/common.sh"
run make_scenes --count 12 --size 64 --out scenes
run detect --data scenes --images 8 --layer-decay 0.75 --batch 4 --steps 1 --out few
said "of which 8 are used"
run detect --data scenes --batch 4 --steps 4 --checkpoint-every 2 --out run
there run/config.json run/log.jsonl run/checkpoint.safetensors run/detector.safetensors run/detections.json run/result.json run/report.html
said "AP of boxes"
run detect --data scenes --batch 4 --steps 4 --checkpoint-every 2 --out run
said "goes on from step 4 of 4"
refused "nowhere" detect --data nowhere
refused "annotations" detect --data scenes/train/images
run pretrain --count 20 --steps 1 --evaluate-images 20 --preset vit_nano_patch4_32 --out encoder
refused "not compiled for" detect --data scenes --encoder encoder/encoder.safetensors
