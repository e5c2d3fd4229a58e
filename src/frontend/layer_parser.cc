// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/layer_parser.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr size_t kMaxRank = 16;
constexpr size_t kMaxOutputs = 64;
// Far above any there is.
constexpr size_t kMaxOpset = 1000;
constexpr int kDefaultOpset = 17;
constexpr int kDefaultForeignOpset = 1;

// Names that people know from frameworks.
struct Alias {
  string_view name;
  string_view operator_name;
};
constexpr std::array<Alias, 5> kAliases = {{
    {"AvgPool", "AveragePool"},
    {"BatchNorm", "BatchNormalization"},
    {"LayerNorm", "LayerNormalization"},
    {"Linear", "Gemm"},
    {"ReLU", "Relu"},
}};

bool IsSmallLetter(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

bool IsIdentifier(string_view name) {
  return !name.empty() && !IsDigit(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return c == '_' ||
                  absl::ascii_isalnum(static_cast<unsigned char>(c));
         });
}

// "x", "w2"; k and p are attributes of TopK and LpPool.
bool IsOperandName(string_view name) {
  return IsSmallLetter(name[0]) && name != "k" && name != "p" &&
         std::all_of(name.begin() + 1, name.end(), IsDigit);
}

bool LooksLikeShape(string_view text) {
  text = text.substr(0, text.find(':'));
  return absl::StrContains(text, 'x') && IsDigit(text[0]) &&
         IsDigit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c == 'x' || IsDigit(c); });
}

template <typename... Args>
absl::Status Invalid(const Args&... what) {
  return absl::InvalidArgumentError(absl::StrCat(what...));
}

// Takes a quoted string off the front of `text`, which begins with its quote.
absl::StatusOr<std::string> TakeQuoted(string_view name, string_view* text) {
  std::string value;
  for (size_t i = 1; i < text->size(); ++i) {
    char c = (*text)[i];
    if (c == '"') {
      text->remove_prefix(i + 1);
      return value;
    }
    if (c == '\\') {
      ++i;
      if (i == text->size()) break;
      c = (*text)[i];
      if (c != '"' && c != '\\') {
        return Invalid(name, ": \\", string_view(&c, 1),
                       " is no escape; use \\\" or \\\\");
      }
    }
    value.push_back(c);
  }
  return Invalid(name, ": its string lacks the closing \"");
}

// Takes the next word, which isn't empty, off the front of `text`.
absl::StatusOr<LayerField> TakeField(string_view* text) {
  const size_t end = std::min(text->find_first_of(" \t"), text->size());
  const size_t equals = text->find('=');
  if (equals >= end || !IsIdentifier(text->substr(0, equals))) {
    return Invalid("'", text->substr(0, end),
                   "' is not NAME=VALUE, such as w=64x3x7x7 or strides=2,2");
  }
  LayerField field;
  field.name = std::string(text->substr(0, equals));
  if (equals + 1 == end) {
    return Invalid(field.name, ": a value must follow the '='");
  }
  if ((*text)[equals + 1] != '"') {
    field.value = std::string(text->substr(equals + 1, end - equals - 1));
    text->remove_prefix(end);
    return field;
  }
  field.is_quoted = true;
  text->remove_prefix(equals + 1);
  OPCOST_ASSIGN_OR_RETURN(field.value, TakeQuoted(field.name, text));
  if (!text->empty() &&
      !absl::ascii_isblank(static_cast<unsigned char>(text->front()))) {
    return Invalid(field.name, ": a blank must follow the closing \"");
  }
  return field;
}

absl::Status ParseOperator(string_view word, ParsedLayer* layer) {
  layer->alias = std::string(word);
  const size_t dot = word.rfind('.');
  string_view name = word;
  if (dot != word.npos) {
    layer->domain = std::string(word.substr(0, dot));
    name = word.substr(dot + 1);
    if (layer->domain == "ai.onnx") layer->domain.clear();
    const bool is_domain =
        dot > 0 && word[0] != '.' &&
        std::all_of(word.begin(), word.begin() + static_cast<ptrdiff_t>(dot),
                    [](char c) {
                      return c == '.' || c == '_' || c == '-' ||
                             absl::ascii_isalnum(static_cast<unsigned char>(c));
                    });
    if (!is_domain) {
      return Invalid("'", word, "' is no operator: its domain has to come ",
                     "before the dot, such as com.microsoft.Gelu");
    }
  }
  if (!IsIdentifier(name)) {
    return Invalid("'", word,
                   "' is no operator; a layer begins with one, such as ",
                   "Conv x=1x3x224x224 w=64x3x7x7");
  }
  layer->operator_name = std::string(name);
  if (!layer->domain.empty()) return absl::OkStatus();
  for (const Alias& alias : kAliases) {
    if (name == alias.name) {
      layer->operator_name = std::string(alias.operator_name);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Dims> ParseShape(string_view name, string_view text) {
  Dims dims;
  if (text == "scalar") return dims;
  for (const string_view part : absl::StrSplit(text, 'x')) {
    const std::optional<int64_t> extent = WholeNumber(part);
    if (!extent.has_value()) {
      const bool is_number =
          !part.empty() && std::all_of(part.begin(), part.end(), IsDigit);
      if (is_number) {
        return Invalid(name, ": extent ", part, " is beyond 2^63 - 1");
      }
      return Invalid(name, ": '", text,
                     "' is no shape; write it as 64x3x7x7, 64 or scalar");
    }
    if (*extent < 1) {
      return Invalid(name, ": extent ", dims.size(), " of ", text, " is ",
                     *extent, "; expected 1 or more");
    }
    if (dims.size() == kMaxRank) {
      return Invalid(name, ": more than ", kMaxRank, " axes");
    }
    dims.emplace_back(*extent);
  }
  if (!Volume(dims).is_concrete()) {
    return Invalid(name, ": its shape ", text,
                   " has more than 2^63 - 1 elements");
  }
  return dims;
}

absl::StatusOr<DataType> ParseType(string_view name, string_view text) {
  const std::optional<DataType> type = DataTypeFromName(text);
  if (type.has_value()) return *type;
  std::vector<std::string> names;
  for (int i = 1; i < kDataTypeCount; ++i) {
    names.emplace_back(Name(static_cast<DataType>(i)));
  }
  return Invalid(name, ": unknown element type '", text, "'",
                 DidYouMean(text, names));
}

// "2x2[1,2,3,4]" and "[1,2]": sets the elements, leaves the shape in `text`.
absl::Status TakeElements(string_view* text, LayerOperand* operand) {
  const size_t open = text->find('[');
  if (open == text->npos) return absl::OkStatus();
  if (operand->is_input) {
    return Invalid(operand->name,
                   ": an input has no fixed elements; give it a shape, or name "
                   "it as a constant, such as s");
  }
  if (text->back() != ']') {
    return Invalid(operand->name, ": its list lacks the closing ]");
  }
  string_view list = text->substr(open + 1, text->size() - open - 2);
  if (absl::EndsWith(list, ",")) list.remove_suffix(1);
  operand->elements = absl::StrSplit(list, ',');
  *text = text->substr(0, open);
  return absl::OkStatus();
}

// int64 for whole numbers, else float32: what geometry and scales are.
DataType TypeOfElements(const std::vector<std::string>& elements) {
  const bool are_whole = std::all_of(
      elements.begin(), elements.end(),
      [](const std::string& text) { return WholeNumber(text).has_value(); });
  return are_whole ? DataType::kInt64 : DataType::kFloat32;
}

absl::StatusOr<LayerOperand> ParseOperand(const LayerField& field) {
  LayerOperand operand;
  operand.name = field.name;
  operand.is_input = field.name[0] == 'x';
  string_view text = field.value;
  if (text == "none") {
    operand.is_absent = true;
    return operand;
  }
  const size_t colon = text.find(':');
  const string_view shape_and_elements = text.substr(0, colon);
  string_view shape = shape_and_elements;
  OPCOST_RETURN_IF_ERROR(TakeElements(&shape, &operand));
  operand.type.type = operand.elements.has_value()
                          ? TypeOfElements(*operand.elements)
                          : DataType::kFloat32;
  if (colon != text.npos) {
    OPCOST_ASSIGN_OR_RETURN(operand.type.type,
                            ParseType(field.name, text.substr(colon + 1)));
  }
  if (operand.elements.has_value() && shape.empty()) {
    operand.type.shape =
        Shape({Extent(static_cast<int64_t>(operand.elements->size()))});
    return operand;
  }
  OPCOST_ASSIGN_OR_RETURN(Dims dims, ParseShape(field.name, shape));
  operand.type.shape = Shape(std::move(dims));
  const Extent volume = Volume(operand.type.shape.dims());
  if (operand.elements.has_value() &&
      !volume.Is(static_cast<int64_t>(operand.elements->size()))) {
    return Invalid(field.name, ": ", operand.elements->size(),
                   " elements, but ", shape, " takes ", volume.ToString());
  }
  return operand;
}

absl::StatusOr<int> ParseCount(const LayerField& field, size_t most) {
  const std::optional<int64_t> number = WholeNumber(field.value);
  if (number.has_value() && *number >= 1 &&
      static_cast<size_t>(*number) <= most) {
    return static_cast<int>(*number);
  }
  return Invalid(field.name, ": '", field.value,
                 "' is not a whole number from 1 to ", most);
}

// "2", or "1,0,1" where the second is left out.
absl::StatusOr<std::vector<bool>> ParseOutputs(const LayerField& field) {
  if (!absl::StrContains(field.value, ',')) {
    OPCOST_ASSIGN_OR_RETURN(const int count, ParseCount(field, kMaxOutputs));
    return std::vector<bool>(static_cast<size_t>(count), true);
  }
  std::vector<bool> outputs;
  for (const string_view part : absl::StrSplit(field.value, ',')) {
    outputs.push_back(part == "1");
    if (part != "0" && part != "1") outputs.resize(kMaxOutputs + 1);
  }
  if (outputs.size() <= kMaxOutputs && outputs.back()) return outputs;
  return Invalid(field.name, ": '", field.value,
                 "' doesn't say of each output, the last of which there is, "
                 "whether there is one, such as 1,0,1");
}

absl::Status AddField(LayerField field, ParsedLayer* layer) {
  if (field.name == "opset") {
    OPCOST_ASSIGN_OR_RETURN(layer->opset, ParseCount(field, kMaxOpset));
    return absl::OkStatus();
  }
  if (field.name == "outputs") {
    OPCOST_ASSIGN_OR_RETURN(layer->outputs, ParseOutputs(field));
    return absl::OkStatus();
  }
  if (IsOperandName(field.name)) {
    if (field.name[0] == 'y') {
      return Invalid(field.name,
                     ": y is the output, whose shape follows from the rest");
    }
    OPCOST_ASSIGN_OR_RETURN(LayerOperand operand, ParseOperand(field));
    layer->operands.push_back(std::move(operand));
    return absl::OkStatus();
  }
  if (!field.is_quoted && LooksLikeShape(field.value)) {
    return Invalid("'", field.name, "=", field.value,
                   "' gives an attribute a shape; inputs are called x, x2, x3, "
                   "constants by another small letter");
  }
  layer->attributes.push_back(std::move(field));
  return absl::OkStatus();
}

// Linear keeps its weights as frameworks do: one row per output feature.
absl::Status MakeLinear(ParsedLayer* layer) {
  for (const LayerField& attribute : layer->attributes) {
    if (attribute.name == "transB") {
      return Invalid("Linear sets transB itself; write Gemm to set it");
    }
  }
  for (const LayerOperand& operand : layer->operands) {
    if (operand.is_input && operand.type.shape.rank() != 2) {
      return Invalid("Linear takes a matrix of rows by features, but ",
                     operand.name, " is ", ToString(operand.type.shape),
                     "; put its leading axes together, or write MatMul");
    }
  }
  layer->attributes.push_back({"transB", "1", false});
  return absl::OkStatus();
}

}  // namespace

std::optional<int64_t> WholeNumber(string_view text) {
  int64_t number = 0;
  const string_view digits =
      absl::StartsWith(text, "-") ? text.substr(1) : text;
  // SimpleAtoi forgives blanks and a plus.
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit) ||
      !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  return number;
}

absl::StatusOr<ParsedLayer> ParseLayer(string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) {
    return Invalid(
        "the text is empty; a layer begins with an operator, such "
        "as Conv x=1x3x224x224 w=64x3x7x7");
  }
  ParsedLayer layer;
  const size_t end = std::min(text.find_first_of(" \t"), text.size());
  OPCOST_RETURN_IF_ERROR(ParseOperator(text.substr(0, end), &layer));
  text.remove_prefix(end);
  std::set<std::string> names;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) break;
    OPCOST_ASSIGN_OR_RETURN(LayerField field, TakeField(&text));
    if (!names.insert(field.name).second) {
      return Invalid(field.name, " is given twice");
    }
    OPCOST_RETURN_IF_ERROR(AddField(std::move(field), &layer));
  }
  if (layer.opset == 0) {
    layer.opset = layer.domain.empty() ? kDefaultOpset : kDefaultForeignOpset;
  }
  if (layer.domain.empty() && layer.alias == "Linear") {
    OPCOST_RETURN_IF_ERROR(MakeLinear(&layer));
  }
  return layer;
}

}  // namespace opcost
