#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of tools/runners: sizes, random inputs and weights, the protocol.

Runs itself again in $OPCOST_PYTHON, or in the environment that tools/setup --dev
makes, which have ONNX Runtime; without either it ends with 77: skipped.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RUNNERS = ROOT / "tools" / "runners"
SKIPPED = 77


def interpreter():
    made = ROOT / "build" / "python" / "bin" / "python"
    return os.environ.get("OPCOST_PYTHON") or (str(made) if made.exists()
                                               else "")


if "OPCOST_RUNNERS_TEST" not in os.environ:
    if not interpreter():
        print("skipped: no Python with onnxruntime; tools/setup --dev makes "
              "one, or $OPCOST_PYTHON names one")
        sys.exit(SKIPPED)
    os.environ["OPCOST_RUNNERS_TEST"] = "1"
    os.execv(interpreter(), [interpreter(), __file__, *sys.argv[1:]])

sys.path.insert(0, str(RUNNERS))
# pylint: disable=wrong-import-position
import numpy as np  # noqa: E402
from onnx import TensorProto, helper, save  # noqa: E402

import onnx_inputs  # noqa: E402
import runner_protocol  # noqa: E402
from runner_protocol import LoadRequest, RunnerError  # noqa: E402


def model_of(nodes, inputs, constants=(), outputs=("y",)):
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None)
         for n in outputs], list(constants))
    return helper.make_model(graph, opset_imports=[
        helper.make_opsetid("", 17)], ir_version=8)


def absent(name, dims, kind=TensorProto.FLOAT):
    """A constant in a file that isn't there."""
    tensor = TensorProto(name=name, data_type=kind, dims=dims,
                         data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="none.weights")
    return tensor


def sizes(model):
    return {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim]
            for i in onnx_inputs.real_inputs(model.graph)}


def linear():
    """y = relu(x @ w), of a symbolic batch."""
    return model_of([helper.make_node("MatMul", ["x", "w"], ["h"]),
                     helper.make_node("Relu", ["h"], ["y"])],
                    [("x", TensorProto.FLOAT, ["N", 8])],
                    [absent("w", [8, 4])])


class SizesTest(unittest.TestCase):

    def sized(self, model, *options):
        onnx_inputs.set_sizes(model, LoadRequest(["m", *options]))
        return sizes(model)

    def test_a_dimension_has_its_number(self):
        self.assertEqual(self.sized(linear(), "dim=N=3"), {"x": [3, 8]})

    def test_a_batch_goes_to_inputs_that_share_the_first_ones_axis(self):
        model = model_of([helper.make_node("Add", ["a", "b"], ["y"])],
                         [("a", TensorProto.FLOAT, [1, 8]),
                          ("b", TensorProto.FLOAT, [1, 1]),
                          ("c", TensorProto.FLOAT, [2, 8])])
        self.assertEqual(self.sized(model, "batch=5"),
                         {"a": [5, 8], "b": [5, 1], "c": [2, 8]})

    def test_a_shape_goes_before_batch_and_dimensions(self):
        self.assertEqual(
            self.sized(linear(), "batch=5", "dim=N=3", "input=x=7x8"),
            {"x": [7, 8]})
        model = model_of([helper.make_node("Relu", ["x"], ["y"])],
                         [("x", TensorProto.FLOAT, [2])])
        self.assertEqual(self.sized(model, "input=x=scalar"), {"x": []})

    def test_a_size_that_nobody_gives_is_an_error(self):
        with self.assertRaisesRegex(RunnerError,
                                    "'x' has a dimension 'N' whose size"):
            self.sized(linear())

    def test_nameless_nodes_are_called_after_their_outputs(self):
        model = linear()
        self.sized(model, "dim=N=1")
        self.assertEqual([n.name for n in model.graph.node], ["h", "y"])


class RandomTest(unittest.TestCase):

    def inputs(self, model):
        return onnx_inputs.random_inputs(model, np.random.default_rng(1))

    def test_indices_lie_below_the_rows_that_they_choose(self):
        model = model_of(
            [helper.make_node("Cast", ["i"], ["j"], to=TensorProto.INT32),
             helper.make_node("Gather", ["w", "j"], ["y"])],
            [("i", TensorProto.INT64, [1000])], [absent("w", [17, 4])])
        made, remarks = self.inputs(model)
        values = made[0][2]
        self.assertEqual((values.min(), values.max()), (0, 16))
        self.assertEqual(remarks, [])

    def test_the_axis_of_gather_counts(self):
        model = model_of(
            [helper.make_node("Gather", ["w", "i"], ["y"], axis=-1)],
            [("i", TensorProto.INT64, [1000])], [absent("w", [17, 4])])
        self.assertEqual(self.inputs(model)[0][0][2].max(), 3)

    def test_integers_of_unknown_range_are_zero_and_one_and_said(self):
        model = model_of([helper.make_node("Abs", ["i"], ["y"])],
                         [("i", TensorProto.INT64, [100])])
        made, remarks = self.inputs(model)
        self.assertEqual(set(made[0][2]), {0, 1})
        self.assertEqual(remarks, ["integers of unknown range are 0 and 1: i"])

    def test_small_integers_take_their_whole_range(self):
        model = model_of([helper.make_node("Abs", ["i"], ["y"])],
                         [("i", TensorProto.INT8, [100000])])
        values = self.inputs(model)[0][0][2]
        self.assertEqual((values.min(), values.max()), (-128, 127))

    def test_a_seed_gives_the_same_numbers(self):
        model = linear()
        onnx_inputs.set_sizes(model, LoadRequest(["m", "dim=N=3"]))
        first, second = self.inputs(model)[0], self.inputs(model)[0]
        np.testing.assert_array_equal(first[0][2], second[0][2])

    def test_strings_are_an_error(self):
        model = model_of([helper.make_node("Identity", ["s"], ["y"])],
                         [("s", TensorProto.STRING, [2])])
        with self.assertRaisesRegex(RunnerError, "strings"):
            self.inputs(model)

    def test_weights_keep_activations_of_a_usual_size(self):
        model = linear()
        uses = onnx_inputs.uses_of(model.graph)
        tensor = absent("w", [4096, 64])
        values = onnx_inputs.random_weights(np.random.default_rng(1), tensor,
                                            uses)
        # MatMul sums over axis 0.
        self.assertAlmostEqual(values.std(), (2 / 4096)**0.5, delta=1e-3)

    def test_variances_are_positive(self):
        model = model_of(
            [helper.make_node("BatchNormalization",
                              ["x", "s", "b", "m", "v"], ["y"])],
            [("x", TensorProto.FLOAT, [1, 4, 2, 2])],
            [absent(n, [1000]) for n in "sbmv"])
        uses = onnx_inputs.uses_of(model.graph)
        for tensor in model.graph.initializer:
            values = onnx_inputs.random_weights(np.random.default_rng(1),
                                                tensor, uses)
            self.assertEqual(tensor.name in "sv", bool(values.min() > 0.8))


def talk_to(python, runner, *lines, environment=None):
    """The exit status and the fields of each line that the runner says."""
    done = subprocess.run([python, str(RUNNERS / runner)],
                          input="".join(l + "\n" for l in lines), text=True,
                          capture_output=True, timeout=300, check=False,
                          env={**os.environ, **(environment or {})})
    return done.returncode, [line.split("\t")
                             for line in done.stdout.splitlines()]


def lacking(package, folder):
    """An environment in which `package` can't be imported."""
    pathlib.Path(folder, package + ".py").write_text(
        f"raise ImportError('gone', name='{package}')", encoding="utf-8")
    return {"PYTHONPATH": folder}


class ProtocolTest(unittest.TestCase):

    def talk(self, *lines, environment=None):
        return talk_to(sys.executable, "onnxruntime_runner.py", *lines,
                       environment=environment)

    def test_fields_go_there_and_back(self):
        for text in ("", "a\tb", "a\\tb", "\\", "\r\n", "plain"):
            self.assertEqual(
                runner_protocol.unescape(runner_protocol.escape(text)), text)

    def test_loads_runs_times_and_goes_on_after_a_fault(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "m.onnx")
            save(linear(), path)
            status, lines = self.talk(
                "load\t" + path,
                f"load\t{path}\tdim=N=3\tthreads=1\toptimisation=off",
                "warm\t2", "run\t5", "layers\t3", "what", "quit")
        self.assertEqual(status, 0)
        self.assertEqual(lines[0], ["hello", "opcost-runner/1"])
        self.assertEqual(lines[1][:2], ["error", "model"])
        described = dict(l for l in lines[2:] if len(l) == 2)
        self.assertEqual(described["runtime"], "onnxruntime")
        self.assertEqual(described["device"], "cpu")
        self.assertEqual(described["precision"], "float32")
        self.assertEqual(described["threads"], "1")
        self.assertIn(["remark", "1 weights are random (seed 1): none.weights "
                       "is absent"], lines)
        self.assertEqual([l[1:3] for l in lines if l[0] == "layer"],
                         [["h", "MatMul"], ["y", "Relu"]])
        done = [l for l in lines if l[0] == "done"]
        self.assertEqual([len(l) for l in done], [2, 2, 1])
        self.assertGreater(float(done[1][1]), 0)
        self.assertEqual(lines[-1][:2], ["error", "run"])

    def test_a_file_that_is_no_model_is_the_models_fault(self):
        status, lines = self.talk("load\t/dev/null", "load\t/no/such/file")
        self.assertEqual(status, 0)
        self.assertEqual([l[:2] for l in lines[1:]], [["error", "model"]] * 2)

    def test_cuda_that_isnt_there_is_an_error_and_no_other_device(self):
        import onnxruntime
        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            self.skipTest("this one has CUDA")
        _, lines = self.talk("load\tm.onnx\tdevice=cuda")
        self.assertEqual(lines[1][:2], ["error", "package"])
        self.assertIn("pip install onnxruntime-gpu", lines[1][2])

    def test_a_missing_package_says_how_to_install_it(self):
        with tempfile.TemporaryDirectory() as folder:
            status, lines = self.talk(
                environment=lacking("onnxruntime", folder))
        self.assertEqual(status, 4)
        self.assertEqual(lines[0][:2], ["error", "package"])
        self.assertEqual(
            lines[0][2], "Python package 'onnxruntime' is missing; install it: "
            f"{sys.executable} -m pip install onnxruntime onnx (--python FILE "
            "or $OPCOST_PYTHON names another interpreter)")

    def test_the_systems_own_python_takes_no_packages(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "EXTERNALLY-MANAGED").touch()
            with unittest.mock.patch.multiple(
                    sys, prefix="/usr", base_prefix="/usr",
                    executable="/usr/bin/python3"), \
                 unittest.mock.patch("sysconfig.get_path",
                                     return_value=folder):
                self.assertEqual(
                    runner_protocol.how_to_install("onnx"),
                    "/usr/bin/python3 -m venv ~/opcost-python && "
                    "~/opcost-python/bin/python -m pip install onnx, and name "
                    "it: --python ~/opcost-python/bin/python, or "
                    "$OPCOST_PYTHON (on Debian, apt install python3-venv goes "
                    "before)")


class PyTorchTest(unittest.TestCase):
    """Its packages take gigabytes: $OPCOST_PYTORCH_PYTHON names an interpreter
    that has torch, onnx2torch and onnx."""

    python = os.environ.get("OPCOST_PYTORCH_PYTHON")
    needs_torch = unittest.skipUnless(
        python, "$OPCOST_PYTORCH_PYTHON names no Python with PyTorch")

    def talk_of(self, model, *lines):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "m.onnx")
            save(model, path)
            return talk_to(self.python, "pytorch_runner.py",
                           *(line.replace("MODEL", path) for line in lines))

    def test_a_missing_package_says_how_to_install_it(self):
        with tempfile.TemporaryDirectory() as folder:
            status, lines = talk_to(sys.executable, "pytorch_runner.py",
                                    environment=lacking("torch", folder))
        self.assertEqual(status, 4)
        self.assertEqual(lines[0][:2], ["error", "package"])
        self.assertIn("'torch' is missing; install it: ", lines[0][2])
        self.assertIn(" -m pip install torch onnx onnx2torch", lines[0][2])

    @needs_torch
    def test_loads_runs_and_times_layers_by_the_nodes_names(self):
        status, lines = self.talk_of(
            linear(), "load\tMODEL\tdim=N=3\tthreads=1", "warm\t2", "run\t5",
            "layers\t3", "quit")
        self.assertEqual(status, 0)
        described = dict(l for l in lines if len(l) == 2)
        self.assertEqual(described["runtime"], "pytorch")
        self.assertEqual(described["device"], "cpu")
        self.assertEqual(described["precision"], "float32")
        self.assertEqual(described["threads"], "1")
        self.assertEqual([l[1:3] for l in lines if l[0] == "layer"],
                         [["h", "MatMul"], ["y", "ReLU"]])
        done = [l for l in lines if l[0] == "done"]
        self.assertEqual([len(l) for l in done], [2, 2, 1])
        self.assertGreater(float(done[1][1]), 0)

    @needs_torch
    def test_a_network_that_cant_be_turned_says_what_helps(self):
        model = model_of([helper.make_node("Det", ["x"], ["y"])],
                         [("x", TensorProto.FLOAT, [3, 3])])
        status, lines = self.talk_of(model, "load\tMODEL", "quit")
        self.assertEqual(status, 0)
        self.assertEqual(lines[1][:2], ["error", "model"])
        self.assertIn("give it as TorchScript with --script", lines[1][2])


if __name__ == "__main__":
    unittest.main()
