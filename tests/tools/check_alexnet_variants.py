#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds opcost's counts of AlexNet's variants to numbers worked out by hand.

    check_alexnet_variants.py BUILD_FOLDER      such as build/release

Makes AlexNet with weights and its pruned, 2:4, int8 and int4 forms (0.8 GB in a
temporary folder), and compares one convolution and one Gemm of each with what
the cost model's sections 4 to 6 say. docs/variants.md has the same in words.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

# features.3: 192 filters of 64x5x5 onto 27x27; classifier.1: 4096 of 9216.
CONV_ROWS, CONV_COLUMNS, CONV_VECTORS = 192, 64 * 5 * 5, 27 * 27
GEMM_ROWS, GEMM_COLUMNS, GEMM_VECTORS = 4096, 256 * 6 * 6, 1


def dense(rows, columns, vectors):
    macs = rows * columns * vectors
    return dict(mul=macs, add=macs, weight=macs, input=macs,
                bias=rows * vectors, writes=rows * vectors)


def csr(rows, columns, vectors):
    elements = rows * columns
    left = (elements - (elements * 9 + 5) // 10) * vectors
    return dict(mul=left, add=left, weight=left, columns=left, input=left,
                pointers=2 * rows * vectors, bias=rows * vectors,
                writes=rows * vectors)


def two_of_four(rows, columns, vectors):
    kept = rows * columns // 2 * vectors
    return dict(mul=kept, add=kept, weight=kept, indices=kept, input=kept,
                bias=rows * vectors, writes=rows * vectors)


def int8(rows, columns, vectors):
    counts = dense(rows, columns, vectors)
    counts["mul"] += rows * vectors
    counts["add"] += 3 * rows * vectors
    # Scale and zero point of input, weight and output, each read once (R2).
    counts["immediates"] = 6
    return counts


def int4(rows, columns, vectors):
    counts = dense(rows, columns, vectors)
    counts["mul"] *= 2
    counts["scales"] = rows * vectors * columns // 32
    return counts


# form: (file, options, rule of the convolution, rule of the Gemm)
FORMS = {
    "dense": ("alexnet", [], dense, dense),
    "90 % pruned": ("alexnet-pruned90", ["--weights", "csr"], csr, csr),
    "2:4": ("alexnet-2of4", ["--weights", "nm"], two_of_four, two_of_four),
    "int8": ("alexnet-int8", [], int8, int8),
    "int4": ("alexnet-int4", [], dense, int4),
}
PARTS = {"columns": "columns", "row pointers": "pointers",
         "indices": "indices"}


def counted(layer):
    """What opcost reports of a layer, in the words of the rules above."""
    counts = {"mul": 0, "add": 0, "writes": 0}
    for row in layer["arithmetic"]:
        counts[row["op"]] += row["count"]
    for row in layer["traffic"]:
        counts["writes"] += row["writes"]
        name, _, part = row["array"].partition("#")
        kind = PARTS.get(part, row["role"])
        if name.endswith("_scales"):
            kind = "scales"
        elif row["reads"] == 1:
            kind = "immediates"
        if row["reads"]:
            counts[kind] = counts.get(kind, 0) + row["reads"]
    return counts


def check(opcost, folder):
    failures = 0
    for form, (name, options, conv_rule, gemm_rule) in FORMS.items():
        report = json.loads(subprocess.run(
            [opcost, folder / f"{name}.onnx", "--format", "json", *options],
            check=True, stdout=subprocess.PIPE).stdout)
        layers = {layer["name"]: layer for layer in report["layers"]}
        for layer, expected in (
                ("features.3",
                 conv_rule(CONV_ROWS, CONV_COLUMNS, CONV_VECTORS)),
                ("classifier.1",
                 gemm_rule(GEMM_ROWS, GEMM_COLUMNS, GEMM_VECTORS))):
            found = counted(layers[layer])
            is_right = found == expected
            failures += not is_right
            print(f"{form:12} {layer:13} {'ok' if is_right else 'WRONG'}")
            if not is_right:
                print(f"  by hand {expected}\n  opcost  {found}")
        pj = report["totals"]["energy_pj"]["total"]
        print(f"{form:12} total         {pj / 1e9:.2f} mJ")
    return failures


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([build / "tools/make_models", "--only", "alexnet",
                        "--weights", "-o", folder], check=True)
        start = time.monotonic()
        subprocess.run([build / "tools/make_variants", folder / "alexnet.onnx",
                        "--prune", "0.9", "--nm", "2:4", "--int8", "tensor",
                        "--int4", "-o", folder], check=True)
        print(f"variants made in {time.monotonic() - start:.1f} s")
        sys.exit(check(build / "opcost", folder) != 0)


if __name__ == "__main__":
    main()
