// SPDX-License-Identifier: Apache-2.0
// Pruned and quantised variants of float models.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_VARIANTS_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_VARIANTS_H_

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/make_variants/int8.h"
#include "tools/make_variants/output.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

struct Variant {
  enum class Kind : uint8_t {
    kPruned,    // `fraction` of each weight tensor is zero
    kNm,        // at most `n` of each `m` weights of a row aren't zero
    kChannels,  // without `fraction` of the channels
    kUniform,   // weights of 2^`bits` equally spaced values
    kInt8,      // QuantizeLinear and DequantizeLinear, by `int8`
    kInt4,      // MatMulNBits in blocks of `block`
  };
  Kind kind = Kind::kPruned;
  double fraction = 0;
  int64_t n = 0;
  int64_t m = 0;
  int bits = 0;
  int64_t block = 32;
  Int8Options int8;
  // Weight tensors that kPruned, kNm and kUniform leave as they are.
  std::set<std::string> keep;

  // "pruned90", "2of4", "channels50", "uniform7", "int8", "int8-per-channel",
  // "int4": what stands behind the model's name.
  std::string Suffix() const;
};

// Parse the arguments of options: "0.9" or "90%", 0 < f < 1; "2:4", 0 < N < M
// <= 64. INVALID_ARGUMENT otherwise.
absl::StatusOr<double> ParseFraction(absl::string_view text);
absl::Status ParseNm(absl::string_view text, Variant* variant);

// The variant, to be written. INVALID_ARGUMENT where the model has nothing that
// the variant changes, where weights are wanted that aren't read, or a tensor
// to keep isn't a weight; and the errors of the variant's own header.
absl::StatusOr<NewModel> MakeVariant(const Source& source,
                                     const Variant& variant);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_VARIANTS_H_
