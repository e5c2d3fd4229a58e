// SPDX-License-Identifier: Apache-2.0
#include "src/weights/histogram.h"

#include <type_traits>

#include "src/weights/code_hash.h"
#include "src/weights/codes.h"

namespace opcost {
namespace {

template <typename T>
constexpr T kSign = static_cast<T>(T{1} << (8 * sizeof(T) - 1));

// A pattern of a float whose magnitude is above this is NaN.
template <typename T>
constexpr T kInfinity = sizeof(T) == 4 ? static_cast<T>(0x7f800000U)
                                       : static_cast<T>(0x7ff0000000000000U);

// A key of a code that rises with its number, as unsigned integers do, and the
// code of a key.
template <typename T>
T KeyOfFloat(T code) {
  return (code & kSign<T>) != 0 ? static_cast<T>(~code) : code | kSign<T>;
}

template <typename T>
T CodeOfKey(DataType type, T key) {
  if (IsFloating(type)) {
    return (key & kSign<T>) != 0 ? static_cast<T>(key ^ kSign<T>)
                                 : static_cast<T>(~key);
  }
  const bool is_unsigned =
      type == DataType::kUint32 || type == DataType::kUint64;
  return is_unsigned ? key : static_cast<T>(key ^ kSign<T>);
}

}  // namespace

template <typename T>
void TableHistogram<T>::Flush() {
  for (size_t cell = 0; cell < kCells; ++cell) {
    int64_t count = 0;
    for (size_t t = 0; t < kTables; ++t) count += recent_[t * kCells + cell];
    if (is_paired_) {
      totals_[cell & 0xf] += count;
      totals_[cell >> 4] += count;
    } else {
      totals_[cell] += count;
    }
  }
  std::fill(recent_.begin(), recent_.end(), 0);
  pending_ = 0;
}

template <typename T>
std::vector<CodeCount> TableHistogram<T>::Counts(CodeRange* range) {
  Flush();
  std::vector<int64_t> canonical(kCells, 0);
  for (size_t code = 0; code < kCells; ++code) {
    if (totals_[code] == 0) continue;
    canonical[CanonicalCode(type_, code)] += totals_[code];
    if (IsNanCode(type_, code)) {
      range->nans += totals_[code];
      continue;
    }
    const uint64_t order = OrderOfCode(type_, CanonicalCode(type_, code));
    range->lowest = std::min(range->lowest, order);
    range->highest = std::max(range->highest, order);
  }
  std::vector<CodeCount> counts;
  for (size_t code = 0; code < kCells; ++code) {
    if (canonical[code] != 0) counts.push_back({code, canonical[code]});
  }
  return counts;
}

template <typename T>
HashHistogram<T>::HashHistogram(DataType type) : type_(type) {}

template <typename T>
void HashHistogram<T>::AddOne(T code, int64_t count) {
  size_t at = SlotOfCode(code, kSlots);
  while (slots_[at].count != 0 && slots_[at].code != code) {
    at = (at + 1) & (kSlots - 1);
  }
  if (slots_[at].count == 0) {
    if (used_ == static_cast<size_t>(kMostDistinctValues)) {
      is_complete_ = false;
      slots_.clear();
      slots_.shrink_to_fit();
      return;
    }
    ++used_;
    slots_[at].code = code;
  }
  slots_[at].count += count;
}

template <typename T>
void HashHistogram<T>::ExtendRange(const T* codes, int64_t count) {
  T lowest = lowest_;
  T highest = highest_;
  if (IsFloating(type_)) {
    int64_t nans = 0;
    for (int64_t i = 0; i < count; ++i) {
      const T code = codes[i];
      const bool is_nan = (code & ~kSign<T>) > kInfinity<T>;
      const T key = KeyOfFloat(code == kSign<T> ? T{0} : code);
      nans += is_nan ? 1 : 0;
      lowest = std::min(lowest, is_nan ? static_cast<T>(~T{0}) : key);
      highest = std::max(highest, is_nan ? T{0} : key);
    }
    nans_ += nans;
  } else {
    const bool is_unsigned =
        type_ == DataType::kUint32 || type_ == DataType::kUint64;
    const T flip = is_unsigned ? T{0} : kSign<T>;
    for (int64_t i = 0; i < count; ++i) {
      const T key = codes[i] ^ flip;
      lowest = std::min(lowest, key);
      highest = std::max(highest, key);
    }
  }
  lowest_ = lowest;
  highest_ = highest;
}

template <typename T>
void HashHistogram<T>::Add(const T* codes, int64_t count) {
  ExtendRange(codes, count);
  if (!is_complete_) return;
  if (slots_.empty()) slots_.resize(kSlots);
  const bool is_float = IsFloating(type_);
  constexpr T kNan = static_cast<T>(~kSign<T>);
  for (int64_t i = 0; i < count && is_complete_; ++i) {
    T code = codes[i];
    if (is_float) {
      const T magnitude = code & static_cast<T>(~kSign<T>);
      if (magnitude == 0) code = 0;
      if (magnitude > kInfinity<T>) code = kNan;
    }
    AddOne(code, 1);
  }
}

template <typename T>
void HashHistogram<T>::Merge(HashHistogram& other) {
  lowest_ = std::min(lowest_, other.lowest_);
  highest_ = std::max(highest_, other.highest_);
  nans_ += other.nans_;
  is_complete_ = is_complete_ && other.is_complete_;
  if (is_complete_ && slots_.empty()) slots_.resize(kSlots);
  for (const Slot& slot : other.slots_) {
    if (slot.count != 0 && is_complete_) AddOne(slot.code, slot.count);
  }
  if (!is_complete_) slots_ = {};
  other.slots_ = {};
}

template <typename T>
std::vector<CodeCount> HashHistogram<T>::Counts(CodeRange* range) {
  range->nans = nans_;
  if (lowest_ <= highest_) {
    range->lowest = OrderOfCode(type_, CodeOfKey(type_, lowest_));
    range->highest = OrderOfCode(type_, CodeOfKey(type_, highest_));
  }
  std::vector<CodeCount> counts;
  if (!is_complete_) return counts;
  for (const Slot& slot : slots_) {
    if (slot.count != 0) counts.push_back({slot.code, slot.count});
  }
  slots_ = {};
  return counts;
}

template class TableHistogram<uint8_t>;
template class TableHistogram<uint16_t>;
template class HashHistogram<uint32_t>;
template class HashHistogram<uint64_t>;

}  // namespace opcost
