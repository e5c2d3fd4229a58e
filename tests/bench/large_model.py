#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a chain of MatMuls whose float16 weights, 13 GB, are external data.

    tests/bench/large_model.py FOLDER [--gigabytes 13] [--random]

Then measure what looking at them takes, which should stay below 100 MB:

    /usr/bin/time -v build/release/opcost weights FOLDER/large.onnx

Without --random the data file is sparse: it takes no room on the disk, and all
weights are zero. Needs nothing but Python: the few messages of onnx.proto are
written by hand.
"""

import argparse
import os
import pathlib

ROWS = 4096
LAYER_BYTES = ROWS * ROWS * 2
FLOAT16 = 10


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """A field of onnx.proto: an int, a text or a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def weight(index):
    def entry(key, value):
        return field(13, field(1, key) + field(2, str(value)))

    return (field(1, ROWS) + field(1, ROWS) + field(2, FLOAT16) +
            field(8, f"w{index}") + entry("location", "large.bin") +
            entry("offset", index * LAYER_BYTES) +
            entry("length", LAYER_BYTES) + field(14, 1))


def value_info(name):
    dims = field(1, field(1, 1)) + field(1, field(1, ROWS))
    tensor = field(1, field(1, FLOAT16) + field(2, dims))
    return field(1, name) + field(2, tensor)


def model(layers):
    graph = b""
    for i in range(layers):
        graph += field(1, field(1, f"x{i}") + field(1, f"w{i}") +
                       field(2, f"x{i + 1}") + field(4, "MatMul"))
    graph += field(2, "large")
    for i in range(layers):
        graph += field(5, weight(i))
    graph += field(11, value_info("x0")) + field(12, value_info(f"x{layers}"))
    return field(1, 8) + field(7, graph) + field(8, field(2, 17))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--gigabytes", type=float, default=13)
    parser.add_argument("--random", action="store_true")
    arguments = parser.parse_args()
    layers = max(1, int(arguments.gigabytes * 1e9 / LAYER_BYTES))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "large.onnx").write_bytes(model(layers))
    with open(arguments.folder / "large.bin", "wb") as data:
        if arguments.random:
            for _ in range(layers):
                data.write(os.urandom(LAYER_BYTES))
        else:
            data.truncate(layers * LAYER_BYTES)
    print(f"{layers} layers, {layers * LAYER_BYTES} bytes of weights"
          f"{'' if arguments.random else ', a sparse file'}")


if __name__ == "__main__":
    main()
