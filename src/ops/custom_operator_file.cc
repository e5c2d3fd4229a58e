// SPDX-License-Identifier: Apache-2.0
// Reads one [[operator]] of a user's file.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "src/ops/custom_operator.h"

namespace opcost {
namespace {

// More than any operator has; OperandSet knows 32 operands.
constexpr size_t kMaxOperands = 32;
constexpr size_t kMaxAxes = 16;
constexpr size_t kMaxTextBytes = 1024;

constexpr absl::string_view kRest = "...";

// A letter or '_', then letters, digits and '_': what formulae can hold.
bool IsName(absl::string_view text) {
  if (text.empty() ||
      absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

absl::StatusOr<std::string> NameOf(const TomlValue& value,
                                   absl::string_view what) {
  OPCOST_ASSIGN_OR_RETURN(std::string name, value.AsString());
  if (IsName(name)) return name;
  return value.Error("'", name, "' is no name of ", what,
                     "; use letters, digits and '_', and no digit in front");
}

}  // namespace

class CustomOperatorParser {
 public:
  explicit CustomOperatorParser(const TomlValue& entry)
      : entry_(entry), op_(new CustomOperator) {}

  absl::StatusOr<std::unique_ptr<const CustomOperator>> Run() {
    OPCOST_RETURN_IF_ERROR(entry_.CheckIsTable());
    OPCOST_RETURN_IF_ERROR(entry_.CheckKeys(
        {"domain", "name", "since", "description", "bound", "inputs",
         "attributes", "outputs", "macs", "mul", "add", "functions", "operands",
         "mac_operands", "reads", "writes"}));
    OPCOST_RETURN_IF_ERROR(ReadHead());
    OPCOST_RETURN_IF_ERROR(ReadAttributes());
    OPCOST_RETURN_IF_ERROR(ReadInputs());
    OPCOST_RETURN_IF_ERROR(ReadOutputs());
    OPCOST_RETURN_IF_ERROR(ReadArithmetic());
    OPCOST_RETURN_IF_ERROR(ReadUses("reads", InputNames(), &op_->reads_));
    OPCOST_RETURN_IF_ERROR(ReadUses("writes", OutputNames(), &op_->writes_));
    op_->MakeDef();
    return std::unique_ptr<const CustomOperator>(std::move(op_));
  }

 private:
  absl::Status ReadText(absl::string_view key, std::string* text) const {
    if (const TomlValue* value = entry_.Find(key)) {
      OPCOST_ASSIGN_OR_RETURN(*text, value->AsString());
    }
    return absl::OkStatus();
  }

  absl::Status ReadHead() {
    OPCOST_ASSIGN_OR_RETURN(
        const TomlValue* name,
        entry_.Require("name", "the operator's name, as the model has it"));
    OPCOST_ASSIGN_OR_RETURN(op_->name_, name->AsString());
    if (op_->name_.empty()) return name->Error("the name is empty");
    OPCOST_ASSIGN_OR_RETURN(
        const TomlValue* domain,
        entry_.Require("domain", "the operator's domain, \"\" for ONNX's own"));
    OPCOST_ASSIGN_OR_RETURN(op_->domain_, domain->AsString());
    if (op_->domain_ == "ai.onnx") op_->domain_.clear();
    OPCOST_RETURN_IF_ERROR(ReadText("description", &op_->description_));
    OPCOST_RETURN_IF_ERROR(ReadText("bound", &op_->bound_));
    if (const TomlValue* since = entry_.Find("since")) {
      OPCOST_ASSIGN_OR_RETURN(const int64_t version, since->AsInteger());
      if (version < 1 || version > 1'000'000) {
        return since->Error("'since' is ", version,
                            "; expected the first opset that it holds for");
      }
      op_->since_ = static_cast<int>(version);
    }
    return absl::OkStatus();
  }

  absl::Status ReadAttributes() {
    const TomlValue* attributes = entry_.Find("attributes");
    if (attributes == nullptr) return absl::OkStatus();
    OPCOST_RETURN_IF_ERROR(attributes->CheckIsTable());
    for (const TomlEntry& entry : attributes->entries()) {
      if (!IsName(entry.key)) {
        return entry.Error("'", entry.key,
                           "' is no name that an expression can hold");
      }
      CustomAttribute attribute{entry.key, std::nullopt};
      if (entry.value.kind() == TomlValue::Kind::kString) {
        OPCOST_ASSIGN_OR_RETURN(const std::string word, entry.value.AsString());
        if (word != "required") {
          return entry.value.Error(
              "expected the number that holds where the node lacks the "
              "attribute, or \"required\"");
        }
      } else {
        OPCOST_ASSIGN_OR_RETURN(attribute.otherwise, entry.value.AsInteger());
      }
      names_.insert(entry.key);
      attributes_.insert(entry.key);
      op_->attributes_.push_back(std::move(attribute));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<const TomlValue*> Operands(absl::string_view key) const {
    OPCOST_ASSIGN_OR_RETURN(
        const TomlValue* list,
        entry_.Require(key, "a list of tables with name and shape"));
    OPCOST_RETURN_IF_ERROR(list->CheckIsArray());
    if (list->items().empty() || list->items().size() > kMaxOperands) {
      return list->Error("'", key, "' has ", list->items().size(),
                         " entries; expected 1 to ", kMaxOperands);
    }
    return list;
  }

  absl::Status ReadInputs() {
    OPCOST_ASSIGN_OR_RETURN(const TomlValue* list, Operands("inputs"));
    std::vector<const TomlValue*> shapes;
    for (const TomlValue& item : list->items()) {
      OPCOST_RETURN_IF_ERROR(item.CheckIsTable());
      OPCOST_RETURN_IF_ERROR(
          item.CheckKeys({"name", "shape", "role", "optional"}));
      CustomInput input;
      OPCOST_ASSIGN_OR_RETURN(input.name,
                              NewOperandName(item, InputNames(), "an input"));
      input.presence = absl::StrCat("has_", input.name);
      OPCOST_RETURN_IF_ERROR(ReadRole(item, &input.role));
      if (const TomlValue* optional = item.Find("optional")) {
        OPCOST_ASSIGN_OR_RETURN(input.is_optional, optional->AsBoolean());
      }
      if (input.is_optional) names_.insert(input.presence);
      OPCOST_ASSIGN_OR_RETURN(const TomlValue* shape,
                              item.Require("shape", "a list of its axes"));
      OPCOST_RETURN_IF_ERROR(BindNames(*shape));
      shapes.push_back(shape);
      op_->inputs_.push_back(std::move(input));
    }
    // Expressions may use the names of later inputs.
    for (size_t i = 0; i < shapes.size(); ++i) {
      OPCOST_ASSIGN_OR_RETURN(op_->inputs_[i].shape, ReadShape(*shapes[i]));
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<std::string> NewOperandName(
      const TomlValue& item, const std::vector<std::string>& known,
      absl::string_view what) {
    OPCOST_ASSIGN_OR_RETURN(
        const TomlValue* value,
        item.Require("name", absl::StrCat("the name of ", what)));
    OPCOST_ASSIGN_OR_RETURN(std::string name, NameOf(*value, what));
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      return value->Error("the name '", name, "' is taken; choose another");
    }
    return name;
  }

  static absl::Status ReadRole(const TomlValue& item, Role* role) {
    const TomlValue* value = item.Find("role");
    if (value == nullptr) return absl::OkStatus();
    OPCOST_ASSIGN_OR_RETURN(const std::string word, value->AsString());
    for (const Role known :
         {Role::kInput, Role::kWeight, Role::kBias, Role::kIndex}) {
      if (word != Name(known)) continue;
      *role = known;
      return absl::OkStatus();
    }
    return value->Error("unknown role '", word,
                        "'; use input, weight, bias or index");
  }

  // Names that the axes of an input bind: every name that stands alone.
  absl::Status BindNames(const TomlValue& shape) {
    OPCOST_RETURN_IF_ERROR(shape.CheckIsArray());
    bool has_rest = false;
    for (const TomlValue& item : shape.items()) {
      if (item.kind() != TomlValue::Kind::kString) continue;
      OPCOST_ASSIGN_OR_RETURN(std::string text, item.AsString());
      const bool is_rest = absl::EndsWith(text, kRest);
      if (is_rest) {
        text.resize(text.size() - kRest.size());
        if (has_rest) {
          return item.Error("a second '", text, kRest,
                            "' in one shape; one may stand for any number of "
                            "axes");
        }
        has_rest = true;
        rests_.insert(text);
      }
      if (!IsName(text)) {
        if (is_rest) return item.Error("'", text, "' is no name");
        continue;
      }
      if (attributes_.count(text) > 0) {
        // An axis that an attribute gives.
        continue;
      }
      names_.insert(text);
      (is_rest ? rests_ : axes_).insert(text);
      if (rests_.count(text) > 0 && axes_.count(text) > 0) {
        return item.Error("'", text, "' is one axis in one place and '", text,
                          kRest, "' in another");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<CustomAxis>> ReadShape(
      const TomlValue& shape) const {
    OPCOST_RETURN_IF_ERROR(shape.CheckIsArray());
    if (shape.items().size() > kMaxAxes) {
      return shape.Error("the shape has ", shape.items().size(),
                         " axes, more than ", kMaxAxes);
    }
    std::vector<CustomAxis> axes;
    for (const TomlValue& item : shape.items()) {
      CustomAxis axis;
      if (item.kind() == TomlValue::Kind::kString) {
        OPCOST_ASSIGN_OR_RETURN(axis.text, item.AsString());
        absl::string_view text = axis.text;
        axis.is_rest = absl::ConsumeSuffix(&text, kRest);
        axis.text = std::string(text);
        axis.is_name = !axis.is_rest && IsName(axis.text) &&
                       attributes_.count(axis.text) == 0;
        if (axis.is_rest && rests_.count(axis.text) == 0) {
          return item.Error("no input has '", axis.text, kRest, "'");
        }
      }
      if (!axis.is_rest) {
        OPCOST_ASSIGN_OR_RETURN(axis.text, Expression(item));
      }
      axes.push_back(std::move(axis));
    }
    return axes;
  }

  // A number, or the text of an expression over the names that are known.
  absl::StatusOr<std::string> Expression(const TomlValue& value) const {
    if (value.kind() == TomlValue::Kind::kInteger) {
      OPCOST_ASSIGN_OR_RETURN(const int64_t number, value.AsInteger());
      if (number < 0) {
        return value.Error("expected a number from 0, found ", number);
      }
      return absl::StrCat(number);
    }
    OPCOST_ASSIGN_OR_RETURN(std::string text, value.AsString());
    if (text.size() > kMaxTextBytes) {
      return value.Error("the expression has ", text.size(),
                         " bytes, more than ", kMaxTextBytes);
    }
    const absl::StatusOr<SymValue> parsed = ParseExpression(
        text, [this](absl::string_view name) -> std::optional<SymValue> {
          if (names_.find(name) == names_.end()) return std::nullopt;
          return SymValue::Symbol(name);
        });
    if (!parsed.ok()) {
      return value.Error("'", text, "': ", parsed.status().message(),
                         "; the names are ",
                         names_.empty() ? "none" : absl::StrJoin(names_, ", "));
    }
    if (parsed->is_concrete() && parsed->value() < 0) {
      return value.Error("'", text, "' is ", parsed->value(),
                         ", which is neither a size nor a count");
    }
    return text;
  }

  absl::Status ReadOutputs() {
    OPCOST_ASSIGN_OR_RETURN(const TomlValue* list, Operands("outputs"));
    for (const TomlValue& item : list->items()) {
      OPCOST_RETURN_IF_ERROR(item.CheckIsTable());
      OPCOST_RETURN_IF_ERROR(item.CheckKeys({"name", "type", "shape"}));
      CustomOutput output;
      OPCOST_ASSIGN_OR_RETURN(output.name,
                              NewOperandName(item, OutputNames(), "an output"));
      if (const TomlValue* type = item.Find("type")) {
        OPCOST_RETURN_IF_ERROR(ReadType(*type, &output));
      }
      OPCOST_ASSIGN_OR_RETURN(const TomlValue* shape,
                              item.Require("shape", "a list of its axes"));
      OPCOST_ASSIGN_OR_RETURN(output.shape, ReadShape(*shape));
      op_->outputs_.push_back(std::move(output));
    }
    return absl::OkStatus();
  }

  // An element type, or an input that has the same.
  absl::Status ReadType(const TomlValue& value, CustomOutput* output) const {
    OPCOST_ASSIGN_OR_RETURN(const std::string name, value.AsString());
    const std::vector<std::string> inputs = InputNames();
    const auto input = std::find(inputs.begin(), inputs.end(), name);
    if (input != inputs.end()) {
      output->like = static_cast<int>(input - inputs.begin());
      if (op_->inputs_[static_cast<size_t>(output->like)].is_optional) {
        return value.Error("input '", name,
                           "' is optional, so it may lack a type");
      }
      return absl::OkStatus();
    }
    const std::optional<DataType> type = DataTypeFromName(name);
    if (!type.has_value() || *type == DataType::kUndefined) {
      return value.Error("'", name,
                         "' is neither an element type (float32) nor an input",
                         DidYouMean(name, inputs));
    }
    output->type = *type;
    return absl::OkStatus();
  }

  absl::Status ReadCount(absl::string_view key, CustomCount* count) {
    if (const TomlValue* value = entry_.Find(key)) {
      OPCOST_ASSIGN_OR_RETURN(count->text, Expression(*value));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<int>> InputList(const TomlValue& list,
                                             size_t most) const {
    OPCOST_RETURN_IF_ERROR(list.CheckIsArray());
    const std::vector<std::string> inputs = InputNames();
    std::vector<int> indices;
    for (const TomlValue& item : list.items()) {
      OPCOST_ASSIGN_OR_RETURN(const std::string name, item.AsString());
      const auto input = std::find(inputs.begin(), inputs.end(), name);
      if (input == inputs.end()) {
        return item.Error("no input is called '", name, "'",
                          DidYouMean(name, inputs));
      }
      indices.push_back(static_cast<int>(input - inputs.begin()));
    }
    if (indices.empty() || indices.size() > most) {
      return list.Error("expected 1 to ", most, " names of inputs, found ",
                        indices.size());
    }
    return indices;
  }

  absl::Status ReadArithmetic() {
    OPCOST_RETURN_IF_ERROR(ReadCount("macs", &op_->macs_));
    OPCOST_RETURN_IF_ERROR(ReadCount("mul", &op_->mul_));
    OPCOST_RETURN_IF_ERROR(ReadCount("add", &op_->add_));
    op_->mac_b_ = op_->inputs_.size() > 1 ? 1 : 0;
    if (const TomlValue* list = entry_.Find("mac_operands")) {
      if (op_->macs_.text == "0") {
        return list->Error("'mac_operands' has no meaning without 'macs'");
      }
      OPCOST_ASSIGN_OR_RETURN(const std::vector<int> pair, InputList(*list, 2));
      op_->mac_a_ = pair.front();
      op_->mac_b_ = pair.back();
    }
    if (const TomlValue* list = entry_.Find("operands")) {
      OPCOST_ASSIGN_OR_RETURN(const std::vector<int> all,
                              InputList(*list, kMaxOperands));
      op_->operands_ = {};
      for (const int i : all) op_->operands_.inputs |= 1U << i;
    }
    const TomlValue* functions = entry_.Find("functions");
    if (functions == nullptr) return absl::OkStatus();
    OPCOST_RETURN_IF_ERROR(functions->CheckIsTable());
    for (const TomlEntry& entry : functions->entries()) {
      OPCOST_RETURN_IF_ERROR(ReadFunction(entry));
    }
    return absl::OkStatus();
  }

  absl::Status ReadFunction(const TomlEntry& entry) {
    std::vector<std::string> known;
    for (int i = static_cast<int>(ArithOp::kDiv); i < kArithOpCount; ++i) {
      const auto op = static_cast<ArithOp>(i);
      known.emplace_back(Name(op));
      if (entry.key != Name(op)) continue;
      CustomCount count;
      count.label = absl::StrCat(Name(op), "_given");
      OPCOST_ASSIGN_OR_RETURN(count.text, Expression(entry.value));
      op_->functions_.emplace_back(op, std::move(count));
      return absl::OkStatus();
    }
    return entry.Error("unknown function '", entry.key, "'; use ",
                       absl::StrJoin(known, ", "));
  }

  std::vector<std::string> InputNames() const {
    std::vector<std::string> names;
    for (const CustomInput& input : op_->inputs_) names.push_back(input.name);
    return names;
  }

  std::vector<std::string> OutputNames() const {
    std::vector<std::string> names;
    for (const CustomOutput& output : op_->outputs_) {
      names.push_back(output.name);
    }
    return names;
  }

  // The elements of a shape, for what isn't said of a use.
  static std::string Volume(const std::vector<CustomAxis>& shape) {
    return shape.empty()
               ? "1"
               : absl::StrJoin(shape, "*",
                               [](std::string* out, const CustomAxis& axis) {
                                 absl::StrAppend(out, "(", axis.text, ")");
                               });
  }

  // `reads` or `writes`: a table by operand. Default: each element once.
  absl::Status ReadUses(absl::string_view key,
                        const std::vector<std::string>& operands,
                        std::vector<CustomCount>* uses) {
    for (size_t i = 0; i < operands.size(); ++i) {
      const std::vector<CustomAxis>& shape =
          key == "reads" ? op_->inputs_[i].shape : op_->outputs_[i].shape;
      uses->push_back({Volume(shape), absl::StrCat(key, "_of_", operands[i])});
    }
    const TomlValue* table = entry_.Find(key);
    if (table == nullptr) return absl::OkStatus();
    OPCOST_RETURN_IF_ERROR(table->CheckIsTable());
    for (const TomlEntry& entry : table->entries()) {
      const auto operand =
          std::find(operands.begin(), operands.end(), entry.key);
      if (operand == operands.end()) {
        return entry.Error("no ", key == "reads" ? "input" : "output",
                           " is called '", entry.key, "'",
                           DidYouMean(entry.key, operands));
      }
      OPCOST_ASSIGN_OR_RETURN(
          (*uses)[static_cast<size_t>(operand - operands.begin())].text,
          Expression(entry.value));
    }
    return absl::OkStatus();
  }

  const TomlValue& entry_;
  std::unique_ptr<CustomOperator> op_;
  std::set<std::string, std::less<>> names_;  // that expressions may use
  std::set<std::string> attributes_, axes_, rests_;
};

absl::StatusOr<std::unique_ptr<const CustomOperator>> CustomOperator::Parse(
    const TomlValue& entry) {
  return CustomOperatorParser(entry).Run();
}

}  // namespace opcost
