#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs make_variants as a user does: files, messages, exit statuses.

    make_variants_test.py MAKE_VARIANTS MAKE_MODELS
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

MAKE_VARIANTS, MAKE_MODELS = sys.argv[1:3]
MODELS = pathlib.Path(__file__).parents[2] / "models"


def run(*arguments):
    return subprocess.run([MAKE_VARIANTS, *map(str, arguments)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)


class MakeVariantsTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def files(self):
        return sorted(f.name for f in (self.folder / "out").iterdir())

    def test_each_option_writes_a_file_with_its_weights(self):
        subprocess.run([MAKE_MODELS, "--only", "lenet-5", "--weights", "-o",
                        self.folder], check=True, stdout=subprocess.DEVNULL)
        result = run(self.folder / "lenet-5.onnx", "-o", self.folder / "out",
                     "--prune", "0.9", "--prune", "50%", "--nm", "2:4",
                     "--prune-channels", "0.5", "--uniform", "7",
                     "--int8", "tensor", "--int8", "channel", "--int4")
        self.assertEqual(result.returncode, 0, result.stderr)
        forms = ["2of4", "channels50", "int4", "int8", "int8-per-channel",
                 "pruned50", "pruned90", "uniform7"]
        self.assertEqual(self.files(),
                         sorted(f"lenet-5-{form}.{kind}" for form in forms
                                for kind in ("onnx", "weights")))
        self.assertEqual(len(result.stdout.splitlines()), len(forms))
        self.assertIn("lenet-5-pruned90: 4 weight tensors of 430500 elements "
                      "changed\n", result.stderr)
        self.assertIn("lenet-5-int4: 2 matrices in int4; 2 convolutions keep "
                      "their weights", result.stderr)

    def test_embedded_weights_and_another_name(self):
        subprocess.run([MAKE_MODELS, "--only", "lenet-300-100", "--weights",
                        "-o", self.folder], check=True,
                       stdout=subprocess.DEVNULL)
        result = run(self.folder / "lenet-300-100.onnx", "--nm", "1:4",
                     "--embed", "--name", "mlp", "-q", "-o",
                     self.folder / "out")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "", ""))
        self.assertEqual(self.files(), ["mlp-1of4.onnx"])

    def test_structure_without_weights(self):
        result = run(MODELS / "lenet-5.onnx", "--no-weights", "--int8",
                     "channel", "--int4", "--prune-channels", "0.25", "-o",
                     self.folder / "out")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.files(), [
            "lenet-5-channels25.onnx", "lenet-5-int4.onnx",
            "lenet-5-int8-per-channel.onnx"])

    def test_a_model_whose_weights_are_absent(self):
        result = run(MODELS / "lenet-5.onnx", "--prune", "0.9")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            result.stderr,
            f"make_variants: {MODELS}/lenet-5.onnx: tensor 'conv1.weight': its "
            f"weights: {MODELS}/lenet-5.weights: No such file or directory; "
            "put the file there, or write variants without weights "
            "(--no-weights)\n")

    def test_a_file_that_is_no_model(self):
        path = self.folder / "text.onnx"
        path.write_text("hello, this is no model at all\n")
        result = run(path, "--int4")
        self.assertEqual(result.returncode, 1)
        self.assertTrue(result.stderr.startswith(f"make_variants: {path}: "),
                        result.stderr)

    def test_wrong_usage(self):
        for arguments in (["x.onnx"], [], ["x.onnx", "--prune", "90"],
                          ["x.onnx", "--nm", "4:2"],
                          ["x.onnx", "--int8", "both"],
                          ["x.onnx", "--uniform", "17"],
                          ["x.onnx", "--int4", "--block", "24"]):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertNotEqual(result.stderr, "")

    def test_help(self):
        result = run("--help")
        self.assertEqual(result.returncode, 0)
        for option in ("--prune ", "--nm ", "--prune-channels ", "--uniform ",
                       "--int8 ", "--int4", "--keep ", "--no-weights",
                       "--embed"):
            self.assertIn(option, result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
