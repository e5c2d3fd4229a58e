// SPDX-License-Identifier: Apache-2.0
// What a layer does, on any machine: operations and uses of arrays.
#ifndef OPCOST_OPS_OP_COUNTS_H_
#define OPCOST_OPS_OP_COUNTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/data_type.h"
#include "opcost/ir/node_view.h"
#include "opcost/support/extent.h"

namespace opcost {

// Elementary operations, and the functions that a cost table expands into them
// or prices directly (cost model, section 3.4).
enum class ArithOp : uint8_t {
  kMul,
  kAdd,  // also subtraction, comparison, minimum, negation, rounding, logic
  kDiv,
  kSqrt,
  kExp,
  kLog,
  kPow,
  kSin,
  kCos,
  kTan,
  kErf,
  kTanh,
  kSigmoid,
};
inline constexpr int kArithOpCount = 13;
// "mul", "add", "div", ...
absl::string_view Name(ArithOp op);

// Whose format an operation works in: the widest of the operands', float if any
// is. Bit i of `inputs` is operand i (operands past 31 aren't needed: a
// variadic operator's operands share a type), bit i of `outputs` output i.
// `fixed` is a type that no operand has and no option changes, such as the
// float32 of requantisation; kUndefined: none.
struct OperandSet {
  uint32_t inputs = 0;
  uint32_t outputs = 0;
  DataType fixed = DataType::kUndefined;

  static constexpr OperandSet Input(int i) { return {1U << i, 0}; }
  static constexpr OperandSet Inputs(int i, int j) {
    return {(1U << i) | (1U << j), 0};
  }
  static constexpr OperandSet Output(int i) { return {0, 1U << i}; }
  static constexpr OperandSet Fixed(DataType type) { return {0, 0, type}; }
  friend bool operator==(const OperandSet&, const OperandSet&) = default;
};

// How an operation takes part in a sum of products.
enum class ArithRole : uint8_t {
  kPlain,
  kProduct,     // the mul of a contraction; with its kAccumulate, one MAC
  kAccumulate,  // adds up products: works in the accumulator's format
};

// `count` evaluations of one operation.
struct Arith {
  ArithOp op = ArithOp::kMul;
  ArithRole role = ArithRole::kPlain;
  OperandSet operands;
  Count count;
};

enum class Role : uint8_t { kInput, kWeight, kBias, kIndex, kOutput, kScratch };
// "input", "weight", "bias", "index", "output", "scratch".
absl::string_view Name(Role role);

// What a layer does with one array. Elements, never bytes: widths are chosen
// later.
struct Access {
  enum class Side : uint8_t { kInput, kOutput, kScratch };
  Side side = Side::kInput;
  Role role = Role::kInput;
  int16_t index = 0;  // of the operand, output or scratch array
  // A constant operand of a contraction or of Gather: --weight-bits applies.
  bool takes_weight_bits = false;
  // The numbers that a tensor holds packed, several to an element (two of int4
  // in a uint8): `elements`, `reads` and `writes` count these, and no option
  // changes their width. Unset where the tensor's elements are its numbers.
  std::optional<NumberFormat> packed_format;
  // Of an operand that is stored in several arrays (a compressed matrix): which
  // of them this is, "columns". Empty: the operand itself, or its values.
  absl::string_view part;
  // Scratch arrays alone: whose format they have, and what they are called.
  OperandSet scratch_format;
  absl::string_view scratch_name;
  Count elements;  // of the array as stored
  // Of what one matrix-vector product touches of it (--array-scope operand);
  // the same as `elements` outside contractions.
  Count operand_elements;
  Count reads;
  Count writes;
};

// How the constant operand of a contraction is stored and multiplied (cost
// model, section 6, after Wiedemann, Mueller and Samek).
enum class StorageFormat : uint8_t {
  kDense,
  kCsr,
  kCer,
  kCser,
  kBitmap,
  kNm,
};
inline constexpr int kStorageFormatCount = 6;
// "dense", "csr", "cer", "cser", "bitmap", "nm".
absl::string_view Name(StorageFormat format);

// The constant operand of a contraction as a matrix of one row for each output
// feature, and how often it multiplies a vector (cost model, section 6). Stored
// it is `blocks` times [rows, columns] or, transposed, `blocks` times [columns,
// rows], without gaps.
struct WeightMatrix {
  int16_t operand = 1;  // that is constant
  int16_t vector_operand =
      0;  // that it multiplies; -1: a scratch array, called
  absl::string_view vector_scratch{};
  Count blocks = 1;
  Count rows{};     // of a block
  Count columns{};  // of a block: the products of one output
  Count vectors{};  // that each block multiplies in one run: P
  bool is_transposed = false;
  // The blocks are the groups of one matrix, whose rows they share out; else
  // each is a matrix of its own.
  bool is_one_matrix = false;
};

// The work of one run of a layer. Rules fill it by the functions below.
struct OpCounts {
  absl::InlinedVector<Arith, 2> arith;
  absl::InlinedVector<Access, 4> accesses;
  Count macs;  // multiply-accumulates of contractions
  // Rule R5: nothing moves; `arith` and `accesses` are empty.
  bool is_view = false;
  // A Cast: nothing moves either if operand 0 and output 0 turn out to have the
  // same format.
  bool is_view_if_formats_match = false;
  // The constant operands of a contraction, for other storage formats than
  // dense; a rule that leaves them out allows dense alone.
  std::vector<WeightMatrix> matrices;
  // Why the counts are an upper bound: "antialias takes fewer taps at the
  // border". Empty where they are exact.
  std::string bound_reason;

  // OUT_OF_RANGE if a count doesn't fit 63 bits, naming the node.
  absl::Status Validate(const NodeView& node) const;
};

// A layer that moves and computes nothing (rule R5).
OpCounts View();

// Adds `count` operations; none if `count` is zero.
void AddArith(OpCounts& counts, ArithOp op, OperandSet operands,
              const Count& count, ArithRole role = ArithRole::kPlain);
// Adds the products and sums of a contraction between operands `a` and `b`, and
// counts them as MACs.
void AddMacs(OpCounts& counts, int a, int b, const Count& macs);

// Adds `uses` reads of operand `i`, if it is present: an element read twice is
// two uses. A constant operand of one element is read once (R2). The role is
// kWeight for a constant of more than one element, else kInput.
// Returns the access, to be refined, or nullptr if nothing was added.
Access* ReadInput(OpCounts& counts, const TypedNodeView& node, int i,
                  const Count& uses);
// The same with a role of the rule's choice: kBias, kIndex, or kWeight for the
// constant operand of a contraction or of Gather (then `takes_weight_bits` is
// set; an operand that isn't constant becomes kInput).
Access* ReadInputAs(OpCounts& counts, const TypedNodeView& node, int i,
                    const Count& uses, Role role);
// Says that the contraction multiplies by `matrix`, if that operand is
// constant.
void AddWeightMatrix(OpCounts& counts, const TypedNodeView& node,
                     const WeightMatrix& matrix);
// Adds `count` writes of output `o`, unless nothing uses that output (R1).
Access* WriteOutput(OpCounts& counts, const TypedNodeView& node, int o,
                    const Count& count);
// Adds `uses` reads of what the layer itself wrote to output `o` (R4).
void RereadOutput(OpCounts& counts, const TypedNodeView& node, int o,
                  const Count& uses);
// Adds a scratch array of `elements` in the format of `format`.
void UseScratch(OpCounts& counts, absl::string_view name, OperandSet format,
                const Count& elements, const Count& reads, const Count& writes);

}  // namespace opcost

#endif  // OPCOST_OPS_OP_COUNTS_H_
