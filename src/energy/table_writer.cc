// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/table_writer.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"
#include "src/energy/table_content.h"

namespace opcost {

// Writes one table. Prices keep six digits: none is known better.
class TableWriter {
 public:
  TableWriter(const CostTable& base, const TableChanges& changes)
      : base_(base), content_(base.rep_->content), changes_(changes) {}

  absl::StatusOr<std::string> Write() {
    WriteHead();
    WriteArithmetic();
    for (size_t t = 0; t < content_.tiers.size(); ++t) WriteTier(t);
    OPCOST_RETURN_IF_ERROR(WriteFunctions());
    WriteStatic();
    WriteFit();
    return std::move(out_);
  }

 private:
  double FactorOf(const std::string& key) const {
    const auto factor = changes_.factors.find(key);
    return factor == changes_.factors.end() ? changes_.otherwise
                                            : factor->second;
  }
  std::string Scaled(const Price& price, double factor) const {
    if (!price.has_range()) return absl::StrCat(price.pj * factor);
    return absl::StrCat("{ value = ", price.pj * factor,
                        ", min = ", price.min_pj * factor,
                        ", max = ", price.max_pj * factor, " }");
  }

  void WriteHead() {
    for (const absl::string_view line :
         absl::StrSplit(changes_.comment, '\n', absl::SkipEmpty())) {
      absl::StrAppend(&out_, "# ", line, "\n");
    }
    absl::StrAppend(
        &out_,
        "schema = \"opcost.costtable/1\"\nname = ", TomlText(changes_.name),
        "\ntitle = ", TomlText(changes_.title),
        "\nunit = \"pJ\"\ninterpolate = ",
        content_.interpolates ? "true" : "false",
        "\ndefault_source = ", TomlText(changes_.source.id), "\n\n[source.",
        changes_.source.id, "]\ncite = ", TomlText(changes_.source.cite));
    if (!changes_.source.where.empty()) {
      absl::StrAppend(&out_, "\nwhere = ", TomlText(changes_.source.where));
    }
    out_ += "\n\n";
  }

  void WriteArithmetic() {
    out_ += "[arithmetic]\n";
    for (const ArithmeticEntry& entry : content_.arithmetic) {
      std::vector<std::string> parts;
      const auto add = [&](absl::string_view op,
                           const std::optional<Price>& price) {
        if (!price.has_value()) return;
        const std::string key = absl::StrCat(entry.key, ".", op);
        parts.push_back(absl::StrCat(op, " = ", Scaled(*price, FactorOf(key))));
      };
      add("mul", entry.mul);
      add("add", entry.add);
      add("mac", entry.mac);
      AppendLine(entry.key, parts);
    }
    std::map<std::string, std::vector<std::string>> extras;
    for (const ExtraPrice& extra : changes_.extras) {
      const std::string format = ToString(extra.format);
      const absl::string_view op = extra.is_mul ? "mul" : "add";
      extras[format].push_back(absl::StrCat(
          op, " = ", extra.pj * FactorOf(absl::StrCat(format, ".", op))));
    }
    for (const auto& [format, parts] : extras) AppendLine(format, parts);
    out_ += '\n';
  }

  void AppendLine(absl::string_view key,
                  const std::vector<std::string>& parts) {
    absl::StrAppend(&out_, TomlText(key), " = { ", absl::StrJoin(parts, ", "),
                    " }\n");
  }

  void WriteMovement(absl::string_view direction, const MovementPrice& movement,
                     double factor) {
    absl::StrAppend(&out_, "[memory.", direction, "]\n");
    switch (movement.form) {
      case MovementPrice::Form::kByWidth:
        for (const auto& [width, price] : movement.by_width) {
          absl::StrAppend(&out_, width, " = ", Scaled(price, factor), "\n");
        }
        return;
      case MovementPrice::Form::kPerBit:
        absl::StrAppend(&out_, "pj_per_bit = ", movement.unit.pj * factor,
                        "\n");
        break;
      case MovementPrice::Form::kPerAccess:
        absl::StrAppend(&out_, "pj = ", movement.unit.pj * factor,
                        "\nbits = ", movement.access_bits,
                        "\npacked = ", movement.packed ? "true" : "false",
                        "\n");
        break;
    }
    if (!movement.unit.has_range()) return;
    absl::StrAppend(&out_, "min = ", movement.unit.min_pj * factor,
                    "\nmax = ", movement.unit.max_pj * factor, "\n");
  }

  void WriteTier(size_t t) {
    const Tier& tier = content_.tiers[t];
    absl::StrAppend(&out_, "[[memory]]\nname = ", TomlText(tier.name), "\n");
    if (tier.capacity_bytes.has_value()) {
      absl::StrAppend(&out_, "capacity = \"", *tier.capacity_bytes, " B\"\n");
    }
    WriteMovement("read", content_.tier_prices[t].read,
                  FactorOf(TierKey(tier, true)));
    WriteMovement("write", content_.tier_prices[t].write,
                  FactorOf(TierKey(tier, false)));
    out_ += '\n';
  }

  // The price of an expansion in each format that has both of its parts.
  absl::StatusOr<std::string> ExpandedPrices(const FunctionCost& cost,
                                             double factor) const {
    std::vector<std::string> prices;
    const auto append = [&](const NumberFormat& format) -> absl::Status {
      OPCOST_ASSIGN_OR_RETURN(const Price mul,
                              base_.Arithmetic(ArithOp::kMul, format));
      OPCOST_ASSIGN_OR_RETURN(const Price add,
                              base_.Arithmetic(ArithOp::kAdd, format));
      const double pj = static_cast<double>(cost.mul) * mul.pj +
                        static_cast<double>(cost.add) * add.pj;
      prices.push_back(absl::StrCat(ToString(format), " = ", pj * factor));
      return absl::OkStatus();
    };
    for (const ArithmeticEntry& entry : content_.arithmetic) {
      if (entry.second.has_value() || !entry.mul.has_value() ||
          !entry.add.has_value()) {
        continue;
      }
      OPCOST_RETURN_IF_ERROR(append(entry.format));
    }
    return absl::StrJoin(prices, ", ");
  }

  absl::Status WriteFunctions() {
    out_ += "[functions]\n";
    for (int i = 0; i < kArithOpCount; ++i) {
      const auto op = static_cast<ArithOp>(i);
      if (op == ArithOp::kMul || op == ArithOp::kAdd) continue;
      const std::string name(Name(op));
      const FunctionEntry& entry = content_.functions[static_cast<size_t>(i)];
      const double factor = FactorOf(name);
      const bool is_named = changes_.factors.count(name) > 0;
      if (!entry.by_format.empty()) {
        std::vector<std::string> prices;
        for (const auto& [format, price] : entry.by_format) {
          prices.push_back(
              absl::StrCat(ToString(format), " = ", Scaled(price, factor)));
        }
        absl::StrAppend(&out_, name, " = { pj = { ",
                        absl::StrJoin(prices, ", "), " } }\n");
      } else if (entry.cost.price.has_value()) {
        absl::StrAppend(&out_, name,
                        " = { pj = ", Scaled(*entry.cost.price, factor),
                        " }\n");
      } else if (is_named || changes_.prices_functions) {
        OPCOST_ASSIGN_OR_RETURN(const std::string prices,
                                ExpandedPrices(entry.cost, factor));
        absl::StrAppend(&out_, name, " = { pj = { ", prices, " } }\n");
      } else {
        absl::StrAppend(&out_, name, " = { mul = ", entry.cost.mul,
                        ", add = ", entry.cost.add, " }\n");
      }
    }
    out_ += '\n';
    return absl::OkStatus();
  }

  void WriteStatic() {
    const StaticPower& power = changes_.static_power;
    if (power.watts == 0 && power.pj_per_operator == 0) return;
    out_ += "[static]\n";
    if (power.watts > 0) absl::StrAppend(&out_, "watts = ", power.watts, "\n");
    if (power.pj_per_operator > 0) {
      absl::StrAppend(&out_, "pj_per_operator = ", power.pj_per_operator, "\n");
    }
    std::vector<std::string> rates;
    for (const auto& [format, rate] : power.macs_per_second) {
      rates.push_back(absl::StrCat(TomlText(format), " = ", rate));
    }
    if (!rates.empty()) {
      absl::StrAppend(&out_, "macs_per_second = { ", absl::StrJoin(rates, ", "),
                      " }\n");
    }
    rates.clear();
    for (const auto& [tier, rate] : power.bytes_per_second) {
      const std::string& name = content_.tiers[static_cast<size_t>(tier)].name;
      rates.push_back(absl::StrCat(TomlText(name), " = ", rate));
    }
    if (!rates.empty()) {
      absl::StrAppend(&out_, "bytes_per_second = { ",
                      absl::StrJoin(rates, ", "), " }\n");
    }
    out_ += '\n';
  }

  void WriteFit() {
    if (changes_.fit.empty()) return;
    out_ += "[fit]\n";
    for (const auto& [key, value] : changes_.fit) {
      absl::StrAppend(&out_, key, " = ", value, "\n");
    }
  }

  const CostTable& base_;
  const TableContent& content_;
  const TableChanges& changes_;
  std::string out_;
};

std::string PriceKey(const Price& price, absl::string_view op,
                     const NumberFormat& format) {
  if (!price.is_interpolated && !absl::StrContains(price.entry, ", ")) {
    return price.entry;
  }
  return absl::StrCat(ToString(format), ".", op);
}

std::string TierKey(const Tier& tier, bool is_read) {
  return absl::StrCat(tier.name, is_read ? ".read" : ".write");
}

absl::StatusOr<std::string> WriteTable(const CostTable& base,
                                       const TableChanges& changes) {
  if (!IsTableName(changes.name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a table's name is a word of letters, digits, '-', '_' and '.', not '",
        changes.name, "'"));
  }
  return TableWriter(base, changes).Write();
}

std::string TomlText(absl::string_view text) {
  std::string escaped = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    // No title or path that a person reads has control characters.
    escaped += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return escaped + "\"";
}

std::string TomlNumber(double number) {
  std::array<char, 32> digits{};
  const std::to_chars_result end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return std::string(digits.data(), end.ptr);
}

}  // namespace opcost
