// SPDX-License-Identifier: Apache-2.0
// The prices that one estimate uses, each looked up once, and what was bought.
#ifndef OPCOST_SRC_ENERGY_PRICE_BOOK_H_
#define OPCOST_SRC_ENERGY_PRICE_BOOK_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"

namespace opcost {

// Adds `more` to `sum`; false if that doesn't fit 63 bits.
inline bool AddChecked(int64_t& sum, int64_t more) {
  return !__builtin_add_overflow(sum, more, &sum);
}

// One kind of operation: its price, and the total count of it.
struct ArithLine {
  PricedOp op = PricedOp::kMul;
  ArithOp function = ArithOp::kMul;
  NumberFormat format;
  NumberFormat second;
  const Price* price = nullptr;
  int64_t count = 0;
};

// One tier and format: its prices, and the total reads and writes.
struct MovementLine {
  int tier = 0;
  NumberFormat format;
  const Price* read_price = nullptr;   // set at the first read
  const Price* write_price = nullptr;  // set at the first write
  int64_t reads = 0;
  int64_t writes = 0;
};

// A model has few formats, so that lines are found by going through them.
// References stay valid.
class PriceBook {
 public:
  explicit PriceBook(const CostTable& table)
      : table_(table), prices_(std::make_shared<std::deque<Price>>()) {}

  // `mul_or_add` of `format`. Errors: those of CostTable::Arithmetic().
  absl::StatusOr<ArithLine*> Operation(ArithOp mul_or_add,
                                       const NumberFormat& format);
  // A whole MAC; nullptr if the table prices its mul and add apart.
  ArithLine* Mac(const NumberFormat& a, const NumberFormat& b,
                 const NumberFormat& product);
  // How a function is paid for, and its line if it has a price of its own.
  struct FunctionLine {
    ArithOp op;
    NumberFormat format;
    FunctionCost cost;
    ArithLine* line = nullptr;
  };
  absl::StatusOr<const FunctionLine*> Function(ArithOp op,
                                               const NumberFormat& format);
  // With the prices that `reads` and `writes` need.
  absl::StatusOr<MovementLine*> Movement(int tier, const NumberFormat& format,
                                         bool reads, bool writes);

  const std::deque<ArithLine>& arithmetic() const { return arithmetic_; }
  const std::deque<MovementLine>& movements() const { return movements_; }
  std::shared_ptr<const void> prices() const { return prices_; }

 private:
  struct MacLine {
    NumberFormat a, b, product;
    ArithLine* line = nullptr;
  };
  const Price* Keep(Price price) {
    return &prices_->emplace_back(std::move(price));
  }

  const CostTable& table_;
  std::shared_ptr<std::deque<Price>> prices_;
  std::deque<ArithLine> arithmetic_;
  std::deque<MovementLine> movements_;
  std::deque<MacLine> macs_;
  std::deque<FunctionLine> functions_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_PRICE_BOOK_H_
