// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/variants.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/channels.h"
#include "tools/make_variants/int4.h"
#include "tools/make_variants/values.h"

namespace opcost::variants {
namespace {

constexpr int64_t kLargestBlock = 64;

absl::Status Rewrite(const Variant& variant, const Tensor& tensor,
                     const MatrixLayout& layout, Sink* sink) {
  switch (variant.kind) {
    case Variant::Kind::kPruned:
      return PruneByMagnitude(tensor, variant.fraction, sink);
    case Variant::Kind::kNm:
      return PruneBlocks(tensor, layout, variant.n, variant.m, sink);
    default:
      return QuantizeUniformly(tensor, variant.bits, sink);
  }
}

// Changes the elements of weights alone.
absl::StatusOr<NewModel> ChangeValues(const Source& source,
                                      const Variant& variant) {
  if (!source.has_weights()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--no-weights: ", variant.Suffix(),
        " differs from the model in its weights alone; leave that option out"));
  }
  std::map<std::string, const Weight*> weights;
  for (const Weight& weight : source.matrices())
    weights[weight.tensor] = &weight;
  for (const std::string& name : variant.keep) {
    if (weights.erase(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--keep ", name, ": no weight is called so"));
    }
  }
  if (weights.empty()) {
    return absl::InvalidArgumentError(
        "no convolution, Gemm, MatMul or recurrent layer has a stored float "
        "weight");
  }
  NewModel model;
  model.proto = source.proto();
  int64_t elements = 0;
  for (const Tensor& tensor : source.tensors()) {
    const auto found = weights.find(tensor.name);
    if (found == weights.end()) {
      model.tensors.push_back(Copy(tensor));
      continue;
    }
    NewTensor changed = Declare(tensor.name, tensor.type, tensor.dims);
    changed.fill = [tensor, variant,
                    layout = found->second->layout](Sink* sink) {
      return Rewrite(variant, tensor, layout, sink);
    };
    model.tensors.push_back(std::move(changed));
    elements += tensor.elements;
  }
  DropUnused(&model);
  model.notes.push_back(absl::StrCat(weights.size(), " weight tensors of ",
                                     elements, " elements changed"));
  return model;
}

absl::StatusOr<NewModel> MakeUnchecked(const Source& source,
                                       const Variant& variant) {
  switch (variant.kind) {
    case Variant::Kind::kChannels:
      return PruneChannels(source, variant.fraction);
    case Variant::Kind::kInt8:
      return MakeInt8(source, variant.int8);
    case Variant::Kind::kInt4:
      return MakeInt4(source, variant.block);
    default:
      return ChangeValues(source, variant);
  }
}

// Names that a variant makes may be the model's own already.
absl::Status CheckNames(const NewModel& model) {
  std::set<std::string> names;
  std::string twice;
  const auto add = [&](const std::string& name) {
    if (!name.empty() && !names.insert(name).second) twice = name;
  };
  for (const NewTensor& tensor : model.tensors) add(tensor.head.name());
  for (const onnx::NodeProto& node : model.proto.graph().node())
    for (const std::string& output : node.output()) add(output);
  if (twice.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("two values of the variant would be called '", twice,
                   "'; rename that of the model, or is this model a variant "
                   "of the same kind?"));
}

}  // namespace

std::string Variant::Suffix() const {
  switch (kind) {
    case Kind::kPruned:
      return absl::StrFormat("pruned%g", 100 * fraction);
    case Kind::kNm:
      return absl::StrCat(n, "of", m);
    case Kind::kChannels:
      return absl::StrFormat("channels%g", 100 * fraction);
    case Kind::kUniform:
      return absl::StrCat("uniform", bits);
    case Kind::kInt8:
      return int8.is_per_channel ? "int8-per-channel" : "int8";
    case Kind::kInt4:
      return "int4";
  }
  return "";
}

absl::StatusOr<double> ParseFraction(absl::string_view text) {
  absl::string_view digits = text;
  const bool is_percent = absl::ConsumeSuffix(&digits, "%");
  double fraction = 0;
  if (!absl::SimpleAtod(digits, &fraction)) fraction = -1;
  if (is_percent) fraction /= 100;
  if (fraction > 0 && fraction < 1) return fraction;
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is no fraction; expected 0.9 or 90%, between 0 and 1"));
}

absl::Status ParseNm(absl::string_view text, Variant* variant) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &variant->n) &&
      absl::SimpleAtoi(parts[1], &variant->m) && variant->n > 0 &&
      variant->n < variant->m && variant->m <= kLargestBlock)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", text,
                   "' is no pattern; expected N:M such as 2:4, N "
                   "below M, M at most ",
                   kLargestBlock));
}

absl::StatusOr<NewModel> MakeVariant(const Source& source,
                                     const Variant& variant) {
  OPCOST_ASSIGN_OR_RETURN(NewModel model, MakeUnchecked(source, variant));
  OPCOST_RETURN_IF_ERROR(CheckNames(model));
  return model;
}

}  // namespace opcost::variants
