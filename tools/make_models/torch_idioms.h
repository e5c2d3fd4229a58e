// SPDX-License-Identifier: Apache-2.0
// What torch's exporter writes for the calls that models are made of, opset 17.
#ifndef OPCOST_TOOLS_MAKE_MODELS_TORCH_IDIOMS_H_
#define OPCOST_TOOLS_MAKE_MODELS_TORCH_IDIOMS_H_

#include <cstdint>
#include <string>

#include "tools/make_models/graph_builder.h"

namespace opcost::model_zoo {

// x.size(axis), a scalar.
Name SizeOf(GraphBuilder* g, const Name& x, int64_t axis);
// The vector of these sizes, each a scalar value or, in quotes of the caller's
// Integers(), a vector of one.
struct SizeTerm {
  SizeTerm(int64_t constant) : number(constant) {}    // NOLINT
  SizeTerm(Name value) : scalar(std::move(value)) {}  // NOLINT
  int64_t number = 0;
  Name scalar;  // empty: a number
};
Name SizesOf(GraphBuilder* g, const std::vector<SizeTerm>& terms);
// x.view(terms)
Name View(GraphBuilder* g, const Name& x, const std::vector<SizeTerm>& terms);
// x.expand(terms), where -1 keeps an extent.
Name ExpandTo(GraphBuilder* g, const Name& x,
              const std::vector<SizeTerm>& terms);
// x[..., begin:end] along `axis`; begin and end are vectors of one element.
Name SliceOf(GraphBuilder* g, const Name& x, int64_t axis, const Name& begin,
             const Name& end);
Name Unsqueeze(GraphBuilder* g, const Name& x, int64_t axis);
Name Transpose(GraphBuilder* g, const Name& x, const Sizes& order);
// x @ weight + bias, for weight "<name>.weight", stored as it multiplies.
Name Linear(GraphBuilder* g, const Name& x, const std::string& name,
            int64_t inputs, int64_t outputs, bool has_bias = true);
// The operator, with "<name>.weight" and "<name>.bias".
Name LayerNorm(GraphBuilder* g, const Name& x, const std::string& name,
               int64_t width, float epsilon);
// 0.5 * x * (1 + erf(x / sqrt(2)))
Name GeluErf(GraphBuilder* g, const Name& x);

// The mask that lets no position see a later one: 0 or the least float,
// `length` x (past + length); both are scalars.
Name CausalMask(GraphBuilder* g, const Name& length, const Name& past);
// A mask of B x keys of 1 (there) and 0 (not) as B x 1 x length x keys of 0 and
// the least float.
Name PaddingMask(GraphBuilder* g, const Name& mask, const Name& length);

}  // namespace opcost::model_zoo

#endif  // OPCOST_TOOLS_MAKE_MODELS_TORCH_IDIOMS_H_
