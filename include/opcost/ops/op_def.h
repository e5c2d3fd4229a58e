// SPDX-License-Identifier: Apache-2.0
// One operator as a row of its family's table.
#ifndef OPCOST_OPS_OP_DEF_H_
#define OPCOST_OPS_OP_DEF_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// An extent that only the data settle: a symbol of its own, and how large it
// can be at most.
struct DataExtent {
  std::string symbol;
  Extent at_most;
};

// Types of the outputs that the node lists, in order. A rule may return fewer
// than the node lists (the rest are unknown) or more (the rest are ignored).
class OutputTypes : public absl::InlinedVector<ValueType, 1> {
 public:
  // Takes each by move, which an initializer list couldn't.
  template <typename... Types>
  explicit OutputTypes(Types&&... types) {
    (emplace_back(std::forward<Types>(types)), ...);
  }

  // Those that occur in the types. Later layers count them at their bounds.
  absl::InlinedVector<DataExtent, 1> data_extents;
};

// The extent of axis `axis` of output `output` of `node`, which depends on the
// data and is at most `at_most`: a symbol named "<output's name>#<axis>", noted
// in `types`.
Extent DataDependentExtent(const NodeView& node, int output, int axis,
                           Extent at_most, OutputTypes* types);
using OutputValues = absl::InlinedVector<std::shared_ptr<const TensorValue>, 1>;

// Output types from input types, known input values and attributes. Pure.
using ShapeRule = absl::StatusOr<OutputTypes>(const NodeView&);
// Operations and uses of one run, from the types. Pure.
using CountRule = absl::StatusOr<OpCounts>(const TypedNodeView&);
// Output values from known input values (a rule checks which it has): null
// entries where they aren't known. Called only for nodes that are constant, or
// that read nothing but shapes. Never fails: what it can't compute isn't known.
using FoldRule = OutputValues(const TypedNodeView&);

// How the counts come about, for people and for the test that evaluates it
// against the count rule: expressions of + - * / and parentheses over the names
// that the rule gives by Let(), over `MACs`, and over the functions' names
// (in `mul` a function stands for its muls, in `add` for its adds). A name in
// brackets, like [bias], is 1 or 0. `reads` and `writes` are sums of terms,
// each with the operand it is about: "W: MACs; X: MACs; B: [B]*out".
struct Formula {
  absl::string_view macs = "0";
  absl::string_view mul = "0";
  absl::string_view add = "0";
  absl::string_view reads;
  absl::string_view writes;
  absl::string_view rules;  // those it follows: "R1 R3 R9"
};

// An operator that the user describes; see custom_operators.h.
class CustomOperator;

struct OpDef {
  absl::string_view name;  // exactly as ONNX spells it
  int since = 1;           // first opset whose semantics the rules follow
  ShapeRule* infer = nullptr;
  CountRule* count = nullptr;  // null: see `uncountable`
  FoldRule* fold = nullptr;    // null: values don't flow through
  Formula formula;
  absl::string_view description;  // one line
  absl::string_view domain = "";  // "" is ai.onnx
  // Reads only the shapes of its operands, so that it is constant even if they
  // aren't (Shape, Size).
  bool reads_shapes_only = false;
  // Gives its operand 0 in another order or place: the parameter it came from
  // stays the same parameter.
  bool moves_only = false;
  // Why no rule can state its work (text, images, trees): its layers are
  // unknown, though their shapes are known. Set if and only if `count` is null.
  absl::string_view uncountable = "";
  // The passes over its data, where it makes more than one (R4): "maximum,
  // exponentials and sum, quotient".
  absl::string_view passes = "";
  // Why the counts, or the extents of the outputs, are an upper bound; empty
  // where they are exact.
  absl::string_view bound = "";
  // Of a user's own operator: what `infer` and `count` need, which it lacks.
  const CustomOperator* custom = nullptr;
};

// The row's rules; a user's own operator has no other way to them.
absl::StatusOr<OutputTypes> InferBy(const OpDef& def, const NodeView& node);
absl::StatusOr<OpCounts> CountBy(const OpDef& def, const TypedNodeView& node);

// True if rows are ordered by (domain, name, since) and no key occurs twice.
// Every family asserts it of its own table, at compile time.
template <size_t N>
constexpr bool SortedAndUnique(const OpDef (&rows)[N]) {
  for (size_t i = 1; i < N; ++i) {
    const int by_domain = rows[i - 1].domain.compare(rows[i].domain);
    const int by_name = rows[i - 1].name.compare(rows[i].name);
    const bool ordered =
        by_domain < 0 ||
        (by_domain == 0 &&
         (by_name < 0 || (by_name == 0 && rows[i - 1].since < rows[i].since)));
    if (!ordered) return false;
  }
  return true;
}

}  // namespace opcost

#endif  // OPCOST_OPS_OP_DEF_H_
