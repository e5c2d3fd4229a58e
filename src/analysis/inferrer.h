// SPDX-License-Identifier: Apache-2.0
// One inference at work; see inference.h.
#ifndef OPCOST_SRC_ANALYSIS_INFERRER_H_
#define OPCOST_SRC_ANALYSIS_INFERRER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "src/analysis/inference.h"

namespace opcost {

class Inferrer {
 public:
  Inferrer(const InputBinding& binding, const InputOptions& options,
           Analysis* analysis);

  absl::StatusOr<Inference> Run();

 private:
  // A body that runs again and again, of Loop or Scan.
  struct Repeated {
    size_t n = 0;  // the node
    const Node* node = nullptr;
    const Body* body = nullptr;
    bool is_loop = false;      // with an iteration number and a condition
    size_t first_operand = 0;  // carried value k is operand first_operand + k
    size_t first_input = 0;    // and the body's input first_input + k
    size_t first_output = 0;   // and its output first_output + k
    std::vector<ValueFacts> initial;  // of the carried values
    std::optional<Extent> most;       // runs; nullopt: not known
    bool exact = true;                // no fewer runs than that
    bool can_start = true;            // the first run isn't in doubt
  };

  // What the iteration number and the carried values are in a body.
  enum class Pass : uint8_t {
    kAnyRun,     // different in each run
    kConstants,  // constants, whose values aren't known
    kOneRun,     // those of one run
  };

  // What became of running a body run by run.
  struct Simulation {
    bool ended = false;   // all runs were seen
    bool decided = true;  // no condition was in doubt
    int64_t runs = 0;
    std::vector<ValueFacts> carried;  // after the last run
    std::vector<ValueType> inputs;    // of any run
    std::vector<ValueType> results;   // after any number of runs
  };

  // inference.cc
  absl::Status InferRange(size_t begin, size_t end);
  absl::Status InferNode(size_t n);
  absl::Status TakeTypes(size_t n, OutputTypes types);
  absl::Status CheckExtents(const Node& node, size_t o,
                            const ValueType& type) const;
  void NoteUserOperator(const Node& node, const OpDef& def);
  void InferUnknownOperator(size_t n);
  void TakeDeclared(ValueIndex v, size_t n);
  void Fold(const Node& node, const OpDef& def);
  bool IsConstantValue(ValueIndex v) const;
  bool AreConstants(const std::vector<ValueIndex>& values) const;
  bool ReadsConstantsOnly(const Node& node) const;

  // control_flow_inference.cc
  absl::Status InferControlFlow(size_t n);
  absl::Status InferIf(size_t n);
  absl::Status InferBranch(size_t n, size_t branch);
  absl::Status MergeBranches(size_t n);
  absl::Status InferSequenceMap(size_t n);
  void SetMapInputs(const Node& node, const Body& body);
  std::optional<Extent> PartsOf(const Node& split) const;
  std::optional<Extent> LengthOf(ValueIndex sequence) const;
  absl::Status CheckTripCounts() const;
  absl::StatusOr<std::optional<Extent>> GivenTripCount(
      const Node& node, const std::optional<Extent>& most) const;
  BodyRuns RunsOf(const Node& node, const std::optional<Extent>& times,
                  bool exact) const;
  std::string TripCountRemedy(const Node& node) const;
  const ValueFacts& Facts(ValueIndex v) const {
    return facts_[static_cast<size_t>(v)];
  }
  const std::string& NameOf(ValueIndex v) const {
    return graph_.values[static_cast<size_t>(v)].name;
  }
  // The one element of a known integer or boolean value.
  std::optional<SymValue> ScalarOf(ValueIndex v) const;
  std::optional<bool> TruthOf(ValueIndex v) const;
  // Sets what is known of `v`; where that is no type, takes the declared one.
  void SetFacts(ValueIndex v, ValueFacts facts);
  // The same for what is the constant `origin` under another name.
  void SetSame(ValueIndex v, ValueIndex origin);
  // True as soon as bodies have been inferred so often that only one more pass
  // over each is affordable.
  bool IsExhausted() const { return work_ > work_limit_; }

  // loop_inference.cc
  absl::Status InferLoop(size_t n);
  absl::Status CheckLoop(const Node& node, const Body& body) const;
  absl::Status TakeTripCount(Repeated& loop) const;
  absl::Status SetLoopOutputs(const Repeated& loop, bool is_constant,
                              std::vector<ValueFacts> results);
  absl::Status InferScan(size_t n);
  absl::Status SetScanInputs(Repeated& scan, size_t scan_inputs);
  absl::StatusOr<Extent> CutSlice(const Node& node, size_t operand,
                                  int64_t given_axis, ValueType* slice) const;
  Extent BatchOf(const Repeated& scan) const;
  absl::Status InferScanBody(Repeated& scan,
                             const std::optional<Extent>& length);
  absl::Status SetScanOutputs(const Repeated& scan, const Extent& length,
                              bool is_constant,
                              std::vector<ValueFacts> results);

  // repetition.cc
  // Infers the body, and returns the carried values after the last run.
  // `is_constant` tells whether all that it computes is constant.
  absl::StatusOr<std::vector<ValueFacts>> Repeat(Repeated& loop,
                                                 bool* is_constant);
  absl::StatusOr<bool> IsConstantBody(const Repeated& loop);
  absl::Status RunBody(const Repeated& loop,
                       const std::vector<ValueFacts>& carried, Pass pass,
                       int64_t run = 0);
  bool IsUnchanged(const Repeated& loop, size_t k) const;
  bool ChangesTypes(const Repeated& loop) const;
  absl::StatusOr<Simulation> Simulate(const Repeated& loop, bool needs_types);
  absl::StatusOr<std::vector<ValueType>> Widen(const Repeated& loop);
  std::vector<ValueFacts> ResultsOf(const Repeated& loop,
                                    const Simulation* simulation,
                                    const std::vector<ValueType>& inputs,
                                    bool is_constant);
  absl::string_view ResultName(const Repeated& loop, size_t k) const;

  const InputBinding& binding_;
  const InputOptions& options_;
  const Graph& graph_;
  Analysis* analysis_;
  std::vector<ValueFacts>& facts_;
  Inference result_;
  size_t work_ = 0;  // nodes inferred so far
  size_t work_limit_ = 0;
};

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_INFERRER_H_
