// SPDX-License-Identifier: Apache-2.0
// Any bytes as a cost table: refused with a place, or a table whose every price
// can be asked for.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "opcost/energy/cost_table.h"

namespace opcost {
namespace {

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

void CheckPrice(const absl::StatusOr<Price>& price) {
  if (!price.ok()) return;
  Check(std::isfinite(price->pj) && price->pj >= 0);
  Check(price->min_pj <= price->pj && price->pj <= price->max_pj);
}

void AskForEverything(const CostTable& table) {
  for (const char* name : {"float32", "bfloat16", "int8", "uint4", "float7",
                           "int128", "bool", "complex128"}) {
    const NumberFormat format = *ParseNumberFormat(name);
    CheckPrice(table.Arithmetic(ArithOp::kMul, format));
    CheckPrice(table.Arithmetic(ArithOp::kAdd, format));
    if (const auto mac = table.Mac(format, format, format)) CheckPrice(*mac);
    const auto tanh = table.Function(ArithOp::kTanh, format);
    if (tanh.ok() && tanh->price.has_value()) CheckPrice(*tanh->price);
    for (size_t t = 0; t < table.tiers().size(); ++t) {
      CheckPrice(table.Read(static_cast<int>(t), format));
      CheckPrice(table.Write(static_cast<int>(t), format));
    }
  }
  Check(!table.Entries().empty());
}

}  // namespace
}  // namespace opcost

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  const opcost::TableLibrary library;
  // Names alone: a fuzzer doesn't read files.
  const auto resolve =
      [&library](absl::string_view name) -> absl::StatusOr<std::string> {
    if (name != "horowitz-45nm" && name != "jouppi-7nm-hbm2") {
      return absl::NotFoundError("no such table");
    }
    auto base = library.LoadText(name);
    if (!base.ok()) return base.status();
    return base->text;
  };
  const auto table = opcost::CostTable::Parse("t.toml", text, resolve);
  if (table.ok()) opcost::AskForEverything(*table);
  return 0;
}
