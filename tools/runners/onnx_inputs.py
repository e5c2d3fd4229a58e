# SPDX-License-Identifier: Apache-2.0
"""Sizes, random inputs and random weights for ONNX models that runners run."""

import math
import os

import numpy as np
import onnx
from onnx import TensorProto

from runner_protocol import RunnerError

# Operators whose second operand chooses among the elements of the first.
_CHOOSING = {"Gather", "GatherElements"}
# What passes integers on as they are.
_VIEWS = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Transpose",
          "Flatten", "Expand"}
# Operand of each normalisation that has to lie around one, not around zero.
_POSITIVE = {"BatchNormalization": (1, 4), "LayerNormalization": (1,),
             "InstanceNormalization": (1,), "GroupNormalization": (1,),
             "RMSNormalization": (1,), "SkipLayerNormalization": (2,),
             "SimplifiedLayerNormalization": (1,),
             "SkipSimplifiedLayerNormalization": (2,),
             "QuantizeLinear": (1,), "DequantizeLinear": (1,),
             "QLinearConv": (1, 4, 6), "QLinearMatMul": (1, 4, 6),
             "DynamicQuantizeLinear": (), "MatMulNBits": (2,)}


def read_model(path):
    """The model without what lies in other files."""
    try:
        return onnx.load(path, load_external_data=False)
    except OSError as error:
        raise RunnerError("model", f"can't read {path}: {error.strerror}")
    except Exception as error:  # protobuf's own
        raise RunnerError("model", f"{path} is not an ONNX model: {error}")


def real_inputs(graph):
    """The inputs that aren't constants."""
    constants = {t.name for t in graph.initializer}
    constants |= {t.values.name for t in graph.sparse_initializer}
    return [i for i in graph.input if i.name not in constants]


def _set_axis_zero(inputs, batch):
    """As opcost's --batch: the inputs that share the first one's axis 0."""
    def axis(value):
        dims = value.type.tensor_type.shape.dim
        return (dims[0].WhichOneof("value"), dims[0].dim_value,
                dims[0].dim_param) if dims else None

    if not inputs or axis(inputs[0]) is None:
        return
    first = axis(inputs[0])
    for value in inputs:
        if axis(value) == first:
            value.type.tensor_type.shape.dim[0].dim_value = batch


def set_sizes(model, request):
    """Writes the sizes of the request into the model's inputs."""
    graph = model.graph
    inputs = real_inputs(graph)
    for value in inputs:
        if value.type.WhichOneof("value") != "tensor_type":
            raise RunnerError("model", f"input '{value.name}' is not a tensor")
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in request.dims:
                dim.dim_value = request.dims[dim.dim_param]
    if request.batch is not None:
        _set_axis_zero(inputs, request.batch)
    for value in inputs:
        if value.name in request.inputs:
            shape = value.type.tensor_type.shape
            del shape.dim[:]
            shape.SetInParent()
            for extent in request.inputs[value.name]:
                shape.dim.add().dim_value = extent
        tensor = value.type.tensor_type
        if not tensor.HasField("shape"):
            raise RunnerError("model", f"input '{value.name}' has no shape")
        for dim in tensor.shape.dim:
            if dim.WhichOneof("value") != "dim_value":
                raise RunnerError(
                    "model", f"input '{value.name}' has a dimension "
                    f"'{dim.dim_param or '?'}' whose size isn't given")
    # They are of the old sizes; the runtime infers them again.
    del graph.value_info[:]
    for value in graph.output:
        if value.type.WhichOneof("value") == "tensor_type":
            value.type.tensor_type.ClearField("shape")
    for node in graph.node:
        if not node.name:  # as opcost calls it
            node.name = next((o for o in node.output if o), "")


def uses_of(graph):
    """Where each value is read: name -> [(node, place)]."""
    uses = {}
    for node in graph.node:
        for place, name in enumerate(node.input):
            uses.setdefault(name, []).append((node, place))
    return uses


def _chosen_extent(name, uses, shapes, depth=0):
    """How many elements the indices `name` may choose from, or None."""
    least = None
    for node, place in uses.get(name, []) if depth < 8 else []:
        extent = None
        if node.op_type in _CHOOSING and place == 1:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            shape = shapes.get(node.input[0])
            if shape and -len(shape) <= axis < len(shape):
                extent = shape[axis]
        elif node.op_type == "EmbedLayerNormalization" and place < 2:
            shape = shapes.get(node.input[place + 2])
            extent = shape[0] if shape else None
        elif node.op_type in _VIEWS and place == 0:
            extent = _chosen_extent(node.output[0], uses, shapes, depth + 1)
        if extent:
            least = extent if least is None else min(least, extent)
    return least


def _known_shapes(model):
    shapes = {t.name: list(t.dims) for t in model.graph.initializer}
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        shapes.setdefault(value.name, [d.dim_value for d in dims])
    return shapes


def random_array(rng, elem_type, shape, limit=None):
    """A random array; integers lie in [0, limit), or are 0 and 1."""
    if elem_type == TensorProto.STRING:
        raise RunnerError("model", "inputs of strings can't be made up")
    if elem_type in (TensorProto.FLOAT, TensorProto.FLOAT16,
                     TensorProto.DOUBLE, TensorProto.BFLOAT16):
        values = rng.standard_normal(shape, dtype=np.float32)
        return as_type(values, elem_type)
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(elem_type)
    except KeyError:
        dtype = None
    if dtype is None or dtype.kind not in "biu" or dtype.itemsize > 8:
        name = TensorProto.DataType.Name(elem_type).lower()
        raise RunnerError("model", f"inputs of {name} can't be made up")
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if limit is not None:
        return rng.integers(0, limit, shape).astype(dtype)
    if dtype.itemsize == 1:
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, endpoint=True).astype(
            dtype)
    return rng.integers(0, 2, shape).astype(dtype)


def as_type(values, elem_type):
    """float32 `values` in another floating-point type; bfloat16 as uint16."""
    if elem_type == TensorProto.BFLOAT16:
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(onnx.helper.tensor_dtype_to_np_dtype(elem_type))


def random_inputs(model, rng):
    """[(name, elem_type, array)] for every real input, and remarks."""
    uses, shapes = uses_of(model.graph), _known_shapes(model)
    made, guessed = [], []
    for value in real_inputs(model.graph):
        tensor = value.type.tensor_type
        shape = [d.dim_value for d in tensor.shape.dim]
        limit = None
        if tensor.elem_type in (TensorProto.INT64, TensorProto.INT32):
            limit = _chosen_extent(value.name, uses, shapes)
            if limit is None:
                guessed.append(value.name)
        made.append((value.name, tensor.elem_type,
                     random_array(rng, tensor.elem_type, shape, limit)))
    remarks = []
    if guessed:
        remarks.append("integers of unknown range are 0 and 1: " +
                       ", ".join(guessed))
    return made, remarks


def _fan_in(shape, node, place):
    """How many products are summed into an element that these weights make."""
    if node is None:
        return max(1, math.prod(shape[1:]))
    attributes = {a.name: a for a in node.attribute}
    if node.op_type in ("MatMul", "FusedMatMul"):
        return max(1, shape[-2] if place == 1 and len(shape) > 1
                   else shape[-1])
    if node.op_type == "Gemm":
        turned = "transB" in attributes and attributes["transB"].i
        return max(1, shape[1] if turned else shape[0])
    return max(1, math.prod(shape[1:]))


def random_weights(rng, tensor, uses):
    """Values that keep a network's activations of a usual size."""
    shape = list(tensor.dims)
    node, place = (uses.get(tensor.name) or [(None, 0)])[0]
    kind = tensor.data_type
    if kind in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE,
                TensorProto.BFLOAT16):
        if node is not None and place in _POSITIVE.get(node.op_type, ()):
            values = rng.uniform(0.9, 1.1, shape).astype(np.float32)
        elif len(shape) < 2:
            values = rng.uniform(-0.1, 0.1, shape).astype(np.float32)
        else:
            values = rng.standard_normal(shape, dtype=np.float32)
            values *= np.float32(math.sqrt(2 / _fan_in(shape, node, place)))
        return as_type(values, kind)
    if kind in (TensorProto.INT32, TensorProto.INT8, TensorProto.UINT8,
                TensorProto.INT16, TensorProto.UINT16):
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
        low, high = (-100, 100) if dtype.kind == "i" else (0, 200)
        return rng.integers(low, high, shape).astype(dtype)
    if kind in (TensorProto.INT64, TensorProto.BOOL):
        return random_array(rng, kind, shape)
    name = TensorProto.DataType.Name(kind).lower()
    raise RunnerError("model", f"weights '{tensor.name}' of {name} can't be "
                      "made up")


def absent_weights(model, folder):
    """The constants whose file isn't there, in the main graph."""
    absent = []
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        place = {e.key: e.value for e in tensor.external_data}
        if not os.path.isfile(os.path.join(folder, place.get("location", ""))):
            absent.append(tensor)
    return absent


def precision_of(model):
    """"float32", "float32, int8": types of the constants that are matrices."""
    kinds = {t.data_type for t in model.graph.initializer if len(t.dims) > 1}
    kinds = kinds or {i.type.tensor_type.elem_type
                      for i in real_inputs(model.graph)}
    names = {TensorProto.DataType.Name(k).lower() for k in kinds}
    plain = {"float": "float32", "double": "float64"}
    return ", ".join(sorted(plain.get(n, n) for n in names))
