// SPDX-License-Identifier: Apache-2.0
#include "tests/support/counting.h"

#include <functional>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

void Put(std::map<std::string, int64_t>& counts, const std::string& name,
         const Count& count) {
  if (!count.Is(0)) counts[name] += count.value();
}

void Print(std::ostream& out, const char* title,
           const std::map<std::string, int64_t>& counts) {
  out << title << ":";
  for (const auto& [name, count] : counts) out << " " << name << "=" << count;
  out << "; ";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Tally& tally) {
  Print(out, "operations", tally.operations);
  Print(out, "reads", tally.reads);
  Print(out, "writes", tally.writes);
  return out;
}

Tally TallyOf(const OpCounts& counts) {
  Tally tally;
  tally.macs = counts.macs.value();
  for (const Arith& arith : counts.arith) {
    Put(tally.operations, std::string(Name(arith.op)), arith.count);
  }
  for (const Access& access : counts.accesses) {
    std::string name;
    switch (access.side) {
      case Access::Side::kInput:
        name = absl::StrCat("i", access.index);
        break;
      case Access::Side::kOutput:
        name = absl::StrCat("o", access.index);
        break;
      case Access::Side::kScratch:
        name = std::string(access.scratch_name);
        break;
    }
    Put(tally.reads, name, access.reads);
    Put(tally.writes, name, access.writes);
  }
  return tally;
}

Array::Array(Tally& tally, std::string name, std::vector<int64_t> dims)
    : tally_(&tally), name_(std::move(name)), dims_(std::move(dims)) {
  const int64_t size = std::accumulate(dims_.begin(), dims_.end(), int64_t{1},
                                       std::multiplies<>());
  elements_.resize(static_cast<size_t>(size), 1.0);
}

int64_t Array::Offset(const std::vector<int64_t>& index) const {
  int64_t offset = 0;
  for (size_t axis = 0; axis < dims_.size(); ++axis) {
    offset = offset * dims_[axis] + index[axis];
  }
  return offset;
}

}  // namespace opcost
