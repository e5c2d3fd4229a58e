// SPDX-License-Identifier: Apache-2.0
#include "tools/make_models/torch_idioms.h"

#include <limits>

namespace opcost::model_zoo {
namespace {

// Casts in exported graphs name the types by number.
Name CastTo(GraphBuilder* g, const Name& x, onnx::TensorProto::DataType type) {
  return g->Add("Cast", {x}, {Int("to", type)});
}

constexpr float kLeast = std::numeric_limits<float>::lowest();

}  // namespace

Name SizeOf(GraphBuilder* g, const Name& x, int64_t axis) {
  const Name shape = g->Add("Shape", {x});
  return g->Add("Gather", {shape, g->Integer(axis)}, {Int("axis", 0)});
}

Name SizesOf(GraphBuilder* g, const std::vector<SizeTerm>& terms) {
  Names parts;
  for (const SizeTerm& term : terms) {
    parts.push_back(term.scalar.empty() ? g->Integers({term.number})
                                        : Unsqueeze(g, term.scalar, 0));
  }
  return g->Add("Concat", parts, {Int("axis", 0)});
}

Name View(GraphBuilder* g, const Name& x, const std::vector<SizeTerm>& terms) {
  return g->Add("Reshape", {x, SizesOf(g, terms)});
}

Name ExpandTo(GraphBuilder* g, const Name& x,
              const std::vector<SizeTerm>& terms) {
  const Name sizes = g->Add("Reshape", {SizesOf(g, terms), g->Integers({-1})});
  // An extent of -1 is kept: 1 in its place, which broadcasts.
  onnx::AttributeProto one;
  one.set_name("value");
  one.set_type(onnx::AttributeProto::TENSOR);
  one.mutable_t()->set_data_type(onnx::TensorProto::INT64);
  one.mutable_t()->add_dims(1);
  one.mutable_t()->add_int64_data(1);
  const Name ones =
      g->Add("ConstantOfShape", {g->Add("Shape", {sizes})}, {one});
  const Name kept =
      g->Add("Equal", {sizes, g->Add("Mul", {ones, g->Integer(-1)})});
  return g->Add("Expand", {x, g->Add("Where", {kept, ones, sizes})});
}

Name SliceOf(GraphBuilder* g, const Name& x, int64_t axis, const Name& begin,
             const Name& end) {
  return g->Add("Slice",
                {x, begin, end, g->Integers({axis}), g->Integers({1})});
}

Name Unsqueeze(GraphBuilder* g, const Name& x, int64_t axis) {
  return g->Add("Unsqueeze", {x, g->Integers({axis})});
}

Name Transpose(GraphBuilder* g, const Name& x, const Sizes& order) {
  return g->Add("Transpose", {x}, {Ints("perm", order)});
}

Name Linear(GraphBuilder* g, const Name& x, const std::string& name,
            int64_t inputs, int64_t outputs, bool has_bias) {
  const Name weight =
      g->Learnt(name + ".weight", {inputs, outputs}, Fill::kHe, inputs);
  const Name product = g->Add("MatMul", {x, weight});
  if (!has_bias) return product;
  return g->Add(
      "Add",
      {g->Learnt(name + ".bias", {outputs}, Fill::kBias, inputs), product});
}

Name LayerNorm(GraphBuilder* g, const Name& x, const std::string& name,
               int64_t width, float epsilon) {
  return g->Add("LayerNormalization",
                {x, g->Learnt(name + ".weight", {width}, Fill::kOne),
                 g->Learnt(name + ".bias", {width}, Fill::kZero)},
                {Int("axis", -1), Float("epsilon", epsilon)});
}

Name GeluErf(GraphBuilder* g, const Name& x) {
  constexpr float kSqrt2 = 1.41421356237F;
  const Name erf = g->Add("Erf", {g->Add("Div", {x, g->Real(kSqrt2)})});
  const Name sum = g->Add("Add", {erf, g->Real(1)});
  return g->Add("Mul", {g->Add("Mul", {x, sum}), g->Real(0.5F)});
}

Name CausalMask(GraphBuilder* g, const Name& length, const Name& past) {
  onnx::AttributeProto least;
  least.set_name("value");
  least.set_type(onnx::AttributeProto::TENSOR);
  least.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  least.mutable_t()->add_dims(1);
  least.mutable_t()->add_float_data(kLeast);
  const Name full =
      g->Add("ConstantOfShape", {SizesOf(g, {length, length})}, {least});
  const Name steps = g->Add("Range", {g->Integer(0), length, g->Integer(1)});
  const Name rows = View(g, g->Add("Add", {steps, g->Integer(1)}), {length, 1});
  const Name seen = g->Add("Less", {steps, rows});
  const Name among_new = g->Add("Where", {seen, g->Real(0), full});
  const Name to_past = g->Add("ConstantOfShape", {SizesOf(g, {length, past})});
  return g->Add("Concat", {to_past, among_new}, {Int("axis", -1)});
}

Name PaddingMask(GraphBuilder* g, const Name& mask, const Name& length) {
  const Name batch = SizeOf(g, mask, 0);
  const Name keys = SizeOf(g, mask, 1);
  const Name spread = ExpandTo(g, Unsqueeze(g, Unsqueeze(g, mask, 1), 2),
                               {batch, 1, length, keys});
  const Name there = CastTo(g, spread, onnx::TensorProto::FLOAT);
  const Name absent = g->Add("Sub", {g->Real(1), there});
  return g->Add("Where", {CastTo(g, absent, onnx::TensorProto::BOOL),
                          g->Real(kLeast), absent});
}

}  // namespace opcost::model_zoo
