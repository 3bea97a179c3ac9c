#!/usr/bin/env python3
"""Steps of Mask R-CNN, ours and torchvision's, by turns: the median of rounds, and their range.

  detection.py PROGRAM [ROUNDS] [THREADS]     PROGRAM: build/benchmarks/bench_cpu_detection

Both have the same encoder, pyramid and heads, ten classes, 8 pictures of 64 pixels, up to 4 objects, 200 proposals, 64 regions and AdamW.
torchvision's mask head sees the regions that hold an object, ours a quarter of all regions, held or not. A run is a process and gives the
median of its steps.
"""
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

SETTINGS = ["fp32", "fp32 channels last", "fp32 compiled", "bf16", "bf16 compiled"]
STEPS, BATCH, SIDE, CLASSES = 12, 8, 64, 10


def detector():
    from torchvision.models.detection import mask_rcnn as m, anchor_utils, faster_rcnn
    from torchvision.ops import MultiScaleRoIAlign
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "fixtures"))
    import make_detection
    import reference
    make_detection.WIDTH = 64

    class Backbone(make_detection.MaskRcnn):
        out_channels = 64

        def __init__(self):
            super().__init__(reference.Config(image=SIDE, patch=8, dim=192, depth=6, heads=3, vocabulary=0, decoder_depth=0))
            del self.proposals, self.box_head, self.mask_head

        def forward(self, images):
            return {str(i): level for i, level in enumerate(self.levels(images))}

    def pool(size):
        return MultiScaleRoIAlign([str(i) for i in range(4)], size, 0, canonical_scale=14 * 2 * 8, canonical_level=6)
    anchors = anchor_utils.AnchorGenerator(tuple((16 * 2**i,) for i in range(5)), ((0.5, 1.0, 2.0),) * 5)
    return m.MaskRCNN(
        Backbone(), min_size=SIDE, max_size=SIDE, image_mean=[0.0] * 3, image_std=[1.0] * 3, rpn_anchor_generator=anchors,
        rpn_pre_nms_top_n_train=400, rpn_post_nms_top_n_train=200, box_batch_size_per_image=64, box_roi_pool=pool(7),
        box_head=faster_rcnn.TwoMLPHead(64 * 49, 256), box_predictor=faster_rcnn.FastRCNNPredictor(256, CLASSES + 1),
        mask_roi_pool=pool(14), mask_head=m.MaskRCNNHeads(64, (64,) * 4, 1), mask_predictor=m.MaskRCNNPredictor(64, 64, CLASSES + 1))


def pictures():
    import torch
    random = torch.Generator().manual_seed(2)
    images, targets = [], []
    for _ in range(BATCH):
        images.append(torch.randn(3, SIDE, SIDE, generator=random))
        count = int(torch.randint(1, 5, (1,), generator=random))
        size = 12 + 20 * torch.rand(count, 2, generator=random)
        corner = torch.rand(count, 2, generator=random) * (SIDE - size)
        boxes = torch.cat([corner, corner + size], 1)
        inside = torch.arange(SIDE) + 0.5
        masks = ((inside[None, None] > boxes[:, 0, None, None]) & (inside[None, None] < boxes[:, 2, None, None])
                 & (inside[None, :, None] > boxes[:, 1, None, None]) & (inside[None, :, None] < boxes[:, 3, None, None]))
        targets.append(dict(boxes=boxes, labels=torch.randint(1, CLASSES + 1, (count,), generator=random), masks=masks.to(torch.uint8)))
    return images, targets


def one(setting, threads):
    """Times a setting of torchvision in this process: another one, for what binds threads to processors binds those that it starts, too."""
    import torch
    from torch_step import MODERN
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model, (images, targets) = detector().train(), pictures()
    if "channels last" in setting:
        model = model.to(memory_format=torch.channels_last)
    if "compiled" in setting:  # what follows has sizes that depend on numbers
        model.backbone.forward = torch.compile(model.backbone.forward)
    optimizer, times = torch.optim.AdamW(model.parameters(), 1e-4, **(dict(fused=True) if MODERN else {})), []
    for _ in range(STEPS + 3):
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled="bf16" in setting):
            loss = sum(model(images, targets).values())
        loss.backward()
        optimizer.step()
        times.append(1e3 * (time.perf_counter() - begin))
    return dict(ms=statistics.median(times[3:]), peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6,
                parameters=sum(p.numel() for p in model.parameters()), loss=loss.item(), torch=torch.__version__)


def run(command):
    found = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, OMP_PROC_BIND="true"))
    if found.returncode != 0:
        return dict(failed=(found.stderr.strip().splitlines() or ["no output"])[-1][:160])
    return json.loads(found.stdout.strip().splitlines()[-1])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--one":
        return print(json.dumps(one(sys.argv[2], int(sys.argv[3]))))
    program, rounds, threads = sys.argv[1], int((sys.argv[2:] or ["5"])[0]), (sys.argv[3:] or ["1"])[0]
    commands = {"vitrail fp32": [program, threads, str(STEPS)], "vitrail bf16": [program, threads, str(STEPS), "bf16"]}
    commands |= {f"torchvision {s}": [sys.executable, __file__, "--one", s, threads] for s in SETTINGS}
    found = {name: [] for name in commands}
    for turn in range(rounds):
        for name in list(commands) if turn % 2 == 0 else reversed(list(commands)):
            found[name].append(run(commands[name]))
            print(f"# round {turn + 1}: {name} {found[name][-1]}", file=sys.stderr)
    version = next((r["torch"] for runs in found.values() for r in runs if "torch" in r), "not at hand")
    print(f"{threads} thread(s), {rounds} rounds; PyTorch {version}\n")
    print("| | ms (median of rounds, range) | pictures/s | peak MB | time against vitrail fp32 |\n| --- | --- | --- | --- | --- |")
    ours = statistics.median(r["ms"] for r in found["vitrail fp32"])
    for name, runs in found.items():
        good = [r for r in runs if "ms" in r]
        if not good:
            print(f"| {name} | did not run: {runs[0]['failed']} | | | |")
            continue
        ms = [r["ms"] for r in good]
        middle = statistics.median(ms)
        print(f"| {name} | {middle:.0f} ({min(ms):.0f} to {max(ms):.0f}) | {1e3 * BATCH / middle:.1f} | "
              f"{statistics.median(r['peak_mb'] for r in good):.0f} | {middle / ours:.2f} |")


if __name__ == "__main__":
    main()
