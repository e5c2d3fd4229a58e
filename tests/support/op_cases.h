// SPDX-License-Identifier: Apache-2.0
// Tables of cases for tests of operators, random configurations, and loops that
// copy elements.
#ifndef OPCOST_TESTS_SUPPORT_OP_CASES_H_
#define OPCOST_TESTS_SUPPORT_OP_CASES_H_

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "opcost/ir/tensor_value.h"
#include "tests/support/counting.h"
#include "tests/support/one_node.h"

namespace opcost {

using Numbers = std::vector<int64_t>;

// A node, and what is expected of it as text.
struct NodeCase {
  OneNode node;
  std::string expected;
  int output = 0;
};

// The inferred type ("float32 1x4x6x6"), or the error's message.
void ExpectInfers(std::vector<NodeCase> cases);
// The folded value, see FoldText().
void ExpectFolds(std::vector<NodeCase> cases);

// "int64 3: 1 N 3", "float32 2x3: all 0", "unknown" where nothing is folded, or
// the error's message.
std::string FoldText(OneNode& node, int output = 0);

// A known int64 vector that may hold symbols.
TensorValue Symbols(std::vector<SymValue> elements);

// Expects that the node counts what `reference` tallied, and its row's formula
// the same.
void ExpectCounts(OneNode& node, const Tally& reference,
                  const std::string& what);
// Expects that the node is a view, and counts nothing.
void ExpectView(OneNode node);

// Repeatable random numbers.
class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  int64_t Roll(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(engine_);
  }
  bool Coin() { return Roll(0, 1) == 1; }
  Numbers Rolls(int64_t size, int64_t least, int64_t most);
  // 0 to size - 1 in any order.
  Numbers Permutation(int64_t size);

 private:
  std::mt19937 engine_;
};

Dims DimsOf(const Numbers& extents);
int64_t Product(const Numbers& extents);
// Calls `visit` with every index of a tensor, in row-major order.
void ForEachIndex(const Numbers& extents,
                  const std::function<void(const Numbers&)>& visit);
int64_t OffsetIn(const Numbers& extents, const Numbers& index);
std::string TextOf(const Numbers& numbers);

// What a copy costs that fills output 0, one element after the other, with the
// elements of operand 0 at `sources`: nothing if that leaves all in its place.
Tally TallyOfCopy(const Numbers& sources, int64_t operand_size);

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_OP_CASES_H_
