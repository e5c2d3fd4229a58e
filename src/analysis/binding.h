// SPDX-License-Identifier: Apache-2.0
// Numbers for the dimensions of the graph's inputs.
#ifndef OPCOST_SRC_ANALYSIS_BINDING_H_
#define OPCOST_SRC_ANALYSIS_BINDING_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "opcost/analysis/analysis.h"
#include "opcost/support/sym_value.h"

namespace opcost {

// What became of the inputs' dimensions.
struct InputBinding {
  Bindings numbers;  // of symbols
  // Of dimensions that the model calls by an expression of several symbols, by
  // its text, where --dim gives the text a number that doesn't settle them.
  Bindings texts;
  // The user replaced a shape that the model declares, so that the shapes it
  // declares for other values no longer hold.
  bool replaces_declared_shapes = false;

  // The type that the model declares for value `name`, as shape rules want it:
  // names of dimensions are read as expressions where they are (see
  // DimensionCalled()), and what is bound is replaced.
  ValueType Read(const ValueType& declared, absl::string_view name) const;
};

// Sets the types of the graph's inputs in `analysis->values`, bound as
// `options` says, and notes what was assumed. Errors: see Analyze().
absl::StatusOr<InputBinding> BindInputs(const InputOptions& options,
                                        Analysis* analysis);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_BINDING_H_
