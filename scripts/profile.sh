#!/usr/bin/env bash
# Where the time goes on a GPU, by NVIDIA's profilers.  How to read what this leaves: docs/profiling.md.
#
#   scripts/profile.sh [--bin DIR] [--out DIR] [--detect] [ARGUMENT of mask_rcnn_bench...]
#
# Nsight Systems (nsys): training steps of R50-FPN on two photos, with --detect detection on one; arguments change that
#   (--batch 8, --backbone resnet101).  Its ranges are the model's stages, and in them each kernel's launch.
#     OUT/step.nsys-rep  the timeline     OUT/stages.txt  GPU time by range     OUT/kernels.txt  by kernel
# Nsight Compute (ncu): the first launch of each kernel of the ladders.
#     OUT/ladders.ncu-rep                 OUT/ladders.txt  the same as text
# --bin: where the programs are (build/bin); --out: build/profile.
# Exit 0: both; 3: what is not installed is said, the other was run; 1: a profiler failed; 2: the programs cannot run here.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
bin=build/bin out=build/profile mode=(--train --batch 2) arguments=()

refuse() { echo "error: $*" >&2; exit 2; }

while [[ $# -gt 0 ]]; do
  case $1 in
    --bin) bin=${2:-}; [[ -n $bin ]] || refuse "--bin needs a folder"; shift 2 ;;
    --out) out=${2:-}; [[ -n $out ]] || refuse "--out needs a folder"; shift 2 ;;
    --detect) mode=(); shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) arguments+=("$1"); shift ;;
  esac
done
for program in mask_rcnn_bench kernel_ladders shapes; do
  [[ -x $bin/$program ]] || refuse "$bin/$program is missing; a build with CUDA and the targets mask_rcnn_bench, kernel_ladders and shapes expected"
done
mkdir -p "$out" || refuse "--out $out: cannot be made"

# Where installers put them, if not on the path.
find_tool() { command -v "$1" || compgen -G "/usr/local/cuda*/bin/$1" || compgen -G "/opt/nvidia/nsight-*/*/bin/$1" || compgen -G "/opt/nvidia/nsight-*/*/$1"; }
nsys=$(find_tool nsys | tail -n 1) ncu=$(find_tool ncu | tail -n 1) missing=0 failed=0

[[ -f $out/photos/annotations.json ]] || "$bin/shapes" --out "$out/photos" --images 8 --size 1024 --seed 11 >/dev/null || exit 2
step=("$bin/mask_rcnn_bench" --annotations "$out/photos/annotations.json" --images "$out/photos/images" --min-size 800 --max-size 1333
  --device cuda --repeat 3 "${mode[@]}" "${arguments[@]}")
"${step[@]}" >"$out/step.txt" 2>"$out/error.txt" || refuse "$(tail -n 1 "$out/error.txt" | sed 's/^error: //')"
echo "without a profiler: $(tail -n 1 "$out/step.txt")"

# stats REPORT FILE: a table of the timeline.
stats() { "$nsys" stats --force-export=true --report "$1" --format table "$out/step.nsys-rep" >"$2" 2>>"$out/nsys.log"; }

if [[ -n $nsys ]]; then
  if "$nsys" profile --trace=cuda,nvtx,cudnn,cublas --cuda-graph-trace=node --sample=none --cpuctxsw=none --force-overwrite=true --output="$out/step" \
    "${step[@]}" >"$out/nsys.log" 2>&1 && stats nvtx_gpu_proj_sum "$out/stages.txt" && stats cuda_gpu_kern_sum "$out/kernels.txt"; then
    echo "$out/step.nsys-rep, $out/stages.txt, $out/kernels.txt"
  else
    echo "nsys failed: $(tail -n 1 "$out/nsys.log")"
    failed=1
  fi
else
  echo "Nsight Systems (nsys) is not installed"
  missing=1
fi

if [[ -n $ncu ]]; then
  if "$ncu" --set full --clock-control none --nvtx --kernel-id :::1 --force-overwrite --export "$out/ladders" "$bin/kernel_ladders" >"$out/ncu.log" 2>&1 &&
    "$ncu" --import "$out/ladders.ncu-rep" --page details >"$out/ladders.txt" 2>>"$out/ncu.log"; then
    echo "$out/ladders.ncu-rep, $out/ladders.txt"
  elif grep -q ERR_NVGPUCTRPERM "$out/ncu.log"; then
    echo "ncu may not read the GPU's counters (ERR_NVGPUCTRPERM): root, or the driver's option NVreg_RestrictProfilingToAdminUsers=0, expected"
    failed=1
  else
    echo "ncu failed: $(tail -n 1 "$out/ncu.log")"
    failed=1
  fi
else
  echo "Nsight Compute (ncu) is not installed"
  missing=1
fi

[[ $failed -eq 0 ]] || exit 1
[[ $missing -eq 0 ]] || exit 3
