// SPDX-License-Identifier: Apache-2.0
// The steps of ONNX Runtime's attention operators around scaled dot-product
// attention: what is done to queries, keys and values before it, and the caches
// of keys and values.
#ifndef OPCOST_SRC_OPS_ATTENTION_WORK_H_
#define OPCOST_SRC_OPS_ATTENTION_WORK_H_

#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_counts.h"
#include "src/ops/attention_core.h"

namespace opcost {

// The keys (and values, as many) that the queries of a run see.
struct KeySequence {
  Extent past;     // those that an earlier run left in the cache
  Extent fresh;    // those of this run
  Extent present;  // extent of the cache's sequence axis afterwards
  // Past and present are one array: this run writes the fresh ones alone.
  bool shares_buffer = false;
  // Why `past` is an upper bound; empty where it is exact.
  absl::string_view bound;

  Extent total() const { return past + fresh; }
};

// The number that operand `i` holds, which may depend on dimensions; nullopt if
// the node lacks it or it isn't known. Errors: it isn't one integer, or is
// negative; `what` names it.
absl::StatusOr<std::optional<Extent>> KnownLength(const NodeView& node, int i,
                                                  absl::string_view what);

// Keys of a cache that grows: `past` and `fresh` are copied to the present.
KeySequence GrowingCache(const Extent& past, const Extent& fresh);

// Keys of a cache with room for `room`, of which `past` are filled already; all
// that `fresh` leaves if that is known at run time only. Error: they don't fit.
absl::StatusOr<KeySequence> BufferedCache(const NodeView& node,
                                          const Extent& room,
                                          const Extent& fresh,
                                          const std::optional<Extent>& past);

// True if operand `i`, where the node has it, masks each score: it has more
// than one axis. One axis gives lengths, which are bounds of loops (R8).
bool MasksScores(const NodeView& node, int i);

// Where queries, keys or values lie: in an operand, or in scratch that the
// operator filled.
struct AttentionArray {
  bool is_scratch = false;
  int index = -1;  // of the operand or the scratch array
  Count elements;  // that take part: queries, or fresh keys or values
};

// Collects the counts of one node, array by array, so that an operand that is
// read in several steps is one access.
class AttentionWork {
 public:
  AttentionWork(OpCounts* counts, const TypedNodeView& node, OperandSet format)
      : counts_(counts), node_(node), format_(format) {}

  static AttentionArray Operand(int i, const Count& elements) {
    return {false, i, elements};
  }
  // A scratch array of `elements`, not written yet. `name` is a literal.
  AttentionArray AddScratch(absl::string_view name, const Count& elements);

  // `scope`: what one matrix-vector product touches of the array.
  void Read(const AttentionArray& array, const Count& uses,
            const Extent& scope = Extent(0));
  void ReadOperand(int i, const Count& uses, Role role = Role::kInput);
  void Write(const AttentionArray& scratch, const Count& count);

  // Each element plus one of operand `bias`; the sums go to scratch `name`.
  AttentionArray AddBias(const AttentionArray& from, int bias,
                         absl::string_view name);
  // Each of the `heads` rows over the root of its mean of squares, times
  // operand `weight`; two passes.
  AttentionArray NormalizeHeads(const AttentionArray& from, const Count& heads,
                                int weight, absl::string_view name);
  // Rotary position embedding of `rotated` of the elements, by the operands
  // `cos` and `cos` + 1; -1 where the operator holds the tables itself. The
  // other elements are copied where the array isn't scratch yet.
  AttentionArray Rotate(const AttentionArray& from, const Count& rotated,
                        int cos, absl::string_view name);

  // The products and the softmax; past keys and values lie in the operands
  // `past_key` and `past_value`.
  struct Attended {
    AttentionExtents extents;
    KeySequence keys;
    AttentionArray query, key, value;
    int past_key = -1;
    int past_value = -1;
    AttentionFormats formats;
    AttentionScores scores;
  };
  void Attend(const Attended& a);

  // The part of a cache that output `present` takes, if it is used: `fresh`,
  // and `past` elements of operand `past_operand` where the cache grows. Adds
  // to `moved`.
  void Append(const AttentionArray& fresh, int past_operand, const Count& past,
              int present, bool shares_buffer);

  // Adds what was collected to the counts, and names `moved` and `prepared` in
  // the legend: elements copied to caches, and reads of the steps before the
  // products.
  void Finish();

 private:
  struct Uses {
    int index = 0;
    Role role = Role::kInput;
    Count reads;
    Extent scope;
  };
  struct Scratch {
    absl::string_view name;
    Count elements;
    Count reads;
    Count writes;
    Extent scope;
  };
  struct Written {
    int output = 0;
    Count writes;
  };
  // The scratch array that a step writes: that of `from`, or a new one.
  AttentionArray Target(const AttentionArray& from, absl::string_view name);

  OpCounts* counts_;
  const TypedNodeView& node_;
  OperandSet format_;
  absl::InlinedVector<Uses, 8> operands_;
  absl::InlinedVector<Scratch, 3> scratch_;
  absl::InlinedVector<Written, 2> outputs_;
  Count moved_;
  Count prepared_reads_;
  Count prepared_writes_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_ATTENTION_WORK_H_
