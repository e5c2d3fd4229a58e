// SPDX-License-Identifier: Apache-2.0
// How often each code occurs.
#ifndef OPCOST_SRC_WEIGHTS_HISTOGRAM_H_
#define OPCOST_SRC_WEIGHTS_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "opcost/ir/data_type.h"
#include "opcost/weights/statistics.h"
#include "src/weights/codes.h"

namespace opcost {

// A code that occurs, in its canonical form.
struct CodeCount {
  uint64_t code = 0;
  int64_t count = 0;
};

// What is known of a tensor's codes beyond how often each occurs.
struct CodeRange {
  // In the order of OrderOfCode(), NaNs left out; lowest > highest: none.
  uint64_t lowest = ~uint64_t{0};
  uint64_t highest = 0;
  int64_t nans = 0;

  void Include(const CodeRange& other) {
    lowest = std::min(lowest, other.lowest);
    highest = std::max(highest, other.highest);
    nans += other.nans;
  }
};

// Of codes of at most 16 bits: a counter each.
template <typename T>
class TableHistogram {
 public:
  explicit TableHistogram(DataType type)
      : type_(type),
        is_paired_(WidthBits(type) < 8),
        recent_(kTables * kCells, 0),
        totals_(kCells, 0) {}

  void Add(const T* codes, int64_t count) {
    if (pending_ + count > kMostPending) Flush();
    pending_ += count;
    if constexpr (sizeof(T) == 1) {
      if (is_paired_) {
        // A pair is counted at once; see Flush().
        pairs_.resize(static_cast<size_t>(count / 2));
        PairCodes(codes, count / 2, pairs_.data());
        Tally(pairs_.data(), count / 2);
        if (count % 2 != 0) ++totals_[codes[count - 1]];
        return;
      }
    }
    Tally(codes, count);
  }

  void Merge(TableHistogram& other) {
    other.Flush();
    for (size_t i = 0; i < kCells; ++i) totals_[i] += other.totals_[i];
  }

  // Canonical codes, in rising order of their patterns.
  std::vector<CodeCount> Counts(CodeRange* range);

  bool is_complete() const { return true; }

 private:
  static constexpr size_t kCells = size_t{1} << (8 * sizeof(T));
  static constexpr size_t kTables = sizeof(T) == 1 ? 4 : 2;
  static constexpr int64_t kLanes = 4;
  static constexpr int64_t kMostPending = int64_t{1} << 31;

  void Tally(const T* codes, int64_t count) {
    uint32_t* tables[kTables];
    for (size_t t = 0; t < kTables; ++t) tables[t] = &recent_[t * kCells];
    int64_t i = 0;
    // Runs of one code would wait for their own counter.
    for (; i + kLanes <= count; i += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        ++tables[static_cast<size_t>(lane) % kTables][codes[i + lane]];
      }
    }
    for (; i < count; ++i) ++tables[0][codes[i]];
  }
  void Flush();

  DataType type_;
  bool is_paired_;  // codes of at most 4 bits
  std::vector<T> pairs_;
  std::vector<uint32_t> recent_;
  std::vector<int64_t> totals_;
  int64_t pending_ = 0;
};

// Of codes of 32 and 64 bits: up to kMostDistinctValues of them, then their
// range alone.
template <typename T>
class HashHistogram {
 public:
  explicit HashHistogram(DataType type);

  void Add(const T* codes, int64_t count);
  void Merge(HashHistogram& other);
  std::vector<CodeCount> Counts(CodeRange* range);

  // False if there are more codes than are counted.
  bool is_complete() const { return is_complete_; }

 private:
  struct Slot {
    T code = 0;
    int64_t count = 0;  // 0: free
  };
  // A rule of thumb: half full at most.
  static constexpr size_t kSlots = size_t{2} * kMostDistinctValues;

  void AddOne(T code, int64_t count);
  void ExtendRange(const T* codes, int64_t count);

  DataType type_;
  bool is_complete_ = true;
  size_t used_ = 0;
  std::vector<Slot> slots_;  // empty until the first code
  // Of order keys (see histogram.cc), NaNs left out.
  T lowest_ = static_cast<T>(~T{0});
  T highest_ = 0;
  int64_t nans_ = 0;
};

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_HISTOGRAM_H_
