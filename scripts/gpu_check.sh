#!/usr/bin/env bash
# Checks what only a GPU can show.
#
#   scripts/gpu_check.sh --bundle            where this builds: programs and the shared libraries they need, build-gpu/bundle.tar.gz
#   scripts/gpu_check.sh [--phase A,B] [--out DIR]
#                                            with that archive beside the tracked files, on a machine with an NVIDIA GPU, cuBLAS and
#                                            cuDNN, but no network and none of our other libraries
#
# Phases: kernels   every kernel, cuDNN's and cuBLAS's work included, held to the CPU's
#         parity    torchvision's goldens; the stages of R50-FPN and the losses of 20 steps at rate 1e-5 held to the CPU's
#         train     shapes, from scratch, to a mask AP50 of 0.80
#         sanitize  compute-sanitizer over the kernels: memcheck, racecheck, synccheck
#         bench     images/s of training and detection; the kernel ladders, and torchvision's kernels where torch is
# Without --phase those that have not passed yet with this archive's commit.  Each leaves DIR/PHASE.json and DIR/PHASE.log (DIR:
# docs/gpu), which are merged into DIR/report.md and DIR/report.json.  Exit 0: all asked for have passed; 1: not; 2: they cannot run here.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
unset SIL_TF32  # what is compared is compared in float32
bundle=build-gpu/bundle work=build-gpu/work out=docs/gpu
all_phases=(kernels parity train sanitize bench)
declare -A seconds_of=([kernels]=520 [parity]=330 [train]=330 [sanitize]=530 [bench]=530)  # the first three: within 20 minutes

refuse() { echo "error: $*" >&2; exit 2; }

# -- the archive ------------------------------------------------------------------------------------------------------

make_bundle() {
  local launcher=() programs=(train evaluate inspect shapes mask_rcnn_bench kernel_ladders test_gpu) name tracked size
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
  # For any x86-64: the machine with the GPU has another processor.  oneDNN uses what it finds there.
  cmake -S . -B build-gpu -G Ninja -DSIL_CUDA=ON -DSIL_NATIVE=OFF "${launcher[@]}" || exit 2
  cmake --build build-gpu -j "${SIL_JOBS:-$(nproc)}" --target "${programs[@]}" || exit 2
  rm -rf "$bundle" "$bundle.tar.gz"
  mkdir -p "$bundle/bin" "$bundle/lib"
  for name in "${programs[@]}"; do
    strip -o "$bundle/bin/$name" "$(find build-gpu/bin build-gpu/tests -maxdepth 1 -name "$name")" || exit 2
  done
  # All but the C and C++ compiler's own, which every machine that has a toolkit has.
  ! ldd "$bundle"/bin/* | grep "not found" >&2 || exit 2
  ldd "$bundle"/bin/* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s)\.so' | xargs cp -Lt "$bundle/lib"
  git describe --always --dirty --exclude='*' >"$bundle/commit" || exit 2
  tar -C build-gpu -czf "$bundle.tar.gz" bundle
  tracked=$(git ls-files -z | du -cb --files0-from=- | awk 'END { print $1 }')
  size=$(stat -c %s "$bundle.tar.gz")
  echo "$bundle.tar.gz: $((size / 1000000)) MB, with the tracked files $(((size + tracked) / 1000000)) MB; at most 60 expected"
  echo "needs glibc $(objdump -T "$bundle"/bin/* "$bundle"/lib/* | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1 | cut -d_ -f2) or newer"
  [[ $((size + tracked)) -lt 60000000 ]] || exit 1
}

# -- results ----------------------------------------------------------------------------------------------------------

quoted() { printf '"%s"' "$(printf %s "$1" | tr '\000-\037' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

findings=()  # of the phase that runs: lines for the report
found() { findings+=("$1"); echo "  $1"; }

# write_result PHASE passed|failed|unavailable SECONDS
write_result() {
  local lines="" line
  for line in "${findings[@]}"; do lines+="${lines:+, }$(quoted "$line")"; done
  {
    printf '{"phase": "%s",\n "result": "%s",\n "seconds": %d,\n "date": "%s",\n' "$1" "$2" "$3" "$(date -u +%F)"
    printf ' "commit": %s,\n "gpu": %s,\n "libraries": %s,\n "processor": %s,\n' "$(quoted "$commit")" "$(quoted "$gpu")" \
      "$(quoted "$libraries")" "$(quoted "$processor")"
    printf ' "findings": [%s]}\n' "$lines"
  } >"$out/$1.json.tmp" && mv "$out/$1.json.tmp" "$out/$1.json"
}

# value_of PHASE NAME: of its result, if there is one.
value_of() { sed -n "s/^ \"$2\": \"\{0,1\}\([^\"]*\)\"\{0,1\},\$/\1/p" "$out/$1.json" 2>/dev/null; }

passed() { [[ $(value_of "$1" result) == passed && $(value_of "$1" commit) == "$commit" ]]; }

write_report() {
  local phase name separator=""
  {
    printf '# What a GPU has shown\n\nWritten by `scripts/gpu_check.sh`.\n\n'
    printf '| phase | result | seconds | date | commit | GPU | libraries |\n|---|---|---|---|---|---|---|\n'
    for phase in "${all_phases[@]}"; do
      [[ -f $out/$phase.json ]] || { echo "| $phase | not run | | | | | |"; continue; }
      printf '| %s |' "$phase"
      for name in result seconds date commit gpu libraries; do printf ' %s |' "$(value_of "$phase" "$name")"; done
      echo
    done
    for phase in "${all_phases[@]}"; do
      [[ -f $out/$phase.json ]] || continue
      printf '\n## %s\n\n' "$phase"
      sed -n 's/^ "findings": \[\(.*\)\]}$/\1/p' "$out/$phase.json" | sed 's/^"//; s/"$//; s/", "/\n/g' | sed 's/\\"/"/g; s/\\\\/\\/g; s/^/- /'
    done
  } >"$out/report.md"
  {
    echo '{"phases": ['
    for phase in "${all_phases[@]}"; do
      [[ -f $out/$phase.json ]] && { printf '%s' "$separator"; cat "$out/$phase.json"; separator=","; }
    done
    echo ']}'
  } >"$out/report.json"
}

# -- phases: 0 passed, 1 failed, 3 unavailable ------------------------------------------------------------------------

# run SECONDS COMMAND...: into the phase's log.  A phase ends in its time, whatever hangs.
run() {
  local limit=$1 left=$((seconds_of[$phase] - (SECONDS - start)))
  shift
  ((left > 0)) || { echo "no time left for: $*"; return 124; }
  ((left >= limit)) || limit=$left
  echo "+ $*"
  timeout -k 10 "$limit" "$@" </dev/null
}

# cases SECONDS DOCTEST_ARGUMENTS...: cases of test_gpu, at least one.
cases() {
  local limit=$1 log=$work/cases.log code
  shift
  run "$limit" "$bundle/bin/test_gpu" "$@" >"$log" 2>&1
  code=$?
  cat "$log" >&3
  found "test_gpu: $(grep -aE '^\[doctest\] test cases' "$log" | sed 's/^\[doctest\] //; s/  */ /g' || true)$([[ $code -eq 124 ]] && echo " not finished in its time")"
  grep -aE 'ERROR:|logged: (kernel|name|row)|std::string\(row|terminate|error' "$log" | sort | uniq -c | sort -rn | head -20 | sed 's/  */ /g' >"$log.errors"
  while read -r line; do found "$line"; done <"$log.errors"
  [[ $code -eq 0 ]] && grep -aqE '^\[doctest\] test cases: *[1-9]' "$log"
}

phase_kernels() { cases 500 --test-case='gpu: *' --test-case-exclude='gpu: a tiny*'; }

make_shapes() {  # FOLDER IMAGES SIZE SEED
  [[ -f $work/$1/annotations.json ]] || run 120 "$bundle/bin/shapes" --out "$work/$1" --images "$2" --size "$3" --seed "$4" >&3 2>&3
}

# An untrained model's file: WEIGHTS [ARGUMENT...] of train.
make_weights() {
  local name=$1
  shift
  make_shapes parity 4 256 7 || return 1
  [[ -f $work/$name/last.safetensors ]] ||
    run 120 "$bundle/bin/train" --train-annotations "$work/parity/annotations.json" --train-images "$work/parity/images" \
      --out "$work/$name" --set train.pretrained=false --max-steps 0 "$@" >&3 2>&3
}

# same NAME WEIGHTS infer|train ARGUMENTS...: inspect's stages on the CPU and on the GPU, the same up to rounding.
same() {
  local name=$1 weights=$2 kind=$3 cpu=$work/$1.cpu.safetensors gpu_file=$work/$1.gpu.safetensors
  shift 3
  run 200 "$bundle/bin/inspect" "$kind" --weights "$work/$weights/last.safetensors" "$@" --out "$cpu" >&3 2>&3 || { found "$name: the CPU's run failed"; return 1; }
  run 200 "$bundle/bin/inspect" "$kind" --weights "$work/$weights/last.safetensors" "$@" --given "$cpu" --device cuda --out "$gpu_file" \
    >&3 2>"$work/error.txt" || { found "$name: exit code $?; $(cat "$work/error.txt")"; return 1; }
  run 60 "$bundle/bin/inspect" --diff "$cpu" "$gpu_file" --rtol 1e-4 >"$work/diff.txt" 2>&1
  local code=$?
  cat "$work/diff.txt" >&3
  found "$name: $(tail -n 1 "$work/diff.txt")"
  [[ $code -eq 0 ]] || while read -r line; do found "$name: $line"; done < <(grep BEYOND "$work/diff.txt" | head -8 | sed 's/  */ /g')
  return $code
}

phase_parity() {
  local failed=0 photos=(--annotations "$work/parity/annotations.json" --images "$work/parity/images")
  cases 240 --test-case='mask_rcnn:*,gpu: a tiny*' || failed=1
  make_weights small --config scripts/demo.json && make_weights r50 --set 'augmentations=[{"name": "ToImage", "params": {}}, {"name": "Normalize", "params": {}}]' \
    --set model.min_size=320 --set model.max_size=533 --set model.norm=group_norm ||
    { found "the untrained models could not be written"; return 1; }
  same "20 steps" small train "${photos[@]}" --image-ids 1,2 --steps 20 || failed=1
  same "R50-FPN with group norm, detection" r50 infer --image "$work/parity/images/000001.png" || failed=1
  same "R50-FPN with group norm, a training step" r50 train "${photos[@]}" --image-ids 1 || failed=1
  return $failed
}

phase_train() {
  local code score
  make_shapes train 1500 128 0 && make_shapes val 60 128 1 && make_shapes test 200 128 2 || { found "no shapes"; return 1; }
  rm -rf "$work/run"
  run 400 "$bundle/bin/train" --train-annotations "$work/train/annotations.json" --train-images "$work/train/images" \
    --val-annotations "$work/val/annotations.json" --val-images "$work/val/images" --config scripts/demo.json --device cuda \
    --out "$work/run" >&3 2>"$work/error.txt"
  code=$?
  [[ $code -eq 0 ]] || found "train ended with $code: $(tail -n 1 "$work/error.txt")"
  grep '"images_per_second"' "$work/run/log.jsonl" >"$work/steps.jsonl"
  found "$(wc -l <"$work/steps.jsonl") steps; the last: $(tail -n 1 "$work/steps.jsonl" | grep -oE '"(images_per_second|loss)":[0-9.]+' | tr -d '"' | tr '\n' ' ')"
  run 120 "$bundle/bin/evaluate" --annotations "$work/test/annotations.json" --images "$work/test/images" \
    --weights "$work/run/best.safetensors" --device cuda --json "$work/metrics.json" >&3 2>"$work/error.txt" ||
    { found "evaluate: $(tail -n 1 "$work/error.txt")"; return 1; }
  score=$(tr -d '\n ' <"$work/metrics.json" | grep -oE '"segm":\{[^}]*\}' | grep -oE '"AP50":[0-9.e+-]+' | head -1 | cut -d: -f2)
  found "mask AP50 on 200 test pictures: ${score:-none}; 0.80 or more expected"
  awk -v s="${score:-0}" 'BEGIN { exit !(s >= 0.80) }'
}

phase_sanitize() {
  local tool log code failed=0 available=0 sanitizer
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -1)
  [[ -n $sanitizer ]] || { found "compute-sanitizer is not installed"; return 3; }
  for tool in memcheck racecheck synccheck; do
    log=$work/$tool.log
    # What an engine of cuDNN tries and takes back is no error of ours.
    run 165 "$sanitizer" --tool "$tool" --report-api-errors no --error-exitcode 9 "$bundle/bin/test_gpu" --test-case='gpu: *' \
      --test-case-exclude='gpu: a tiny*,gpu: convolutions*,gpu: more memory*' >"$log" 2>&1
    code=$?
    cat "$log" >&3
    if grep -aqiE 'device not supported|failed to initialize|not supported on this' "$log"; then
      found "$tool cannot run here: $(grep -aiE 'device not supported|failed to initialize|not supported on this' "$log" | head -1)"
      continue
    fi
    available=1
    found "$tool: exit code $code; $(grep -a 'SUMMARY' "$log" | tail -1 | tr -d '=')$([[ $code -eq 124 ]] && echo "not finished in its time")"
    while read -r line; do found "$tool: $line"; done < <(grep -aE '^=+ +(Invalid|Error|Race|Barrier|Warning)' "$log" | tr -d '=' | sort | uniq -c | sort -rn | head -6 | sed 's/  */ /g')
    [[ $code -eq 0 ]] || failed=1
  done
  [[ $available -eq 1 ]] || return 3
  return $failed
}

# bench NAME ARGUMENTS...
bench() {
  local name=$1 line
  shift
  if run 100 "$bundle/bin/mask_rcnn_bench" --annotations "$work/large/annotations.json" --images "$work/large/images" \
    --device cuda "$@" >"$work/bench.txt" 2>"$work/error.txt"; then
    cat "$work/bench.txt" >&3
    line=$(tail -n 1 "$work/bench.txt")
    found "$name: $(printf %s "$line" | sed -n 's/.*"per_image_s": \([0-9.]*\).*/\1/p' | awk '$1 > 0 { printf "%.1f images/s without loading", 1 / $1 }'); $(printf %s "$line" | tr -d '{}"')"
  else
    found "$name: exit code $?; $(tail -n 1 "$work/error.txt")"
    return 1
  fi
}

# Lines of $work/NAME.txt as findings, those from the end on that are asked for.
findings_from() {
  while read -r line; do found "$(sed 's/  */ /g' <<<"$line")"; done < <(grep -v '^+' "$work/$1.txt" | tail -n "${2:-1000}")
}

# torch LINES SCRIPT ARGUMENTS...: torchvision's numbers, where torch is, with the libraries that it came with.
torch() {
  local lines=$1
  shift
  run 100 env LD_LIBRARY_PATH="$libraries_before" python3 "$@" >"$work/torch.txt" 2>&1
  cat "$work/torch.txt" >&3
  findings_from torch "$lines"
}

# What is wrong is a finding too.
ladders() {
  local line code
  run 100 "$bundle/bin/kernel_ladders" >"$work/ladders.txt" 2>&1
  code=$?
  cat "$work/ladders.txt" >&3
  findings_from ladders
  torch 8 bench/kernels/torch_kernels.py
  return $code
}

phase_bench() {
  local failed=0 round
  make_shapes large 32 1024 11 || { found "no shapes"; return 1; }
  for round in 1 2; do  # in turn with torchvision's
    bench "R50-FPN, training, 800 x 1344, bf16, batch 8" --train --resize 800 1344 --batch 8 --repeat 20 --dtype bf16 || failed=1
    torch 1 bench/torchvision_model.py --what train --batch 8
    bench "R50-FPN, detection, 800 x 1344, bf16, batch 16" --resize 800 1344 --batch 16 --repeat 15 --dtype bf16 || failed=1
    torch 1 bench/torchvision_model.py --what detect --batch 16
  done
  bench "R50-FPN, training, 800 x 1344, f32, batch 8" --train --resize 800 1344 --batch 8 --repeat 5 || failed=1
  bench "R50-FPN, detection, 800 x 1344, bf16, one by one" --resize 800 1344 --repeat 15 --dtype bf16 || failed=1
  bench "R50-FPN, detection, 800 x 1344, f32, one by one" --resize 800 1344 --repeat 15 || failed=1
  ladders || { found "kernel_ladders: exit code $?"; failed=1; }
  return $failed
}

# -- which, where -----------------------------------------------------------------------------------------------------

# Where NVIDIA's libraries lie that the linker may not know: the driver's, the toolkit's, Python packages'.
library_folders() {
  local folder
  for folder in /usr/local/nvidia/lib64 /usr/local/cuda/lib64 /usr/local/cuda-*/lib64 \
    $(python3 -c 'import nvidia; print(*(p + "/*/lib" for p in nvidia.__path__))' 2>/dev/null); do
    compgen -G "$folder/libcu*.so*" >/dev/null && printf ':%s' "$folder"
  done
}

phases=() chosen=""
while [[ $# -gt 0 ]]; do
  case $1 in
    --bundle) make_bundle; exit 0 ;;
    --phase) chosen=${2:-}; [[ -n $chosen ]] || refuse "--phase needs a list of phases"; shift 2 ;;
    --out) out=${2:-}; [[ -n $out ]] || refuse "--out needs a folder"; shift 2 ;;
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) refuse "$1; --bundle, --phase LIST or --out DIR expected" ;;
  esac
done
[[ -z $chosen || $chosen =~ [^,\ ] ]] || refuse "--phase '$chosen'; some of ${all_phases[*]} expected"
for phase in ${chosen//,/ }; do
  [[ " ${all_phases[*]} " == *" $phase "* ]] || refuse "--phase $phase; some of ${all_phases[*]} expected"
  phases+=("$phase")
done

# Unpacked anew (its times are those of the unpacking) where the archive is a newer one.
if [[ -f $bundle.tar.gz && ! $bundle/bin/test_gpu -nt $bundle.tar.gz ]]; then
  rm -rf "$bundle" && tar -C build-gpu -xzmf "$bundle.tar.gz"
fi
[[ -x $bundle/bin/test_gpu ]] || refuse "$bundle.tar.gz is missing; scripts/gpu_check.sh --bundle makes it"
libraries_before=${LD_LIBRARY_PATH-}
LD_LIBRARY_PATH=$PWD/$bundle/lib$(library_folders)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
answer=$("$bundle/bin/test_gpu" --test-case=none 2>&1)
case $? in
  0) ;;
  77) refuse "${answer#skipped: }" ;;
  *) refuse "$bundle/bin/test_gpu does not start: $(printf %s "$answer" | tail -n 1)" ;;
esac

mkdir -p "$out" "$work" || refuse "--out $out: cannot be made"
gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -1)
gpu=${gpu:-unknown: no nvidia-smi}
processor=$(lscpu | sed -n 's/^Model name: *//p' | head -1)
commit=$(cat "$bundle/commit")
libraries=$(sed -n 's/^libraries: //p' <<<"$answer")
[[ -n $chosen ]] || for phase in "${all_phases[@]}"; do passed "$phase" || phases+=("$phase"); done

failed=0
for phase in "${phases[@]}"; do
  echo "$phase"
  findings=() start=$SECONDS
  exec 3>"$out/$phase.log"
  "phase_$phase"
  case $? in
    0) result=passed ;;
    3) result=unavailable failed=1 ;;
    *) result=failed failed=1 ;;
  esac
  exec 3>&-
  write_result "$phase" "$result" $((SECONDS - start))
  write_report
  echo "$phase: $result ($((SECONDS - start)) s)"
done
echo "report: $out/report.md"
exit $failed
