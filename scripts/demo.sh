#!/usr/bin/env bash
# From nothing to looked-at results: installs, builds, makes a data set of shapes, trains Mask R-CNN on it from scratch,
# evaluates on shapes that it has not trained on, predicts, and says where the pictures are.
#
#   scripts/demo.sh [--seed N]      another seed is another data set and another start
#
# May be run again; runs/demo/ is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."

seed=0
while [[ $# -gt 0 ]]; do
  case $1 in
    --seed)
      [[ $# -ge 2 ]] || { echo "error: --seed: a number expected" >&2; exit 2; }
      seed=$2; shift 2 ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "error: $1; --seed N expected" >&2; exit 2 ;;
  esac
done
[[ $seed =~ ^[0-9]{1,18}$ ]] || { echo "error: --seed is $seed; a number of at most 18 digits expected" >&2; exit 2; }
seed=$((10#$seed))

say() { echo; echo "== $* =="; }
run=runs/demo data=runs/demo/data bin=build/bin

say "set-up"
scripts/setup.sh

say "build"
cmake -S . -B build -G Ninja
cmake --build build -j "${SIL_JOBS:-$(nproc)}" --target shapes train evaluate predict

say "data: 1500 pictures to train on, 60 to validate on, 200 to be tested on"
rm -rf "$run"
$bin/shapes --out $data/train --images 1500 --size 128 --seed $((3 * seed))
$bin/shapes --out $data/val --images 60 --size 128 --seed $((3 * seed + 1))
$bin/shapes --out $data/test --images 200 --size 128 --seed $((3 * seed + 2))

say "training, from scratch"
$bin/train --train-annotations $data/train/annotations.json --train-images $data/train/images \
  --val-annotations $data/val/annotations.json --val-images $data/val/images \
  --config scripts/demo.json --seed "$seed" --out $run

say "evaluation, on the pictures to be tested on: $run/metrics.json"
$bin/evaluate --annotations $data/test/annotations.json --images $data/test/images \
  --weights $run/best.safetensors --results $run/results.json --json $run/metrics.json --per-class

say "prediction, on twelve of them"
mkdir -p $run/photos
cp $data/test/images/00000[1-9].png $data/test/images/00001[0-2].png $run/photos/
$bin/predict --weights $run/best.safetensors --images $run/photos --annotations $data/test/annotations.json \
  --results $run/predictions.json --overlay $run/overlays

say "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
echo "checkpoint  $run/best.safetensors"
echo "metrics     $run/metrics.json"
echo "pictures    $run/overlays/"
