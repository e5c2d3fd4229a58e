#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the shell completions against the help texts: the same options in both.

    completions_test.py OPCOST
"""

import pathlib
import re
import subprocess
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "completions"
COMMANDS = ["estimate", "compare", "explain", "shapes", "tables", "sweep",
            "measure", "collect", "calibrate", "carbon", "weights",
            "tables show",
            "tables check", "tables new", "tables diff", "help"]
LONG = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")
OPCOST = sys.argv.pop(1)


def help_on(command):
    """The long options that `opcost help COMMAND` lists."""
    text = subprocess.run([OPCOST, "help", *command.split()], check=True,
                          capture_output=True, text=True).stdout
    listed = [line for line in text.splitlines()
              if re.match(r"  (-\w, )?--", line)]
    return {match for line in listed for match in LONG.findall(line[:29])}


def code_of(name):
    """The completion file without its comments."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(l for l in lines if not l.lstrip().startswith("#"))


def bash_offers(*words):
    """What bash would offer after `words`, the last of which is begun."""
    script = (f"source {FOLDER / 'opcost.bash'}; COMP_WORDS=(\"$@\"); "
              "COMP_CWORD=$(($# - 1)); _opcost; "
              'printf "%s\\n" "${COMPREPLY[@]}"')
    out = subprocess.run(["bash", "-c", script, "bash", *words], check=True,
                         capture_output=True, text=True).stdout
    return set(out.split())


class CompletionsTest(unittest.TestCase):

    def setUp(self):
        self.options = {o for c in COMMANDS for o in help_on(c)}
        self.assertIn("memory-model", self.options)

    def test_bash_knows_the_options_of_help(self):
        self.assertEqual(self.options, set(LONG.findall(code_of("opcost.bash"))))

    def test_zsh_knows_the_options_of_help(self):
        self.assertEqual(self.options, set(LONG.findall(code_of("_opcost"))))

    def test_fish_knows_the_options_of_help(self):
        known = set(re.findall(r"(?m)^complete .*? -l ([a-z-]+)",
                               code_of("opcost.fish")))
        self.assertEqual(self.options, known)

    def test_bash_offers_each_command_its_own_options(self):
        for command in COMMANDS:
            offered = {o[2:] for o in bash_offers("opcost", *command.split(),
                                                  "--") if o.startswith("--")}
            self.assertEqual(help_on(command), offered, command)

    def test_bash_offers_commands_and_values(self):
        self.assertLessEqual({"estimate", "compare", "explain", "shapes",
                              "tables", "help"}, bash_offers("opcost", ""))
        self.assertEqual({"jsonl", "json"},
                         bash_offers("opcost", "m.onnx", "--format", "js"))
        self.assertEqual({"once"}, bash_offers(
            "opcost", "m.onnx", "--memory-model", "=", "o"))


if __name__ == "__main__":
    unittest.main()
