// SPDX-License-Identifier: Apache-2.0
// Weights and biases as integers with scales.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_INT8_WEIGHTS_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_INT8_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/make_variants/output.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

// Factors and offsets that a batch normalisation puts behind each output
// channel of a convolution; empty if there is none, or no weights are read.
struct ChannelMap {
  std::vector<double> factors;
  std::vector<double> offsets;  // to be added after `factors`
};

// A weight as int8: q = w * factor / scale.
struct IntegerWeight {
  int64_t channels = 1;  // scales: 1, or the extent of the axis
  int64_t inner = 1;     // elements of the axes behind the channels' axis
  std::vector<double> scales;
  std::vector<double> factors;  // empty: 1
};

// Finds the scales: the greatest magnitude of a channel (of all elements if
// `axis` is -1) over 127; 1 where all are zero, and where the weights aren't
// read. The factors of `map` go along `factor_axis`.
absl::StatusOr<IntegerWeight> Measure(const Tensor& tensor, int axis,
                                      int factor_axis, const ChannelMap& map);

// The int8 tensor `name` of the shape of `tensor`.
NewTensor Integers(const std::string& name, const Tensor& tensor, int axis,
                   int factor_axis, const IntegerWeight& weight);

// The int32 tensor `name` of the elements over `scales`, one for all or one for
// each.
NewTensor IntegerBias(const std::string& name, const std::vector<int64_t>& dims,
                      const std::vector<double>& elements,
                      const std::vector<double>& scales);

// Elements `zeros` equal to 0.
NewTensor Zeros(const std::string& name, DataType type,
                const std::vector<int64_t>& dims);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_INT8_WEIGHTS_H_
