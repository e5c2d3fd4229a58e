// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/layer_attribute.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using absl::string_view;
using Kind = onnx::AttributeProto::AttributeType;
using Proto = onnx::AttributeProto;

struct NamedKind {
  string_view name;
  Kind kind;
};

// Names to which every operator of ONNX 1.23, in every version, gives the same
// kind (onnx.defs), where one value could be taken for another kind.
constexpr std::array<NamedKind, 52> kNamedKinds = {{
    {"activation_alpha", Proto::FLOATS},
    {"activation_beta", Proto::FLOATS},
    {"activations", Proto::STRINGS},
    {"alpha", Proto::FLOAT},
    {"axes", Proto::INTS},
    {"beta", Proto::FLOAT},
    {"bias", Proto::FLOAT},
    {"clip", Proto::FLOAT},
    {"consumed_inputs", Proto::INTS},
    {"cubic_coeff_a", Proto::FLOAT},
    {"decay_factor", Proto::FLOAT},
    {"dilations", Proto::INTS},
    {"directions", Proto::INTS},
    {"ends", Proto::INTS},
    {"epsilon", Proto::FLOAT},
    {"extrapolation_value", Proto::FLOAT},
    {"gamma", Proto::FLOAT},
    {"height_scale", Proto::FLOAT},
    {"high", Proto::FLOAT},
    {"kernel_shape", Proto::INTS},
    {"lambd", Proto::FLOAT},
    {"low", Proto::FLOAT},
    {"max", Proto::FLOAT},
    {"mean", Proto::FLOAT},
    {"min", Proto::FLOAT},
    {"momentum", Proto::FLOAT},
    {"norm_coefficient", Proto::FLOAT},
    {"norm_coefficient_post", Proto::FLOAT},
    {"output_padding", Proto::INTS},
    {"output_shape", Proto::INTS},
    {"paddings", Proto::INTS},
    {"pads", Proto::INTS},
    {"perm", Proto::INTS},
    {"pooled_shape", Proto::INTS},
    {"ratio", Proto::FLOAT},
    {"scales", Proto::FLOATS},
    {"scan_input_axes", Proto::INTS},
    {"scan_input_directions", Proto::INTS},
    {"scan_output_axes", Proto::INTS},
    {"scan_output_directions", Proto::INTS},
    {"shape", Proto::INTS},
    {"softcap", Proto::FLOAT},
    {"spatial_scale", Proto::FLOAT},
    {"split", Proto::INTS},
    {"starts", Proto::INTS},
    {"strides", Proto::INTS},
    {"threshold", Proto::FLOAT},
    {"value_float", Proto::FLOAT},
    {"value_floats", Proto::FLOATS},
    {"value_ints", Proto::INTS},
    {"value_strings", Proto::STRINGS},
    {"width_scale", Proto::FLOAT},
}};

constexpr bool AreSorted() {
  for (size_t i = 1; i < kNamedKinds.size(); ++i) {
    if (!(kNamedKinds[i - 1].name < kNamedKinds[i].name)) return false;
  }
  return true;
}
static_assert(AreSorted(), "FindKind() searches by halves");

// UNDEFINED if the name alone doesn't say.
Kind FindKind(string_view name) {
  const auto found = std::lower_bound(
      kNamedKinds.begin(), kNamedKinds.end(), name,
      [](const NamedKind& row, string_view key) { return row.name < key; });
  return found != kNamedKinds.end() && found->name == name ? found->kind
                                                           : Proto::UNDEFINED;
}

std::optional<double> FiniteNumber(string_view text) {
  double number = 0;
  const bool begins_well =
      !text.empty() && text.find_first_of("0123456789") != text.npos &&
      text.find_first_not_of("+-.0123456789eE") == text.npos;
  if (!begins_well || !absl::SimpleAtod(text, &number) ||
      !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

// The parts of "[1,2]", "1,2" and "1,".
std::vector<std::string> PartsOf(string_view text) {
  if (absl::StartsWith(text, "[") && absl::EndsWith(text, "]")) {
    text = text.substr(1, text.size() - 2);
    if (text.empty()) return {};
  }
  if (absl::EndsWith(text, ",")) text.remove_suffix(1);
  return absl::StrSplit(text, ',');
}

bool IsBracketed(string_view text) {
  return text.size() > 1 && text.front() == '[' && text.back() == ']';
}

template <typename Parse>
bool All(const std::vector<std::string>& parts, Parse parse) {
  return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return parse(part).has_value();
  });
}

// The kind that a value looks like.
Kind GuessKind(const LayerField& field) {
  if (field.is_quoted) return Proto::STRING;
  const bool is_bracketed = IsBracketed(field.value);
  if (!is_bracketed && !absl::StrContains(field.value, ',')) {
    if (WholeNumber(field.value).has_value()) return Proto::INT;
    return FiniteNumber(field.value).has_value() ? Proto::FLOAT : Proto::STRING;
  }
  const std::vector<std::string> parts = PartsOf(field.value);
  if (All(parts, WholeNumber)) return Proto::INTS;
  if (All(parts, FiniteNumber)) return Proto::FLOATS;
  // Einsum's equations have commas.
  return is_bracketed ? Proto::STRINGS : Proto::STRING;
}

absl::Status Expected(string_view name, string_view what, string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": '", text, "' is not ", what));
}

absl::StatusOr<int64_t> IntegerOf(string_view name, string_view text) {
  const std::optional<int64_t> number = WholeNumber(text);
  if (number.has_value()) return *number;
  return Expected(name, "a whole number within 64 bits", text);
}

absl::StatusOr<float> FloatOf(string_view name, string_view text) {
  float number = 0;
  if (FiniteNumber(text).has_value() && absl::SimpleAtof(text, &number) &&
      std::isfinite(number)) {
    return number;
  }
  return Expected(name, "a number within 32 bits", text);
}

absl::Status FillList(const LayerField& field, Proto* attribute) {
  for (const std::string& part : PartsOf(field.value)) {
    if (attribute->type() == Proto::INTS) {
      OPCOST_ASSIGN_OR_RETURN(const int64_t number,
                              IntegerOf(field.name, part));
      attribute->add_ints(number);
    } else if (attribute->type() == Proto::FLOATS) {
      OPCOST_ASSIGN_OR_RETURN(const float number, FloatOf(field.name, part));
      attribute->add_floats(number);
    } else {
      attribute->add_strings(part);
    }
  }
  return absl::OkStatus();
}

struct Range {
  int64_t least;
  int64_t most;
};

// What an element of an integer type of at most 32 bits, or bool, may be.
Range RangeOf(DataType type) {
  if (type == DataType::kBool) return {0, 1};
  const int bits = WidthBits(type);
  const bool is_unsigned = absl::StartsWith(Name(type), "u");
  if (is_unsigned) return {0, (int64_t{1} << bits) - 1};
  return {-(int64_t{1} << (bits - 1)), (int64_t{1} << (bits - 1)) - 1};
}

absl::Status AddInteger(const LayerOperand& operand, const std::string& text,
                        onnx::TensorProto* tensor) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, IntegerOf(operand.name, text));
  const DataType type = operand.type.type;
  if (type == DataType::kInt64) {
    tensor->add_int64_data(number);
    return absl::OkStatus();
  }
  const Range range = type == DataType::kUint64
                          ? Range{0, std::numeric_limits<int64_t>::max()}
                          : RangeOf(type);
  if (number < range.least || number > range.most) {
    return absl::InvalidArgumentError(
        absl::StrCat(operand.name, ": element ", number, " is outside ",
                     Name(type), ", ", range.least, " to ", range.most));
  }
  if (type == DataType::kUint64 || type == DataType::kUint32) {
    tensor->add_uint64_data(static_cast<uint64_t>(number));
  } else {
    tensor->add_int32_data(static_cast<int32_t>(number));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FillAttribute(const LayerField& field, Proto* attribute) {
  attribute->set_name(field.name);
  Kind kind = field.is_quoted ? Proto::STRING : FindKind(field.name);
  if (kind == Proto::UNDEFINED) kind = GuessKind(field);
  attribute->set_type(kind);
  if (kind == Proto::INT) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t number,
                            IntegerOf(field.name, field.value));
    attribute->set_i(number);
  } else if (kind == Proto::FLOAT) {
    OPCOST_ASSIGN_OR_RETURN(const float number,
                            FloatOf(field.name, field.value));
    attribute->set_f(number);
  } else if (kind == Proto::STRING) {
    // Cast's types may be written as they are everywhere else.
    const std::optional<DataType> type =
        field.name == "to" ? DataTypeFromName(field.value) : std::nullopt;
    if (type.has_value()) {
      attribute->set_type(Proto::INT);
      attribute->set_i(static_cast<int64_t>(*type));
    } else {
      attribute->set_s(field.value);
    }
  } else {
    return FillList(field, attribute);
  }
  return absl::OkStatus();
}

absl::Status FillElements(const LayerOperand& operand,
                          onnx::TensorProto* tensor) {
  const DataType type = operand.type.type;
  const bool is_float = type == DataType::kFloat32;
  const bool is_double = type == DataType::kFloat64;
  const bool is_whole =
      type == DataType::kBool || (IsInteger(type) && WidthBits(type) >= 8);
  if (!is_float && !is_double && !is_whole) {
    return absl::InvalidArgumentError(
        absl::StrCat(operand.name, ": elements of ", Name(type),
                     " can't be written; give a shape instead"));
  }
  for (const std::string& text : *operand.elements) {
    if (is_float) {
      OPCOST_ASSIGN_OR_RETURN(const float number, FloatOf(operand.name, text));
      tensor->add_float_data(number);
    } else if (is_double) {
      const std::optional<double> number = FiniteNumber(text);
      if (!number.has_value()) return Expected(operand.name, "a number", text);
      tensor->add_double_data(*number);
    } else {
      OPCOST_RETURN_IF_ERROR(AddInteger(operand, text, tensor));
    }
  }
  return absl::OkStatus();
}

}  // namespace opcost
