// SPDX-License-Identifier: Apache-2.0
// Operators with bodies: If, Loop, Scan, SequenceMap. What their bodies do is
// counted as layers of their own, so many times as they run.
#include "opcost/support/status_macros.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

// Types come from the bodies, which a rule doesn't see; asked alone, it can
// tell no more than whether there are bodies at all.
absl::StatusOr<OutputTypes> InferByBody(const NodeView& node) {
  const bool is_if = node.op_type() == "If";
  for (const absl::string_view body :
       {is_if ? "then_branch" : "body", is_if ? "else_branch" : "body"}) {
    const Attribute* attribute = node.node().FindAttribute(body);
    if (attribute == nullptr ||
        !std::holds_alternative<std::shared_ptr<const Graph>>(
            attribute->content)) {
      return node.Invalid("attribute '", body, "' is missing, or no graph");
    }
  }
  return node.Unknown("its outputs are what its bodies return");
}

absl::StatusOr<OpCounts> CountNothing(const TypedNodeView&) { return View(); }

constexpr Formula kNothing = {"0", "0", "0", "", "", "R8"};

constexpr OpDef kOps[] = {
    {.name = "If",
     .infer = InferByBody,
     .count = CountNothing,
     .formula = kNothing,
     .description = "one of two bodies; the layers of the one with more MACs, "
                    "then more operations, then of the first are counted",
     .bound =
         "the other branch may run; exact where the condition is constant"},
    {.name = "Loop",
     .infer = InferByBody,
     .count = CountNothing,
     .formula = kNothing,
     .description =
         "its body's layers, counted as often as it runs: a constant "
         "trip count, or --trip-count",
     .bound = "the condition may end it earlier; exact where it can't"},
    {.name = "Scan",
     .since = 8,
     .infer = InferByBody,
     .count = CountNothing,
     .formula = kNothing,
     .description = "its body's layers, counted once for each slice of the "
                    "sequence; a slice is an array of its own"},
    {.name = "SequenceMap",
     .since = 17,
     .infer = InferByBody,
     .count = CountNothing,
     .formula = kNothing,
     .description = "its body's layers, counted once for each element of the "
                    "sequence"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ControlFlowOps() { return kOps; }

}  // namespace opcost
