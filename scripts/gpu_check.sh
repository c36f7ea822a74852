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
# docs/gpu), which are merged into DIR/report.md and DIR/report.json.  Exit 0: all asked for have passed; 1: not; 2: they cannot run
# here, or what they say cannot be written; above 128: stopped by a signal.
set -uo pipefail
caller=$PWD
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C  # what programs print is bytes, and numbers have points
unset SIL_TF32   # what is compared is compared in float32
bundle=build-gpu/bundle work=build-gpu/work out=docs/gpu
printed=("$work/stdout" "$work/stderr")  # of the program that ran last
all_phases=(kernels parity train sanitize bench)
declare -A seconds_of=([kernels]=505 [parity]=330 [train]=330 [sanitize]=530 [bench]=530)  # the first three: within 20 minutes

exec 4>&1 5>&2  # the caller's, wherever a function's own output goes

refuse() { echo "error: $*" >&5; exit 2; }

# -- the archive ------------------------------------------------------------------------------------------------------

make_bundle() {
  local launcher=() programs=(train evaluate inspect shapes mask_rcnn_bench kernel_ladders test_gpu) name described tracked size
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
  # For any x86-64: the machine with the GPU has another processor.  oneDNN uses what it finds there.
  cmake -S . -B build-gpu -G Ninja -DSIL_CUDA=ON -DSIL_NATIVE=OFF "${launcher[@]}" || exit 2
  cmake --build build-gpu -j "${SIL_JOBS:-$(nproc)}" --target "${programs[@]}" || exit 2
  rm -rf "$bundle" "$bundle.tar.gz"
  mkdir -p "$bundle/bin" "$bundle/lib" || exit 2
  for name in "${programs[@]}"; do
    strip -o "$bundle/bin/$name" "$(find build-gpu/bin build-gpu/tests -maxdepth 1 -name "$name")" || exit 2
  done
  # All but the C and C++ compiler's own, which every machine that has a toolkit has.
  ! ldd "$bundle"/bin/* | grep "not found" >&2 || exit 2
  ldd "$bundle"/bin/* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s)\.so' | xargs cp -Lt "$bundle/lib" ||
    refuse "$bundle/lib: the programs' libraries cannot be copied there"
  # Two archives of one commit differ where what was not committed does.
  described=$(git describe --always --dirty --exclude='*') || exit 2
  echo "$described $(cat "$bundle"/bin/* "$bundle"/lib/* | sha256sum | head -c 12)" >"$bundle/commit" || exit 2
  tar -C build-gpu -czf "$bundle.tar.gz.tmp" bundle && mv "$bundle.tar.gz.tmp" "$bundle.tar.gz" ||
    { rm -f "$bundle.tar.gz.tmp"; refuse "$bundle.tar.gz: cannot be written"; }
  tracked=$(git ls-files -z | du -cb --files0-from=- | awk 'END { print $1 }')
  size=$(stat -c %s "$bundle.tar.gz")
  echo "$bundle.tar.gz: $((size / 1000000)) MB, with the tracked files $(((size + tracked) / 1000000)) MB; at most 60 expected"
  echo "needs glibc $(objdump -T "$bundle"/bin/* "$bundle"/lib/* | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1 | cut -d_ -f2) or newer"
  [[ $((size + tracked)) -lt 60000000 ]] || exit 1
}

# What was there before stays unless all of the archive has come out.
unpack() {
  local fresh=build-gpu/unpacked said
  { rm -rf "$fresh" && mkdir "$fresh"; } 2>/dev/null || refuse "$fresh: cannot be made anew"
  if ! said=$(tar -C "$fresh" -xzmf "$bundle.tar.gz" 2>&1); then
    said=${said##*$'\n'}
  elif ! [[ -x $fresh/bundle/bin/test_gpu && -s $fresh/bundle/commit ]]; then
    said="bundle/bin/test_gpu and bundle/commit expected in it"
  else  # what the programs of before wrote goes with them
    {
      find "$work" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} + && rm -rf "$bundle" && mv "$fresh/bundle" "$bundle" &&
        rm -rf "$fresh"
    } 2>/dev/null || refuse "$bundle: cannot be written"
    return
  fi
  rm -rf "$fresh"
  refuse "$bundle.tar.gz is damaged: $said; scripts/gpu_check.sh --bundle makes it anew"
}

# -- results ----------------------------------------------------------------------------------------------------------

# One line of printable ASCII.
plain() {
  local text=${1:0:500}
  text=${text//[[:cntrl:]]/ }
  printf %s "${text//[^ -~]/?}"
}

# What a table's cell and a JSON string can hold as it is.
cell() { plain "$1" | tr '"|\\' "'//"; }

findings=()  # of the phase that runs: lines for the report

found() {
  local text
  text=$(plain "$1")
  findings+=("$text")
  echo "  $text" >&4
}

# found_lines PREFIX <LINES
found_lines() {
  local line count=0
  while ((++count <= 60)) && read -r line; do found "$1$line"; done < <(grep -a '[^[:space:]]' | tr -s ' ')
}

# save FILE TEXT: the whole of it or an error.
save() {
  { printf '%s\n' "${2%$'\n'}" >"$out/$1.tmp" && mv -fT "$out/$1.tmp" "$out/$1"; } 2>/dev/null && return
  rm -f "$out/$1.tmp" 2>/dev/null
  refuse "$out/$1: cannot be written"
}

# write_result PHASE passed|failed|unavailable SECONDS
write_result() {
  local lines=""
  [[ ${#findings[@]} -eq 0 ]] || lines=$(printf '%s\n' "${findings[@]}" | sed 's/[\\"]/\\&/g; s/.*/  "&"/; $!s/$/,/')$'\n'
  save "$1.json" "$(printf '{"phase": "%s",\n "result": "%s",\n "seconds": %d,\n "date": "%s",\n' "$1" "$2" "$3" "$(date -u +%F)"
    printf ' "commit": "%s",\n "gpu": "%s",\n "libraries": "%s",\n "processor": "%s",\n' "$commit" "$gpu" "$libraries" "$processor"
    printf ' "findings": [\n%s ]}' "$lines")"
}

# has_result PHASE: and no damaged one.
has_result() {
  local string='"([] !#-[^-~]|\\["\\])*"' keys
  [[ -f $out/$1.json ]] || return 1
  keys=$(sed -E "/^  $string,?\$/d; s/^[{ ]\"([a-z]+)\": ($string,|[0-9]+,|\[)\$/\1/" "$out/$1.json" | tr '\n\000' ' ?')
  [[ $keys == "phase result seconds date commit gpu libraries processor findings  ]} " ]]
}

# value_of PHASE NAME: of its result.
value_of() { sed -n "s/^ \"$2\": \"\{0,1\}\([^\"]*\)\"\{0,1\},\$/\1/p" "$out/$1.json"; }

passed() { has_result "$1" && [[ $(value_of "$1" result) == passed && $(value_of "$1" commit) == "$commit" ]]; }

write_report() {
  local phase rows="" details="" results="" json
  for phase in "${all_phases[@]}"; do
    json=$out/$phase.json
    has_result "$phase" || { rows+="| $phase | not run | | | | | |"$'\n'; continue; }
    rows+="| $phase |$(sed -nE 's/^ "(result|seconds|date|commit|gpu|libraries)": "?([^"]*)"?,$/ \2 |/p' "$json" | tr -d '\n')"$'\n'
    details+=$'\n'"## $phase"$'\n\n'$(sed -nE '/^  /{ s/^  "(.*)",?$/- \1/; s/\\([\\"])/\1/g; p }' "$json")$'\n'
    results+=${results:+,}$(<"$json")$'\n'
  done
  save report.md "# What a GPU has shown

Written by \`scripts/gpu_check.sh\`.

| phase | result | seconds | date | commit | GPU | libraries |
|---|---|---|---|---|---|---|
$rows$details"
  save report.json "{\"phases\": [
$results]}"
}

# -- phases: 0 passed, 1 failed, 3 unavailable ------------------------------------------------------------------------

# run SECONDS COMMAND...: what it prints goes to $work/stdout and $work/stderr, and into the phase's log.  A phase ends in its time,
# whatever hangs.  In the background: only so is a signal to this script seen before the program's end.
run() {
  local limit=$1 left=$((seconds_of[$phase] - (SECONDS - start))) begin=$SECONDS code
  shift
  rm -f "${printed[@]}" && touch "${printed[@]}"
  ((left > 0)) || { found "no time left for: $*"; return 124; }
  ((left >= limit)) || limit=$left
  echo "+ $*" >&3
  timeout -k 10 "$limit" "$@" </dev/null >"$work/stdout" 2>"$work/stderr" 3>&- 4>&- 5>&- 9>&- &
  wait $!
  code=$?
  cat "${printed[@]}" >&3
  [[ $code -ne 137 || $((SECONDS - begin)) -lt $limit ]] || code=124  # it had to be killed
  return "$code"
}

# The group of `timeout`: the program, and those that it started.
stopped() {
  local job
  for job in $(jobs -pr); do kill -KILL -- "$job" "-$job" 2>/dev/null; done
  echo "error: stopped by a signal (SIG$1)${phase:+ in phase $phase, which counts as not run}" >&5
  exit "$2"
}

# failure CODE: of the program that ran.
failure() {
  local words
  words=$(last_words)
  echo "$(ended "$1")${words:+; $words}"
}

ended() { [[ $1 -eq 124 ]] && echo "not finished in its time" || echo "exit code $1"; }

# Of a program that failed: its error, or what it printed last.
last_words() {
  local file=$work/stderr
  [[ -s $file ]] || file=$work/stdout
  grep -a '[^[:space:]]' "$file" | tail -n 1
}

number='[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?'
some_cases='^\[doctest\] test cases: *[1-9]'

# cases SECONDS DOCTEST_ARGUMENTS...: cases of test_gpu, at least one.
cases() {
  local limit=$1 code summary
  shift
  run "$limit" "$bundle/bin/test_gpu" "$@"
  code=$?
  summary=$(grep -aE '^\[doctest\] test cases' "$work/stdout" | tail -n 1 | sed 's/^\[doctest\] //' | tr -s ' ')
  found "test_gpu: ${summary:-no test cases}$([[ $code -eq 0 ]] || echo "; $(ended "$code")")"
  found_lines "" < <(grep -ahE 'ERROR:|logged: (kernel|name|row)|std::string\(row|terminate|error' "${printed[@]}" | sort | uniq -c |
    sort -rn | head -20)
  [[ $code -eq 0 ]] && grep -aqE "$some_cases" "$work/stdout"
}

phase_kernels() {
  local -x NVIDIA_TF32_OVERRIDE=0  # see SIL_TF32
  cases 500 --test-case='gpu: *' --test-case-exclude='gpu: a tiny*'
}

make_shapes() {  # FOLDER IMAGES SIZE SEED
  [[ -f $work/$1/annotations.json ]] || run 120 "$bundle/bin/shapes" --out "$work/$1" --images "$2" --size "$3" --seed "$4"
}

# An untrained model's file: WEIGHTS [ARGUMENT...] of train.
make_weights() {
  local name=$1
  shift
  make_shapes parity 4 256 7 || return 1
  [[ -f $work/$name/last.safetensors ]] ||
    run 120 "$bundle/bin/train" --train-annotations "$work/parity/annotations.json" --train-images "$work/parity/images" \
      --out "$work/$name" --set train.pretrained=false --max-steps 0 "$@"
}

# same NAME WEIGHTS infer|train ARGUMENTS...: inspect's stages on the CPU and on the GPU, the same up to rounding.
same() {
  local name=$1 weights=$2 kind=$3 cpu=$work/$1.cpu.safetensors gpu_file=$work/$1.gpu.safetensors code summary
  shift 3
  run 200 "$bundle/bin/inspect" "$kind" --weights "$work/$weights/last.safetensors" "$@" --out "$cpu" ||
    { found "$name: on the CPU: $(failure $?)"; return 1; }
  run 200 "$bundle/bin/inspect" "$kind" --weights "$work/$weights/last.safetensors" "$@" --given "$cpu" --device cuda --out "$gpu_file" ||
    { found "$name: $(failure $?)"; return 1; }
  run 60 "$bundle/bin/inspect" --diff "$cpu" "$gpu_file" --rtol 1e-4
  code=$?
  summary=$(last_words)
  found "$name: ${summary:-inspect --diff says nothing; $(ended "$code")}"
  [[ $code -eq 0 ]] || found_lines "$name: " < <(grep -a BEYOND "$work/stdout" | head -8)
  [[ $code -eq 0 && -n $summary ]]
}

phase_parity() {
  local failed=0 photos=(--annotations "$work/parity/annotations.json" --images "$work/parity/images")
  local -x NVIDIA_TF32_OVERRIDE=0  # see SIL_TF32
  cases 240 --test-case='mask_rcnn:*,gpu: a tiny*' || failed=1
  make_weights small --config scripts/demo.json &&
    make_weights r50 --set 'augmentations=[{"name": "ToImage", "params": {}}, {"name": "Normalize", "params": {}}]' \
      --set model.min_size=320 --set model.max_size=533 --set model.norm=group_norm ||
    { found "the untrained models could not be written: $(last_words)"; return 1; }
  same "20 steps" small train "${photos[@]}" --image-ids 1,2 --steps 20 || failed=1
  same "R50-FPN with group norm, detection" r50 infer --image "$work/parity/images/000001.png" || failed=1
  same "R50-FPN with group norm, a training step" r50 train "${photos[@]}" --image-ids 1 || failed=1
  return "$failed"
}

phase_train() {
  local failed=0 score
  make_shapes train 1500 128 0 && make_shapes val 60 128 1 && make_shapes test 200 128 2 ||
    { found "no shapes: $(last_words)"; return 1; }
  rm -rf "$work/run" "$work/metrics.json"
  run 400 "$bundle/bin/train" --train-annotations "$work/train/annotations.json" --train-images "$work/train/images" \
    --val-annotations "$work/val/annotations.json" --val-images "$work/val/images" --config scripts/demo.json --device cuda \
    --out "$work/run" || { found "train: $(failure $?)"; failed=1; }
  # A step that cannot be one launch is right, but slow.
  found_lines "train: " < <(grep -ahE 'replayed|could not be recorded' "${printed[@]}" | tail -n 3)
  ! grep -aq 'could not be recorded' "${printed[@]}" || failed=1
  if [[ -f $work/run/log.jsonl ]]; then
    grep -a '"images_per_second"' "$work/run/log.jsonl" >"$work/steps.jsonl"
    found "$(wc -l <"$work/steps.jsonl") steps; the last: $(tail -n 1 "$work/steps.jsonl" |
      grep -aoE '"(images_per_second|loss)":[^,}]+' | tr -d '"' | tr '\n' ' ')"
  else
    found "train has left no log.jsonl"
    failed=1
  fi
  run 120 "$bundle/bin/evaluate" --annotations "$work/test/annotations.json" --images "$work/test/images" \
    --weights "$work/run/best.safetensors" --device cuda --json "$work/metrics.json" ||
    { found "evaluate: $(failure $?)"; return 1; }
  [[ -f $work/metrics.json ]] || { found "evaluate has left no metrics.json"; return 1; }
  score=$(tr -d '\n\000 ' <"$work/metrics.json" | grep -aoE '"segm":\{[^}]*\}' | grep -aoE '"AP50":[^,}]+' | head -1 | cut -d: -f2)
  found "mask AP50 on 200 test pictures: ${score:-none}; 0.80 or more expected"
  [[ $failed -eq 0 && $score =~ ^$number$ ]] && awk -v s="$score" 'BEGIN { exit !(s >= 0.80 && s <= 1) }'
}

phase_sanitize() {
  local tool code failed=0 absent=0 sanitizer no_tool='device not supported|failed to initialize|not supported on this' summary
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -1)
  [[ -n $sanitizer ]] || { found "compute-sanitizer is not installed"; return 3; }
  for tool in memcheck racecheck synccheck; do
    # What an engine of cuDNN tries and takes back is no error of ours.
    run 165 "$sanitizer" --tool "$tool" --report-api-errors no --error-exitcode 9 "$bundle/bin/test_gpu" --test-case='gpu: *' \
      --test-case-exclude='gpu: a tiny*,gpu: convolutions*,gpu: more memory*'
    code=$?
    if grep -aqE "$some_cases" "${printed[@]}"; then
      summary=$(grep -ah 'SUMMARY' "${printed[@]}" | tail -n 1 | tr -d '=')
    elif grep -aqiE "$no_tool" "${printed[@]}"; then
      found "$tool cannot run here: $(grep -ahiE "$no_tool" "${printed[@]}" | head -1)"
      absent=1
      continue
    else
      summary="no test cases; $(last_words)" failed=1
    fi
    found "$tool: $(ended "$code"); $summary"
    found_lines "$tool: " < <(grep -ahE '^=+ +(Invalid|Error|Race|Barrier|Warning)' "${printed[@]}" | tr -d '=' | sort | uniq -c |
      sort -rn | head -6)
    [[ $code -eq 0 ]] || failed=1
  done
  [[ $failed -eq 0 ]] || return 1
  [[ $absent -eq 0 ]] || return 3
}

# bench NAME ARGUMENTS...
bench() {
  local name=$1 line rate
  shift
  run 100 "$bundle/bin/mask_rcnn_bench" --annotations "$work/large/annotations.json" --images "$work/large/images" --device cuda "$@" ||
    { found "$name: $(failure $?)"; return 1; }
  line=$(grep -a '"per_image_s"' "$work/stdout" | tail -n 1)
  rate=$(sed -nE "s/.*\"per_image_s\": ($number)[,}].*/\1/p" <<<"$line" |
    awk '$1 > 1e-9 { printf "%.1f images/s", 1 / $1 }')
  found "$name: ${rate:-no images/s} without loading; $(tr -d '{}"' <<<"${line:-$(last_words)}")"
  [[ -n $rate && ! $line =~ \"not_recorded\":\ *[1-9] ]]
}

# torch LINES SCRIPT ARGUMENTS...: torchvision's numbers, where torch is, with the libraries that it came with.
torch() {
  local lines=$1
  shift
  run 60 env LD_LIBRARY_PATH="$libraries_before" python3 "$@"
  found_lines "" < <(cat "${printed[@]}" | tail -n "$lines")
}

ladders() {
  local code
  run 100 "$bundle/bin/kernel_ladders"
  code=$?
  found_lines "" < <(cat "${printed[@]}")  # what is wrong is a finding too
  grep -aq '[^[:space:]]' "$work/stdout" || { found "kernel_ladders says nothing; $(ended "$code")"; return 1; }
  [[ $code -eq 0 ]] || found "kernel_ladders: $(ended "$code")"
  return "$code"
}

# In turn with torchvision's.
round() {
  local failed=0
  bench "R50-FPN, training, 800 x 1344, bf16, batch 8" --train --resize 800 1344 --batch 8 --repeat 20 --dtype bf16 || failed=1
  torch 1 bench/torchvision_model.py --what train --batch 8
  bench "R50-FPN, detection, 800 x 1344, bf16, batch 16" --resize 800 1344 --batch 16 --repeat 15 --dtype bf16 || failed=1
  torch 1 bench/torchvision_model.py --what detect --batch 16
  return "$failed"
}

# The second round comes last: where time runs out, what has been measured once already is what is missing.
phase_bench() {
  local failed=0
  make_shapes large 32 1024 11 || { found "no shapes: $(last_words)"; return 1; }
  round || failed=1
  bench "R50-FPN, training, 800 x 1344, f32, batch 8" --train --resize 800 1344 --batch 8 --repeat 5 || failed=1
  bench "R50-FPN, detection, 800 x 1344, bf16, one by one" --resize 800 1344 --repeat 15 --dtype bf16 || failed=1
  bench "R50-FPN, detection, 800 x 1344, f32, one by one" --resize 800 1344 --repeat 15 || failed=1
  ladders || failed=1
  torch 8 bench/kernels/torch_kernels.py
  round || failed=1
  return "$failed"
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

# Two at once would time, and overwrite, each other's work.
lock() {
  { mkdir -p "$work" && exec 9>"$work/lock"; } 2>/dev/null || refuse "$work: cannot be written"
  flock -n 9 || refuse "scripts/gpu_check.sh is at work here already; one at a time expected"
  { echo $$ >&9; } 2>/dev/null || refuse "$work: cannot be written"
}

phases=() chosen="" phase=""
while [[ $# -gt 0 ]]; do
  case $1 in
    --bundle) [[ $# -eq 1 ]] || refuse "--bundle $2; nothing behind --bundle expected"; lock; make_bundle; exit 0 ;;
    --phase) chosen=${2:-}; [[ -n $chosen ]] || refuse "--phase needs a list of phases"; shift 2 ;;
    --out) out=${2:-}; [[ -n $out ]] || refuse "--out needs a folder"; [[ $out == /* ]] || out=$caller/$out; shift 2 ;;
    -h | --help) sed -n '2,19s/^# \{0,1\}//p' scripts/gpu_check.sh; exit 0 ;;
    *) refuse "$1; --bundle, --phase LIST or --out DIR expected" ;;
  esac
done
read -rd '' -a names <<<"${chosen//,/ }"
[[ -z $chosen || ${#names[@]} -gt 0 ]] || refuse "--phase '$chosen'; some of ${all_phases[*]} expected"
for phase in "${names[@]}"; do
  [[ " ${all_phases[*]} " == *" $phase "* ]] || refuse "--phase $phase; some of ${all_phases[*]} expected"
  [[ " ${phases[*]} " == *" $phase "* ]] || phases+=("$phase")
done

lock
# Unpacked anew (its times are those of the unpacking) where the archive is a newer one.
[[ ! -f $bundle.tar.gz || $bundle/bin/test_gpu -nt $bundle.tar.gz ]] || unpack
[[ -x $bundle/bin/test_gpu && -s $bundle/commit ]] || refuse "$bundle.tar.gz is missing; scripts/gpu_check.sh --bundle makes it"
libraries_before=${LD_LIBRARY_PATH-}
LD_LIBRARY_PATH=$PWD/$bundle/lib$(library_folders)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
answer=$("$bundle/bin/test_gpu" --test-case=none 2>&1 | tr -d '\000')
code=$?
answered=$(tail -n 1 <<<"$answer")
case $code in
  0) ;;
  77) [[ -z $answered ]] || refuse "${answered#skipped: }"; refuse "$bundle/bin/test_gpu: no GPU, and no word why (exit code 77)" ;;
  *) refuse "$bundle/bin/test_gpu does not start: ${answered:-exit code $code}" ;;
esac

mkdir -p "$out" 2>/dev/null || refuse "--out $out: cannot be made; a folder expected"
gpu=$(cell "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -1)")
gpu=${gpu:-unknown: no nvidia-smi}
processor=$(cell "$(lscpu 2>/dev/null | sed -n 's/^Model name: *//p' | head -1)")
commit=$(cell "$(cat "$bundle/commit")")
libraries=$(cell "$(sed -n 's/^libraries: //p' <<<"$answer")")
[[ -n $chosen ]] || for phase in "${all_phases[@]}"; do passed "$phase" || phases+=("$phase"); done

failed=0 phase=""
write_report  # before there is work that could be lost
trap 'stopped INT 130' INT
trap 'stopped TERM 143' TERM
trap 'stopped HUP 129' HUP
for phase in "${phases[@]}"; do
  echo "$phase"
  findings=() start=$SECONDS
  # What it said before is gone, whatever becomes of this run.
  rm -rf "$out/$phase.json" 2>/dev/null || refuse "$out/$phase.json: cannot be removed"
  { exec 3>"$out/$phase.log"; } 2>/dev/null || refuse "$out/$phase.log: cannot be written"
  write_report
  "phase_$phase" 2>&3
  case $? in
    0) result=passed ;;
    3) result=unavailable failed=1 ;;
    *) result=failed failed=1 ;;
  esac
  exec 3>&-
  write_result "$phase" "$result" $((SECONDS - start))
  echo "$phase: $result ($((SECONDS - start)) s)"
  phase=""  # none that a signal could stop
done
write_report
echo "report: $out/report.md"
exit $failed
