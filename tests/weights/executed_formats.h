// SPDX-License-Identifier: Apache-2.0
// Storage formats built from matrices as Wiedemann, Mueller and Samek describe
// them (arXiv 1805.10692, sections III and IV), and their products executed
// with counting numbers: what the formulae of storage.h are held against.
#ifndef OPCOST_TESTS_WEIGHTS_EXECUTED_FORMATS_H_
#define OPCOST_TESTS_WEIGHTS_EXECUTED_FORMATS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "opcost/weights/storage.h"
#include "tests/support/counting.h"
#include "tests/weights/naive_statistics.h"

namespace opcost {

// A matrix, or several, and what multiplies them.
struct Case {
  MatrixLayout layout;
  Rows rows;  // of all blocks
  int vectors = 1;
  int value_bits = 32;

  size_t matrices() const {
    return layout.is_one_matrix ? 1 : static_cast<size_t>(layout.blocks);
  }
  size_t rows_of_matrix() const { return rows.size() / matrices(); }
  size_t block_of(size_t row) const {
    return row / static_cast<size_t>(layout.rows);
  }
};

// An array as the format keeps it: its contents, and the width of an element.
struct Kept {
  std::vector<double> contents;
  int width_bits = 0;
};

// A format's arrays under the names of StoredArray::part, the values' empty.
using Arrays = std::map<std::string, Kept>;

// The arrays of one format in memory, the vectors and the results.
class Machine {
 public:
  Machine(const Case& c, const Arrays& arrays, const std::vector<double>& x)
      : y_(tally_, "y", {static_cast<int64_t>(c.rows.size())}) {
    for (const auto& [part, kept] : arrays) Put(part, kept.contents);
    Put("x", x);
    tally_ = Tally{};
  }
  Array& operator[](const std::string& name) { return *arrays_.at(name); }
  Array& y() { return y_; }
  Tally& tally() { return tally_; }
  Number Zero() { return Number(tally_, 0); }
  // A number that an index array holds: addresses aren't counted.
  size_t Index(const std::string& name, size_t at) {
    return static_cast<size_t>(
        (*arrays_.at(name)).Read(static_cast<int64_t>(at)).value());
  }

 private:
  void Put(const std::string& name, const std::vector<double>& contents) {
    auto array = std::make_unique<Array>(
        tally_, name,
        std::vector<int64_t>{static_cast<int64_t>(contents.size())});
    for (size_t i = 0; i < contents.size(); ++i) {
      array->Write(static_cast<int64_t>(i), Number(tally_, contents[i]));
    }
    arrays_[name] = std::move(array);
  }

  Tally tally_;
  std::map<std::string, std::unique_ptr<Array>> arrays_;
  Array y_;
};

// The element of the vector that column `column` of row `row` multiplies.
inline int64_t Input(const Case& c, size_t row, size_t column) {
  return static_cast<int64_t>(
      c.block_of(row) * static_cast<size_t>(c.layout.columns) + column);
}

// Builds a format's arrays, and multiplies them with one vector of each block.
class ExecutedFormat {
 public:
  virtual ~ExecutedFormat() = default;
  virtual Arrays Build(const Case& c) = 0;
  virtual void Multiply(const Case& c, Machine& machine) = 0;
};

// Dense storage is executed as it stands; DenseSkipping() leaves out zeros.
std::unique_ptr<ExecutedFormat> NewFormat(const Case& c, StorageFormat format);
std::unique_ptr<ExecutedFormat> DenseSkipping();

// The N:M pattern of least storage; N of it is M where there is none.
std::pair<size_t, size_t> PatternOf(const Case& c);

}  // namespace opcost

#endif  // OPCOST_TESTS_WEIGHTS_EXECUTED_FORMATS_H_
