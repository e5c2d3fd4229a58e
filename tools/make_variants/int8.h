// SPDX-License-Identifier: Apache-2.0
// Networks in int8, as QuantizeLinear and DequantizeLinear describe them.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_INT8_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_INT8_H_

#include "absl/status/statusor.h"
#include "opcost/ir/data_type.h"
#include "tools/make_variants/output.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

struct Int8Options {
  // A scale for each output feature of a weight, or one for all.
  bool is_per_channel = false;
  DataType activations = DataType::kUint8;  // or kInt8
  // What activations are taken to lie in, since nothing runs the network:
  // [-range, range], [0, range] after a Relu.
  double range = 8;
};

// Arranges pairs of QuantizeLinear and DequantizeLinear around the operators
// that have an integer form, as ONNX Runtime's static quantizer does: behind
// each of their data inputs and outputs a pair that all readers share; pools
// and views keep their input's scale; a Relu or Clip that the output's range
// expresses is dropped. Weights are symmetric int8 behind a DequantizeLinear,
// biases int32 with the scale of the products. A BatchNormalization behind a
// convolution or a Gemm is folded into its weights first, which ONNX Runtime's
// users do with quant_pre_process, and TensorFlow Lite's converter always.
//
// INVALID_ARGUMENT: an operator set before 10 (13 for scales per channel), or
// no operator that computes with float32 and has an integer form.
absl::StatusOr<NewModel> MakeInt8(const Source& source,
                                  const Int8Options& options);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_INT8_H_
