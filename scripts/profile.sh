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
# --bin: where the programs are, from the repository (build/bin); --out: from the folder you are in (the repository's build/profile).
# Exit 0: both; 3: what is not installed is said, the other was run; 1: a profiler failed; 2: the programs cannot run here.
set -uo pipefail
here=$PWD script=$(realpath "$0")
cd "$(dirname "$script")/.." || exit 2
bin=build/bin out=build/profile mode=(--train --batch 2) arguments=()

refuse() { echo "error: $*" >&2; exit 2; }

# said CODE FILE: what a program that failed said last, and its exit code.
said() {
  local last
  last=$(grep . "$2" | tail -n 1 | sed 's/^error: //')
  [[ $last == "exit code "* ]] || last="${last:+$last (}exit code $1${last:+)}"
  echo "$last"
}

while [[ $# -gt 0 ]]; do
  case $1 in
    --bin) bin=${2:-}; [[ -n $bin ]] || refuse "--bin needs a folder"; shift 2 ;;
    --out) out=${2:-}; [[ -n $out ]] || refuse "--out needs a folder"; out=$(cd "$here" && realpath -m -- "$out"); shift 2 ;;
    --detect) mode=(); shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$script"; exit 0 ;;
    *) arguments+=("$1"); shift ;;
  esac
done
for program in mask_rcnn_bench kernel_ladders shapes; do
  [[ -x $bin/$program ]] || refuse "$bin/$program is missing; a build with CUDA and the targets mask_rcnn_bench, kernel_ladders and shapes expected"
done
{ mkdir -p "$out" && [[ -w $out ]]; } 2>/dev/null || refuse "--out $out: a folder that can be written to expected"

# Where installers put them, if not on the path.
find_tool() { command -v "$1" || compgen -G "/usr/local/cuda*/bin/$1" || compgen -G "/opt/nvidia/nsight-*/*/bin/$1" || compgen -G "/opt/nvidia/nsight-*/*/$1"; }
nsys=$(find_tool nsys | tail -n 1) ncu=$(find_tool ncu | tail -n 1) missing=0 failed=0

[[ -f $out/photos/annotations.json ]] || "$bin/shapes" --out "$out/photos" --images 8 --size 1024 --seed 11 >/dev/null 2>"$out/error.txt" ||
  refuse "shapes: $(said $? "$out/error.txt")"
step=("$bin/mask_rcnn_bench" --annotations "$out/photos/annotations.json" --images "$out/photos/images" --min-size 800 --max-size 1333
  --device cuda --repeat 3 "${mode[@]}" "${arguments[@]}")
"${step[@]}" >"$out/step.txt" 2>"$out/error.txt" || refuse "mask_rcnn_bench: $(said $? "$out/error.txt")"
echo "without a profiler: $(tail -n 1 "$out/step.txt")"

# left FILE...: whether a profiler that ended well left its reports.
left() {
  local file
  for file; do
    [[ -s $file ]] || { echo "exit code 0, but $file is missing or empty" >>"$log"; return 1; }
  done
}

# stats REPORT FILE: a table of the timeline.
stats() { "$nsys" stats --force-export=true --report "$1" --format table "$out/step.nsys-rep" >"$2" 2>>"$log"; }

if [[ -n $nsys ]]; then
  log=$out/nsys.log
  rm -f "$out/step.nsys-rep" "$out/stages.txt" "$out/kernels.txt"
  if "$nsys" profile --trace=cuda,nvtx,cudnn,cublas --cuda-graph-trace=node --sample=none --cpuctxsw=none --force-overwrite=true --output="$out/step" \
    "${step[@]}" >"$log" 2>&1 && left "$out/step.nsys-rep" && stats nvtx_gpu_proj_sum "$out/stages.txt" && stats cuda_gpu_kern_sum "$out/kernels.txt" &&
    left "$out/stages.txt" "$out/kernels.txt"; then
    echo "$out/step.nsys-rep, $out/stages.txt, $out/kernels.txt"
  else
    echo "nsys failed: $(said $? "$log")"
    failed=1
  fi
else
  echo "Nsight Systems (nsys) is not installed"
  missing=1
fi

if [[ -n $ncu ]]; then
  log=$out/ncu.log
  rm -f "$out/ladders.ncu-rep" "$out/ladders.txt"
  if "$ncu" --set full --clock-control none --nvtx --kernel-id :::1 --force-overwrite --export "$out/ladders" "$bin/kernel_ladders" >"$log" 2>&1 &&
    left "$out/ladders.ncu-rep" && "$ncu" --import "$out/ladders.ncu-rep" --page details >"$out/ladders.txt" 2>>"$log" && left "$out/ladders.txt"; then
    echo "$out/ladders.ncu-rep, $out/ladders.txt"
  else
    code=$?
    if grep -q ERR_NVGPUCTRPERM "$log"; then
      echo "ncu may not read the GPU's counters (ERR_NVGPUCTRPERM): root, or the driver's option NVreg_RestrictProfilingToAdminUsers=0, expected"
    else
      echo "ncu failed: $(said $code "$log")"
    fi
    failed=1
  fi
else
  echo "Nsight Compute (ncu) is not installed"
  missing=1
fi

[[ $failed -eq 0 ]] || exit 1
[[ $missing -eq 0 ]] || exit 3
