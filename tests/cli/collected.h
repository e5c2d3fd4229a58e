// SPDX-License-Identifier: Apache-2.0
// Collections of tests: a runner that needs no package, short windows.
#ifndef OPCOST_TESTS_CLI_COLLECTED_H_
#define OPCOST_TESTS_CLI_COLLECTED_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "opcost/support/csv_reader.h"
#include "tests/cli/cli_run.h"
#include "tests/support/status_matchers.h"

namespace opcost {

// Takes 0.1 ms for each inference. Beside a file "fails" it has no memory for
// Tanh, dies of Sigmoid and refuses Softmax.
inline constexpr char kFakeRunner[] = R"(
import os, sys, time

def send(*fields):
    sys.stdout.write("\t".join(fields) + "\n")
    sys.stdout.flush()

send("hello", "opcost-runner/1")
for line in sys.stdin:
    fields = line.rstrip("\n").split("\t")
    if fields[0] == "quit":
        break
    if fields[0] == "load":
        model = b""
        if os.path.exists("fails"):
            with open(fields[1], "rb") as file:
                model = file.read()
        if b"Sigmoid" in model:
            os._exit(3)
        if b"Tanh" in model:
            send("error", "run", "not enough memory for this model")
        elif b"Softmax" in model:
            send("error", "model", "no kernel for Softmax")
        else:
            send("runtime", "fake")
            send("version", "1")
            send("ready")
    else:
        seconds = int(fields[1]) * 1e-4
        time.sleep(seconds)
        send("done", repr(seconds))
)";

// Layers that take no time.
inline constexpr char kSmallRanges[] = R"(
[ranges]
batch = [1, 4]
image = [4, 16]
channels = [1, 8]
kernel = [1, 5]
features = [1, 100]
elements = [100, 1000]
)";

// The options of a collection with that runner and those ranges.
inline std::vector<std::string> ShortRuns() {
  return {"--counter", "constant=10",
          "--runner",  "python3 fake.py",
          "--ranges",  "small.toml",
          "--warm-up", "0.001",
          "--window",  "0.002",
          "--trials",  "2",
          "--idle",    "0"};
}

// A column of a CSV file, top down.
inline std::vector<std::string> CollectedColumn(const std::string& path,
                                                const std::string& name) {
  const absl::StatusOr<CsvDocument> document = ParseCsv(path, ReadFile(path));
  EXPECT_THAT(document, IsOk());
  if (!document.ok()) return {};
  const std::optional<size_t> column = document->FindColumn(name);
  EXPECT_TRUE(column.has_value()) << name;
  if (!column.has_value()) return {};
  std::vector<std::string> cells;
  for (const CsvRow& row : document->rows) cells.push_back(row.cells[*column]);
  return cells;
}

}  // namespace opcost

#endif  // OPCOST_TESTS_CLI_COLLECTED_H_
