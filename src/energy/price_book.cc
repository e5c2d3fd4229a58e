// SPDX-License-Identifier: Apache-2.0
#include "src/energy/price_book.h"

#include <utility>

#include "opcost/support/status_macros.h"

namespace opcost {

absl::StatusOr<ArithLine*> PriceBook::Operation(ArithOp mul_or_add,
                                                const NumberFormat& format) {
  const PricedOp op =
      mul_or_add == ArithOp::kMul ? PricedOp::kMul : PricedOp::kAdd;
  for (ArithLine& line : arithmetic_) {
    if (line.op == op && line.format == format) return &line;
  }
  OPCOST_ASSIGN_OR_RETURN(Price price, table_.Arithmetic(mul_or_add, format));
  ArithLine& line = arithmetic_.emplace_back();
  line.op = op;
  line.function = mul_or_add;
  line.format = format;
  line.price = Keep(std::move(price));
  return &line;
}

ArithLine* PriceBook::Mac(const NumberFormat& a, const NumberFormat& b,
                          const NumberFormat& product) {
  for (const MacLine& mac : macs_) {
    if (mac.a == a && mac.b == b && mac.product == product) return mac.line;
  }
  MacLine& mac = macs_.emplace_back(MacLine{a, b, product, nullptr});
  std::optional<Price> price = table_.Mac(a, b, product);
  if (!price.has_value()) return nullptr;
  ArithLine& line = arithmetic_.emplace_back();
  line.op = PricedOp::kMac;
  line.format = a;
  line.second = b;
  line.price = Keep(*std::move(price));
  mac.line = &line;
  return &line;
}

absl::StatusOr<const PriceBook::FunctionLine*> PriceBook::Function(
    ArithOp op, const NumberFormat& format) {
  for (const FunctionLine& known : functions_) {
    if (known.op == op && known.format == format) return &known;
  }
  OPCOST_ASSIGN_OR_RETURN(FunctionCost cost, table_.Function(op, format));
  FunctionLine& function = functions_.emplace_back();
  function.op = op;
  function.format = format;
  function.cost = std::move(cost);
  if (function.cost.price.has_value()) {
    ArithLine& line = arithmetic_.emplace_back();
    line.op = PricedOp::kFunction;
    line.function = op;
    line.format = format;
    line.price = Keep(*function.cost.price);
    function.line = &line;
  }
  return &function;
}

absl::StatusOr<MovementLine*> PriceBook::Movement(int tier,
                                                  const NumberFormat& format,
                                                  bool reads, bool writes) {
  MovementLine* found = nullptr;
  for (MovementLine& line : movements_) {
    if (line.tier == tier && line.format == format) found = &line;
  }
  if (found == nullptr) {
    found = &movements_.emplace_back();
    found->tier = tier;
    found->format = format;
  }
  if (reads && found->read_price == nullptr) {
    OPCOST_ASSIGN_OR_RETURN(Price price, table_.Read(tier, format));
    found->read_price = Keep(std::move(price));
  }
  if (writes && found->write_price == nullptr) {
    OPCOST_ASSIGN_OR_RETURN(Price price, table_.Write(tier, format));
    found->write_price = Keep(std::move(price));
  }
  return found;
}

}  // namespace opcost
