// SPDX-License-Identifier: Apache-2.0
// Numbers that count what is done with them: the reference of counting rules.
//
// A reference executes an operator's plain loops, written from the ONNX
// specification and from the cost model's rules, apart from the rule it checks:
//
//   Tally tally;
//   Array x(tally, "i0", {1, 3}), y(tally, "o0", {1, 3});
//   for (int64_t i = 0; i < y.size(); ++i)
//     y.Write(i, Max(x.Read(i), Number(tally, 0)));
//   EXPECT_EQ(tally, TallyOf(*node.Count()));
#ifndef OPCOST_TESTS_SUPPORT_COUNTING_H_
#define OPCOST_TESTS_SUPPORT_COUNTING_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "opcost/ops/op_counts.h"

namespace opcost {

// Operations by name ("mul", "add", "exp") and accesses by array ("i0", "o0",
// "scratch name"). Zero entries aren't kept.
struct Tally {
  std::map<std::string, int64_t> operations;
  std::map<std::string, int64_t> reads;
  std::map<std::string, int64_t> writes;
  int64_t macs = 0;  // not compared unless the reference sets it

  friend bool operator==(const Tally& a, const Tally& b) {
    return a.operations == b.operations && a.reads == b.reads &&
           a.writes == b.writes;
  }
  friend std::ostream& operator<<(std::ostream& out, const Tally& tally);
};

// The same of a rule's counts: operands as "i<index>", outputs as "o<index>",
// scratch by its name. Counts must be concrete.
Tally TallyOf(const OpCounts& counts);

// A number in a register. Its arithmetic is counted in its tally.
class Number {
 public:
  Number(Tally& tally, double value) : tally_(&tally), value_(value) {}
  double value() const { return value_; }

  friend Number operator*(const Number& a, const Number& b) {
    return a.Counted("mul", a.value_ * b.value_);
  }
  friend Number operator+(const Number& a, const Number& b) {
    return a.Counted("add", a.value_ + b.value_);
  }
  friend Number operator-(const Number& a, const Number& b) {
    return a.Counted("add", a.value_ - b.value_);
  }
  friend Number operator-(const Number& a) {
    return a.Counted("add", -a.value_);
  }
  friend Number operator/(const Number& a, const Number& b) {
    return a.Counted("div", a.value_ / b.value_);
  }
  // Comparisons, minimum, maximum and rounding are adds.
  friend Number Max(const Number& a, const Number& b) {
    return a.Counted("add", a.value_ > b.value_ ? a.value_ : b.value_);
  }
  friend Number Min(const Number& a, const Number& b) {
    return a.Counted("add", a.value_ < b.value_ ? a.value_ : b.value_);
  }
  friend Number Less(const Number& a, const Number& b) {
    return a.Counted("add", a.value_ < b.value_ ? 1 : 0);
  }
  // One evaluation of a function of the cost table ("exp", "sqrt", "pow").
  Number Apply(const char* function, double result) const {
    return Counted(function, result);
  }

 private:
  Number Counted(const char* operation, double result) const {
    ++tally_->operations[operation];
    return Number(*tally_, result);
  }

  Tally* tally_;
  double value_;
};

// An array in memory. Reading and writing its elements is counted.
class Array {
 public:
  Array(Tally& tally, std::string name, std::vector<int64_t> dims);

  int64_t size() const { return static_cast<int64_t>(elements_.size()); }
  const std::vector<int64_t>& dims() const { return dims_; }
  // The row-major offset of `index`; CHECKs nothing.
  int64_t Offset(const std::vector<int64_t>& index) const;
  Number Read(int64_t offset) {
    ++tally_->reads[name_];
    return Number(*tally_, elements_[static_cast<size_t>(offset)]);
  }
  Number Read(const std::vector<int64_t>& index) { return Read(Offset(index)); }
  void Write(int64_t offset, const Number& value) {
    ++tally_->writes[name_];
    elements_[static_cast<size_t>(offset)] = value.value();
  }
  void Write(const std::vector<int64_t>& index, const Number& value) {
    Write(Offset(index), value);
  }

 private:
  Tally* tally_;
  std::string name_;
  std::vector<int64_t> dims_;
  std::vector<double> elements_;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_COUNTING_H_
