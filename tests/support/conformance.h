// SPDX-License-Identifier: Apache-2.0
// Inferred types of whole models against the outputs of reference runs.
#ifndef OPCOST_TESTS_SUPPORT_CONFORMANCE_H_
#define OPCOST_TESTS_SUPPORT_CONFORMANCE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/ir/data_type.h"
#include "opcost/ir/graph.h"

namespace opcost {

// What a reference run returned as one output of a graph. A sequence has the
// shapes of its elements; a tensor one shape.
struct ReferenceOutput {
  std::string name;
  DataType type = DataType::kUndefined;
  bool is_sequence = false;
  std::vector<std::vector<int64_t>> shapes;
};

// One model and what running it returned.
struct ReferenceRun {
  std::string name;
  Model model;
  std::vector<ReferenceOutput> outputs;
};

// The run in `folder`: its model.onnx, and the inputs and outputs of
// test_data_set_0. As a user would, it gives the graph's inputs the shapes of
// their data, and binds the small operands that describe geometry: integers and
// booleans of at most 64 elements, scalars, and the scales of a Resize. What
// the file declares of the outputs is removed.
absl::StatusOr<ReferenceRun> LoadReferenceRun(const std::string& folder);

// How the inferred types differ from the reference; empty if they are the same.
// An extent that only the data settle differs, but one whose bound is below
// what the run returned is said to be wrong. Tensors must agree in every
// extent, the elements of sequences in those that are inferred.
std::string DifferenceFrom(const ReferenceRun& run);

// The exceptions of a file: lines of "name: reason", "#" starts a comment.
using KnownGaps = std::map<std::string, std::string>;
KnownGaps ReadKnownGaps(const std::string& path);

// Counts runs, and fails the test where they differ without being listed, are
// listed without differing, or are listed but weren't run.
class ConformanceTally {
 public:
  // Exceptions whose names start with `prefix` are about these runs.
  ConformanceTally(const KnownGaps& gaps, const std::string& prefix);
  // `difference` as DifferenceFrom() gives it, or an error's message.
  void Add(const std::string& name, const std::string& difference);
  // Prints "N exact, M known gaps"; fails for exceptions that no run met.
  void Finish();

 private:
  KnownGaps open_;
  std::string prefix_;
  int exact_ = 0;
  int known_ = 0;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_CONFORMANCE_H_
