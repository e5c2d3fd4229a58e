// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/cost_table.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/energy/price_law.h"
#include "src/energy/table_content.h"

namespace opcost {

namespace {

using OptionalPrice = std::optional<Price> ArithmeticEntry::*;

absl::string_view KindName(NumberKind kind) {
  return kind == NumberKind::kFloat ? "float" : "int";
}

std::string GenericName(const NumberFormat& format) {
  return absl::StrCat(KindName(format.kind), format.width_bits);
}

// How well an entry's type fits: by element type before by kind and width.
enum class Fit : uint8_t { kNone, kKindAndWidth, kType };

Fit FitOf(const NumberFormat& entry, bool is_generic,
          const NumberFormat& format) {
  if (format.type != DataType::kUndefined && entry.type == format.type) {
    return Fit::kType;
  }
  return is_generic && entry.kind == format.kind &&
                 entry.width_bits == format.width_bits
             ? Fit::kKindAndWidth
             : Fit::kNone;
}

bool IsGeneric(const NumberFormat& format) {
  return ToString(format) == GenericName(format);
}

// The entry of `format` alone that gives the price `part`; nullptr if none.
const ArithmeticEntry* FindEntry(const TableContent& content,
                                 const NumberFormat& format,
                                 OptionalPrice part) {
  const ArithmeticEntry* found = nullptr;
  for (const ArithmeticEntry& entry : content.arithmetic) {
    if (entry.second.has_value() || !(entry.*part).has_value()) continue;
    const Fit fit = FitOf(entry.format, entry.is_generic(), format);
    if (fit == Fit::kType) return &entry;
    if (fit == Fit::kKindAndWidth) found = &entry;
  }
  return found;
}

// The prices `part` of one kind, by width. A type of its own ("bfloat16")
// stands for its width where the table has no price for all types of it.
PriceCurve CurveOf(const TableContent& content, NumberKind kind,
                   OptionalPrice part) {
  struct Point {
    WidthPrice price;
    bool is_generic;
  };
  std::vector<Point> points;
  for (const ArithmeticEntry& entry : content.arithmetic) {
    const NumberFormat& format = entry.format;
    if (entry.second.has_value() || !(entry.*part).has_value() ||
        format.kind != kind || format.type == DataType::kBool) {
      continue;
    }
    points.push_back(
        {{format.width_bits, &*(entry.*part)}, entry.is_generic()});
  }
  std::stable_sort(points.begin(), points.end(),
                   [](const Point& a, const Point& b) {
                     if (a.price.width_bits != b.price.width_bits) {
                       return a.price.width_bits < b.price.width_bits;
                     }
                     return a.is_generic && !b.is_generic;
                   });
  PriceCurve curve;
  for (const Point& point : points) {
    if (curve.empty() || curve.back().width_bits != point.price.width_bits) {
      curve.push_back(point.price);
    }
  }
  return curve;
}

PriceCurve CurveOf(const MovementPrice& movement) {
  PriceCurve curve;
  for (const auto& [width, price] : movement.by_width) {
    curve.push_back({width, &price});
  }
  return curve;
}

absl::StatusOr<Price> CheckFinite(const Price& price,
                                  const std::string& table) {
  if (std::isfinite(price.pj) && std::isfinite(price.max_pj)) return price;
  return absl::FailedPreconditionError(
      absl::StrCat("cost table '", table, "': the price interpolated from ",
                   price.entry, " isn't finite; give that width a price"));
}

absl::Status MissingPrice(const TableContent& content, absl::string_view what,
                          absl::string_view remedy) {
  return absl::FailedPreconditionError(absl::StrCat(
      "cost table '", content.name, "' has no price for ", what,
      content.interpolates
          ? ""
          : ", and its 'interpolate = false' forbids computing one",
      "; add ", remedy));
}

// True if every mul that the table prices in `kind` has a MAC beside it.
bool PricesMacsWhereverMuls(const TableContent& content, NumberKind kind) {
  return std::all_of(content.arithmetic.begin(), content.arithmetic.end(),
                     [kind](const ArithmeticEntry& entry) {
                       return entry.format.kind != kind ||
                              !entry.mul.has_value() || entry.mac.has_value();
                     });
}

// The entry of a pair of operand types, in either order; nullptr if none.
const ArithmeticEntry* FindPair(const TableContent& content,
                                const NumberFormat& a, const NumberFormat& b) {
  const ArithmeticEntry* best = nullptr;
  int best_fit = 0;
  const auto consider = [&](const ArithmeticEntry& entry,
                            const NumberFormat& first,
                            const NumberFormat& second) {
    const Fit fit_a = FitOf(entry.format, IsGeneric(entry.format), first);
    const Fit fit_b = FitOf(*entry.second, IsGeneric(*entry.second), second);
    if (fit_a == Fit::kNone || fit_b == Fit::kNone) return;
    const int fit = static_cast<int>(fit_a) + static_cast<int>(fit_b);
    if (fit > best_fit) {
      best_fit = fit;
      best = &entry;
    }
  };
  for (const ArithmeticEntry& entry : content.arithmetic) {
    if (!entry.second.has_value()) continue;
    consider(entry, a, b);
    consider(entry, b, a);
  }
  return best;
}

absl::StatusOr<Price> MovementOf(const TableContent& content, int tier,
                                 const MovementPrice& movement,
                                 const NumberFormat& format,
                                 absl::string_view direction) {
  const int width = format.width_bits;
  const std::string& name = content.tiers[static_cast<size_t>(tier)].name;
  if (width == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cost table '", content.name, "': a ", direction, " at ", name,
        " of elements of no known type has no price; declare their type"));
  }
  switch (movement.form) {
    case MovementPrice::Form::kPerBit:
      return Scaled(movement.unit, width);
    case MovementPrice::Form::kPerAccess: {
      if (movement.packed) {
        return Scaled(movement.unit,
                      static_cast<double>(width) / movement.access_bits);
      }
      const int accesses =
          (width + movement.access_bits - 1) / movement.access_bits;
      return Scaled(movement.unit, accesses);
    }
    case MovementPrice::Form::kByWidth:
      break;
  }
  const auto exact = movement.by_width.find(width);
  if (exact != movement.by_width.end()) return exact->second;
  if (!content.interpolates) {
    return MissingPrice(
        content,
        absl::StrCat("a ", direction, " of ", width, " bits at ", name),
        absl::StrCat("'", width, " = <pJ>' to ", direction, " of tier '", name,
                     "'"));
  }
  const PriceCurve curve = CurveOf(movement);
  Price price = LinearPrice(curve, width);
  if (IsProportional(curve)) price.is_interpolated = false;
  return CheckFinite(price, content.name);
}

}  // namespace

CostTable::CostTable(std::unique_ptr<const Rep> rep) : rep_(std::move(rep)) {}
CostTable::CostTable(CostTable&&) noexcept = default;
CostTable& CostTable::operator=(CostTable&&) noexcept = default;
CostTable::~CostTable() = default;

absl::StatusOr<CostTable> CostTable::Parse(absl::string_view path,
                                           absl::string_view text,
                                           const Resolver& resolve) {
  auto rep = std::make_unique<Rep>();
  OPCOST_ASSIGN_OR_RETURN(rep->content, ParseTable(path, text, resolve));
  return CostTable(std::move(rep));
}

const std::string& CostTable::name() const { return rep_->content.name; }
const std::string& CostTable::title() const { return rep_->content.title; }
const std::string& CostTable::digest() const { return rep_->content.digest; }
EnergyUnit CostTable::unit() const { return rep_->content.unit; }
bool CostTable::interpolates() const { return rep_->content.interpolates; }
const std::vector<std::string>& CostTable::bases() const {
  return rep_->content.bases;
}
absl::Span<const Tier> CostTable::tiers() const { return rep_->content.tiers; }
const std::vector<Source>& CostTable::sources() const {
  return rep_->content.sources;
}

const Source* CostTable::FindSource(absl::string_view id) const {
  for (const Source& source : sources()) {
    if (source.id == id) return &source;
  }
  return nullptr;
}

const FitRecord* CostTable::fit() const {
  return rep_->content.fit.has_value() ? &*rep_->content.fit : nullptr;
}

const StaticPower* CostTable::static_power() const {
  const std::optional<StaticPower>& power = rep_->content.static_power;
  return power.has_value() ? &*power : nullptr;
}

absl::StatusOr<Price> CostTable::Arithmetic(ArithOp mul_or_add,
                                            const NumberFormat& format) const {
  const TableContent& content = rep_->content;
  const bool is_mul = mul_or_add == ArithOp::kMul;
  const OptionalPrice part =
      is_mul ? &ArithmeticEntry::mul : &ArithmeticEntry::add;
  if (const ArithmeticEntry* entry = FindEntry(content, format, part)) {
    return *(entry->*part);
  }
  const PriceCurve curve = CurveOf(content, format.kind, part);
  if (curve.empty() || !content.interpolates || format.width_bits == 0) {
    const absl::string_view op = Name(mul_or_add);
    return MissingPrice(content, absl::StrCat(op, " ", ToString(format)),
                        absl::StrCat("'", ToString(format), " = { ", op,
                                     " = <pJ> }' to [arithmetic]"));
  }
  return CheckFinite(is_mul ? PowerPrice(curve, format.width_bits)
                            : LinearPrice(curve, format.width_bits),
                     content.name);
}

std::optional<Price> CostTable::Mac(const NumberFormat& a,
                                    const NumberFormat& b,
                                    const NumberFormat& product) const {
  const TableContent& content = rep_->content;
  if (const ArithmeticEntry* pair = FindPair(content, a, b)) return *pair->mac;
  const ArithmeticEntry* entry =
      FindEntry(content, product, &ArithmeticEntry::mac);
  const ArithmeticEntry* mul =
      FindEntry(content, product, &ArithmeticEntry::mul);
  if (entry != nullptr) {
    // A mul of the very element type goes before a MAC of its kind and width.
    const bool is_hidden = mul != nullptr && mul != entry &&
                           !mul->is_generic() && entry->is_generic();
    if (is_hidden) return std::nullopt;
    return *entry->mac;
  }
  if (mul != nullptr || !content.interpolates || product.width_bits == 0 ||
      !PricesMacsWhereverMuls(content, product.kind)) {
    return std::nullopt;
  }
  const PriceCurve curve =
      CurveOf(content, product.kind, &ArithmeticEntry::mac);
  if (curve.empty()) return std::nullopt;
  const Price price = PowerPrice(curve, product.width_bits);
  if (!std::isfinite(price.pj) || !std::isfinite(price.max_pj)) {
    return std::nullopt;
  }
  return price;
}

absl::StatusOr<FunctionCost> CostTable::Function(
    ArithOp op, const NumberFormat& format) const {
  const TableContent& content = rep_->content;
  const FunctionEntry& entry = content.functions[static_cast<size_t>(op)];
  if (entry.by_format.empty()) return entry.cost;
  FunctionCost cost = entry.cost;
  PriceCurve curve;
  for (const auto& [known, price] : entry.by_format) {
    const Fit fit = FitOf(known, IsGeneric(known), format);
    if (fit == Fit::kType) {
      cost.price = price;
      return cost;
    }
    if (fit == Fit::kKindAndWidth) cost.price = price;
    const bool is_new =
        std::none_of(curve.begin(), curve.end(),
                     [&width = known.width_bits](const WidthPrice& point) {
                       return point.width_bits == width;
                     });
    if (known.kind == format.kind && is_new) {
      curve.push_back({known.width_bits, &price});
    }
  }
  if (cost.price.has_value()) return cost;
  if (curve.empty() || !content.interpolates || format.width_bits == 0) {
    return MissingPrice(content, absl::StrCat(Name(op), " ", ToString(format)),
                        absl::StrCat("'", ToString(format), " = <pJ>' to ",
                                     Name(op), ".pj of [functions]"));
  }
  std::sort(curve.begin(), curve.end(),
            [](const WidthPrice& a, const WidthPrice& b) {
              return a.width_bits < b.width_bits;
            });
  OPCOST_ASSIGN_OR_RETURN(
      cost.price,
      CheckFinite(LinearPrice(curve, format.width_bits), content.name));
  return cost;
}

absl::StatusOr<Price> CostTable::Read(int tier,
                                      const NumberFormat& format) const {
  const TableContent& content = rep_->content;
  return MovementOf(content, tier,
                    content.tier_prices[static_cast<size_t>(tier)].read, format,
                    "read");
}

absl::StatusOr<Price> CostTable::Write(int tier,
                                       const NumberFormat& format) const {
  const TableContent& content = rep_->content;
  return MovementOf(content, tier,
                    content.tier_prices[static_cast<size_t>(tier)].write,
                    format, "write");
}

namespace {

void AppendArithmetic(const TableContent& content,
                      std::vector<CostTable::Entry>& all) {
  std::vector<const ArithmeticEntry*> sorted;
  for (const ArithmeticEntry& entry : content.arithmetic) {
    sorted.push_back(&entry);
  }
  const auto rank = [](const ArithmeticEntry* entry) {
    return std::tuple(entry->second.has_value(), entry->format.kind,
                      entry->format.width_bits, !entry->is_generic(),
                      entry->key);
  };
  std::sort(sorted.begin(), sorted.end(),
            [&](const auto* a, const auto* b) { return rank(a) < rank(b); });
  for (const ArithmeticEntry* entry : sorted) {
    const auto append = [&](absl::string_view op,
                            const std::optional<Price>& price) {
      if (price.has_value()) {
        all.push_back({absl::StrCat(entry->key, " ", op), *price, ""});
      }
    };
    append("mul", entry->mul);
    append("add", entry->add);
    append("mac", entry->mac);
  }
}

void AppendMovement(const MovementPrice& movement, const std::string& key,
                    std::vector<CostTable::Entry>& all) {
  switch (movement.form) {
    case MovementPrice::Form::kPerBit:
      all.push_back({key + " per bit", movement.unit, ""});
      return;
    case MovementPrice::Form::kPerAccess:
      all.push_back(
          {absl::StrCat(key, " per ", movement.access_bits, "-bit access",
                        movement.packed ? "" : ", not packed"),
           movement.unit, ""});
      return;
    case MovementPrice::Form::kByWidth:
      break;
  }
  for (const auto& [width, price] : movement.by_width) {
    all.push_back({absl::StrCat(key, " ", width, " bit"), price, ""});
  }
}

void AppendFunction(ArithOp op, const FunctionEntry& entry,
                    std::vector<CostTable::Entry>& all) {
  const std::string name(Name(op));
  for (const auto& [format, price] : entry.by_format) {
    all.push_back({absl::StrCat(name, " ", ToString(format)), price, ""});
  }
  if (!entry.by_format.empty()) return;
  if (entry.cost.price.has_value()) {
    all.push_back({name, *entry.cost.price, ""});
    return;
  }
  CostTable::Entry expansion;
  expansion.key = name;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expansion.price.pj = nan;
  expansion.price.min_pj = nan;
  expansion.price.max_pj = nan;
  expansion.price.entry = name;
  expansion.price.source = entry.cost.source;
  expansion.price.table = entry.cost.table;
  expansion.expansion =
      absl::StrCat(entry.cost.mul, " mul + ", entry.cost.add, " add");
  all.push_back(std::move(expansion));
}

}  // namespace

std::vector<CostTable::Entry> CostTable::Entries() const {
  const TableContent& content = rep_->content;
  std::vector<Entry> all;
  AppendArithmetic(content, all);
  for (size_t t = 0; t < content.tiers.size(); ++t) {
    const std::string& name = content.tiers[t].name;
    AppendMovement(content.tier_prices[t].read, name + " read", all);
    AppendMovement(content.tier_prices[t].write, name + " write", all);
  }
  for (int i = 0; i < kArithOpCount; ++i) {
    const auto op = static_cast<ArithOp>(i);
    if (op == ArithOp::kMul || op == ArithOp::kAdd) continue;
    AppendFunction(op, content.functions[static_cast<size_t>(i)], all);
  }
  return all;
}

}  // namespace opcost
