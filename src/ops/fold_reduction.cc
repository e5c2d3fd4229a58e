// SPDX-License-Identifier: Apache-2.0
#include "src/ops/fold_reduction.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace opcost {
namespace {

bool Fits(DataType type, const SymValue& value) {
  if (value.overflowed()) return false;
  if (type == DataType::kInt64) return true;
  if (type != DataType::kInt32) return false;
  return !value.is_concrete() ||
         (value.value() >= std::numeric_limits<int32_t>::min() &&
          value.value() <= std::numeric_limits<int32_t>::max());
}

double Rounded(DataType type, double value) {
  return type == DataType::kFloat32
             ? static_cast<double>(static_cast<float>(value))
             : value;
}

SymValue Extreme(Reduction reduction, const SymValue& a, const SymValue& b) {
  return reduction == Reduction::kMin ? SymValue::Min(a, b)
                                      : SymValue::Max(a, b);
}
double Extreme(Reduction reduction, double a, double b) {
  return reduction == Reduction::kMin ? std::min(a, b) : std::max(a, b);
}
SymValue Quotient(const SymValue& a, int64_t b) {
  return SymValue::TruncDiv(a, b);
}
double Quotient(double a, int64_t b) { return a / static_cast<double>(b); }

SymValue Magnitude(const SymValue& a) {
  return SymValue::Max(a, SymValue(0) - a);
}
double Magnitude(double a) { return std::fabs(a); }
// What reductions end with; integers have no roots and logarithms.
std::optional<SymValue> Finished(Reduction, const SymValue&) {
  return std::nullopt;
}
std::optional<double> Finished(Reduction reduction, double sum) {
  return reduction == Reduction::kL2 ? std::sqrt(sum) : std::log(sum);
}
SymValue Exponential(const SymValue&) { return SymValue::Overflow(); }
double Exponential(double a) { return std::exp(a); }

// The term of a sum that `element` is; nullopt for reductions that aren't sums.
template <typename Number>
std::optional<Number> TermOf(Reduction reduction, const Number& element) {
  switch (reduction) {
    case Reduction::kSum:
    case Reduction::kLogSum:
      return element;
    case Reduction::kL1:
      return Magnitude(element);
    case Reduction::kL2:
    case Reduction::kSumSquare:
      return Number(element * element);
    case Reduction::kLogSumExp:
      return Exponential(element);
    default:
      return std::nullopt;
  }
}

// The reduction of one output's elements; nullopt for the extreme or mean of
// none.
template <typename Number>
std::optional<Number> ReduceOne(Reduction reduction,
                                const std::vector<Number>& elements) {
  if (reduction == Reduction::kProd) {
    Number product(1);
    for (const Number& element : elements) product = Number(product * element);
    return product;
  }
  if (TermOf(reduction, Number(0)).has_value()) {
    Number sum(0);
    for (const Number& element : elements) {
      sum = Number(sum + *TermOf(reduction, element));
    }
    const bool is_sum = reduction == Reduction::kSum ||
                        reduction == Reduction::kL1 ||
                        reduction == Reduction::kSumSquare;
    return is_sum ? std::optional<Number>(sum) : Finished(reduction, sum);
  }
  if (elements.empty()) return std::nullopt;
  if (reduction == Reduction::kMean) {
    const std::optional<Number> sum = ReduceOne(Reduction::kSum, elements);
    return Quotient(*sum, static_cast<int64_t>(elements.size()));
  }
  Number result = elements[0];
  for (const Number& element : elements) {
    result = Extreme(reduction, result, element);
  }
  return result;
}

// The offset in the output of each element of the input, in its order.
std::vector<int64_t> OutputOffsets(const IntDims& in,
                                   const std::vector<bool>& reduced,
                                   int64_t size) {
  IntDims kept = in;
  for (size_t a = 0; a < in.size(); ++a) {
    if (reduced[a]) kept[a] = 1;
  }
  const IntDims in_steps = Strides(in);
  const IntDims out_steps = Strides(kept);
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < size; ++i) {
    int64_t offset = 0;
    for (size_t a = 0; a < in.size(); ++a) {
      if (!reduced[a]) offset += i / in_steps[a] % in[a] * out_steps[a];
    }
    offsets.push_back(offset);
  }
  return offsets;
}

template <typename Number, typename Element>
std::optional<std::vector<Number>> ReduceAll(Reduction reduction,
                                             const TensorValue& data,
                                             const std::vector<bool>& reduced,
                                             int64_t outputs, Element element) {
  const std::vector<int64_t> offsets =
      OutputOffsets(data.dims(), reduced, data.size());
  std::vector<std::vector<Number>> sets(static_cast<size_t>(outputs));
  for (size_t i = 0; i < offsets.size(); ++i) {
    sets[static_cast<size_t>(offsets[i])].push_back(
        element(static_cast<int64_t>(i)));
  }
  std::vector<Number> results;
  for (const std::vector<Number>& set : sets) {
    std::optional<Number> result = ReduceOne(reduction, set);
    if (!result.has_value()) return std::nullopt;
    results.push_back(*std::move(result));
  }
  return results;
}

// A uniform tensor of any size: its extremes and mean are its element, its sum
// that element times their number.
KnownValue ReducedUniform(Reduction reduction, const TensorValue& data,
                          const IntDims& dims, int64_t outputs) {
  const bool is_simple =
      reduction == Reduction::kSum || reduction == Reduction::kMin ||
      reduction == Reduction::kMax || reduction == Reduction::kMean;
  if (data.size() == 0 || outputs == 0 || !is_simple) return nullptr;
  const int64_t terms =
      reduction == Reduction::kSum ? data.size() / outputs : 1;
  if (data.holds_integers()) {
    const SymValue all = data.Int(0) * terms;
    if (!Fits(data.type(), all)) return nullptr;
    return std::make_shared<const TensorValue>(
        TensorValue::UniformInteger(data.type(), dims, all));
  }
  const double all = data.Float(0) * static_cast<double>(terms);
  return std::make_shared<const TensorValue>(
      TensorValue::UniformFloat(data.type(), dims, Rounded(data.type(), all)));
}

}  // namespace

KnownValue Reduced(Reduction reduction, const TensorValue& data,
                   const std::vector<bool>& reduced, const IntDims& dims) {
  const Extent volume = Volume(Dims(dims.begin(), dims.end()));
  if (reduction == Reduction::kNone || !volume.is_concrete()) return nullptr;
  const int64_t outputs = volume.value();
  if (data.is_uniform() && data.size() > kMaxKnownElements) {
    return ReducedUniform(reduction, data, dims, outputs);
  }
  if (data.size() > kMaxKnownElements || outputs > kMaxKnownElements) {
    return nullptr;
  }
  const DataType type = data.type();
  if (data.holds_integers()) {
    auto results =
        ReduceAll<SymValue>(reduction, data, reduced, outputs,
                            [&data](int64_t i) { return data.Int(i); });
    if (!results.has_value()) return nullptr;
    for (const SymValue& result : *results) {
      if (!Fits(type, result)) return nullptr;
    }
    return std::make_shared<const TensorValue>(
        TensorValue::Integers(type, dims, *std::move(results)));
  }
  auto results =
      ReduceAll<double>(reduction, data, reduced, outputs,
                        [&data](int64_t i) { return data.Float(i); });
  if (!results.has_value()) return nullptr;
  for (double& result : *results) {
    result = Rounded(type, result);
    if (!std::isfinite(result)) return nullptr;
  }
  return std::make_shared<const TensorValue>(
      TensorValue::Floats(type, dims, *std::move(results)));
}

}  // namespace opcost
