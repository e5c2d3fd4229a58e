# SPDX-License-Identifier: Apache-2.0
"""opcost's runner protocol (docs/runner-protocol.md), for runners in Python."""

import os
import sys
import sysconfig
import time

VERSION = "opcost-runner/1"
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_PLAIN = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


class RunnerError(Exception):
    """What goes to opcost as an error line.

    `kind` is "model" if the model is at fault, "package" for something that has
    to be installed, "device" for a device that isn't there, "run" otherwise.
    """

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def how_to_install(packages):
    """Commands that work for the interpreter that runs this."""
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    if sys.prefix != sys.base_prefix or not os.path.exists(marker):
        return (f"{sys.executable} -m pip install {packages} (--python FILE or "
                "$OPCOST_PYTHON names another interpreter)")
    # The system's own Python, as Debian's, takes no packages (PEP 668).
    return (f"{sys.executable} -m venv ~/opcost-python && "
            f"~/opcost-python/bin/python -m pip install {packages}, and name "
            "it: --python ~/opcost-python/bin/python, or $OPCOST_PYTHON (on "
            "Debian, apt install python3-venv goes before)")


def missing_package(error, packages):
    """The RunnerError of an ImportError."""
    return RunnerError(
        "package", f"Python package '{error.name}' is missing; install it: "
        f"{how_to_install(packages)}")


def escape(text):
    return "".join(_ESCAPES.get(c, c) for c in text)


def unescape(text):
    plain, i = [], 0
    while i < len(text):
        if text[i] == "\\" and text[i + 1:i + 2] in _PLAIN:
            plain.append(_PLAIN[text[i + 1]])
            i += 2
        else:
            plain.append(text[i])
            i += 1
    return "".join(plain)


class LoadRequest:
    """The fields of a load line."""

    def __init__(self, fields):
        self.model = fields[0]
        self.batch = None
        self.dims = {}
        self.inputs = {}
        self.threads = 0
        self.seed = 1
        self.device = "cpu"
        self.optimises = True
        for field in fields[1:]:
            key, _, value = field.partition("=")
            if key == "batch":
                self.batch = int(value)
            elif key in ("dim", "input"):
                name, _, rest = value.rpartition("=")
                if key == "dim":
                    self.dims[name] = int(rest)
                else:
                    self.inputs[name] = ([] if rest == "scalar" else
                                         [int(n) for n in rest.split("x")])
            elif key == "threads":
                self.threads = int(value)
            elif key == "seed":
                self.seed = int(value)
            elif key == "device":
                self.device = value
            elif key == "optimisation":
                self.optimises = value != "off"
            # Others are of a newer opcost, and not needed.


class _Lines:
    """Standard output, taken away from whatever else writes to it."""

    def __init__(self):
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8",
                              errors="surrogateescape", newline="\n")
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def send(self, *fields):
        self._out.write("\t".join(escape(str(f)) for f in fields) + "\n")
        self._out.flush()


def _timed(backend, runs):
    begin = time.perf_counter()
    backend.run(runs)
    return time.perf_counter() - begin


def _answer(backend, fields, lines):
    command = fields[0]
    if command == "load":
        description, remarks = backend.load(LoadRequest(fields[1:]))
        for key, value in description.items():
            lines.send(key, value)
        for remark in remarks:
            lines.send("remark", remark)
        lines.send("ready")
    elif command in ("warm", "run"):
        lines.send("done", repr(_timed(backend, int(fields[1]))))
    elif command == "layers":
        for name, op, seconds in backend.layers(int(fields[1])):
            lines.send("layer", name, op, repr(seconds))
        lines.send("done")
    else:
        raise RunnerError("run", f"unknown command '{command}'")


def _first_line(error):
    text = " ".join(str(error).split())
    return (f"{type(error).__name__}: {text}" if text
            else type(error).__name__)[:2000]


def serve(make_backend):
    """Talks to opcost until it says quit; returns the exit status.

    `make_backend()` returns an object with load(LoadRequest) -> (description,
    remarks), run(N) and layers(N) -> [(name, operator, seconds)].
    """
    lines = _Lines()
    commands = os.fdopen(0, encoding="utf-8", errors="surrogateescape",
                         newline="\n")
    try:
        backend = make_backend()
    except RunnerError as error:
        lines.send("error", error.kind, error)
        return 4
    lines.send("hello", VERSION)
    for line in commands:
        fields = [unescape(f) for f in line.rstrip("\n").split("\t")]
        if fields[0] == "quit":
            break
        try:
            _answer(backend, fields, lines)
        except RunnerError as error:
            lines.send("error", error.kind, error)
        except MemoryError:
            lines.send("error", "run", "not enough memory for this model")
        except Exception as error:  # whatever a runtime throws
            kind = "model" if fields[0] == "load" else "run"
            lines.send("error", kind, _first_line(error))
    return 0
