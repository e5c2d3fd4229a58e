#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts and prices whole networks a second time, apart from opcost's code.

Written from the cost model's rules, in another language, with ONNX's own shape
inference: it printed the totals that tests/models/whole_network_test.cc
expects. It knows the operators of those networks alone, the table horowitz-45nm
alone, and the memory models per-use and once.

  tests/reference/count_by_rules.py MODEL... > totals.csv

Needs the Python package onnx.
"""
import argparse
import collections
import math

import onnx
from onnx import shape_inference

FUNCTIONS = {"div": (5, 2), "sqrt": (8, 2), "exp": (10, 11), "log": (14, 13),
             "pow": (25, 24), "sigmoid": (15, 14)}
ADD = {8: 0.2, 16: 0.4, 32: 0.9}
MUL = {8: 0.6, 16: 1.1, 32: 3.7}
# Capacity in bytes, pJ per element of 32 bits; narrower ones in proportion.
TIERS = [(8 * 1024, 5.0), (32 * 1024, 10.0), (1024 * 1024, 50.0),
         (math.inf, 1000.0)]
# Operators that move nothing; a Reshape of a constant is folded anyway.
VIEWS = {"Reshape", "Flatten", "Dropout", "Identity", "Unsqueeze", "Squeeze"}


def product(numbers):
    return math.prod(numbers)


class Layer:
    """Counts of one layer: operations, and uses by array."""

    def __init__(self, network, node):
        self.network, self.node = network, node
        self.mul = self.add = self.macs = 0
        self.reads, self.writes = collections.Counter(), collections.Counter()

    def shape(self, name):
        return self.network.shapes[name]

    def size(self, name):
        return product(self.shape(name))

    def read(self, name, uses):
        if name in self.network.constants and self.size(name) == 1:
            uses = 1  # an immediate
        self.reads[name] += uses

    def write(self, count):
        self.writes[self.node.output[0]] += count

    def function(self, name, evaluations):
        mul, add = FUNCTIONS[name]
        self.mul += mul * evaluations
        self.add += add * evaluations


def attribute(node, name, default):
    for item in node.attribute:
        if item.name == name:
            return onnx.helper.get_attribute_value(item)
    return default


def conv(layer, node):
    x, w = node.input[0], node.input[1]
    out = layer.size(node.output[0])
    channels_per_group, *kernel = layer.shape(w)[1:]
    layer.macs = out * channels_per_group * product(kernel)
    layer.mul += layer.macs
    layer.add += layer.macs
    layer.read(x, layer.macs)
    layer.read(w, layer.macs)
    if len(node.input) > 2:
        layer.read(node.input[2], out)
    layer.write(out)


def gemm(layer, node):
    a, b = node.input[0], node.input[1]
    out = layer.size(node.output[0])
    k = layer.shape(a)[0 if attribute(node, "transA", 0) else 1]
    assert attribute(node, "alpha", 1.0) == 1.0
    assert attribute(node, "beta", 1.0) == 1.0
    layer.macs = out * k
    layer.mul += layer.macs
    layer.add += layer.macs
    layer.read(a, layer.macs)
    layer.read(b, layer.macs)
    if len(node.input) > 2:
        layer.read(node.input[2], out)
    layer.write(out)


def pool(layer, node):
    x, y = node.input[0], node.output[0]
    out = layer.size(y)
    if node.op_type.startswith("Global"):
        window = product(layer.shape(x)[2:])
    else:
        window = product(attribute(node, "kernel_shape", None))
    layer.add += out * window
    if "Average" in node.op_type:
        layer.mul += out
    layer.read(x, out * window)
    layer.write(out)


def lrn(layer, node):
    out = layer.size(node.output[0])
    window = attribute(node, "size", None)
    assert attribute(node, "beta", 0.75) == 0.75
    layer.mul += (window + 1) * out
    layer.add += (window + 1) * out
    layer.function("pow", out)
    layer.function("div", out)
    layer.read(node.input[0], (window + 1) * out)
    layer.write(out)


def softmax(layer, node):
    x, y = node.input[0], node.output[0]
    shape = layer.shape(y)
    axis = attribute(node, "axis", 1 if layer.network.opset < 13 else -1)
    length = (product(shape[axis:]) if layer.network.opset < 13
              else shape[axis])
    out = layer.size(y)
    rows = out // length
    layer.mul += out
    layer.add += 3 * out
    layer.function("exp", out)
    layer.function("div", rows)
    layer.read(x, 2 * out)
    layer.reads[y] += out
    layer.writes[y] += 2 * out


def batch_normalization(layer, node):
    out = layer.size(node.output[0])
    layer.mul += out
    layer.add += out
    for name in node.input[:3]:  # mean and variance fold into scale and shift
        layer.read(name, out)
    layer.write(out)


def copy(layer, node):
    for name in node.input:
        layer.read(name, layer.size(name))
    layer.write(layer.size(node.output[0]))


def transpose(layer, node):
    shape = layer.shape(node.input[0])
    perm = attribute(node, "perm", list(range(len(shape)))[::-1])
    if [a for a in perm if shape[a] > 1] == [a for a in range(len(shape))
                                             if shape[a] > 1]:
        return
    copy(layer, node)


def elementwise(mul, add):
    def rule(layer, node):
        out = layer.size(node.output[0])
        later = len(node.input) - 1
        layer.mul += mul * later * out
        layer.add += add * later * out
        for name in node.input:
            layer.read(name, out)
        layer.write(out)
    return rule


def relu(layer, node):
    out = layer.size(node.output[0])
    layer.add += out
    layer.read(node.input[0], out)
    layer.write(out)


def clip(layer, node):
    out = layer.size(node.output[0])
    bounds = [name for name in node.input[1:] if name]
    layer.add += len(bounds) * out
    layer.read(node.input[0], out)
    for name in bounds:
        layer.read(name, out)
    layer.write(out)


def sigmoid(layer, node):
    out = layer.size(node.output[0])
    layer.function("sigmoid", out)
    layer.read(node.input[0], out)
    layer.write(out)


RULES = {"Conv": conv, "Gemm": gemm, "MaxPool": pool, "AveragePool": pool,
         "GlobalAveragePool": pool, "GlobalMaxPool": pool, "LRN": lrn,
         "Softmax": softmax, "BatchNormalization": batch_normalization,
         "Concat": copy, "Transpose": transpose, "Relu": relu, "Clip": clip,
         "Sigmoid": sigmoid, "Add": elementwise(0, 1), "Sum": elementwise(0, 1),
         "Mul": elementwise(1, 0)}


class Network:
    """A model with its shapes and its constants."""

    def __init__(self, path):
        model = onnx.load(path, load_external_data=False)
        self.opset = model.opset_import[0].version
        graph = model.graph
        initializers = {item.name for item in graph.initializer}
        for value in graph.input:
            for dim in value.type.tensor_type.shape.dim:
                if dim.HasField("dim_param"):
                    dim.ClearField("dim_param")
                    dim.dim_value = 1  # the batch
        del graph.value_info[:]
        for value in graph.output:
            value.type.tensor_type.ClearField("shape")
        graph = shape_inference.infer_shapes(
            model, strict_mode=True, data_prop=True).graph
        self.graph = graph
        self.shapes = {item.name: list(item.dims) for item in graph.initializer}
        for value in [*graph.input, *graph.output, *graph.value_info]:
            if value.type.tensor_type.HasField("shape"):
                self.shapes[value.name] = [
                    dim.dim_value for dim in value.type.tensor_type.shape.dim]
        self.constants = set(initializers)
        for node in graph.node:
            if all(name in self.constants for name in node.input if name):
                self.constants.update(node.output)

    def layers(self):
        for node in self.graph.node:
            if node.output[0] in self.constants:
                continue
            layer = Layer(self, node)
            if node.op_type not in VIEWS:
                RULES[node.op_type](layer, node)
            yield layer


def access_pj(elements, bits):
    size = (elements * bits + 7) // 8
    return next(pj for capacity, pj in TIERS if size <= capacity) * bits / 32


def totals(network, bits):
    """The numbers of one CSV row."""
    total = collections.Counter()
    for layer in network.layers():
        total["macs"] += layer.macs
        total["mul"] += layer.mul
        total["add"] += layer.add
        for name, uses in layer.reads.items():
            pj = access_pj(layer.size(name), bits)
            total["reads"] += uses
            total["read_pj"] += uses * pj
            if name not in layer.writes:
                total["once_pj"] += min(uses, layer.size(name)) * pj
        for name, uses in layer.writes.items():
            pj = access_pj(layer.size(name), bits)
            total["writes"] += uses
            total["write_pj"] += uses * pj
            total["once_pj"] += min(uses, layer.size(name)) * pj
    mul_pj = total["mul"] * MUL[bits]
    add_pj = total["add"] * ADD[bits]
    return [total[key] for key in ("macs", "mul", "add", "reads", "writes")] + [
        mul_pj, add_pj, float(total["read_pj"]), float(total["write_pj"]),
        total["once_pj"] + mul_pj + add_pj]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    options = parser.parse_args()
    print("model,bits,macs,mul,add,reads,writes,"
          "mul_pj,add_pj,read_pj,write_pj,once_total_pj")
    for path in options.models:
        network = Network(path)
        for bits in (32, 16, 8):
            numbers = ",".join(repr(n) for n in totals(network, bits))
            print(f"{path},{bits},{numbers}")


if __name__ == "__main__":
    main()
