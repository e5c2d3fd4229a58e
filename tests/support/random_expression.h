// SPDX-License-Identifier: Apache-2.0
// Random expressions over three names.
#ifndef OPCOST_TESTS_SUPPORT_RANDOM_EXPRESSION_H_
#define OPCOST_TESTS_SUPPORT_RANDOM_EXPRESSION_H_

#include <cstdint>
#include <random>

#include "opcost/support/sym_value.h"

namespace opcost {

// A random expression, and what it comes to by integer arithmetic.
class RandomExpression {
 public:
  explicit RandomExpression(uint64_t seed) : random_(seed) {}

  struct Both {
    SymValue symbolic;
    SymValue number;
  };

  // Sizes above zero: cancelling N in N*M/N takes them so.
  void ChooseSizes() {
    for (const char* name : {"A", "B", "C"}) sizes_[name] = Number(1, 9);
  }
  const Bindings& sizes() const { return sizes_; }

  Both Make(int depth) {
    if (depth == 0 || Number(0, 5) == 0) return Leaf();
    const Both a = Make(depth - 1);
    const Both b = Make(depth - 1);
    switch (Number(0, 9)) {
      case 0:
      case 1:
        return {a.symbolic + b.symbolic, a.number + b.number};
      case 2:
        return {a.symbolic - b.symbolic, a.number - b.number};
      case 3:
      case 4:
        return {a.symbolic * b.symbolic, a.number * b.number};
      case 5:
        return Apply(SymValue::FloorDiv, a, b);
      case 6:
        return Apply(SymValue::CeilDiv, a, b);
      case 7:
        return Apply(SymValue::Mod, a, b);
      case 8:
        return Number(0, 1) == 0 ? Apply(SymValue::Min, a, b)
                                 : Apply(SymValue::Max, a, b);
      default: {
        const Both c = Leaf();
        return {SymValue::Select(c.symbolic, a.symbolic, b.symbolic),
                SymValue::Select(c.number, a.number, b.number)};
      }
    }
  }

 private:
  int64_t Number(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() %
                                      static_cast<uint64_t>(high - low + 1));
  }
  Both Leaf() {
    const char* const names[] = {"A", "B", "C"};
    const int64_t pick = Number(0, 5);
    if (pick < 3) return {SymValue::Symbol(names[pick]), sizes_[names[pick]]};
    const SymValue number = Number(-4, 8);
    return {number, number};
  }
  static Both Apply(SymValue (*function)(const SymValue&, const SymValue&),
                    const Both& a, const Both& b) {
    return {function(a.symbolic, b.symbolic), function(a.number, b.number)};
  }

  std::mt19937_64 random_;
  Bindings sizes_;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_RANDOM_EXPRESSION_H_
