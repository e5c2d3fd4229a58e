// SPDX-License-Identifier: Apache-2.0
// [[memory]]: tiers, capacities, and the three forms of a price of movement.
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/energy/table_sections.h"

namespace opcost {
namespace {

constexpr size_t kMaxTiers = 64;
constexpr int kMaxWidthBits = 128;
constexpr int64_t kMaxAccessBits = 1 << 20;

struct CapacityUnit {
  absl::string_view name;
  int shift;
};

// As the published tables have it: KB is 1024 bytes, MB 1024 KB.
constexpr CapacityUnit kCapacityUnits[] = {
    {"B", 0},   {"KB", 10},  {"KiB", 10}, {"MB", 20}, {"MiB", 20},
    {"GB", 30}, {"GiB", 30}, {"TB", 40},  {"TiB", 40}};

std::optional<int64_t> CapacityFromText(absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  int64_t number = 0;
  if (!absl::SimpleAtoi(text.substr(0, digits), &number)) return std::nullopt;
  const absl::string_view unit =
      absl::StripLeadingAsciiWhitespace(text.substr(digits));
  for (const CapacityUnit& known : kCapacityUnits) {
    if (!absl::EqualsIgnoreCase(unit, known.name)) continue;
    if (number > (std::numeric_limits<int64_t>::max() >> known.shift)) {
      return std::nullopt;
    }
    return number << known.shift;
  }
  return std::nullopt;
}

absl::StatusOr<int64_t> ParseCapacity(const TomlValue& value) {
  std::optional<int64_t> bytes;
  std::string found = "another value";
  if (value.kind() == TomlValue::Kind::kInteger) {
    OPCOST_ASSIGN_OR_RETURN(bytes, value.AsInteger());
    found = absl::StrCat(*bytes);
  } else if (value.kind() == TomlValue::Kind::kString) {
    OPCOST_ASSIGN_OR_RETURN(found, value.AsString());
    bytes = CapacityFromText(found);
    found = absl::StrCat("'", found, "'");
  }
  if (!bytes.has_value() || *bytes <= 0) {
    return value.Error(
        "expected a capacity like \"8 KiB\", or a number of bytes above 0, "
        "found ",
        found);
  }
  return *bytes;
}

absl::Status ParsePerBit(const TomlValue& value, MovementPrice& result) {
  OPCOST_RETURN_IF_ERROR(
      value.CheckKeys({"pj_per_bit", "min", "max", "source"}));
  result.form = MovementPrice::Form::kPerBit;
  OPCOST_ASSIGN_OR_RETURN(result.unit.pj,
                          ParseAmount(*value.Find("pj_per_bit")));
  return ParseRange(value, result.unit);
}

absl::Status ParsePerAccess(const TomlValue& value, MovementPrice& result) {
  OPCOST_RETURN_IF_ERROR(
      value.CheckKeys({"pj", "bits", "packed", "min", "max", "source"}));
  result.form = MovementPrice::Form::kPerAccess;
  OPCOST_ASSIGN_OR_RETURN(const TomlValue* pj,
                          value.Require("pj", "the price of one access"));
  OPCOST_ASSIGN_OR_RETURN(result.unit.pj, ParseAmount(*pj));
  OPCOST_ASSIGN_OR_RETURN(
      const TomlValue* bits,
      value.Require("bits", "how many bits one access moves"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t width, bits->AsInteger());
  if (width < 1 || width > kMaxAccessBits) {
    return bits->Error("expected 1 to ", kMaxAccessBits, " bits, found ",
                       width);
  }
  result.access_bits = static_cast<int>(width);
  if (const TomlValue* packed = value.Find("packed")) {
    OPCOST_ASSIGN_OR_RETURN(result.packed, packed->AsBoolean());
  }
  return ParseRange(value, result.unit);
}

absl::Status ParseByWidth(const TomlValue& value, const SourceScope& scope,
                          absl::string_view entry, MovementPrice& result) {
  for (const TomlEntry& price : value.entries()) {
    if (price.key == "source") continue;
    int width = 0;
    if (!absl::SimpleAtoi(price.key, &width) || width < 1 ||
        width > kMaxWidthBits || absl::StrCat(width) != price.key) {
      return price.Error("unknown key '", price.key,
                         "'; expected a width in bits from 1 to ",
                         kMaxWidthBits, ", or pj_per_bit, or pj and bits");
    }
    OPCOST_ASSIGN_OR_RETURN(
        result.by_width[width],
        ParsePrice(price.value, scope, absl::StrCat(entry, " ", width)));
  }
  if (result.by_width.empty()) {
    return value.Error(
        "no price; expected prices by width in bits, or pj_per_bit, or pj and "
        "bits");
  }
  return absl::OkStatus();
}

absl::StatusOr<MovementPrice> ParseMovement(const TomlValue& value,
                                            const SourceScope& outer,
                                            const std::string& entry) {
  OPCOST_RETURN_IF_ERROR(value.CheckIsTable());
  OPCOST_ASSIGN_OR_RETURN(const SourceScope scope, outer.Enter(value));
  MovementPrice result;
  OPCOST_ASSIGN_OR_RETURN(result.unit.source, scope.Id(value));
  result.unit.entry = entry;
  result.unit.table = scope.table();
  if (value.Find("pj_per_bit") != nullptr) {
    OPCOST_RETURN_IF_ERROR(ParsePerBit(value, result));
  } else if (value.Find("pj") != nullptr || value.Find("bits") != nullptr) {
    OPCOST_RETURN_IF_ERROR(ParsePerAccess(value, result));
  } else {
    OPCOST_RETURN_IF_ERROR(ParseByWidth(value, scope, entry, result));
  }
  return result;
}

absl::StatusOr<TierPrices> ParseTierPrices(const TomlValue& section,
                                           const SourceScope& scope,
                                           const std::string& name) {
  TierPrices prices;
  if (const TomlEntry* access = section.FindEntry("access")) {
    if (section.Find("read") != nullptr || section.Find("write") != nullptr) {
      return access->Error(
          "'access' beside 'read' or 'write'; expected 'access' alone, or "
          "'read' and 'write'");
    }
    OPCOST_ASSIGN_OR_RETURN(
        prices.read,
        ParseMovement(access->value, scope, absl::StrCat(name, ".access")));
    prices.write = prices.read;
    return prices;
  }
  OPCOST_ASSIGN_OR_RETURN(const TomlValue* read,
                          section.Require("read",
                                          "'read' and 'write', or "
                                          "'access' for both"));
  OPCOST_ASSIGN_OR_RETURN(const TomlValue* write,
                          section.Require("write",
                                          "'read' and 'write', or "
                                          "'access' for both"));
  OPCOST_ASSIGN_OR_RETURN(
      prices.read, ParseMovement(*read, scope, absl::StrCat(name, ".read")));
  OPCOST_ASSIGN_OR_RETURN(
      prices.write, ParseMovement(*write, scope, absl::StrCat(name, ".write")));
  return prices;
}

absl::Status CheckTierName(const TomlValue& value, const std::string& name,
                           const std::vector<Tier>& before) {
  if (name.empty() || name.size() > 64) {
    return value.Error("expected a name of 1 to 64 characters, found ",
                       name.size());
  }
  for (const char c : name) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return value.Error("expected a name without control characters");
    }
  }
  for (const Tier& other : before) {
    if (other.name == name) {
      return value.Error("tier '", name,
                         "' is there already; expected a name of its own");
    }
  }
  return absl::OkStatus();
}

absl::Status ParseTier(const TomlValue& section, const SourceScope& outer,
                       bool is_last, TableContent& content) {
  OPCOST_RETURN_IF_ERROR(section.CheckIsTable());
  OPCOST_RETURN_IF_ERROR(section.CheckKeys(
      {"name", "capacity", "read", "write", "access", "source"}));
  OPCOST_ASSIGN_OR_RETURN(const SourceScope scope, outer.Enter(section));
  Tier tier;
  OPCOST_ASSIGN_OR_RETURN(const TomlValue* name,
                          section.Require("name", "the tier's name"));
  OPCOST_ASSIGN_OR_RETURN(tier.name, name->AsString());
  OPCOST_RETURN_IF_ERROR(CheckTierName(*name, tier.name, content.tiers));
  const TomlValue* capacity = section.Find("capacity");
  if (capacity == nullptr && !is_last) {
    return section.Error("tier '", tier.name,
                         "' has no capacity and isn't the last; expected "
                         "capacity = \"<size>\"");
  }
  if (capacity != nullptr && is_last) {
    return capacity->Error("the last tier, '", tier.name,
                           "', has a capacity; expected none, for it holds "
                           "what fits nowhere else");
  }
  if (capacity != nullptr) {
    OPCOST_ASSIGN_OR_RETURN(tier.capacity_bytes, ParseCapacity(*capacity));
    if (!content.tiers.empty() &&
        *tier.capacity_bytes <= *content.tiers.back().capacity_bytes) {
      return capacity->Error(
          "the capacity of ", *tier.capacity_bytes, " bytes isn't above the ",
          *content.tiers.back().capacity_bytes, " of '",
          content.tiers.back().name, "'; expected rising capacities");
    }
  }
  OPCOST_ASSIGN_OR_RETURN(TierPrices prices,
                          ParseTierPrices(section, scope, tier.name));
  content.tiers.push_back(std::move(tier));
  content.tier_prices.push_back(std::move(prices));
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseMemory(const TomlValue& tiers, const SourceScope& scope,
                         TableContent& content) {
  OPCOST_RETURN_IF_ERROR(tiers.CheckIsArray());
  if (tiers.items().empty() || tiers.items().size() > kMaxTiers) {
    return tiers.Error("expected 1 to ", kMaxTiers, " [[memory]] tiers, found ",
                       tiers.items().size());
  }
  content.tiers.clear();
  content.tier_prices.clear();
  for (const TomlValue& tier : tiers.items()) {
    OPCOST_RETURN_IF_ERROR(
        ParseTier(tier, scope, &tier == &tiers.items().back(), content));
  }
  return absl::OkStatus();
}

}  // namespace opcost
