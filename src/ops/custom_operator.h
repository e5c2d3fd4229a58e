// SPDX-License-Identifier: Apache-2.0
// One operator of a user's file, read and checked.
#ifndef OPCOST_SRC_OPS_CUSTOM_OPERATOR_H_
#define OPCOST_SRC_OPS_CUSTOM_OPERATOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/ops/op_def.h"
#include "opcost/support/sym_parser.h"
#include "opcost/support/toml_reader.h"

namespace opcost {

// An item of a shape: an extent, or "name...", which stands for any number of
// axes and, as a name, for the product of their extents.
struct CustomAxis {
  std::string text;      // the expression, or the name before the dots
  bool is_name = false;  // a name and nothing else: it binds
  bool is_rest = false;
};

// A count of the description, and what `explain` calls it.
struct CustomCount {
  std::string text = "0";
  std::string label;
};

struct CustomInput {
  std::string name;
  std::string presence;  // "has_<name>", 1 or 0 where it is optional
  Role role = Role::kInput;
  bool is_optional = false;
  std::vector<CustomAxis> shape;
};

struct CustomOutput {
  std::string name;
  DataType type = DataType::kUndefined;  // kUndefined: that of input `like`
  int like = 0;
  std::vector<CustomAxis> shape;
};

// An attribute, an integer; nullopt: it must be there.
struct CustomAttribute {
  std::string name;
  std::optional<int64_t> otherwise;
};

class CustomOperator {
 public:
  // Reads an entry of [[operator]].
  static absl::StatusOr<std::unique_ptr<const CustomOperator>> Parse(
      const TomlValue& entry);

  const OpDef& def() const { return def_; }
  const std::string& name() const { return name_; }
  const std::string& domain() const { return domain_; }
  int since() const { return since_; }

  absl::StatusOr<OutputTypes> Infer(const NodeView& node) const;
  absl::StatusOr<OpCounts> Count(const TypedNodeView& node) const;

 private:
  friend class CustomOperatorParser;
  // Values of names; of a rest also the axes that it stands for.
  struct Names {
    std::map<std::string, SymValue, std::less<>> values;
    std::map<std::string, Dims, std::less<>> rests;
  };

  CustomOperator() = default;
  // Fills `def_`, which refers to this object's strings.
  void MakeDef();
  absl::Status Bind(const NodeView& node, Names* names) const;
  absl::Status BindInput(const NodeView& node, int i, Names* names) const;
  absl::Status CheckShape(const NodeView& node, int i,
                          const Names& names) const;
  absl::StatusOr<SymValue> Evaluate(const NodeView& node,
                                    const std::string& text,
                                    const Names& names) const;
  // The same for a number of operations or elements, which is never negative
  // and goes into the legend.
  absl::StatusOr<opcost::Count> EvaluateCount(const TypedNodeView& node,
                                              absl::string_view what,
                                              const CustomCount& count,
                                              const Names& names) const;
  absl::Status CountArithmetic(const TypedNodeView& node, const Names& names,
                               OpCounts* counts) const;
  // Into the legend.
  void LetNames(const TypedNodeView& node, const Names& names) const;

  std::string name_;
  std::string domain_;
  int since_ = 0;
  std::string description_;
  std::string bound_;
  std::vector<CustomInput> inputs_;
  std::vector<CustomOutput> outputs_;
  std::vector<CustomAttribute> attributes_;
  CustomCount macs_{"0", "macs_given"};
  CustomCount mul_{"0", "mul_given"};
  CustomCount add_{"0", "add_given"};
  std::vector<std::pair<ArithOp, CustomCount>> functions_;
  OperandSet operands_ = OperandSet::Input(0);  // of plain arithmetic
  int mac_a_ = 0;
  int mac_b_ = 0;
  std::vector<CustomCount> reads_;   // of each input
  std::vector<CustomCount> writes_;  // of each output

  // For `explain`: the expressions in the words of formula.h, else a name for
  // their value.
  std::string mul_formula_, add_formula_, macs_formula_;
  std::string reads_formula_, writes_formula_;
  OpDef def_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_CUSTOM_OPERATOR_H_
