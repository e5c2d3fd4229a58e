// SPDX-License-Identifier: Apache-2.0
// One type for what may have either of two.
#ifndef OPCOST_SRC_ANALYSIS_TYPE_MERGE_H_
#define OPCOST_SRC_ANALYSIS_TYPE_MERGE_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "opcost/ir/types.h"
#include "opcost/support/extent.h"

namespace opcost {

// Bounds of data-dependent extents, by their symbols (Analysis::data_extents).
using ExtentBounds = std::map<std::string, Extent>;

bool SameType(const ValueType& a, const ValueType& b);

// The type of a value called `name` that is an `a` or a `b`. An extent that
// differs becomes the symbol "<name>#<axis>": at most the larger of the two,
// which is noted in `bounds`, or, if it is `unbounded`, anything. What differs
// otherwise (kind, element type, rank, elements of sequences) isn't known.
ValueType MergeTypes(const ValueType& a, const ValueType& b,
                     absl::string_view name, ExtentBounds* bounds,
                     bool unbounded = false);

// `extent` with the data-dependent extents of `bounds` at their numbers.
Extent AtMost(const Extent& extent, const ExtentBounds& bounds);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_TYPE_MERGE_H_
