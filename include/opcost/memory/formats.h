// SPDX-License-Identifier: Apache-2.0
// Which number format each array and each operation has (cost model, 3.1).
#ifndef OPCOST_MEMORY_FORMATS_H_
#define OPCOST_MEMORY_FORMATS_H_

#include <array>
#include <cstddef>
#include <optional>

#include "opcost/analysis/analysis.h"
#include "opcost/ir/data_type.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// --bits and its relatives; what isn't given leaves the tensor's own type.
struct FormatOptions {
  std::optional<NumberFormat> bits;         // every floating tensor
  std::optional<NumberFormat> weight_bits;  // constant operands of contractions
                                            // and of Gather; before `bits`
  std::optional<NumberFormat> activation_bits;  // the other floating tensors
  std::optional<NumberFormat> accumulator_bits;
};

// Formats of the operands and operations of layers of one analysis.
class Formats {
 public:
  Formats(const Analysis& analysis, const FormatOptions& options);

  const FormatOptions& options() const { return options_; }
  // The format of an array as `access` of `layer` sees it. A bias has the
  // activations' format; in a layer whose products are integers, the
  // accumulator's.
  NumberFormat OfAccess(const LayerCounts& layer, const Access& access) const;
  // The format of operand `i` and of output `o`.
  NumberFormat OfInput(const LayerCounts& layer, int i) const;
  NumberFormat OfOutput(const LayerCounts& layer, int o) const;
  // The format that an operation works in: the widest of its operands', float
  // if any is; for an accumulating add the accumulator's.
  NumberFormat OfArith(const LayerCounts& layer, const Arith& arith) const;
  // True if the layer turns out to move nothing (rule R5): it is a view, or a
  // Cast between formats that are equal.
  bool IsView(const LayerCounts& layer) const;

 private:
  const NumberFormat& OfTensor(DataType type, bool takes_weight_bits) const {
    return (takes_weight_bits ? of_weights_
                              : of_tensors_)[static_cast<size_t>(type)];
  }
  NumberFormat Widest(const LayerCounts& layer, const OperandSet& set) const;
  NumberFormat OfProduct(const LayerCounts& layer,
                         const OperandSet& operands) const;
  NumberFormat OfBias(const LayerCounts& layer, DataType type) const;
  NumberFormat Accumulator(const NumberFormat& product) const;

  const Analysis* analysis_;
  FormatOptions options_;
  // By element type: what the options make of it.
  std::array<NumberFormat, kDataTypeCount> of_tensors_;
  std::array<NumberFormat, kDataTypeCount> of_weights_;
};

}  // namespace opcost

#endif  // OPCOST_MEMORY_FORMATS_H_
