#!/bin/sh
# Usage: pretrain.sh PROGRAMS : pre-trains, is killed, goes on to the same bits; what it wrote is fine-tuned, probed and looked at. Bad
# input is refused in one sentence.
set -eu
. "$(dirname "$0")/common.sh"
set -- --count 60 --batch 8 --evaluate-every 0 --evaluate-images 40

run pretrain "$@" --steps 24 --checkpoint-every 4 --out whole
there whole/config.json whole/log.jsonl whole/checkpoint.safetensors whole/encoder.safetensors whole/result.json whole/report.html
said "linear probe, mean of patches"

# Killed after a checkpoint, wherever it is then, and called again.
"$bin/pretrain" "$@" --steps 24 --checkpoint-every 4 --out killed > /dev/null 2>&1 &
pid=$!
while kill -0 $pid 2> /dev/null && [ ! -e killed/checkpoint.safetensors ]; do sleep 0.01; done
kill -9 $pid 2> /dev/null || :
wait $pid 2> /dev/null || :
there killed/checkpoint.safetensors
[ ! -e killed/encoder.safetensors ] || fail "the run ended before it was killed: give it more steps"
run pretrain "$@" --steps 24 --checkpoint-every 4 --out killed
said "goes on from step"
for file in encoder checkpoint; do cmp "whole/$file.safetensors" "killed/$file.safetensors" || fail "after kill -9 and a resume $file.safetensors has other bits"; done
# Asked to stop: it keeps the step that it has just taken, and goes on from it.
"$bin/pretrain" "$@" --steps 24 --checkpoint-every 1000 --out asked > out 2>&1 &
pid=$!
while kill -0 $pid 2> /dev/null && ! grep -q '"step":2' asked/log.jsonl 2> /dev/null; do sleep 0.01; done
kill -TERM $pid 2> /dev/null || :
code=0
wait $pid || code=$?
[ $code -eq 130 ] || fail "a run that was asked to stop ended with $code"
grep -q "stopped after step" out || fail "a run that was asked to stop did not say so"
run pretrain "$@" --steps 24 --checkpoint-every 1000 --out asked
said "goes on from step"
cmp whole/encoder.safetensors asked/encoder.safetensors || fail "after a stop and a resume the encoder has other bits"
refused "seed" pretrain "$@" --steps 12 --seed nine
"$bin/pretrain" "$@" --steps 25 --out killed > out 2>&1 && fail "a finished run was taken up with another number of steps"
said "steps"

run finetune --count 60 --batch 8 --steps 3 --encoder whole/encoder.safetensors --out tuned
there tuned/classifier.safetensors tuned/result.json
head -c 20000 tuned/classifier.safetensors | grep -a -q '"classes":"' || fail "the classifier's file does not name its classes"
run probe --count 60 --limit 40 --encoder whole/encoder.safetensors --out probed.json
there probed.json
run make_scenes --count 2 --size 40 --out scenes
run inspect --run whole --image scenes/train/images/000001.png --out looked
said "SplitMask step"
[ "$(find looked -name '*.png' -size +0 | wc -l)" -ge 3 ] || fail "inspect drew fewer than three pictures"

# Folders as people have them: few images, of two classes, one of them broken and one in another format.
mkdir -p photos/sea photos/sky
cp scenes/train/images/000001.png photos/sea/1.png
cp scenes/train/images/000002.png photos/sea/2.PNG
cp scenes/validation/images/*1.png photos/sky
cp scenes/validation/images/*2.png photos/sky
echo "no picture" > photos/sky/broken.jpg
echo "no picture" > photos/sky/other.webp
run pretrain --data photos --steps 6 --out few
said "without 1 that are no JPEG or PNG"
said "could not be read"
there few/report.html

refused "nowhere is not a folder" pretrain --data nowhere
refused "smaller batch" pretrain --data photos --batch 64
refused "vit_nano_patch4_32" pretrain --preset vit_huge
refused "check the path$" finetune --encoder nowhere.safetensors
refused "scenes" finetune --data scenes/train/images
refused "no safetensors file" probe --data photos --encoder photos/sea/1.png
refused "learning_rate" pretrain --learning-rate fast
