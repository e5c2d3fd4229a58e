// SPDX-License-Identifier: Apache-2.0
// Layers whose weights are stored in other formats than dense: their counts
// (cost model, section 6).
#ifndef OPCOST_MEMORY_STORAGE_H_
#define OPCOST_MEMORY_STORAGE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/analysis/analysis.h"
#include "opcost/memory/formats.h"
#include "opcost/ops/op_counts.h"
#include "opcost/weights/statistics.h"
#include "opcost/weights/storage.h"

namespace opcost {

// A constant operand of a contraction: the node's place in the graph, its
// operand, and the matrices that it is. The same in every analysis of a model
// whose weights have these sizes, whatever the batch.
struct WeightOperand {
  int64_t node = 0;
  int16_t operand = 0;
  MatrixLayout layout;

  friend bool operator<(const WeightOperand& a, const WeightOperand& b) {
    const auto key = [](const WeightOperand& w) {
      const MatrixLayout& l = w.layout;
      return std::make_tuple(w.node, w.operand, l.blocks, l.rows, l.columns,
                             l.is_transposed, l.is_one_matrix);
    };
    return key(a) < key(b);
  }
  friend bool operator==(const WeightOperand&, const WeightOperand&) = default;
};

// What is known of the operands' values. An error says why nothing is ("it is
// computed by a node"): such weights stay dense.
using WeightStatistics =
    std::map<WeightOperand, absl::StatusOr<TensorStatistics>>;

// --weights and --skip weights. Both need the statistics of every operand that
// WeightOperandsOf() lists; one without is stored dense.
struct StorageOptions {
  std::optional<StorageFormat> format =
      StorageFormat::kDense;  // nullopt: auto, the least energy for each layer
  // Dense weights that are zero gate their mul, add and input read.
  bool skips_zeros = false;
  std::shared_ptr<const WeightStatistics> statistics;

  // Dense as the counting rules have it: nothing asks for statistics.
  bool is_plain() const {
    return format == StorageFormat::kDense && !skips_zeros;
  }
};
// "dense", "csr", ..., "auto".
absl::string_view FormatName(const StorageOptions& options);

// The constant operands of the contractions of `layer`, in the order of its
// matrices; those whose sizes aren't numbers are left out.
std::vector<WeightOperand> WeightOperandsOf(const Analysis& analysis,
                                            const LayerCounts& layer);
// The same of all layers, each once.
std::vector<WeightOperand> WeightOperandsOf(const Analysis& analysis);

// One of a layer's matrices, stored.
struct StoredOperand {
  WeightMatrix matrix;
  ValueIndex value = kAbsent;
  StoredWeights stored;
};

// How the weights of a layer are stored.
struct LayerStorage {
  StorageFormat format = StorageFormat::kDense;
  // One for each of the layer's matrices; empty where the counting rule's own
  // counts stand.
  std::vector<StoredOperand> operands;
  // Why the layer stays dense though another format was asked for: "'W' has
  // ...". Empty if it doesn't.
  std::string reason;

  // "2:4" of nm; of two matrices with different patterns "2:4, 1:4".
  std::string pattern() const;
  // "csr", "nm 2:4".
  std::string label() const;
};

// How `layer` is stored in `format`; dense with a reason where its weights
// don't allow it. A layer without weights, or without work, is dense.
//
// Errors: OUT_OF_RANGE if a size doesn't fit 63 bits, with the layer.
absl::StatusOr<LayerStorage> FindStorage(const Analysis& analysis,
                                         const LayerCounts& layer,
                                         const Formats& formats,
                                         const StorageOptions& options,
                                         StorageFormat format);

// Puts the counts of `storage` in the place of the products, the accumulating
// adds, and the reads of matrices and vectors of `layer`. MACs, bias, alpha,
// beta and writes stay.
void ApplyStorage(const LayerStorage& storage, LayerCounts& layer);

}  // namespace opcost

#endif  // OPCOST_MEMORY_STORAGE_H_
