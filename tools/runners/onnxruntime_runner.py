#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs ONNX models in ONNX Runtime for `opcost measure`.

opcost starts it and talks to it over docs/runner-protocol.md. It needs the
Python packages onnxruntime (onnxruntime-gpu for --device cuda), onnx and numpy.
"""

import glob
import json
import os
import sys
import tempfile

from runner_protocol import (RunnerError, how_to_install, missing_package,
                             serve)

# Their time is that of the nodes inside them.
CONTAINERS = {"If", "Loop", "Scan"}


def device_name(index):
    """"NVIDIA H200" of the only GPU; with several, nobody says which is which."""
    found = glob.glob("/proc/driver/nvidia/gpus/*/information")
    if len(found) != 1:
        return f"cuda:{index}"
    with open(found[0], encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("Model:"):
                return f"cuda:{index} {line.partition(':')[2].strip()}"
    return f"cuda:{index}"


class OnnxRuntime:
    """One loaded model at a time."""

    def __init__(self):
        try:
            import numpy
            import onnx  # noqa: F401
            import onnxruntime
            import onnx_inputs
        except ImportError as error:
            raise missing_package(error, "onnxruntime onnx") from None
        self._np, self._ort, self._inputs = numpy, onnxruntime, onnx_inputs
        onnxruntime.set_default_logger_severity(3)
        self._session = None

    def load(self, request):
        self._session = self._binding = self._feeds = None
        self._request = request
        self._set_device(request.device)
        model = self._inputs.read_model(request.model)
        self._folder = os.path.dirname(os.path.abspath(request.model))
        self._inputs.set_sizes(model, request)
        rng = self._np.random.default_rng(request.seed)
        feeds, remarks = self._inputs.random_inputs(model, rng)
        self._weights, made = self._absent_weights(model, rng)
        remarks += made
        self._bytes = model.SerializeToString()
        self._session = self._new_session(profile=None)
        self._feeds = [(n, self._value(a, t, self._device, self._index))
                       for n, t, a in feeds]
        self._binding = self._bind(self._session)
        if request.threads == 0 and self._device == "cpu":
            remarks.append("as many threads as ONNX Runtime likes")
        if not request.optimises:
            remarks.append("graph optimisations are off")
        precision = self._inputs.precision_of(model)
        if self._device == "cuda" and "float32" in precision:
            remarks.append("TF32 is allowed where the GPU has it, as is ONNX "
                           "Runtime's default")
        description = {
            "runtime": "onnxruntime",
            "version": self._ort.__version__,
            "device": ("cpu" if self._device == "cpu"
                       else device_name(self._index)),
            "precision": precision,
            "threads": request.threads,
        }
        return description, remarks

    def run(self, runs):
        if self._session is None:
            raise RunnerError("run", "no model is loaded")
        run, binding = self._session.run_with_iobinding, self._binding
        for _ in range(runs):
            run(binding)
        binding.synchronize_outputs()

    def layers(self, runs):
        """Times of a session of its own, since profiling slows it down."""
        if self._device != "cpu":
            return []  # they would be the times of launching kernels
        with tempfile.TemporaryDirectory(prefix="opcost-") as folder:
            session = self._new_session(os.path.join(folder, "profile"))
            binding = self._bind(session)
            for _ in range(runs + 1):
                session.run_with_iobinding(binding)
            with open(session.end_profiling(), encoding="utf-8") as file:
                events = json.load(file)
        times = {}
        suffix = "_kernel_time"
        for event in events:
            name, op = event.get("name", ""), event.get("args", {})
            op = op.get("op_name", "")
            if (event.get("cat") == "Node" and name.endswith(suffix)
                    and op not in CONTAINERS):
                key = (name[:-len(suffix)], op)
                times.setdefault(key, []).append(event["dur"] / 1e6)
        layers = []
        for (name, op), durations in times.items():
            # The first inference is cold.
            cold, odd = divmod(len(durations), runs + 1)
            warm = durations if odd else durations[cold:]
            each = sum(warm) / (runs + 1 if odd else runs)
            layers.append((name, op, each))
        return layers

    def _set_device(self, device):
        name, _, index = device.partition(":")
        if name not in ("cpu", "cuda") or (index and not index.isdigit()):
            raise RunnerError("device", f"unknown device '{device}'; use cpu, "
                              "cuda or cuda:N")
        self._device, self._index = name, int(index or 0)
        if (name == "cuda" and "CUDAExecutionProvider" not in
                self._ort.get_available_providers()):
            raise RunnerError("package", "this onnxruntime has no CUDA; install "
                              "the one that has: " +
                              how_to_install("onnxruntime-gpu onnx"))

    def _absent_weights(self, model, rng):
        """OrtValues for constants whose file isn't there, and a remark."""
        absent = self._inputs.absent_weights(model, self._folder)
        uses = self._inputs.uses_of(model.graph)
        values = {t.name: self._value(
            self._inputs.random_weights(rng, t, uses), t.data_type, "cpu", 0)
                  for t in absent}
        if not absent:
            return values, []
        files = sorted({e.value for t in absent for e in t.external_data
                        if e.key == "location"})
        return values, [f"{len(absent)} weights are random (seed "
                        f"{self._request.seed}): {', '.join(files[:3])} is "
                        "absent"]

    def _value(self, array, elem_type, device, index):
        ort_value = self._ort.OrtValue
        if elem_type == 16:  # bfloat16, which numpy lacks
            return ort_value.ortvalue_from_numpy_with_onnx_type(array, 16)
        return ort_value.ortvalue_from_numpy(
            self._np.ascontiguousarray(array), device, index)

    def _new_session(self, profile):
        ort, request = self._ort, self._request
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = request.threads
        options.inter_op_num_threads = 1
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = (
            level.ORT_ENABLE_ALL if request.optimises
            else level.ORT_DISABLE_ALL)
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path",
            self._folder)
        if self._weights:
            options.add_external_initializers(list(self._weights),
                                              list(self._weights.values()))
        if profile is not None:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        providers = ["CPUExecutionProvider"]
        if self._device == "cuda":
            providers.insert(0, ("CUDAExecutionProvider",
                                 {"device_id": self._index}))
        session = ort.InferenceSession(self._bytes, options,
                                       providers=providers)
        # It falls back to the processor without a word.
        if (self._device == "cuda" and
                "CUDAExecutionProvider" not in session.get_providers()):
            raise RunnerError("device", f"CUDA device {self._index} can't be "
                              "used: ONNX Runtime's CUDA provider didn't start")
        return session

    def _bind(self, session):
        binding = session.io_binding()
        for name, value in self._feeds:
            binding.bind_ortvalue_input(name, value)
        for output in session.get_outputs():
            binding.bind_output(output.name, self._device, self._index)
        return binding


if __name__ == "__main__":
    sys.exit(serve(OnnxRuntime))
