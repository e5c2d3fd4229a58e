// SPDX-License-Identifier: Apache-2.0
#include "opcost/analysis/layer_as_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using absl::string_view;

// The operator sets that a text means unless it says otherwise.
constexpr int kOwnOpset = 17;
constexpr int kForeignOpset = 1;
// Constants that describe geometry, and bounds and exponents, are short.
constexpr int64_t kMostWrittenIntegers = 64;
constexpr int64_t kMostWrittenFloats = 8;
// Names of constants in turn; x is an input, y the output, k and p attributes.
constexpr string_view kLetters = "wbcdefghijlmnoqrstuvz";

template <typename... Args>
absl::Status NoText(const Args&... what) {
  return absl::UnimplementedError(absl::StrCat(what...));
}

std::string ConstantName(size_t i) {
  const size_t round = i / kLetters.size();
  return absl::StrCat(kLetters.substr(i % kLetters.size(), 1),
                      round == 0 ? "" : absl::StrCat(round + 1));
}

// The shortest text that reads back as the same float, and as no integer.
std::string FloatText(double number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(
      text.data(), text.data() + text.size(), static_cast<float>(number));
  std::string written(text.data(), end);
  if (written.find_first_of(".e") == written.npos) written += ".0";
  return written;
}

bool IsWord(string_view text) {
  return !text.empty() &&
         !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c == '_' ||
                  absl::ascii_isalnum(static_cast<unsigned char>(c));
         });
}

// "[1,2]:int32"; nullopt where the elements aren't known, or needn't be.
std::optional<std::string> ElementsText(const TensorValue& value) {
  const DataType type = value.type();
  std::vector<std::string> elements;
  DataType implied = DataType::kInt64;
  if (value.holds_integers()) {
    if (value.size() > kMostWrittenIntegers) return std::nullopt;
    if (type != DataType::kBool && !(IsInteger(type) && WidthBits(type) >= 8)) {
      return std::nullopt;
    }
    for (int64_t i = 0; i < value.size(); ++i) {
      const std::optional<int64_t> element = value.Int(i).AsInt();
      if (!element.has_value()) return std::nullopt;
      elements.push_back(absl::StrCat(*element));
    }
  } else {
    implied = DataType::kFloat32;
    if (value.size() > kMostWrittenFloats || type != DataType::kFloat32) {
      return std::nullopt;
    }
    for (int64_t i = 0; i < value.size(); ++i) {
      if (!std::isfinite(value.Float(i))) return std::nullopt;
      elements.push_back(FloatText(value.Float(i)));
    }
  }
  if (elements.empty()) return std::nullopt;
  return absl::StrCat(
      value.dims().size() == 1 ? "" : ToString(Shape(value.extents())), "[",
      absl::StrJoin(elements, ","), "]",
      type == implied ? "" : absl::StrCat(":", Name(type)));
}

// "1x3x8x8:int8".
absl::StatusOr<std::string> TypeText(const Analysis& analysis,
                                     ValueIndex index) {
  const ValueType& type = analysis.values[static_cast<size_t>(index)].type;
  const std::string& name =
      analysis.graph->values[static_cast<size_t>(index)].name;
  if (!type.is_tensor()) return NoText("'", name, "' is no tensor");
  const Shape& shape = type.tensor.shape;
  if (!shape.has_rank() || !shape.is_concrete()) {
    return NoText("'", name, "' has no known shape (", ToString(shape), ")");
  }
  for (const Extent& extent : shape.dims()) {
    if (extent.Is(0)) return NoText("'", name, "' is empty");
  }
  const DataType element = type.tensor.type;
  return absl::StrCat(ToString(shape), element == DataType::kFloat32
                                           ? ""
                                           : absl::StrCat(":", Name(element)));
}

absl::StatusOr<std::string> OperandsText(const Analysis& analysis,
                                         const Node& node) {
  std::string text;
  size_t inputs = 0;
  size_t constants = 0;
  for (const ValueIndex index : node.inputs) {
    if (index == kAbsent) {
      absl::StrAppend(&text, " ", ConstantName(constants++), "=none");
      continue;
    }
    const ValueFacts& facts = analysis.values[static_cast<size_t>(index)];
    if (!facts.is_constant) {
      ++inputs;
      OPCOST_ASSIGN_OR_RETURN(const std::string type,
                              TypeText(analysis, index));
      absl::StrAppend(&text, " x", inputs == 1 ? "" : absl::StrCat(inputs), "=",
                      type);
      continue;
    }
    std::optional<std::string> content;
    if (facts.value != nullptr) content = ElementsText(*facts.value);
    if (!content.has_value()) {
      OPCOST_ASSIGN_OR_RETURN(content, TypeText(analysis, index));
    }
    absl::StrAppend(&text, " ", ConstantName(constants++), "=", *content);
  }
  return text;
}

absl::StatusOr<std::string> StringText(const std::string& content) {
  if (IsWord(content)) return content;
  std::string quoted = "\"";
  for (const char c : content) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return NoText("a string with a control character");
    }
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

// Writes an attribute's content; what has no text is an error that doesn't name
// the attribute.
struct ContentWriter {
  using Text = absl::StatusOr<std::string>;

  Text operator()(int64_t content) const { return absl::StrCat(content); }
  Text operator()(double content) const {
    if (!std::isfinite(content)) return NoText("isn't finite");
    return FloatText(content);
  }
  Text operator()(const std::string& content) const {
    return StringText(content);
  }
  Text operator()(const std::vector<int64_t>& content) const {
    const std::string list = absl::StrJoin(content, ",");
    return content.size() > 1 ? list : absl::StrCat("[", list, "]");
  }
  Text operator()(const std::vector<double>& content) const {
    std::vector<std::string> parts;
    for (const double number : content) {
      if (!std::isfinite(number)) return NoText("isn't finite");
      parts.push_back(FloatText(number));
    }
    return absl::StrCat("[", absl::StrJoin(parts, ","), "]");
  }
  Text operator()(const std::vector<std::string>& content) const {
    if (!std::all_of(content.begin(), content.end(), IsWord)) {
      return NoText("is a list of strings with other signs than letters");
    }
    return absl::StrCat("[", absl::StrJoin(content, ","), "]");
  }
  template <typename Other>
  Text operator()(const Other&) const {
    return NoText("is a tensor, a graph or a type");
  }
};

// The outputs that the text has to ask for: " outputs=1,0,1". None but the
// first is the default.
absl::StatusOr<std::string> OutputsText(const Analysis& analysis,
                                        const Node& node) {
  const auto is_used = [&](size_t o) {
    return node.outputs[o] != kAbsent &&
           analysis.used[static_cast<size_t>(node.outputs[o])] != 0;
  };
  size_t count = node.outputs.size();
  while (count > 0 && !is_used(count - 1)) --count;
  if (count == 0) return NoText("no output of it is used");
  std::vector<absl::string_view> parts;
  for (size_t o = 0; o < count; ++o) parts.push_back(is_used(o) ? "1" : "0");
  if (count == 1) return std::string();
  const bool has_all = std::count(parts.begin(), parts.end(), "0") == 0;
  return absl::StrCat(
      " outputs=", has_all ? absl::StrCat(count) : absl::StrJoin(parts, ","));
}

}  // namespace

absl::StatusOr<std::string> LayerAsText(const Analysis& analysis,
                                        const LayerCounts& layer) {
  const Node& node = *layer.node;
  if (layer.folded != nullptr) {
    return NoText(
        "it stands for several nodes; --graph as-written takes them "
        "one by one");
  }
  if (!node.bodies.empty()) return NoText("it has bodies");
  OPCOST_ASSIGN_OR_RETURN(const std::string outputs,
                          OutputsText(analysis, node));
  OPCOST_ASSIGN_OR_RETURN(std::string text, OperandsText(analysis, node));
  for (const Attribute& attribute : node.attributes) {
    absl::StatusOr<std::string> content =
        std::visit(ContentWriter(), attribute.content);
    if (!content.ok()) {
      return NoText("attribute '", attribute.name, "' ",
                    content.status().message());
    }
    absl::StrAppend(&text, " ", attribute.name, "=", *content);
  }
  absl::StrAppend(&text, outputs);
  const bool is_foreign = !node.domain.empty();
  if (node.opset != (is_foreign ? kForeignOpset : kOwnOpset)) {
    absl::StrAppend(&text, " opset=", node.opset);
  }
  return absl::StrCat(node.domain, is_foreign ? "." : "", node.op_type, text);
}

}  // namespace opcost
