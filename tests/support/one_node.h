// SPDX-License-Identifier: Apache-2.0
// A graph of one node, for tests of an operator's rules.
#ifndef OPCOST_TESTS_SUPPORT_ONE_NODE_H_
#define OPCOST_TESTS_SUPPORT_ONE_NODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_def.h"

namespace opcost {

// OneNode("Conv", 13).Input({1, 3, 8, 8}).Constant({4, 3, 3, 3})
//     .Attr("group", 1).Count()
//
// Its operands are called i0, i1, ..., its outputs o0, o1, ..., the node has no
// name, so that messages start with "Conv 'o0': ". All outputs count as used
// unless UnusedOutput() says otherwise.
class OneNode {
 public:
  explicit OneNode(absl::string_view op_type, int opset,
                   absl::string_view domain = "");

  // A graph input, float32 unless a type is given. Extents may be symbolic.
  OneNode& Input(Dims dims, DataType type = DataType::kFloat32);
  // An input of unknown rank.
  OneNode& InputOfUnknownRank(DataType type = DataType::kFloat32);
  // An input of any type: a sequence, an optional, a map.
  OneNode& InputOf(ValueType type);
  // A constant whose elements aren't known.
  OneNode& Constant(Dims dims, DataType type = DataType::kFloat32);
  // A constant 1-D int64 tensor, a scalar, or any known value.
  OneNode& ConstantInts(std::vector<int64_t> elements);
  OneNode& ConstantFloats(std::vector<double> elements);
  OneNode& ConstantScalar(int64_t element);
  OneNode& ConstantScalarFloat(double element,
                               DataType type = DataType::kFloat32);
  OneNode& ConstantValue(TensorValue value);
  // An optional operand that is left out.
  OneNode& Absent();

  OneNode& Attr(absl::string_view name, int64_t value);
  OneNode& Attr(absl::string_view name, int value);
  OneNode& Attr(absl::string_view name, double value);
  OneNode& Attr(absl::string_view name, const char* value);
  OneNode& Attr(absl::string_view name, std::vector<int64_t> value);
  OneNode& AttrFloats(absl::string_view name, std::vector<double> value);
  OneNode& AttrStrings(absl::string_view name, std::vector<std::string> value);
  OneNode& AttrType(absl::string_view name, ValueType type);

  OneNode& Outputs(int count);  // 1 unless set
  OneNode& UnusedOutput(int index);

  const Node& node() const { return graph_.nodes[0]; }
  // True if operand `i` is present, and a constant of one element (rule R2).
  bool IsImmediate(int i) const;
  // True unless UnusedOutput(o) was called, or the node has no such output.
  bool IsOutputUsed(int o) const;

  // The row that the registry has for the node; nullptr if none.
  const OpDef* def() const;
  // NOT_FOUND if the registry has no such operator.
  absl::StatusOr<OutputTypes> Infer();
  // The type of output `o` as text ("float32 1x4x6x6"), or the error's message.
  std::string InferText(int o = 0);
  // Infers, then counts.
  absl::StatusOr<OpCounts> Count();
  // Infers, then folds; empty where the operator has no rule.
  absl::StatusOr<OutputValues> Fold();
  // The legend that Count() filled.
  const Legend& legend() const { return legend_; }

 private:
  OneNode& Add(ValueFacts facts);
  absl::StatusOr<TypedNodeView> InferredView();

  Graph graph_;
  std::vector<ValueFacts> facts_;
  std::vector<uint8_t> used_;
  std::vector<int> unused_outputs_;
  int output_count_ = 1;
  bool sealed_ = false;
  Legend legend_;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_ONE_NODE_H_
