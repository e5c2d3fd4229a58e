// SPDX-License-Identifier: Apache-2.0
#include "opcost/ops/custom_operators.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/ops/registry.h"
#include "opcost/support/status_macros.h"
#include "src/ops/custom_operator.h"

namespace opcost {
namespace {

constexpr absl::string_view kFormulaCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+*() ";

// What formula.h can read; '-' might be of more than 63 bits on the way, and
// '/' rounds at another place.
bool IsFormula(const std::string& text) {
  return absl::string_view(text).find_first_not_of(kFormulaCharacters) ==
         absl::string_view::npos;
}

const std::string& FormulaOf(const CustomCount& count) {
  return IsFormula(count.text) ? count.text : count.label;
}

absl::StatusOr<OutputTypes> NeverInfer(const NodeView& node) {
  return node.Unknown("a user's operator is inferred by InferBy()");
}

absl::StatusOr<OpCounts> NeverCount(const TypedNodeView& node) {
  return node.Unknown("a user's operator is counted by CountBy()");
}

}  // namespace

void CustomOperator::MakeDef() {
  macs_formula_ = FormulaOf(macs_);
  for (const auto& [count, formula] :
       {std::pair(&mul_, &mul_formula_), std::pair(&add_, &add_formula_)}) {
    std::vector<std::string> terms;
    if (macs_.text != "0") terms.push_back("MACs");
    if (count->text != "0") terms.push_back(FormulaOf(*count));
    for (const auto& [op, evaluations] : functions_) {
      terms.push_back(
          absl::StrCat("(", FormulaOf(evaluations), ")*", Name(op)));
    }
    *formula = terms.empty() ? "0" : absl::StrJoin(terms, " + ");
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const CustomInput& input = inputs_[i];
    if (reads_[i].text == "0") continue;
    absl::StrAppend(&reads_formula_, reads_formula_.empty() ? "" : "; ",
                    input.name, ": ");
    if (input.is_optional) {
      absl::StrAppend(&reads_formula_, "[", input.presence, "]*(",
                      FormulaOf(reads_[i]), ")");
    } else {
      reads_formula_ += FormulaOf(reads_[i]);
    }
  }
  for (size_t o = 0; o < outputs_.size(); ++o) {
    absl::StrAppend(&writes_formula_, o == 0 ? "" : "; ", outputs_[o].name,
                    ": ", FormulaOf(writes_[o]));
  }
  def_.name = name_;
  def_.domain = domain_;
  def_.since = since_;
  def_.infer = &NeverInfer;
  def_.count = &NeverCount;
  def_.formula = {.macs = macs_formula_,
                  .mul = mul_formula_,
                  .add = add_formula_,
                  .reads = reads_formula_,
                  .writes = writes_formula_,
                  .rules = ""};
  def_.description = description_;
  def_.bound = bound_;
  def_.custom = this;
}

absl::Status CustomOperator::BindInput(const NodeView& node, int i,
                                       Names* names) const {
  const CustomInput& input = inputs_[static_cast<size_t>(i)];
  OPCOST_ASSIGN_OR_RETURN(const TensorType* type, node.Input(i));
  const Dims& dims = type->shape.dims();
  const auto rest =
      std::find_if(input.shape.begin(), input.shape.end(),
                   [](const CustomAxis& axis) { return axis.is_rest; });
  const size_t fixed = input.shape.size() - (rest == input.shape.end() ? 0 : 1);
  if (rest == input.shape.end() ? dims.size() != fixed : dims.size() < fixed) {
    return node.Invalid("input ", i, " is ", ToString(type->shape),
                        ", but its ", "description has ",
                        rest == input.shape.end() ? "" : "at least ", fixed,
                        fixed == 1 ? " axis" : " axes");
  }
  size_t d = 0;
  for (const CustomAxis& axis : input.shape) {
    if (axis.is_rest) {
      Dims covered(
          dims.begin() + static_cast<ptrdiff_t>(d),
          dims.begin() + static_cast<ptrdiff_t>(d + dims.size() - fixed));
      d += covered.size();
      names->values.emplace(axis.text, Volume(covered).sym());
      names->rests.emplace(axis.text, std::move(covered));
      continue;
    }
    if (axis.is_name) names->values.emplace(axis.text, dims[d].sym());
    ++d;
  }
  return absl::OkStatus();
}

absl::Status CustomOperator::CheckShape(const NodeView& node, int i,
                                        const Names& names) const {
  const Dims& dims = node.InputType(i).tensor.shape.dims();
  size_t d = 0;
  for (const CustomAxis& axis : inputs_[static_cast<size_t>(i)].shape) {
    if (axis.is_rest) {
      const Dims& rest = names.rests.find(axis.text)->second;
      for (const Extent& extent : rest) {
        if (d < dims.size() && extent == dims[d++]) continue;
        return node.Invalid("input ", i, " is ", ToString(Shape(dims)),
                            ", but '", axis.text, "...' is ",
                            ToString(Shape(rest)));
      }
      continue;
    }
    OPCOST_ASSIGN_OR_RETURN(const SymValue expected,
                            Evaluate(node, axis.text, names));
    if (d < dims.size() && (!expected.is_concrete() || !dims[d].is_concrete() ||
                            dims[d].sym() == expected)) {
      ++d;
      continue;
    }
    return node.Invalid("axis ", d, " of input ", i, " is ",
                        d < dims.size() ? dims[d].ToString() : "missing",
                        ", but '", axis.text, "' is ", expected.ToString());
  }
  return absl::OkStatus();
}

absl::Status CustomOperator::Bind(const NodeView& node, Names* names) const {
  if (node.input_count() > static_cast<int>(inputs_.size())) {
    return node.Invalid("it has ", node.input_count(),
                        " inputs, but its description has ", inputs_.size());
  }
  for (const CustomAttribute& attribute : attributes_) {
    if (!attribute.otherwise.has_value() &&
        !node.HasAttribute(attribute.name)) {
      return node.Invalid("attribute '", attribute.name,
                          "', which its description needs, is missing");
    }
    OPCOST_ASSIGN_OR_RETURN(
        const int64_t value,
        node.Int(attribute.name, attribute.otherwise.value_or(0)));
    names->values.emplace(attribute.name, value);
  }
  for (int i = 0; i < static_cast<int>(inputs_.size()); ++i) {
    const CustomInput& input = inputs_[static_cast<size_t>(i)];
    if (input.is_optional) {
      names->values.emplace(input.presence, node.HasInput(i) ? 1 : 0);
      if (!node.HasInput(i)) continue;
    }
    OPCOST_RETURN_IF_ERROR(BindInput(node, i, names));
  }
  // What only an absent input would say is nothing.
  for (const CustomInput& input : inputs_) {
    for (const CustomAxis& axis : input.shape) {
      if (axis.is_name || axis.is_rest) names->values.emplace(axis.text, 0);
      if (axis.is_rest) names->rests.emplace(axis.text, Dims());
    }
  }
  for (int i = 0; i < static_cast<int>(inputs_.size()); ++i) {
    if (node.HasInput(i)) OPCOST_RETURN_IF_ERROR(CheckShape(node, i, *names));
  }
  return absl::OkStatus();
}

absl::StatusOr<SymValue> CustomOperator::Evaluate(const NodeView& node,
                                                  const std::string& text,
                                                  const Names& names) const {
  absl::StatusOr<SymValue> value = ParseExpression(
      text, [&names](absl::string_view name) -> std::optional<SymValue> {
        const auto known = names.values.find(name);
        if (known == names.values.end()) return std::nullopt;
        return known->second;
      });
  if (value.ok()) return value;
  return node.Invalid("'", text,
                      "' of its description: ", value.status().message());
}

absl::StatusOr<OutputTypes> CustomOperator::Infer(const NodeView& node) const {
  Names names;
  OPCOST_RETURN_IF_ERROR(Bind(node, &names));
  OutputTypes types;
  for (const CustomOutput& output : outputs_) {
    Dims dims;
    for (const CustomAxis& axis : output.shape) {
      if (axis.is_rest) {
        const Dims& rest = names.rests.find(axis.text)->second;
        dims.insert(dims.end(), rest.begin(), rest.end());
        continue;
      }
      OPCOST_ASSIGN_OR_RETURN(SymValue value, Evaluate(node, axis.text, names));
      if (value.is_concrete() && value.value() < 0) {
        return node.Invalid("'", axis.text, "' of output '", output.name,
                            "' is ", value.value(), ", which is no extent");
      }
      dims.push_back(Extent(std::move(value)));
    }
    DataType type = output.type;
    if (type == DataType::kUndefined) {
      OPCOST_ASSIGN_OR_RETURN(const TensorType* like, node.Input(output.like));
      type = like->type;
    }
    types.push_back(ValueType(type, std::move(dims)));
  }
  return types;
}

absl::StatusOr<opcost::Count> CustomOperator::EvaluateCount(
    const TypedNodeView& node, absl::string_view what, const CustomCount& count,
    const Names& names) const {
  OPCOST_ASSIGN_OR_RETURN(SymValue value, Evaluate(node, count.text, names));
  if (value.is_concrete() && value.value() < 0) {
    return node.Invalid("its ", what, ", '", count.text,
                        "' of its description, is ", value.value(),
                        "; a count is never negative");
  }
  opcost::Count result(std::move(value));
  node.Let(count.label, result);
  return result;
}

absl::Status CustomOperator::CountArithmetic(const TypedNodeView& node,
                                             const Names& names,
                                             OpCounts* counts) const {
  OPCOST_ASSIGN_OR_RETURN(const opcost::Count macs,
                          EvaluateCount(node, "macs", macs_, names));
  if (!macs.Is(0)) AddMacs(*counts, mac_a_, mac_b_, macs);
  OPCOST_ASSIGN_OR_RETURN(const opcost::Count mul,
                          EvaluateCount(node, "mul", mul_, names));
  AddArith(*counts, ArithOp::kMul, operands_, mul);
  OPCOST_ASSIGN_OR_RETURN(const opcost::Count add,
                          EvaluateCount(node, "add", add_, names));
  AddArith(*counts, ArithOp::kAdd, operands_, add);
  for (const auto& [op, evaluations] : functions_) {
    OPCOST_ASSIGN_OR_RETURN(const opcost::Count count,
                            EvaluateCount(node, Name(op), evaluations, names));
    AddArith(*counts, op, operands_, count);
  }
  return absl::OkStatus();
}

void CustomOperator::LetNames(const TypedNodeView& node,
                              const Names& names) const {
  // The legend refers to what it is given, so to this object's own strings.
  const auto let = [&](const std::string& name) {
    const auto value = names.values.find(name);
    if (value != names.values.end())
      node.Let(name, opcost::Count(value->second));
  };
  for (const CustomAttribute& attribute : attributes_) let(attribute.name);
  for (const CustomInput& input : inputs_) {
    if (input.is_optional) let(input.presence);
    for (const CustomAxis& axis : input.shape) {
      if (axis.is_name || axis.is_rest) let(axis.text);
    }
  }
}

absl::StatusOr<OpCounts> CustomOperator::Count(
    const TypedNodeView& node) const {
  Names names;
  OPCOST_RETURN_IF_ERROR(Bind(node, &names));
  LetNames(node, names);
  OpCounts counts;
  counts.bound_reason = bound_;
  OPCOST_RETURN_IF_ERROR(CountArithmetic(node, names, &counts));
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const int index = static_cast<int>(i);
    OPCOST_ASSIGN_OR_RETURN(const opcost::Count reads,
                            EvaluateCount(node, "reads", reads_[i], names));
    ReadInputAs(counts, node, index, reads, inputs_[i].role);
  }
  for (size_t o = 0; o < outputs_.size(); ++o) {
    OPCOST_ASSIGN_OR_RETURN(const opcost::Count writes,
                            EvaluateCount(node, "writes", writes_[o], names));
    WriteOutput(counts, node, static_cast<int>(o), writes);
  }
  return counts;
}

absl::StatusOr<OutputTypes> InferBy(const OpDef& def, const NodeView& node) {
  return def.custom == nullptr ? def.infer(node) : def.custom->Infer(node);
}

absl::StatusOr<OpCounts> CountBy(const OpDef& def, const TypedNodeView& node) {
  return def.custom == nullptr ? def.count(node) : def.custom->Count(node);
}

CustomOperators::CustomOperators() = default;
CustomOperators::CustomOperators(CustomOperators&&) noexcept = default;
CustomOperators& CustomOperators::operator=(CustomOperators&&) noexcept =
    default;
CustomOperators::~CustomOperators() = default;

absl::StatusOr<CustomOperators> CustomOperators::Parse(absl::string_view path,
                                                       absl::string_view text) {
  OPCOST_ASSIGN_OR_RETURN(const TomlValue file, TomlValue::Parse(path, text));
  OPCOST_RETURN_IF_ERROR(file.CheckKeys({"schema", "operator"}));
  constexpr absl::string_view kSchema = "opcost.operators/1";
  OPCOST_ASSIGN_OR_RETURN(
      const TomlValue* schema,
      file.Require("schema", absl::StrCat("schema = \"", kSchema, "\"")));
  OPCOST_ASSIGN_OR_RETURN(const std::string version, schema->AsString());
  if (version != kSchema) {
    return schema->Error("unknown schema '", version, "'; expected '", kSchema,
                         "'");
  }
  OPCOST_ASSIGN_OR_RETURN(
      const TomlValue* entries,
      file.Require("operator", "a table [[operator]] for each"));
  OPCOST_RETURN_IF_ERROR(entries->CheckIsArray());
  CustomOperators result;
  result.path_ = std::string(path);
  for (const TomlValue& entry : entries->items()) {
    OPCOST_ASSIGN_OR_RETURN(auto parsed, CustomOperator::Parse(entry));
    for (const auto& known : result.operators_) {
      if (known->name() == parsed->name() &&
          known->domain() == parsed->domain() &&
          known->since() == parsed->since()) {
        return entry.Error("operator '", parsed->name(), "' of domain '",
                           parsed->domain(),
                           "' is described twice; give one of them another "
                           "'since', or delete it");
      }
    }
    result.operators_.push_back(std::move(parsed));
  }
  return result;
}

const OpDef* CustomOperators::Find(absl::string_view domain,
                                   absl::string_view name, int opset) const {
  const CustomOperator* best = nullptr;
  for (const auto& each : operators_) {
    if (each->name() != name || each->domain() != domain ||
        each->since() > opset) {
      continue;
    }
    if (best == nullptr || each->since() > best->since()) best = each.get();
  }
  return best == nullptr ? nullptr : &best->def();
}

std::vector<const OpDef*> CustomOperators::All() const {
  std::vector<const OpDef*> rows;
  for (const auto& each : operators_) rows.push_back(&each->def());
  return rows;
}

const OpDef* FindOperator(const CustomOperators* operators, const Node& node) {
  if (operators != nullptr) {
    const OpDef* own = operators->Find(node.domain, node.op_type, node.opset);
    if (own != nullptr) return own;
  }
  return FindOp(node.domain, node.op_type, node.opset);
}

}  // namespace opcost
