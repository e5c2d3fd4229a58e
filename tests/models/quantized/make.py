#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Quantises models of models/ with ONNX Runtime's own quantizer.

    make.py --make-models build/release/tools/make_models [--only NAME] [-o DIR]

Writes NAME-qdq-ort.onnx: the float network with random weights, calibrated on
random images, quantised by onnxruntime.quantization.quantize_static in QDQ
form, and stripped of what opcost doesn't read: weights are declared to lie in
an absent file. README.md says which versions made the files beside this one.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import TensorProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

# What quantize_static is told, apart from its defaults: int8 activations and
# weights, both per tensor.
PER_TENSOR = {}
PER_CHANNEL = {"per_channel": True}
# ONNX Runtime's advice for x86 processors.
U8S8 = {"activation_type": QuantType.QUInt8, "per_channel": True}

# name: (options, whether quant_pre_process, which folds batch normalisation,
# goes before)
NETWORKS = {
    "alexnet": (PER_TENSOR, True),
    "alexnet-caffe": (U8S8, True),
    "alexnet-cifar": (PER_CHANNEL, False),
    "convnext-t": (PER_TENSOR, True),
    "densenet-121": (PER_TENSOR, True),
    "efficientnet-b0": (PER_CHANNEL, True),
    "lenet-5": (PER_TENSOR, False),
    "mobilenet-v2": (U8S8, True),
    "resnet-152": (PER_TENSOR, True),
    "resnet-18": (PER_CHANNEL, False),
    "resnet-50": (U8S8, True),
    "simplenet": (PER_TENSOR, False),
    "ssd300-vgg16": (PER_TENSOR, True),
    "vgg11": (PER_TENSOR, True),
    "vgg13": (PER_CHANNEL, True),
    "vgg16": (U8S8, True),
    "vgg19": (PER_TENSOR, True),
}

# Tensors of at most so many bytes stay in the file: scales, zero points, shapes.
MAX_INLINE_BYTES = 64


# ONNX Runtime's names grow long; so much of them is the same everywhere.
SHORTER = (
    ("_DequantizeLinear_Output", "_dq"),
    ("_QuantizeLinear_Output", "_q"),
    ("_QuantizeLinear_Input", "_float"),
    ("_quantized", "_int"),
    ("_zero_point", "_zp"),
    ("ConvBnFusion_", ""),
)
# In larger files values are numbered instead.
MAX_BYTES_WITH_NAMES = 100_000


class RandomImages(CalibrationDataReader):
    """A few normally distributed inputs, the same every time."""

    def __init__(self, model, count=2):
        random = np.random.default_rng(1)
        stored = {tensor.name for tensor in model.graph.initializer}
        inputs = [i for i in model.graph.input if i.name not in stored]
        self.feeds = iter([
            {
                i.name: random.standard_normal(
                    [d.dim_value for d in i.type.tensor_type.shape.dim]
                ).astype(np.float32)
                for i in inputs
            }
            for _ in range(count)
        ])

    def get_next(self):
        return next(self.feeds, None)


def shorter(name):
    for long, short in SHORTER:
        name = name.replace(long, short)
    return name


def rename_values(model, rename):
    graph = model.graph
    for value in [*graph.initializer, *graph.input, *graph.output]:
        value.name = rename(value.name)
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [rename(name) for name in names]


def number_values(model):
    """What the graph takes and returns keeps its name."""
    kept = {v.name for v in [*model.graph.input, *model.graph.output]} | {""}
    numbers = {}
    rename_values(model, lambda name: name if name in kept else numbers
                  .setdefault(name, str(len(numbers))))


def strip(model, location):
    """Declares large tensors as external data; drops what opcost infers or
    doesn't read, and shortens names."""
    del model.graph.value_info[:]
    model.ClearField("metadata_props")
    offset = 0
    for tensor in model.graph.initializer:
        data = onnx.numpy_helper.to_array(tensor).tobytes()
        if len(data) <= MAX_INLINE_BYTES:
            continue
        declared = TensorProto(
            name=tensor.name, data_type=tensor.data_type, dims=tensor.dims,
            data_location=TensorProto.EXTERNAL)
        for key, value in (("location", location), ("offset", offset),
                           ("length", len(data))):
            declared.external_data.add(key=key, value=str(value))
        tensor.CopyFrom(declared)
        offset += len(data)
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.ClearField("name")
    rename_values(model, shorter)
    if model.ByteSize() > MAX_BYTES_WITH_NAMES:
        number_values(model)


def quantize(name, make_models, folder):
    options, is_prepared = NETWORKS[name]
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        subprocess.run([make_models, "--only", name, "--weights", "-o", work],
                       check=True, stdout=subprocess.DEVNULL)
        source = work / f"{name}.onnx"
        if is_prepared:
            prepared = work / f"{name}-prepared.onnx"
            # Symbolic inference chokes on the detector's loops; ours is fine.
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            source = prepared
        target = work / f"{name}-qdq-ort.onnx"
        quantize_static(source, target, RandomImages(onnx.load(source)),
                        **options)
        model = onnx.load(target)
    strip(model, "qdq-ort.weights")
    path = folder / target.name
    path.write_bytes(model.SerializeToString(deterministic=True))
    print(path, path.stat().st_size, "bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--make-models", required=True, type=pathlib.Path,
                        help="the program tools/make_models, built")
    parser.add_argument("--only", action="append", choices=sorted(NETWORKS))
    parser.add_argument("-o", "--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or NETWORKS:
        quantize(name, arguments.make_models.absolute(), arguments.output)


if __name__ == "__main__":
    main()
