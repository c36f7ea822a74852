#!/usr/bin/env python3
"""Does a wrong CUDA kernel turn a test red, on a machine without a GPU?

Removes each __syncthreads, makes each atomic plain and moves each bound by one, both ways (but for loops over stretches, where one
more changes nothing), in a copy of cuda/. All mutants are compiled in at once, asleep; $SIL_MUTANT wakes one at a time. Each must
turn test_cuda red: plain, under AddressSanitizer or under ThreadSanitizer, tried in this order.

Exit 0: at least 95 % were found (the others are listed); 1: fewer; 2: the tests fail without any mutant, or a bad argument.
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mutate_gradients import ROOT, closing, copy_sources  # noqa: E402

HEADER = r"""
#pragma once
namespace mutant {
extern const int site, moved;
inline bool on(int s) { return site == s; }
inline int shift(int s) { return on(s) ? moved : 0; }
template <class T, class V> T plain_add(T* p, V v) { const T old = *p; *p = T(old + v); return old; }
template <class T, class V> T plain_max(T* p, V v) { const T old = *p; if (old < v) *p = v; return old; }
template <class T, class V> T plain_and(T* p, V v) { const T old = *p; *p = T(old & v); return old; }
}  // namespace mutant
"""

# Which one is awake: $SIL_MUTANT is "<site> <kind>".  Not in a kernel's file: what lies there is shared memory.
AWAKE = r"""
#include <cstdlib>
namespace mutant {
extern const int site, moved;
static const char* const text = std::getenv("SIL_MUTANT");
const int site = text ? std::atoi(text) : -1, moved = text && std::strstr(text, "more") ? 1 : -1;
}  // namespace mutant
"""

# Which tests look at a file; the others are looked at by all.
TESTS = {
    "movement": "movement", "cast": "movement", "top_k": "movement", "elementwise": "elementwise", "reduce": "elementwise",
    "sort": "movement,boxes", "losses": "*losses,*softmax", "max_pool": "pooling", "normalize_photo": "pooling", "upsample": "pooling", "norm": "pooling", "anchors": "boxes",
    "box_coder": "boxes", "matcher": "boxes", "sampler": "boxes", "nms": "boxes",
    "indices": "movement", "roi_align": "RoIs", "mask_targets": "*losses", "paste_mask": "RoIs", "optimizers": "optimizers", "epilogue": "epilogue",
}
PROGRAMS = [("plain", "build", "test_cuda"), ("asan", "build-asan", "test_cuda"), ("tsan", "build", "test_cuda_tsan")]
# What a bound is compared with: an extent, not a value.
EXTENT = re.compile(r"(?:n|m\.\w+|t\.size|g\.\w+|rows(?:\.count)?|columns|count|targets|length|words|padded|size|outer|parts|height|width"
                    r"|objects\.count|mask\.count|p\.\w+|end|high|k|real|touching|kTile|kBits|kRows|side|stop|samples\w*|wanted|pixels|vectors|kWords|capacity)\b")


def bodies(text):
    """The ranges of functions that run on a GPU."""
    for start in re.finditer(r"\b__(?:global|device)__\b", text):
        brace, semicolon = text.find("{", start.end()), text.find(";", start.end())
        if brace >= 0 and (semicolon < 0 or brace < semicolon):
            yield brace, closing(text, brace)


def code_only(text):
    """The text with comments blanked, so that positions stay."""
    return re.sub(r"//[^\n]*", lambda m: " " * len(m.group()), text)


def sites_of(text):
    """Edits as (begin, end, replacement with {n}, kinds)."""
    found = {}
    for begin, end in bodies(text):
        for m in re.finditer(r"__syncthreads\(\);", text[begin:end]):
            found[begin + m.start()] = (begin + m.end(), "if (!mutant::on({n})) __syncthreads();", ["no barrier"])
        for m in re.finditer(r"\batomic(Add|Max|And)(\()", text[begin:end]):
            at, inside = begin + m.start(), begin + m.start(2)
            stop = closing(text, inside)
            arguments = text[inside + 1:stop].replace("{", "{{").replace("}", "}}")
            name = m[1].lower()
            found[at] = (stop + 1, f"(mutant::on({{n}}) ? mutant::plain_{name}({arguments}) : atomic{m[1]}({arguments}))", ["plain"])
        for m in re.finditer(r" (<=|>=|<|>) (?=([^;\n]*))", text[begin:end]):
            if not EXTENT.match(m[2]) or re.match(r"\s*\w*>", m[2]):
                continue
            # One more stretch of a block's width is an empty one: its body compares each index with the extent again.
            stretches = re.match(r"[\w.]+; (?:begin|first) \+= [\w.]+\)", text[begin + m.end():])
            at = begin + m.start()
            found[at] = (begin + m.end(), f" {m[1]} mutant::shift({{n}}) + ", ["one less"] if stretches else ["one more", "one less"])
    return sorted(found.items())


def kernel_files(tree):
    """The files of cuda/ that something can be planted in."""
    paths = (p for p in (tree / "cuda").iterdir() if p.suffix == ".cu" or p.suffix == ".h" and not p.stem.startswith("simt"))
    return sorted(p for p in paths if sites_of(code_only(p.read_text())))


def copy_to(tree):
    """A new copy.  What lies there is deleted if it is one; mutant.h, there from the first, marks one."""
    if tree.exists() and not (tree / "mutant.h").is_file():
        raise FileExistsError(f"{tree} is not a copy that this made")
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    (tree / "mutant.h").write_text(HEADER)
    copy_sources(tree)


def plant(tree):
    with (tree / "cuda/simt_host.cpp").open("a") as scheduler:
        scheduler.write(AWAKE)
    mutants, number = [], 0
    for path in kernel_files(tree):
        text, out, last = path.read_text(), "", 0
        for begin, (end, replacement, kinds) in sites_of(code_only(text)):
            if begin < last:
                continue
            line = text.count("\n", 0, begin) + 1
            source = " ".join(text[text.rfind("\n", 0, begin) + 1:text.find("\n", begin)].split())
            mutants += [(number, kind, path, line, source) for kind in kinds]
            out += text[last:begin] + replacement.format(n=number)
            last, number = end, number + 1
        path.write_text('#include "mutant.h"\n' + out + text[last:])
    return mutants


def tests_of(work, program, path):
    """What runs the tests that look at a file."""
    _, folder, name = program
    wanted = TESTS.get(path.stem)
    cases = ",".join(f"*{w}*" for w in wanted.replace("*", "").split(",")) if wanted else "*kernels:*,*epilogue*"
    return str(work / folder / "tests" / name), "--abort-after=1", "--no-colors", f"-tc={cases}"


def red(tests, mutant, seconds):
    """"red" if a test fails, crashes or is reported on with this mutant awake, "hung" if it does not end; else 0."""
    env = dict(os.environ, SIL_MUTANT=mutant, SIL_THREADS="1", TSAN_OPTIONS="halt_on_error=1:atexit_sleep_ms=0")
    try:
        return subprocess.run(tests, env=env, timeout=seconds, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode and "red"
    except subprocess.TimeoutExpired:
        return "hung"


def limits(commands):
    """Seconds after which a run hangs: five times as long as without a mutant, and a minute.  None: red without one."""
    found = {}
    for tests in commands:
        began = time.monotonic()
        if red(tests, "-1 none", 3600):
            print("error: the tests fail without a mutant:", *tests, file=sys.stderr)
            return None
        found[tests] = 60 + 5 * (time.monotonic() - began)
    return found


def positive(text):
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}; a whole number from 1 to 999999 expected")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=positive, metavar="N", help="only N of the mutants, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--files", nargs="+", metavar="NAME", help="only mutants of these files (nms.cu)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where the copy is built (default: a temporary folder)")
    parser.add_argument("--jobs", type=positive, default=os.cpu_count(), metavar="N", help="mutants tried at once")
    parser.add_argument("--programs", default="plain,asan,tsan", metavar="LIST", help="which builds look for mutants")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    parser.error = lambda message: parser.exit(2, f"error: {message}\n")
    args = parser.parse_args()
    for option, given, known in (("--files", args.files or [], [p.name for p in kernel_files(ROOT)]),
                                 ("--programs", args.programs.split(","), [p[0] for p in PROGRAMS])):
        for name in given:
            if name not in known:
                parser.error(f"argument {option}: {name!r}; {', '.join(known)} expected")

    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        work = Path(temporary) if args.list or not args.work else args.work
        tree = work / "tree"
        try:
            copy_to(tree)
        except OSError as error:
            parser.error(f"argument --work: {work}: {error.strerror or error}")
        mutants = [m for m in plant(tree) if not args.files or m[2].name in args.files]
        if not mutants:
            parser.error("there is nothing to plant")
        if args.sample is not None:
            mutants = sorted(random.Random(args.seed).sample(mutants, min(args.sample, len(mutants))), key=lambda m: m[:2])
        if args.list:
            for _, kind, path, line, source in mutants:
                print(f"cuda/{path.name}:{line}: {kind}: {source}")
            return 0
        programs = [p for p in PROGRAMS if p[0] in args.programs.split(",")]
        for kind, folder, name in programs:
            sanitize = "address,undefined" if kind == "asan" else ""
            for command in (["cmake", "-S", tree, "-B", work / folder, "-G", "Ninja", "-DSIL_CUDA=OFF", f"-DSIL_SANITIZE={sanitize}",
                             "-DCMAKE_CXX_FLAGS=-Wno-sign-compare"],
                            ["cmake", "--build", work / folder, "-j", str(args.jobs), "--target", name]):
                done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                if done.returncode != 0:
                    print(done.stdout[-4000:], "error: the copy with sleeping mutants does not build", sep="\n", file=sys.stderr)
                    return 2
        seconds = limits(sorted({tests_of(work, program, m[2]) for program in programs for m in mutants}))
        if seconds is None:
            return 2

        def try_out(mutant):
            number, kind, path, line, source = mutant
            for program in programs:
                tests = tests_of(work, program, path)
                if how := red(tests, f"{number} {kind}", seconds[tests]):
                    break
            else:
                print(f"survived: cuda/{path.name}:{line}: {kind}: {source}", flush=True)
                return False
            print(f"found by {program[0]} ({how}): cuda/{path.name}:{line}: {kind}", file=sys.stderr, flush=True)
            return True

        with ThreadPoolExecutor(args.jobs) as pool:
            found = list(pool.map(try_out, mutants))
        print(f"{len(mutants)} mutants of kernels, {sum(found)} found, {len(mutants) - sum(found)} survived")
        return 0 if sum(found) >= 0.95 * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
