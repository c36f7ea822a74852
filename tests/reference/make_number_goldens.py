"""Makes tests/golden/data/numbers.txt: what Python's json.loads makes of number texts, right ones and wrong ones.

    python tests/reference/make_number_goldens.py tests/golden/data/numbers.txt

A line is a text and the bits of its value as a double, or `invalid`.
"""
import json
import random
import struct
import sys

r = random.Random(5)
texts = """0 -0 0.0 -0.0 1 -1 12 0.5 -0.5 .5 1. 01 -01 00 +1 - -- --1 1e5 1E5 1e+5 1e-5 1e 1e+ 1e5.0 0e0 0.0e-0 -0e9 1.e5 1.5e05 1e00005
NaN -NaN +NaN nan Infinity -Infinity +Infinity inf Inf infinity 0x10 1_000 1,5 1e999 -1e999 1e-999 -1e-999 1e308 1.8e308 1.7976931348623157e308
1.7976931348623158e308 1.7976931348623159e308 5e-324 4e-324 2.4703282292062327e-324 2.4703282292062328e-324 2.2250738585072011e-308
2.2250738585072014e-308 9007199254740991 9007199254740992 9007199254740993 9007199254740993.0 9007199254740995 90071992547409930e-1
123456789012345678 1234567890123456789 12345678901234567890 18446744073709551615 18446744073709551616 999999999999999999
0.1 0.2 0.3 0.30000000000000004 0.30000000000000004441 0.1000000000000000055511151231257827021181583404541015625
0.000000000000000001 0.0000000000000000001 1e22 1e23 8.5e22 9.5e22 1.0000000000000002 1.00000000000000011102230246251565404
0.99999999999999988897769753748 3.14159265358979323846 179.769313486231570e306 6.631236846766476e-316 0.000e5 100000000000000000000000
4503599627370496.5 4503599627370497.5 9007199254740992.5 0.9007199254740993 90.07199254740993 9.007199254740993e15""".split()
for _ in range(60):
    texts.append(repr(r.random() * 10 ** r.randrange(-8, 9)))
    texts.append(f"{r.uniform(-700, 700):.{r.randrange(1, 20)}f}")
    texts.append(f"{r.randrange(10 ** r.randrange(1, 25))}.{r.randrange(10 ** r.randrange(1, 12))}")
    texts.append(f"{r.random():.{r.randrange(1, 25)}e}")
    texts.append(str(-r.randrange(10 ** r.randrange(1, 22))))
with open(sys.argv[1], "w") as out:
    for text in dict.fromkeys(texts):
        try:
            bits = struct.pack(">d", float(json.loads(text))).hex()
            bits = "nan" if float(json.loads(text)) != float(json.loads(text)) else bits
        except ValueError:
            bits = "invalid"
        print(text, bits, file=out)
