#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs ONNX models in PyTorch for `opcost measure --runner pytorch`.

The graph is turned into PyTorch modules by the package onnx2torch. A network
that it can't turn is given as TorchScript (torch.jit.save) of the same network,
whose inputs are those of the ONNX file in their order:

    opcost measure net.onnx --runner 'python3 pytorch_runner.py --script net.pt'

It needs the Python packages torch, onnx, numpy, and onnx2torch unless --script
is given.
"""

import argparse
import os
import sys

from runner_protocol import RunnerError, missing_package, serve


class PyTorch:
    """One loaded model at a time."""

    def __init__(self, script):
        try:
            import numpy
            import onnx
            import torch
            import onnx_inputs
            convert = None
            if script is None:
                from onnx2torch import convert
        except ImportError as error:
            raise missing_package(error, "torch onnx onnx2torch") from None
        self._np, self._onnx, self._torch = numpy, onnx, torch
        self._inputs, self._convert, self._script = onnx_inputs, convert, script
        self._module = None

    def load(self, request):
        torch = self._torch
        self._module = self._feeds = None
        name, _, index = request.device.partition(":")
        if name == "cuda" and not torch.cuda.is_available():
            raise RunnerError("device", "this torch finds no CUDA device")
        self._device = torch.device(request.device)
        if request.threads > 0:
            torch.set_num_threads(request.threads)
        torch.manual_seed(request.seed)
        model = self._inputs.read_model(request.model)
        self._inputs.set_sizes(model, request)
        rng = self._np.random.default_rng(request.seed)
        feeds, remarks = self._inputs.random_inputs(model, rng)
        precision = self._inputs.precision_of(model)
        if self._script is not None:
            module = torch.jit.load(self._script, map_location=self._device)
            remarks.append(f"the network is {self._script}'s")
        else:
            remarks += self._fill(model, os.path.dirname(
                os.path.abspath(request.model)), rng, request.seed)
            module = self._converted(model)
        # Names of modules have no dots: onnx2torch puts slashes in their place.
        self._names = {n.name.replace(".", "/"): n.name
                       for n in model.graph.node}
        module = module.eval().to(self._device)
        if request.optimises and self._script is not None:
            module = torch.jit.optimize_for_inference(torch.jit.freeze(module))
        elif request.optimises:
            remarks.append("run eagerly, as PyTorch runs without compiling")
        self._feeds = [self._tensor(array, kind).to(self._device)
                       for _, kind, array in feeds]
        with torch.inference_mode():
            module(*self._feeds)
        self._module = module
        device = request.device
        if name == "cuda":
            device = (f"cuda:{index or 0} "
                      f"{torch.cuda.get_device_name(self._device)}")
            if torch.backends.cudnn.allow_tf32:
                remarks.append("TF32 is allowed in convolutions, as is "
                               "PyTorch's default")
        return {"runtime": "pytorch", "version": torch.__version__,
                "device": device, "precision": precision,
                "threads": torch.get_num_threads() if name == "cpu" else 0
                }, remarks

    def run(self, runs):
        if self._module is None:
            raise RunnerError("run", "no model is loaded")
        module, feeds = self._module, self._feeds
        with self._torch.inference_mode():
            for _ in range(runs):
                module(*feeds)
        if self._device.type == "cuda":
            self._torch.cuda.synchronize(self._device)

    def layers(self, runs):
        """Times of the converted graph's nodes; none of a TorchScript file."""
        if self._script is not None or self._device.type != "cpu":
            return []
        import time
        spans = {}
        handles = []

        def begin(module, _):
            spans[module][1] = time.perf_counter()

        def end(module, _, __):
            spans[module][0] += time.perf_counter() - spans[module][1]

        for name, module in self._module.named_modules():
            if name and not any(module.children()):
                spans[module] = [0.0, 0.0, name, type(module).__name__]
                handles.append(module.register_forward_pre_hook(begin))
                handles.append(module.register_forward_hook(end))
        self.run(runs)
        for handle in handles:
            handle.remove()
        return [(self._names.get(name, name), kind.replace("Onnx", ""),
                 total / runs)
                for total, begun, name, kind in spans.values() if begun > 0]

    def _converted(self, model):
        try:
            return self._convert(model)
        except NotImplementedError as error:
            raise RunnerError(
                "model", f"onnx2torch can't turn this network into PyTorch's "
                f"({error}); give it as TorchScript with --script, or use "
                "--runner onnxruntime") from None

    def _tensor(self, array, kind):
        if kind == 16:  # bfloat16, which numpy lacks
            return self._torch.from_numpy(array.view(self._np.int16)).view(
                self._torch.bfloat16)
        return self._torch.from_numpy(self._np.ascontiguousarray(array))

    def _fill(self, model, folder, rng, seed):
        """Puts the weights into the model; absent ones are random."""
        absent = self._inputs.absent_weights(model, folder)
        uses = self._inputs.uses_of(model.graph)
        for tensor in absent:
            values = self._inputs.random_weights(rng, tensor, uses)
            tensor.raw_data = self._np.ascontiguousarray(values).tobytes()
            tensor.data_location = self._onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
        self._onnx.external_data_helper.load_external_data_for_model(
            model, folder)
        if not absent:
            return []
        return [f"{len(absent)} weights are random (seed {seed}): their file is "
                "absent"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--script", metavar="FILE",
                        help="TorchScript of the network")
    script = parser.parse_args().script
    sys.exit(serve(lambda: PyTorch(script)))
