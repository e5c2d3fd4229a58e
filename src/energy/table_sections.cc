// SPDX-License-Identifier: Apache-2.0
#include "src/energy/table_sections.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

constexpr double kMaxAmount = 1e18;
constexpr int64_t kMaxExpansion = 1'000'000;

constexpr absl::string_view kSource = "source";

absl::StatusOr<std::vector<NumberFormat>> ParseFormats(const TomlEntry& entry) {
  std::vector<NumberFormat> formats;
  for (const absl::string_view name : absl::StrSplit(entry.key, '*')) {
    OPCOST_ASSIGN_OR_RETURN(const NumberFormat format,
                            ParseFormatKey(entry, name));
    formats.push_back(format);
  }
  if (formats.size() > 2) {
    return entry.Error("'", entry.key, "' has ", formats.size(),
                       " types; expected one, or the two of a MAC's operands");
  }
  return formats;
}

bool IsSameKey(const ArithmeticEntry& a, const ArithmeticEntry& b) {
  if (a.second.has_value() != b.second.has_value()) return false;
  if (!a.second.has_value()) return a.format == b.format;
  return (a.format == b.format && *a.second == *b.second) ||
         (a.format == *b.second && *a.second == b.format);
}

absl::StatusOr<ArithmeticEntry> ParseArithmeticEntry(const TomlEntry& entry,
                                                     const SourceScope& outer) {
  ArithmeticEntry result;
  result.key = entry.key;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<NumberFormat> formats,
                          ParseFormats(entry));
  result.format = formats[0];
  if (formats.size() == 2) result.second = formats[1];
  OPCOST_RETURN_IF_ERROR(entry.value.CheckIsTable());
  if (result.second.has_value()) {
    OPCOST_RETURN_IF_ERROR(entry.value.CheckKeys({"mac", kSource}));
  } else {
    OPCOST_RETURN_IF_ERROR(
        entry.value.CheckKeys({"mul", "add", "mac", kSource}));
  }
  OPCOST_ASSIGN_OR_RETURN(const SourceScope scope, outer.Enter(entry.value));
  const auto read = [&](absl::string_view op,
                        std::optional<Price>& price) -> absl::Status {
    const TomlValue* value = entry.value.Find(op);
    if (value == nullptr) return absl::OkStatus();
    OPCOST_ASSIGN_OR_RETURN(
        price, ParsePrice(*value, scope, absl::StrCat(entry.key, ".", op)));
    return absl::OkStatus();
  };
  OPCOST_RETURN_IF_ERROR(read("mul", result.mul));
  OPCOST_RETURN_IF_ERROR(read("add", result.add));
  OPCOST_RETURN_IF_ERROR(read("mac", result.mac));
  if (!result.mul.has_value() && !result.add.has_value() &&
      !result.mac.has_value()) {
    return entry.value.Error("'", entry.key,
                             "' has no price; expected mul, add or mac");
  }
  return result;
}

// What the file says of a type goes before what its base says.
void MergeArithmetic(ArithmeticEntry&& entry, TableContent& content) {
  for (ArithmeticEntry& known : content.arithmetic) {
    if (!IsSameKey(known, entry)) continue;
    // A base's whole MAC would hide this file's mul or add.
    if (entry.mac.has_value() || entry.mul.has_value() ||
        entry.add.has_value()) {
      known.mac = entry.mac;
    }
    if (entry.mul.has_value()) known.mul = entry.mul;
    if (entry.add.has_value()) known.add = entry.add;
    known.key = entry.key;
    return;
  }
  content.arithmetic.push_back(std::move(entry));
}

std::optional<ArithOp> FunctionFromName(absl::string_view name) {
  for (int i = 0; i < kArithOpCount; ++i) {
    const auto op = static_cast<ArithOp>(i);
    if (op != ArithOp::kMul && op != ArithOp::kAdd && Name(op) == name) {
      return op;
    }
  }
  return std::nullopt;
}

absl::StatusOr<int64_t> ParseExpansion(const TomlValue& function,
                                       absl::string_view op) {
  OPCOST_ASSIGN_OR_RETURN(
      const TomlValue* value,
      function.Require(
          op, absl::StrCat("how many ", op, " one evaluation takes, or pj")));
  OPCOST_ASSIGN_OR_RETURN(const int64_t count, value->AsInteger());
  if (count < 0 || count > kMaxExpansion) {
    return value->Error("expected 0 to ", kMaxExpansion, ", found ", count);
  }
  return count;
}

absl::Status ParseFunctionPrices(absl::string_view name, const TomlValue& pj,
                                 const SourceScope& scope,
                                 FunctionEntry& result) {
  if (pj.kind() != TomlValue::Kind::kTable || pj.Find("value") != nullptr) {
    OPCOST_ASSIGN_OR_RETURN(result.cost.price,
                            ParsePrice(pj, scope, absl::StrCat(name, ".pj")));
    return absl::OkStatus();
  }
  for (const TomlEntry& entry : pj.entries()) {
    OPCOST_ASSIGN_OR_RETURN(const NumberFormat format,
                            ParseFormatKey(entry, entry.key));
    OPCOST_ASSIGN_OR_RETURN(
        Price price,
        ParsePrice(entry.value, scope, absl::StrCat(name, ".pj.", entry.key)));
    result.by_format.emplace_back(format, std::move(price));
  }
  if (result.by_format.empty()) {
    return pj.Error("expected a price, or prices by type");
  }
  return absl::OkStatus();
}

absl::StatusOr<FunctionEntry> ParseFunction(const TomlEntry& entry,
                                            const SourceScope& outer) {
  const TomlValue& value = entry.value;
  OPCOST_RETURN_IF_ERROR(value.CheckIsTable());
  FunctionEntry result;
  OPCOST_ASSIGN_OR_RETURN(const SourceScope scope, outer.Enter(value));
  result.cost.table = scope.table();
  OPCOST_ASSIGN_OR_RETURN(result.cost.source, scope.Id(value));
  if (const TomlValue* pj = value.Find("pj")) {
    OPCOST_RETURN_IF_ERROR(value.CheckKeys({"pj", kSource}));
    OPCOST_RETURN_IF_ERROR(ParseFunctionPrices(entry.key, *pj, scope, result));
    return result;
  }
  OPCOST_RETURN_IF_ERROR(value.CheckKeys({"mul", "add", "pj", kSource}));
  OPCOST_ASSIGN_OR_RETURN(result.cost.mul, ParseExpansion(value, "mul"));
  OPCOST_ASSIGN_OR_RETURN(result.cost.add, ParseExpansion(value, "add"));
  return result;
}

// A rate of less than one in a thousand seconds is a slip of the pen.
absl::StatusOr<double> ParseRate(const TomlValue& value) {
  constexpr double kMinRate = 1e-3;
  constexpr double kMaxRate = 1e30;
  OPCOST_ASSIGN_OR_RETURN(const double rate, value.AsNumber());
  if (rate < kMinRate || rate > kMaxRate) {
    return value.Error("expected a rate from ", kMinRate, " to ", kMaxRate,
                       " per second, found ", rate);
  }
  return rate;
}

}  // namespace

absl::StatusOr<SourceScope> SourceScope::Named(const TomlValue& id) const {
  SourceScope inner = *this;
  OPCOST_ASSIGN_OR_RETURN(inner.id_, id.AsString());
  std::vector<std::string> ids;
  for (const Source& source : *known_) {
    if (source.id == inner.id_) return inner;
    ids.push_back(source.id);
  }
  return id.Error("unknown source '", inner.id_, "'",
                  DidYouMean(inner.id_, ids),
                  "; expected the id of a [source.<id>] section");
}

absl::StatusOr<SourceScope> SourceScope::Enter(const TomlValue& section) const {
  const TomlValue* id = section.Find(kSource);
  if (id == nullptr) return *this;
  return Named(*id);
}

absl::StatusOr<std::string> SourceScope::Id(const TomlValue& price) const {
  if (!id_.empty()) return id_;
  return price.Error(
      "no source; expected source = \"<id>\" beside it or in its section, or "
      "default_source = \"<id>\" at the top");
}

absl::StatusOr<double> ParseAmount(const TomlValue& value) {
  OPCOST_ASSIGN_OR_RETURN(const double amount, value.AsNumber());
  if (amount < 0 || amount > kMaxAmount) {
    return value.Error("expected a number from 0 to ", kMaxAmount, ", found ",
                       amount);
  }
  return amount;
}

absl::StatusOr<Price> ParsePrice(const TomlValue& value,
                                 const SourceScope& outer, std::string entry) {
  Price price;
  price.entry = std::move(entry);
  price.table = outer.table();
  if (value.kind() != TomlValue::Kind::kTable) {
    OPCOST_ASSIGN_OR_RETURN(price.pj, ParseAmount(value));
    price.min_pj = price.max_pj = price.pj;
    OPCOST_ASSIGN_OR_RETURN(price.source, outer.Id(value));
    return price;
  }
  OPCOST_RETURN_IF_ERROR(value.CheckKeys({"value", "min", "max", kSource}));
  OPCOST_ASSIGN_OR_RETURN(const SourceScope scope, outer.Enter(value));
  OPCOST_ASSIGN_OR_RETURN(price.source, scope.Id(value));
  OPCOST_ASSIGN_OR_RETURN(const TomlValue* middle,
                          value.Require("value", "a price"));
  OPCOST_ASSIGN_OR_RETURN(price.pj, ParseAmount(*middle));
  OPCOST_RETURN_IF_ERROR(ParseRange(value, price));
  return price;
}

absl::Status ParseRange(const TomlValue& table, Price& price) {
  price.min_pj = price.max_pj = price.pj;
  if (const TomlValue* min = table.Find("min")) {
    OPCOST_ASSIGN_OR_RETURN(price.min_pj, ParseAmount(*min));
  }
  if (const TomlValue* max = table.Find("max")) {
    OPCOST_ASSIGN_OR_RETURN(price.max_pj, ParseAmount(*max));
  }
  if (price.min_pj <= price.pj && price.pj <= price.max_pj) {
    return absl::OkStatus();
  }
  return table.Error("the range from ", price.min_pj, " to ", price.max_pj,
                     " doesn't hold ", price.pj,
                     "; expected min <= value <= max");
}

absl::StatusOr<NumberFormat> ParseFormatKey(const TomlEntry& entry,
                                            absl::string_view name) {
  const std::optional<NumberFormat> format = ParseNumberFormat(name);
  if (format.has_value() && ToString(*format) == name) return *format;
  const std::vector<std::string> candidates = {
      "float32", "float16", "bfloat16", "float64", "float8e4m3fn",
      "float8",  "int8",    "uint8",    "int4",    "int16",
      "int32",   "int64",   "uint4",    "bool"};
  std::string hint = DidYouMean(name, candidates);
  if (hint.empty()) {
    hint = "; expected an ONNX type, or a kind and a width like 'float8'";
  }
  return entry.Error("unknown element type '", name, "'", hint);
}

absl::Status ParseArithmetic(const TomlValue& section, const SourceScope& outer,
                             TableContent& content) {
  OPCOST_RETURN_IF_ERROR(section.CheckIsTable());
  OPCOST_ASSIGN_OR_RETURN(const SourceScope scope, outer.Enter(section));
  std::vector<ArithmeticEntry> entries;
  for (const TomlEntry& entry : section.entries()) {
    if (entry.key == kSource) continue;
    OPCOST_ASSIGN_OR_RETURN(ArithmeticEntry parsed,
                            ParseArithmeticEntry(entry, scope));
    for (const ArithmeticEntry& known : entries) {
      if (IsSameKey(known, parsed)) {
        return entry.Error("'", entry.key, "' is already given as '", known.key,
                           "'; expected each once");
      }
    }
    entries.push_back(std::move(parsed));
  }
  for (ArithmeticEntry& entry : entries) {
    MergeArithmetic(std::move(entry), content);
  }
  return absl::OkStatus();
}

absl::Status ParseFunctions(const TomlValue& section, const SourceScope& outer,
                            TableContent& content) {
  OPCOST_RETURN_IF_ERROR(section.CheckIsTable());
  OPCOST_ASSIGN_OR_RETURN(const SourceScope scope, outer.Enter(section));
  OPCOST_RETURN_IF_ERROR(
      section.CheckKeys({"div", "sqrt", "exp", "log", "pow", "sin", "cos",
                         "tan", "erf", "tanh", "sigmoid", kSource}));
  for (const TomlEntry& entry : section.entries()) {
    const std::optional<ArithOp> op = FunctionFromName(entry.key);
    if (!op.has_value()) continue;  // its source
    OPCOST_ASSIGN_OR_RETURN(content.functions[static_cast<size_t>(*op)],
                            ParseFunction(entry, scope));
  }
  return absl::OkStatus();
}

absl::Status ParseStatic(const TomlValue& section, const SourceScope& outer,
                         TableContent& content) {
  OPCOST_RETURN_IF_ERROR(section.CheckIsTable());
  OPCOST_RETURN_IF_ERROR(
      section.CheckKeys({"watts", "pj_per_operator", "macs_per_second",
                         "bytes_per_second", kSource}));
  OPCOST_RETURN_IF_ERROR(outer.Enter(section).status());
  if (content.unit == EnergyUnit::kRelative) {
    return section.Error(
        "a table of unit 'relative' has watts; expected no [static] section");
  }
  StaticSection result = content.static_section.value_or(StaticSection());
  const TomlValue* per_operator = section.Find("pj_per_operator");
  if (per_operator != nullptr) {
    OPCOST_ASSIGN_OR_RETURN(result.pj_per_operator, ParseAmount(*per_operator));
  }
  const bool needs_watts =
      !content.static_section.has_value() && per_operator == nullptr;
  if (needs_watts || section.Find("watts") != nullptr) {
    OPCOST_ASSIGN_OR_RETURN(const TomlValue* watts,
                            section.Require("watts", "the static power"));
    OPCOST_ASSIGN_OR_RETURN(result.watts, ParseAmount(*watts));
  }
  if (const TomlValue* rates = section.Find("macs_per_second")) {
    OPCOST_RETURN_IF_ERROR(rates->CheckIsTable());
    for (const TomlEntry& entry : rates->entries()) {
      OPCOST_RETURN_IF_ERROR(ParseFormatKey(entry, entry.key).status());
      OPCOST_ASSIGN_OR_RETURN(result.macs_per_second[entry.key],
                              ParseRate(entry.value));
    }
  }
  if (const TomlValue* rates = section.Find("bytes_per_second")) {
    OPCOST_RETURN_IF_ERROR(rates->CheckIsTable());
    std::vector<std::string> tiers;
    for (const Tier& tier : content.tiers) tiers.push_back(tier.name);
    for (const TomlEntry& entry : rates->entries()) {
      if (std::find(tiers.begin(), tiers.end(), entry.key) == tiers.end()) {
        return entry.Error("unknown tier '", entry.key, "'",
                           DidYouMean(entry.key, tiers),
                           "; expected the name of a [[memory]] tier");
      }
      OPCOST_ASSIGN_OR_RETURN(result.bytes_per_second[entry.key],
                              ParseRate(entry.value));
    }
  }
  content.static_section = std::move(result);
  return absl::OkStatus();
}

}  // namespace opcost
