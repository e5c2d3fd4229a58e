#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of tools/check_layers.py: each rule is broken once."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import check_layers  # noqa: E402  (found through the line above)

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def offences(files):
    """What check() says of a tree with `files`, by path."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return check_layers.check(root)[1]


class CheckLayersTest(unittest.TestCase):

    def test_a_module_may_include_those_below_it(self):
        self.assertEqual([], offences({
            "src/energy/a.cc": SPDX + '#include "opcost/ir/types.h"\n',
            "src/cli/a.cc": SPDX + "#include <CLI/CLI.hpp>\n",
        }))

    def test_a_module_must_not_include_those_above_it(self):
        self.assertEqual(
            ["src/ops/a.cc:2: ops must not include opcost/memory/traffic.h"],
            offences({"src/ops/a.cc":
                      SPDX + '#include "opcost/memory/traffic.h"\n'}))

    def test_private_headers_count_too(self):
        self.assertEqual(
            ["include/opcost/ir/a.h:2: ir must not include src/ops/axes.h"],
            offences({"include/opcost/ir/a.h":
                      SPDX + '#include "src/ops/axes.h"\n'}))

    def test_a_third_party_format_has_one_owner(self):
        self.assertEqual(
            ["src/ops/a.cc:2: only frontend may include <onnx/...>",
             "src/ops/a.cc:3: only cli may include <CLI/...>"],
            offences({"src/ops/a.cc": SPDX + "#include <onnx/onnx_pb.h>\n"
                                             "#include <CLI/CLI.hpp>\n"}))

    def test_a_new_module_needs_a_row(self):
        self.assertEqual(
            ["src/misc/a.cc:1: no module is called 'misc'; MAY_INCLUDE lists "
             "them"], offences({"src/misc/a.cc": SPDX}))

    def test_the_licence_line_must_be_there(self):
        self.assertEqual(
            ["tools/a.py:1: the first line must hold "
             "'SPDX-License-Identifier: Apache-2.0'"],
            offences({"tools/a.py": "x = 1\n"}))

    def test_500_lines_are_allowed_and_501_are_not(self):
        fits = SPDX + "int x;\n" * 499
        self.assertEqual([], offences({"tests/a.cc": fits}))
        self.assertEqual(
            ["tests/a.cc:501: 501 lines; the limit is 500: what idea is "
             "missing?"], offences({"tests/a.cc": fits + "int y;\n"}))

    def test_60_lines_of_function_are_allowed_and_61_are_not(self):
        def function(lines):
            return (SPDX + "int F(int x) {\n" + "  ++x;\n" * (lines - 2) +
                    "}\n")
        self.assertEqual([], offences({"src/ir/a.cc": function(60)}))
        self.assertEqual(
            ["src/ir/a.cc:2: a function of 61 lines; the limit is 60"],
            offences({"src/ir/a.cc": function(61)}))

    def test_a_long_table_is_no_function(self):
        self.assertEqual([], offences({
            "src/ir/a.cc":
                SPDX + "const int kRows[] = {\n" + "    1,\n" * 80 + "};\n"}))


if __name__ == "__main__":
    unittest.main()
