#!/bin/sh
# Holds the model against torchvision, stage by stage, gradients included: every case must end with "0 beyond".
#   scripts/parity.sh --reference DIR --data DIR [CASE]...
# DIR of --reference holds torchvision_reference.py, DIR of --data the folders coco_tiny/ and nuts/.  A CASE is the beginning of a
# name below: infer_91_0, train_nuts, own, f64, curve, goldens, ...; none is all of them: hours on two cores.  Needs python3 with venv and, the first time, the network
# (SIL_PYTHON=FILE: a Python that has torch, torchvision 0.29, safetensors, pillow and pycocotools).  Works in build-parity/.
set -eu
cd "$(dirname "$0")/.."
about() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }
usage() { about >&2; exit 2; }
refuse() { echo "error: $*" >&2; exit 2; }
reference= data=
while [ $# -gt 0 ]; do
  case $1 in
    --reference) [ $# -gt 1 ] || usage; reference=$2; shift 2 ;;
    --data) [ $# -gt 1 ] || usage; data=$2; shift 2 ;;
    -h | --help) about; exit 0 ;;
    -*) refuse "$1; --reference DIR, --data DIR and cases expected" ;;
    *) break ;;
  esac
done
[ -n "$reference" ] && [ -n "$data" ] || usage
[ -f "$reference/torchvision_reference.py" ] || refuse "--reference $reference: has no torchvision_reference.py"
for folder in coco_tiny nuts; do [ -d "$data/$folder" ] || refuse "--data $data: has no folder $folder"; done
wanted=$*

# By links, so that a space in a path is none in what follows.
work=build-parity
mkdir -p $work
ln -sfn "$(cd "$reference" && pwd)" $work/reference
ln -sfn "$(cd "$data" && pwd)" $work/data
data=$work/data
python=${SIL_PYTHON:-$work/venv/bin/python}
if [ -n "${SIL_PYTHON:-}" ]; then
  command -v "$python" >/dev/null || { echo "error: SIL_PYTHON is $python, which cannot be run" >&2; exit 2; }
elif [ ! -x "$python" ]; then
  python3 -m venv $work/venv
  $work/venv/bin/pip install --quiet torch torchvision==0.29.* safetensors pillow pycocotools numpy
fi
[ -x build/bin/inspect ] || { echo "build/bin/inspect is missing: cmake -S . -B build -G Ninja && cmake --build build" >&2; exit 2; }
theirs() { "$python" $work/reference/torchvision_reference.py "$@"; }
ours() { "$python" tests/reference/stages.py "$@"; }
failed=

held=0
is_wanted() {
  [ -z "$wanted" ] && held=1 && return 0
  for prefix in $wanted; do case $1 in "$prefix"*) held=1; return 0 ;; esac; done
  return 1
}

# verdict NAME [RTOL]: what --diff says of want and got, in short; the forward stage that differs most.
verdict() {
  build/bin/inspect --diff $work/want.safetensors $work/got.safetensors --rtol ${2:-1e-4} >$work/diff.txt || failed="$failed $1"
  most=$(awk '!/^grad|stages,/ { for (i = NF; i > 1; i--) if ($i ~ /^[0-9.]+e[-+][0-9]+$/) { print $i, $1; break } }' $work/diff.txt | sort -g | tail -1)
  echo "$1: $(grep -E 'BEYOND' $work/diff.txt | head -5) forward: worst $most; $(grep -E '^gradients:|stages,' $work/diff.txt | tr '\n' ' ')"
}

# hold NAME PROGRAM infer|train WEIGHTS ARGUMENTS...: the peer's stages (in $precision), ours on the same proposals, the
# difference.
precision=
hold() {
  name=$1 peer=$2 mode=$3 weights=$4
  shift 4
  is_wanted "$name" || return 0
  [ -f "$weights" ] || make_weights "$weights"
  $peer $mode $precision --weights "$weights" "$@" --out $work/want.safetensors >/dev/null
  build/bin/inspect $mode --weights "$weights" "$@" --given $work/want.safetensors --out $work/got.safetensors >/dev/null
  [ "$peer" = ours ] || theirs compare $work/want.safetensors $work/got.safetensors || failed="$failed $name(compare)"
  verdict "$name"
}

# w_CLASSES_SEED.pth, or own_BACKBONE-NORM-MASK.safetensors
make_weights() {
  stem=$(basename "${1%.*}")
  case $stem in
    w_*) theirs weights --classes "$(echo "$stem" | cut -d_ -f2)" --seed "$(echo "$stem" | cut -d_ -f3)" --out "$1" ;;
    own_*)
      set -- $1 $(echo "${stem#own_}" | tr - ' ')
      ours weights --backbone "$2" --norm "$3" --mask-size "$4" --classes 4 --seed 3 --out "$1" ;;
  esac
}

coco="--annotations $data/coco_tiny/annotations/instances_val2017.json --images $data/coco_tiny/val2017"
nuts="--annotations $data/nuts/train.json --images $data/nuts/images"
photo=$data/coco_tiny/val2017/000000125952.jpg
"$python" tests/reference/one_class.py "$photo" $work/one
one="--annotations $work/one/one.json --images $work/one"

for seed in 0 1 2 3 4; do
  hold infer_91_$seed theirs infer $work/w_91_$seed.pth --image "$photo" --min-size $((320 + 40 * seed)) --max-size 533
  hold train_91_$seed theirs train $work/w_91_$seed.pth $coco --image-ids 5001,404484 --min-size $((320 + 40 * seed)) --max-size 533
done
hold infer_800 theirs infer $work/w_91_0.pth --image "$photo" --min-size 800 --max-size 1333
hold train_800 theirs train $work/w_91_0.pth $coco --image-ids 208901 --min-size 800 --max-size 1333
hold train_three theirs train $work/w_91_1.pth $coco --image-ids 173057,404484,485895 --min-size 320 --max-size 533
hold infer_nuts theirs infer $work/w_4_0.pth --image "$data/nuts/images/0.jpg" --min-size 400 --max-size 600
hold train_nuts theirs train $work/w_4_1.pth $nuts --image-ids 0,1 --min-size 320 --max-size 533
hold train_one_sizes theirs train $work/w_2_2.pth $one --image-ids 1,2,3 --min-size 320 --max-size 533
hold train_one_none theirs train $work/w_2_2.pth $one --image-ids 2 --min-size 320 --max-size 533
hold train_one_grey theirs train $work/w_2_2.pth $one --image-ids 4 --min-size 320 --max-size 533
hold train_one_thin theirs train $work/w_2_2.pth $one --image-ids 5 --min-size 320 --max-size 533
hold infer_thin theirs infer $work/w_2_2.pth --image $work/one/thin.png --min-size 320 --max-size 533
hold infer_tiny theirs infer $work/w_2_2.pth --image $work/one/tiny.png --min-size 320 --max-size 533
hold infer_grey theirs infer $work/w_2_2.pth --image $work/one/grey.png --min-size 320 --max-size 533

for own in resnet18-frozen_bn-28 resnet34-batch_norm-14 resnet101-group_norm-28 resnet50-batch_norm-28 resnet50-group_norm-14; do
  hold own_infer_$own ours infer $work/own_$own.safetensors --image "$data/nuts/images/1.jpg" --min-size 160 --max-size 256
  # ResNet-101's in float64, below: a hundred norms over one photo let float32's rounding grow to the tolerance itself.
  [ $own = resnet101-group_norm-28 ] && continue
  # Against float64: through trainable norms over one photo torchvision's own float32 is up to 5.5e-3 off in a gradient.
  precision="--dtype f64"
  hold own_train_$own ours train $work/own_$own.safetensors $nuts --image-ids 2 --min-size 128 --max-size 256
  precision=
done

# In float64, where nothing is rounding: forward to 1e-9, gradients to thirty times that.
float64() {
  name=$1 weights=$work/own_$2.safetensors mode=$3
  shift 3
  is_wanted "$name" || return 0
  [ -f $weights ] || make_weights $weights
  ours $mode --dtype f64 --weights $weights "$@" --min-size 96 --max-size 128 --out $work/want.safetensors
  build/bin/inspect $mode --dtype f64 --weights $weights "$@" --min-size 96 --max-size 128 --out $work/got.safetensors >/dev/null
  verdict "$name" 1e-9
}
float64 f64_infer resnet18-frozen_bn-28 infer --image $work/one/small.png
float64 f64_train resnet18-frozen_bn-28 train $one --image-ids 6
float64 f64_train_resnet101 resnet101-group_norm-28 train $one --image-ids 6

# The goldens of the tests, made anew.
if is_wanted goldens; then
  mkdir -p $work/golden
  "$python" tests/reference/make_model_goldens.py $work/golden >/dev/null
  for file in tests/golden/models/*.safetensors; do
    build/bin/inspect --diff "$file" "$work/golden/$(basename "$file")" >$work/diff.txt || failed="$failed goldens"
    echo "goldens, $(basename "$file"): $(tail -1 $work/diff.txt)"
  done
fi

if is_wanted curve; then
  weights=$work/own_resnet50-frozen_bn-28.safetensors
  [ -f $weights ] || make_weights $weights
  step="--weights $weights $nuts --image-ids 2 --min-size 128 --max-size 256"
  ours curve $step --steps 10 --out $work/want.safetensors
  build/bin/inspect train $step --steps 10 --given $work/want.safetensors --out $work/got.safetensors >/dev/null
  verdict curve
fi

[ $held = 1 ] || { echo "error: no case begins with: $wanted" >&2; exit 2; }
[ -z "$failed" ] && echo "parity.sh: all equal" || { echo "parity.sh: different:$failed" >&2; exit 1; }
