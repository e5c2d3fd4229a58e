// SPDX-License-Identifier: Apache-2.0
// How quantised regions are found and folded; in two files, of which
// region_operators.cc has the operators other than contractions.
#ifndef OPCOST_SRC_ANALYSIS_REGIONS_H_
#define OPCOST_SRC_ANALYSIS_REGIONS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/analysis/layer_graph.h"
#include "src/analysis/quantised_tensor.h"

namespace opcost {

// Layers that a search looks at before it gives up.
inline constexpr int kMaxRegionSteps = 64;
// Parts of a Concat that is looked at; more than any network has.
inline constexpr size_t kMaxParts = 1024;

// How a region ends: with a QuantizeLinear, or as floats.
struct Closing {
  bool is_closed = false;
  ValueIndex array = kAbsent;  // that the operator writes
  Quantisation quantisation;
  // `array` was floats so far: the QuantizeLinear stands behind a MaxPool.
  bool is_retyped = false;
  int activation = -1;      // a Relu or Clip between
  std::vector<int> folded;  // views between, and the QuantizeLinear
};

// A layer that region `by` no longer needs.
struct Taken {
  int layer = 0;
  int by = 0;
  std::string reason;
};

class Regions {
 public:
  explicit Regions(LayerGraph& graph) : graph_(graph), tensors_(graph) {}

  void Run();

 private:
  void Fold(int l);
  void FoldContraction(int l);
  bool FoldWeights(int l, int i);
  void FoldRecurrentWeights(int l, int i);
  void FoldLookup(int l);
  void DequantiseUses(int l, const QuantisedTensor& tensor, OperandSet format,
                      const Count& uses, absl::string_view uses_formula,
                      const Count& scales);
  void FoldElementwise(int l);
  void FoldAverage(int l);
  void FoldKeeper(int l);
  void CloseKeeper(int l, const QuantisedTensor& x, const Closing& closing,
                   const Count& out);
  void FoldConcat(int l);

  std::optional<QuantisedTensor> Data(ValueIndex v) const;
  bool HasIntegerBias(int l) const;
  Closing FindClosing(int l) const;
  bool WantsNumbers(ValueIndex v) const;
  bool TakesNumbers(const ValueUse& use, ValueIndex v) const;
  void TakeTensor(int l, int i, const QuantisedTensor& tensor,
                  absl::string_view reason);
  void CloseAccumulators(int l, const Closing& closing, const Count& out,
                         const Count& blocks);
  void Close(int l, const Closing& closing, const Count& out,
             bool is_requantised);
  void DropTaken();
  bool IsRead(ValueIndex v) const;

  LayerGraph& graph_;
  QuantisedTensors tensors_;
  std::vector<Taken> taken_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_REGIONS_H_
