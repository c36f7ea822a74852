#!/usr/bin/env python3
"""Does a wrong gradient turn a test red?

Plants wrong signs, factors, orders, flags and swapped arguments into every backward of a copy of the tree: the closures
of autograd/ops and the kernels of cpu/ that write gradients. All are compiled in at once, asleep; $SIL_MUTANT wakes one
at a time, so that a mutant costs a run of the tests and no build. Each must turn test_autograd or test_cpu red.

Exit 0: all were caught; 1: some survived (they are listed); 2: the tests fail without any mutant, or a bad argument.
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (".txt", ".cmake", ".h", ".cpp", ".cu", ".in")

HEADER = r"""
// Mutants: $SIL_MUTANT is "<site> <kind>".
#pragma once
#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include "tensor/tensor.h"
namespace mutant {
struct Awake { int site = -1; std::string kind; };
inline const Awake& awake() {
  static const Awake a = [] {
    const char* s = std::getenv("SIL_MUTANT");
    const std::string text = s ? s : "-1 none";
    return Awake{std::stoi(text), text.substr(text.find(' ') + 1)};
  }();
  return a;
}
inline bool on(int site) { return awake().site == site; }
template <class T, class A>
void spoil(T* x, int64_t n) {
  const std::string& kind = awake().kind;
  if (kind.find("order") != std::string::npos) return std::reverse(x, x + n);
  const A factor = A(kind.find("sign") != std::string::npos ? -1 : kind.find("bfloat16") != std::string::npos ? 1.05 : 1.01);
  for (int64_t i = 0; i < n; ++i) x[i] = T(A(x[i]) * factor);
}
inline void spoil(sil::Tensor& t) {
  if (t.dtype() == sil::DType::f64) spoil<double, double>(t.data<double>(), t.numel());
  if (t.dtype() == sil::DType::f32) spoil<float, float>(t.data<float>(), t.numel());
  if (t.dtype() == sil::DType::bf16) spoil<sil::bfloat16, float>(t.data<sil::bfloat16>(), t.numel());
}
// One gradient of a closure, or all of them.
inline sil::Tensor one(int site, sil::Tensor g) {
  if (on(site) && g.defined()) g = g.clone(), spoil(g);
  return g;
}
inline std::vector<sil::Tensor> all(int site, std::vector<sil::Tensor> gs) {
  for (sil::Tensor& g : gs) g = one(site, g);
  return gs;
}
inline bool flag(int site, bool b) { return b != on(site); }
template <class F, class A, class B, class... Rest>
sil::Tensor call(int site, F f, const A& a, const B& b, const Rest&... rest) {
  return on(site) ? f(b, a, rest...) : f(a, b, rest...);
}
inline double minus(int site) { return on(site) ? 1 : -1; }
// A kernel's output, spoiled when the kernel returns, in one dtype only.
struct Output {
  int site;
  std::span<sil::Tensor> out;
  Output(int s, sil::Tensor& t) : site(s), out(&t, 1) {}
  Output(int s, std::span<sil::Tensor> t) : site(s), out(t) {}
  ~Output() {
    if (!on(site)) return;
    for (sil::Tensor& t : out)
      if (awake().kind.find(sil::name(t.dtype())) != std::string::npos) spoil(t);
  }
};
}  // namespace mutant
"""

GRADIENT_KINDS = ["sign", "factor", "order"]
KERNEL_KINDS = [f"{kind} in {dtype}" for dtype in ("float32", "bfloat16") for kind in GRADIENT_KINDS]


def closing(text, start):
    """The position of the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "({[") - (text[i] in ")}]")
        if depth == 0:
            return i
    raise ValueError(f"unbalanced: {text[start:start + 60]}")


def top_level(text, begin, end, stop):
    """Positions of `stop` in [begin, end) outside all brackets."""
    depth, found = 0, []
    for i in range(begin, end):
        if depth == 0 and text[i] == stop:
            found.append(i)
        depth += (text[i] in "({[") - (text[i] in ")}]")
    return found


class Planter:
    """Collects insertions into one file; every site has a number that is unique over all files."""

    def __init__(self, path, name, sites):
        self.path, self.name, self.text, self.sites, self.edits = path, name, path.read_text(), sites, []

    def site(self, at, kinds, what):
        line = self.text.count("\n", 0, at) + 1
        self.sites.append((f"{self.name}:{line}", " ".join(what.split()), kinds))
        return len(self.sites) - 1

    def wrap(self, begin, end, kinds, opening, what=None):
        n = self.site(begin, kinds, what or self.text[begin:end])
        self.edits += [(begin, 1, 0, f"{opening}({n}, "), (end, 0, 0, ")")]

    def replace(self, begin, end, text):
        self.edits.append((begin, 2, end - begin, text))

    def write(self):
        if not self.edits:
            return
        out = self.text
        # From the end; at one place, what closes stands before what opens, an outer opening before an inner one.
        order = sorted(enumerate(self.edits), key=lambda e: (e[1][0], e[1][1], e[0]), reverse=True)
        for _, (at, _, removed, text) in order:
            out = out[:at] + text + out[at + removed:]
        self.path.write_text('#include "mutant.h"\n' + out)


CLOSURE = re.compile(r"\(\s*(?:const (?:std::vector<Tensor>|Tensor)&|Gradient) \w+, Needs\b[^)]*\)\s*(?:-> Grads\s*)?\{")


def plant_closures(planter):
    text = planter.text
    for closure in CLOSURE.finditer(text):
        begin, end = closure.end(), closing(text, closure.end() - 1)
        for r in re.finditer(r"\breturn\b\s*", text[begin:end]):
            at = begin + r.end()
            stop = top_level(text, at, end, ";")[0]
            if text[at] != "{":
                planter.wrap(at, stop, GRADIENT_KINDS, "mutant::all")
                continue
            inside = closing(text, at)
            cuts = [at] + top_level(text, at + 1, inside, ",") + [inside]
            for a, b in zip(cuts, cuts[1:]):
                a += 1 + len(text[a + 1:b]) - len(text[a + 1:b].lstrip())
                if a < b:
                    planter.wrap(a, b, GRADIENT_KINDS, "mutant::one")
        for flag in re.finditer(r"\b(true|false|\w+_transposed)\b", text[begin:end]):
            planter.wrap(begin + flag.start(), begin + flag.end(), ["flip"], "mutant::flag")
        for call in re.finditer(r"\bops::(sub|div|matmul)\(", text[begin:end]):
            a, b = begin + call.start(), begin + call.end()
            n = planter.site(a, ["swap"], text[a:closing(text, b - 1) + 1])
            function = f"[](const auto&... args) {{ return ops::{call[1]}(args...); }}"
            planter.replace(a, b, f"mutant::call({n}, {function}, ")


KERNEL = re.compile(r"^void (\w+)(\([^{};]*\))\s*\{", re.M)


def plant_kernels(planter):
    text = planter.text
    for kernel in KERNEL.finditer(text):
        name, parameters = kernel[1], kernel[2]
        outputs = re.findall(r"\bOut(?:List)? (d\w+)", parameters)
        if name == "scatter_add_rows":  # the gradient of a gather, under a name of its own
            outputs = ["x"]
        elif "_backward" not in name and not re.search(r"\bOut dlogits|\bOut dx\b", parameters):
            continue
        at = kernel.end()
        for i, out in enumerate(outputs):
            n = planter.site(at, KERNEL_KINDS, f"{name}'s {out}")
            planter.edits.append((at, 1, 0, f" const mutant::Output mutant_{i}({n}, {out});"))
        for minus in re.finditer(r"(?<=\bA\()-(?=\w)", text[at:closing(text, at - 1)]):
            a = at + minus.start()
            line = text[text.rfind("\n", 0, a) + 1:text.find("\n", a)]
            n = planter.site(a, ["minus dropped"], line)
            planter.replace(a, a + 1, f"mutant::minus({n}) * ")


def plant(tree):
    """Plants all sites; gives the mutants as (site, kind, where, what)."""
    (tree / "mutant.h").write_text(HEADER)
    sites = []
    for folder, how in (("autograd/ops", plant_closures), ("cpu", plant_kernels)):
        for path in sorted((tree / folder).glob("*.cpp")):
            planter = Planter(path, f"{folder}/{path.name}", sites)
            how(planter)
            planter.write()
    return [(n, kind, where, what) for n, (where, what, kinds) in enumerate(sites) for kind in kinds]


def copy_sources(tree):
    """What CMake reads, and the tests' goldens; no build folder."""
    inside_copy = tree.resolve()
    for path in [p for p in ROOT.rglob("*") if inside_copy not in p.parents]:  # listed first: the copy may lie in ROOT
        name = path.relative_to(ROOT)
        inside = (ROOT / part for part in name.parents)
        if name.parts[0] == ".git" or not path.is_file() or any((part / "CMakeCache.txt").exists() for part in inside):
            continue
        if path.suffix in SOURCES or name.parts[:2] == ("tests", "golden"):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, tree / name)  # with a new date: a build folder that is used again must see changes


def red(build, site, kind, seconds):
    """Whether a test fails, crashes or hangs with this mutant awake."""
    env = dict(os.environ, SIL_MUTANT=f"{site} {kind}", SIL_THREADS="1")
    for program in ("test_autograd", "test_cpu"):
        try:
            done = subprocess.run([build / "tests" / program, "--abort-after=1", "--no-colors"], env=env, timeout=seconds,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            return True
        if done.returncode != 0:
            return True
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, metavar="N", help="only N of the mutants, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where the copy is built (default: a temporary folder)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="mutants tried at once")
    parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help="a longer run of tests is red")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        work = args.work or Path(temporary)
        tree, build = work / "tree", work / "build"
        shutil.rmtree(tree, ignore_errors=True)
        copy_sources(tree)
        mutants = plant(tree)
        if args.sample is not None:
            mutants = sorted(random.Random(args.seed).sample(mutants, min(args.sample, len(mutants))))
        if args.list:
            for _, kind, where, what in mutants:
                print(f"{where}: {kind}: {what}")
            return 0
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        for command in (["cmake", "-S", tree, "-B", build, *generator],
                        ["cmake", "--build", build, "-j", str(args.jobs), "--target", "test_autograd", "test_cpu"]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                print(done.stdout[-4000:], "error: the copy with sleeping mutants does not build", sep="\n", file=sys.stderr)
                return 2
        if red(build, -1, "none", args.timeout):
            print("error: the tests fail without a mutant", file=sys.stderr)
            return 2
        with ThreadPoolExecutor(args.jobs) as pool:
            caught = list(pool.map(lambda m: red(build, m[0], m[1], args.timeout), mutants))
        survivors = [m for m, was in zip(mutants, caught) if not was]
        for _, kind, where, what in survivors:
            print(f"survived: {where}: {kind}: {what}")
        print(f"{len(mutants)} mutants of backward passes, {len(mutants) - len(survivors)} caught, {len(survivors)} survived")
        return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
