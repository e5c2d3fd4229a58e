// SPDX-License-Identifier: Apache-2.0
// Trigonometric and hyperbolic functions and their inverses, element by
// element.
//
// Those that the cost table has no function for compose from those that it has
// (cost model, section 3.4). The arc tangent is that of Cephes' single
// precision (atanf): one division to reduce the range (-1/x, or (x-1)/(x+1)),
// the square, a polynomial of degree 4 in it times x, and two sums; tests of
// range and sign are free.
#include <cmath>
#include <optional>

#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fold_elementwise.h"

namespace opcost {
namespace {

constexpr PerElement kAtan = {.mul = 6, .add = 7, .div = 1};
// atan(x / sqrt(1 - x*x)), and pi/2 minus it.
constexpr PerElement kAsin = {.mul = 7, .add = 8, .div = 2, .sqrt = 1};
constexpr PerElement kAcos = {.mul = 7, .add = 9, .div = 2, .sqrt = 1};
// (e + 1/e) / 2 and (e - 1/e) / 2 with e = exp(x).
constexpr PerElement kCosh = {.mul = 1, .add = 1, .div = 1, .exp = 1};
constexpr PerElement kSinh = kCosh;
// log(x + sqrt(x*x + 1)) and log(x + sqrt(x*x - 1)).
constexpr PerElement kAsinh = {.mul = 1, .add = 2, .sqrt = 1, .log = 1};
constexpr PerElement kAcosh = kAsinh;
// log((1 + x) / (1 - x)) / 2.
constexpr PerElement kAtanh = {.mul = 1, .add = 2, .div = 1, .log = 1};

// Functions of integers have no value.
std::optional<SymValue> NoInt(const SymValue&) { return std::nullopt; }

using Function = double(double);
double Acos(double x) { return std::acos(x); }
double Acosh(double x) { return std::acosh(x); }
double Asin(double x) { return std::asin(x); }
double Asinh(double x) { return std::asinh(x); }
double Atan(double x) { return std::atan(x); }
double Atanh(double x) { return std::atanh(x); }
double Cos(double x) { return std::cos(x); }
double Cosh(double x) { return std::cosh(x); }
double Sin(double x) { return std::sin(x); }
double Sinh(double x) { return std::sinh(x); }
double Tan(double x) { return std::tan(x); }

template <PerElement kEach, Function* kFunction>
constexpr OpDef Row(absl::string_view name, int since, absl::string_view mul,
                    absl::string_view add, absl::string_view description) {
  return {.name = name,
          .since = since,
          .infer = &InferSameAsInput,
          .count = &CountUnary<kEach>,
          .fold = &FoldElements<&Map<NoInt, kFunction>>,
          .formula = {.mul = mul,
                      .add = add,
                      .reads = "input: out",
                      .writes = "output: out",
                      .rules = "R1 R6"},
          .description = description};
}

constexpr OpDef kOps[] = {
    Row<kAcos, Acos>("Acos", 7, "(7 + 2*div + sqrt)*out",
                     "(9 + 2*div + sqrt)*out",
                     "arc cosine: pi/2 - atan(x / sqrt(1 - x*x))"),
    Row<kAcosh, Acosh>("Acosh", 9, "(1 + sqrt + log)*out",
                       "(2 + sqrt + log)*out",
                       "inverse hyperbolic cosine: log(x + sqrt(x*x - 1))"),
    Row<kAsin, Asin>("Asin", 7, "(7 + 2*div + sqrt)*out",
                     "(8 + 2*div + sqrt)*out",
                     "arc sine: atan(x / sqrt(1 - x*x))"),
    Row<kAsinh, Asinh>("Asinh", 9, "(1 + sqrt + log)*out",
                       "(2 + sqrt + log)*out",
                       "inverse hyperbolic sine: log(x + sqrt(x*x + 1))"),
    Row<kAtan, Atan>("Atan", 7, "(6 + div)*out", "(7 + div)*out",
                     "arc tangent, Cephes single precision: one division to "
                     "reduce the range, square, degree-4 polynomial"),
    Row<kAtanh, Atanh>("Atanh", 9, "(1 + div + log)*out", "(2 + div + log)*out",
                       "inverse hyperbolic tangent: log((1 + x) / (1 - x)) / "
                       "2"),
    Row<PerElement{.cos = 1}, Cos>("Cos", 7, "cos*out", "cos*out",
                                   "cosine: one evaluation per element"),
    Row<kCosh, Cosh>("Cosh", 9, "(1 + div + exp)*out", "(1 + div + exp)*out",
                     "hyperbolic cosine: (exp(x) + 1 / exp(x)) / 2"),
    Row<PerElement{.sin = 1}, Sin>("Sin", 7, "sin*out", "sin*out",
                                   "sine: one evaluation per element"),
    Row<kSinh, Sinh>("Sinh", 9, "(1 + div + exp)*out", "(1 + div + exp)*out",
                     "hyperbolic sine: (exp(x) - 1 / exp(x)) / 2"),
    Row<PerElement{.tan = 1}, Tan>("Tan", 7, "tan*out", "tan*out",
                                   "tangent: one evaluation per element"),
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> TrigonometricOps() { return kOps; }

}  // namespace opcost
